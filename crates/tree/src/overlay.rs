use crate::{Entry, FileTree, MemoryTree, Named, TreeError};
use bytes::Bytes;
use std::collections::BTreeMap;

/// A tree with files of another laid over it: generated or decrypted files over an artifact that stays untouched.
///
/// A file in the upper tree hides whatever stands at its path below; folders merge.
#[derive(Debug, Clone)]
pub struct OverlayTree<T> {
    base: T,
    upper: MemoryTree,
}

impl<T: FileTree> OverlayTree<T> {
    /// Lays `upper` over `base`.
    pub fn new(base: T, upper: MemoryTree) -> Self {
        Self { base, upper }
    }

    /// The upper tree, to add files to.
    pub fn upper_mut(&mut self) -> &mut MemoryTree {
        &mut self.upper
    }
}

impl<T: FileTree> FileTree for OverlayTree<T> {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        match self.upper.entry(path)? {
            Some(entry) => Ok(Some(entry)),
            None => self.base.entry(path),
        }
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        match self.upper.read(path) {
            Err(TreeError::NotFound(_)) => self.base.read(path),
            other => other,
        }
    }

    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        let above = match self.upper.list(path) {
            Err(TreeError::NotFound(_)) => return self.base.list(path),
            other => other?,
        };
        let below = match self.base.list(path) {
            Err(TreeError::NotFound(_) | TreeError::NotAFolder(_)) => Vec::new(),
            other => other?,
        };
        let merged: BTreeMap<String, Entry> =
            below.into_iter().chain(above).map(|named| (named.name, named.entry)).collect();
        Ok(merged.into_iter().map(|(name, entry)| Named { name, entry }).collect())
    }

    fn subtree_hash(&self, path: &str) -> Option<String> {
        // Only where nothing of the upper tree lies at or below the path does the base's hash still tell all.
        match self.upper.entry(path) {
            Ok(None) => self.base.subtree_hash(path),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_tree_hides_files_and_merges_folders() {
        let mut base = MemoryTree::new();
        base.insert("app/a.yaml", "below");
        base.insert("app/b.yaml", "below");
        let mut upper = MemoryTree::new();
        upper.insert("app/b.yaml", "above");
        upper.insert("app/c.yaml", "above");
        let tree = OverlayTree::new(base, upper);
        let names: Vec<_> = tree.list("app").unwrap().into_iter().map(|n| n.name).collect();
        assert_eq!(names, ["a.yaml", "b.yaml", "c.yaml"]);
        assert_eq!(tree.read("app/a.yaml").unwrap(), "below");
        assert_eq!(tree.read("app/b.yaml").unwrap(), "above");
        assert!(matches!(tree.read("x"), Err(TreeError::NotFound(_))));
    }
}
