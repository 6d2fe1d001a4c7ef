use bytes::Bytes;
use holdfast_tree::{Entry, FileTree, Named, TreeError};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A tree that notes what is read of it, with the hash of each: what a render depends on.
pub(crate) struct RecordingTree<'a> {
    tree: &'a dyn FileTree,
    reads: Mutex<BTreeMap<String, Option<String>>>,
}

impl<'a> RecordingTree<'a> {
    pub(crate) fn new(tree: &'a dyn FileTree) -> Self {
        Self { tree, reads: Mutex::default() }
    }

    /// The paths that were read and their hashes; `None` for a path where nothing stood.
    pub(crate) fn into_reads(self) -> Vec<(String, Option<String>)> {
        self.reads.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_iter().collect()
    }

    fn note(&self, path: &str) {
        let hash = self.tree.subtree_hash(path);
        let mut reads = self.reads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        reads.entry(path.to_owned()).or_insert(hash);
    }
}

impl FileTree for RecordingTree<'_> {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        let entry = self.tree.entry(path)?;
        // That a folder stands there is noted by what is then listed or read of it; its content does not matter.
        if !matches!(entry, Some(Entry::Folder)) {
            self.note(path);
        }
        Ok(entry)
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        self.note(path);
        self.tree.read(path)
    }

    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        self.note(path);
        self.tree.list(path)
    }

    fn subtree_hash(&self, path: &str) -> Option<String> {
        self.tree.subtree_hash(path)
    }
}
