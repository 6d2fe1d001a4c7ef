//! Conversion from and to `serde_json::Value`.

use serde_json::{Map as JsonMap, Number, Value as Json};

use crate::stack::grow;

use super::{List, Map, MapType, Str, Value, View};

/// The Go types that numbers get when they come from JSON values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Numbers {
    /// All `float64`, as `encoding/json` and the YAML of Helm's values files do.
    Float64,
    /// Integers stay `int64`, the rest is `float64`: what `helm --set` makes.
    Int64,
}

/// Deepest nesting that [`Value::to_json`] follows. A map may hold itself.
const MAX_DEPTH: usize = 1_000;

impl Value {
    /// A value from JSON. Objects become `map[string]interface {}`, null becomes nil.
    pub fn from_json(json: &Json, numbers: Numbers) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::from_number(number, numbers),
            Json::String(text) => Self::Str(text.as_str().into()),
            Json::Array(items) => {
                Self::List(List::new(items.iter().map(|item| Self::from_json(item, numbers)).collect()))
            }
            Json::Object(entries) => Self::Map(Map::from_json(entries, MapType::Any, numbers)),
        }
    }

    fn from_number(number: &Number, numbers: Numbers) -> Self {
        match (numbers, number.as_i64()) {
            (Numbers::Int64, Some(value)) => Self::Int64(value),
            _ => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    /// The value as Go's JSON encoder would write it and a YAML reader would read that text: whole floats below
    /// 1e21 become integers where they fit, bytes that are not UTF-8 become U+FFFD.
    ///
    /// Fails as Go does for NaN, infinities and functions, and for values nested deeper than 1,000 levels.
    pub fn to_json(&self) -> Result<Json, String> {
        self.to_json_at(0)
    }

    fn to_json_at(&self, depth: usize) -> Result<Json, String> {
        if depth > MAX_DEPTH {
            return Err(format!("json: unsupported value: nested deeper than {MAX_DEPTH} levels"));
        }
        Ok(match self {
            Self::Invalid | Self::Nil => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) | Self::Int64(value) => Json::from(*value),
            Self::Uint8(value) => Json::from(*value),
            Self::Uint64(value) => Json::from(*value),
            Self::Float(value) => float_to_json(*value)?,
            Self::Complex(..) => return Err("json: unsupported type: complex128".into()),
            Self::Str(text) => Json::String(text.to_string_lossy().into_owned()),
            Self::List(list) => grow(|| list_to_json(list, depth))?,
            Self::Map(map) => grow(|| map_to_json(map, depth))?,
            Self::Object(object) => match object.json() {
                Some(value) => value.to_json_at(depth + 1)?,
                None => match object.json_fields().map_or_else(|| object.view(), View::Struct) {
                    View::Opaque => Json::Object(JsonMap::new()),
                    View::Scalar(value) => value.to_json_at(depth + 1)?,
                    View::Map(map) => map_to_json(&map, depth)?,
                    View::List(list) => list_to_json(&list, depth)?,
                    View::Struct(fields) => {
                        let mut entries = JsonMap::new();
                        for (name, value) in fields {
                            entries.insert(name.into(), value.to_json_at(depth + 1)?);
                        }
                        Json::Object(entries)
                    }
                },
            },
        })
    }
}

impl Map {
    /// A map of type `of` from a JSON object.
    pub fn from_json(entries: &JsonMap<String, Json>, of: MapType, numbers: Numbers) -> Self {
        let entry =
            |(key, value): (&String, &Json)| (Str::from(key.as_str()), Value::from_json(value, numbers));
        Self::of(of, entries.iter().map(entry).collect())
    }
}

fn float_to_json(value: f64) -> Result<Json, String> {
    let whole = value.fract() == 0.0 && value.abs() < 1e21;
    if whole && (-9.3e18..9.2e18).contains(&value) {
        return Ok(Json::from(value as i64));
    } else if whole && (0.0..1.8e19).contains(&value) {
        return Ok(Json::from(value as u64));
    }
    Number::from_f64(value)
        .map(Json::Number)
        .ok_or_else(|| format!("json: unsupported value: {}", crate::fmt::float(value)))
}

fn list_to_json(list: &List, depth: usize) -> Result<Json, String> {
    if list.is_nil() {
        return Ok(Json::Null);
    }
    if let Some(bytes) = crate::fmt::byte_slice(list) {
        return Ok(Json::String(crate::encoding::base64(&bytes)));
    }
    list.items().iter().map(|item| item.to_json_at(depth + 1)).collect::<Result<Vec<_>, _>>().map(Json::Array)
}

fn map_to_json(map: &Map, depth: usize) -> Result<Json, String> {
    let mut object = JsonMap::new();
    for (key, value) in map.entries().iter() {
        object.insert(key.to_string_lossy().into_owned(), value.to_json_at(depth + 1)?);
    }
    Ok(Json::Object(object))
}
