//! Where a file's documents are, as the Kubernetes tools cut it.

use crate::Dialect;
use crate::error::{Error, ErrorKind};

/// A document's text and where it starts.
#[derive(Debug)]
pub struct Chunk<'t> {
    /// Without the separators.
    pub text: &'t str,
    /// Bytes before it.
    pub offset: usize,
    /// Lines before it.
    pub lines: u32,
    /// What is wrong with the separator that ends the chunk.
    pub error: Option<Error>,
}

/// Cuts at lines that start with `---`, on which only a comment may follow. Nothing between two separators, or before
/// the first, is no document; blank lines and comments are an empty one.
///
/// kustomize (V3) takes as a separator only what has a line before and after it: other markers are left to YAML,
/// where a value may follow on their line.
pub fn chunks(text: &str, dialect: Dialect) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    let (mut start, mut start_line) = (0, 0);
    let (mut at, mut line) = (0, 0);
    for full in text.split_inclusive('\n') {
        line += 1;
        let inside = at > 0 && full.ends_with('\n');
        if let Some(rest) = full.strip_prefix("---").filter(|_| inside || dialect == Dialect::V2) {
            let rest = rest.trim();
            let error = (!rest.is_empty() && !rest.starts_with('#')).then(|| {
                let message = format!("only a comment may follow the document separator `---`, not `{rest}`");
                Error::new(ErrorKind::Syntax(message), line, 4)
            });
            if start < at || error.is_some() {
                chunks.push(Chunk { text: &text[start..at], offset: start, lines: start_line, error });
            }
            start = at + full.len();
            start_line = line;
        }
        at += full.len();
    }
    if start < at || chunks.is_empty() {
        chunks.push(Chunk { text: &text[start..at], offset: start, lines: start_line, error: None });
    }
    chunks
}
