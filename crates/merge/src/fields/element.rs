use crate::values;
use serde_json::Value;
use std::cmp::Ordering;
use std::fmt;

/// One step from a value to a value inside it.
///
/// Ordered as the API server writes them: fields, then keys, then values, then indices.
#[derive(Debug, Clone)]
pub enum PathElement {
    /// A field of an object (`f:name`).
    Field(Box<str>),
    /// An item of a keyed list, by its key fields sorted by name (`k:{"name":"a"}`).
    Key(Box<[(Box<str>, Value)]>),
    /// An item of a set of scalars (`v:"a"`).
    Value(Value),
    /// An item of a list by its position (`i:0`).
    Index(usize),
}

/// Why a text is no path element.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no path element: {what}")]
pub struct BadElement {
    text: String,
    what: &'static str,
}

impl PathElement {
    /// A field by name.
    pub fn field(name: &str) -> Self {
        Self::Field(name.into())
    }

    /// An item by its key fields, in any order.
    pub fn key<'k>(fields: impl IntoIterator<Item = (&'k str, Value)>) -> Self {
        let mut fields: Vec<(Box<str>, Value)> =
            fields.into_iter().map(|(name, value)| (Box::from(name), value)).collect();
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        Self::Key(fields.into())
    }

    /// Reads the FieldsV1 form. `None` for a kind of element this version does not know, which is to be ignored.
    ///
    /// # Errors
    /// [`BadElement`] when the text after the kind is malformed.
    pub fn parse(text: &str) -> Result<Option<Self>, BadElement> {
        let bad = |what| BadElement { text: text.chars().take(200).collect(), what };
        let (kind, rest) =
            text.split_once(':').filter(|(k, _)| k.len() == 1).ok_or_else(|| bad("no kind"))?;
        let json = || serde_json::from_str::<Value>(rest).map_err(|_| bad("no JSON after the kind"));
        Ok(Some(match kind {
            "f" => Self::Field(rest.into()),
            "v" => Self::Value(json()?),
            "i" => Self::Index(rest.parse().map_err(|_| bad("no index after the kind"))?),
            "k" => match json()? {
                Value::Object(map) => Self::key(map.iter().map(|(k, v)| (k.as_str(), v.clone()))),
                _ => return Err(bad("no object after the kind")),
            },
            _ => return Ok(None),
        }))
    }

    /// The FieldsV1 form.
    pub fn to_fields_v1(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Value(value) => format!("v:{}", go_json(value)),
            Self::Index(index) => format!("i:{index}"),
            Self::Key(fields) => {
                let parts: Vec<String> = fields
                    .iter()
                    .map(|(name, value)| format!("{}:{}", Value::from(name.as_ref()), go_json(value)))
                    .collect();
                format!("k:{{{}}}", parts.join(","))
            }
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

/// JSON as Go writes it by default: `<`, `>` and `&` as escapes.
fn go_json(value: &Value) -> String {
    let text = value.to_string();
    if text.contains(['<', '>', '&']) {
        text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
    } else {
        text
    }
}

impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.cmp(b),
            (Self::Key(a), Self::Key(b)) => a
                .iter()
                .zip(b)
                .map(|(a, b)| a.0.cmp(&b.0).then_with(|| values::compare(&a.1, &b.1)))
                .find(|o| o.is_ne())
                .unwrap_or_else(|| a.len().cmp(&b.len())),
            (Self::Value(a), Self::Value(b)) => values::compare(a, b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathElement {}

impl fmt::Display for PathElement {
    /// `.name`, `[name="a",port=80]`, `[="a"]`, `[0]`: the form of conflict messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (index, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name}={value}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// The steps from an object to one of its fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FieldPath(pub Vec<PathElement>);

impl FieldPath {
    /// A path of field names.
    pub fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| PathElement::field(name)).collect())
    }
}

impl FieldPath {
    /// What the path leads to. Items of keyed lists match when their key fields have the values, or lack a field
    /// that then has its default.
    pub fn find<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(object, |at, element| match (element, at) {
            (PathElement::Field(name), Value::Object(map)) => map.get(name.as_ref()),
            (PathElement::Key(fields), Value::Array(items)) => items.iter().find(|item| {
                fields.iter().any(|(name, _)| item.get(name.as_ref()).is_some())
                    && fields
                        .iter()
                        .all(|(name, value)| item.get(name.as_ref()).is_none_or(|v| values::equal(v, value)))
            }),
            (PathElement::Value(value), Value::Array(items)) => {
                items.iter().find(|item| values::equal(item, value))
            }
            (PathElement::Index(index), Value::Array(items)) => items.get(*index),
            _ => None,
        })
    }
}

impl fmt::Display for FieldPath {
    /// `.spec.containers[name="a"].image`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}
