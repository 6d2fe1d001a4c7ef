use crate::recording::RecordingTree;
use crate::{Need, Provided, RenderError, RenderOutcome, RenderRequest, Rendered, render};
use holdfast_object::{Object, ObjectSet, Origin, Packed, Packer, SetEntry};
use holdfast_tree::FileTree;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

/// How many renders of one request are remembered: a revision, the one before, and a branch beside them.
const PER_REQUEST: usize = 3;

/// Renders, remembered by the content they read.
///
/// A hit needs no file to be read: the hashes of the folders and files that the remembered render read are compared
/// with those of the tree at hand, and the digests of the answers it was given with those at hand. Trees without such
/// hashes are rendered every time.
pub struct RenderCache {
    entries: Mutex<Entries>,
    capacity: usize,
    hits: AtomicU64,
    renders: AtomicU64,
    packer: Packer,
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
    /// The digest of each answer, in the order of [`Rendered::answered`].
    digests: Vec<Option<String>>,
    /// What was rendered, without its objects: those are seldom asked for again, and trees of values are large.
    rendered: Arc<Rendered>,
    objects: Arc<[(Packed, Option<Origin>)]>,
    /// All of it, while someone uses it.
    in_use: Weak<Rendered>,
}

impl Remembered {
    /// Whether it read what the tree holds.
    fn fits_tree(&self, tree: &dyn FileTree) -> bool {
        self.reads.iter().all(|(path, hash)| match hash {
            Some(hash) => tree.subtree_hash(path).as_ref() == Some(hash),
            None => tree.subtree_hash(path).is_none() && matches!(tree.entry(path), Ok(None)),
        })
    }

    /// The needs that nobody has answered yet.
    fn unanswered(&self, provided: &Provided) -> Vec<Need> {
        self.rendered.answered.iter().filter(|need| provided.get(need).is_none()).cloned().collect()
    }

    /// Whether it was given what is at hand. An answer that failed then and now is the same.
    fn fits_answers(&self, provided: &Provided) -> bool {
        let mut answers = self.rendered.answered.iter().zip(&self.digests);
        answers.all(|(need, digest)| provided.digest(need) == digest.as_deref())
    }

    fn of(reads: Reads, digests: Vec<Option<String>>, rendered: &Arc<Rendered>, packer: &Packer) -> Self {
        let pack = |entry: &SetEntry| (packer.pack(&entry.object.to_value()), entry.origin.clone());
        let (diagnostics, answered) = (rendered.diagnostics.clone(), rendered.answered.clone());
        Self {
            reads,
            digests,
            rendered: Arc::new(Rendered { objects: ObjectSet::new(), diagnostics, answered }),
            objects: rendered.objects.iter().map(pack).collect(),
            in_use: Arc::downgrade(rendered),
        }
    }

    /// What was rendered.
    fn whole(&self, packer: &Packer) -> Arc<Rendered> {
        self.in_use.upgrade().unwrap_or_else(|| {
            let entry = |(packed, origin): &(Packed, Option<Origin>)| {
                // What was packed is an object.
                let object = Object::new(packer.unpack(packed)).ok()?;
                Some(SetEntry { object, origin: origin.clone() })
            };
            let objects = self.objects.iter().filter_map(entry).collect();
            Arc::new(Rendered { objects, ..(*self.rendered).clone() })
        })
    }
}

