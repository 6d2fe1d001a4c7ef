//! Go's `fmt` for template values: `%v` and the other verbs, flags, widths, errors in the text.

mod flags;
mod float;
mod printer;
mod quote;

use crate::value::{Elem, List, Value};

pub(crate) use float::format as format_float;
pub(crate) use printer::{Failure, Printer};
pub(crate) use quote::is_print;

/// The text as a Go string literal (`%q`).
pub(crate) fn quote(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote::append_quoted(&mut out, text, false);
    out
}

/// A float as `%v` prints it.
pub(crate) fn float(value: f64) -> String {
    format_float(value, b'g', None)
}

/// The bytes of a `[]byte`.
pub(crate) fn byte_slice(list: &List) -> Option<Vec<u8>> {
    let byte = |item: &Value| if let Value::Uint8(byte) = item { *byte } else { 0 };
    (list.elem() == Elem::Byte).then(|| list.items().iter().map(byte).collect())
}

/// Standard base64 with padding, as JSON shows a `[]byte`.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = [chunk[0], chunk.get(1).copied().unwrap_or(0), chunk.get(2).copied().unwrap_or(0)];
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for digit in 0..4 {
            if digit <= chunk.len() {
                out.push(char::from(ALPHABET[(bits >> (18 - 6 * digit) & 63) as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}
