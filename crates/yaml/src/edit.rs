//! Changing one scalar of a file and nothing else: comments, quotes, indentation and line breaks stay.
//!
//! For tools that write versions back into files which people maintain. It refuses to rewrite collections and block
//! scalars, and to write anything that would not read back as the string asked for.

use crate::decode::decode;
use crate::emit;
use crate::event::{Event, Events, Style};
use crate::locate::{Position, position};
use crate::resolve::{Dates, Resolved, resolve};
use crate::split::chunks;
use crate::{Dialect, Error, Limits};
use std::borrow::Cow;
use std::ops::Range;

/// Why a scalar cannot be changed in place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The file is not YAML.
    #[error(transparent)]
    Broken(#[from] Error),
    /// No scalar on one line or in quotes starts there; for example, a mapping or a block (`|`, `>`) does.
    #[error("line {line}, column {column}: no plain or quoted value stands here")]
    NotAScalar {
        /// From 1.
        line: u32,
        /// From 1.
        column: u32,
    },
    /// The value cannot be written there so that it reads as itself: it holds control characters.
    #[error("line {line}, column {column}: the new value cannot be written here")]
    Unwritable {
        /// From 1.
        line: u32,
        /// From 1.
        column: u32,
    },
}

/// A scalar with a comment behind it on its line, such as `image: app:1.0 # {"$imagepolicy": "apps:app"}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentedScalar {
    /// Where the scalar stands.
    pub position: Position,
    /// The document it is in, from 0.
    pub document: u32,
    /// Its text, unquoted.
    pub value: String,
    /// The comment without its `#` and the white space around it.
    pub comment: String,
}

/// The scalars of a file that have a comment behind them. Of several on a line, the last one has it.
///
/// # Errors
/// When a document is broken.
pub fn commented_scalars(text: &[u8]) -> Result<Vec<CommentedScalar>, Error> {
    let decoded = decode(text, Limits::default().max_bytes)?;
    let Cow::Borrowed(decoded) = decoded else { return Ok(Vec::new()) };
    let before = text.len() - decoded.len();
    let mut found: Vec<CommentedScalar> = Vec::new();
    for (document, chunk) in (0..).zip(chunks(decoded, Dialect::V2)) {
        let mut events = Events::new(chunk.text, 0);
        loop {
            let (event, span) = events.next().map_err(|error| error.moved(chunk.lines, document))?;
            let value = match event {
                Event::Scalar {
                    value,
                    style: Style::Plain | Style::SingleQuoted | Style::DoubleQuoted,
                    ..
                } => value,
                Event::StreamEnd => break,
                _ => continue,
            };
            if span.start == span.end {
                continue;
            }
            let line = chunk.text[span.end.offset..].lines().next().unwrap_or_default();
            // What closes the brackets around it may stand between the scalar and the comment.
            let rest = line.trim_start_matches([' ', '\t', ']', '}', ',']);
            let Some(comment) = rest.strip_prefix('#').filter(|_| rest.len() < line.len()) else { continue };
            let position = position(span, &chunk, before);
            let comment = comment.trim().to_owned();
            found.push(CommentedScalar { position, document, value: value.into_owned(), comment });
        }
    }
    Ok(found)
}

/// The file with the scalar at `at` (from [`locate`](crate::locate()) or [`commented_scalars`]) replaced by the string
/// `value`. It keeps its quotes; without quotes, it gets double ones where it would be read as something else than
/// this string, by either dialect.
///
/// # Errors
/// When no scalar stands there, when the file is broken, or when the value cannot be written there.
pub fn set_scalar(text: &str, at: &Position, value: &str) -> Result<String, EditError> {
    let (line, column) = (at.line, at.column);
    let not_a_scalar = EditError::NotAScalar { line, column };
    let Some(old) = text.get(at.start..at.end) else { return Err(not_a_scalar) };
    let before = Outline::of(text, at.start..at.end)?;
    if before.value.is_none() {
        return Err(not_a_scalar);
    }
    let double_quoted = emit::double_quoted(value);
    let candidates = match old.as_bytes().first() {
        Some(b'"') => vec![double_quoted],
        Some(b'\'') => vec![format!("'{}'", value.replace('\'', "''")), double_quoted],
        _ if is_string(value) => vec![value.to_owned(), double_quoted],
        _ => vec![double_quoted],
    };
    for candidate in candidates {
        let edited = format!("{}{candidate}{}", &text[..at.start], &text[at.end..]);
        let reads_so = |after: Outline| after.value.as_deref() == Some(value) && after.rest == before.rest;
        if Outline::of(&edited, at.start..at.start + candidate.len()).is_ok_and(reads_so) {
            return Ok(edited);
        }
    }
    Err(EditError::Unwritable { line, column })
}