/// What the cache knows about a render.
enum Known {
    Rendered(Arc<Rendered>),
    /// The files have not changed; whether the render has depends on these.
    Asks(Vec<Need>),
    Nothing,
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
        let counter = || AtomicU64::new(0);
        Self {
            entries: Mutex::default(),
            capacity,
            hits: counter(),
            renders: counter(),
            packer: Packer::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Renders, or answers from what was rendered before. `salt` names everything besides the files, the request and
    /// the answers that the result depends on (the source's identity, say).
    ///
    /// # Errors
    /// As [`render`]; failures are not remembered.
    pub fn render(
        &self,
        tree: &dyn FileTree,
        request: &RenderRequest,
        provided: &Provided,
        salt: &str,
    ) -> CachedOutcome {
        let key = key(request, salt);
        match self.look_up(&key, tree, provided) {
            Known::Rendered(found) => {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(Ok(found));
            }
            Known::Asks(needs) => return Ok(Err(needs)),
            Known::Nothing => {}
        }
        self.renders.fetch_add(1, Ordering::Relaxed);
        let recording = RecordingTree::new(tree);
        let rendered = match render(&recording, request, provided)? {
            RenderOutcome::Rendered(rendered) => Arc::new(rendered),
            RenderOutcome::Needs(needs) => return Ok(Err(needs)),
        };
        let digests = rendered.answered.iter().map(|need| provided.digest(need).map(str::to_owned)).collect();
        let reads = recording.into_reads();
        self.remember(key, Remembered::of(reads, digests, &rendered, &self.packer));
        Ok(Ok(rendered))
    }

    fn look_up(&self, key: &str, tree: &dyn FileTree, provided: &Provided) -> Known {
        let Some(candidates) = self.lock().by_request.get(key).cloned() else { return Known::Nothing };
        let candidates: Vec<Remembered> = candidates.into_iter().filter(|c| c.fits_tree(tree)).collect();
        let is_same = |candidate: &&Remembered| {
            candidate.unanswered(provided).is_empty() && candidate.fits_answers(provided)
        };
        if let Some(found) = candidates.iter().find(is_same) {
            return Known::Rendered(found.whole(&self.packer));
        }
        let mut asks = candidates.iter().map(|candidate| candidate.unanswered(provided));
        asks.find(|needs| !needs.is_empty()).map_or(Known::Nothing, Known::Asks)
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
    use holdfast_tree::{HashedTree, MemoryTree};

    fn tree(files: &[(&str, &str)]) -> HashedTree {
        let mut tree = MemoryTree::new();
        for (path, name) in files {
            tree.insert(path, format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"));
        }
        HashedTree::new(tree)
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
        let render = |tree: &HashedTree| {
            cache.render(tree, &request("app"), &Provided::new(), "").unwrap().unwrap().objects.len()
        };
        assert_eq!(render(&tree(&[("app/a.yaml", "a"), ("other/b.yaml", "b")])), 1);
        assert_eq!(render(&tree(&[("app/a.yaml", "a"), ("other/b.yaml", "changed")])), 1);
        assert_eq!(cache.stats(), CacheStats { hits: 1, renders: 1 });
        assert_eq!(render(&tree(&[("app/a.yaml", "a"), ("app/c.yaml", "c")])), 2);
        assert_eq!(render(&tree(&[("app/a.yaml", "a"), ("other/b.yaml", "b")])), 1);
        assert_eq!(cache.stats(), CacheStats { hits: 2, renders: 2 }, "a revert is remembered");
    }

    #[test]
    fn what_is_remembered_is_what_was_rendered() {
        let cache = RenderCache::new(8);
        let mut files = MemoryTree::new();
        files.insert(
            "a.yaml",
            "kind: A\napiVersion: x/v1\nmetadata: {name: a}\nspec: {z: 0.30000000000000004, b: [1, -2, {}], a: null}\n---\n\
             apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
        );
        let tree = HashedTree::new(files);
        let render = || cache.render(&tree, &request(""), &Provided::new(), "").unwrap().unwrap();
        let first = render();
        assert!(Arc::ptr_eq(&render(), &first), "while it is used it is not built again");
        let (shown, kept) = (format!("{first:?}"), (*first).clone());
        drop(first);
        let again = render();
        assert_eq!(cache.stats(), CacheStats { hits: 2, renders: 1 });
        assert_eq!((format!("{again:?}"), &*again), (shown, &kept));
    }

    #[test]
    fn old_requests_are_forgotten() {
        let cache = RenderCache::new(1);
        let tree = tree(&[("a/a.yaml", "a"), ("b/b.yaml", "b")]);
        for path in ["a", "b", "a"] {
            cache.render(&tree, &request(path), &Provided::new(), "").unwrap().unwrap();
        }
        assert_eq!(cache.stats(), CacheStats { hits: 0, renders: 3 });
    }

    fn base(name: &str) -> (Need, crate::Answer) {
        let need = Need::Git { url: "https://h/o/r".into(), reference: "v1".into(), submodules: true };
        let mut files = MemoryTree::new();
        files.insert(
            "kustomization.yaml",
            format!("configMapGenerator: [{{name: {name}, literals: [a=b]}}]\n"),
        );
        (need, crate::Answer { content: crate::Content::Tree(Arc::new(files)), digest: name.into() })
    }

    #[test]
    fn answers_count_by_their_digests() {
        let cache = RenderCache::new(8);
        let mut files = MemoryTree::new();
        files.insert("kustomization.yaml", "resources: ['https://h/o/r?ref=v1']\n");
        let tree = HashedTree::new(files);
        let request = RenderRequest {
            path: String::new(),
            renderer: Renderer::Kustomize(Box::default()),
            limits: RenderLimits::default(),
        };
        let render = |provided: &Provided| cache.render(&tree, &request, provided, "").unwrap();
        assert_eq!(render(&Provided::new()).unwrap_err(), [base("one").0]);
        let with = |name: &str| {
            let (need, answer) = base(name);
            let mut provided = Provided::new();
            provided.answer(need, answer);
            render(&provided).unwrap().objects.iter().next().unwrap().object.name().to_owned()
        };
        assert!(with("one").starts_with("one-"));
        let renders = cache.stats().renders;
        assert!(with("one").starts_with("one-"));
        assert_eq!(cache.stats().renders, renders, "the same answer, the same render");
        assert!(with("two").starts_with("two-"));
        assert_eq!(cache.stats().renders, renders + 1);
        assert_eq!(render(&Provided::new()).unwrap_err(), [base("one").0], "asked without a render");
        assert_eq!(cache.stats().renders, renders + 1);
    }
}
