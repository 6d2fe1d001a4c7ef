//! PEM blocks: base64 between two lines that say what it is.

use crate::encoding::{base64, decode_base64};

/// Characters of base64 on a line.
const LINE: usize = 64;

pub(super) fn encode(label: &str, bytes: &[u8]) -> String {
    let mut out = format!("-----BEGIN {label}-----\n");
    let body = base64(bytes);
    for line in body.as_bytes().chunks(LINE) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

/// The first block's label and bytes; text around it does not count.
pub(super) fn decode(text: &str) -> Option<(&str, Vec<u8>)> {
    let begin = text.find("-----BEGIN ")? + "-----BEGIN ".len();
    let (label, rest) = text[begin..].split_once("-----")?;
    let body = rest.split_once(&format!("-----END {label}-----"))?.0;
    // Headers, if any, end with an empty line.
    let body = if body.contains(": ") { body.split_once("\n\n")?.1 } else { body };
    let digits: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    Some((label, decode_base64(&digits).ok()?))
}
