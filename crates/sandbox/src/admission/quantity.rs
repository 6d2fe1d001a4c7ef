//! Resource quantities in the form in which the API server writes them: `1000m` is `1`, `0.5` is `500m`.

use serde_json::Value;

/// What the server says of a text that is no quantity.
pub(crate) const BAD: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// Decimal suffixes by their power of ten.
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
/// Binary suffixes by their power of two.
const BINARY: [(&str, u32); 6] = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// An amount in billionths, the smallest that a quantity tells apart.
pub(crate) fn nanos(text: &str) -> Option<i128> {
    parse(text).map(|(amount, _)| amount)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Decimal,
    Exponent,
    Binary,
}

fn parse(text: &str) -> Option<(i128, Form)> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 40 {
        return None;
    }
    let (power, factor, form) = scale(suffix)?;
    // Digits beyond the ninth of a fraction round up, as the server rounds them.
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = 9 + power - i32::try_from(fraction.len()).ok()?;
    let scaled = digits.checked_mul(factor)?;
    let ten = |n: i32| 10_i128.checked_pow(u32::try_from(n).ok()?);
    let amount = if shift >= 0 {
        scaled.checked_mul(ten(shift)?)?
    } else {
        let divisor = ten(-shift)?;
        scaled / divisor + i128::from(scaled % divisor != 0)
    };
    Some((if negative { -amount } else { amount }, form))
}

/// The power of ten, the factor and the form of a suffix.
fn scale(suffix: &str) -> Option<(i32, i128, Form)> {
    if let Some((_, power)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        return Some((*power, 1, Form::Decimal));
    }
    if let Some((_, power)) = BINARY.iter().find(|(s, _)| *s == suffix) {
        return Some((0, 1_i128 << power, Form::Binary));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let power: i32 = exponent.parse().ok()?;
    ((-9..=18).contains(&power)).then_some((power, 1, Form::Exponent))
}

/// A quantity's canonical text.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let (amount, form) = parse(text.trim())?;
    const ONE: i128 = 1_000_000_000;
    if amount == 0 {
        return Some("0".to_owned());
    }
    if form == Form::Binary && amount % ONE == 0 && (amount / ONE).abs() >= 1024 {
        let whole = amount / ONE;
        let best = BINARY.iter().rev().find(|(_, power)| whole % (1_i128 << power) == 0);
        return Some(match best {
            Some((suffix, power)) => format!("{}{suffix}", whole >> power),
            None => whole.to_string(),
        });
    }
    let (mut mantissa, mut power) = (amount, -9);
    while mantissa % 1000 == 0 && power < 18 {
        mantissa /= 1000;
        power += 3;
    }
    if form == Form::Exponent {
        return Some(if power == 0 { mantissa.to_string() } else { format!("{mantissa}e{power}") });
    }
    let suffix = DECIMAL.iter().find(|(_, p)| *p == power).map_or("", |(s, _)| s);
    Some(format!("{mantissa}{suffix}"))
}

/// A quantity's canonical value, from text or a number.
pub(crate) fn canonical_value(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => canonical(text).map(Value::from),
        Value::Number(number) => canonical(&number.to_string()).map(Value::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        // Each pair was read from a 1.36.3 server.
        let table = [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1", "1"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("1000Ki", "1000Ki"),
            ("1000", "1k"),
            ("100M", "100M"),
            ("1e3", "1e3"),
            ("0", "0"),
            ("-2", "-2"),
            ("1234567", "1234567"),
        ];
        for (text, expected) in table {
            assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
        }
        for bad in ["", "x", "1x", "1.2.3", "1 Gi", "--1"] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
        assert_eq!(nanos("1500m"), Some(1_500_000_000));
    }
}
