//! Objects by resource, namespace and name under one global revision, with a bounded history for watches and
//! consistent paging.
//!
//! Every write names the revision it replaces, so writers compute without a lock and retry when another was
//! faster. Objects are kept as JSON bytes: a read or a watch event costs a copy, not a parse.

mod checkpoint;
mod object;
mod signal;
mod watch;

pub use checkpoint::Checkpoint;
pub(crate) use object::{Draft, write_json};
pub use object::{Owner, Stored};
pub(crate) use signal::{Receiver, Sender};
pub(crate) use watch::{Cursor, Poll};

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Where objects of a resource are kept: `plural.group`, whatever the version.
pub type Bucket = Arc<str>;

/// Namespace (empty when cluster-scoped) and name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Namespace, or the empty string.
    pub namespace: Box<str>,
    /// Name.
    pub name: Box<str>,
}

impl Name {
    /// A name from its parts.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was created.
    Added,
    /// It was changed.
    Modified,
    /// It was removed; the object is the last state at the revision of the removal.
    Deleted,
}

/// One entry of the history.
#[derive(Debug, Clone)]
pub struct Change {
    /// The revision of the write.
    pub revision: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// The object after the write (before it, when deleted).
    pub object: Arc<Stored>,
    /// The object before the write.
    pub previous: Option<Arc<Stored>>,
}

/// Why a write was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WriteError {
    /// The object exists at another revision than the writer saw, or not at all.
    Raced,
}

#[derive(Debug)]
struct Collection {
    objects: BTreeMap<Name, Arc<Stored>>,
    history: VecDeque<Arc<Change>>,
    /// The revision of the last entry that fell out of the history.
    forgotten: u64,
    signal: Sender,
}

impl Collection {
    fn new() -> Self {
        Self { objects: BTreeMap::new(), history: VecDeque::new(), forgotten: 0, signal: Sender::default() }
    }
}

#[derive(Debug)]
struct Inner {
    revision: u64,
    /// How often the store was put back to an earlier state.
    era: u64,
    collections: HashMap<Bucket, Collection>,
}

/// The objects of one sandbox.
#[derive(Debug)]
pub struct Store {
    inner: RwLock<Inner>,
    /// Sent after every write of any resource.
    any: Sender,
    history: usize,
}

/// A consistent selection of objects.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The revision that the selection is of.
    pub(crate) revision: u64,
    pub(crate) objects: Vec<Arc<Stored>>,
}

