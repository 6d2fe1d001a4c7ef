//! Read-only file trees: what the renderers read instead of a disk.
//!
//! A [`FileTree`] may be a commit in a Git object database, an unpacked archive in memory or a folder; renderers
//! cannot tell and cannot write. Paths are `/`-separated, relative to the tree's root, and normalised
//! ([`normalize`]): no `.`, no `..`, no empty parts; the root is `""`. Symbolic links are data here: [`resolve`]
//! follows them and refuses to leave the tree.
//!
//! This crate does no I/O itself; the disk-backed tree lives with the sources.

mod hashed;
mod memory;
mod mounted;
mod overlay;
mod path;

pub use hashed::HashedTree;
pub use memory::MemoryTree;
pub use mounted::MountedTree;
pub use overlay::OverlayTree;
pub use path::{MAX_LINKS, Resolved, join, normalize, parent, resolve};

use bytes::Bytes;

/// What stands at a path of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File {
        /// Size in bytes.
        size: u64,
        /// Whether the executable bit is set.
        executable: bool,
    },
    /// A folder.
    Folder,
    /// A symbolic link and its target as written.
    Symlink {
        /// The link's text.
        target: String,
    },
}

/// A named entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The last part of the path.
    pub name: String,
    /// What stands there; links are not followed.
    pub entry: Entry,
}

/// Why a tree could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Nothing is at the path.
    #[error("{0}: no such file or folder")]
    NotFound(String),
    /// A file was expected and the path names something else.
    #[error("{0}: not a file")]
    NotAFile(String),
    /// A folder was expected and the path names something else.
    #[error("{0}: not a folder")]
    NotAFolder(String),
    /// The path, or a link on it, leads out of the tree.
    #[error("{0}: leads outside of the tree")]
    Escapes(String),
    /// Too many links on the way: a cycle, or [`MAX_LINKS`] of them.
    #[error("{0}: too many levels of symbolic links")]
    TooManyLinks(String),
    /// The file is larger than the tree's limit for one file, which is called `file_bytes` wherever it is set.
    #[error("{path}: {size} bytes, more than the limit file_bytes of {limit}")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The storage under the tree failed.
    #[error("{path}: {message}")]
    Storage {
        /// The path being read.
        path: String,
        /// What the storage said.
        message: String,
    },
}

/// A read-only tree of files. Paths are normalised; the methods do not follow links (see [`resolve`]).
pub trait FileTree: Send + Sync {
    /// What stands at the path, or `None`. The root is always a folder.
    ///
    /// # Errors
    /// [`TreeError::Storage`] when the storage fails; absence is no error.
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError>;

    /// A file's bytes.
    ///
    /// # Errors
    /// [`TreeError`] when the path names no file, the file is over the tree's size limit or the storage fails.
    fn read(&self, path: &str) -> Result<Bytes, TreeError>;

    /// A folder's entries, sorted by name (as bytes).
    ///
    /// # Errors
    /// [`TreeError`] when the path names no folder or the storage fails.
    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError>;

    /// A hash of everything at and below the path that changes whenever any of it changes (a Git tree id, say),
    /// where the storage has one without reading the files.
    fn subtree_hash(&self, path: &str) -> Option<String> {
        let _ = path;
        None
    }

    /// The commit that a folder stands for when it is a Git submodule, whose files are another repository's: here it
    /// is empty.
    fn submodule(&self, path: &str) -> Option<String> {
        let _ = path;
        None
    }
}

impl<T: FileTree + ?Sized> FileTree for &T {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        (**self).entry(path)
    }
    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        (**self).read(path)
    }
    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        (**self).list(path)
    }
    fn subtree_hash(&self, path: &str) -> Option<String> {
        (**self).subtree_hash(path)
    }
    fn submodule(&self, path: &str) -> Option<String> {
        (**self).submodule(path)
    }
}

impl<T: FileTree + ?Sized> FileTree for std::sync::Arc<T> {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        (**self).entry(path)
    }
    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        (**self).read(path)
    }
    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        (**self).list(path)
    }
    fn subtree_hash(&self, path: &str) -> Option<String> {
        (**self).subtree_hash(path)
    }
    fn submodule(&self, path: &str) -> Option<String> {
        (**self).submodule(path)
    }
}
