//! Which files of a source count, by Flux's rules.

use bytes::Bytes;
use gix::bstr::ByteSlice;
use gix::glob::wildmatch::Mode;
use holdfast_tree::{Entry, FileTree, Named, TreeError};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};

/// The rules of `.sourceignore` files and of `spec.ignore`, as Flux's source-controller applies them.
///
/// They look like `.gitignore` and differ from it in one thing: the last rule that speaks of a file decides, also when
/// the folder it lies in is excluded, so `/*` and `!/deploy` leave `deploy` with all that is in it.
///
/// Clones share the rules, and so do all sources without rules of their own: there may be thousands.
#[derive(Debug, Clone)]
pub struct SourceIgnore {
    rules: Arc<[Rule]>,
    digest: Arc<str>,
}

#[derive(Debug, Clone)]
struct Rule {
    /// The folder whose `.sourceignore` holds the rule, in parts.
    within: Vec<String>,
    include: bool,
    folders_only: bool,
    /// A pattern with a slash is matched from the top of `within`, one without against every name.
    anchored: bool,
    parts: Vec<String>,
}

/// Excluded always.
const VERSION_CONTROL: &str = ".git/\n.gitignore\n.gitmodules\n.gitattributes";

/// Excluded where neither a `.sourceignore` nor `spec.ignore` says anything.
const DEFAULTS: &str = "*.jpg\n*.jpeg\n*.gif\n*.png\n*.wmv\n*.flv\n*.tar.gz\n*.zip\n\
    .github/\n.circleci/\n.travis.yml\n.gitlab-ci.yml\nappveyor.yml\n.drone.yml\ncloudbuild.yaml\n\
    codeship-services.yml\ncodeship-steps.yml\n\
    **/.goreleaser.yml\n**/.sops.yaml\n**/.flux.yaml";

/// The name of the files that hold rules.
const FILE: &str = ".sourceignore";

/// Rules beyond this many, or files of rules beyond this size in bytes, are refused.
const MAX_RULES: usize = 10_000;
const MAX_FILE_BYTES: usize = 1 << 20;

impl SourceIgnore {
    /// The rules for a source: those of every `.sourceignore` in it, then those of `spec.ignore`.
    ///
    /// # Errors
    /// [`TreeError`] when the tree cannot be read or holds too many rules.
    pub fn load(tree: &dyn FileTree, spec_ignore: Option<&str>) -> Result<Self, TreeError> {
        let mut rules = Vec::new();
        load_all(tree, &mut rules)?;
        if let Some(text) = spec_ignore {
            add_rules(text, "", &mut rules)?;
        }
        if rules.is_empty() {
            static DEFAULT: OnceLock<SourceIgnore> = OnceLock::new();
            if let Some(default) = DEFAULT.get() {
                return Ok(default.clone());
            }
            let mut all = Vec::new();
            add_rules(VERSION_CONTROL, "", &mut all)?;
            add_rules(DEFAULTS, "", &mut all)?;
            return Ok(DEFAULT.get_or_init(|| Self::of(all)).clone());
        }
        let mut all = Vec::new();
        add_rules(VERSION_CONTROL, "", &mut all)?;
        all.append(&mut rules);
        Ok(Self::of(all))
    }

    fn of(rules: Vec<Rule>) -> Self {
        let digest = hex::encode(Sha256::digest(format!("{rules:?}")));
        Self { rules: rules.into(), digest: digest.into() }
    }

    /// Whether a path is left out.
    pub fn excludes(&self, path: &str, is_folder: bool) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let deciding = self.rules.iter().rev().find(|rule| rule.speaks_of(&parts, is_folder));
        deciding.is_some_and(|rule| !rule.include)
    }

    /// The tree without what is excluded, and without symbolic links, which Flux's archives do not hold.
    pub fn filter<T: FileTree>(self, tree: T) -> IgnoringTree<T> {
        IgnoringTree { tree, ignore: self }
    }

    fn can_include(&self) -> bool {
        self.rules.iter().any(|rule| rule.include)
    }
}

impl Rule {
    fn parse(line: &str, within: &str) -> Self {
        let (include, text) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let text = if text.ends_with("\\ ") { text } else { text.trim_end_matches(' ') };
        let (folders_only, text) = text.strip_suffix('/').map_or((false, text), |rest| (true, rest));
        Self {
            within: within.split('/').filter(|p| !p.is_empty()).map(str::to_owned).collect(),
            include,
            folders_only,
            anchored: text.contains('/'),
            parts: text.split('/').map(str::to_owned).collect(),
        }
    }

    /// Whether the rule matches the path or a folder above it.
    fn speaks_of(&self, path: &[&str], is_folder: bool) -> bool {
        let Some(path) = strip(path, &self.within) else { return false };
        if self.anchored {
            self.matches_from_top(path, is_folder)
        } else {
            self.matches_any_name(path, is_folder)
        }
    }

