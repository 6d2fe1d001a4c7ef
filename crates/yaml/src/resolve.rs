//! What a plain scalar means: the resolution rules of go-yaml v2 and v3.

use crate::Dialect;
use crate::number::{self, Integer};
use crate::timestamp;

/// The meaning of a scalar.
#[derive(Clone, PartialEq, Debug)]
pub enum Resolved {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of at most 64 bits.
    Integer(Integer),
    /// Any other number.
    Float(f64),
    /// A date or time; the text is its RFC 3339 form.
    Timestamp(String),
    /// `<<`, as text a string.
    Merge,
    /// Anything else: a string.
    Text,
}

impl Resolved {
    /// The short tag, as upstream's messages have it.
    pub(crate) fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Integer(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp(_) => "!!timestamp",
            Self::Merge => "!!merge",
            Self::Text => "!!str",
        }
    }
}

/// Whether a scalar may be a date: not where it is tagged as something else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    /// It may.
    Allowed,
    /// It may not.
    Ignored,
}

/// Resolves a plain scalar.
pub fn resolve(text: &str, dialect: Dialect, dates: Dates) -> Resolved {
    let Some(&first) = text.as_bytes().first() else { return Resolved::Null };
    match first {
        b'+' | b'-' | b'0'..=b'9' => {
            if let Some(special) = special_float(text) {
                return Resolved::Float(special);
            }
            resolve_number(text, dialect, dates)
        }
        b'.' => match special_float(text).or_else(|| dotted_float(text)) {
            Some(value) => Resolved::Float(value),
            None => Resolved::Text,
        },
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            resolve_word(text, dialect)
        }
        b'<' if text == "<<" => Resolved::Merge,
        _ => Resolved::Text,
    }
}

fn resolve_word(text: &str, dialect: Dialect) -> Resolved {
    match text {
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        _ if dialect == Dialect::V3 => Resolved::Text,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Resolved::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Resolved::Bool(false),
        _ => Resolved::Text,
    }
}

fn special_float(text: &str) -> Option<f64> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// A float that starts with a dot. Go's own rule for `_` holds here: only between two digits.
fn dotted_float(text: &str) -> Option<f64> {
    if !text.contains('_') {
        return number::parse_float(text);
    }
    let bytes = text.as_bytes();
    let digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_digit);
    let between_digits = bytes
        .iter()
        .enumerate()
        .filter(|&(_, &b)| b == b'_')
        .all(|(at, _)| digit(bytes.get(at.wrapping_sub(1))) && digit(bytes.get(at + 1)));
    if between_digits { number::parse_float(&text.replace('_', "")) } else { None }
}

fn resolve_number(text: &str, dialect: Dialect, dates: Dates) -> Resolved {
    if dates == Dates::Allowed
        && let Some(time) = timestamp::parse(text)
    {
        return Resolved::Timestamp(time);
    }
    let stripped;
    let plain = if text.contains('_') {
        stripped = text.replace('_', "");
        stripped.as_str()
    } else {
        text
    };
    if let Some(value) = number::parse_integer(plain) {
        return Resolved::Integer(value);
    }
    if let Some(value) = number::parse_float(plain) {
        return Resolved::Float(value);
    }
    // A second attempt by prefix, which lets a sign follow the prefix: `0b-1` is -1.
    let prefixed = |prefix: &str, base| {
        let negative = format!("-{prefix}");
        if let Some(digits) = plain.strip_prefix(prefix) {
            number::parse_integer_in(base, digits)
        } else {
            let digits = plain.strip_prefix(&negative)?;
            number::parse_integer_in(base, &format!("-{digits}"))
        }
    };
    let value = prefixed("0b", 2).or_else(|| match dialect {
        Dialect::V2 => None,
        Dialect::V3 => prefixed("0o", 8),
    });
    value.map_or(Resolved::Text, Resolved::Integer)
}

/// Whether go-yaml v2 quotes a string so that it is not read as something else.
pub(crate) fn needs_quotes_v2(text: &str) -> bool {
    // `<<` is written plain: upstream's resolver does not look up words that start with `<`.
    !matches!(resolve(text, Dialect::V2, Dates::Allowed), Resolved::Text | Resolved::Merge)
        || is_base_60(text)
}

/// Numbers like `1:30`, which YAML 1.1 reads in base 60: never read so here, yet quoted for other readers.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let Some((head, rest)) = unsigned.split_once(':') else { return false };
    let rest = rest.split_once('.').map_or(rest, |(groups, fraction)| {
        // A fraction of digits and `_` is part of the number; any other is not, and fails below.
        if fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') { groups } else { rest }
    });
    head.starts_with(|c: char| c.is_ascii_digit())
        && head.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && rest.split(':').all(|group| matches!(group.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Resolved) {
        assert_eq!(resolve(text, Dialect::V2, Dates::Allowed), expected, "{text}");
    }

    #[test]
    fn plain_scalars_have_the_meaning_of_go_yaml_v2() {
        check("0b-1", Resolved::Integer(Integer::Signed(-1)));
        check("0o-7", Resolved::Text);
        check("-0o17", Resolved::Integer(Integer::Signed(-15)));
        check("+18446744073709551615", Resolved::Float(18_446_744_073_709_551_615.0));
        check("1e5_0", Resolved::Float(1e50));
        check(".5_0", Resolved::Float(0.5));
        check("._5", Resolved::Text);
        check("0x1p-2", Resolved::Text);
        check("2001-02-30", Resolved::Text);
    }

    #[test]
    fn base_60_is_quoted() {
        for text in ["1:30", "-1:0", "1_0:59:59", "190:20:30.5", "1:5."] {
            assert!(is_base_60(text), "{text}");
        }
        for text in ["1:60", ":30", "1:", "a:1", "1:30:x", "1.5:30", "1:30.5.5"] {
            assert!(!is_base_60(text), "{text}");
        }
    }
}
