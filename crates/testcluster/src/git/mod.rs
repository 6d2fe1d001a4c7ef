//! Git repositories to test against, and servers for them: HTTP(S) through git's own http-backend, SSH through sshd.
//!
//! ```no_run
//! # use holdfast_testcluster::git::{Auth, Change, HttpServer, Repositories};
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let repositories = Repositories::new()?;
//! let apps = repositories.create("apps")?;
//! let revision = apps.commit("main", "say hello", &[Change::write("hello.yaml", "kind: List\n")])?;
//! let Some(server) = HttpServer::start(&repositories, true, Auth::basic("me", "secret")).await? else {
//!     return Ok(());
//! };
//! // clone server.url("apps") with server.ca(), me and secret; expect revision
//! # Ok(())
//! # }
//! ```

mod cgi;
mod http;
mod repository;
mod ssh;

pub use self::http::{Auth, HttpServer};
pub use self::repository::{Change, Repositories, Repository};
pub use self::ssh::SshServer;

use crate::certificate::CertificateError;
use std::io;
use std::path::PathBuf;

/// Why a repository or a server of it failed.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// git could not be run, or a file not be written.
    #[error("{0}: {1}")]
    Io(String, io::Error),
    /// git said no.
    #[error("git {0}: {1}")]
    Git(String, String),
    /// There is no certificate for the server.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A repository's path is not Unicode, so it cannot stand in an address.
    #[error("{0:?} is not Unicode")]
    Path(PathBuf),
}

impl GitError {
    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |error| Self::Io(what, error)
    }
}
