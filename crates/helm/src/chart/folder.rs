//! Charts in folders of a file tree.

use super::ignore::{IgnoreError, Rules};
use super::{File, Limits};
use holdfast_tree::{Entry, FileTree, TreeError, resolve};

/// Why a folder cannot be read as a chart.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The tree failed, or a link leads out of it.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// `.helmignore` cannot be read.
    #[error(".helmignore: {0}")]
    Ignore(#[from] IgnoreError),
    /// One file is too large.
    #[error("chart file {path:?} is larger than the maximum file size {limit}")]
    FileTooLarge {
        /// The file's path in the chart.
        path: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// All files together are too large; Helm limits only archives.
    #[error("chart is larger than the maximum size {0}")]
    TooLarge(u64),
    /// Too many files and folders; Helm has no such limit.
    #[error("chart has more than {0} files and folders")]
    TooManyEntries(usize),
    /// Folders nest too deep, or a link makes a cycle.
    #[error("{0}: folders nest deeper than {MAX_DEPTH}")]
    TooDeep(String),
}

/// How deep folders may nest below the chart's; a link into its own parent nests without end.
const MAX_DEPTH: usize = 64;

/// Every file of the folder that `.helmignore` does not leave out, in the order of a walk by name; links are
/// followed inside of the tree.
pub(super) fn read(tree: &dyn FileTree, folder: &str, limits: &mut Limits) -> Result<Vec<File>, FolderError> {
    let root = resolve(tree, folder)?.path;
    let ignore_file = if root.is_empty() { ".helmignore".to_owned() } else { format!("{root}/.helmignore") };
    let rules = match resolve(tree, &ignore_file) {
        Ok(found) => Rules::parse(&String::from_utf8_lossy(&tree.read(&found.path)?))?,
        Err(TreeError::NotFound(_)) => Rules::parse("")?,
        Err(error) => return Err(error.into()),
    };
    let max_entries = limits.entries;
    let mut walk = Walk { tree, rules, limits, max_entries, files: Vec::new() };
    walk.folder(&root, "", 0)?;
    Ok(walk.files)
}

struct Walk<'a> {
    tree: &'a dyn FileTree,
    rules: Rules,
    limits: &'a mut Limits,
    max_entries: usize,
    files: Vec<File>,
}

impl Walk<'_> {
    /// `real` is the folder in the tree, `shown` its path in the chart (they differ behind links).
    fn folder(&mut self, real: &str, shown: &str, depth: usize) -> Result<(), FolderError> {
        if depth > MAX_DEPTH {
            return Err(FolderError::TooDeep(shown.to_owned()));
        }
        for named in self.tree.list(real)? {
            let below = |folder: &str| {
                if folder.is_empty() { named.name.clone() } else { format!("{folder}/{}", named.name) }
            };
            let (mut path, shown) = (below(real), below(shown));
            let mut entry = named.entry.clone();
            if let Entry::Symlink { .. } = &entry {
                let found = resolve(self.tree, &path)?;
                (path, entry) = (found.path, found.entry);
            }
            self.limits.entries =
                self.limits.entries.checked_sub(1).ok_or(FolderError::TooManyEntries(self.max_entries))?;
            match entry {
                Entry::Folder if !self.rules.ignores(&shown, true) => {
                    self.folder(&path, &shown, depth + 1)?
                }
                Entry::File { size, .. } if !self.rules.ignores(&shown, false) => {
                    self.file(&path, &shown, size)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, shown: &str, size: u64) -> Result<(), FolderError> {
        if size > self.limits.file_bytes {
            let limit = self.limits.file_bytes;
            return Err(FolderError::FileTooLarge { path: shown.to_owned(), limit });
        }
        let data = self.tree.read(path)?;
        self.limits.bytes = self
            .limits
            .bytes
            .checked_sub(data.len() as u64)
            .ok_or(FolderError::TooLarge(self.limits.max_bytes))?;
        self.files.push(File::new(shown, data));
        Ok(())
    }
}