    fn matches_any_name(&self, path: &[&str], is_folder: bool) -> bool {
        let last = path.len() - 1;
        let found = path.iter().position(|name| matches(&self.parts[0], name));
        found.is_some_and(|at| !self.folders_only || is_folder || at < last)
    }

    fn matches_from_top(&self, path: &[&str], is_folder: bool) -> bool {
        let mut rest = path;
        let mut matched = false;
        let mut any_depth = false;
        for (number, part) in self.parts.iter().enumerate() {
            match part.as_str() {
                "" => any_depth = false,
                "**" if number + 1 == self.parts.len() => break,
                "**" => any_depth = true,
                // Flux takes `a**b` for a pattern that matches nothing.
                part if part.contains("**") => return false,
                part => {
                    let reach = if any_depth { rest.len() } else { rest.len().min(1) };
                    let Some(at) = rest[..reach].iter().position(|name| matches(part, name)) else {
                        return false;
                    };
                    rest = &rest[at + 1..];
                    matched = true;
                    any_depth = false;
                }
            }
        }
        matched && (!self.folders_only || is_folder || !rest.is_empty())
    }
}

/// The path below a folder; `None` for what does not lie in it.
fn strip<'a, 'b>(path: &'a [&'b str], within: &[String]) -> Option<&'a [&'b str]> {
    let inside = path.len() > within.len() && path.iter().zip(within).all(|(a, b)| a == b);
    inside.then(|| &path[within.len()..])
}

fn matches(pattern: &str, name: &str) -> bool {
    gix::glob::wildmatch(
        pattern.as_bytes().as_bstr(),
        name.as_bytes().as_bstr(),
        Mode::NO_MATCH_SLASH_LITERAL,
    )
}

/// Depth first, as Flux does: rules of a folder come after those of its parent and before those of its next sibling.
fn load_all(tree: &dyn FileTree, rules: &mut Vec<Rule>) -> Result<(), TreeError> {
    let mut todo = vec![String::new()];
    while let Some(folder) = todo.pop() {
        let entries = tree.list(&folder)?;
        if entries.iter().any(|n| n.name == FILE && matches!(n.entry, Entry::File { .. })) {
            let path = at(&folder, FILE);
            let text = tree.read(&path)?;
            if text.len() > MAX_FILE_BYTES {
                let message = format!("{} bytes of rules, more than {MAX_FILE_BYTES}", text.len());
                return Err(TreeError::Storage { path, message });
            }
            add_rules(&String::from_utf8_lossy(&text), &folder, rules)?;
        }
        let folders = entries.iter().filter(|n| n.entry == Entry::Folder && n.name != ".git");
        todo.extend(folders.rev().map(|n| at(&folder, &n.name)));
    }
    Ok(())
}

fn add_rules(text: &str, within: &str, rules: &mut Vec<Rule>) -> Result<(), TreeError> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    rules.extend(lines.map(|line| Rule::parse(line, within)));
    if rules.len() > MAX_RULES {
        let message = format!("more than {MAX_RULES} rules in {FILE} files and spec.ignore");
        return Err(TreeError::Storage { path: at(within, FILE), message });
    }
    Ok(())
}

