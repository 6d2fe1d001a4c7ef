//! Repositories made with the `git` program. Without it the tests say that they skip.

use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Leaves the test, visibly, where `git` is not installed.
macro_rules! needs_git {
    () => {
        if !crate::fixture::has_program("git") {
            eprintln!("SKIPPED: no git on this machine");
            return;
        }
    };
}
pub(crate) use needs_git;

pub(crate) fn has_program(name: &str) -> bool {
    Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success())
}

/// A repository with a work tree.
pub(crate) struct Origin {
    pub(crate) folder: TempDir,
    clock: std::cell::Cell<u64>,
}

impl Origin {
    pub(crate) fn new() -> Self {
        let origin = Self { folder: TempDir::new().unwrap(), clock: std::cell::Cell::new(1_700_000_000) };
        origin.git(&["init", "--quiet", "--initial-branch=main"]);
        origin
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Commits everything; returns the commit's hash.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.clock.set(self.clock.get() + 60);
        let date = format!("{} +0000", self.clock.get());
        git_in(self.path(), arguments, &date)
    }
}

/// Runs `git` with no configuration of the machine's or the user's.
pub(crate) fn git_in(folder: &Path, arguments: &[&str], date: &str) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.org")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.org")
        .env("GIT_AUTHOR_DATE", date)
        .env("GIT_COMMITTER_DATE", date)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A stand-in for `ssh`: it notes how it was called and runs the command here. `version` is what it passes on of
/// Git's protocol version, `""` for a server that does not accept the variable.
pub(crate) fn fake_ssh(folder: &Path, version: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join("fake-ssh");
    let log = folder.join("ssh-calls");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\nfor last; do :; done\nexport GIT_PROTOCOL='{version}'\nexport GIT_CONFIG_GLOBAL=/dev/null\nexec sh -c \"$last\"\n",
        log.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}
