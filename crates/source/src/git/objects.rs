//! Read access to one object database from many threads.

use crate::{Limits, SourceError};
use gix::ObjectId;
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
    pub(crate) fn check_tree(&self, tree: ObjectId, limits: &Limits) -> Result<TreeCheck, SourceError> {
        self.with(|repository| {
            let mut check = TreeCheck::default();
            let mut seen = std::collections::HashSet::from([tree]);
            let mut todo = vec![tree];
            while let Some(id) = todo.pop() {
                let Ok(Some(header)) = repository.try_find_header(id) else { return Ok(check.broken(id)) };
                check.add(header.size(), limits)?;
                let Ok(found) = repository.find_tree(id) else { return Ok(check.broken(id)) };
                for entry in found.iter() {
                    let Ok(entry) = entry else { return Ok(check.broken(id)) };
                    let id = entry.object_id();
                    if entry.mode().is_tree() {
                        if seen.insert(id) {
                            todo.push(id);
                        }
                    } else if !entry.mode().is_commit() {
                        // A file that appears twice counts twice: so it does for whoever reads it.
                        let Ok(Some(header)) = repository.try_find_header(id) else {
                            return Ok(check.broken(id));
                        };
                        check.files += 1;
                        check.add(header.size(), limits)?;
                    }
                }
            }
            Ok(check)
        })
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        if self.obsolete.load(Ordering::Relaxed) {
            // A cache: what cannot be removed now is removed when the next generation starts.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// What [`Objects::check_tree`] saw.
#[derive(Debug, Default)]
pub(crate) struct TreeCheck {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// The first object that is missing or unreadable.
    pub(crate) broken: Option<ObjectId>,
}

impl TreeCheck {
    fn broken(mut self, id: ObjectId) -> Self {
        self.broken = Some(id);
        self
    }

    fn add(&mut self, size: u64, limits: &Limits) -> Result<(), SourceError> {
        self.bytes += size;
        let over = |size, limit_name, limit| SourceError::TooLarge {
            what: "the files of the revision".into(),
            size,
            limit_name,
            limit,
        };
        if self.bytes > limits.total_bytes {
            return Err(over(self.bytes, "total_bytes", limits.total_bytes));
        }
        if self.files > limits.files {
            return Err(SourceError::TooMany {
                what: "files in the revision".into(),
                limit_name: "files",
                limit: limits.files,
            });
        }
        Ok(())
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
