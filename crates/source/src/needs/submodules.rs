//! The submodules of a remote base: other repositories that stand for folders of it.

use super::FetchPolicy;
use crate::offload::offload;
use crate::{GitRef, SourceError, Sources};
use gix::bstr::ByteSlice;
use holdfast_tree::{FileTree, MountedTree, join, normalize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The file that says where submodules come from.
const MODULES: &str = ".gitmodules";
/// How many repositories one base may bring along.
const MAX_MODULES: usize = 64;
/// How many may stand below one another.
const MAX_DEPTH: usize = 8;

/// A repository whose submodules are looked for.
struct Open {
    /// The folder that it stands for; empty for the base itself.
    at: String,
    url: String,
    tree: Arc<dyn FileTree>,
    depth: usize,
}

/// A submodule: its folder, its repository and the commit of that.
#[derive(Debug, PartialEq, Eq)]
struct Module {
    path: String,
    url: String,
    commit: String,
}

impl Sources {
    /// A repository's files with those of its submodules, and of theirs, in their places: what
    /// `git submodule update --init --recursive` checks out. Each is fetched under the same policy as the base.
    pub(super) async fn with_submodules(
        &self,
        url: &str,
        tree: Arc<dyn FileTree>,
        policy: &FetchPolicy,
    ) -> Result<Arc<dyn FileTree>, SourceError> {
        let mut mounts: BTreeMap<String, Arc<dyn FileTree>> = BTreeMap::new();
        let mut open = vec![Open { at: String::new(), url: url.to_owned(), tree: tree.clone(), depth: 0 }];
        while let Some(outer) = open.pop() {
            let (of, from) = (outer.tree.clone(), outer.url.clone());
            let found = offload(move || modules(of.as_ref(), &from)).await;
            let found = found.map_err(|e| failed(&outer.url, &e))??;
            if !found.is_empty() && outer.depth >= MAX_DEPTH {
                return Err(too_many("submodules below one another", MAX_DEPTH));
            }
            for module in found {
                if mounts.len() >= MAX_MODULES {
                    return Err(too_many("submodules", MAX_MODULES));
                }
                let wanted = GitRef::Revision(module.commit);
                let artifact = self.git_at(&module.url, &wanted, policy).await?;
                let at = join(&outer.at, &module.path).unwrap_or_default();
                mounts.insert(at.clone(), artifact.tree.clone());
                open.push(Open { at, url: module.url, tree: artifact.tree, depth: outer.depth + 1 });
            }
        }
        Ok(if mounts.is_empty() { tree } else { Arc::new(MountedTree::new(tree, mounts)) })
    }
}

fn too_many(what: &str, limit: usize) -> SourceError {
    SourceError::TooMany { what: what.to_owned(), limit_name: "submodules", limit: limit as u64 }
}

fn failed(url: &str, error: &dyn std::fmt::Display) -> SourceError {
    let url = holdfast_render::kustomization::without_password(url);
    SourceError::Protocol { url, message: format!("{MODULES}: {error}") }
}

/// What a repository says of its submodules. Folders that are none in the commit are passed over, as Git does, and so
/// are those that are never updated (`update = none`).
fn modules(tree: &dyn FileTree, url: &str) -> Result<Vec<Module>, SourceError> {
    let Ok(text) = tree.read(MODULES) else { return Ok(Vec::new()) };
    let config = gix::config::File::try_from(text.as_bstr()).map_err(|e| failed(url, &e))?;
    let mut found: Vec<Module> = Vec::new();
    for section in config.sections_by_name("submodule").into_iter().flatten() {
        let value = |name: &str| section.value(name).map(|value| value.to_string()).unwrap_or_default();
        let Some(path) = normalize(&value("path")).filter(|path| !path.is_empty()) else { continue };
        let commit = tree.submodule(&path).filter(|_| value("update") != "none");
        let Some(commit) = commit.filter(|_| !found.iter().any(|known| known.path == path)) else { continue };
        found.push(Module { path, url: absolute(url, &value("url")), commit });
    }
    Ok(found)
}

/// A submodule's address; one that begins with dots is relative to the address of the repository that names it.
fn absolute(outer: &str, url: &str) -> String {
    if !url.starts_with("./") && !url.starts_with("../") {
        return url.to_owned();
    }
    let (mut base, mut rest) = (outer.trim_end_matches('/'), url);
    let mut separator = "/";
    loop {
        if let Some(next) = rest.strip_prefix("./") {
            rest = next;
        } else if let Some(next) = rest.strip_prefix("../") {
            rest = next;
            let Some(at) = base.rfind(['/', ':']) else { break };
            separator = &base[at..=at];
            base = &base[..at];
        } else {
            break;
        }
    }
    format!("{base}{separator}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_addresses_begin_at_the_outer_repository() {
        let check = |outer: &str, url: &str, expected: &str| assert_eq!(absolute(outer, url), expected);
        check("https://h/org/app.git", "https://x/y", "https://x/y");
        check("https://h/org/app.git", "../lib.git", "https://h/org/lib.git");
        check("https://h/org/app/", "../../other/lib", "https://h/other/lib");
        check("https://h/org/app", "./lib", "https://h/org/app/lib");
        check("git@h:org/app.git", "../lib.git", "git@h:org/lib.git");
        check("git@h:app.git", "../lib.git", "git@h:lib.git");
    }
}
