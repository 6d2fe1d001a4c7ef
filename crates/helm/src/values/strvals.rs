//! The little language of `--set`, `--set-string`, `--set-file`, `--set-json` and `--set-literal`.
//!
//! It has no grammar but its reader upstream, so this reader keeps that one's states: where `a[0].b=` loses its value
//! or `m.k=2` fails on a `m` that is no mapping, it does here.

use super::{Map, Value, new_map};
use holdfast_gotemplate::{List, Numbers, Str};

/// The highest index of a list that can be set.
pub const MAX_INDEX: i64 = 65536;
/// How deep names may nest.
pub const MAX_NAME_LEVEL: usize = 30;
/// How deep indices may nest; Helm has no such limit.
pub const MAX_INDEX_LEVEL: usize = 256;

/// Why an assignment is refused. The texts are Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// A name without `=`.
    #[error("key {0:?} has no value")]
    NoValue(String),
    /// A name followed by `,`.
    #[error("key {0:?} has no value (cannot end with ,)")]
    EndsWithComma(String),
    /// A name followed by `.` and nothing that sets a value.
    #[error("key map {0:?} has no value")]
    EmptyMap(String),
    /// The names nest too deep.
    #[error("value name nested level is greater than maximum supported nested level of {MAX_NAME_LEVEL}")]
    TooDeep,
    /// The indices nest too deep.
    #[error("list indices nest deeper than {MAX_INDEX_LEVEL}")]
    TooManyIndices,
    /// What stands there already has another type.
    #[error("unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}")]
    Conversion {
        /// Go's name of the type found.
        found: String,
        /// Go's name of the type needed.
        wanted: &'static str,
    },
    /// The text between brackets is no number.
    #[error("error parsing index: strconv.Atoi: parsing {0:?}: {1}")]
    Index(String, &'static str),
    /// `[` without its end.
    #[error("error parsing index: EOF")]
    OpenIndex,
    /// An index below 0.
    #[error("negative {0} index not allowed")]
    NegativeIndex(i64),
    /// An index beyond [`MAX_INDEX`].
    #[error("index of {0} is greater than maximum supported index of {MAX_INDEX}")]
    IndexTooLarge(i64),
    /// Something else than `=`, `.` or `[` after `]`.
    #[error("unexpected data at end of array index: {0:?}")]
    AfterIndex(String),
    /// `{a,b` without its end.
    #[error("list must terminate with '}}'")]
    OpenList,
    /// The text is not JSON.
    #[error("{0}")]
    Json(String),
    /// A file that `--set-file` names cannot be read.
    #[error("{0}")]
    File(String),
}

/// How the text after `=` becomes a value.
pub enum Mode<'a> {
    /// `--set`: booleans, null and integers are recognised.
    Typed,
    /// `--set-string`: always a text.
    Text,
    /// `--set-json`: any JSON.
    Json,
    /// `--set-file`: the content of the file of that name.
    File(&'a dyn Fn(&str) -> Result<Vec<u8>, String>),
    /// `--set-literal`: always a text, up to the end, without escapes or lists.
    Literal,
}

/// Sets what the assignments of `text` say.
///
/// # Errors
/// [`SetError`]; what was set before the error stays set.
pub fn set(text: &str, into: &Map, mode: &Mode<'_>) -> Result<(), SetError> {
    let mut parser = Parser { text, at: 0, mode };
    while parser.key(into, 0)? == Flow::More {}
    Ok(())
}

