//! What Git would not add.

use gix::bstr::ByteSlice;
use gix::glob::pattern::Case;
use gix::ignore::Search;
use gix::ignore::search::Ignore;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The `.gitignore` files of a folder, and what the repository it belongs to tracks in spite of them.
pub(super) struct GitIgnore {
    root: PathBuf,
    /// `info/exclude` of the repository.
    always: Option<Search>,
    index: Option<gix::index::File>,
    by_folder: Mutex<HashMap<String, Arc<Rules>>>,
}

/// The rules of one folder's `.gitignore`.
#[derive(Default)]
struct Rules {
    search: Option<Search>,
    /// Whether the folder itself is excluded, and all in it.
    all: bool,
}

/// A larger `.gitignore` is not read.
const MAX_RULES_BYTES: u64 = 1 << 20;

impl GitIgnore {
    pub(super) fn new(root: &Path, git_dir: Option<&Path>) -> Self {
        let read = |path: PathBuf| std::fs::read(path).ok().and_then(|text| parse(&text));
        let always = git_dir.and_then(|d| read(d.join("info").join("exclude")));
        let index = git_dir.and_then(|d| {
            let options = gix::index::decode::Options::default();
            gix::index::File::at(d.join("index"), gix::hash::Kind::Sha1, true, options).ok()
        });
        Self { root: root.to_owned(), always, index, by_folder: Mutex::default() }
    }

    /// Whether Git would leave a file or folder out.
    pub(super) fn excludes(&self, path: &str, is_folder: bool) -> bool {
        self.is_ignored(path, is_folder) && !self.is_tracked(path, is_folder)
    }

    /// The nearest `.gitignore` decides, in it the last rule; what lies in an excluded folder is excluded.
    fn is_ignored(&self, path: &str, is_folder: bool) -> bool {
        let folder = holdfast_tree::parent(path);
        if self.rules(folder).all {
            return true;
        }
        let mut above = folder;
        loop {
            let relative = if above.is_empty() { path } else { &path[above.len() + 1..] };
            if let Some(decision) =
                self.rules(above).search.as_ref().and_then(|s| decide(s, relative, is_folder))
            {
                return decision;
            }
            if above.is_empty() {
                break;
            }
            above = holdfast_tree::parent(above);
        }
        self.always.as_ref().and_then(|s| decide(s, path, is_folder)).unwrap_or_default()
    }

    fn rules(&self, folder: &str) -> Arc<Rules> {
        if let Some(known) = self.by_folder.lock().unwrap_or_else(PoisonError::into_inner).get(folder) {
            return known.clone();
        }
        let all = !folder.is_empty() && self.is_ignored(folder, true);
        let file = self.root.join(folder).join(".gitignore");
        // A link is not followed: it could lead out of the folder.
        let readable = |m: &std::fs::Metadata| m.is_file() && m.len() <= MAX_RULES_BYTES;
        let text = match std::fs::symlink_metadata(&file) {
            Ok(found) if !all && readable(&found) => std::fs::read(&file).ok(),
            _ => None,
        };
        let rules = Arc::new(Rules { search: text.and_then(|t| parse(&t)), all });
        self.by_folder
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(folder.to_owned(), rules.clone());
        rules
    }

    fn is_tracked(&self, path: &str, is_folder: bool) -> bool {
        let Some(index) = &self.index else { return false };
        if is_folder {
            index.prefixed_entries(format!("{path}/").as_str().into()).is_some_and(|e| !e.is_empty())
        } else {
            index.entry_by_path(path.into()).is_some()
        }
    }
}

impl std::fmt::Debug for GitIgnore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitIgnore").field("root", &self.root).finish_non_exhaustive()
    }
}

fn parse(text: &[u8]) -> Option<Search> {
    let mut search = Search::default();
    search.add_patterns_buffer(text, ".gitignore", None, Ignore::default()).ok()?;
    Some(search)
}

/// `None` where no rule speaks of the path.
fn decide(search: &Search, path: &str, is_folder: bool) -> Option<bool> {
    let found =
        search.pattern_matching_relative_path(path.as_bytes().as_bstr(), Some(is_folder), Case::Sensitive)?;
    Some(!found.pattern.is_negative())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_folders_above_and_within() {
        let folder = tempfile::TempDir::new().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(".gitignore", "*.log\n/build/\nnode_modules/\n!keep.log\n");
        write("app/.gitignore", "!special.log\n/local.yaml\n");
        write("build/.gitignore", "!*\n");
        let ignores = GitIgnore::new(folder.path(), None);
        for (path, is_folder, expected) in [
            ("a.log", false, true),
            ("keep.log", false, false),
            ("app/a.log", false, true),
            ("app/special.log", false, false),
            ("app/local.yaml", false, true),
            ("app/sub/local.yaml", false, false),
            ("build", true, true),
            ("build/x", false, true),
            ("app/build", true, false),
            ("app/node_modules", true, true),
            ("node_modules", false, false),
            ("app/node_modules/x/y.yaml", false, true),
        ] {
            assert_eq!(ignores.excludes(path, is_folder), expected, "{path}");
        }
    }
}
