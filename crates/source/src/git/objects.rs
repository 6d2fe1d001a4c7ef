//! Read access to one object database from many threads.

use crate::{Limits, SourceError};
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// An open repository. Handles are pooled: each carries its own caches and belongs to one thread at a time.
pub(crate) struct Objects {
    folder: PathBuf,
    shared: gix::ThreadSafeRepository,
    idle: Mutex<Vec<gix::Repository>>,
    obsolete: AtomicBool,
}

/// More handles than this are not kept; each holds a few caches.
const MAX_IDLE: usize = 8;

impl Objects {
    /// Opens a repository without reading any configuration but its own, of which nothing is executed.
    pub(crate) fn open(folder: &Path) -> Result<Self, SourceError> {
        let options = gix::open::Options::isolated().open_path_as_is(true).strict_config(false);
        let shared = options.open(folder).map_err(|e| storage(folder, &e))?;
        Ok(Self {
            folder: folder.to_owned(),
            shared,
            idle: Mutex::new(Vec::new()),
            obsolete: AtomicBool::new(false),
        })
    }

    /// The repository's own folder (`.git`, or the bare repository).
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes the folder once nobody reads from it any more.
    pub(crate) fn remove_on_drop(&self) {
        self.obsolete.store(true, Ordering::Relaxed);
    }

    /// Runs something with a handle.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&gix::Repository) -> T) -> T {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let repository = idle.unwrap_or_else(|| {
            let mut repository = self.shared.to_thread_local();
            repository.object_cache_size_if_unset(4 << 20);
            repository
        });
        let result = work(&repository);
        let mut pool = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < MAX_IDLE {
            pool.push(repository);
        }
        result
    }

    /// The commit and its tree, or `None` where the commit is not on this machine.
    pub(crate) fn commit(&self, id: ObjectId) -> Result<Option<(crate::Commit, ObjectId)>, SourceError> {
        self.with(|repository| {
            let Some(header) = repository.try_find_header(id).map_err(|e| storage(&self.folder, &e))? else {
                return Ok(None);
            };
            if header.size() > MAX_COMMIT_BYTES {
                return Err(SourceError::TooLarge {
                    what: format!("commit {id}"),
                    size: header.size(),
                    limit_name: "commit size",
                    limit: MAX_COMMIT_BYTES,
                });
            }
            let commit = repository.find_commit(id).map_err(|e| storage(&self.folder, &e))?;
            let decoded = commit.decode().map_err(|e| storage(&self.folder, &e))?;
            let tree = decoded.tree();
            let message = String::from_utf8_lossy(decoded.message).into_owned();
            let author = decoded.author().map(|a| format!("{} <{}>", a.name, a.email)).unwrap_or_default();
            let time = decoded.committer().ok().and_then(|c| c.time().ok()).map_or(0, |t| t.seconds);
            let described = crate::Commit {
                id: id.to_string(),
                subject: message.lines().next().unwrap_or_default().trim_end().to_owned(),
                author,
                time,
                parents: decoded.parents().map(|p| p.to_string()).collect(),
                signed: decoded.extra_headers().pgp_signature().is_some(),
                message,
            };
            Ok(Some((described, tree)))
        })
    }

    /// Whether everything below a tree is there, within the limits.
    ///
    /// Folders that appear several times are looked at once and count each time: whoever walks the tree meets them each
    /// time, and ten small objects can make a tree of billions of files.
    pub(crate) fn check_tree(&self, tree: ObjectId, limits: &Limits) -> Result<TreeCheck, SourceError> {
        self.with(|repository| {
            let mut known: HashMap<ObjectId, Totals> = HashMap::new();
            let mut todo = vec![tree];
            while let Some(id) = todo.last().copied() {
                if known.contains_key(&id) {
                    todo.pop();
                    continue;
                }
                let Some(folder) = Folder::read(repository, id) else { return Ok(TreeCheck::Broken(id)) };
                let before = todo.len();
                todo.extend(folder.folders.iter().filter(|f| !known.contains_key(*f)));
                if todo.len() > before {
                    // Their totals first. Hashes cannot form a circle, and depth is limited below.
                    if todo.len() as u64 > limits.files {
                        return Err(too_many_files(limits));
                    }
                    continue;
                }
                let mut totals = Totals { files: folder.files.len() as u64, bytes: 0, depth: 1 };
                for file in &folder.files {
                    let Ok(Some(header)) = repository.try_find_header(*file) else {
                        return Ok(TreeCheck::Broken(*file));
                    };
                    totals.bytes = totals.bytes.saturating_add(header.size());
                }
                for inner in folder.folders.iter().filter_map(|f| known.get(f)) {
                    totals.files = totals.files.saturating_add(inner.files + 1);
                    totals.bytes = totals.bytes.saturating_add(inner.bytes);
                    totals.depth = totals.depth.max(inner.depth + 1);
                }
                totals.check(limits)?;
                known.insert(id, totals);
                todo.pop();
            }
            Ok(TreeCheck::Complete)
        })
    }
}

