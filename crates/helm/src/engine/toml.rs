//! `toToml` and `fromToml`, with the layout of the Go library that Helm uses: plain keys before tables, both sorted,
//! two spaces per level, lists of tables as `[[…]]`.

use crate::decode::float_text;
use crate::values::new_map;
use holdfast_gotemplate::{Clock, Elem, List, Str, Value};
use std::fmt::Write as _;

/// How deep a value may nest.
const MAX_DEPTH: usize = 256;

/// Why a value is no TOML; the text goes where the TOML would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum TomlError {
    #[error("toml: top-level values must be Go maps or structs")]
    NoKey,
    #[error("toml: cannot encode array with nil element")]
    NilElement,
    #[error("toml: value nests deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// A value as TOML, or why that cannot be.
pub(super) fn to_string(value: &Value) -> String {
    try_to_string(value).unwrap_or_else(|error| error)
}

/// A value as TOML.
///
/// # Errors
/// Why that cannot be.
pub(super) fn try_to_string(value: &Value) -> Result<String, String> {
    let mut writer = Writer { out: String::new() };
    writer.encode(&mut Vec::new(), value).map_err(|error| error.to_string())?;
    Ok(writer.out)
}

#[derive(PartialEq, Clone, Copy)]
enum Shape {
    Nil,
    Plain,
    Table,
    Tables,
}

fn shape(value: &Value, depth: usize) -> Result<Shape, TomlError> {
    if depth > MAX_DEPTH {
        return Err(TomlError::TooDeep);
    }
    if value.is_nil() {
        return Ok(Shape::Nil);
    }
    if value.as_map().is_some() {
        return Ok(Shape::Table);
    }
    let Some(list) = value.as_list() else { return Ok(Shape::Plain) };
    let mut tables = !list.is_empty();
    for item in list.items() {
        match shape(item, depth + 1)? {
            Shape::Nil => return Err(TomlError::NilElement),
            Shape::Table => {}
            _ => tables = false,
        }
    }
    Ok(if tables { Shape::Tables } else { Shape::Plain })
}

struct Writer {
    out: String,
}

impl Writer {
    fn encode(&mut self, path: &mut Vec<Str>, value: &Value) -> Result<(), TomlError> {
        match shape(value, path.len())? {
            Shape::Nil => Ok(()),
            Shape::Plain => self.key_value(path, value),
            Shape::Table => {
                if path.len() == 1 {
                    self.line_break();
                }
                if !path.is_empty() {
                    self.header(path, "[", "]");
                }
                self.table(path, value)
            }
            Shape::Tables => {
                if path.is_empty() {
                    return Err(TomlError::NoKey);
                }
                for item in value.as_list().iter().flat_map(List::items) {
                    self.line_break();
                    self.header(path, "[[", "]]");
                    self.table(path, item)?;
                }
                Ok(())
            }
        }
    }

    fn header(&mut self, path: &[Str], open: &str, close: &str) {
        self.indent(path);
        self.out.push_str(open);
        for (index, part) in path.iter().enumerate() {
            if index > 0 {
                self.out.push('.');
            }
            self.key(part);
        }
        self.out.push_str(close);
        self.line_break();
    }

    fn table(&mut self, path: &mut Vec<Str>, value: &Value) -> Result<(), TomlError> {
        for (key, value) in ordered(value)? {
            path.push(key);
            self.encode(path, &value)?;
            path.pop();
        }
        Ok(())
    }

    fn key_value(&mut self, path: &[Str], value: &Value) -> Result<(), TomlError> {
        let Some(key) = path.last() else { return self.element(value, 0) };
        self.indent(path);
        self.key(key);
        self.out.push_str(" = ");
        self.element(value, path.len())?;
        self.line_break();
        Ok(())
    }

