use super::{Bucket, Change, Collection, Receiver, Store};
use std::sync::Arc;

/// How many changes a reader takes at once.
const BATCH: usize = 256;

/// A reader's place in a resource's history. It holds no queue: a reader that falls behind the history is told
/// so instead of holding memory.
#[derive(Debug)]
pub(crate) struct Cursor {
    bucket: Bucket,
    seen: u64,
    era: u64,
    signal: Receiver,
}

/// What a reader finds.
#[derive(Debug)]
pub(crate) enum Poll {
    /// Changes in order, none when nothing is new.
    Changes(Vec<Arc<Change>>),
    /// The history after the reader's place is gone; holds the revision up to which it is.
    Lost(u64),
}

impl Cursor {
    /// The revision up to which everything was read.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Whether there may be something new.
    pub(crate) fn has_changed(&self) -> bool {
        self.signal.has_changed()
    }

    /// Waits until there may be something new.
    pub(crate) async fn changed(&mut self) {
        self.signal.changed().await;
    }
}

impl Store {
    /// A reader of the changes after `revision`.
    pub(crate) fn follow(&self, bucket: &Bucket, revision: u64) -> Cursor {
        let mut inner = self.write();
        let era = inner.era;
        let collection = inner.collections.entry(bucket.clone()).or_insert_with(Collection::new);
        Cursor { bucket: bucket.clone(), seen: revision, era, signal: collection.signal.subscribe() }
    }

    /// As [`Store::follow`], for who asks [`Cursor::has_changed`] first: there may be something since `revision`.
    pub(crate) fn follow_from(&self, bucket: &Bucket, revision: u64) -> Cursor {
        let mut cursor = self.follow(bucket, revision);
        cursor.signal.mark_changed();
        cursor
    }

    /// The next changes for a reader.
    pub(crate) fn poll(&self, cursor: &mut Cursor) -> Poll {
        cursor.signal.mark_unchanged();
        let inner = self.read();
        let Some(collection) = inner.collections.get(&cursor.bucket) else {
            return Poll::Changes(Vec::new());
        };
        // What was read before the store was put back tells nothing of now.
        if cursor.era != inner.era || cursor.seen < collection.forgotten {
            return Poll::Lost(collection.forgotten);
        }
        let history = &collection.history;
        let start = history.partition_point(|change| change.revision <= cursor.seen);
        let changes: Vec<_> = history.range(start..).take(BATCH).cloned().collect();
        cursor.seen = match changes.last() {
            Some(last) if changes.len() == BATCH => {
                cursor.signal.mark_changed();
                last.revision
            }
            _ => cursor.seen.max(inner.revision),
        };
        Poll::Changes(changes)
    }
}
