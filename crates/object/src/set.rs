use crate::{Object, ObjectKey};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Where an object was written: a file of the source and the line its document starts at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// Path inside the artifact, `/`-separated.
    pub file: Arc<str>,
    /// Line of the object's first key, counted from 1; 0 when only the file is known (generated objects).
    pub line: u32,
    /// The document's place in its file, counted from 0.
    pub document: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { f.write_str(&self.file) } else { write!(f, "{}:{}", self.file, self.line) }
    }
}

/// One object of a set and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct SetEntry {
    /// The object.
    pub object: Object,
    /// Its file and line, where known.
    pub origin: Option<Origin>,
}

/// Objects in the order a renderer gave them, each with its origin. May hold duplicates; see
/// [`ObjectSet::duplicates`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObjectSet {
    entries: Vec<SetEntry>,
}

impl ObjectSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an object.
    pub fn push(&mut self, object: Object, origin: Option<Origin>) {
        self.entries.push(SetEntry { object, origin });
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, SetEntry> {
        self.entries.iter()
    }

    /// The entries in order, to change in place.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, SetEntry> {
        self.entries.iter_mut()
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without objects.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every key that occurs more than once, with the indices of its objects, in order of first occurrence.
    pub fn duplicates(&self) -> Vec<(ObjectKey, Vec<usize>)> {
        let mut order = Vec::new();
        let mut seen: HashMap<ObjectKey, Vec<usize>> = HashMap::with_capacity(self.entries.len());
        for (index, entry) in self.entries.iter().enumerate() {
            let key = entry.object.key();
            let indices = seen.entry(key.clone()).or_default();
            if indices.len() == 1 {
                order.push(key);
            }
            indices.push(index);
        }
        order.into_iter().filter_map(|key| seen.remove_entry(&key)).collect()
    }
}

impl FromIterator<SetEntry> for ObjectSet {
    fn from_iter<T: IntoIterator<Item = SetEntry>>(entries: T) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}

impl IntoIterator for ObjectSet {
    type Item = SetEntry;
    type IntoIter = std::vec::IntoIter<SetEntry>;
    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a> IntoIterator for &'a ObjectSet {
    type Item = &'a SetEntry;
    type IntoIter = std::slice::Iter<'a, SetEntry>;
    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}
