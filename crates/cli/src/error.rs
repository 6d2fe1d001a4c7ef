use holdfast_cluster::{ApiError, ApiErrorKind, ConnectError};
use std::fmt;

/// How a command ended that did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did, and the answer is yes: status 0.
    Success,
    /// The answer is no: there are differences, the app is not in the state that was waited for, a check failed.
    /// Status 1.
    Negative,
}

impl Exit {
    /// The status of the process.
    pub fn status(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Negative => 1,
        }
    }
}

/// Who has to act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Whoever called: what was asked for does not exist or makes no sense. Status 2.
    User,
    /// Whoever set things up: kubeconfig, rights, a server that does not answer. Status 3.
    Config,
    /// We: this should not happen. Status 255.
    Internal,
    /// No one: the reader of our output went away. Nothing is printed, status 0.
    Closed,
}

/// Why a command could not do what it was asked.
#[derive(Debug)]
pub struct CliError {
    /// Who has to act.
    pub kind: ErrorKind,
    /// What went wrong, and with what.
    pub message: String,
    /// What to do about it, a line each.
    pub hints: Vec<String>,
}

impl CliError {
    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// An error of whoever called.
    pub fn user(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::User, message)
    }

    /// An error of the set-up.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// An error of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Puts what was being done in front of the message.
    #[must_use]
    pub fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The status of the process.
    pub fn status(&self) -> u8 {
        match self.kind {
            ErrorKind::User => 2,
            ErrorKind::Config => 3,
            ErrorKind::Internal => 255,
            ErrorKind::Closed => 0,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

impl From<ConnectError> for CliError {
    fn from(error: ConnectError) -> Self {
        Self::config(error.to_string())
            .hint("name the cluster with --kubeconfig FILE and --context NAME, or set KUBECONFIG")
            .hint("no cluster at hand? `holdfast sandbox` starts a simulated one")
    }
}

impl From<ApiError> for CliError {
    fn from(error: ApiError) -> Self {
        let message = error.message.clone();
        match error.kind {
            ApiErrorKind::Unavailable | ApiErrorKind::TooManyRequests if error.status == 0 => {
                Self::config(format!("the cluster does not answer: {message}"))
                    .hint("is it running? `holdfast check` looks at the connection step by step")
            }
            ApiErrorKind::Unauthorized => {
                Self::config(format!("the cluster does not know who is asking: {message}"))
                    .hint("the credentials in the kubeconfig may have expired")
            }
            ApiErrorKind::Forbidden => Self::config(message),
            ApiErrorKind::Unavailable | ApiErrorKind::TooManyRequests => {
                Self::config(format!("the cluster cannot answer now: {message}"))
            }
            _ => Self::user(message),
        }
    }
}
