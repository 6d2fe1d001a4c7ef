use super::gitignore::GitIgnore;
use bytes::Bytes;
use holdfast_tree::{Entry, FileTree, Named, TreeError};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The files of a folder on disk, as they lie there at the moment they are read.
///
/// Links are shown and never followed, not even on the way to a file: nothing outside of the folder can be read. Git's
/// own folders (`.git`) are not shown; names that are not Unicode neither, and nor are sockets, pipes and devices.
#[derive(Debug)]
pub struct DiskTree {
    root: PathBuf,
    max_file_bytes: u64,
    ignores: Option<GitIgnore>,
}

impl DiskTree {
    /// Every file below `root`; files above `max_file_bytes` are listed and cannot be read.
    pub fn new(root: &Path, max_file_bytes: u64) -> Self {
        Self { root: root.to_owned(), max_file_bytes, ignores: None }
    }

    pub(super) fn with_ignores(root: &Path, max_file_bytes: u64, ignores: GitIgnore) -> Self {
        Self { root: root.to_owned(), max_file_bytes, ignores: Some(ignores) }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// When a file was last written.
    pub(super) fn modified(&self, path: &str) -> Option<SystemTime> {
        self.find(path).ok()??.modified().ok()
    }

    /// What stands at a path, if no link lies on the way and nothing hides it.
    fn find(&self, path: &str) -> Result<Option<Metadata>, TreeError> {
        let mut at = self.root.clone();
        let mut seen = String::new();
        let mut found = fs::symlink_metadata(&at).map_err(|e| storage(path, &e))?;
        for part in path.split('/').filter(|p| !p.is_empty()) {
            if !found.is_dir() || !is_plain(part) {
                return Ok(None);
            }
            at.push(part);
            if !seen.is_empty() {
                seen.push('/');
            }
            seen.push_str(part);
            found = match fs::symlink_metadata(&at) {
                Ok(found) => found,
                Err(error) if is_absence(&error) => return Ok(None),
                Err(error) => return Err(storage(path, &error)),
            };
            if self.is_hidden(&seen, found.is_dir()) {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    fn is_hidden(&self, path: &str, is_folder: bool) -> bool {
        self.ignores.as_ref().is_some_and(|ignores| ignores.excludes(path, is_folder))
    }

    fn describe(&self, path: &str, found: &Metadata) -> Result<Option<Entry>, TreeError> {
        let kind = found.file_type();
        Ok(if kind.is_dir() {
            Some(Entry::Folder)
        } else if kind.is_symlink() {
            match fs::read_link(self.root.join(path)) {
                Ok(target) => target.to_str().map(|t| Entry::Symlink { target: t.replace('\\', "/") }),
                Err(error) if is_absence(&error) => None,
                Err(error) => return Err(storage(path, &error)),
            }
        } else if kind.is_file() {
            Some(Entry::File { size: found.len(), executable: is_executable(found) })
        } else {
            None
        })
    }
}

impl FileTree for DiskTree {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        match self.find(path)? {
            Some(found) => self.describe(path, &found),
            None => Ok(None),
        }
    }

    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        let found = self.find(path)?.ok_or_else(|| TreeError::NotFound(path.to_owned()))?;
        if !found.is_file() {
            return Err(TreeError::NotAFile(path.to_owned()));
        }
        let too_large =
            |size| TreeError::TooLarge { path: path.to_owned(), size, limit: self.max_file_bytes };
        if found.len() > self.max_file_bytes {
            return Err(too_large(found.len()));
        }
        let file = open_without_links(&self.root.join(path)).map_err(|e| match is_absence(&e) {
            true => TreeError::NotFound(path.to_owned()),
            false => storage(path, &e),
        })?;
        let mut content = Vec::with_capacity(usize::try_from(found.len()).unwrap_or_default());
        // The file may grow while it is read.
        file.take(self.max_file_bytes + 1).read_to_end(&mut content).map_err(|e| storage(path, &e))?;
        if content.len() as u64 > self.max_file_bytes {
            return Err(too_large(content.len() as u64));
        }
        Ok(content.into())
    }

    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        let found = self.find(path)?.ok_or_else(|| TreeError::NotFound(path.to_owned()))?;
        if !found.is_dir() {
            return Err(TreeError::NotAFolder(path.to_owned()));
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.root.join(path)).map_err(|e| storage(path, &e))? {
            let entry = entry.map_err(|e| storage(path, &e))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let at = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            // What vanished since the folder was read is not there.
            let Ok(found) = entry.metadata() else { continue };
            if !is_plain(&name) || self.is_hidden(&at, found.is_dir()) {
                continue;
            }
            if let Some(entry) = self.describe(&at, &found)? {
                entries.push(Named { name, entry });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

/// A name that can be part of a path, and is not Git's own folder.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | ".." | ".git") && !name.contains(['/', '\\', '\0'])
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn storage(path: &str, error: &io::Error) -> TreeError {
    TreeError::Storage { path: path.to_owned(), message: error.to_string() }
}

#[cfg(unix)]
fn is_executable(found: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    found.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_found: &Metadata) -> bool {
    false
}

/// Opens a file; a link that someone just put in its place is refused.
#[cfg(unix)]
fn open_without_links(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().read(true).custom_flags(NO_LINKS_NO_WAIT).open(path)
}

/// `O_NOFOLLOW | O_NONBLOCK` of Linux: a pipe in a file's place does not stop us either.
#[cfg(target_os = "linux")]
const NO_LINKS_NO_WAIT: i32 = 0o400_000 | 0o4_000;
#[cfg(all(unix, not(target_os = "linux")))]
const NO_LINKS_NO_WAIT: i32 = 0x100 | 0x4;

#[cfg(not(unix))]
fn open_without_links(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_tree::resolve;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        fs::create_dir_all(folder.path().join(".git")).unwrap();
        fs::write(folder.path().join(".git/config"), "").unwrap();
        fs::write(folder.path().join("a/b/c.yaml"), "c: 1").unwrap();
        fs::write(folder.path().join("a-b"), "0123456789").unwrap();
        folder
    }

    #[test]
    fn files_are_listed_and_read() {
        let folder = folder();
        let tree = DiskTree::new(folder.path(), 8);
        let names: Vec<_> = tree.list("").unwrap().into_iter().map(|n| n.name).collect();
        assert_eq!(names, ["a", "a-b"]);
        assert_eq!(tree.read("a/b/c.yaml").unwrap(), "c: 1");
        assert_eq!(tree.entry("a/b").unwrap(), Some(Entry::Folder));
        assert_eq!(tree.entry("").unwrap(), Some(Entry::Folder));
        assert_eq!(tree.entry("a/b/c.yaml/x").unwrap(), None);
        assert_eq!(tree.entry(".git/config").unwrap(), None);
        assert_eq!(tree.read("a/b"), Err(TreeError::NotAFile("a/b".into())));
        assert_eq!(tree.list("a-b"), Err(TreeError::NotAFolder("a-b".into())));
        assert_eq!(tree.read("a-b"), Err(TreeError::TooLarge { path: "a-b".into(), size: 10, limit: 8 }));
    }

    #[cfg(unix)]
    #[test]
    fn nothing_outside_can_be_read() {
        let (folder, outside) = (folder(), tempfile::TempDir::new().unwrap());
        fs::write(outside.path().join("secret"), "s").unwrap();
        let link =
            |target: &Path, name: &str| std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        link(outside.path(), "out");
        link(Path::new("a/b"), "in");
        let tree = DiskTree::new(folder.path(), 8);
        for path in ["out/secret", "../secret", "a/../../secret", "in/c.yaml"] {
            assert_eq!(tree.entry(path).unwrap(), None, "{path}");
            assert!(tree.read(path).is_err(), "{path}");
        }
        assert_eq!(resolve(&tree, "in/c.yaml").unwrap().path, "a/b/c.yaml");
        assert!(matches!(resolve(&tree, "out/secret"), Err(TreeError::Escapes(_))));
    }
}
