//! From text to tokens, by the rules of libyaml (YAML 1.1), which both Go libraries ported: where a simple key may
//! stand, what ends a plain scalar, which characters break lines. YAML 1.2 parsers differ in many of them.
//!
//! A key without `?` is only known as one when its `:` is seen. So each flow level remembers the last token that may
//! have been the start of a key, and tokens wait in a queue until no such doubt is left about the first of them.

mod block_scalar;
mod cursor;
mod flow_scalar;
mod property;

use crate::error::{Error, ErrorKind};
use crate::event::{Mark, Span, Style};
use cursor::Cursor;
use std::borrow::Cow;
use std::collections::VecDeque;

/// Characters within which the `:` of a simple key must follow.
const SIMPLE_KEY_CHARACTERS: u32 = 1024;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Token<'t> {
    StreamEnd,
    Version { major: u8, minor: u8 },
    TagPrefix { handle: &'t str, prefix: Cow<'t, str> },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'t str),
    Anchor(&'t str),
    Tag { handle: &'t str, suffix: Cow<'t, str> },
    Scalar { value: Cow<'t, str>, style: Style },
}

/// A token that may turn out to be the start of a key without `?`.
#[derive(Clone, Copy)]
struct SimpleKey {
    possible: bool,
    /// Nothing but a key may stand here: its absence is an error.
    required: bool,
    /// The token's number since the start of the text.
    token: usize,
    mark: Mark,
}

pub(crate) struct Scanner<'t> {
    cursor: Cursor<'t>,
    queue: VecDeque<(Token<'t>, Span)>,
    /// Tokens already taken from the queue.
    taken: usize,
    /// Tokens that wait behind the first one before it is handed out.
    lookahead: usize,
    /// The column of the innermost block collection, -1 outside of all.
    indent: i64,
    outer_indents: Vec<i64>,
    /// By flow level, from the block level on. Their tokens never decrease.
    simple_keys: Vec<SimpleKey>,
    simple_key_allowed: bool,
    /// The first token of the queue can be handed out.
    ready: bool,
    finished: bool,
}

impl<'t> Scanner<'t> {
    /// Scans `text`, which holds no NUL, with so many tokens read ahead beyond what is necessary: that decides which
    /// faults behind a document count as faults of it.
    pub(crate) fn new(text: &'t str, lookahead: usize) -> Self {
        let cursor = Cursor::new(text);
        let nothing = SimpleKey { possible: false, required: false, token: 0, mark: cursor.mark };
        Self {
            cursor,
            queue: VecDeque::new(),
            taken: 0,
            lookahead,
            indent: -1,
            outer_indents: Vec::new(),
            simple_keys: vec![nothing],
            simple_key_allowed: true,
            ready: false,
            finished: false,
        }
    }

    /// The next token, which stays the next one.
    pub(crate) fn peek(&mut self) -> Result<&(Token<'t>, Span), Error> {
        self.fill()?;
        // The last token of a text stays in the queue.
        self.queue.front().ok_or_else(|| self.cursor.mark.error(syntax("the text has ended")))
    }

    /// Takes the next token.
    pub(crate) fn next(&mut self) -> Result<(Token<'t>, Span), Error> {
        self.fill()?;
        self.ready = false;
        self.taken += 1;
        match self.queue.pop_front() {
            Some(token) => Ok(token),
            None => Err(self.cursor.mark.error(syntax("the text has ended"))),
        }
    }

    #[inline]
    fn fill(&mut self) -> Result<(), Error> {
        if self.ready { Ok(()) } else { self.fill_queue() }
    }

    fn fill_queue(&mut self) -> Result<(), Error> {
        while !self.finished && (self.queue.len() <= self.lookahead || self.first_may_be_key()?) {
            self.fetch()?;
        }
        self.ready = true;
        Ok(())
    }

    /// Whether the first token of the queue may still become a key.
    fn first_may_be_key(&mut self) -> Result<bool, Error> {
        if let [key] = &self.simple_keys[..]
            && (!key.possible || key.token != self.taken)
        {
            return Ok(false);
        }
        let from = self.simple_keys.partition_point(|key| key.token < self.taken);
        for level in from..self.simple_keys.len() {
            if self.simple_keys[level].token > self.taken {
                break;
            }
            if self.still_possible(level)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a token may still become a key: its line and 1,024 characters are the limit.
    fn still_possible(&mut self, level: usize) -> Result<bool, Error> {
        let here = self.cursor.mark;
        let key = &mut self.simple_keys[level];
        if !key.possible {
            return Ok(false);
        }
        if key.mark.line < here.line || key.mark.column + SIMPLE_KEY_CHARACTERS < here.column {
            if key.required {
                return Err(missing_colon(key.mark));
            }
            key.possible = false;
        }
        Ok(key.possible)
    }

    fn flow_level(&self) -> usize {
        self.simple_keys.len() - 1
    }

    fn in_block(&self) -> bool {
        self.simple_keys.len() == 1
    }

    fn fetch(&mut self) -> Result<(), Error> {
        self.skip_to_token();
        self.unroll(i64::from(self.cursor.column()));
        if self.cursor.at_end() {
            return self.fetch_end();
        }
        if self.cursor.column() == 0 && self.cursor.peek() == b'%' {
            self.leave_document()?;
            return self.scan_directive();
        }
        if self.cursor.is_document_marker() {
            self.leave_document()?;
            let token = if self.cursor.peek() == b'-' { Token::DocumentStart } else { Token::DocumentEnd };
            self.push_indicator(token, 3);
            return Ok(());
        }
        let in_block = self.in_block();
        let separated = self.cursor.is_separator_at(1);
        match self.cursor.peek() {
            b'[' => self.fetch_flow_start(Token::FlowSequenceStart),
            b'{' => self.fetch_flow_start(Token::FlowMappingStart),
            b']' => self.fetch_flow_end(Token::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(Token::FlowMappingEnd),
            b',' => {
                self.forget_key()?;
                self.simple_key_allowed = true;
                self.push_indicator(Token::FlowEntry, 1);
                Ok(())
            }
            b'-' if separated => self.fetch_block_entry(),
            b'?' if !in_block || separated => self.fetch_key(),
            b':' if !in_block || separated => self.fetch_value(),
            b'*' | b'&' => self.scan_anchor(),
            b'!' => self.scan_tag(),
            b'|' if in_block => self.scan_block_scalar(Style::Literal),
            b'>' if in_block => self.scan_block_scalar(Style::Folded),
            b'\'' => self.scan_quoted(Style::SingleQuoted),
            b'"' => self.scan_quoted(Style::DoubleQuoted),
            b'-' => self.scan_plain(),
            b'?' | b':' if in_block => self.scan_plain(),
            b'\t' | b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'?' | b':' => {
                let message = match self.cursor.peek() {
                    b'\t' => "a tab cannot indent; use spaces".to_owned(),
                    other => format!("no value can start with `{}`; quote it", char::from(other)),
                };
                Err(self.cursor.mark.error(ErrorKind::Syntax(message)))
            }
            _ => self.scan_plain(),
        }
    }

    /// Skips white space, comments and line breaks. A tab is white space only where no key could stand.
    fn skip_to_token(&mut self) {
        loop {
            let tabs = !self.in_block() || !self.simple_key_allowed;
            let blanks =
                self.cursor.rest().iter().take_while(|&&b| b == b' ' || (tabs && b == b'\t')).count();
            self.cursor.skip(blanks);
            if self.cursor.peek() == b'#' {
                self.cursor.skip_to_break();
            }
            if self.cursor.skip_break().is_empty() {
                return;
            }
            if self.in_block() {
                self.simple_key_allowed = true;
            }
        }
    }

    fn push(&mut self, token: Token<'t>, start: Mark) {
        self.queue.push_back((token, Span { start, end: self.cursor.mark }));
    }

    fn push_indicator(&mut self, token: Token<'t>, characters: usize) {
        let start = self.cursor.mark;
        self.cursor.skip(characters);
        self.push(token, start);
    }

    fn fetch_end(&mut self) -> Result<(), Error> {
        self.leave_document()?;
        self.push(Token::StreamEnd, self.cursor.mark);
        self.finished = true;
        Ok(())
    }

    /// Ends all block collections.
    fn leave_document(&mut self) -> Result<(), Error> {
        self.unroll(-1);
        self.forget_key()?;
        self.simple_key_allowed = false;
        Ok(())
    }

    fn fetch_flow_start(&mut self, token: Token<'t>) -> Result<(), Error> {
        self.remember_key()?;
        let (token_number, mark) = (self.next_number(), self.cursor.mark);
        self.simple_keys.push(SimpleKey { possible: false, required: false, token: token_number, mark });
        self.simple_key_allowed = true;
        self.push_indicator(token, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, token: Token<'t>) -> Result<(), Error> {
        self.forget_key()?;
        if self.flow_level() > 0 {
            self.simple_keys.pop();
        }
        self.simple_key_allowed = false;
        self.push_indicator(token, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), Error> {
        if self.in_block() {
            if !self.simple_key_allowed {
                return Err(self.cursor.mark.error(syntax("a sequence entry (`- `) cannot stand here")));
            }
            self.roll(self.cursor.mark, None, Token::BlockSequenceStart);
        }
        self.forget_key()?;
        self.simple_key_allowed = true;
        self.push_indicator(Token::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Error> {
        if self.in_block() {
            if !self.simple_key_allowed {
                return Err(self.cursor.mark.error(syntax("a key (`? `) cannot stand here")));
            }
            self.roll(self.cursor.mark, None, Token::BlockMappingStart);
        }
        self.forget_key()?;
        self.simple_key_allowed = self.in_block();
        self.push_indicator(Token::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), Error> {
        let level = self.flow_level();
        if self.still_possible(level)? {
            let SimpleKey { token, mark, .. } = self.simple_keys[level];
            self.queue.insert(token - self.taken, (Token::Key, Span { start: mark, end: mark }));
            self.roll(mark, Some(token), Token::BlockMappingStart);
            self.simple_keys[level].possible = false;
            self.simple_key_allowed = false;
        } else {
            if self.in_block() {
                if !self.simple_key_allowed {
                    let message =
                        "a `: ` cannot stand here: quote the text, or start the mapping on a new line";
                    return Err(self.cursor.mark.error(syntax(message)));
                }
                self.roll(self.cursor.mark, None, Token::BlockMappingStart);
            }
            self.simple_key_allowed = self.in_block();
        }
        self.push_indicator(Token::Value, 1);
        Ok(())
    }

    fn next_number(&self) -> usize {
        self.taken + self.queue.len()
    }

    /// Notes that the token that starts here may be a key.
    fn remember_key(&mut self) -> Result<(), Error> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        self.forget_key()?;
        let mark = self.cursor.mark;
        let required = self.in_block() && self.indent == i64::from(mark.column);
        let token = self.next_number();
        if let Some(key) = self.simple_keys.last_mut() {
            *key = SimpleKey { possible: true, required, token, mark };
        }
        Ok(())
    }

    /// Notes that what may have been a key is none.
    fn forget_key(&mut self) -> Result<(), Error> {
        match self.simple_keys.last_mut() {
            Some(key) if key.possible && key.required => Err(missing_colon(key.mark)),
            Some(key) => {
                key.possible = false;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Starts a block collection if `mark` stands further right than the innermost one. Its token is put before the
    /// token with the given number, or at the end.
    fn roll(&mut self, mark: Mark, before: Option<usize>, token: Token<'t>) {
        let column = i64::from(mark.column);
        if !self.in_block() || self.indent >= column {
            return;
        }
        self.outer_indents.push(self.indent);
        self.indent = column;
        let entry = (token, Span { start: mark, end: mark });
        match before {
            Some(number) => self.queue.insert(number - self.taken, entry),
            None => self.queue.push_back(entry),
        }
    }

    /// Ends the block collections that stand further right than `column`.
    fn unroll(&mut self, column: i64) {
        if !self.in_block() {
            return;
        }
        while self.indent > column {
            self.push(Token::BlockEnd, self.cursor.mark);
            self.indent = self.outer_indents.pop().unwrap_or(-1);
        }
    }
}

fn syntax(message: &str) -> ErrorKind {
    ErrorKind::Syntax(message.to_owned())
}

fn missing_colon(mark: Mark) -> Error {
    mark.error(syntax("there is no `:` after what should be a key"))
}
