//! A server for git over SSH.

use super::GitError;
use super::repository::Repositories;
use crate::gate::{say, skipped};
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A running server; it ends when dropped. Each connection has an sshd of its own, as under inetd, so that the free port
/// is ours before anything is started.
#[derive(Debug)]
pub struct SshServer {
    address: SocketAddr,
    user: String,
    host_key: String,
    files: TempDir,
    repositories: Repositories,
    listening: AbortHandle,
}

impl SshServer {
    /// Serves the repositories on a free port of the loopback interface to the one client key, as long as the calling
    /// test's runtime lives. `None` after a `SKIPPED:` line where OpenSSH's server is not installed.
    ///
    /// # Errors
    /// When keys cannot be made or no port can be had.
    pub async fn start(repositories: &Repositories) -> Result<Option<Self>, GitError> {
        let Some(sshd) = find_sshd() else {
            skipped("sshd is not installed (Debian: apt-get install openssh-server)");
            return Ok(None);
        };
        let files = tempfile::tempdir().map_err(GitError::io("make a folder for keys"))?;
        let host_key = generate_key(&files.path().join("host_key"))?;
        let client_key = generate_key(&files.path().join("client_key"))?;
        write(&files.path().join("authorized_keys"), &client_key)?;
        let config = files.path().join("sshd_config");
        write(&config, &configuration(files.path()))?;
        let user = current_user()?;
        prepare_privilege_separation(&user)?;
        let listen = |error| GitError::Io("listen on a port".to_owned(), error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        write(
            &files.path().join("known_hosts"),
            &format!("[{}]:{} {host_key}\n", address.ip(), address.port()),
        )?;
        let log = files.path().join("sshd.log");
        let listening = tokio::spawn(listen_on(listener, sshd, config, log)).abort_handle();
        Ok(Some(Self { address, user, host_key, files, repositories: repositories.clone(), listening }))
    }

    /// The address to clone a repository from: `ssh://USER@127.0.0.1:PORT/…/NAME.git`.
    pub fn url(&self, name: &str) -> Result<String, GitError> {
        let path = self.repositories.path_of(name);
        let text = path.to_str().ok_or_else(|| GitError::Path(path.clone()))?;
        Ok(format!("ssh://{}@{}{text}", self.user, self.address))
    }

    /// The private key that the server lets in, in OpenSSH's format.
    pub fn client_key_path(&self) -> PathBuf {
        self.files.path().join("client_key")
    }

    /// The server's public key as it stands in an `authorized_keys` file: `ssh-ed25519 AAAA…`.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// A `known_hosts` file that names the server.
    pub fn known_hosts_path(&self) -> PathBuf {
        self.files.path().join("known_hosts")
    }

    /// What sshd logged, over all connections.
    pub fn log(&self) -> String {
        fs::read_to_string(self.files.path().join("sshd.log")).unwrap_or_default()
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen_on(listener: TcpListener, sshd: PathBuf, config: PathBuf, log: PathBuf) {
    while let Ok((stream, _)) = listener.accept().await {
        let served = stream.into_std().and_then(|stream| serve(&sshd, &config, &log, stream));
        match served {
            Ok(mut process) => {
                // Takes note of the end of the process.
                tokio::spawn(async move { process.wait().await });
            }
            Err(error) => say(&format!("sshd: {error}")),
        }
    }
}

/// Starts an sshd that speaks over the connection as its standard input and output.
fn serve(
    sshd: &Path,
    config: &Path,
    log: &Path,
    stream: TcpStream,
) -> std::io::Result<tokio::process::Child> {
    stream.set_nonblocking(false)?;
    let output = OwnedFd::from(stream.try_clone()?);
    tokio::process::Command::new(sshd)
        .arg("-i")
        .arg("-f")
        .arg(config)
        .arg("-E")
        .arg(log)
        .stdin(Stdio::from(OwnedFd::from(stream)))
        .stdout(Stdio::from(output))
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// sshd insists on being called by its whole path.
fn find_sshd() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join("sshd"))
        .find(|sshd| sshd.is_file())
}

fn configuration(files: &Path) -> String {
    let files = files.display();
    format!(
        "HostKey {files}/host_key\n\
         AuthorizedKeysFile {files}/authorized_keys\n\
         AuthenticationMethods publickey\n\
         PermitRootLogin prohibit-password\n\
         StrictModes no\n\
         UsePAM no\n\
         PrintMotd no\n\
         PidFile none\n\
         LogLevel VERBOSE\n"
    )
}

/// Makes a key pair and returns the public key without its comment.
fn generate_key(path: &Path) -> Result<String, GitError> {
    let output = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(path)
        .output()
        .map_err(GitError::io("run ssh-keygen"))?;
    if !output.status.success() {
        return Err(GitError::Git(
            "ssh-keygen".to_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    let public = fs::read_to_string(path.with_extension("pub")).map_err(GitError::io("read a public key"))?;
    Ok(public.trim().to_owned())
}

fn current_user() -> Result<String, GitError> {
    let output = Command::new("id").arg("-un").output().map_err(GitError::io("run id"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Run by root, sshd insists on an empty folder that its installation makes only at the start of the service.
fn prepare_privilege_separation(user: &str) -> Result<(), GitError> {
    if user == "root" {
        fs::create_dir_all("/run/sshd").map_err(GitError::io("make /run/sshd"))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), GitError> {
    fs::write(path, text).map_err(GitError::io(format!("write {}", path.display())))
}
