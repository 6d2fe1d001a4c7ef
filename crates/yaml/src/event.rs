//! The events of a YAML text, independent of who scans it.

use crate::error::{Error, ErrorKind};
use granit_parser as granit;
use std::borrow::Cow;

/// A place in a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Mark {
    /// In bytes.
    pub(crate) offset: usize,
    /// From 1.
    pub(crate) line: u32,
    /// In characters, from 1.
    pub(crate) column: u32,
}

impl Mark {
    pub(crate) fn error(self, kind: ErrorKind) -> Error {
        Error::new(kind, self.line, self.column)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    pub(crate) start: Mark,
    pub(crate) end: Mark,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
}

/// What precedes a node's content: an anchor's number (each definition has its own, from 1; 0 is none) and a tag in
/// its resolved form, `tag:yaml.org,2002:int` or `!local`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Properties<'t> {
    pub(crate) anchor: usize,
    pub(crate) tag: Option<Cow<'t, str>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Event<'t> {
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(usize),
    Scalar { value: Cow<'t, str>, style: Style, properties: Properties<'t> },
    SequenceStart(Properties<'t>),
    SequenceEnd,
    MappingStart(Properties<'t>),
    MappingEnd,
}

/// Reads the events of one text, one after the other.
pub(crate) struct Events<'t> {
    parser: granit::Parser<'t, granit::StrInput<'t>>,
    text: &'t str,
    max_depth: usize,
}

impl<'t> Events<'t> {
    pub(crate) fn new(text: &'t str, max_depth: usize) -> Self {
        let mut options = granit::Options::default();
        options.set_emit_comments(false);
        options.flow_nesting_limit = max_depth;
        options.block_nesting_limit = max_depth;
        Self { parser: granit::Parser::new_from_str_with_options(text, options), text, max_depth }
    }

    pub(crate) fn next(&mut self) -> Result<(Event<'t>, Span), Error> {
        loop {
            let (event, span) = match self.parser.next_event() {
                None => {
                    let here = Mark::default();
                    return Ok((Event::StreamEnd, Span { start: here, end: here }));
                }
                Some(Ok(event)) => event,
                Some(Err(error)) => return Err(self.error(&error)),
            };
            let span = Span { start: mark(span.start), end: mark(span.end) };
            if matches!(event, granit::Event::Scalar(_, granit::ScalarStyle::DoubleQuoted, ..)) {
                self.reject_slash_escape(span)?;
            }
            let event = match event {
                granit::Event::StreamEnd => Event::StreamEnd,
                granit::Event::DocumentStart(..) => Event::DocumentStart,
                granit::Event::DocumentEnd => Event::DocumentEnd,
                granit::Event::Alias(anchor) => Event::Alias(anchor),
                granit::Event::Scalar(value, style, anchor, tag) => Event::Scalar {
                    // An absent node is told by its empty span.
                    value: if span.start == span.end && style == granit::ScalarStyle::Plain {
                        Cow::Borrowed("")
                    } else {
                        value
                    },
                    style: match style {
                        granit::ScalarStyle::Plain => Style::Plain,
                        granit::ScalarStyle::SingleQuoted => Style::SingleQuoted,
                        granit::ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                        granit::ScalarStyle::Literal => Style::Literal,
                        granit::ScalarStyle::Folded => Style::Folded,
                    },
                    properties: properties(anchor, tag),
                },
                granit::Event::SequenceStart(_, anchor, tag) => Event::SequenceStart(properties(anchor, tag)),
                granit::Event::SequenceEnd => Event::SequenceEnd,
                granit::Event::MappingStart(_, anchor, tag) => Event::MappingStart(properties(anchor, tag)),
                granit::Event::MappingEnd => Event::MappingEnd,
                _ => continue,
            };
            return Ok((event, span));
        }
    }

    /// `\/` is an escape of YAML 1.2, which the Go libraries do not know.
    fn reject_slash_escape(&self, span: Span) -> Result<(), Error> {
        let source = self.text.get(span.start.offset..span.end.offset).unwrap_or_default();
        let mut escaped = false;
        for byte in source.bytes() {
            if escaped && byte == b'/' {
                return Err(span.start.error(ErrorKind::Syntax("unknown escape `\\/`".to_owned())));
            }
            escaped = byte == b'\\' && !escaped;
        }
        Ok(())
    }

    fn error(&self, error: &granit::ScanError) -> Error {
        let kind = match error.kind() {
            granit::ErrorKind::RecursionLimitExceeded => {
                ErrorKind::Limit { name: "max_depth", limit: self.max_depth }
            }
            _ => ErrorKind::Syntax(error.info()),
        };
        mark(*error.marker()).error(kind)
    }
}

fn properties<'t>(anchor: usize, tag: Option<Cow<'t, granit::Tag>>) -> Properties<'t> {
    let tag = tag.map(|tag| {
        let (handle, suffix) = tag.parts();
        Cow::Owned(format!("{handle}{suffix}"))
    });
    Properties { anchor, tag }
}

fn mark(marker: granit::Marker) -> Mark {
    let narrow = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    Mark {
        offset: marker.byte_offset().unwrap_or(marker.index()),
        line: narrow(marker.line()),
        column: narrow(marker.col()).saturating_add(1),
    }
}
