use crate::{Entry, FileTree, TreeError};

/// How many links one [`resolve`] follows before it calls the path a cycle; Linux' own limit.
pub const MAX_LINKS: usize = 40;

/// Normalises a path: drops `.` and empty parts, takes `..` back one part. A leading `/` means the tree's root.
/// `None` when `..` leads above the root.
pub fn normalize(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Joins a path to a folder and normalises it; an absolute `path` starts at the tree's root. `None` when it leads
/// above the root.
pub fn join(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') { normalize(path) } else { normalize(&format!("{folder}/{path}")) }
}

/// The folder that holds a normalised path; `""` for the root itself.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path with every link on it followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The normalised path without links.
    pub path: String,
    /// What stands there: a file or a folder, never a link.
    pub entry: Entry,
}

/// Follows a path and every symbolic link on it, the last part included.
///
/// # Errors
/// [`TreeError::NotFound`] when a part is missing, [`TreeError::Escapes`] when the path or a link leads above the
/// root or to an absolute target, [`TreeError::TooManyLinks`] after [`MAX_LINKS`] links.
pub fn resolve(tree: &dyn FileTree, path: &str) -> Result<Resolved, TreeError> {
    let escapes = || TreeError::Escapes(path.to_owned());
    let mut todo: Vec<String> = split_reversed(path);
    let mut done = String::new();
    let mut entry = Entry::Folder;
    let mut links = 0;
    while let Some(part) = todo.pop() {
        if part == ".." {
            if done.is_empty() {
                return Err(escapes());
            }
            done.truncate(parent(&done).len());
            entry = Entry::Folder;
            continue;
        }
        if !matches!(entry, Entry::Folder) {
            return Err(TreeError::NotAFolder(done));
        }
        let next = if done.is_empty() { part } else { format!("{done}/{part}") };
        match tree.entry(&next)?.ok_or_else(|| TreeError::NotFound(path.to_owned()))? {
            Entry::Symlink { target } => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(TreeError::TooManyLinks(path.to_owned()));
                }
                if target.starts_with('/') {
                    return Err(escapes());
                }
                todo.extend(split_reversed(&target));
            }
            found => {
                done = next;
                entry = found;
            }
        }
    }
    Ok(Resolved { path: done, entry })
}

fn split_reversed(path: &str) -> Vec<String> {
    path.split('/').filter(|p| !p.is_empty() && *p != ".").rev().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryTree;

    #[test]
    fn normalize_never_leaves_the_root() {
        let check =
            |path: &str, expected: Option<&str>| assert_eq!(normalize(path).as_deref(), expected, "{path}");
        check("", Some(""));
        check("./a//b/./c", Some("a/b/c"));
        check("/a/../b", Some("b"));
        check("a/../..", None);
        check("..", None);
    }

    #[test]
    fn links_are_followed_inside_the_tree_only() {
        let mut tree = MemoryTree::new();
        tree.insert("base/a.yaml", "a");
        tree.insert_link("over/base", "../base");
        tree.insert_link("out", "../secret");
        tree.insert_link("abs", "/etc/passwd");
        tree.insert_link("loop", "loop");
        let at = |path: &str| resolve(&tree, path).map(|r| r.path);
        assert_eq!(at("over/base/a.yaml"), Ok("base/a.yaml".into()));
        assert_eq!(at("over/base/../base"), Ok("base".into()));
        assert_eq!(at("out"), Err(TreeError::Escapes("out".into())));
        assert_eq!(at("abs"), Err(TreeError::Escapes("abs".into())));
        assert_eq!(at("loop"), Err(TreeError::TooManyLinks("loop".into())));
        assert_eq!(at("nothing"), Err(TreeError::NotFound("nothing".into())));
        assert_eq!(at("base/a.yaml/x"), Err(TreeError::NotAFolder("base/a.yaml".into())));
    }
}
