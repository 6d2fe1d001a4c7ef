//! Values to JSON text.

use crate::fmt::byte_slice;
use crate::parse::lex::decode;
use crate::stack::grow;
use crate::value::{HostObject, List, Map, Value, View};

/// How the text looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// On one line, with `<`, `>` and `&` escaped: `json.Marshal`.
    Compact,
    /// On one line, without that: `SetEscapeHTML(false)`.
    Raw,
    /// Indented by two spaces, with `<`, `>` and `&` escaped: `json.MarshalIndent`.
    Pretty,
}

/// Deepest nesting that is written.
const MAX_DEPTH: usize = 1_000;

/// The value as JSON text of about `limit` bytes at most, as Go writes it: keys sorted, invalid UTF-8 replaced, floats
/// in their shortest form.
///
/// Fails with Go's message for NaN and infinities, and where a limit is exceeded.
pub fn encode(value: &Value, style: Style, limit: usize) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder { out: Vec::new(), style, limit };
    encoder.value(value, 0)?;
    Ok(encoder.out)
}

/// Why a value has no JSON text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A number that JSON does not know.
    #[error("json: unsupported value: {0}")]
    Unsupported(String),
    /// A type that JSON does not know.
    #[error("json: unsupported type: {0}")]
    UnsupportedType(&'static str),
    /// The text would be longer than allowed.
    #[error("json: text longer than {0} bytes")]
    TooLong(usize),
    /// The value is nested deeper than 1,000 levels; one that holds itself is.
    #[error("json: unsupported value: nested deeper than 1000 levels")]
    TooDeep,
}

/// What JSON sees of an object that has no JSON of its own.
fn shown(object: &dyn HostObject) -> View {
    object.json_fields().map_or_else(|| object.view(), View::Struct)
}

struct Encoder {
    out: Vec<u8>,
    style: Style,
    limit: usize,
}

impl Encoder {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), EncodeError> {
        if depth > MAX_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        if self.out.len() > self.limit {
            return Err(EncodeError::TooLong(self.limit));
        }
        match value {
            Value::Invalid | Value::Nil => self.out.extend_from_slice(b"null"),
            Value::Bool(value) => self.out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Value::Int(value) | Value::Int64(value) => {
                self.out.extend_from_slice(value.to_string().as_bytes())
            }
            Value::Uint8(value) => self.out.extend_from_slice(value.to_string().as_bytes()),
            Value::Uint64(value) => self.out.extend_from_slice(value.to_string().as_bytes()),
            Value::Float(value) => self.out.extend_from_slice(float(*value)?.as_bytes()),
            Value::Complex(..) => return Err(EncodeError::UnsupportedType("complex128")),
            Value::Str(text) => self.string(text),
            Value::List(list) => return grow(|| self.list(list, depth)),
            Value::Map(map) => return grow(|| self.map(map, depth)),
            Value::Object(object) => match (object.json(), shown(object.as_ref())) {
                (Some(value), _) | (None, View::Scalar(value)) => return self.value(&value, depth + 1),
                (None, View::Map(map)) => return self.map(&map, depth),
                (None, View::List(list)) => return self.list(&list, depth),
                (None, View::Struct(fields)) => {
                    let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value));
                    return self.object(fields, depth);
                }
                (None, View::Opaque) => self.out.extend_from_slice(b"{}"),
            },
        }
        Ok(())
    }

    fn list(&mut self, list: &List, depth: usize) -> Result<(), EncodeError> {
        if list.is_nil() {
            self.out.extend_from_slice(b"null");
            return Ok(());
        }
        if let Some(bytes) = byte_slice(list) {
            self.string(crate::encoding::base64(&bytes).as_bytes());
            return Ok(());
        }
        self.out.push(b'[');
        for (index, item) in list.items().iter().enumerate() {
            self.separator(index, depth + 1);
            self.value(item, depth + 1)?;
        }
        self.close(b']', list.is_empty(), depth);
        Ok(())
    }

    fn map(&mut self, map: &Map, depth: usize) -> Result<(), EncodeError> {
        let entries = map.entries();
        self.object(entries.iter().map(|(key, value)| (key.as_bytes(), value)), depth)
    }

    fn object<'v>(
        &mut self,
        entries: impl Iterator<Item = (&'v [u8], &'v Value)>,
        depth: usize,
    ) -> Result<(), EncodeError> {
        self.out.push(b'{');
        let mut empty = true;
        for (index, (key, value)) in entries.enumerate() {
            empty = false;
            self.separator(index, depth + 1);
            self.string(key);
            self.out.extend_from_slice(if self.style == Style::Pretty { b": " } else { b":" });
            self.value(value, depth + 1)?;
        }
        self.close(b'}', empty, depth);
        Ok(())
    }

    fn separator(&mut self, index: usize, depth: usize) {
        if index > 0 {
            self.out.push(b',');
        }
        self.line_break(depth);
    }

    fn close(&mut self, bracket: u8, empty: bool, depth: usize) {
        if !empty {
            self.line_break(depth);
        }
        self.out.push(bracket);
    }

    fn line_break(&mut self, depth: usize) {
        if self.style == Style::Pretty {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + 2 * depth, b' ');
        }
    }

    fn string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        let mut copied = 0;
        let mut at = 0;
        while at < text.len() {
            let byte = text[at];
            let (len, escape) = if byte.is_ascii() {
                (1, self.ascii_escape(byte))
            } else {
                match decode(&text[at..]) {
                    Some((char::REPLACEMENT_CHARACTER, 1)) => (1, Some("\\ufffd".to_owned())),
                    Some((char @ ('\u{2028}' | '\u{2029}'), len)) => {
                        (len, Some(format!("\\u{:04x}", char as u32)))
                    }
                    Some((_, len)) => (len, None),
                    None => break,
                }
            };
            if let Some(escape) = escape {
                self.out.extend_from_slice(&text[copied..at]);
                self.out.extend_from_slice(escape.as_bytes());
                copied = at + len;
            }
            at += len;
        }
        self.out.extend_from_slice(&text[copied..]);
        self.out.push(b'"');
    }

    fn ascii_escape(&self, byte: u8) -> Option<String> {
        let short = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            8 => "\\b",
            12 => "\\f",
            b'<' | b'>' | b'&' if self.style != Style::Raw => return Some(format!("\\u{byte:04x}")),
            0..0x20 => return Some(format!("\\u{byte:04x}")),
            _ => return None,
        };
        Some(short.to_owned())
    }
}

/// Plain digits unless the exponent is below -6 or above 20; an exponent without leading zero.
fn float(value: f64) -> Result<String, EncodeError> {
    if !value.is_finite() {
        return Err(EncodeError::Unsupported(crate::fmt::float(value)));
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = crate::fmt::format_float(value, b'e', None);
        return Ok(text.replace("e-0", "e-"));
    }
    Ok(crate::fmt::format_float(value, b'f', None))
}
