use super::{Dialect, Key, Map, Node, Scalar, Style, Tag, resolve};
use holdfast_yaml::syntax::{self, Dates, Integer, Resolved};
use serde_json::Value;

/// Why a node has no value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum NoValue {
    #[error("cannot read '{text}' as {wanted}")]
    WrongType { text: String, wanted: &'static str },
    #[error("{0}")]
    Unreadable(String),
    #[error("'{0}' has no JSON form")]
    NoJson(String),
    #[error("mapping key '{0}' is not a string")]
    Key(String),
    #[error("mapping key '{key}' already defined at line {line}")]
    Duplicate { key: String, line: u32 },
}

/// A node's path and why it has no value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ConvertError {
    pub(crate) path: String,
    pub(crate) line: u32,
    pub(crate) why: NoValue,
}

impl Node {
    /// The value that the original prints for this node.
    pub(crate) fn to_value(&self) -> Result<Value, ConvertError> {
        match self {
            Self::Scalar(scalar) => scalar.to_value().map_err(at_here),
            Self::Seq(items) => {
                let mut values = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    values.push(item.to_value().map_err(|e| below(e, &index.to_string(), 0))?);
                }
                Ok(Value::Array(values))
            }
            Self::Map(map) => map_to_value(map),
        }
    }

    /// The same, taking the node apart.
    pub(crate) fn into_value(self) -> Result<Value, ConvertError> {
        self.into_value_counted(&mut 0)
    }

    /// The same, adding the number of nodes to `nodes`: to count them apart would be a walk of its own.
    pub(crate) fn into_value_counted(self, nodes: &mut usize) -> Result<Value, ConvertError> {
        *nodes += 1;
        match self {
            Self::Scalar(scalar) => scalar.into_value().map_err(at_here),
            Self::Seq(items) => {
                let mut values = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    values.push(item.into_value_counted(nodes).map_err(|e| below(e, &index.to_string(), 0))?);
                }
                Ok(Value::Array(values))
            }
            Self::Map(map) => map_into_value(map, nodes),
        }
    }
}

fn at_here(why: NoValue) -> ConvertError {
    ConvertError { path: String::new(), line: 0, why }
}

fn below(mut error: ConvertError, part: &str, line: u32) -> ConvertError {
    error.path = if error.path.is_empty() { part.to_owned() } else { format!("{part}.{}", error.path) };
    if error.line == 0 {
        error.line = line;
    }
    error
}

fn check_key(key: &Key) -> Result<(), ConvertError> {
    if key.is_text {
        return Ok(());
    }
    Err(ConvertError { path: String::new(), line: key.line, why: NoValue::Key(key.text.to_string()) })
}

fn duplicate(key: &Key, first: u32) -> ConvertError {
    let why = NoValue::Duplicate { key: key.text.to_string(), line: first };
    ConvertError { path: String::new(), line: key.line, why }
}

fn map_into_value(mut map: Map, nodes: &mut usize) -> Result<Value, ConvertError> {
    let mut values = serde_json::Map::with_capacity(map.entries.len());
    for at in 0..map.entries.len() {
        let (key, node) = &mut map.entries[at];
        check_key(key)?;
        let value = std::mem::take(node).into_value_counted(nodes);
        let value = value.map_err(|e| below(e, &key.text, key.line))?;
        if values.contains_key(key.text.as_str()) {
            // As many values as keys so far: positions are the same.
            let first = values.keys().position(|k| *k == key.text).unwrap_or_default();
            let (first, key) = (map.entries[first].0.line, &map.entries[at].0);
            return Err(duplicate(key, first));
        }
        values.insert(std::mem::take(&mut key.text).into(), value);
    }
    Ok(Value::Object(values))
}

fn map_to_value(map: &Map) -> Result<Value, ConvertError> {
    let mut values = serde_json::Map::with_capacity(map.entries.len());
    for (key, node) in &map.entries {
        check_key(key)?;
        let value = node.to_value().map_err(|e| below(e, &key.text, key.line))?;
        if values.insert(key.text.to_string(), value).is_some() {
            return Err(duplicate(key, map.line(&key.text)));
        }
    }
    Ok(Value::Object(values))
}

impl Scalar {
    fn to_value(&self) -> Result<Value, NoValue> {
        self.clone().into_value()
    }

    fn into_value(self) -> Result<Value, NoValue> {
        let tag = match self.tag {
            // Without a tag even nothing is written as `''`.
            Tag::None if self.style == Style::Plain && !self.text.is_empty() => {
                resolve(&self.text, Dialect::V3)
            }
            Tag::None => Tag::Str,
            tag => tag,
        };
        if tag == Tag::Str {
            return Ok(Value::String(match self.style {
                Style::Folded => {
                    let text = String::from(self.text);
                    syntax::through_v3(text.into()).map_err(NoValue::Unreadable)?.into_owned()
                }
                _ => self.text.into(),
            }));
        }
        if tag == Tag::Null && self.style == Style::Single && self.text.is_empty() {
            // A value that is missing in braces comes out as an empty string.
            return Ok(Value::String(self.text.into()));
        }
        let dates = if tag == Tag::Time { Dates::Allowed } else { Dates::Ignored };
        let wrong = |wanted| NoValue::WrongType { text: self.text.to_string(), wanted };
        match (tag, syntax::resolve(&self.text, Dialect::V2, dates)) {
            (Tag::Null, Resolved::Null) => Ok(Value::Null),
            (Tag::Bool, Resolved::Bool(flag)) => Ok(Value::Bool(flag)),
            (Tag::Int | Tag::Float, Resolved::Integer(Integer::Signed(number))) => Ok(number.into()),
            (Tag::Int | Tag::Float, Resolved::Integer(Integer::Unsigned(number))) => Ok(number.into()),
            (Tag::Float, Resolved::Float(number)) => {
                syntax::json_float(number).ok_or_else(|| NoValue::NoJson(self.text.to_string()))
            }
            (Tag::Time, Resolved::Timestamp(time)) => Ok(Value::String(time)),
            (Tag::Null, _) => Err(wrong("null")),
            (Tag::Bool, _) => Err(wrong("a boolean")),
            (Tag::Int, _) => Err(wrong("a whole number")),
            (Tag::Time, _) => Err(wrong("a time")),
            (_, _) => Err(wrong("a number")),
        }
    }
}

/// A value as a node, as the original reads its own JSON back.
pub(crate) fn from_value(value: &Value) -> Node {
    match value {
        Value::Null => Node::null(),
        Value::Bool(flag) => plain(flag.to_string(), Tag::Bool),
        Value::Number(number) => {
            let tag = if number.is_f64() { Tag::Float } else { Tag::Int };
            plain(number.to_string(), tag)
        }
        Value::String(text) => Node::text(text.clone()),
        Value::Array(items) => Node::Seq(items.iter().map(from_value).collect()),
        Value::Object(map) => Node::Map(Map {
            entries: map.iter().map(|(k, v)| (Key::new(k.clone()), from_value(v))).collect(),
        }),
    }
}

fn plain(text: String, tag: Tag) -> Node {
    Node::Scalar(Scalar::new(text, tag, Style::Plain))
}
