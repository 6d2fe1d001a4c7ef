//! Go's `fmt` for template values: `%v` and the other verbs, flags, widths, errors in the text.

mod flags;
mod float;
mod printer;
mod quote;

use crate::value::{Elem, List, Value};

pub(crate) use float::format as format_float;
pub(crate) use printer::{Failure, Printer};
pub(crate) use quote::is_print;

/// The text as a Go string literal, as `%q` prints it and error messages show names.
pub fn quote(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote::append_quoted(&mut out, text, false);
    out
}

/// The text in backquotes where it can stand in them, otherwise as a Go string literal (`%#q`).
pub(crate) fn backquote(text: &[u8]) -> String {
    if quote::can_backquote(text) { format!("`{}`", String::from_utf8_lossy(text)) } else { quote(text) }
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
