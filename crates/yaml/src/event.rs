//! From tokens to events: the grammar of documents, collections and nodes, by the rules of libyaml.

use crate::error::{Error, ErrorKind};
use crate::scan::{Scanner, Token};
use std::borrow::Cow;
use std::collections::HashMap;

/// A place in a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mark {
    /// In bytes.
    pub offset: usize,
    /// From 1.
    pub line: u32,
    /// In characters, from 0.
    pub column: u32,
}

impl Mark {
    pub(crate) fn error(self, kind: ErrorKind) -> Error {
        Error::new(kind, self.line, self.column + 1)
    }
}

/// From where to where, the end excluded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The first place.
    pub start: Mark,
    /// The place after the last.
    pub end: Mark,
}

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// What precedes a node's content: an anchor's number (each definition in a document has its own, counted from 1; 0
/// is none) and a tag in its resolved form, `tag:yaml.org,2002:int` or `!local`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Properties<'t> {
    /// The anchor's number.
    pub anchor: usize,
    /// The tag.
    pub tag: Option<Cow<'t, str>>,
}

/// One step of reading a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event<'t> {
    /// Nothing follows.
    StreamEnd,
    /// A document begins.
    DocumentStart,
    /// It ends.
    DocumentEnd,
    /// The number of the anchor.
    Alias(usize),
    /// A scalar, its escapes undone.
    Scalar {
        /// The text.
        value: Cow<'t, str>,
        /// How it is written.
        style: Style,
        /// Anchor and tag.
        properties: Properties<'t>,
    },
    /// A sequence begins.
    SequenceStart(Properties<'t>, Layout),
    /// It ends.
    SequenceEnd,
    /// A mapping begins; keys and values follow in turn.
    MappingStart(Properties<'t>, Layout),
    /// It ends.
    MappingEnd,
}

/// How a collection is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layout {
    /// By indentation.
    Block,
    /// In brackets or braces.
    Flow,
}

/// What the parser expects next. Those with `First` come after the token that opens the collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    StreamStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    SequenceEntry,
    IndentlessEntry,
    MappingKey,
    MappingValue,
    FlowSequenceFirst,
    FlowSequenceEntry,
    /// In `[key: value]`, a mapping of one pair without braces.
    PairKey,
    PairValue,
    PairEnd,
    FlowMappingFirst,
    FlowMappingKey,
    FlowMappingValue,
    /// The key had no `:`.
    FlowMappingNoValue,
    End,
}

/// Which nodes may stand at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Flow,
    Block,
    /// Also a sequence that is not indented further than the mapping around it.
    BlockOrIndentless,
}

/// Reads the events of one text, one after the other.
#[allow(missing_debug_implementations, reason = "a scanner's state tells nobody anything")]
pub struct Events<'t> {
    scanner: Scanner<'t>,
    state: State,
    /// Where to go on when a node is complete.
    outer: Vec<State>,
    tag_prefixes: Vec<(&'t str, Cow<'t, str>)>,
    anchors: HashMap<&'t str, usize>,
    last_anchor: usize,
}

type Result<T> = std::result::Result<T, Error>;
type Spanned<'t> = (Event<'t>, Span);

impl<'t> Events<'t> {
    /// Reads `text`, which holds no NUL; see [`Scanner::new`] for `lookahead`.
    pub(crate) fn new(text: &'t str, lookahead: usize) -> Self {
        Self {
            scanner: Scanner::new(text, lookahead),
            state: State::StreamStart,
            outer: Vec::new(),
            tag_prefixes: Vec::new(),
            anchors: HashMap::new(),
            last_anchor: 0,
        }
    }

