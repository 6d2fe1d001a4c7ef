//! YAML documents into typed fields with the rules of Go's JSON decoder and of the YAML step before it: field names
//! match without regard to case, numbers and booleans become texts where a text is wanted, null leaves a field alone.

use serde_json::Value;
use std::collections::BTreeMap;

/// A field of the wrong type, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A value cannot go where it stands.
    #[error("json: cannot unmarshal {found} into Go {place} of type {wanted}")]
    Type {
        /// The JSON type that was found.
        found: &'static str,
        /// `value`, or `struct field X.y`.
        place: String,
        /// The Go type that was wanted.
        wanted: String,
    },
    /// A list of structures has a null in it.
    #[error("validation: {0} must not contain empty or null nodes")]
    NullNode(String),
}

/// A place in a document.
pub(crate) struct Decoder<'a> {
    structure: &'a str,
    go_type: &'a str,
    path: String,
}

impl<'a> Decoder<'a> {
    /// The document itself: `structure` names the fields' owner in errors, `go_type` the whole.
    pub(crate) fn root(structure: &'a str, go_type: &'a str) -> Self {
        Self { structure, go_type, path: String::new() }
    }

    fn wrong(&self, value: &Value, wanted: &str) -> DecodeError {
        let place = if self.path.is_empty() {
            "value".to_owned()
        } else {
            format!("struct field {}.{}", self.structure, self.path)
        };
        DecodeError::Type { found: json_type(value), place, wanted: wanted.to_owned() }
    }

    fn below(&self, field: &str) -> Decoder<'a> {
        let path = if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) };
        Decoder { structure: self.structure, go_type: self.go_type, path }
    }

    /// Hands every field that `names` lists to `each`, in the order of the keys; null documents have none.
    pub(crate) fn fields(
        &self,
        value: &Value,
        names: &[&'static str],
        mut each: impl FnMut(&Decoder<'_>, &str, &Value) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let map = match value {
            Value::Object(map) => map,
            Value::Null => return Ok(()),
            other => return Err(self.wrong(other, self.go_type)),
        };
        let mut keys: Vec<&String> = map.keys().collect();
        keys.sort();
        for key in keys {
            let exact = names.iter().find(|n| *n == key);
            if let Some(name) = exact.or_else(|| names.iter().find(|n| n.eq_ignore_ascii_case(key))) {
                each(&self.below(name), name, &map[key])?;
            }
        }
        Ok(())
    }

    /// A text; numbers and booleans are written out.
    pub(crate) fn text(&self, value: &Value, into: &mut String) -> Result<(), DecodeError> {
        match value {
            Value::Null => {}
            Value::String(text) => text.clone_into(into),
            Value::Bool(b) => *into = b.to_string(),
            Value::Number(number) => *into = number_text(number),
            other => return Err(self.wrong(other, "string")),
        }
        Ok(())
    }

    /// A boolean.
    pub(crate) fn boolean(&self, value: &Value, into: &mut bool) -> Result<(), DecodeError> {
        match value {
            Value::Null => {}
            Value::Bool(b) => *into = *b,
            other => return Err(self.wrong(other, "bool")),
        }
        Ok(())
    }

    /// A list of texts; null empties it.
    pub(crate) fn texts(&self, value: &Value, into: &mut Vec<String>) -> Result<(), DecodeError> {
        into.clear();
        match value {
            Value::Null => {}
            Value::Array(items) => {
                for item in items {
                    let mut text = String::new();
                    self.text(item, &mut text)?;
                    into.push(text);
                }
            }
            other => return Err(self.wrong(other, "[]string")),
        }
        Ok(())
    }

    /// A mapping of texts.
    pub(crate) fn text_map(
        &self,
        value: &Value,
        into: &mut BTreeMap<String, String>,
    ) -> Result<(), DecodeError> {
        match value {
            Value::Null => into.clear(),
            Value::Object(map) => {
                for (key, item) in map {
                    let mut text = String::new();
                    self.text(item, &mut text)?;
                    into.insert(key.clone(), text);
                }
            }
            other => return Err(self.wrong(other, "map[string]string")),
        }
        Ok(())
    }

    /// A list of structures of the Go type `of`.
    pub(crate) fn list<T>(
        &self,
        value: &Value,
        of: &str,
        each: impl Fn(&Decoder<'_>, &Value) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        match value {
            Value::Null => Ok(Vec::new()),
            Value::Array(items) => {
                let decoder = Decoder { structure: self.structure, go_type: of, path: self.path.clone() };
                let structures = of.starts_with("chart.");
                if structures && items.iter().any(Value::is_null) {
                    return Err(DecodeError::NullNode(self.path.clone()));
                }
                items.iter().map(|item| each(&decoder, item)).collect()
            }
            other => Err(self.wrong(other, &format!("[]*{of}"))),
        }
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A number as the YAML step writes it into a text: integers in full, others in Go's shortest `%g` form.
pub(crate) fn number_text(number: &serde_json::Number) -> String {
    if !number.is_f64() {
        return number.to_string();
    }
    float_text(number.as_f64().unwrap_or_default())
}

/// Go's shortest `%g`: an exponent below -4 and from 6 on.
pub(crate) fn float_text(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// Go's `unicode.IsPrint`, but for unassigned code points: no controls, formats, private use or separators.
pub(crate) fn is_printable(c: char) -> bool {
    const FORMATS: &[(u32, u32)] = &[
        (0xad, 0xad),
        (0x600, 0x605),
        (0x61c, 0x61c),
        (0x6dd, 0x6dd),
        (0x70f, 0x70f),
        (0x890, 0x891),
        (0x8e2, 0x8e2),
        (0x180e, 0x180e),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x206f),
        (0xe000, 0xf8ff),
        (0xfeff, 0xfeff),
        (0xfff9, 0xfffb),
        (0x110bd, 0x110bd),
        (0x110cd, 0x110cd),
        (0x13430, 0x1343f),
        (0x1bca0, 0x1bca3),
        (0x1d173, 0x1d17a),
        (0xe0001, 0xe007f),
        (0xf0000, 0x10_ffff),
    ];
    c == ' '
        || !(c.is_control()
            || c.is_whitespace()
            || FORMATS.iter().any(|(low, high)| (*low..=*high).contains(&(c as u32))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_as_texts() {
        let check = |value: Value, expected: &str| {
            assert_eq!(number_text(value.as_number().unwrap()), expected);
        };
        check(json!(1), "1");
        check(json!(1.1), "1.1");
        check(json!(100_000.5), "100000.5");
        check(json!(1e6), "1e+06");
        check(json!(123_456_789.0), "1.23456789e+08");
        check(json!(1.5e-7), "1.5e-07");
        check(json!(-0.25), "-0.25");
        check(json!(u64::MAX), "18446744073709551615");
    }
}
