//! Values that never change, to be shared.
//!
//! The defaults of a chart are the same for each of its releases, and no template looks at most of them. So they are
//! read once and *frozen*: any number of renders hold them at the same time, on any thread. A render *thaws* what it
//! touches: a map takes its entries over one level at a time, when somebody first needs them ([`Map::thawed`]), so
//! that laying values over defaults costs what the values touch and not what the defaults hold.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map as JsonMap, Value as Json};

use super::{Entries, List, Map, Numbers, Str, Value};

/// A value that never changes. It nests as deep as the JSON it was made of.
#[derive(Clone)]
pub enum Frozen {
    /// A null.
    Nil,
    /// `bool`
    Bool(bool),
    /// `int64`
    Int64(i64),
    /// `float64`
    Float(f64),
    /// `string`
    Str(Str),
    /// `[]interface {}`
    List(Arc<[Frozen]>),
    /// `map[string]interface {}`
    Map(FrozenMap),
}

/// A map that never changes; a clone is cheap.
#[derive(Clone, Default)]
pub struct FrozenMap {
    /// Sorted by key.
    entries: Arc<[(Str, Frozen)]>,
}

impl Frozen {
    /// A value from JSON.
    pub fn from_json(json: &Json, numbers: Numbers) -> Self {
        match json {
            Json::Array(items) => {
                Self::List(items.iter().map(|item| Self::from_json(item, numbers)).collect())
            }
            Json::Object(entries) => Self::Map(FrozenMap::from_json(entries, numbers)),
            scalar => match Value::from_json(scalar, numbers) {
                Value::Bool(value) => Self::Bool(value),
                Value::Int64(value) => Self::Int64(value),
                Value::Float(value) => Self::Float(value),
                Value::Str(text) => Self::Str(text),
                _ => Self::Nil,
            },
        }
    }

    /// The value as templates see it. The lists in it are copied, the maps not yet.
    pub fn thaw(&self) -> Value {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int64(value) => Value::Int64(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Str(text) => Value::Str(text.clone()),
            Self::List(items) => Value::List(List::new(items.iter().map(Self::thaw).collect())),
            Self::Map(map) => Value::Map(Map::thawed(map.clone())),
        }
    }
}

impl FrozenMap {
    /// A map from a JSON object.
    pub fn from_json(entries: &JsonMap<String, Json>, numbers: Numbers) -> Self {
        let entry =
            |(key, value): (&String, &Json)| (Str::from(key.as_str()), Frozen::from_json(value, numbers));
        let mut entries: Vec<_> = entries.iter().map(entry).collect();
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Self { entries: entries.into() }
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Option<&Frozen> {
        let at = self.entries.binary_search_by(|(found, _)| found.as_bytes().cmp(key)).ok()?;
        Some(&self.entries[at].1)
    }

    /// The entries, sorted by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Str, &Frozen)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether both are the same map, not merely equal ones.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.entries, &other.entries)
    }

    pub(super) fn thaw_entries(&self) -> Entries {
        self.iter().map(|(key, value)| (key.clone(), value.thaw())).collect()
    }
}

/// Only the size: values may be secrets.
impl fmt::Debug for FrozenMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrozenMap({} entries)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frozen() -> FrozenMap {
        let json = serde_json::json!({"b": {"n": 1}, "a": "text", "c": [{"d": null}]});
        let Json::Object(entries) = json else { unreachable!("written as an object") };
        FrozenMap::from_json(&entries, Numbers::Float64)
    }

    fn map(value: Option<Value>) -> Map {
        value.and_then(|value| value.as_map()).expect("a map")
    }

    #[test]
    fn scalars_are_read_without_a_copy() {
        let map = Map::thawed(frozen());
        assert!(map.get(b"a").is_some() && map.get(b"z").is_none() && map.contains_key(b"b"));
        assert_eq!(map.len(), 3);
        assert!(map.frozen().is_some_and(|held| !held.is_empty()));
    }

    #[test]
    fn what_is_set_below_is_seen_by_all_holders_of_the_map_and_by_no_other() {
        let shared = frozen();
        let (one, other) = (Map::thawed(shared.clone()), Map::thawed(shared));
        map(one.get(b"b")).insert("n", Value::Nil);
        assert!(map(one.get(b"b")).get(b"n").is_some_and(|value| value.is_nil()));
        assert!(map(other.get(b"b")).get(b"n").is_some_and(|value| !value.is_nil()));
        assert!(one.frozen().is_none() && one.same(&one.converted(crate::MapType::Any)) && !one.same(&other));
    }

    #[test]
    fn a_map_in_a_list_is_one_map() {
        let outer = Map::thawed(frozen());
        let first = || map(outer.get(b"c").and_then(|list| list.as_list()?.items().first().cloned()));
        first().insert("d", Value::Bool(true));
        assert!(first().get(b"d").is_some_and(|value| value.truth()));
    }
}
