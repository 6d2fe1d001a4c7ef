//! What can be wrong with a text.

use std::fmt;

/// Why a text is not the YAML that was asked for, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct Error {
    kind: ErrorKind,
    line: u32,
    column: u32,
    document: u32,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not YAML; the message says what was found or expected.
    Syntax(String),
    /// The text is YAML, but its meaning is not a JSON value: an infinite number, a mapping as a key, ...
    Meaning(String),
    /// A key stands twice in one mapping. An error in the V3 dialect only.
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// The text is neither UTF-8 nor UTF-16 with a byte order mark.
    Encoding,
    /// A limit of [`Limits`](crate::Limits) is exceeded.
    Limit {
        /// The field's name in [`Limits`](crate::Limits).
        name: &'static str,
        /// Its value.
        limit: usize,
    },
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(message) | Self::Meaning(message) => f.write_str(message),
            Self::DuplicateKey { key } => write!(f, "the key {key:?} stands twice in this mapping"),
            Self::Encoding => f.write_str("the text is not valid UTF-8 or UTF-16"),
            Self::Limit { name, limit } => {
                write!(f, "the text exceeds the limit {name} of {limit}")?;
                match *name {
                    "max_bytes" => f.write_str(" bytes"),
                    "max_depth" => f.write_str(" levels of nesting"),
                    _ => f.write_str(" values (aliases expanded)"),
                }
            }
        }
    }
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, line: u32, column: u32) -> Self {
        Self { kind, line, column, document: 0 }
    }

    /// The error of a document in terms of its file: behind so many lines, and the document's index.
    pub(crate) fn moved(mut self, lines: u32, document: u32) -> Self {
        self.line = self.line.saturating_add(lines);
        self.document = document;
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The column, in characters from 1.
    #[must_use]
    pub fn column(&self) -> u32 {
        self.column
    }

    /// The document's index in the file, from 0, empty documents counted.
    #[must_use]
    pub fn document(&self) -> u32 {
        self.document
    }
}
