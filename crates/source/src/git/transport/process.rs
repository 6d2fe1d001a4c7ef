//! Git over SSH, by the host's `ssh` program, which is given nothing of the user's own configuration.

use super::{Connected, Dial};
use crate::{Credentials, GitUrl, SourceError};
use gix_transport::Protocol;
use gix_transport::client::git::ConnectMode;
use gix_transport::client::git::blocking_io::Connection;
use secrecy::{ExposeSecret, SecretString};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

/// A running `ssh`. Dropping it ends the program and wipes the key's file.
pub(crate) struct Process {
    child: Arc<Mutex<Child>>,
    errors: Option<std::thread::JoinHandle<String>>,
    _files: TempDir,
    url: String,
}

/// What is kept of the program's error output.
const MAX_ERROR_BYTES: u64 = 16 << 10;

impl Process {
    /// Ends the program and tells from its last words why the connection failed.
    pub(crate) fn why(mut self) -> Option<SourceError> {
        let errors = self.errors.take();
        let url = self.url.clone();
        drop(self);
        explain(&errors?.join().ok()?, &url)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // It has usually ended already; a word left unsaid then is no loss.
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Starts `ssh` and speaks Git's protocol over its standard input and output.
pub(super) fn connect(dial: &Dial<'_>) -> Result<Connected, SourceError> {
    let url = dial.url;
    let files = key_files(dial)?;
    let mut child = command(dial.ssh, url, files.path(), has_passphrase(dial)).spawn().map_err(|e| {
        SourceError::Program { program: dial.ssh.display().to_string(), message: e.to_string() }
    })?;
    let (Some(input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(SourceError::Program { program: "ssh".into(), message: "it has no pipes".into() });
    };
    let child = Arc::new(Mutex::new(child));
    let errors = std::thread::spawn(move || {
        let mut text = Vec::new();
        // Reading ends with the program; a broken pipe ends it too.
        let _ = errors.take(MAX_ERROR_BYTES).read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let killed = Arc::downgrade(&child);
    dial.cancel.on_cancel(move || {
        if let Some(child) = killed.upgrade() {
            // It may have ended by itself.
            let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
        }
    });
    let reader = dial.meter.reader(output);
    let none = None::<(String, Option<u16>)>;
    let connection =
        Connection::new(reader, input, Protocol::V2, url.path(), none, ConnectMode::Process, false);
    let process = Process { child, errors: Some(errors), _files: files, url: url.to_string() };
    Ok(Connected { transport: Box::new(connection), process: Some(process) })
}

fn has_passphrase(dial: &Dial<'_>) -> bool {
    matches!(&dial.access.credentials, Credentials::Ssh { passphrase: Some(_), .. })
}

/// Writes key, known hosts and passphrase where only we can read them.
fn key_files(dial: &Dial<'_>) -> Result<TempDir, SourceError> {
    let invalid =
        |reason: &str| SourceError::InvalidCredentials { url: dial.url.to_string(), reason: reason.into() };
    let (identity, known_hosts, passphrase) = match &dial.access.credentials {
        Credentials::Ssh { identity, known_hosts, passphrase } => (identity, known_hosts, passphrase),
        Credentials::None => return Err(invalid("an SSH address needs a key (identity) and known_hosts")),
        _ => return Err(invalid("a password or token was given for an SSH address, which needs a key")),
    };
    if known_hosts.trim().is_empty() {
        return Err(invalid("known_hosts is missing: the server could not be recognised"));
    }
    if !identity.expose_secret().contains("PRIVATE KEY") {
        return Err(invalid("identity is no private key"));
    }
    let failed = |e: std::io::Error| SourceError::Storage {
        path: std::env::temp_dir().display().to_string(),
        message: e.to_string(),
    };
    let folder = tempfile::Builder::new().prefix("holdfast-ssh-").tempdir().map_err(failed)?;
    // `ssh` wants the line break at the end, which secrets often lose.
    let identity = SecretString::from(format!("{}\n", identity.expose_secret().trim_end()));
    write_private(&folder.path().join("identity"), identity.expose_secret(), 0o600).map_err(failed)?;
    write_private(&folder.path().join("known_hosts"), known_hosts, 0o600).map_err(failed)?;
    if let Some(passphrase) = passphrase {
        write_private(&folder.path().join("passphrase"), passphrase.expose_secret(), 0o600)
            .map_err(failed)?;
        let answer = format!("#!/bin/sh\nexec cat '{}'\n", folder.path().join("passphrase").display());
        write_private(&folder.path().join("answer"), &answer, 0o700).map_err(failed)?;
    }
    Ok(folder)
}

#[cfg(unix)]
fn write_private(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(not(unix))]
fn write_private(path: &Path, text: &str, _mode: u32) -> std::io::Result<()> {
    fs::write(path, text)
}

/// The whole invocation. Nothing is read from the home folder or the system's configuration; nothing is asked.
fn command(program: &Path, url: &GitUrl, files: &Path, with_passphrase: bool) -> Command {
    let mut command = Command::new(program);
    let known_hosts = format!("UserKnownHostsFile=\"{}\"", files.join("known_hosts").display());
    let options = [
        "IdentitiesOnly=yes",
        "IdentityAgent=none",
        "StrictHostKeyChecking=yes",
        &known_hosts,
        "GlobalKnownHostsFile=/dev/null",
        "UpdateHostKeys=no",
        "PreferredAuthentications=publickey",
        "PasswordAuthentication=no",
        "KbdInteractiveAuthentication=no",
        "NumberOfPasswordPrompts=1",
        "ClearAllForwardings=yes",
        "PermitLocalCommand=no",
        "ControlPath=none",
        "ConnectTimeout=20",
        "ServerAliveInterval=15",
        "SendEnv=GIT_PROTOCOL",
        // With a passphrase `ssh` has to ask, and is answered by a program; otherwise it may not.
        if with_passphrase { "BatchMode=no" } else { "BatchMode=yes" },
    ];
    command.args(["-F", "/dev/null", "-T"]);
    for option in options {
        command.arg("-o").arg(option);
    }
    command.arg("-i").arg(files.join("identity"));
    if let Some(port) = url.port() {
        command.arg("-p").arg(port.to_string());
    }
    if let Some(user) = url.user() {
        command.arg("-l").arg(user);
    }
    command.arg("--").arg(url.host().trim_matches(['[', ']']));
    command.arg(format!("git-upload-pack {}", quoted(&remote_path(url))));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", files).env("LC_ALL", "C").env("GIT_PROTOCOL", "version=2");
    if with_passphrase {
        command
            .env("SSH_ASKPASS", files.join("answer"))
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("DISPLAY", ":");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// `/~user/path` in an address is `~user/path` to the server's shell.
fn remote_path(url: &GitUrl) -> String {
    let path = url.path();
    path.strip_prefix("/~").map_or_else(|| path.to_owned(), |rest| format!("~{rest}"))
}

/// Quoted for the server's shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''").replace('!', "'\\!'"))
}

/// What the program's last words mean.
fn explain(errors: &str, url: &str) -> Option<SourceError> {
    let url = url.to_owned();
    let has = |words: &[&str]| words.iter().any(|w| errors.contains(w));
    let message = last_words(errors);
    if message.is_empty() {
        return None;
    }
    Some(if has(&["not our ref"]) {
        SourceError::RefNotFound { url, reference: "the commit".into() }
    } else if has(&[
        "Host key verification failed",
        "HOST IDENTIFICATION HAS CHANGED",
        "host key is known for",
    ]) {
        SourceError::HostKeyMismatch { url, message }
    } else if has(&["invalid format", "error in libcrypto", "incorrect passphrase"]) {
        SourceError::InvalidCredentials { url, reason: message }
    } else if has(&["Permission denied", "Too many authentication failures", "No supported authentication"]) {
        SourceError::AuthenticationFailed { url, message }
    } else if has(&[
        "Repository not found",
        "repository not found",
        "not appear to be a git repository",
        "could not be found",
        "Could not read from remote",
    ]) {
        SourceError::RepositoryNotFound { url }
    } else if has(&[
        "Could not resolve",
        "Connection ",
        "timed out",
        "No route",
        "unreachable",
        "kex_exchange",
        "Broken pipe",
    ]) {
        SourceError::Unreachable { url, message }
    } else {
        SourceError::Protocol { url, message }
    })
}

/// The last lines without banners, as one line.
fn last_words(errors: &str) -> String {
    let noise =
        |line: &&str| !line.is_empty() && !line.starts_with("Warning: Permanently") && !line.contains("@@@@");
    let lines: Vec<&str> = errors.lines().map(str::trim).filter(noise).collect();
    let from = lines.len().saturating_sub(3);
    lines[from..].join("; ").chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_users_configuration_is_read() {
        let url = GitUrl::parse("ssh://git@h.io:2222/a b/it's.git").unwrap();
        let command = command(Path::new("ssh"), &url, Path::new("/tmp/k"), false);
        let arguments: Vec<String> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
        assert_eq!(arguments[..2], ["-F", "/dev/null"]);
        assert!(arguments.contains(&"BatchMode=yes".to_owned()));
        let tail = &arguments[arguments.len() - 9..];
        insta::assert_debug_snapshot!(tail, @r#"
        [
            "-i",
            "/tmp/k/identity",
            "-p",
            "2222",
            "-l",
            "git",
            "--",
            "h.io",
            "git-upload-pack '/a b/it'\\''s.git'",
        ]
        "#);
    }

    #[test]
    fn last_words_become_errors() {
        let check = |errors: &str, expected: &str| {
            let error = explain(errors, "ssh://h/a").unwrap();
            assert_eq!(format!("{error:?}").split(' ').next(), Some(expected), "{errors}");
        };
        check(
            "No ED25519 host key is known for h and you have requested strict checking.\nHost key verification failed.",
            "HostKeyMismatch",
        );
        check("git@h: Permission denied (publickey).", "AuthenticationFailed");
        check(
            "Load key \"/tmp/k/identity\": invalid format\ngit@h: Permission denied (publickey).",
            "InvalidCredentials",
        );
        check("ssh: Could not resolve hostname h: Name or service not known", "Unreachable");
        check("ssh: connect to host h port 22: Connection refused", "Unreachable");
        check(
            "ERROR: Repository not found.\nfatal: Could not read from remote repository.",
            "RepositoryNotFound",
        );
        check("fatal: '/a' does not appear to be a git repository", "RepositoryNotFound");
        assert_eq!(explain("", "ssh://h/a"), None);
    }
}
