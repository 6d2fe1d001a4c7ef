//! Go's `strconv.Quote` and its variations.

use std::fmt::Write;

use crate::parse::lex::decode;

/// Whether Go's `strconv.IsPrint` holds: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub(crate) fn is_print(char: char) -> bool {
    if char.is_ascii() {
        return (' '..='~').contains(&char);
    }
    // The standard library escapes exactly what is not printable; a combining mark only at the start.
    let mut text = String::from("a");
    text.push(char);
    text.escape_debug().count() == 2
}

/// Appends `text` as a Go string literal; with `ascii`, everything else is escaped.
pub(crate) fn append_quoted(out: &mut String, text: &[u8], ascii: bool) {
    out.push('"');
    let mut rest = text;
    while let Some((char, len)) = decode(rest) {
        if char == char::REPLACEMENT_CHARACTER && len == 1 {
            let _ = write!(out, "\\x{:02x}", rest[0]);
        } else {
            append_char(out, char, '"', ascii);
        }
        rest = &rest[len..];
    }
    out.push('"');
}

/// Appends `char` as a Go character literal.
pub(crate) fn append_quoted_char(out: &mut String, char: char, ascii: bool) {
    out.push('\'');
    append_char(out, char, '\'', ascii);
    out.push('\'');
}

fn append_char(out: &mut String, char: char, quote: char, ascii: bool) {
    match char {
        '\\' => out.push_str("\\\\"),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        char if char == quote => {
            out.push('\\');
            out.push(char);
        }
        char if is_print(char) && (char.is_ascii() || !ascii) => out.push(char),
        char => {
            let code = char as u32;
            let _ = match code {
                0..0x20 | 0x7f => write!(out, "\\x{code:02x}"),
                0..0x10000 => write!(out, "\\u{code:04x}"),
                _ => write!(out, "\\U{code:08x}"),
            };
        }
    }
}

/// Whether the text can stand in backquotes: one line of UTF-8 without control characters or backquotes.
pub(crate) fn can_backquote(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| {
        text.chars()
            .all(|char| char != '`' && char != '\u{feff}' && char != '\x7f' && (char >= ' ' || char == '\t'))
    })
}
