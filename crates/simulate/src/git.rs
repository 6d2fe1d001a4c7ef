//! The repository of the fleet, in memory: it can be away, and it can fail on a full disk.

use crate::fleet::{App, Head, History, URL};
use bytes::Bytes;
use holdfast_source::{Artifact, Commit, GitRef, Revision, SourceError, StandIn};
use holdfast_tree::{Entry, FileTree, MemoryTree, Named, TreeError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How the repository answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// As it should.
    Up,
    /// The server cannot be reached.
    Down,
    /// What is fetched cannot be stored.
    DiskFull,
}

/// The repository, shared by every process of one simulation. Clones are one.
#[derive(Clone)]
pub(crate) struct Repository {
    state: Arc<Mutex<State>>,
}

struct State {
    history: History,
    reach: Reach,
    /// The newest state's files.
    tree: Arc<Files>,
}

impl Repository {
    pub(crate) fn new(first: Head) -> Self {
        let tree = Arc::new(Files::of(&first));
        let state = State { history: History::new(first), reach: Reach::Up, tree };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the branch on, and answers its new state's number.
    pub(crate) fn push(&self, head: Head) -> usize {
        let mut state = self.lock();
        state.tree = Arc::new(Files::of(&head));
        state.history.push(head)
    }

    /// Looks at the history.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        look(&self.lock().history)
    }

    /// Lets the repository answer otherwise from now on.
    pub(crate) fn set_reach(&self, reach: Reach) {
        self.lock().reach = reach;
    }
}

impl StandIn for Repository {
    fn artifact(&self, wanted: &GitRef) -> Result<Artifact, SourceError> {
        let state = self.lock();
        match state.reach {
            Reach::Up => {}
            Reach::Down => {
                return Err(SourceError::Unreachable { url: URL.into(), message: "no route to host".into() });
            }
            Reach::DiskFull => {
                let message = "No space left on device (os error 28)".into();
                return Err(SourceError::Storage { path: "/cache".into(), message });
            }
        }
        let newest = History::commit(state.history.newest());
        let is_it = match wanted {
            GitRef::Branch(branch) => branch == "main",
            GitRef::Any { text, .. } => matches!(text.as_str(), "" | "HEAD" | "main") || *text == newest,
            _ => false,
        };
        if !is_it {
            // After a forced push nothing older can be had.
            return Err(SourceError::RefNotFound { url: URL.into(), reference: wanted.to_string() });
        }
        Ok(Artifact {
            revision: Revision::git("main", &newest),
            digest: format!("sha1:{newest}"),
            commit: Some(Commit {
                id: newest,
                subject: "a change".into(),
                message: "a change".into(),
                author: "someone <someone@example.com>".into(),
                time: 0,
                parents: vec![],
                signed: false,
            }),
            metadata: vec![],
            tree: state.tree.clone(),
        })
    }

    fn is_in_memory(&self) -> bool {
        true
    }
}

/// Files whose folders know the hash of what is below them, as Git's do.
struct Files {
    tree: MemoryTree,
    hashes: Vec<(String, String)>,
}

impl Files {
    fn of(head: &Head) -> Self {
        let mut tree = MemoryTree::new();
        let mut hashes = Vec::new();
        for app in App::ALL {
            tree.insert_folder(app.name());
            let files = head.files(app);
            let mut hasher = DefaultHasher::new();
            files.hash(&mut hasher);
            hashes.push((app.name().to_owned(), format!("{:016x}", hasher.finish())));
            for (path, content) in files {
                tree.insert(&path, content);
            }
        }
        let mut hasher = DefaultHasher::new();
        hashes.hash(&mut hasher);
        hashes.push((String::new(), format!("{:016x}", hasher.finish())));
        Self { tree, hashes }
    }
}

impl FileTree for Files {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        self.tree.entry(path)
    }
    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        self.tree.read(path)
    }
    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        self.tree.list(path)
    }
    fn subtree_hash(&self, path: &str) -> Option<String> {
        self.hashes.iter().find(|(folder, _)| folder == path).map(|(_, hash)| hash.clone())
    }
}
