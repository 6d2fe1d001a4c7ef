use crate::{Entry, FileTree, Named, TreeError};
use bytes::Bytes;
use std::collections::BTreeMap;

/// A tree with other trees in place of some of its folders: a repository with its submodules.
///
/// Whatever stands in such a folder is hidden. A mount whose folder is not there is reached by its path, and no listing
/// names it. Links are data, so one that leads from a
/// mounted tree into the base is followed like any other, and none leaves the whole.
#[derive(Debug, Clone)]
pub struct MountedTree<T> {
    base: T,
    mounts: BTreeMap<String, T>,
}

impl<T: FileTree> MountedTree<T> {
    /// Puts trees in place of the folders of `base` at these paths.
    pub fn new(base: T, mounts: BTreeMap<String, T>) -> Self {
        Self { base, mounts }
    }

    /// The tree that a path belongs to, and the path in it: the deepest mount at or above it.
    fn place<'p>(&self, path: &'p str) -> (&T, &'p str) {
        let mut at = path;
        loop {
            if let Some(mounted) = self.mounts.get(at) {
                return (mounted, path[at.len()..].trim_start_matches('/'));
            }
            match at.rsplit_once('/') {
                Some((above, _)) => at = above,
                None => return (&self.base, path),
            }
        }
    }
}

impl<T: FileTree> FileTree for MountedTree<T> {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        let (tree, path) = self.place(path);
        tree.entry(path)
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        let (tree, path) = self.place(path);
        tree.read(path)
    }

    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        let (tree, path) = self.place(path);
        tree.list(path)
    }

    /// The hash of a folder with mounts below it is made of theirs too.
    fn subtree_hash(&self, path: &str) -> Option<String> {
        let (tree, inner) = self.place(path);
        let mut hash = tree.subtree_hash(inner)?;
        let is_below = |mount: &str| {
            mount != path && (path.is_empty() || mount.strip_prefix(path).is_some_and(|r| r.starts_with('/')))
        };
        for mounted in self.mounts.iter().filter(|(at, _)| is_below(at)).map(|(_, tree)| tree) {
            hash = format!("{hash}+{}", mounted.subtree_hash("")?);
        }
        Some(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryTree;

    #[test]
    fn each_path_belongs_to_the_deepest_mount_above_it() {
        let tree = |files: &[(&str, &'static str)]| {
            let mut tree = MemoryTree::new();
            files.iter().for_each(|(path, text)| tree.insert(path, *text));
            tree
        };
        let mut base = tree(&[("a.yaml", "base"), ("lib/hidden.yaml", "base"), ("library/b.yaml", "base")]);
        base.insert_folder("lib");
        let mut lib = tree(&[("c.yaml", "lib")]);
        lib.insert_folder("deep");
        let mounts = [("lib".to_owned(), lib), ("lib/deep".to_owned(), tree(&[("d.yaml", "deep")]))];
        let tree = MountedTree::new(base, mounts.into());
        let read = |path: &str| tree.read(path).map(|b| String::from_utf8(b.to_vec()).unwrap());
        assert_eq!(read("a.yaml").as_deref(), Ok("base"));
        assert_eq!(read("library/b.yaml").as_deref(), Ok("base"));
        assert_eq!(read("lib/c.yaml").as_deref(), Ok("lib"));
        assert_eq!(read("lib/deep/d.yaml").as_deref(), Ok("deep"));
        assert!(read("lib/hidden.yaml").is_err());
        let names = |path: &str| -> Vec<String> {
            tree.list(path).unwrap().into_iter().map(|named| named.name).collect()
        };
        assert_eq!(names(""), ["a.yaml", "lib", "library"]);
        assert_eq!(names("lib"), ["c.yaml", "deep"]);
        assert_eq!(tree.entry("lib/deep"), Ok(Some(Entry::Folder)));
    }
}
