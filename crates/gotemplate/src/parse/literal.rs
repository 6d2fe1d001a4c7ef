//! Literals: quoted strings, characters and numbers, with Go's syntax.

use std::borrow::Cow;

use super::ast::Number;

/// The value of a Go string literal with its quotes, or `None` where its syntax is wrong.
pub(crate) fn unquote(literal: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (first, rest) = literal.split_first()?;
    let (last, body) = rest.split_last()?;
    if first != last {
        return None;
    }
    match first {
        b'`' if memchr::memchr(b'\r', body).is_none() => Some(Cow::Borrowed(body)),
        b'`' => Some(body.iter().copied().filter(|byte| *byte != b'\r').collect()),
        b'"' if memchr::memchr3(b'\\', b'"', b'\n', body).is_none() => Some(Cow::Borrowed(body)),
        b'"' => {
            let mut out = Vec::with_capacity(body.len());
            let mut rest = body;
            while !rest.is_empty() {
                rest = unquote_char(rest, b'"', &mut out)?;
            }
            Some(Cow::Owned(out))
        }
        _ => None,
    }
}

/// The character of a literal such as `'a'`.
fn unquote_rune(literal: &[u8]) -> Result<char, &'static str> {
    const INVALID: &str = "invalid syntax";
    const MALFORMED: &str = "malformed character constant";
    let body = literal.strip_prefix(b"'").ok_or(INVALID)?;
    let mut out = Vec::new();
    let rest = unquote_char(body, b'\'', &mut out).ok_or(INVALID)?;
    if rest != b"'" {
        return Err(MALFORMED);
    }
    // An escaped byte stands for the character of that number.
    match out.as_slice() {
        [byte] if body.starts_with(b"\\") => Ok(char::from(*byte)),
        bytes => super::lex::decode(bytes).map(|(char, _)| char).ok_or(INVALID),
    }
}

/// Appends the first, possibly escaped character of `text` to `out` and returns what follows it.
fn unquote_char<'a>(text: &'a [u8], quote: u8, out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (first, rest) = text.split_first()?;
    if *first == quote || *first == b'\n' {
        return None;
    }
    if *first != b'\\' {
        out.push(*first);
        let mut rest = rest;
        while *first >= 0xC0 && rest.first().is_some_and(|byte| byte & 0xC0 == 0x80) {
            out.push(rest[0]);
            rest = &rest[1..];
        }
        return Some(rest);
    }
    let (escape, rest) = rest.split_first()?;
    let simple = match escape {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        b'\\' => b'\\',
        b'\'' | b'"' if *escape == quote => quote,
        b'x' => return digits(rest, 2, 16).map(|(code, rest)| push_byte(code, rest, out))?,
        b'0'..=b'7' => return digits(&text[1..], 3, 8).map(|(code, rest)| push_byte(code, rest, out))?,
        b'u' => return digits(rest, 4, 16).map(|(code, rest)| push_char(code, rest, out))?,
        b'U' => return digits(rest, 8, 16).map(|(code, rest)| push_char(code, rest, out))?,
        _ => return None,
    };
    out.push(simple);
    Some(rest)
}

fn digits(text: &[u8], count: usize, radix: u32) -> Option<(u32, &[u8])> {
    let (head, rest) = text.split_at_checked(count)?;
    let head =
        std::str::from_utf8(head).ok().filter(|head| head.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((u32::from_str_radix(head, radix).ok()?, rest))
}

fn push_byte<'a>(code: u32, rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    out.push(u8::try_from(code).ok()?);
    Some(rest)
}

fn push_char<'a>(code: u32, rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    let char = char::from_u32(code)?;
    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    Some(rest)
}

/// A character literal as a number.
pub(super) fn rune(text: &str) -> Result<Number, String> {
    let char = unquote_rune(text.as_bytes()).map_err(|problem| match problem {
        "invalid syntax" => problem.to_owned(),
        problem => format!("{problem}: {text}"),
    })?;
    let code = char as u32;
    Ok(Number {
        text: text.into(),
        int: Some(i64::from(code)),
        uint: Some(u64::from(code)),
        float: Some(f64::from(code)),
        complex: None,
    })
}

