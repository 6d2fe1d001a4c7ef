//! The files of an artifact besides those of the commit itself: fewer by a sparse checkout, more by includes.

use crate::source::Failure;
use bytes::Bytes;
use holdfast_object::Value;
use holdfast_tree::{Entry, FileTree, MemoryTree, Named, OverlayTree, TreeError, normalize};
use holdfast_types::flux::GitInclude;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Another repository's artifact, to be copied in.
pub(super) struct Included {
    pub(super) spec: GitInclude,
    /// The artifact as that repository's status names it.
    pub(super) status: Value,
    pub(super) tree: Arc<dyn FileTree>,
}

/// What is left of a tree by a sparse checkout; nothing asked for leaves everything.
pub(super) fn sparse(tree: Arc<dyn FileTree>, folders: &[String]) -> Result<Arc<dyn FileTree>, String> {
    if folders.is_empty() {
        return Ok(tree);
    }
    for folder in folders {
        let found = normalize(folder).map(|path| tree.entry(&path));
        match found {
            Some(Ok(Some(_))) => {}
            Some(Err(error)) => {
                return Err(format!("sparse checkout dir '{folder}' cannot be resolved: {error}"));
            }
            Some(Ok(None)) | None => {
                return Err(format!("sparse checkout dir '{folder}' does not exist in repository"));
            }
        }
    }
    // Flux compares the beginnings of paths as they are written: `app` leaves `apps/` too.
    let starts =
        folders.iter().map(|folder| folder.strip_prefix("./").unwrap_or(folder).to_owned()).collect();
    Ok(Arc::new(SparseTree { tree, starts }))
}

struct SparseTree {
    tree: Arc<dyn FileTree>,
    starts: Vec<String>,
}

impl SparseTree {
    fn holds(&self, path: &str) -> bool {
        self.starts.iter().any(|start| path.starts_with(start.as_str()))
    }

    /// A folder is there when something in it may be.
    fn shows(&self, path: &str, entry: &Entry) -> bool {
        let leads_to = |start: &String| start.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        match entry {
            Entry::Folder => {
                let inside = format!("{path}/");
                self.holds(&inside) || self.holds(path) || self.starts.iter().any(leads_to)
            }
            Entry::File { .. } | Entry::Symlink { .. } => self.holds(path),
        }
    }
}

impl FileTree for SparseTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        Ok(self.tree.entry(path)?.filter(|entry| path.is_empty() || self.shows(path, entry)))
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        match self.holds(path) {
            true => self.tree.read(path),
            false => Err(TreeError::NotFound(path.to_owned())),
        }
    }

    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        if self.entry(path)?.is_none() {
            return Err(TreeError::NotFound(path.to_owned()));
        }
        let mut entries = self.tree.list(path)?;
        entries.retain(|named| self.shows(&join_name(path, &named.name), &named.entry));
        Ok(entries)
    }

    fn subtree_hash(&self, path: &str) -> Option<String> {
        let hash = self.tree.subtree_hash(path)?;
        if !path.is_empty() && self.holds(path) {
            return Some(hash);
        }
        let rules = Sha256::digest(self.starts.join("\n"));
        self.entry(path).ok()?.map(|_| format!("{hash}-{}", hex::encode(&rules[..8])))
    }
}

/// Copies the included artifacts in, in the order in which the spec names them.
pub(super) fn include(tree: Arc<dyn FileTree>, included: &[Included]) -> Result<Arc<dyn FileTree>, Failure> {
    let mut tree = tree;
    for include in included {
        let name = &include.spec.repository.name;
        let to_path = if include.spec.to_path.is_empty() { name } else { &include.spec.to_path };
        let illegal = |path: &str| {
            let message =
                format!("path calculation for include '{name}' failed: '{path}' leads out of the artifact");
            Failure::storage("IllegalPath", message)
        };
        let to = normalize(to_path).ok_or_else(|| illegal(to_path))?;
        let from = normalize(&include.spec.from_path).ok_or_else(|| illegal(&include.spec.from_path))?;
        let failed = |why: &dyn std::fmt::Display| {
            let from = &include.spec.from_path;
            let message = format!("failed to copy '{name}' include from {from} to {to_path}: {why}");
            Failure::storage("CopyFailure", message)
        };
        // As a move would: what stands there already is not mixed with it.
        let stands = tree.list(&to).map(|list| !list.is_empty()).unwrap_or(false)
            || matches!(tree.entry(&to), Ok(Some(Entry::File { .. } | Entry::Symlink { .. })));
        if stands {
            return Err(failed(&"file exists"));
        }
        let copy = copy(&*include.tree, &from, &to).map_err(|error| failed(&error))?;
        tree = Arc::new(OverlayTree::new(tree, copy));
    }
    Ok(tree)
}

