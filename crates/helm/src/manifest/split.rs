//! Cutting a rendered template into documents, before any YAML is read.

use crate::HelmVersion;

/// A document of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Document<'a> {
    /// Its text, trimmed; with Helm 4 only at its start.
    pub(crate) text: &'a str,
    /// Where it starts in the text.
    pub(crate) start: usize,
}

/// Trims what Go calls white space.
fn trim(text: &str) -> &str {
    text.trim_matches(char::is_whitespace)
}

/// Cuts at `---` at the beginning of a line, whatever follows it.
///
/// With Helm 3 the separator takes the white space on both sides with it, so that of two separators in a row the
/// second stays and the indentation of a first line goes. With Helm 4 it takes the blanks after it.
pub(crate) fn split(text: &str, helm: HelmVersion) -> Box<dyn Iterator<Item = Document<'_>> + '_> {
    if helm.keeps_line_breaks() { Box::new(by_lines(text)) } else { Box::new(by_white_space(text)) }
}

/// Helm 4's way.
fn by_lines(text: &str) -> impl Iterator<Item = Document<'_>> {
    let mut at = Some(text.len() - text.trim_start().len());
    std::iter::from_fn(move || {
        while let Some(start) = at {
            let rest = &text[start..];
            // What follows a separator on its line is no beginning of a line.
            let at_start =
                start == 0 || text.as_bytes()[start - 1] == b'\n' || text[..start].trim().is_empty();
            let cut = if at_start && rest.starts_with("---") {
                Some(0)
            } else {
                find(rest.as_bytes(), b"\n---").map(|found| found + 1)
            };
            at = cut.map(|cut| {
                let after = rest[cut + 3..].trim_start_matches([' ', '\t']);
                text.len() - after.len()
            });
            let piece = &rest[..cut.unwrap_or(rest.len())];
            let document = piece.trim_start();
            if !document.is_empty() {
                return Some(Document { text: document, start: start + piece.len() - document.len() });
            }
        }
        None
    })
}

/// Helm 3's way.
fn by_white_space(text: &str) -> impl Iterator<Item = Document<'_>> {
    let trimmed = trim(text);
    let start = text.len() - text.trim_start().len();
    let mut at = start;
    let end = start + trimmed.len();
    let mut first = true;
    std::iter::from_fn(move || {
        loop {
            if at > end {
                return None;
            }
            let rest = &text[at..end];
            let (cut, next) = match separator(rest, std::mem::take(&mut first)) {
                Some((cut, next)) => (cut, at + next),
                None => (rest.len(), end + 1),
            };
            let piece = &rest[..cut];
            let piece_at = at + (piece.len() - piece.trim_start().len());
            at = next;
            if !piece.is_empty() {
                return Some(Document { text: trim(piece), start: piece_at });
            }
        }
    })
}

/// Start and end of the first separator: `---` after a line break (or at the start of the text, `at_start`) with the
/// white space around it.
fn separator(text: &str, at_start: bool) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let (cut, dashes) = if at_start && bytes.starts_with(b"---") {
        (0, 0)
    } else {
        let found = find(bytes, b"\n---")?;
        let before = bytes[..found].iter().rposition(|b| !is_space(*b)).map_or(0, |i| i + 1);
        (before, found + 1)
    };
    let after = &bytes[dashes + 3..];
    let skipped = after.iter().position(|b| !is_space(*b)).unwrap_or(after.len());
    Some((cut, dashes + 3 + skipped))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

/// `\s` of Go's regular expressions.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents() {
        let check = |text: &str, expected: &[(&str, usize)]| {
            let got: Vec<_> = split(text, HelmVersion::V3)
                .map(|d| (d.text, text[..d.start].matches('\n').count() + 1))
                .collect();
            assert_eq!(got, expected, "{text:?}");
        };
        check("", &[]);
        check(" \n", &[]);
        check("a: 1\n", &[("a: 1", 1)]);
        check("\n\na: 1\n  \n---\nb: 2\n---\n", &[("a: 1", 3), ("b: 2", 6)]);
        check("---\na\n---\n---\nb", &[("a", 2), ("---\nb", 4)]);
        check("---\n  a: 1\n  b: 2", &[("a: 1\n  b: 2", 2)]);
        check("t: |\n  ---\n  x\n--- # c\ny", &[("t: |\n  ---\n  x", 1), ("# c\ny", 4)]);
        check("a\n-----BEGIN", &[("a", 1), ("--BEGIN", 2)]);
        check("---", &[]);
        check("a\r\n---\r\nb", &[("a", 1), ("b", 3)]);
    }

    #[test]
    fn documents_of_helm_4() {
        let check = |text: &str, expected: &[&str]| {
            let got: Vec<_> = split(text, HelmVersion::V4).map(|d| d.text).collect();
            assert_eq!(got, expected, "{text:?}");
            for document in split(text, HelmVersion::V4) {
                assert!(text[document.start..].starts_with(document.text));
            }
        };
        check("", &[]);
        check("\n a: 1\n\n---\n---  \n  b: 2\n", &["a: 1\n\n", "b: 2\n"]);
        check("---apiVersion: v1\nx: |\n  ---\n--- # c\ny", &["apiVersion: v1\nx: |\n  ---\n", "# c\ny"]);
        check("a\n------BEGIN", &["a\n", "---BEGIN"]);
        check("a\r\n---\r\nb\r\n", &["a\r\n", "b\r\n"]);
        check("--- ---\n", &["---\n"]);
    }
}
