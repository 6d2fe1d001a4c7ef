use crate::recording::RecordingTree;
use crate::{RenderError, RenderOutcome, RenderRequest, Rendered, render};
use holdfast_tree::FileTree;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// How many renders of one request are remembered: a revision, the one before, and a branch beside them.
const PER_REQUEST: usize = 3;

/// Renders, remembered by the content they read.
///
/// A hit needs no file to be read: the hashes of the folders and files that the remembered render read are compared
/// with those of the tree at hand. Trees without such hashes are rendered every time.
pub struct RenderCache {
    entries: Mutex<Entries>,
    capacity: usize,
    hits: AtomicU64,
    renders: AtomicU64,
}

#[derive(Default)]
struct Entries {
    by_request: HashMap<String, VecDeque<Remembered>>,
    /// Requests in order of their last render, oldest first.
    order: VecDeque<String>,
}

#[derive(Clone)]
struct Remembered {
    reads: Reads,
    rendered: Arc<Rendered>,
}

/// Paths that were read, each with its hash; `None` where nothing stood.
type Reads = Vec<(String, Option<String>)>;

/// How often the cache answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheStats {
    /// Answers without rendering.
    pub hits: u64,
    /// Renders.
    pub renders: u64,
}

/// A render from the cache or fresh.
pub type CachedOutcome = Result<Result<Arc<Rendered>, Vec<crate::Need>>, RenderError>;

impl RenderCache {
    /// A cache for this many different requests; those that were rendered longest ago are forgotten first.
    pub fn new(capacity: usize) -> Self {
        Self { entries: Mutex::default(), capacity, hits: AtomicU64::new(0), renders: AtomicU64::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Renders, or answers from what was rendered before. `salt` names everything besides the files and the request
    /// that the result depends on (the source's identity, say).
    ///
    /// # Errors
    /// As [`render`]; failures are not remembered.
    pub fn render(&self, tree: &dyn FileTree, request: &RenderRequest, salt: &str) -> CachedOutcome {
        let key = key(request, salt);
        if let Some(found) = self.look_up(&key, tree) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(Ok(found));
        }
        self.renders.fetch_add(1, Ordering::Relaxed);
        let recording = RecordingTree::new(tree);
        let rendered = match render(&recording, request)? {
            RenderOutcome::Rendered(rendered) => Arc::new(rendered),
            RenderOutcome::Needs(needs) => return Ok(Err(needs)),
        };
        let reads = recording.into_reads();
        self.remember(key, Remembered { reads, rendered: rendered.clone() });
        Ok(Ok(rendered))
    }

    fn look_up(&self, key: &str, tree: &dyn FileTree) -> Option<Arc<Rendered>> {
        let candidates = self.lock().by_request.get(key)?.clone();
        let is_same = |candidate: &Remembered| {
            candidate.reads.iter().all(|(path, hash)| match hash {
                Some(hash) => tree.subtree_hash(path).as_ref() == Some(hash),
                None => tree.subtree_hash(path).is_none() && matches!(tree.entry(path), Ok(None)),
            })
        };
        candidates.into_iter().find(is_same).map(|candidate| candidate.rendered)
    }

    fn remember(&self, key: String, remembered: Remembered) {
        // A tree without hashes tells nothing about its next state.
        if remembered.reads.iter().all(|(_, hash)| hash.is_none()) {
            return;
        }
        let mut entries = self.lock();
        entries.order.retain(|other| *other != key);
        entries.order.push_back(key.clone());
        let of_request = entries.by_request.entry(key).or_default();
        of_request.push_front(remembered);
        of_request.truncate(PER_REQUEST);
        while entries.order.len() > self.capacity {
            if let Some(oldest) = entries.order.pop_front() {
                entries.by_request.remove(&oldest);
            }
        }
    }

    /// How often the cache answered.
    pub fn stats(&self) -> CacheStats {
        CacheStats { hits: self.hits.load(Ordering::Relaxed), renders: self.renders.load(Ordering::Relaxed) }
    }
}

fn key(request: &RenderRequest, salt: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(format!("{salt}\0{request:?}"));
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DirectoryOptions, RenderLimits, Renderer};
    use bytes::Bytes;
    use holdfast_tree::{Entry, MemoryTree, Named, TreeError};

    /// A tree in memory with hashes over its content, as a Git object database has them.
    struct Hashed(MemoryTree);

    impl FileTree for Hashed {
        fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
            self.0.entry(path)
        }
        fn read(&self, path: &str) -> Result<Bytes, TreeError> {
            self.0.read(path)
        }
        fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
            self.0.list(path)
        }
        fn subtree_hash(&self, path: &str) -> Option<String> {
            self.0.entry(path).ok().flatten()?;
            let inside = |p: &&str| *p == path || path.is_empty() || p.starts_with(&format!("{path}/"));
            let text: String =
                self.0.paths().filter(inside).map(|p| format!("{p}={:?};", self.0.read(p))).collect();
            Some(hex::encode(Sha256::digest(text)))
        }
    }

    fn tree(files: &[(&str, &str)]) -> Hashed {
        let mut tree = MemoryTree::new();
        for (path, name) in files {
            tree.insert(path, format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"));
        }
        Hashed(tree)
    }

    fn request(path: &str) -> RenderRequest {
        RenderRequest {
            path: path.into(),
            renderer: Renderer::Directory(DirectoryOptions::default()),
            limits: RenderLimits::default(),
        }
    }

    #[test]
    fn a_commit_that_touches_nothing_of_it_costs_no_render() {
        let cache = RenderCache::new(8);
        let render = |tree: &Hashed| cache.render(tree, &request("app"), "").unwrap().unwrap().objects.len();
        assert_eq!(render(&tree(&[("app/a.yaml", "a"), ("other/b.yaml", "b")])), 1);
        assert_eq!(render(&tree(&[("app/a.yaml", "a"), ("other/b.yaml", "changed")])), 1);
        assert_eq!(cache.stats(), CacheStats { hits: 1, renders: 1 });
        assert_eq!(render(&tree(&[("app/a.yaml", "a"), ("app/c.yaml", "c")])), 2);
        assert_eq!(render(&tree(&[("app/a.yaml", "a"), ("other/b.yaml", "b")])), 1);
        assert_eq!(cache.stats(), CacheStats { hits: 2, renders: 2 }, "a revert is remembered");
    }

    #[test]
    fn old_requests_are_forgotten() {
        let cache = RenderCache::new(1);
        let tree = tree(&[("a/a.yaml", "a"), ("b/b.yaml", "b")]);
        for path in ["a", "b", "a"] {
            cache.render(&tree, &request(path), "").unwrap().unwrap();
        }
        assert_eq!(cache.stats(), CacheStats { hits: 0, renders: 3 });
    }
}
