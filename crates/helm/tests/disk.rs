//! The file system as a file tree, for development.

use bytes::Bytes;
use holdfast_tree::{Entry, FileTree, Named, TreeError};
use std::path::PathBuf;

/// The file system from its root.
pub(crate) struct DiskTree;

impl DiskTree {
    fn at(path: &str) -> PathBuf {
        PathBuf::from(format!("/{path}"))
    }

    fn failed(path: &str, error: &std::io::Error) -> TreeError {
        match error.kind() {
            std::io::ErrorKind::NotFound => TreeError::NotFound(path.to_owned()),
            _ => TreeError::Storage { path: path.to_owned(), message: error.to_string() },
        }
    }
}

impl FileTree for DiskTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        let at = Self::at(path);
        let found = match std::fs::symlink_metadata(&at) {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Self::failed(path, &error)),
        };
        if found.is_symlink() {
            let target = std::fs::read_link(&at).map_err(|error| Self::failed(path, &error))?;
            return Ok(Some(Entry::Symlink { target: target.to_string_lossy().into_owned() }));
        }
        if found.is_dir() {
            return Ok(Some(Entry::Folder));
        }
        Ok(Some(Entry::File { size: found.len(), executable: false }))
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        std::fs::read(Self::at(path)).map(Bytes::from).map_err(|error| Self::failed(path, &error))
    }

    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        let entries = std::fs::read_dir(Self::at(path)).map_err(|error| Self::failed(path, &error))?;
        let mut named = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| Self::failed(path, &error))?.file_name();
            let name = name.to_string_lossy().into_owned();
            if let Some(entry) = self.entry(&format!("{path}/{name}"))? {
                named.push(Named { name, entry });
            }
        }
        named.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(named)
    }
}