/// Whether a plain scalar of this text is a string to both dialects.
fn is_string(text: &str) -> bool {
    [Dialect::V2, Dialect::V3].iter().all(|dialect| resolve(text, *dialect, Dates::Allowed) == Resolved::Text)
}

/// What a file says: one scalar, and everything else, which an edit of that scalar leaves as it is.
struct Outline {
    value: Option<String>,
    rest: Vec<String>,
}

impl Outline {
    fn of(text: &str, at: Range<usize>) -> Result<Self, Error> {
        let mut outline = Self { value: None, rest: Vec::new() };
        let decoded = decode(text.as_bytes(), Limits::default().max_bytes)?;
        let before = text.len() - decoded.len();
        for (document, chunk) in (0..).zip(chunks(&decoded, Dialect::V2)) {
            let mut events = Events::new(chunk.text, 0);
            loop {
                let (event, span) = events.next().map_err(|error| error.moved(chunk.lines, document))?;
                let offset = chunk.offset + before;
                let here = span.start.offset + offset == at.start && span.end.offset + offset == at.end;
                match event {
                    Event::Scalar {
                        value,
                        style: Style::Plain | Style::SingleQuoted | Style::DoubleQuoted,
                        properties,
                    } if here && !at.is_empty() => {
                        outline.value = Some(value.into_owned());
                        outline.rest.push(format!("here, with {properties:?}"));
                    }
                    Event::StreamEnd => break,
                    Event::Scalar { value, properties, .. } => {
                        outline.rest.push(format!("{value:?}, with {properties:?}"));
                    }
                    event => outline.rest.push(format!("{event:?}")),
                }
            }
        }
        Ok(outline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PathPart, locate};

    fn check(text: &str, value: &str, expected: &str) {
        let at = locate(text.as_bytes(), 0, &[PathPart::Key("a")]).unwrap();
        assert_eq!(set_scalar(text, &at, value).as_deref(), Ok(expected), "{text:?}");
    }

    #[test]
    fn only_the_scalar_changes() {
        check("# c\na: b # d\ne:  f\n", "x:1.2", "# c\na: x:1.2 # d\ne:  f\n");
        check("{a: b, c: d} # e", "x", "{a: x, c: d} # e");
        check("a: &x b\nc: *x\n", "z", "a: &x z\nc: *x\n");
        check("\u{feff}a: b\r\nc: d\r\n", "x", "\u{feff}a: x\r\nc: d\r\n");
    }

    #[test]
    fn quotes_stay() {
        check("a: 'b' # c", "it's", "a: 'it''s' # c");
        check("a: \"b\"", "say \"x\"", "a: \"say \\\"x\\\"\"");
        check("a: 'b'", "two\nlines", "a: \"two\\nlines\"");
    }

    #[test]
    fn what_would_read_as_something_else_is_quoted() {
        for value in ["1.0", "yes", "null", "", "a: b", "a #b", "- a", "2001-01-01", "[a]", " a", "a\nb"] {
            check("a: b # c", value, &format!("a: {} # c", emit::double_quoted(value)));
        }
        check("[{a: b}]".trim_matches(['[', ']']), "x,y", "{a: \"x,y\"}");
        check("a: b", "x,y", "a: x,y");
    }

    #[test]
    fn other_values_are_refused() {
        for text in ["a:\n  b: c", "a: [b]", "a: |\n  b", "a:"] {
            let at = locate(text.as_bytes(), 0, &[PathPart::Key("a")]).unwrap();
            let error = set_scalar(text, &at, "x").unwrap_err();
            assert!(matches!(error, EditError::NotAScalar { .. }), "{text:?}: {error}");
        }
    }

    #[test]
    fn comments_belong_to_the_last_scalar_before_them() {
        let text = "# head\na: b # one\nc: {d: e} # two\n---\nf: 'g'\t# three\nh: i#j\nk: | # four\n  l\n";
        let found: Vec<_> = commented_scalars(text.as_bytes()).unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|s| (s.document, s.position.line, s.value.as_str(), s.comment.as_str()))
            .collect();
        assert_eq!(shown, [(0, 2, "b", "one"), (0, 3, "e", "two"), (1, 5, "g", "three")]);
        assert_eq!(&text[found[2].position.start..found[2].position.end], "'g'");
    }
}
