//! What the operators do to a value. As in the original, lengths and positions count bytes.

use super::expand::{ExpandError, Expansion};
use super::glob::Glob;

/// Applies an operator.
pub(super) fn apply(
    operator: &str,
    value: &str,
    arguments: &[String],
    expansion: &Expansion<'_>,
) -> Result<Vec<u8>, ExpandError> {
    let text = |text: String| Ok(text.into_bytes());
    let first = arguments.first().map(String::as_str);
    match (operator, first) {
        ("#", None) => text(value.len().to_string()),
        ("^", _) => text(first_character(value, upper)),
        ("^^", _) => text(value.chars().map(upper).collect()),
        (",", _) => text(first_character(value, lower)),
        (",,", _) => text(value.chars().map(lower).collect()),
        (":", Some(position)) => Ok(substring(value.as_bytes(), position, arguments.get(1)).to_vec()),
        ("/" | "//" | "/#" | "/%", Some(old)) => {
            replace(operator, value, old, arguments.get(1).map(String::as_str), expansion).and_then(text)
        }
        ("#" | "##" | "%" | "%%", Some(pattern)) => trim(operator, value, pattern, expansion).and_then(text),
        _ if value.is_empty() => text(arguments.concat()),
        _ => text(value.to_owned()),
    }
}

/// Go changes one character into one, and leaves those that have no single counterpart.
fn upper(c: char) -> char {
    let mut changed = c.to_uppercase();
    if changed.len() == 1 { changed.next().unwrap_or(c) } else { c }
}

fn lower(c: char) -> char {
    let mut changed = c.to_lowercase();
    if changed.len() == 1 { changed.next().unwrap_or(c) } else { c }
}

fn first_character(value: &str, change: fn(char) -> char) -> String {
    let mut rest = value.chars();
    rest.next().map(change).into_iter().chain(rest).collect()
}

/// From a position, which counts from the end when it is negative; a negative length leaves out so many at the end.
/// What is no number changes nothing.
fn substring<'v>(value: &'v [u8], position: &str, length: Option<&String>) -> &'v [u8] {
    let Ok(position) = position.parse::<i64>() else { return value };
    let size = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let start = if position < 0 { (size + position).max(0) } else { position };
    let end = match length.map(|length| length.parse::<i64>()) {
        None => size,
        Some(Err(_)) => return value,
        Some(Ok(length)) if length < 0 => size.saturating_add(length),
        Some(Ok(length)) => start.saturating_add(length).min(size),
    };
    let index = |at: i64| usize::try_from(at).unwrap_or_default();
    if start >= end || start >= size { &[] } else { &value[index(start)..index(end)] }
}

fn replace(
    operator: &str,
    value: &str,
    old: &str,
    new: Option<&str>,
    expansion: &Expansion<'_>,
) -> Result<String, ExpandError> {
    let with = new.unwrap_or_default();
    Ok(match operator {
        "/" => value.replacen(old, with, 1),
        "//" => {
            // Small texts can make large ones: counted before anything is written.
            expansion.write(value.matches(old).count().saturating_mul(with.len()))?;
            value.replace(old, with)
        }
        // The original cuts nothing off here without a replacement.
        "/#" => match (value.strip_prefix(old), new) {
            (Some(rest), Some(new)) => format!("{new}{rest}"),
            _ => value.to_owned(),
        },
        _ => match (value.strip_suffix(old), new) {
            (Some(rest), Some(new)) => format!("{rest}{new}"),
            _ => value.to_owned(),
        },
    })
}

fn trim(
    operator: &str,
    value: &str,
    pattern: &str,
    expansion: &Expansion<'_>,
) -> Result<String, ExpandError> {
    let reversed = |text: &str| text.chars().rev().collect::<String>();
    // Suffixes are prefixes of the reversed text; the original reverses the pattern's text too, classes and all.
    let at_end = operator.starts_with('%');
    let (value, pattern) =
        if at_end { (reversed(value), reversed(pattern)) } else { (value.to_owned(), pattern.to_owned()) };
    let trimmed = match Glob::parse(&pattern) {
        None => value,
        Some(glob) => {
            expansion.step(glob.cost(&value))?;
            let cut = if operator.len() == 1 { glob.shortest(&value) } else { glob.longest(&value) };
            cut.map_or_else(|| value.clone(), |cut| value[cut..].to_owned())
        }
    };
    Ok(if at_end { reversed(&trimmed) } else { trimmed })
}
