//! A commit's files, read from the object database.

use super::objects::{MAX_TREE_BYTES, Objects, one_line};
use crate::{Artifact, Limits, Revision, SourceError};
use bytes::Bytes;
use gix::ObjectId;
use gix::objs::tree::{EntryKind, EntryMode};
use holdfast_tree::{Entry, FileTree, Named, TreeError, parent};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The artifact of a commit; `None` where the commit is not there.
pub(crate) fn artifact_at(
    objects: Arc<Objects>,
    revision: &Revision,
    commit: ObjectId,
    limits: &Limits,
) -> Result<Option<Artifact>, SourceError> {
    let Some((described, tree)) = objects.commit(commit)? else { return Ok(None) };
    Ok(Some(Artifact {
        revision: revision.clone(),
        digest: format!("sha1:{tree}"),
        commit: Some(described),
        metadata: Vec::new(),
        tree: Arc::new(GitTree::new(objects, tree, limits.file_bytes)),
    }))
}

/// The files of one commit. Nothing is checked out; a submodule is an empty folder, as after a plain clone.
pub struct GitTree {
    objects: Arc<Objects>,
    root: ObjectId,
    max_file_bytes: u64,
    folders: RwLock<Folders>,
}

/// Decoded tree objects, by hash.
#[derive(Default)]
struct Folders {
    by_id: HashMap<ObjectId, Arc<Vec<Item>>>,
    entries: usize,
}

#[derive(Debug, Clone)]
struct Item {
    name: String,
    mode: EntryMode,
    id: ObjectId,
}

/// Decoded entries that are kept; beyond, the cache starts afresh.
const MAX_CACHED_ENTRIES: usize = 200_000;

/// The longest symbolic link that is read; Linux' own limit.
const MAX_LINK_BYTES: u64 = 4096;

impl GitTree {
    pub(crate) fn new(objects: Arc<Objects>, root: ObjectId, max_file_bytes: u64) -> Self {
        Self { objects, root, max_file_bytes, folders: RwLock::default() }
    }

    /// The entry at a path, or `None`. The root is no entry.
    fn find(&self, path: &str) -> Result<Option<Item>, TreeError> {
        let mut folder = self.root;
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let items = self.folder(folder, path)?;
            let Ok(at) = items.binary_search_by(|item| item.name.as_str().cmp(part)) else { return Ok(None) };
            let item = &items[at];
            if parts.peek().is_none() {
                return Ok(Some(item.clone()));
            }
            if !item.mode.is_tree() {
                return Ok(None);
            }
            folder = item.id;
        }
        Ok(None)
    }

    fn folder(&self, id: ObjectId, path: &str) -> Result<Arc<Vec<Item>>, TreeError> {
        if let Some(found) = self.folders.read().unwrap_or_else(PoisonError::into_inner).by_id.get(&id) {
            return Ok(found.clone());
        }
        let decoded = Arc::new(self.decode(id, path)?);
        let mut folders = self.folders.write().unwrap_or_else(PoisonError::into_inner);
        if folders.entries > MAX_CACHED_ENTRIES {
            *folders = Folders::default();
        }
        folders.entries += decoded.len();
        folders.by_id.insert(id, decoded.clone());
        Ok(decoded)
    }

    fn decode(&self, id: ObjectId, path: &str) -> Result<Vec<Item>, TreeError> {
        let data = self.inner_object(id, path, MAX_TREE_BYTES)?;
        let tree = gix::objs::TreeRef::from_bytes(&data, id.kind()).map_err(|e| storage(path, &e))?;
        let safe = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
        let items = tree.entries.iter().map(|entry| Item {
            name: String::from_utf8_lossy(entry.filename).into_owned(),
            mode: entry.mode,
            id: entry.oid.to_owned(),
        });
        let mut items: Vec<Item> = items.filter(|item| safe(&item.name)).collect();
        // Git sorts folders as if their names ended with a slash; a listing is sorted by plain name.
        items.sort_by(|a, b| a.name.cmp(&b.name));
        items.dedup_by(|b, a| a.name == b.name);
        Ok(items)
    }

    fn object(&self, id: ObjectId, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        self.objects.with(|repository| {
            let header = repository.find_header(id).map_err(|e| storage(path, &e))?;
            if header.size() > limit {
                return Err(TreeError::TooLarge { path: path.to_owned(), size: header.size(), limit });
            }
            let mut object = repository.find_object(id).map_err(|e| storage(path, &e))?;
            Ok(std::mem::take(&mut object.data))
        })
    }

    /// An object that is no file of the user's: a folder or a link, whose limits are ours.
    fn inner_object(&self, id: ObjectId, path: &str, limit: u64) -> Result<Vec<u8>, TreeError> {
        self.object(id, path, limit).map_err(|e| match e {
            TreeError::TooLarge { size, .. } => {
                storage(path, &format!("a folder or link of {size} bytes, more than {limit} bytes"))
            }
            other => other,
        })
    }

    fn describe(&self, item: &Item, path: &str) -> Result<Entry, TreeError> {
        Ok(match item.mode.kind() {
            EntryKind::Tree | EntryKind::Commit => Entry::Folder,
            EntryKind::Link => {
                let target = self.inner_object(item.id, path, MAX_LINK_BYTES)?;
                Entry::Symlink { target: String::from_utf8_lossy(&target).into_owned() }
            }
            kind => {
                let header = self.objects.with(|repository| repository.find_header(item.id));
                let header = header.map_err(|e| storage(path, &e))?;
                Entry::File { size: header.size(), executable: kind == EntryKind::BlobExecutable }
            }
        })
    }
}

impl FileTree for GitTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        if path.is_empty() {
            return Ok(Some(Entry::Folder));
        }
        self.find(path)?.map(|item| self.describe(&item, path)).transpose()
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        match self.find(path)? {
            Some(item) if item.mode.is_blob() => {
                self.object(item.id, path, self.max_file_bytes).map(Bytes::from)
            }
            Some(_) => Err(TreeError::NotAFile(path.to_owned())),
            None if path.is_empty() => Err(TreeError::NotAFile(path.to_owned())),
            None => Err(TreeError::NotFound(path.to_owned())),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        let id = match self.find(path)? {
            _ if path.is_empty() => self.root,
            Some(item) if item.mode.is_tree() => item.id,
            Some(item) if item.mode.is_commit() => return Ok(Vec::new()),
            Some(_) => return Err(TreeError::NotAFolder(path.to_owned())),
            None => return Err(TreeError::NotFound(path.to_owned())),
        };
        let named = |item: &Item| {
            let at = if path.is_empty() { item.name.clone() } else { format!("{path}/{}", item.name) };
            Ok(Named { name: item.name.clone(), entry: self.describe(item, &at)? })
        };
        self.folder(id, path)?.iter().map(named).collect()
    }

    fn subtree_hash(&self, path: &str) -> Option<String> {
        if path.is_empty() {
            return Some(self.root.to_string());
        }
        debug_assert!(!parent(path).starts_with('/'), "paths are relative");
        let item = self.find(path).ok()??;
        // The mode counts: a file that became executable, or a link, is a change.
        Some(match item.mode.kind() {
            EntryKind::Tree => item.id.to_string(),
            kind => format!("{}:{}", kind.as_octal_str(), item.id),
        })
    }

    fn submodule(&self, path: &str) -> Option<String> {
        let item = self.find(path).ok()??;
        item.mode.is_commit().then(|| item.id.to_string())
    }
}

fn storage(path: &str, error: &dyn std::fmt::Display) -> TreeError {
    TreeError::Storage { path: path.to_owned(), message: one_line(&error.to_string()) }
}
