//! A folder of the disk as a tree.

use holdfast_tree::MemoryTree;
use std::path::Path;

/// Reads everything below a folder; a folder that does not exist is empty.
pub(crate) fn read(root: &Path) -> MemoryTree {
    let mut tree = MemoryTree::new();
    if root.is_dir() {
        add(root, "", &mut tree);
    }
    tree
}

fn add(folder: &Path, prefix: &str, tree: &mut MemoryTree) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        let kind = entry.file_type().unwrap();
        if kind.is_symlink() {
            tree.insert_link(&path, std::fs::read_link(entry.path()).unwrap().to_str().unwrap());
        } else if kind.is_dir() {
            tree.insert_folder(&path);
            add(&entry.path(), &path, tree);
        } else {
            tree.insert(&path, std::fs::read(entry.path()).unwrap());
        }
    }
}