/// Whether the text has ended.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Flow {
    More,
    End,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    mode: &'a Mode<'a>,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.text[self.at..].chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn is_literal(&self) -> bool {
        matches!(self.mode, Mode::Literal)
    }

    /// Reads up to one of `stop`, which is consumed and returned; `None` at the end of the text.
    fn until(&mut self, stop: &[char]) -> (String, Option<char>) {
        let mut read = String::new();
        while let Some(c) = self.next() {
            if stop.contains(&c) {
                return (read, Some(c));
            }
            if c == '\\' && !self.is_literal() {
                match self.next() {
                    Some(escaped) => read.push(escaped),
                    None => break,
                }
            } else {
                read.push(c);
            }
        }
        (read, None)
    }

    fn key(&mut self, data: &Map, level: usize) -> Result<Flow, SetError> {
        let stop: &[char] = if self.is_literal() { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (key, last) = self.until(stop);
        match last {
            None if key.is_empty() => Ok(Flow::End),
            None => Err(SetError::NoValue(key)),
            Some('[') => {
                let index = self.index()?;
                let list = match data.get(key.as_bytes()) {
                    None => Vec::new(),
                    Some(Value::List(list)) => list.items().to_vec(),
                    Some(other) => return Err(conversion(&other, "[]interface {}")),
                };
                let mut list = list;
                let flow = self.item(&mut list, index, level, 0)?;
                put(data, &key, Value::List(List::new(list)));
                Ok(flow)
            }
            Some('=') => self.assign(data, &key),
            Some(',') => Err(SetError::EndsWithComma(key)),
            _ => {
                if level + 1 > MAX_NAME_LEVEL {
                    return Err(SetError::TooDeep);
                }
                let inner = match data.get(key.as_bytes()) {
                    None => new_map(),
                    Some(Value::Map(map)) => map,
                    Some(other) => return Err(conversion(&other, "map[string]interface {}")),
                };
                let flow = self.key(&inner, level + 1)?;
                if !inner.is_empty() {
                    put(data, &key, Value::Map(inner));
                } else if flow == Flow::More {
                    return Err(SetError::EmptyMap(key));
                }
                Ok(flow)
            }
        }
    }

    fn assign(&mut self, data: &Map, key: &str) -> Result<Flow, SetError> {
        match self.mode {
            Mode::Json => {
                let value = self.json()?;
                put(data, key, value);
                Ok(Flow::More)
            }
            Mode::Literal => {
                let value = self.rest();
                put(data, key, value);
                Ok(Flow::More)
            }
            _ => match self.peek() {
                None => {
                    put(data, key, Value::str(""));
                    Ok(Flow::End)
                }
                Some('{') => {
                    let list = self.braces()?;
                    put(data, key, list);
                    Ok(Flow::More)
                }
                Some(_) => {
                    let (text, _) = self.until(&[',']);
                    put(data, key, self.convert(&text)?);
                    Ok(Flow::More)
                }
            },
        }
    }

    /// What follows an index: sets the item or goes on below it.
    fn item(
        &mut self,
        list: &mut Vec<Value>,
        index: i64,
        level: usize,
        depth: usize,
    ) -> Result<Flow, SetError> {
        if index < 0 {
            return Err(SetError::NegativeIndex(index));
        }
        if depth > MAX_INDEX_LEVEL {
            return Err(SetError::TooManyIndices);
        }
        let (between, last) = self.until(&['[', '.', '=']);
        if !between.is_empty() {
            return Err(SetError::AfterIndex(between));
        }
        match last {
            None => Ok(Flow::End),
            Some('=') => {
                let value = self.item_value()?;
                put_item(list, index, value)?;
                Ok(Flow::More)
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match item_at(list, index) {
                    None | Some(Value::Nil) => Vec::new(),
                    Some(Value::List(inner)) => inner.items().to_vec(),
                    Some(other) => return Err(conversion(other, "[]interface {}")),
                };
                let flow = self.item(&mut inner, next, level, depth + 1)?;
                if flow == Flow::More {
                    put_item(list, index, Value::List(List::new(inner)))?;
                }
                Ok(flow)
            }
            _ => {
                let existing = item_at(list, index);
                let known = existing.is_some();
                let inner = match existing {
                    Some(Value::Map(map)) => map.clone(),
                    _ => new_map(),
                };
                if known {
                    put_item(list, index, Value::Map(inner.clone()))?;
                }
                let flow = self.key(&inner, level)?;
                if flow == Flow::More {
                    put_item(list, index, Value::Map(inner))?;
                }
                Ok(flow)
            }
        }
    }

    fn item_value(&mut self) -> Result<Value, SetError> {
        match self.mode {
            Mode::Json => self.json(),
            Mode::Literal => Ok(self.rest()),
            _ => match self.peek() {
                None => Ok(Value::str("")),
                Some('{') => self.braces(),
                Some(_) => {
                    let (text, _) = self.until(&[',']);
                    self.convert(&text)
                }
            },
        }
    }

    fn index(&mut self) -> Result<i64, SetError> {
        let (text, end) = self.until(&[']']);
        if end.is_none() {
            return Err(SetError::OpenIndex);
        }
        text.parse().map_err(|error: std::num::ParseIntError| {
            use std::num::IntErrorKind::{NegOverflow, PosOverflow};
            let range = matches!(error.kind(), PosOverflow | NegOverflow);
            SetError::Index(text, if range { "value out of range" } else { "invalid syntax" })
        })
    }

    /// `{a,b}`: a list.
    fn braces(&mut self) -> Result<Value, SetError> {
        self.next();
        let mut items = Vec::new();
        loop {
            let (text, last) = self.until(&[',', '}']);
            match last {
                None => return Err(SetError::OpenList),
                Some(end) => {
                    items.push(self.convert(&text)?);
                    if end == '}' {
                        if self.peek() == Some(',') {
                            self.next();
                        }
                        return Ok(Value::List(List::new(items)));
                    }
                }
            }
        }
    }

    fn convert(&self, text: &str) -> Result<Value, SetError> {
        match self.mode {
            Mode::Typed => Ok(typed(text)),
            Mode::File(read) => read(text).map(Value::from).map_err(SetError::File),
            _ => Ok(Value::str(text)),
        }
    }

    fn rest(&mut self) -> Value {
        let rest = &self.text[self.at..];
        self.at = self.text.len();
        Value::str(rest)
    }

    /// One JSON value and the comma after it; nothing, or only a comma, is null.
    fn json(&mut self) -> Result<Value, SetError> {
        if self.separator() {
            return Ok(Value::Nil);
        }
        let mut stream =
            serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<serde_json::Value>();
        let value = match stream.next() {
            Some(Ok(value)) => Value::from_json(&value, Numbers::Float64),
            Some(Err(error)) => return Err(SetError::Json(error.to_string())),
            None => return Err(SetError::Json("EOF".to_owned())),
        };
        self.at += stream.byte_offset();
        self.separator();
        Ok(value)
    }

    /// Skips white space and a comma; false when something else follows.
    fn separator(&mut self) -> bool {
        loop {
            match self.peek() {
                None => return true,
                Some(',') => {
                    self.next();
                    return true;
                }
                Some(c) if c.is_whitespace() => {
                    self.next();
                }
                Some(_) => return false,
            }
        }
    }
}

