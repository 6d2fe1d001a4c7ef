//! Folders on this machine: a Git checkout at its last commit, or files as they lie there.

mod disk;
mod gitignore;
mod watch;

pub use disk::DiskTree;
pub use watch::Watch;

use crate::git::{Objects, local_artifact};
use crate::{Artifact, Limits, Revision, SourceError};
use gitignore::GitIgnore;
use holdfast_tree::{Entry, FileTree, TreeError};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder, and the Git checkout it lies in, if it does.
#[derive(Debug, Clone)]
pub struct LocalFolder {
    folder: PathBuf,
    checkout: Option<Checkout>,
}

#[derive(Debug, Clone)]
struct Checkout {
    /// The top of the work tree, where `.git` lies.
    top: PathBuf,
    git_dir: PathBuf,
    /// Where branches live: `git_dir`, but for linked work trees their main repository's.
    common_dir: PathBuf,
    /// Where the folder lies in the work tree; `""` for its top.
    prefix: String,
}

/// What of a folder is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// The last commit of the checkout the folder lies in: what is not committed is not there.
    Commits,
    /// The files as they lie there, without what `.gitignore` excludes. Needs no Git.
    Files,
}

impl LocalFolder {
    /// A folder that exists.
    ///
    /// # Errors
    /// [`SourceError::RepositoryNotFound`] when there is no such folder, [`SourceError::Storage`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let not_found = || SourceError::RepositoryNotFound { url: path.display().to_string() };
        let folder = path.canonicalize().map_err(|_| not_found())?;
        if !folder.is_dir() {
            return Err(not_found());
        }
        let checkout = Checkout::around(&folder);
        Ok(Self { folder, checkout })
    }

    /// The folder, as an absolute path without links.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Whether the folder lies in a Git checkout.
    pub fn is_checkout(&self) -> bool {
        self.checkout.is_some()
    }

    /// Where the folder lies in the tree of its [`Artifact`]: `""` for the top of a checkout, and for a folder outside
    /// of any. Artifacts hold the whole checkout, since what is in a folder may refer to what lies beside it.
    pub fn prefix(&self) -> &str {
        self.checkout.as_ref().map_or("", |c| &c.prefix)
    }

    /// The files now. Reads the disk: call it where blocking is fine.
    ///
    /// # Errors
    /// [`SourceError::RepositoryNotFound`] for [`Follow::Commits`] outside of a checkout, [`SourceError::RefNotFound`]
    /// before the first commit, [`SourceError::TooLarge`] and [`SourceError::TooMany`] beyond the limits.
    pub fn artifact(&self, follow: Follow, limits: &Limits) -> Result<Artifact, SourceError> {
        match follow {
            Follow::Commits => self.at_head(limits),
            Follow::Files => self.as_it_lies(limits),
        }
    }

    /// Follows changes from now on. Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`SourceError::Storage`] when the operating system refuses to watch.
    pub fn watch(&self, follow: Follow, limits: &Limits) -> Result<Watch, SourceError> {
        Watch::new(self.clone(), follow, limits.clone())
    }

    fn at_head(&self, limits: &Limits) -> Result<Artifact, SourceError> {
        let Some(checkout) = &self.checkout else {
            return Err(SourceError::RepositoryNotFound { url: self.folder.display().to_string() });
        };
        let objects = Arc::new(Objects::open(&checkout.git_dir)?);
        let url = checkout.top.display().to_string();
        let no_commit = || SourceError::RefNotFound { url: url.clone(), reference: "a first commit".into() };
        let (commit, branch) = objects.with(|repository| {
            let branch = repository.head_name().ok().flatten().map(|n| n.shorten().to_string());
            (repository.head_id().ok().map(gix::Id::detach), branch)
        });
        let commit = commit.ok_or_else(no_commit)?;
        let revision = Revision::git(branch.as_deref().unwrap_or("HEAD"), &commit.to_string());
        local_artifact(objects, &revision, commit, limits)?.ok_or_else(no_commit)
    }

    fn as_it_lies(&self, limits: &Limits) -> Result<Artifact, SourceError> {
        let tree = self.disk_tree(limits);
        let digest = digest(&tree, limits)?;
        Ok(Artifact {
            revision: Revision::sha256("", &digest),
            digest: format!("sha256:{digest}"),
            commit: None,
            metadata: Vec::new(),
            tree: Arc::new(tree),
        })
    }

    fn disk_tree(&self, limits: &Limits) -> DiskTree {
        let top = self.checkout.as_ref().map_or(&self.folder, |c| &c.top);
        let git_dir = self.checkout.as_ref().map(|c| c.git_dir.as_path());
        DiskTree::with_ignores(top, limits.file_bytes, GitIgnore::new(top, git_dir))
    }
}

