use crate::{Entry, FileTree, MemoryTree, Named, TreeError};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// An unpacked archive that knows a hash of each of its folders and files, so that renders of it can be remembered.
#[derive(Debug, Clone)]
pub struct HashedTree {
    tree: MemoryTree,
    hashes: HashMap<String, [u8; 32]>,
}

impl HashedTree {
    /// Hashes every folder and file once.
    pub fn new(tree: MemoryTree) -> Self {
        let mut hashes: HashMap<String, [u8; 32]> = HashMap::new();
        // A folder comes up twice: to name the folders in it, and once they are hashed.
        let mut todo = vec![(String::new(), false)];
        while let Some((folder, is_listed)) = todo.pop() {
            let below = tree.list(&folder).unwrap_or_default();
            let at =
                |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
            if !is_listed {
                todo.push((folder.clone(), true));
                todo.extend(below.iter().filter(|n| n.entry == Entry::Folder).map(|n| (at(&n.name), false)));
                continue;
            }
            let mut hash = Sha256::new();
            for named in &below {
                let path = at(&named.name);
                if named.entry != Entry::Folder {
                    hashes.insert(path.clone(), leaf(&tree, &path, &named.entry));
                }
                hash.update((named.name.len() as u64).to_le_bytes());
                hash.update(&named.name);
                hash.update(hashes.get(&path).copied().unwrap_or_default());
            }
            hashes.insert(folder, hash.finalize().into());
        }
        Self { tree, hashes }
    }
}

/// The kind counts: a file that became executable, or a link, is a change.
fn leaf(tree: &MemoryTree, path: &str, entry: &Entry) -> [u8; 32] {
    let mut hash = Sha256::new();
    match entry {
        Entry::File { executable, .. } => {
            hash.update(if *executable { b"x" } else { b"f" });
            hash.update(tree.read(path).unwrap_or_default());
        }
        Entry::Symlink { target } => {
            hash.update(b"l");
            hash.update(target);
        }
        Entry::Folder => {}
    }
    hash.finalize().into()
}

impl FileTree for HashedTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        self.tree.entry(path)
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        self.tree.read(path)
    }

    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        self.tree.list(path)
    }

    fn subtree_hash(&self, path: &str) -> Option<String> {
        self.hashes.get(path).map(hex::encode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_changes_with_what_is_below_and_with_nothing_else() {
        let tree = |files: &[(&str, &str)]| {
            let mut tree = MemoryTree::new();
            files.iter().for_each(|(path, content)| tree.insert(path, (*content).to_owned()));
            HashedTree::new(tree)
        };
        let one = tree(&[("a/x", "1"), ("b/y", "2")]);
        let other = tree(&[("a/x", "1"), ("b/y", "3")]);
        assert_eq!(one.subtree_hash("a"), other.subtree_hash("a"));
        assert_ne!(one.subtree_hash("b"), other.subtree_hash("b"));
        assert_ne!(one.subtree_hash(""), other.subtree_hash(""));
        assert_ne!(one.subtree_hash("b/y"), other.subtree_hash("b/y"));
        assert_eq!(one.subtree_hash("c"), None);
        assert_ne!(tree(&[("ab/c", "")]).subtree_hash(""), tree(&[("a/bc", "")]).subtree_hash(""));
    }
}
