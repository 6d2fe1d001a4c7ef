//! What happened, line by line, and its hash: two runs of one seed have the same.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio::time::Instant;

/// The record of one run.
#[derive(Debug)]
pub struct Trace {
    began: Instant,
    lines: Vec<String>,
    hasher: DefaultHasher,
}

impl Trace {
    pub(crate) fn new() -> Self {
        // `DefaultHasher::new` has fixed keys: the hash is the same in every process.
        Self { began: Instant::now(), lines: Vec::new(), hasher: DefaultHasher::new() }
    }

    /// Adds a line under the present moment.
    pub(crate) fn line(&mut self, text: impl std::fmt::Display) {
        let at = self.began.elapsed();
        let mut line = format!("{:>5}.{:03} ", at.as_secs(), at.subsec_millis());
        let _ = write!(line, "{text}");
        line.hash(&mut self.hasher);
        self.lines.push(line);
    }

    /// Lets something count in the hash that has no place in a line.
    pub(crate) fn absorb(&mut self, bytes: &[u8]) {
        bytes.hash(&mut self.hasher);
    }

    /// The lines so far.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The hash of everything so far.
    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }
}