/// What [`Objects::check_tree`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TreeCheck {
    Complete,
    /// The first object that is missing or unreadable.
    Broken(ObjectId),
}

/// What one tree object lists.
#[derive(Default)]
struct Folder {
    files: Vec<ObjectId>,
    folders: Vec<ObjectId>,
}

impl Folder {
    fn read(repository: &gix::Repository, id: ObjectId) -> Option<Self> {
        let header = repository.try_find_header(id).ok()??;
        if header.size() > MAX_TREE_BYTES {
            return None;
        }
        let found = repository.find_tree(id).ok()?;
        let mut folder = Self::default();
        for entry in found.iter() {
            let entry = entry.ok()?;
            match entry.mode().kind() {
                EntryKind::Tree => folder.folders.push(entry.object_id()),
                EntryKind::Commit => {}
                _ => folder.files.push(entry.object_id()),
            }
        }
        Some(folder)
    }
}

#[derive(Clone, Copy)]
struct Totals {
    files: u64,
    bytes: u64,
    depth: u64,
}

impl Totals {
    fn check(self, limits: &Limits) -> Result<(), SourceError> {
        let what = || "the files of the revision".to_owned();
        if self.files > limits.files {
            return Err(too_many_files(limits));
        }
        if self.bytes > limits.total_bytes {
            let (size, limit) = (self.bytes, limits.total_bytes);
            return Err(SourceError::TooLarge { what: what(), size, limit_name: "total_bytes", limit });
        }
        if self.depth > MAX_DEPTH {
            let what = "folders within each other".to_owned();
            return Err(SourceError::TooMany { what, limit_name: "folder depth", limit: MAX_DEPTH });
        }
        Ok(())
    }
}

fn too_many_files(limits: &Limits) -> SourceError {
    SourceError::TooMany { what: "files in the revision".into(), limit_name: "files", limit: limits.files }
}

/// The largest tree object that is decoded: about half a million names in one folder.
pub(super) const MAX_TREE_BYTES: u64 = 32 << 20;

/// Folders within each other: no path on Linux has more, and whoever walks a tree recursively has stack for it.
const MAX_DEPTH: u64 = 512;

impl Drop for Objects {
    fn drop(&mut self) {
        if self.obsolete.load(Ordering::Relaxed) {
            // A cache: what cannot be removed now is removed when the next generation starts.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// The largest commit object that is read: a message is text for people.
const MAX_COMMIT_BYTES: u64 = 1 << 20;

pub(crate) fn storage(folder: &Path, error: &dyn std::fmt::Display) -> SourceError {
    SourceError::Storage { path: folder.display().to_string(), message: one_line(&error.to_string()) }
}

/// Errors of the Git library print their causes on lines of their own.
pub(crate) fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ")
}