impl Store {
    /// An empty store that remembers `history` changes of each resource.
    pub(crate) fn new(history: usize) -> Self {
        Self {
            inner: RwLock::new(Inner { revision: 1, era: 0, collections: HashMap::new() }),
            any: Sender::default(),
            history,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The revision of the last write.
    pub fn revision(&self) -> u64 {
        self.read().revision
    }

    /// One object.
    pub fn get(&self, bucket: &str, name: &Name) -> Option<Arc<Stored>> {
        self.read().collections.get(bucket)?.objects.get(name).cloned()
    }

    /// The objects of a resource in order of namespace and name; of one namespace unless it is empty.
    pub fn list(&self, bucket: &str, namespace: &str) -> Vec<Arc<Stored>> {
        self.snapshot(bucket, namespace).objects
    }

    /// The number of objects of a resource.
    pub fn count(&self, bucket: &str) -> usize {
        self.read().collections.get(bucket).map_or(0, |c| c.objects.len())
    }

    /// As [`Store::list`], with the revision.
    pub(crate) fn snapshot(&self, bucket: &str, namespace: &str) -> Snapshot {
        let inner = self.read();
        let objects =
            inner.collections.get(bucket).map(|c| selected(&c.objects, namespace)).unwrap_or_default();
        Snapshot { revision: inner.revision, objects }
    }

    /// The objects as they were at a revision, or the oldest revision still known when that is forgotten.
    pub(crate) fn snapshot_at(&self, bucket: &str, namespace: &str, at: u64) -> Result<Snapshot, u64> {
        let inner = self.read();
        let Some(collection) = inner.collections.get(bucket) else {
            return Ok(Snapshot { revision: at, objects: Vec::new() });
        };
        if at < collection.forgotten {
            return Err(collection.forgotten);
        }
        let undone = collection.history.iter().rev().take_while(|change| change.revision > at);
        let mut objects = None;
        for change in undone {
            let objects = objects.get_or_insert_with(|| collection.objects.clone());
            let name = change.object.name();
            match &change.previous {
                Some(previous) => objects.insert(name.clone(), previous.clone()),
                None => objects.remove(name),
            };
        }
        let objects = selected(objects.as_ref().unwrap_or(&collection.objects), namespace);
        Ok(Snapshot { revision: at, objects })
    }

    /// Writes an object that replaces the one at revision `expected` (`None`: there must be none).
    pub(crate) fn put(
        &self,
        bucket: &Bucket,
        draft: Draft,
        expected: Option<u64>,
    ) -> Result<Arc<Stored>, WriteError> {
        let mut inner = self.write();
        let revision = inner.revision + 1;
        let collection = inner.collections.entry(bucket.clone()).or_insert_with(Collection::new);
        let previous = collection.objects.get(&draft.name).cloned();
        if previous.as_ref().map(|p| p.revision()) != expected {
            return Err(WriteError::Raced);
        }
        let object = Arc::new(draft.at(revision));
        collection.objects.insert(object.name().clone(), object.clone());
        let kind = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        let change = Change { revision, kind, object: object.clone(), previous };
        self.record(&mut inner, bucket, change);
        Ok(object)
    }

    /// Removes the object at revision `expected`.
    pub(crate) fn remove(
        &self,
        bucket: &Bucket,
        name: &Name,
        expected: u64,
    ) -> Result<Arc<Stored>, WriteError> {
        let mut inner = self.write();
        let revision = inner.revision + 1;
        let Some(collection) = inner.collections.get_mut(bucket) else { return Err(WriteError::Raced) };
        match collection.objects.get(name) {
            Some(current) if current.revision() == expected => {}
            _ => return Err(WriteError::Raced),
        }
        let Some(previous) = collection.objects.remove(name) else { return Err(WriteError::Raced) };
        let object = Arc::new(previous.moved_to(revision));
        let change =
            Change { revision, kind: ChangeKind::Deleted, object: object.clone(), previous: Some(previous) };
        self.record(&mut inner, bucket, change);
        Ok(object)
    }

    fn record(&self, inner: &mut Inner, bucket: &Bucket, change: Change) {
        let revision = change.revision;
        inner.revision = revision;
        if let Some(collection) = inner.collections.get_mut(bucket) {
            collection.history.push_back(Arc::new(change));
            while collection.history.len() > self.history {
                if let Some(old) = collection.history.pop_front() {
                    collection.forgotten = old.revision;
                }
            }
            collection.signal.send();
        }
        self.any.send();
    }

    /// Forgets all history, as a compaction does: watches cannot resume from before this moment.
    pub fn compact(&self) {
        let mut inner = self.write();
        let revision = inner.revision;
        for collection in inner.collections.values_mut() {
            collection.history.clear();
            collection.forgotten = revision;
        }
    }

    /// The buckets that hold or held objects.
    pub(crate) fn buckets(&self) -> Vec<Bucket> {
        let mut buckets: Vec<Bucket> = self.read().collections.keys().cloned().collect();
        buckets.sort();
        buckets
    }

    /// How many these are.
    pub(crate) fn bucket_count(&self) -> usize {
        self.read().collections.len()
    }

    /// A receiver that changes with every write.
    pub(crate) fn any_change(&self) -> Receiver {
        self.any.subscribe()
    }
}

fn selected(objects: &BTreeMap<Name, Arc<Stored>>, namespace: &str) -> Vec<Arc<Stored>> {
    if namespace.is_empty() {
        return objects.values().cloned().collect();
    }
    objects
        .range(Name::new(namespace, "")..)
        .take_while(|(name, _)| &*name.namespace == namespace)
        .map(|(_, object)| object.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn draft(namespace: &str, name: &str, mark: &str) -> Draft {
        Draft::new(
            &json!({"metadata": {"name": name, "namespace": namespace, "uid": mark, "labels": {"a": mark}}}),
        )
    }

    #[test]
    fn a_write_names_the_revision_it_replaces() {
        let store = Store::new(10);
        let bucket: Bucket = "a".into();
        let first = store.put(&bucket, draft("n", "x", "1"), None).unwrap();
        assert_eq!(store.put(&bucket, draft("n", "x", "2"), None), Err(WriteError::Raced));
        let second = store.put(&bucket, draft("n", "x", "2"), Some(first.revision())).unwrap();
        assert_eq!(store.remove(&bucket, first.name(), first.revision()), Err(WriteError::Raced));
        let gone = store.remove(&bucket, first.name(), second.revision()).unwrap();
        assert!(gone.revision() > second.revision());
        assert!(store.list("a", "").is_empty());
    }

    #[test]
    fn the_past_can_be_listed_until_it_is_forgotten() {
        let store = Store::new(2);
        let bucket: Bucket = "a".into();
        let one = store.put(&bucket, draft("n", "x", "1"), None).unwrap();
        let two = store.put(&bucket, draft("n", "y", "1"), None).unwrap();
        store.remove(&bucket, one.name(), one.revision()).unwrap();
        let names = |at| -> Vec<String> {
            let snapshot = store.snapshot_at("a", "n", at).unwrap();
            snapshot.objects.iter().map(|o| o.name().name.to_string()).collect()
        };
        assert_eq!(names(one.revision()), ["x"]);
        assert_eq!(names(two.revision()), ["x", "y"]);
        assert_eq!(names(store.revision()), ["y"]);
        assert_eq!(store.snapshot_at("a", "n", one.revision() - 1).unwrap_err(), one.revision());
    }

    #[test]
    fn namespaces_do_not_leak_into_each_other() {
        let store = Store::new(2);
        let bucket: Bucket = "a".into();
        for namespace in ["n", "n-1", "m"] {
            store.put(&bucket, draft(namespace, "x", "1"), None).unwrap();
        }
        assert_eq!(store.list("a", "n").len(), 1);
        assert_eq!(store.list("a", "").len(), 3);
        assert_eq!(store.list("b", "").len(), 0);
    }
}