    /// The next event and its place; after the last [`Event::StreamEnd`] for ever.
    ///
    /// # Errors
    /// When the text is not YAML.
    #[allow(clippy::should_implement_trait, reason = "the stream has an end event and errors")]
    pub fn next(&mut self) -> Result<Spanned<'t>> {
        match self.state {
            State::StreamStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => match self.peek()? {
                Token::Version { .. }
                | Token::TagPrefix { .. }
                | Token::DocumentStart
                | Token::DocumentEnd
                | Token::StreamEnd => self.empty_here(),
                _ => self.node(Allowed::Block),
            },
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.node(Allowed::Block),
            State::SequenceEntry => self.sequence_entry(),
            State::IndentlessEntry => self.indentless_entry(),
            State::MappingKey => self.mapping_key(),
            State::MappingValue => self.mapping_value(),
            State::FlowSequenceFirst => self.flow_sequence_entry(true),
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::PairKey => self.pair_key(),
            State::PairValue => self.pair_value(),
            State::PairEnd => {
                self.state = State::FlowSequenceEntry;
                let start = self.mark()?;
                Ok((Event::MappingEnd, Span { start, end: start }))
            }
            State::FlowMappingFirst => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingNoValue => self.then_empty(State::FlowMappingKey),
            State::End => {
                let start = self.mark()?;
                Ok((Event::StreamEnd, Span { start, end: start }))
            }
        }
    }

    fn peek(&mut self) -> Result<&Token<'t>> {
        self.scanner.peek().map(|(token, _)| token)
    }

    /// Where the next token starts.
    fn mark(&mut self) -> Result<Mark> {
        self.scanner.peek().map(|(_, span)| span.start)
    }

    fn take(&mut self) -> Result<Span> {
        self.scanner.next().map(|(_, span)| span)
    }

    fn fail<T>(&mut self, message: &str) -> Result<T> {
        Err(self.mark()?.error(ErrorKind::Syntax(message.to_owned())))
    }

    /// Goes on behind the node that is complete.
    fn leave(&mut self) {
        self.state = self.outer.pop().unwrap_or(State::End);
    }

    fn node_then(&mut self, then: State, allowed: Allowed) -> Result<Spanned<'t>> {
        self.outer.push(then);
        self.node(allowed)
    }

    /// A node without content, which is null.
    fn empty(mark: Mark, properties: Properties<'t>) -> Spanned<'t> {
        let span = Span { start: mark, end: mark };
        (Event::Scalar { value: Cow::Borrowed(""), style: Style::Plain, properties }, span)
    }

    fn empty_here(&mut self) -> Result<Spanned<'t>> {
        let mark = self.mark()?;
        self.leave();
        Ok(Self::empty(mark, Properties::default()))
    }

    fn then_empty(&mut self, then: State) -> Result<Spanned<'t>> {
        self.state = then;
        Ok(Self::empty(self.mark()?, Properties::default()))
    }

    fn document_start(&mut self, first: bool) -> Result<Spanned<'t>> {
        if !first {
            while *self.peek()? == Token::DocumentEnd {
                self.take()?;
            }
        }
        self.tag_prefixes.clear();
        self.anchors.clear();
        self.last_anchor = 0;
        let start = self.mark()?;
        match self.peek()? {
            Token::StreamEnd => {
                self.state = State::End;
                return Ok((Event::StreamEnd, Span { start, end: start }));
            }
            Token::Version { .. } | Token::TagPrefix { .. } | Token::DocumentStart => {}
            _ if first => {
                self.outer.push(State::DocumentEnd);
                self.state = State::BlockNode;
                return Ok((Event::DocumentStart, Span { start, end: start }));
            }
            _ => {}
        }
        self.directives()?;
        if *self.peek()? != Token::DocumentStart {
            return self.fail("a document must start with `---` here: something is wrong with what precedes");
        }
        self.outer.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        let span = self.take()?;
        Ok((Event::DocumentStart, Span { start, end: span.end }))
    }

    fn directives(&mut self) -> Result<()> {
        let mut has_version = false;
        loop {
            match self.peek()?.clone() {
                Token::Version { major, minor } => {
                    if has_version {
                        return self.fail("%YAML stands twice");
                    }
                    if (major, minor) != (1, 1) {
                        return self.fail("the only version of YAML read here is 1.1");
                    }
                    has_version = true;
                }
                Token::TagPrefix { handle, prefix } => {
                    if self.tag_prefixes.iter().any(|(known, _)| *known == handle) {
                        return self.fail("%TAG stands twice for one handle");
                    }
                    self.tag_prefixes.push((handle, prefix));
                }
                _ => return Ok(()),
            }
            self.take()?;
        }
    }

    fn document_end(&mut self) -> Result<Spanned<'t>> {
        let start = self.mark()?;
        if *self.peek()? == Token::DocumentEnd {
            self.take()?;
        }
        self.state = State::DocumentStart;
        Ok((Event::DocumentEnd, Span { start, end: start }))
    }

    fn node(&mut self, allowed: Allowed) -> Result<Spanned<'t>> {
        if let Token::Alias(name) = *self.peek()? {
            let Some(&anchor) = self.anchors.get(name) else {
                return self.fail(&format!("unknown anchor `{name}`"));
            };
            self.leave();
            return Ok((Event::Alias(anchor), self.take()?));
        }
        let start = self.mark()?;
        let properties = self.properties()?;
        let block = allowed != Allowed::Flow;
        let (event, state) = match self.peek()? {
            Token::Scalar { .. } => {
                let (token, span) = self.scanner.next()?;
                self.leave();
                let Token::Scalar { value, style } = token else { return self.fail("a value is missing") };
                return Ok((Event::Scalar { value, style, properties }, span));
            }
            Token::BlockEntry if allowed == Allowed::BlockOrIndentless => {
                self.state = State::IndentlessEntry;
                return Ok((
                    Event::SequenceStart(properties, Layout::Block),
                    Span { start, end: self.mark()? },
                ));
            }
            Token::FlowSequenceStart => {
                (Event::SequenceStart(properties, Layout::Flow), State::FlowSequenceFirst)
            }
            Token::FlowMappingStart => {
                (Event::MappingStart(properties, Layout::Flow), State::FlowMappingFirst)
            }
            Token::BlockSequenceStart if block => {
                (Event::SequenceStart(properties, Layout::Block), State::SequenceEntry)
            }
            Token::BlockMappingStart if block => {
                (Event::MappingStart(properties, Layout::Block), State::MappingKey)
            }
            _ if properties.anchor != 0 || properties.tag.is_some() => {
                self.leave();
                return Ok(Self::empty(start, properties));
            }
            _ => return self.fail("a value is missing"),
        };
        self.state = state;
        let span = self.take()?;
        Ok((event, Span { start, end: span.end }))
    }

    /// An anchor and a tag, in either order.
    fn properties(&mut self) -> Result<Properties<'t>> {
        let mut properties = Properties::default();
        loop {
            match self.peek()? {
                Token::Anchor(name) if properties.anchor == 0 => {
                    let name = *name;
                    self.last_anchor += 1;
                    properties.anchor = self.last_anchor;
                    self.anchors.insert(name, self.last_anchor);
                    self.take()?;
                }
                Token::Tag { .. } if properties.tag.is_none() => {
                    let (token, span) = self.scanner.next()?;
                    let Token::Tag { handle, suffix } = token else { continue };
                    properties.tag = Some(self.resolve_tag(handle, suffix, span.start)?);
                }
                _ => return Ok(properties),
            }
        }
    }

    fn resolve_tag(&self, handle: &str, suffix: Cow<'t, str>, mark: Mark) -> Result<Cow<'t, str>> {
        let declared = self.tag_prefixes.iter().find(|(known, _)| *known == handle);
        let prefix = match (declared, handle) {
            (_, "") => return Ok(suffix),
            (Some((_, prefix)), _) => prefix.as_ref(),
            (None, "!") => "!",
            (None, "!!") => "tag:yaml.org,2002:",
            _ => {
                let message = format!("no %TAG declares the handle `{handle}`");
                return Err(mark.error(ErrorKind::Syntax(message)));
            }
        };
        Ok(Cow::Owned(format!("{prefix}{suffix}")))
    }

    fn sequence_entry(&mut self) -> Result<Spanned<'t>> {
        match self.peek()? {
            Token::BlockEntry => {
                let mark = self.take()?.end;
                match self.peek()? {
                    Token::BlockEntry | Token::BlockEnd => Ok(Self::empty(mark, Properties::default())),
                    _ => self.node_then(State::SequenceEntry, Allowed::Block),
                }
            }
            Token::BlockEnd => {
                self.leave();
                Ok((Event::SequenceEnd, self.take()?))
            }
            _ => self.fail("a sequence's next entry must start with `- ` in the column of the others"),
        }
    }

    fn indentless_entry(&mut self) -> Result<Spanned<'t>> {
        if *self.peek()? != Token::BlockEntry {
            self.leave();
            let mark = self.mark()?;
            return Ok((Event::SequenceEnd, Span { start: mark, end: mark }));
        }
        let mark = self.take()?.end;
        match self.peek()? {
            Token::BlockEntry | Token::Key | Token::Value | Token::BlockEnd => {
                Ok(Self::empty(mark, Properties::default()))
            }
            _ => self.node_then(State::IndentlessEntry, Allowed::Block),
        }
    }

    fn mapping_key(&mut self) -> Result<Spanned<'t>> {
        match self.peek()? {
            Token::Key => {
                let mark = self.take()?.end;
                match self.peek()? {
                    Token::Key | Token::Value | Token::BlockEnd => {
                        self.state = State::MappingValue;
                        Ok(Self::empty(mark, Properties::default()))
                    }
                    _ => self.node_then(State::MappingValue, Allowed::BlockOrIndentless),
                }
            }
            Token::BlockEnd => {
                self.leave();
                Ok((Event::MappingEnd, self.take()?))
            }
            _ => self.fail("a mapping's next key must stand in the column of the others"),
        }
    }

    fn mapping_value(&mut self) -> Result<Spanned<'t>> {
        if *self.peek()? != Token::Value {
            return self.then_empty(State::MappingKey);
        }
        let mark = self.take()?.end;
        match self.peek()? {
            Token::Key | Token::Value | Token::BlockEnd => {
                self.state = State::MappingKey;
                Ok(Self::empty(mark, Properties::default()))
            }
            _ => self.node_then(State::MappingKey, Allowed::BlockOrIndentless),
        }
    }

    /// Steps over the comma before any entry but the first.
    fn comma(&mut self, first: bool, message: &str) -> Result<()> {
        if first {
            return Ok(());
        }
        match self.peek()? {
            Token::FlowEntry => self.take().map(|_| ()),
            _ => self.fail(message),
        }
    }

    fn flow_sequence_entry(&mut self, first: bool) -> Result<Spanned<'t>> {
        if *self.peek()? != Token::FlowSequenceEnd {
            self.comma(first, "a `,` or `]` is missing")?;
            match self.peek()? {
                Token::Key => {
                    self.state = State::PairKey;
                    let span = self.take()?;
                    return Ok((Event::MappingStart(Properties::default(), Layout::Flow), span));
                }
                Token::FlowSequenceEnd => {}
                _ => return self.node_then(State::FlowSequenceEntry, Allowed::Flow),
            }
        }
        self.leave();
        Ok((Event::SequenceEnd, self.take()?))
    }

    fn pair_key(&mut self) -> Result<Spanned<'t>> {
        match self.peek()? {
            Token::Value | Token::FlowEntry | Token::FlowSequenceEnd => {
                // The token is dropped, as upstream does: the pair's value is then missing as well.
                self.state = State::PairValue;
                let mark = self.take()?.end;
                Ok(Self::empty(mark, Properties::default()))
            }
            _ => self.node_then(State::PairValue, Allowed::Flow),
        }
    }

    fn pair_value(&mut self) -> Result<Spanned<'t>> {
        if *self.peek()? == Token::Value {
            self.take()?;
            if !matches!(self.peek()?, Token::FlowEntry | Token::FlowSequenceEnd) {
                return self.node_then(State::PairEnd, Allowed::Flow);
            }
        }
        self.then_empty(State::PairEnd)
    }

    fn flow_mapping_key(&mut self, first: bool) -> Result<Spanned<'t>> {
        if *self.peek()? != Token::FlowMappingEnd {
            self.comma(first, "a `,` or `}` is missing")?;
            match self.peek()? {
                Token::Key => {
                    self.take()?;
                    return match self.peek()? {
                        Token::Value | Token::FlowEntry | Token::FlowMappingEnd => {
                            self.then_empty(State::FlowMappingValue)
                        }
                        _ => self.node_then(State::FlowMappingValue, Allowed::Flow),
                    };
                }
                Token::FlowMappingEnd => {}
                _ => return self.node_then(State::FlowMappingNoValue, Allowed::Flow),
            }
        }
        self.leave();
        Ok((Event::MappingEnd, self.take()?))
    }

    fn flow_mapping_value(&mut self) -> Result<Spanned<'t>> {
        if *self.peek()? == Token::Value {
            self.take()?;
            if !matches!(self.peek()?, Token::FlowEntry | Token::FlowMappingEnd) {
                return self.node_then(State::FlowMappingKey, Allowed::Flow);
            }
        }
        self.then_empty(State::FlowMappingKey)
    }
}