/// A number, with every Go type it fits.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp
)]
pub(super) fn number(text: &str) -> Result<Number, String> {
    if let Some(imaginary) = text.strip_suffix('i').and_then(parse_float) {
        return Ok(complex_number(text, 0.0, imaginary));
    }
    let mut number = Number { text: text.into(), ..Number::default() };
    let negative = text.starts_with('-');
    let magnitude = parse_uint(text.strip_prefix(['+', '-']).unwrap_or(text), 0);
    if let Some(value) = magnitude {
        if !text.starts_with(['+', '-']) {
            number.uint = Some(value);
        }
        number.int = if negative { 0_i64.checked_sub_unsigned(value) } else { i64::try_from(value).ok() };
        if number.int == Some(0) {
            number.uint = Some(0);
        }
    }
    number.float = match (number.int, number.uint) {
        (Some(int), _) => Some(int as f64),
        (None, Some(uint)) => Some(uint as f64),
        (None, None) => parse_float(text),
    };
    if number.int.is_none() && number.uint.is_none() {
        let Some(float) = number.float else {
            return Err(format!("illegal number syntax: {}", crate::fmt::quote(text.as_bytes())));
        };
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", crate::fmt::quote(text.as_bytes())));
        }
        (number.int, number.uint) = whole(float);
    }
    Ok(number)
}

/// A literal such as `1+2i`.
pub(super) fn complex(text: &str) -> Result<Number, String> {
    const SYNTAX: &str = "syntax error scanning complex number";
    let body = text.strip_suffix('i').ok_or(SYNTAX)?;
    let exponent = if body.contains(['x', 'X']) { ['p', 'P'] } else { ['e', 'E'] };
    // The sign between the parts is the one that is no exponent's.
    let is_sign = |(at, c): &(usize, char)| matches!(c, '+' | '-') && !body[..*at].ends_with(exponent);
    let sign = body.char_indices().skip(1).find(is_sign).ok_or(SYNTAX)?;
    let (real, imaginary) = body.split_at(sign.0);
    if real.ends_with('i') {
        return Err(SYNTAX.to_owned());
    }
    let part = |text: &str| {
        let why = if text.parse::<f64>().is_ok() { "value out of range" } else { "invalid syntax" };
        let quoted = || crate::fmt::quote(text.as_bytes());
        parse_float(text).ok_or_else(|| format!("strconv.ParseFloat: parsing {}: {why}", quoted()))
    };
    Ok(complex_number(text, part(real)?, part(imaginary)?))
}

/// One without an imaginary part fits other types too.
fn complex_number(text: &str, real: f64, imaginary: f64) -> Number {
    let complex = Some((real, imaginary));
    let mut number = Number { text: text.into(), complex, ..Number::default() };
    if imaginary == 0.0 {
        number.float = Some(real);
        (number.int, number.uint) = whole(real);
    }
    number
}

/// The integers that a float equals.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp
)]
fn whole(float: f64) -> (Option<i64>, Option<u64>) {
    let int = Some(float as i64).filter(|int| *int as f64 == float);
    (int, Some(float as u64).filter(|uint| *uint as f64 == float))
}

/// Go's `strconv.ParseUint`: with base 0 the prefix tells the base and underscores may separate digits.
pub(crate) fn parse_uint(text: &str, base: u32) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = if base != 0 {
        (base, lower.as_str())
    } else if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if base == 0 && !underscores_ok(&lower) {
        return None;
    }
    let digits = if base == 0 { digits.replace('_', "") } else { digits.into() };
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(&digits, radix).ok()
}

/// Go's `strconv.ParseFloat`, hexadecimal floats and underscores included; `None` for bad syntax or overflow.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    if lower.contains('_') && !underscores_ok(&lower) {
        return None;
    }
    let lower = lower.replace('_', "");
    let value = if let Some(hex) = lower.strip_prefix("0x") {
        parse_hex_float(hex)?
    } else if matches!(lower.as_str(), "inf" | "infinity" | "nan") {
        lower.parse().ok()?
    } else {
        lower.parse().ok().filter(|value: &f64| value.is_finite())?
    };
    Some(if text.starts_with('-') { -value } else { value })
}
fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let exponent: i32 = exponent.parse().ok()?;
    let scale = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    let value = value * 2.0_f64.powi(scale);
    value.is_finite().then_some(value)
}

/// Underscores must stand between digits, or between a base prefix and a digit.
fn underscores_ok(lower: &str) -> bool {
    let prefixed = lower.len() > 1 && lower.starts_with('0') && lower[1..].starts_with(['x', 'b', 'o']);
    let (mut after_digit, body) = if prefixed { (true, &lower[2..]) } else { (false, lower) };
    let mut pending = false;
    for char in body.chars() {
        if char == '_' {
            if !after_digit {
                return false;
            }
            (after_digit, pending) = (false, true);
        } else {
            let digit = char.is_ascii_digit() || (prefixed && char.is_ascii_hexdigit());
            if pending && !digit {
                return false;
            }
            (after_digit, pending) = (digit, false);
        }
    }
    !pending
}