fn copy(tree: &dyn FileTree, from: &str, to: &str) -> Result<MemoryTree, TreeError> {
    let mut copy = MemoryTree::new();
    let entry = tree.entry(from)?.ok_or_else(|| TreeError::NotFound(from.to_owned()))?;
    let mut todo = vec![(from.to_owned(), to.to_owned(), entry)];
    while let Some((from, to, entry)) = todo.pop() {
        match entry {
            Entry::Folder => {
                copy.insert_folder(&to);
                for named in tree.list(&from)? {
                    let (below, into) = (join_name(&from, &named.name), join_name(&to, &named.name));
                    todo.push((below, into, named.entry));
                }
            }
            Entry::File { executable: true, .. } => copy.insert_executable(&to, tree.read(&from)?),
            Entry::File { .. } => copy.insert(&to, tree.read(&from)?),
            // An artifact holds no links.
            Entry::Symlink { .. } => {}
        }
    }
    Ok(copy)
}

fn join_name(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;
    use holdfast_types::flux::LocalName;

    fn tree(files: &[&str]) -> Arc<dyn FileTree> {
        let mut tree = MemoryTree::new();
        files.iter().for_each(|path| tree.insert(path, (*path).to_owned()));
        Arc::new(tree)
    }

    fn shown(tree: &dyn FileTree) -> String {
        let (mut found, mut todo) = (Vec::new(), vec![String::new()]);
        while let Some(folder) = todo.pop() {
            for named in tree.list(&folder).unwrap() {
                let path = join_name(&folder, &named.name);
                match named.entry {
                    Entry::Folder => todo.push(path),
                    _ => {
                        assert!(tree.read(&path).is_ok(), "{path}");
                        found.push(path);
                    }
                }
            }
        }
        found.sort();
        found.join(" ")
    }

    #[test]
    fn a_sparse_checkout_leaves_what_begins_alike() {
        let all = ["README.md", "app/a", "apps/b", "deploy/base/c", "deploy/other/d"];
        let check = |folders: &[&str], expected: &str| {
            let folders: Vec<String> = folders.iter().map(|f| (*f).to_owned()).collect();
            assert_eq!(shown(&*sparse(tree(&all), &folders).unwrap()), expected, "{folders:?}");
        };
        check(&[], "README.md app/a apps/b deploy/base/c deploy/other/d");
        check(&["./deploy/base"], "deploy/base/c");
        check(&["app"], "app/a apps/b");
        check(&["apps/", "deploy/other"], "apps/b deploy/other/d");
        let missing = sparse(tree(&all), &["nope".into()]).err().unwrap();
        assert_eq!(missing, "sparse checkout dir 'nope' does not exist in repository");
        assert!(sparse(tree(&all), &["../x".into()]).is_err());
    }

    #[test]
    fn includes_are_copied_to_where_nothing_stands() {
        let included = |from: &str, to: &str| Included {
            spec: GitInclude {
                repository: LocalName { name: "lib".into() },
                from_path: from.into(),
                to_path: to.into(),
            },
            status: json!({}),
            tree: tree(&["x", "base/y"]),
        };
        let check = |from: &str, to: &str, expected: Result<&str, &str>| {
            let result = include(tree(&["a", "b/c"]), &[included(from, to)]);
            match (result, expected) {
                (Ok(tree), Ok(expected)) => assert_eq!(shown(&*tree), expected),
                (Err(failure), Err(reason)) => assert_eq!(failure.reason, reason, "{}", failure.message),
                (Ok(tree), Err(reason)) => panic!("{reason} expected: {}", shown(&*tree)),
                (Err(failure), Ok(_)) => panic!("{}", failure.message),
            }
        };
        check("", "", Ok("a b/c lib/base/y lib/x"));
        check("base", "b/d", Ok("a b/c b/d/y"));
        check("./base/", "./new", Ok("a b/c new/y"));
        check("", "b", Err("CopyFailure"));
        check("", "a", Err("CopyFailure"));
        check("nope", "new", Err("CopyFailure"));
        check("../x", "new", Err("IllegalPath"));
        check("", "../x", Err("IllegalPath"));
    }
}
