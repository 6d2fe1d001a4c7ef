//! Where a field stands in a file.

use crate::decode::decode;
use crate::error::Error;
use crate::event::{Event, Events, Mark, Span};
use crate::split::{Chunk, chunks};
use crate::{Dialect, Limits};
use std::borrow::Cow;

/// A step from a value to one inside of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathPart<'p> {
    /// The value of a mapping's key, as the key is written, less its quotes.
    Key(&'p str),
    /// An entry of a sequence, from 0.
    Index(usize),
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The line on which it starts, from 1.
    pub line: u32,
    /// The column in which it starts, in characters from 1.
    pub column: u32,
    /// Where it starts, in bytes of the file.
    pub start: usize,
    /// Where it ends, in bytes of the file: quotes and brackets included, comments behind it not.
    pub end: usize,
}

/// Where the value at `path` of a file's document stands, or `None` where there is none or the document is broken.
///
/// Documents are counted as [`documents`](crate::documents) does in V2. Of a key that stands twice, the last one
/// counts, as there. What is only reached through an alias or a merge stands nowhere else: `None`; the alias itself
/// has a place. So has a value that is missing: an empty one behind its `:`.
#[must_use]
pub fn locate(text: &[u8], document: u32, path: &[PathPart<'_>]) -> Option<Position> {
    let Cow::Borrowed(decoded) = decode(text, Limits::default().max_bytes).ok()? else {
        // UTF-16: the bytes of the file are others.
        return None;
    };
    let byte_order_mark = text.len() - decoded.len();
    let (span, chunk) = find(decoded, document, path, Start::Value)?;
    Some(position(span, &chunk, byte_order_mark))
}

/// The line, from 1, on which what stands at `path` begins, for people who look for it: of a mapping's value that of its
/// key, which a value of several lines does not stand on. Otherwise as [`locate`].
#[must_use]
pub fn line(text: &[u8], document: u32, path: &[PathPart<'_>]) -> Option<u32> {
    let decoded = decode(text, Limits::default().max_bytes).ok()?;
    let (span, chunk) = find(&decoded, document, path, Start::Key)?;
    Some(position(span, &chunk, 0).line)
}

/// Where a value that has a key starts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Key,
    Value,
}

fn find<'t>(text: &'t str, document: u32, path: &[PathPart<'_>], start: Start) -> Option<(Span, Chunk<'t>)> {
    let chunk = chunks(text, Dialect::V2).into_iter().nth(usize::try_from(document).ok()?)?;
    let mut walk = Walk { events: Events::new(chunk.text, 0), start };
    if walk.events.next().ok()?.0 == Event::StreamEnd {
        return None;
    }
    let span = walk.node(path).ok()??;
    Some((span, chunk))
}

pub(crate) fn position(span: Span, chunk: &Chunk<'_>, before: usize) -> Position {
    Position {
        line: span.start.line + chunk.lines,
        column: span.start.column + 1,
        start: span.start.offset + chunk.offset + before,
        end: span.end.offset + chunk.offset + before,
    }
}

struct Walk<'t> {
    events: Events<'t>,
    start: Start,
}

impl Walk<'_> {
    /// Reads the next node whole and tells where the value at `path` in it stands. Recursion is as deep as the path.
    fn node(&mut self, path: &[PathPart<'_>]) -> Result<Option<Span>, Error> {
        let (event, span) = self.events.next()?;
        self.started(event, span, path)
    }

    fn mapping(&mut self, wanted: &str, rest: &[PathPart<'_>]) -> Result<Option<Span>, Error> {
        let mut found = None;
        loop {
            let (event, span) = self.events.next()?;
            if event == Event::MappingEnd {
                return Ok(found);
            }
            if matches!(&event, Event::Scalar { value, .. } if value == wanted) {
                found = self.node(rest)?;
                if rest.is_empty() && self.start == Start::Key {
                    found = found.map(|value| Span { start: span.start, ..value });
                }
            } else {
                self.rest_of(&event, span.end)?;
                self.skip()?;
            }
        }
    }

    fn sequence(&mut self, wanted: usize, rest: &[PathPart<'_>]) -> Result<Option<Span>, Error> {
        let mut found = None;
        for index in 0.. {
            let (event, span) = self.events.next()?;
            if event == Event::SequenceEnd {
                break;
            }
            if index == wanted {
                found = self.started(event, span, rest)?;
            } else {
                self.rest_of(&event, span.end)?;
            }
        }
        Ok(found)
    }

    /// As [`Walk::node`], for a node whose first event is read already.
    fn started(
        &mut self,
        event: Event<'_>,
        span: Span,
        path: &[PathPart<'_>],
    ) -> Result<Option<Span>, Error> {
        match (event, path.split_first()) {
            (event, None) => Ok(Some(Span { start: span.start, end: self.rest_of(&event, span.end)? })),
            (Event::MappingStart(..), Some((PathPart::Key(key), rest))) => self.mapping(key, rest),
            (Event::SequenceStart(..), Some((PathPart::Index(index), rest))) => self.sequence(*index, rest),
            (event, Some(_)) => {
                self.rest_of(&event, span.end)?;
                Ok(None)
            }
        }
    }

    fn skip(&mut self) -> Result<(), Error> {
        let (event, span) = self.events.next()?;
        self.rest_of(&event, span.end).map(|_| ())
    }

    /// Reads what is left of the node that `event` started; where the last thing in it ends.
    fn rest_of(&mut self, event: &Event<'_>, end: Mark) -> Result<Mark, Error> {
        let mut depth = match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => 1,
            _ => return Ok(end),
        };
        let mut last = end;
        while depth > 0 {
            let (event, span) = self.events.next()?;
            match event {
                Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
                Event::SequenceEnd | Event::MappingEnd => depth -= 1,
                Event::StreamEnd | Event::DocumentEnd => return Ok(last),
                _ => {}
            }
            // Block collections end where the next thing starts, which says nothing about them.
            let ends_itself =
                !matches!(event, Event::SequenceEnd | Event::MappingEnd) || span.start != span.end;
            if ends_itself && span.end.offset > last.offset {
                last = span.end;
            }
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_several_lines_is_found_at_its_key() {
        let text = b"# one\na:\n  b:\n  - x\n  - c: |\n      long\n---\na: {b: [1,\n  2]}\n";
        let check = |document: u32, path: &[PathPart<'_>], expected: Option<(u32, u32)>| {
            let at = locate(text, document, path).map(|position| position.line);
            assert_eq!(line(text, document, path).zip(at), expected, "{path:?}");
        };
        use PathPart::{Index, Key};
        check(0, &[Key("a")], Some((2, 3)));
        check(0, &[Key("a"), Key("b")], Some((3, 4)));
        check(0, &[Key("a"), Key("b"), Index(0)], Some((4, 4)));
        check(0, &[Key("a"), Key("b"), Index(1), Key("c")], Some((5, 5)));
        check(1, &[Key("a"), Key("b"), Index(1)], Some((9, 9)));
        check(1, &[Key("b")], None);
        check(2, &[], None);
    }
}