fn typed(text: &str) -> Value {
    if text.eq_ignore_ascii_case("true") {
        return Value::Bool(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Value::Bool(false);
    }
    if text.eq_ignore_ascii_case("null") {
        return Value::Nil;
    }
    if text == "0" {
        return Value::Int64(0);
    }
    match text.parse() {
        Ok(number) if !text.starts_with('0') => Value::Int64(number),
        _ => Value::str(text),
    }
}

fn conversion(found: &Value, wanted: &'static str) -> SetError {
    let found = if found.is_nil() { "nil".to_owned() } else { found.type_name() };
    SetError::Conversion { found, wanted }
}

/// An empty key sets nothing.
fn put(data: &Map, key: &str, value: Value) {
    if !key.is_empty() {
        data.insert(Str::from(key), value);
    }
}

fn item_at(list: &[Value], index: i64) -> Option<&Value> {
    usize::try_from(index).ok().and_then(|index| list.get(index))
}

fn put_item(list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), SetError> {
    if index > MAX_INDEX {
        return Err(SetError::IndexTooLarge(index));
    }
    let index = usize::try_from(index).map_err(|_| SetError::NegativeIndex(index))?;
    if list.len() <= index {
        list.resize(index + 1, Value::Nil);
    }
    list[index] = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn result(texts: &[&str], mode: &Mode<'_>) -> Json {
        let map = new_map();
        for text in texts {
            if let Err(error) = set(text, &map, mode) {
                return Json::String(error.to_string());
            }
        }
        Value::Map(map).to_json().unwrap()
    }

    fn check(text: &str, expected: Json) {
        assert_eq!(result(&[text], &Mode::Typed), expected, "{text}");
    }

    #[test]
    fn typed_values() {
        check(
            "a=1,b=+1,c=-5,d=007,e=1.5,f=1e3",
            json!({"a": 1, "b": 1, "c": -5, "d": "007", "e": "1.5", "f": "1e3"}),
        );
        check(
            "a=tRue,b=FALSE,c=null,d=0,e=nope",
            json!({"a": true, "b": false, "c": null, "d": 0, "e": "nope"}),
        );
        check("a=,b=x", json!({"a": "", "b": "x"}));
        check("a=", json!({"a": ""}));
        check("", json!({}));
        check("a\\.b=1\\,2", json!({"a.b": "1,2"}));
        check("a={1,x,true},b=2", json!({"a": [1, "x", true], "b": 2}));
        check("a={}", json!({"a": [""]}));
        check("a={x}y=1", json!({"a": ["x"], "y": 1}));
    }

    #[test]
    fn names_and_indices() {
        check("a.b.c=1,a.b.d=2", json!({"a": {"b": {"c": 1, "d": 2}}}));
        check("a[1]=x", json!({"a": [null, "x"]}));
        check("a[0].b=1,a[0].c=2,a[1].b=3", json!({"a": [{"b": 1, "c": 2}, {"b": 3}]}));
        check("a[0][1]=x,a[0][0]=y", json!({"a": [["y", "x"]]}));
        check("a[0]", json!({"a": []}));
        check("a[0].b=", json!({"a": []}));
        check("a.", json!({}));
        check("=1,b=2", json!({"b": 2}));
    }

    #[test]
    fn refusals() {
        check("a", json!("key \"a\" has no value"));
        check("a,b=1", json!("key \"a\" has no value (cannot end with ,)"));
        check("a.=1", json!("key map \"a\" has no value"));
        check("a[x]=1", json!("error parsing index: strconv.Atoi: parsing \"x\": invalid syntax"));
        check("a[0", json!("error parsing index: EOF"));
        check("a[-1]=1", json!("negative -1 index not allowed"));
        check("a[65537]=1", json!("index of 65537 is greater than maximum supported index of 65536"));
        check("a[0]b=1", json!("unexpected data at end of array index: \"b\""));
        check("a={1,2", json!("list must terminate with '}'"));
        check(
            "m=1,m.k=2",
            json!(
                "unable to parse key: interface conversion: interface {} is int64, not map[string]interface {}"
            ),
        );
        check(
            "m=null,m.k=2",
            json!(
                "unable to parse key: interface conversion: interface {} is nil, not map[string]interface {}"
            ),
        );
        check(
            "m=x,m[0]=2",
            json!("unable to parse key: interface conversion: interface {} is string, not []interface {}"),
        );
        let deep = format!("{}a=1", "a.".repeat(31));
        check(&deep, json!("value name nested level is greater than maximum supported nested level of 30"));
        check(&format!("a{}=1", "[0]".repeat(100_000)), json!("list indices nest deeper than 256"));
    }

    #[test]
    fn other_modes() {
        assert_eq!(result(&["a=1,b=true"], &Mode::Text), json!({"a": "1", "b": "true"}));
        assert_eq!(result(&["a.b=x,y=\\{z"], &Mode::Literal), json!({"a": {"b": "x,y=\\{z"}}));
        assert_eq!(result(&["a[1]=x,y"], &Mode::Literal), json!({"a": [null, "x,y"]}));
        let json_text = "a={\"b\":[1,2]} ,c=null,d=,e[0]=\"x\"";
        assert_eq!(
            result(&[json_text], &Mode::Json),
            json!({"a": {"b": [1, 2]}, "c": null, "d": null, "e": ["x"]})
        );
        let read = |name: &str| {
            if name == "f.txt" {
                Ok(b"\xffcontent".to_vec())
            } else {
                Err(format!("open {name}: no such file or directory"))
            }
        };
        let map = new_map();
        set("a=f.txt", &map, &Mode::File(&read)).unwrap();
        assert_eq!(map.get(b"a").unwrap().len(), Some(8));
        assert_eq!(result(&["a=no"], &Mode::File(&read)), json!("open no: no such file or directory"));
    }

    #[test]
    fn later_assignments_see_earlier_ones() {
        assert_eq!(
            result(&["a.b=1", "a.c={x}", "a.c[1]=y"], &Mode::Typed),
            json!({"a": {"b": 1, "c": ["x", "y"]}})
        );
    }
}