impl Checkout {
    fn around(folder: &Path) -> Option<Self> {
        let (found, _) = gix::discover::upwards(folder).ok()?;
        let (git_dir, top) = found.into_repository_and_work_tree_directories();
        let (git_dir, top) = (git_dir.canonicalize().ok()?, top?.canonicalize().ok()?);
        let prefix = folder.strip_prefix(&top).ok()?.to_str()?.replace(std::path::MAIN_SEPARATOR, "/");
        let common = std::fs::read_to_string(git_dir.join("commondir")).ok();
        let common_dir = common.and_then(|c| git_dir.join(c.trim()).canonicalize().ok());
        Some(Self { top, common_dir: common_dir.unwrap_or_else(|| git_dir.clone()), git_dir, prefix })
    }
}

/// A digest over every visible file: its path, kind and content. Files too large to be read count by size and time.
fn digest(tree: &DiskTree, limits: &Limits) -> Result<String, SourceError> {
    let mut hash = Sha256::new();
    let (mut files, mut bytes) = (0, 0);
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        // What vanished while we looked is not there.
        let Ok(entries) = tree.list(&folder) else { continue };
        for named in entries {
            let path = if folder.is_empty() { named.name } else { format!("{folder}/{}", named.name) };
            let part = |hash: &mut Sha256, kind: &[u8], content: &[u8]| {
                for field in [path.as_bytes(), kind, content] {
                    hash.update((field.len() as u64).to_le_bytes());
                    hash.update(field);
                }
            };
            match named.entry {
                Entry::Folder => {
                    part(&mut hash, b"folder", b"");
                    folders.push(path.clone());
                }
                Entry::Symlink { target } => part(&mut hash, b"link", target.as_bytes()),
                Entry::File { size, executable } => {
                    files += 1;
                    let kind: &[u8] = if executable { b"program" } else { b"file" };
                    match tree.read(&path) {
                        Ok(content) => {
                            bytes += content.len() as u64;
                            part(&mut hash, kind, &content);
                        }
                        Err(TreeError::TooLarge { .. }) => {
                            part(
                                &mut hash,
                                b"large",
                                format!("{size} {:?}", tree.modified(&path)).as_bytes(),
                            );
                        }
                        Err(TreeError::NotFound(_)) => {}
                        Err(error) => {
                            return Err(SourceError::Storage {
                                path: path.clone(),
                                message: error.to_string(),
                            });
                        }
                    }
                }
            }
        }
        check_limits(tree, files, bytes, limits)?;
    }
    Ok(hex::encode(hash.finalize()))
}

fn check_limits(tree: &DiskTree, files: u64, bytes: u64, limits: &Limits) -> Result<(), SourceError> {
    let what = || format!("in {}", tree.root().display());
    if files > limits.files {
        return Err(SourceError::TooMany {
            what: format!("files {}", what()),
            limit_name: "files",
            limit: limits.files,
        });
    }
    if bytes > limits.total_bytes {
        return Err(SourceError::TooLarge {
            what: format!("the files {}", what()),
            size: bytes,
            limit_name: "total_bytes",
            limit: limits.total_bytes,
        });
    }
    Ok(())
}
