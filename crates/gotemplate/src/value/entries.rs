//! The entries of a map: found by hash, listed in the order of their keys.
//!
//! Templates look far more keys up than they list, so a lookup must not cost a search through sorted keys. The entries
//! know whether they stand in order; they are sorted when somebody lists them after a key came in between.

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::{Str, Value};

/// What a [`Map`](super::Map) is made of.
#[derive(Default)]
pub struct Entries {
    by_key: IndexMap<Str, Value, RandomState>,
    unsorted: bool,
}

impl Entries {
    /// No entry.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        self.by_key.get(key)
    }

    /// Gives `key` a value and returns the one it had.
    pub fn insert(&mut self, key: Str, value: Value) -> Option<Value> {
        let in_order = self.by_key.last().is_none_or(|(last, _)| *last < key);
        let previous = self.by_key.insert(key, value);
        self.unsorted |= !in_order && previous.is_none();
        previous
    }

    /// Removes `key` and returns its value.
    pub fn remove(&mut self, key: &[u8]) -> Option<Value> {
        let (at, _, value) = self.by_key.swap_remove_full(key)?;
        // The last entry takes the place.
        self.unsorted |= at < self.by_key.len();
        Some(value)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The entries in the order of their keys, which [`Map::entries`](super::Map::entries) has seen to.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Str, &Value)> {
        debug_assert!(!self.unsorted, "a map sorts its entries before it shows them");
        self.by_key.iter()
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Str> {
        self.iter().map(|(key, _)| key)
    }

    /// The values, in the order of their keys.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.iter().map(|(_, value)| value)
    }

    pub(super) fn is_sorted(&self) -> bool {
        !self.unsorted
    }

    pub(super) fn sort(&mut self) {
        self.by_key.sort_unstable_keys();
        self.unsorted = false;
    }

    /// The values in any order.
    pub(super) fn unordered(&self) -> impl Iterator<Item = &Value> {
        self.by_key.values()
    }

    pub(super) fn into_values(self) -> impl Iterator<Item = Value> {
        self.by_key.into_values()
    }
}

impl FromIterator<(Str, Value)> for Entries {
    fn from_iter<T: IntoIterator<Item = (Str, Value)>>(entries: T) -> Self {
        let entries = entries.into_iter();
        let by_key = IndexMap::with_capacity_and_hasher(entries.size_hint().0, RandomState::default());
        let mut all = Self { by_key, unsorted: false };
        for (key, value) in entries {
            all.insert(key, value);
        }
        all
    }
}

impl<const N: usize> From<[(Str, Value); N]> for Entries {
    fn from(entries: [(Str, Value); N]) -> Self {
        entries.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Map, Str, Value};

    #[test]
    fn entries_are_listed_in_order_whatever_came_and_went() {
        let map = Map::new(super::Entries::new());
        let keys = || map.entries().keys().map(Str::to_string).collect::<Vec<_>>().concat();
        for key in ["b", "d", "c", "a", "d"] {
            map.insert(key, Value::from(key));
        }
        assert_eq!(keys(), "abcd");
        map.remove(b"a");
        map.insert("e", Value::Nil);
        assert_eq!(keys(), "bcde");
        map.remove(b"e");
        assert_eq!(keys(), "bcd");
        assert!(map.get(b"c").is_some_and(|value| value.truth()) && map.get(b"a").is_none());
    }
}
