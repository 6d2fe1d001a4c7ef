//! Bare repositories in a temporary folder, and commits into them without a work tree.

use super::GitError;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// A folder of bare repositories, removed with the last user of it.
#[derive(Clone, Debug)]
pub struct Repositories {
    root: Arc<TempDir>,
}

/// One bare repository.
#[derive(Clone, Debug)]
pub struct Repository {
    path: PathBuf,
    _root: Arc<TempDir>,
}

/// One change of a commit. Paths are relative to the repository's root and must not contain line breaks or `"`.
#[derive(Clone, Debug)]
pub struct Change {
    path: String,
    content: Option<Vec<u8>>, // None: removed
}

impl Change {
    /// A file gets this content.
    pub fn write(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), content: Some(content.into()) }
    }

    /// A file or folder disappears.
    pub fn remove(path: impl Into<String>) -> Self {
        Self { path: path.into(), content: None }
    }
}

impl Repositories {
    /// An empty folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self, GitError> {
        let root = tempfile::tempdir().map_err(GitError::io("make a folder for repositories"))?;
        Ok(Self { root: Arc::new(root) })
    }

    /// Makes an empty repository `NAME.git` whose default branch is `main`; NAME may have slashes.
    ///
    /// # Errors
    /// When git fails.
    pub fn create(&self, name: &str) -> Result<Repository, GitError> {
        let repository = Repository { path: self.path_of(name), _root: Arc::clone(&self.root) };
        std::fs::create_dir_all(&repository.path).map_err(GitError::io("make a repository's folder"))?;
        repository.git(&["init", "--quiet", "--bare", "--initial-branch=main"])?;
        // Clients with rights may push; servers decide who has them.
        repository.git(&["config", "http.receivepack", "true"])?;
        Ok(repository)
    }

    pub(super) fn path(&self) -> &Path {
        self.root.path()
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.root.path().join(format!("{name}.git"))
    }
}

impl Repository {
    /// The bare repository's folder; `file://` and plain paths work as remotes too.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Commits on top of a branch (a new one starts empty) and returns the commit's id. The author is always the same
    /// and the time depends only on how many commits the branch has, so equal histories have equal ids.
    ///
    /// # Errors
    /// When git fails.
    pub fn commit(&self, branch: &str, message: &str, changes: &[Change]) -> Result<String, GitError> {
        let reference = format!("refs/heads/{branch}");
        let exists = self.git(&["rev-parse", "--verify", "--quiet", &reference]).is_ok();
        let count = if exists { self.git(&["rev-list", "--count", &reference])? } else { "0".to_owned() };
        self.run(
            &["fast-import", "--quiet", "--force"],
            &import(&reference, exists, &count, message, changes),
        )?;
        self.git(&["rev-parse", &reference])
    }

    /// Runs git in the repository, without the machine's configuration, and returns what it printed, trimmed.
    ///
    /// # Errors
    /// When git fails, with what it said.
    pub fn git(&self, arguments: &[&str]) -> Result<String, GitError> {
        self.run(arguments, b"")
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Result<String, GitError> {
        let name = || arguments.join(" ");
        let mut process = isolated(&mut Command::new("git"))
            .arg("-C")
            .arg(&self.path)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(GitError::io("run git"))?;
        // None of the commands that read their input print more than a pipe holds.
        if let Some(mut stdin) = process.stdin.take() {
            stdin.write_all(input).map_err(GitError::io(format!("talk to git {}", name())))?;
        }
        let output = process.wait_with_output().map_err(GitError::io("run git"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(GitError::Git(name(), String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

/// Keeps the developer's own git configuration and signing out of a command.
pub(super) fn isolated(command: &mut Command) -> &mut Command {
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE")
}

/// A commit as git's fast-import reads it.
fn import(reference: &str, exists: bool, count: &str, message: &str, changes: &[Change]) -> Vec<u8> {
    const FIRST: u64 = 1_700_000_000; // seconds since 1970; each commit is a minute later than its parent
    let time = FIRST + 60 * count.parse::<u64>().unwrap_or(0);
    let mut head = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(head, "commit {reference}");
    let _ = writeln!(head, "committer Test <test@example.com> {time} +0000");
    let _ = writeln!(head, "data {}\n{message}", message.len());
    if exists {
        let _ = writeln!(head, "from {reference}^0");
    }
    let mut stream = head.into_bytes();
    for change in changes {
        match &change.content {
            Some(content) => {
                stream.extend(format!("M 100644 inline {}\ndata {}\n", change.path, content.len()).bytes());
                stream.extend(content);
                stream.push(b'\n');
            }
            None => stream.extend(format!("D {}\n", change.path).bytes()),
        }
    }
    stream
}
