//! Numbers as Go's `strconv` and `encoding/json` read and print them.

use serde_json::{Number, Value};

/// An integer of at most 64 bits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Integer {
    /// Within `i64`.
    Signed(i64),
    /// Beyond `i64`.
    Unsigned(u64),
}

/// Go's `ParseInt(text, 0, 64)`, then `ParseUint`: the base is told by the prefix, `017` is octal. No underscores.
pub(crate) fn parse_integer(text: &str) -> Option<Integer> {
    let (negative, signed, digits) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0'] => return Some(Integer::Signed(0)),
        [b'0', ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    let magnitude = magnitude(digits, base)?;
    // A sign rules out the unsigned range: Go's `ParseUint` takes none.
    match signed_integer(negative, magnitude) {
        Some(value) => Some(Integer::Signed(value)),
        None if !signed => Some(Integer::Unsigned(magnitude)),
        None => None,
    }
}

/// Go's `ParseInt(text, base, 64)`, then `ParseUint`, for digits without a prefix but perhaps with a sign.
pub(crate) fn parse_integer_in(base: u32, text: &str) -> Option<Integer> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    signed_integer(negative, magnitude(digits, base)?).map(Integer::Signed)
}

fn signed_integer(negative: bool, magnitude: u64) -> Option<i64> {
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

fn magnitude(digits: &str, base: u32) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
    if all_digits { u64::from_str_radix(digits, base).ok() } else { None }
}

/// A decimal float as YAML writes it (`1.`, `.5`, `1e+6`), or `None` for other texts and beyond the range of `f64`.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
    }
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// A float as it comes out of a conversion to JSON text and back: whole ones of up to 64 bits become integers
/// (`1.0` prints as `1`). `None` for infinities and NaN, which JSON cannot say.
pub fn json_float(value: f64) -> Option<Value> {
    if !value.is_finite() {
        return None;
    }
    let minus_zero = value == 0.0 && value.is_sign_negative();
    let whole = if minus_zero { None } else { whole(value) };
    Some(Value::Number(match whole {
        Some(Integer::Signed(value)) => value.into(),
        Some(Integer::Unsigned(value)) => value.into(),
        None => Number::from_f64(value)?,
    }))
}

/// A float as `sigs.k8s.io/yaml` prints it: through JSON, so that whole ones of up to 64 bits are integers.
pub(crate) fn yaml_float(value: f64) -> String {
    match whole(value) {
        Some(Integer::Signed(value)) => value.to_string(),
        Some(Integer::Unsigned(value)) => value.to_string(),
        None => shortest(value),
    }
}

/// A float as Go's `encoding/json` prints it: an exponent below 1e-6 and from 1e21 on.
pub(crate) fn json_text(value: f64) -> String {
    if value == 0.0 || (1e-6..1e21).contains(&value.abs()) {
        return format!("{value}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => format!("{mantissa}e+{exponent}"),
        _ => text,
    }
}

/// The integer that Go's JSON text of a float spells, if it spells one: the shortest digits that tell the float from
/// its neighbours, padded with zeros.
fn whole(value: f64) -> Option<Integer> {
    if value.fract() != 0.0 || value.abs() >= 1e21 {
        return None;
    }
    let text = format!("{value}");
    text.parse().map(Integer::Signed).or_else(|_| text.parse().map(Integer::Unsigned)).ok()
}

/// Go's `FormatFloat(value, 'g', -1, 64)`: the shortest digits, with an exponent below 1e-4 and from 1e6 on.
pub(crate) fn shortest(value: f64) -> String {
    shortest_digits(format!("{value:e}"))
}

/// As [`shortest`], with the precision of 32 bits: how float keys become strings.
pub(crate) fn shortest_f32(value: f64) -> String {
    #[allow(clippy::cast_possible_truncation)] // The loss of precision is upstream's.
    shortest_digits(format!("{:e}", value as f32))
}

fn shortest_digits(scientific: String) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let Ok(exponent) = exponent.parse::<i32>() else { return scientific };
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let places = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if !(-4..6).contains(&exponent) {
        let mark = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{mantissa}e{mark}{:02}", exponent.unsigned_abs());
    }
    let point = exponent + 1;
    if point <= 0 {
        format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else if point >= places {
        format!("{sign}{digits}{}", "0".repeat((point - places).unsigned_abs() as usize))
    } else {
        let (whole, fraction) = digits.split_at(point.unsigned_abs() as usize);
        format!("{sign}{whole}.{fraction}")
    }
}
