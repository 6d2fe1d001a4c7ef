use crate::{Entry, FileTree, Named, TreeError, normalize, parent};
use bytes::Bytes;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Node {
    File(Bytes, bool),
    Folder,
    Link(String),
}

/// A tree held in memory: unpacked archives, generated files, tests.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    nodes: BTreeMap<String, Node>,
}

impl MemoryTree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a file at a path, with the folders above it; a path that leads above the root is ignored.
    pub fn insert(&mut self, path: &str, content: impl Into<Bytes>) {
        self.put(path, Node::File(content.into(), false));
    }

    /// Puts an executable file at a path.
    pub fn insert_executable(&mut self, path: &str, content: impl Into<Bytes>) {
        self.put(path, Node::File(content.into(), true));
    }

    /// Puts an empty folder at a path.
    pub fn insert_folder(&mut self, path: &str) {
        self.put(path, Node::Folder);
    }

    /// Puts a symbolic link at a path.
    pub fn insert_link(&mut self, path: &str, target: &str) {
        self.put(path, Node::Link(target.to_owned()));
    }

    /// Every path that is not a folder, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter(|(_, node)| !matches!(node, Node::Folder)).map(|(path, _)| path.as_str())
    }

    fn put(&mut self, path: &str, node: Node) {
        let Some(path) = normalize(path).filter(|p| !p.is_empty()) else { return };
        let mut above = parent(&path);
        while !above.is_empty() {
            self.nodes.entry(above.to_owned()).or_insert(Node::Folder);
            above = parent(above);
        }
        self.nodes.insert(path, node);
    }
}

fn describe(node: &Node) -> Entry {
    match node {
        Node::File(content, executable) => {
            Entry::File { size: content.len() as u64, executable: *executable }
        }
        Node::Folder => Entry::Folder,
        Node::Link(target) => Entry::Symlink { target: target.clone() },
    }
}

impl FileTree for MemoryTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        if path.is_empty() {
            return Ok(Some(Entry::Folder));
        }
        Ok(self.nodes.get(path).map(describe))
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        match self.nodes.get(path) {
            Some(Node::File(content, _)) => Ok(content.clone()),
            Some(_) => Err(TreeError::NotAFile(path.to_owned())),
            None if path.is_empty() => Err(TreeError::NotAFile(path.to_owned())),
            None => Err(TreeError::NotFound(path.to_owned())),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        match self.nodes.get(path) {
            Some(Node::Folder) => {}
            None if path.is_empty() => {}
            Some(_) => return Err(TreeError::NotAFolder(path.to_owned())),
            None => return Err(TreeError::NotFound(path.to_owned())),
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let below = self.nodes.range(prefix.clone()..).take_while(|(p, _)| p.starts_with(&prefix));
        let mut entries: Vec<Named> = below
            .filter(|(p, _)| !p[prefix.len()..].is_empty() && !p[prefix.len()..].contains('/'))
            .map(|(p, node)| Named { name: p[prefix.len()..].to_owned(), entry: describe(node) })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_with_their_files() {
        let mut tree = MemoryTree::new();
        tree.insert("a/b/c.yaml", "x");
        tree.insert("a/d", "y");
        tree.insert("a-b", "z");
        tree.insert("../out", "ignored");
        let names = |path: &str| tree.list(path).unwrap().into_iter().map(|n| n.name).collect::<Vec<_>>();
        assert_eq!(names(""), ["a", "a-b"]);
        assert_eq!(names("a"), ["b", "d"]);
        assert_eq!(tree.read("a/b/c.yaml").unwrap(), "x");
        assert_eq!(tree.read("a"), Err(TreeError::NotAFile("a".into())));
        assert_eq!(tree.list("a/d"), Err(TreeError::NotAFolder("a/d".into())));
        assert_eq!(tree.paths().collect::<Vec<_>>(), ["a-b", "a/b/c.yaml", "a/d"]);
    }
}
