use super::{Bucket, Collection, Name, Store, Stored};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Every object at one revision, as a backup holds them. Objects are shared, not copied.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    revision: u64,
    objects: HashMap<Bucket, BTreeMap<Name, Arc<Stored>>>,
}

impl Checkpoint {
    /// The revision of the last write that is in it.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

impl Store {
    /// What is there now.
    pub fn checkpoint(&self) -> Checkpoint {
        let inner = self.read();
        let objects = inner.collections.iter().map(|(bucket, c)| (bucket.clone(), c.objects.clone()));
        Checkpoint { revision: inner.revision, objects: objects.collect() }
    }

    /// Puts everything back to a checkpoint. The revision goes back too, so that revisions come twice, and the history
    /// is gone: readers are told that they have lost their place.
    pub(crate) fn restore(&self, checkpoint: &Checkpoint) {
        let mut inner = self.write();
        inner.revision = checkpoint.revision;
        inner.era += 1;
        for collection in inner.collections.values_mut() {
            collection.objects.clear();
            collection.history.clear();
            collection.forgotten = checkpoint.revision;
        }
        for (bucket, objects) in &checkpoint.objects {
            let collection = inner.collections.entry(bucket.clone()).or_insert_with(Collection::new);
            collection.objects.clone_from(objects);
            collection.forgotten = checkpoint.revision;
        }
        // In order of their names, so that a seed decides who wakes first.
        let mut collections: Vec<_> = inner.collections.iter().collect();
        collections.sort_by(|one, two| one.0.cmp(two.0));
        collections.into_iter().for_each(|(_, collection)| collection.signal.send());
        self.any.send();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Draft, Poll};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_restore_takes_revisions_and_objects_back_and_tells_readers() {
        let store = Store::new(10);
        let bucket: Bucket = "a".into();
        let put = |name: &str, expected| {
            let draft = Draft::new(&json!({"metadata": {"name": name, "uid": name}}));
            store.put(&bucket, draft, expected).unwrap()
        };
        let first = put("x", None);
        let checkpoint = store.checkpoint();
        put("x", Some(first.revision()));
        put("y", None);
        let mut cursor = store.follow(&bucket, store.revision());
        store.restore(&checkpoint);
        assert_eq!((store.revision(), store.count("a")), (first.revision(), 1));
        assert_eq!(put("y", None).revision(), first.revision() + 1, "revisions come twice");
        assert!(matches!(store.poll(&mut cursor), Poll::Lost(_)));
    }
}
