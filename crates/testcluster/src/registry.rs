//! An OCI registry that keeps what it is given in memory, with and without authentication.

use crate::certificate::{CertificateError, ServerCertificate};
use crate::child::{ChildError, Controlled};
use crate::program::{self, ProgramError};
use serde::Deserialize;
use std::fs;
use tempfile::TempDir;

/// What a client has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Nothing.
    None,
    /// [`USER`] and [`PASSWORD`] with every request.
    Basic,
    /// A bearer token, which the registry's token service gives for [`USER`] and [`PASSWORD`].
    Token,
}

/// The user that the registry knows.
pub const USER: &str = "registry-user";
/// Its password.
pub const PASSWORD: &str = "registry-password";

/// Why there is no registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The Go program is not there.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// It failed.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// There is no certificate for it.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Its certificate could not be written.
    #[error("write the registry's certificate: {0}")]
    Io(#[from] std::io::Error),
}

/// A running registry; it ends when dropped.
#[derive(Debug)]
pub struct Registry {
    _control: Controlled,
    _files: TempDir,
    certificate: Option<ServerCertificate>,
    description: Description,
}

#[derive(Debug, Deserialize)]
struct Description {
    address: String,
    scheme: String,
}

impl Registry {
    /// Starts one, with HTTPS if `tls`. `None` after a `SKIPPED:` line; the crate's page says when.
    ///
    /// # Errors
    /// When the program cannot be built or does not start.
    pub async fn start(auth: Auth, tls: bool) -> Result<Option<Self>, RegistryError> {
        let Some(program) = program::for_tests()? else { return Ok(None) };
        let kind = match auth {
            Auth::None => "none",
            Auth::Basic => "basic",
            Auth::Token => "token",
        };
        let mut arguments =
            vec![format!("--auth={kind}"), format!("--user={USER}"), format!("--password={PASSWORD}")];
        let files = tempfile::tempdir()?;
        let certificate = if tls { Some(ServerCertificate::new()?) } else { None };
        if let Some(certificate) = &certificate {
            for (flag, text) in [("tls-cert", certificate.certificate()), ("tls-key", certificate.key())] {
                let path = files.path().join(flag);
                fs::write(&path, text)?;
                arguments.push(format!("--{flag}={}", path.display()));
            }
        }
        let (control, description) = Controlled::start(&program, "registry", arguments).await?;
        Ok(Some(Self { _control: control, _files: files, certificate, description }))
    }

    /// Host and port, as they stand in an image's name: `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.description.address
    }

    /// The address of the API without `/v2/`: `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.description.scheme, self.description.address)
    }

    /// The certificate authority that a client has to trust, as PEM; `None` without HTTPS.
    pub fn ca(&self) -> Option<&str> {
        self.certificate.as_ref().map(ServerCertificate::ca)
    }
}
