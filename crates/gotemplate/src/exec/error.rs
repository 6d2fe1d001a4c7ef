//! What can go wrong while a template executes.

use std::fmt;

use thiserror::Error;

use crate::value::Str;

/// A template that failed: Go's message, with the place and the chain of templates that led there.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct ExecError {
    /// The whole message, such as
    /// `template: a.yaml:3:9: executing "a.yaml" at <.a.b>: nil pointer evaluating interface {}.b`.
    pub message: String,
    /// Where the outermost template failed; `None` where there was no such template.
    pub location: Option<Location>,
    /// The limit that was exceeded, if that was the cause, however deep.
    pub limit: Option<Limit>,
}

/// A place in a template's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The name given to the text when it was parsed.
    pub template: Str,
    /// The line, from 1.
    pub line: usize,
    /// The byte in the line, from 0.
    pub column: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.template, self.line, self.column)
    }
}

/// A function that failed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FuncError {
    /// For a reason of its own.
    #[error("{0}")]
    Message(String),
    /// Because a template that it executed failed.
    #[error("{0}")]
    Exec(Box<ExecError>),
    /// Because a limit was exceeded. A function must pass this on.
    #[error("{0}")]
    Limit(#[from] Limit),
}

impl FuncError {
    pub(crate) fn limit(&self) -> Option<Limit> {
        match self {
            Self::Message(_) => None,
            Self::Exec(error) => error.limit,
            Self::Limit(limit) => Some(*limit),
        }
    }
}

impl From<String> for FuncError {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl From<&str> for FuncError {
    fn from(message: &str) -> Self {
        Self::Message(message.into())
    }
}

impl From<Box<ExecError>> for FuncError {
    fn from(error: Box<ExecError>) -> Self {
        Self::Exec(error)
    }
}

/// A bound on what untrusted templates may do.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::steps`](super::Limits::steps)
    #[error("limit exceeded: more than {0} steps (limit `steps`)")]
    Steps(u64),
    /// [`Limits::output`](super::Limits::output)
    #[error("limit exceeded: more than {0} bytes of output (limit `output`)")]
    Output(u64),
    /// [`Limits::memory`](super::Limits::memory)
    #[error("limit exceeded: more than {0} bytes of strings and lists made (limit `memory`)")]
    Memory(u64),
    /// [`Limits::depth`](super::Limits::depth)
    #[error("exceeded maximum template depth ({0}) (limit `depth`)")]
    Depth(u32),
    /// A value nested too deep to print, copy or compare; a map that holds itself is.
    #[error("limit exceeded: value nested deeper than 1000 levels")]
    Nesting,
}
