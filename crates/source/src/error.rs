use std::time::Duration;

/// Why a source could not be read. Texts never contain credentials; [`SourceError::hint`] says what to do.
///
/// Cheap to clone: one failed fetch is reported to everyone who waited for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The address cannot be read.
    #[error("{url}: not a repository address: {reason}")]
    InvalidUrl {
        /// The address as given, without credentials.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key, certificate or `known_hosts` text cannot be read.
    #[error("the credentials for {url} cannot be used: {reason}")]
    InvalidCredentials {
        /// The repository.
        url: String,
        /// What is wrong, without the secret.
        reason: String,
    },
    /// Sending credentials over an unencrypted connection was refused.
    #[error("{url}: refusing to send credentials over an unencrypted connection")]
    InsecureCredentials {
        /// The repository.
        url: String,
    },
    /// The server could not be reached, or broke the connection.
    #[error("{url}: unreachable: {message}")]
    Unreachable {
        /// The repository.
        url: String,
        /// What the network said.
        message: String,
    },
    /// The operation took longer than it may.
    #[error("{url}: gave up after {} s", .after.as_secs_f64())]
    TimedOut {
        /// The repository.
        url: String,
        /// The time limit.
        after: Duration,
    },
    /// The server's certificate was not accepted.
    #[error("{url}: the server's certificate is not trusted: {message}")]
    UntrustedCertificate {
        /// The repository.
        url: String,
        /// Why the certificate was refused.
        message: String,
    },
    /// The SSH server's key is not among the known hosts, or differs from the one that is.
    #[error("{url}: the SSH host key is not the expected one: {message}")]
    HostKeyMismatch {
        /// The repository.
        url: String,
        /// What `ssh` said.
        message: String,
    },
    /// The server refused the credentials, or wants some.
    #[error("{url}: authentication failed: {message}")]
    AuthenticationFailed {
        /// The repository.
        url: String,
        /// What the server said.
        message: String,
    },
    /// There is no repository at the address (or the credentials may not see it).
    #[error("{url}: repository not found")]
    RepositoryNotFound {
        /// The repository.
        url: String,
    },
    /// The repository has no such branch, tag, version or commit.
    #[error("{url}: {reference} not found")]
    RefNotFound {
        /// The repository.
        url: String,
        /// What was asked for: ``branch `main` ``, ``semver range `>=1` ``, …
        reference: String,
    },
    /// Something is larger than it may be.
    #[error("{what}: {size} bytes, more than the limit {limit_name} of {limit}")]
    TooLarge {
        /// The file, pack or index.
        what: String,
        /// Its size in bytes, as far as it is known.
        size: u64,
        /// The limit's name, as in [`crate::Limits`].
        limit_name: &'static str,
        /// The limit in bytes.
        limit: u64,
    },
    /// There are more of something than there may be.
    #[error("more than {limit} {what} (limit {limit_name})")]
    TooMany {
        /// What was counted.
        what: String,
        /// The limit's name, as in [`crate::Limits`].
        limit_name: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The server answered with something that is no valid answer.
    #[error("{url}: unexpected answer: {message}")]
    Protocol {
        /// The repository.
        url: String,
        /// What was wrong.
        message: String,
    },
    /// The cache on disk could not be read or written.
    #[error("{path}: {message}")]
    Storage {
        /// The file or folder.
        path: String,
        /// What the file system or object database said.
        message: String,
    },
    /// A program that is needed (`ssh`) could not be started.
    #[error("cannot start {program}: {message}")]
    Program {
        /// The program's name.
        program: String,
        /// What the operating system said.
        message: String,
    },
    /// Nobody waited for the result any more.
    #[error("cancelled")]
    Cancelled,
}

impl SourceError {
    /// What a person can do about it, in one sentence.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InvalidUrl { .. } => {
                "use https://host/path, ssh://user@host/path, user@host:path, git://host/path or a local path"
            }
            Self::InvalidCredentials { .. } => {
                "check the secret's keys and that values are complete PEM or text"
            }
            Self::InsecureCredentials { .. } => {
                "use https, or allow credentials over plain http for this source"
            }
            Self::Unreachable { .. } => {
                "check the host name, network policies, proxy and firewall; the last good revision stays in use"
            }
            Self::TimedOut { .. } => "raise the source's timeout, or check that the server is not overloaded",
            Self::UntrustedCertificate { .. } => {
                "add the certificate authority (ca.crt) to the source's secret, or renew what has expired"
            }
            Self::HostKeyMismatch { .. } => {
                "compare the key with the provider's published one, then update known_hosts in the secret"
            }
            Self::AuthenticationFailed { .. } => {
                "check that the token or key is valid, has not expired and may read this repository"
            }
            Self::RepositoryNotFound { .. } => {
                "check the address; many providers answer so when credentials are missing or may not see it"
            }
            Self::RefNotFound { .. } => {
                "check the branch, tag, version range or commit; it may have been deleted"
            }
            Self::TooLarge { .. } | Self::TooMany { .. } => {
                "keep large files out of the repository, or raise the limit"
            }
            Self::Protocol { .. } => {
                "check that the address is a Git repository or registry and no web page or login form"
            }
            Self::Storage { .. } => "check the cache folder's permissions and free space",
            Self::Program { .. } => "install the program in the image or on the host",
            Self::Cancelled => "ask again",
        }
    }

    /// Whether trying again without any change may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::TimedOut { .. }
                | Self::Storage { .. }
                | Self::Protocol { .. }
                | Self::Cancelled
        )
    }
}