    fn element(&mut self, value: &Value, depth: usize) -> Result<(), TomlError> {
        if depth > MAX_DEPTH {
            return Err(TomlError::TooDeep);
        }
        match value {
            Value::Bool(b) => {
                let _ = write!(self.out, "{b}");
            }
            Value::Int(n) | Value::Int64(n) => {
                let _ = write!(self.out, "{n}");
            }
            Value::Uint8(n) => {
                let _ = write!(self.out, "{n}");
            }
            Value::Uint64(n) => {
                let _ = write!(self.out, "{n}");
            }
            Value::Float(f) => self.float(*f),
            Value::Str(text) => self.quoted(text),
            other => {
                if let Some(list) = other.as_list() {
                    self.inline_list(&list, depth)?;
                } else if other.as_map().is_some() {
                    self.inline_table(other, depth)?;
                } else if let Value::Object(object) = other {
                    match object.json() {
                        Some(Value::Str(time)) if object.type_name() == "time.Time" => {
                            let shown = object.text().unwrap_or_default();
                            self.out.push_str(time_text(&shown.to_string_lossy(), &time.to_string_lossy()));
                        }
                        _ => self.quoted(&object.text().unwrap_or_default()),
                    }
                }
            }
        }
        Ok(())
    }

    fn inline_list(&mut self, list: &List, depth: usize) -> Result<(), TomlError> {
        self.out.push('[');
        for (index, item) in list.items().iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            self.element(item, depth + 1)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn inline_table(&mut self, table: &Value, depth: usize) -> Result<(), TomlError> {
        self.out.push('{');
        let mut first = true;
        for (key, value) in ordered(table)? {
            if value.is_nil() {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.out.push_str(", ");
            }
            self.key(&key);
            self.out.push_str(" = ");
            self.element(&value, depth + 1)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn float(&mut self, value: f64) {
        let sign = if value.is_sign_negative() { "-" } else { "" };
        if value.is_nan() {
            self.out.push_str(sign);
            self.out.push_str("nan");
        } else if value.is_infinite() {
            self.out.push_str(sign);
            self.out.push_str("inf");
        } else {
            let text = float_text(value);
            self.out.push_str(&text);
            if !text.contains(['e', '.']) {
                self.out.push_str(".0");
            }
        }
    }

    fn key(&mut self, key: &Str) {
        let bare = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if !key.is_empty() && key.iter().all(bare) {
            self.out.push_str(&key.to_string_lossy());
        } else {
            self.quoted(key);
        }
    }

    fn quoted(&mut self, text: &Str) {
        self.out.push('"');
        for c in text.to_string_lossy().chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\u{8}' => self.out.push_str("\\b"),
                '\t' => self.out.push_str("\\t"),
                '\n' => self.out.push_str("\\n"),
                '\u{c}' => self.out.push_str("\\f"),
                '\r' => self.out.push_str("\\r"),
                c if c < ' ' || c == '\u{7f}' => {
                    let _ = write!(self.out, "\\u{:04x}", c as u32);
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn indent(&mut self, path: &[Str]) {
        for _ in 1..path.len() {
            self.out.push_str("  ");
        }
    }

    /// Nothing at the start of the text.
    fn line_break(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }
}

/// The entries of a table by key, plain ones before tables.
fn ordered(table: &Value) -> Result<Vec<(Str, Value)>, TomlError> {
    let Some(map) = table.as_map() else { return Ok(Vec::new()) };
    let entries: Vec<(Str, Value)> = map.entries().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut plain = Vec::with_capacity(entries.len());
    let mut tables = Vec::new();
    for (key, value) in entries {
        match shape(&value, 0)? {
            Shape::Table | Shape::Tables => tables.push((key, value)),
            Shape::Nil | Shape::Plain => plain.push((key, value)),
        }
    }
    plain.append(&mut tables);
    Ok(plain)
}

/// A TOML text as a mapping; one with `Error` where it is none.
pub(super) fn parse(text: &[u8]) -> Value {
    let parsed = std::str::from_utf8(text)
        .map_err(|error| error.to_string())
        .and_then(|text| text.parse::<toml::Table>().map_err(|error| format!("toml: {}", error.message())));
    match parsed {
        Ok(table) => from_toml(toml::Value::Table(table)),
        Err(error) => {
            let map = new_map();
            map.insert("Error", Value::from(error));
            Value::Map(map)
        }
    }
}

fn from_toml(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(number) => Value::Int64(number),
        toml::Value::Float(number) => Value::Float(number),
        toml::Value::Boolean(b) => Value::Bool(b),
        toml::Value::Datetime(time) => datetime(time),
        toml::Value::Array(items) => {
            let tables = !items.is_empty() && items.iter().all(toml::Value::is_table);
            let elem = if tables { Elem::Named("map[string]interface {}") } else { Elem::Any };
            Value::List(List::of(elem, items.into_iter().map(from_toml).collect()))
        }
        toml::Value::Table(table) => {
            Value::Map(table.into_iter().map(|(key, value)| (Str::from(key), from_toml(value))).collect())
        }
    }
}

/// The names of the zones that the Go library gives to what is written without one: it tells a date, a time of day
/// and both by them.
const DATE: &str = "date-local";
const TIME: &str = "time-local";
const DATE_AND_TIME: &str = "datetime-local";

/// A date, a time of day or both as Go's `time.Time`.
fn datetime(value: toml::value::Datetime) -> Value {
    let date = value.date.map_or((0, 1, 1), |date| (i64::from(date.year), date.month, date.day));
    let time = value.time.map_or((0, 0, 0), |time| (time.hour, time.minute, time.second.unwrap_or_default()));
    let nano = value.time.and_then(|time| time.nanosecond).unwrap_or_default();
    let zone = match (value.offset, value.date, value.time) {
        (Some(toml::value::Offset::Custom { minutes }), ..) if minutes != 0 => {
            Some(("", i32::from(minutes) * 60))
        }
        (Some(_), ..) => None,
        (None, Some(_), Some(_)) => Some((DATE_AND_TIME, 0)),
        (None, Some(_), None) => Some((DATE, 0)),
        (None, ..) => Some((TIME, 0)),
    };
    holdfast_gotemplate::time(Clock { date, time, nano }, zone)
}

/// A time as TOML writes it: what has no zone is written without one. `shown` is how Go prints it, which ends with the
/// zone's name; `rfc3339` how JSON has it.
fn time_text<'t>(shown: &str, rfc3339: &'t str) -> &'t str {
    let zone = shown.rsplit(' ').next().unwrap_or_default();
    let local = rfc3339.strip_suffix('Z').unwrap_or(rfc3339);
    match zone {
        DATE => local.split('T').next().unwrap_or(local),
        TIME => local.split_once('T').map_or(local, |(_, time)| time),
        DATE_AND_TIME => local,
        _ => rfc3339,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_gotemplate::Numbers;
    use serde_json::{Value as Json, json};

    fn check(json: Json, expected: &str) {
        assert_eq!(to_string(&Value::from_json(&json, Numbers::Int64)), expected);
    }

    #[test]
    fn layout() {
        check(
            json!({"b": {"x": 1, "c": {"d": "e"}}, "a": [1, 1.5], "t": [{"n": 1}, {"n": {"z": true}}], "e": {}, "n": null}),
            "a = [1, 1.5]\n\n[b]\n  x = 1\n  [b.c]\n    d = \"e\"\n\n[e]\n\n[[t]]\n  n = 1\n\n[[t]]\n  [t.n]\n    z = true\n",
        );
        check(json!({"a b": 1.0, "": "q\"\\\n\u{1}"}), "\"\" = \"q\\\"\\\\\\n\\u0001\"\n\"a b\" = 1.0\n");
        check(json!({"m": [1, {"a": 1, "b": [2]}]}), "m = [1, {a = 1, b = [2]}]\n");
        check(json!([1, 2]), "[1, 2]");
        check(json!([{"a": 1}]), "toml: top-level values must be Go maps or structs");
        check(json!({"a": [null]}), "toml: cannot encode array with nil element");
    }

    #[test]
    fn reading() {
        let value = parse(b"a = 1\nb = 1.5\n[c]\nd = [true, \"x\"]\n[[e]]\nf = 2020-01-02\n");
        assert_eq!(
            value.to_json().unwrap(),
            json!({"a": 1, "b": 1.5, "c": {"d": [true, "x"]}, "e": [{"f": "2020-01-02T00:00:00Z"}]})
        );
        assert!(parse(b"a = ").to_json().unwrap()["Error"].as_str().unwrap().starts_with("toml: "));
    }
}