fn at(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A tree without what its [`SourceIgnore`] excludes.
#[derive(Debug, Clone)]
pub struct IgnoringTree<T> {
    tree: T,
    ignore: SourceIgnore,
}

impl<T: FileTree> IgnoringTree<T> {
    /// An excluded folder is there all the same when something in it is included.
    fn shows(&self, path: &str, entry: &Entry) -> bool {
        match entry {
            Entry::Symlink { .. } => false,
            Entry::File { .. } => !self.ignore.excludes(path, false),
            Entry::Folder => {
                !self.ignore.excludes(path, true)
                    || (self.ignore.can_include() && self.has_included_file(path))
            }
        }
    }

    fn has_included_file(&self, folder: &str) -> bool {
        let mut todo = vec![folder.to_owned()];
        while let Some(folder) = todo.pop() {
            for named in self.tree.list(&folder).unwrap_or_default() {
                let path = at(&folder, &named.name);
                match named.entry {
                    Entry::File { .. } if !self.ignore.excludes(&path, false) => return true,
                    Entry::Folder => todo.push(path),
                    Entry::File { .. } | Entry::Symlink { .. } => {}
                }
            }
        }
        false
    }
}

impl<T: FileTree> FileTree for IgnoringTree<T> {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        let found = self.tree.entry(path)?;
        Ok(found.filter(|entry| path.is_empty() || self.shows(path, entry)))
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        if self.ignore.excludes(path, false) {
            return Err(TreeError::NotFound(path.to_owned()));
        }
        self.tree.read(path)
    }

    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        if self.entry(path)?.is_none() {
            return Err(TreeError::NotFound(path.to_owned()));
        }
        let mut entries = self.tree.list(path)?;
        entries.retain(|named| self.shows(&at(path, &named.name), &named.entry));
        Ok(entries)
    }

    fn subtree_hash(&self, path: &str) -> Option<String> {
        // Rules are few and change rarely: a change of any counts as a change of everything.
        self.tree.subtree_hash(path).map(|hash| format!("{hash}-{}", &self.ignore.digest[..16]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_tree::MemoryTree;

    /// What is left of a tree, one path a word; `files` are paths, those that end with `.sourceignore` hold the text
    /// after `=`, with `;` for line breaks.
    fn check(files: &[&str], spec_ignore: Option<&str>, expected: &str) {
        let mut tree = MemoryTree::new();
        for file in files {
            let (path, text) = file.split_once('=').unwrap_or((file, ""));
            tree.insert(path, text.replace(';', "\n"));
        }
        tree.insert_link("link", "somewhere");
        let view = SourceIgnore::load(&tree, spec_ignore).unwrap().filter(tree);
        let mut left = Vec::new();
        let mut todo = vec![String::new()];
        while let Some(folder) = todo.pop() {
            for named in view.list(&folder).unwrap() {
                let path = at(&folder, &named.name);
                assert_eq!(view.entry(&path).unwrap(), Some(named.entry.clone()));
                if named.entry == Entry::Folder {
                    todo.push(path);
                } else {
                    view.read(&path).unwrap();
                    left.push(path);
                }
            }
        }
        left.sort();
        assert_eq!(left.join(" "), expected);
    }

    #[test]
    fn defaults() {
        check(
            &[
                "a.yaml",
                "logo.png",
                ".github/x.yml",
                "b/.sops.yaml",
                ".gitignore",
                "c/.gitignore",
                "x.tar.gz",
            ],
            None,
            "a.yaml",
        );
        // Any rule of one's own replaces the defaults, but never those for version control.
        check(&["a.yaml", "logo.png", ".gitignore"], Some("*.md"), "a.yaml logo.png");
        check(&["a.yaml", "logo.png"], Some("# only a comment"), "a.yaml");
    }

    #[test]
    fn everything_but_one_folder() {
        let files = ["README.md", "deploy/a.yaml", "deploy/b/c.yaml", "src/deploy/d.yaml"];
        check(&files, Some("/*\n!/deploy"), "deploy/a.yaml deploy/b/c.yaml");
        check(&files, Some("/*\n!/deploy\n/deploy/b"), "deploy/a.yaml");
        check(&files, Some("*\n!deploy/**/*.yaml"), "deploy/a.yaml deploy/b/c.yaml");
    }

    #[test]
    fn patterns() {
        let files = ["a.txt", "b/a.txt", "b/c/a.txt", "b/c/d.md"];
        check(&files, Some("a.txt"), "b/c/d.md");
        check(&files, Some("/a.txt"), "b/a.txt b/c/a.txt b/c/d.md");
        check(&files, Some("b/c/"), "a.txt b/a.txt");
        check(&files, Some("c/"), "a.txt b/a.txt");
        check(&files, Some("**/c/*.txt"), "a.txt b/a.txt b/c/d.md");
        check(&files, Some("b/**"), "a.txt");
        check(&files, Some("a.txt/"), "a.txt b/a.txt b/c/a.txt b/c/d.md");
        check(&files, Some("*.[mn]d\n!d.md"), "a.txt b/a.txt b/c/a.txt b/c/d.md");
        check(&files, Some("b**c"), "a.txt b/a.txt b/c/a.txt b/c/d.md");
    }

    #[test]
    fn rules_of_folders() {
        let files =
            [".sourceignore=*.md", "x.md", "app/.sourceignore=/y;!x.md", "app/x.md", "app/y/z", "y/z"];
        check(&files, None, ".sourceignore app/.sourceignore app/x.md y/z");
        check(&files, Some("x.md\n.sourceignore"), "y/z");
    }

    #[test]
    fn hashes_change_with_the_rules() {
        let mut tree = MemoryTree::new();
        tree.insert("a", "");
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
            fn subtree_hash(&self, _path: &str) -> Option<String> {
                Some("hash".into())
            }
        }
        let hash = |rules: &str| {
            let tree = Hashed(tree.clone());
            SourceIgnore::load(&tree, Some(rules)).unwrap().filter(tree).subtree_hash("")
        };
        assert_eq!(hash("a"), hash("a"));
        assert_ne!(hash("a"), hash("b"));
    }
}
