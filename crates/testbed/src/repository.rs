//! A repository in memory.

use bytes::Bytes;
use holdfast_source::{Artifact, Commit, GitRef, GitUrl, Revision, SourceError, Sources, StandIn};
use holdfast_tree::{Entry, FileTree, MemoryTree, Named, TreeError};
use std::sync::{Arc, Mutex};

/// A repository of one branch, `main`, in memory: each commit is a tree, and the n-th one's hash is n.
pub struct Repository {
    url: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    commits: Vec<MemoryTree>,
    is_down: bool,
    is_branch_gone: bool,
}

impl Repository {
    /// An empty repository that answers in the place of an address.
    pub fn stand_in(sources: &Sources, url: &str) -> Arc<Self> {
        let repository = Arc::new(Self { url: url.to_owned(), state: Mutex::default() });
        repository.stand_in_again(sources);
        repository
    }

    /// The same repository for the sources of another process.
    pub fn stand_in_again(self: &Arc<Self>, sources: &Sources) {
        sources.stand_in(&GitUrl::parse(&self.url).unwrap(), self.clone());
    }

    /// Commits these files, and no others, to the branch, and answers the commit's hash. Nobody is told.
    pub fn commit(&self, files: &[(&str, &str)]) -> String {
        let mut tree = MemoryTree::new();
        files.iter().for_each(|(path, content)| tree.insert(path, content.to_string()));
        self.commit_tree(tree)
    }

    /// The same with a tree, which may have empty folders.
    pub fn commit_tree(&self, tree: MemoryTree) -> String {
        let mut state = self.state.lock().unwrap();
        state.is_branch_gone = false;
        state.commits.push(tree);
        hash(state.commits.len())
    }

    /// The branch is gone until the next commit.
    pub fn delete_branch(&self) {
        self.state.lock().unwrap().is_branch_gone = true;
    }

    /// Whether the repository cannot be reached from now on.
    pub fn set_down(&self, is_down: bool) {
        self.state.lock().unwrap().is_down = is_down;
    }
}

impl StandIn for Repository {
    fn artifact(&self, wanted: &GitRef) -> Result<Artifact, SourceError> {
        let state = self.state.lock().unwrap();
        if state.is_down {
            return Err(SourceError::Unreachable { url: self.url.clone(), message: "no route".into() });
        }
        let missing = || SourceError::RefNotFound { url: self.url.clone(), reference: wanted.to_string() };
        let newest = state.commits.len();
        let (branch, number) = match wanted {
            GitRef::Branch(branch) => (branch.as_str(), newest),
            // What an Application names, and what a kustomization does.
            GitRef::Any { text, .. } | GitRef::Revision(text) => {
                let number = match text.as_str() {
                    "" | "HEAD" | "main" => newest,
                    text => (1..=newest).find(|number| hash(*number) == text).ok_or_else(missing)?,
                };
                ("main", number)
            }
            _ => return Err(missing()),
        };
        let tree = number.checked_sub(1).and_then(|at| state.commits.get(at));
        let tree = tree.filter(|_| !state.is_branch_gone).cloned().ok_or_else(missing)?;
        let id = hash(number);
        Ok(Artifact {
            revision: Revision::git(branch, &id),
            digest: format!("sha1:{id}"),
            commit: Some(Commit {
                id,
                subject: format!("commit {number}"),
                message: format!("commit {number}"),
                author: "a <a@example.com>".into(),
                time: 0,
                parents: vec![],
                signed: false,
            }),
            metadata: vec![],
            tree: Arc::new(Hashed { tree, number }),
        })
    }
}

fn hash(number: usize) -> String {
    format!("{number:040x}")
}

/// Hashes by commit, so that the cache of renders has something to compare.
struct Hashed {
    tree: MemoryTree,
    number: usize,
}

impl FileTree for Hashed {
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
        self.tree.entry(path).ok().flatten().map(|_| format!("{}:{path}", self.number))
    }
}
