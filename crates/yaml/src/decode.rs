//! From bytes to characters that YAML may hold.

use crate::error::{Error, ErrorKind};
use crate::event::Mark;
use std::borrow::Cow;

/// The text of a file without its byte order mark: UTF-8, or UTF-16 where the mark says so.
///
/// # Errors
/// When the bytes are no such text, or hold a control character other than tabs and line breaks.
pub fn decode(bytes: &[u8], max_bytes: usize) -> Result<Cow<'_, str>, Error> {
    if bytes.len() > max_bytes {
        let kind = ErrorKind::Limit { name: "max_bytes", limit: max_bytes };
        return Err(Error::new(kind, 1, 1));
    }
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Cow::Owned(decode_utf16(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(decode_utf16(rest, u16::from_be_bytes)?),
        _ => {
            let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
            Cow::Borrowed(std::str::from_utf8(text).map_err(|error| {
                let valid = std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default();
                position(valid, valid.len()).error(ErrorKind::Encoding)
            })?)
        }
    };
    match find_control(&text) {
        None => Ok(text),
        Some(at) => {
            let code = text[at..].chars().next().map_or(0, u32::from);
            let message = format!(
                "the control character U+{code:04X} cannot stand in YAML; write it as an escape in double quotes"
            );
            Err(position(&text, at).error(ErrorKind::Syntax(message)))
        }
    }
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Error> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(bytes.len());
    for character in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Err(position(&text, text.len()).error(ErrorKind::Encoding)),
        }
    }
    if odd.is_empty() { Ok(text) } else { Err(position(&text, text.len()).error(ErrorKind::Encoding)) }
}

/// Where the first character stands that neither library lets into a text.
fn find_control(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    // Pieces without a suspicious byte, which are nearly all, are passed over without a branch per byte.
    let suspicious = |byte: u8| {
        (byte < b' ') & (byte != b'\t') & (byte != b'\n') & (byte != b'\r')
            | (byte == 0x7f)
            | (byte == 0xc2)
            | (byte == 0xef)
    };
    let mut start = 0;
    for piece in bytes.chunks(64) {
        if piece.iter().fold(false, |found, &byte| found | suspicious(byte)) {
            let end = start + piece.len();
            if let Some(at) = (start..end).find(|&at| suspicious(bytes[at]) && is_control(&bytes[at..])) {
                return Some(at);
            }
        }
        start += piece.len();
    }
    None
}

/// Whether a suspicious byte starts a control character or a non-character.
fn is_control(bytes: &[u8]) -> bool {
    match bytes {
        [0xc2, next, ..] => *next < 0xa0 && *next != 0x85,
        [0xef, 0xbf, last, ..] => *last >= 0xbe,
        [0xef, ..] => false,
        _ => true,
    }
}

/// The place of a byte of the text.
pub(crate) fn position(text: &str, offset: usize) -> Mark {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Mark {
        offset,
        line: narrow(before.matches('\n').count()).saturating_add(1),
        column: narrow(before[line_start..].chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    fn check(bytes: &[u8], expected: Result<&str, &str>) {
        let found = decode(bytes, 1000).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn byte_order_marks_tell_the_encoding() {
        check(b"\xEF\xBB\xBFa: 1", Ok("a: 1"));
        check(b"\xFF\xFEa\0:\0\x3D\xD8\0\xDE", Ok("a:\u{1f600}"));
        check(b"\xFE\xFF\0a", Ok("a"));
        check(b"\xFE\xFF\0a\0", Err("line 1, column 2: the text is not valid UTF-8 or UTF-16"));
    }

    #[test]
    fn other_bytes_are_errors_with_a_place() {
        check(b"a\n\xc3\xa9\xff", Err("line 2, column 2: the text is not valid UTF-8 or UTF-16"));
        let control = "cannot stand in YAML; write it as an escape in double quotes";
        check(b"a\n\x07", Err(&format!("line 2, column 1: the control character U+0007 {control}")));
        check("\u{9f}".as_bytes(), Err(&format!("line 1, column 1: the control character U+009F {control}")));
        check("\u{85}\u{a0}\u{feff}\u{fffd}".as_bytes(), Ok("\u{85}\u{a0}\u{feff}\u{fffd}"));
    }
}
