//! From template text to tokens, on demand.

use memchr::{memchr_iter, memmem};

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Error,
    Bool,
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Kind {
    /// Error texts show keywords in angle brackets and everything else quoted.
    pub(super) fn is_keyword(self) -> bool {
        self as u8 >= Self::Block as u8
    }
}

/// A token: its kind and where it lies in the text, which is shorter than 4 GiB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) kind: Kind,
    /// Whether white space comes before it, which separates arguments.
    pub(super) spaced: bool,
}

impl Token {
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Which of the keywords `break` and `continue` are in force: a function of the same name hides them.
#[derive(Clone, Copy)]
pub(super) struct Keywords {
    pub(super) break_: bool,
    pub(super) continue_: bool,
}

pub(super) struct Lexer<'a> {
    text: &'a [u8],
    left: &'a [u8],
    right: &'a [u8],
    left_finder: memmem::Finder<'a>,
    keywords: Keywords,
    pos: usize,
    start: usize,
    paren_depth: usize,
    inside_action: bool,
    spaced: bool,
    /// Text of the error, once an error token was made.
    error: String,
}

const LEFT_COMMENT: &[u8] = b"/*";
const RIGHT_COMMENT: &[u8] = b"*/";
/// The trim marker `-` with the space that must stand beside it.
const TRIM_MARKER_LEN: usize = 2;

#[allow(clippy::cast_possible_truncation)] // The text is shorter than 4 GiB.
impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8], left: &'a [u8], right: &'a [u8], keywords: Keywords) -> Self {
        Self {
            text,
            left,
            right,
            left_finder: memmem::Finder::new(left),
            keywords,
            pos: 0,
            start: 0,
            paren_depth: 0,
            inside_action: false,
            spaced: false,
            error: String::new(),
        }
    }

    pub(super) fn slice(&self, token: Token) -> &'a [u8] {
        &self.text[token.range()]
    }

    pub(super) fn error(&self) -> &str {
        &self.error
    }

    /// The line, from 1, of a position.
    pub(super) fn line(&self, pos: u32) -> usize {
        1 + memchr_iter(b'\n', &self.text[..(pos as usize).min(self.text.len())]).count()
    }

    pub(super) fn next_token(&mut self) -> Token {
        self.spaced = false;
        if self.inside_action { self.action_token() } else { self.text_token() }
    }

    #[inline]
    fn token(&self, kind: Kind, start: usize, end: usize) -> Token {
        Token { start: start as u32, end: end as u32, kind, spaced: self.spaced }
    }

    fn emit(&mut self, kind: Kind) -> Token {
        let token = self.token(kind, self.start, self.pos);
        self.start = self.pos;
        token
    }

    fn fail(&mut self, message: impl Into<String>) -> Token {
        self.error = message.into();
        self.token(Kind::Error, self.start, self.start)
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.pos..]
    }

    fn text_token(&mut self) -> Token {
        loop {
            let Some(offset) = self.left_finder.find(self.rest()) else {
                self.pos = self.text.len();
                return if self.pos > self.start { self.emit(Kind::Text) } else { self.emit(Kind::Eof) };
            };
            let delim = self.pos + offset;
            let mut end = delim;
            if has_left_trim(&self.text[delim + self.left.len()..]) {
                end = self.start + trim_end(&self.text[self.start..delim]).len();
            }
            if end > self.start {
                self.pos = end;
                let token = self.emit(Kind::Text);
                self.pos = delim;
                self.start = delim;
                return token;
            }
            self.pos = delim;
            self.start = delim;
            if let Some(token) = self.left_delim() {
                return token;
            }
        }
    }

    /// Consumes a left delimiter; `None` after a whole comment.
    fn left_delim(&mut self) -> Option<Token> {
        let delim = self.start;
        self.pos += self.left.len();
        let marker = if has_left_trim(self.rest()) { TRIM_MARKER_LEN } else { 0 };
        if self.text[self.pos + marker..].starts_with(LEFT_COMMENT) {
            self.pos += marker;
            self.start = self.pos;
            return self.comment();
        }
        let token = self.token(Kind::LeftDelim, delim, self.pos);
        self.inside_action = true;
        self.paren_depth = 0;
        self.pos += marker;
        self.start = self.pos;
        Some(token)
    }

    fn comment(&mut self) -> Option<Token> {
        self.pos += LEFT_COMMENT.len();
        let Some(end) = memmem::find(self.rest(), RIGHT_COMMENT) else {
            return Some(self.fail("unclosed comment"));
        };
        self.pos += end + RIGHT_COMMENT.len();
        let Some(trim) = self.at_right_delim() else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.skip_right_delim(trim);
        None
    }

    fn skip_right_delim(&mut self, trim: bool) {
        if trim {
            self.pos += TRIM_MARKER_LEN;
        }
        self.pos += self.right.len();
        if trim {
            self.pos += self.rest().len() - trim_start(self.rest()).len();
        }
        self.start = self.pos;
    }

    /// Whether a right delimiter comes next, and if so whether it trims.
    fn at_right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if has_right_trim(rest) && rest[TRIM_MARKER_LEN..].starts_with(self.right) {
            Some(true)
        } else if rest.starts_with(self.right) {
            Some(false)
        } else {
            None
        }
    }

    fn right_delim(&mut self, trim: bool) -> Token {
        let start = self.pos + if trim { TRIM_MARKER_LEN } else { 0 };
        let token = self.token(Kind::RightDelim, start, start + self.right.len());
        self.skip_right_delim(trim);
        self.inside_action = false;
        token
    }

    fn action_token(&mut self) -> Token {
        let spaces = self.rest().len() - trim_start(self.rest()).len();
        if spaces > 0 {
            self.pos += spaces;
            let last = &self.text[self.pos - 1..];
            if has_right_trim(last) && last[TRIM_MARKER_LEN..].starts_with(self.right) {
                // The last space belongs to the delimiter.
                self.pos -= 1;
            }
            self.start = self.pos;
            self.spaced = true;
        }
        if let Some(trim) = self.at_right_delim() {
            if self.paren_depth == 0 {
                return self.right_delim(trim);
            }
            return self.fail("unclosed left paren");
        }
        let Some(char) = self.next_char() else {
            return self.fail("unclosed action");
        };
        match char {
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.next_char() == Some('=') {
                    self.emit(Kind::Declare)
                } else {
                    self.fail("expected :=")
                }
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            '`' => self.raw_string(),
            '$' => self.field_or_variable(Kind::Variable),
            '.' if self.rest().first().is_some_and(|next| !next.is_ascii_digit()) => {
                self.field_or_variable(Kind::Field)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.pos -= 1;
                self.number()
            }
            '(' => {
                self.paren_depth += 1;
                self.emit(Kind::LeftParen)
            }
            ')' if self.paren_depth == 0 => self.fail("unexpected right paren"),
            ')' => {
                self.paren_depth -= 1;
                self.emit(Kind::RightParen)
            }
            char if is_alphanumeric(char) => {
                self.pos -= char.len_utf8();
                self.identifier()
            }
            ' '..='~' => self.emit(Kind::Char),
            char => self.fail(format!("unrecognized character in action: {}", describe(char))),
        }
    }

    fn quoted(&mut self, quote: u8, kind: Kind, unterminated: &str) -> Token {
        loop {
            let Some(at) = memchr::memchr3(quote, b'\\', b'\n', self.rest()) else {
                return self.fail(unterminated);
            };
            self.pos += at + 1;
            match self.text[self.pos - 1] {
                b'\\' if !matches!(self.rest().first(), None | Some(b'\n')) => self.pos += 1,
                b'\\' | b'\n' => return self.fail(unterminated),
                _ => return self.emit(kind),
            }
        }
    }

    fn raw_string(&mut self) -> Token {
        match memchr::memchr(b'`', self.rest()) {
            Some(offset) => {
                self.pos += offset + 1;
                self.emit(Kind::RawString)
            }
            None => self.fail("unterminated raw quoted string"),
        }
    }

    fn field_or_variable(&mut self, kind: Kind) -> Token {
        if self.at_terminator() {
            return self.emit(if kind == Kind::Variable { kind } else { Kind::Dot });
        }
        self.word(kind)
    }

    fn identifier(&mut self) -> Token {
        let token = self.word(Kind::Identifier);
        if token.kind == Kind::Error {
            return token;
        }
        let kind = match self.slice(token) {
            b"true" | b"false" => Kind::Bool,
            b"block" => Kind::Block,
            b"break" if self.keywords.break_ => Kind::Break,
            b"continue" if self.keywords.continue_ => Kind::Continue,
            b"define" => Kind::Define,
            b"else" => Kind::Else,
            b"end" => Kind::End,
            b"if" => Kind::If,
            b"range" => Kind::Range,
            b"nil" => Kind::Nil,
            b"template" => Kind::Template,
            b"with" => Kind::With,
            _ => Kind::Identifier,
        };
        Token { kind, ..token }
    }

    fn word(&mut self, kind: Kind) -> Token {
        loop {
            let rest = self.rest();
            let ascii = rest.iter().position(|byte| !is_word_byte(*byte)).unwrap_or(rest.len());
            self.pos += ascii;
            match decode(&rest[ascii..]) {
                Some((char, len)) if !char.is_ascii() && is_alphanumeric(char) => self.pos += len,
                _ => break,
            }
        }
        if !self.at_terminator() {
            let bad = self.peek_char().map_or_else(|| "end of text".into(), describe);
            return self.fail(format!("bad character {bad}"));
        }
        self.emit(kind)
    }

    fn at_terminator(&self) -> bool {
        match self.rest().first() {
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'.' | b',' | b'|' | b':' | b')' | b'(') => true,
            Some(_) => self.rest().starts_with(self.right),
        }
    }

    fn number(&mut self) -> Token {
        if self.scan_number() {
            if !matches!(self.peek_char(), Some('+' | '-')) {
                return self.emit(Kind::Number);
            }
            if self.scan_number() && self.text[self.pos - 1] == b'i' {
                return self.emit(Kind::Complex);
            }
        }
        let text = crate::fmt::quote(&self.text[self.start..self.pos]);
        self.fail(format!("bad number syntax: {text}"))
    }

    fn scan_number(&mut self) -> bool {
        self.accept(b"+-");
        let mut digits: &[u8] = b"0123456789_";
        let mut exponent: &[u8] = b"eE";
        if self.accept(b"0") {
            if self.accept(b"xX") {
                (digits, exponent) = (b"0123456789abcdefABCDEF_", b"pP");
            } else if self.accept(b"oO") {
                (digits, exponent) = (b"01234567_", b"");
            } else if self.accept(b"bB") {
                (digits, exponent) = (b"01_", b"");
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        if self.accept(exponent) {
            self.accept(b"+-");
            self.accept_run(b"0123456789_");
        }
        self.accept(b"i");
        match self.peek_char() {
            Some(char) if is_alphanumeric(char) => {
                self.pos += char.len_utf8();
                false
            }
            _ => true,
        }
    }

    fn accept(&mut self, valid: &[u8]) -> bool {
        let found = self.rest().first().is_some_and(|byte| valid.contains(byte));
        self.pos += usize::from(found);
        found
    }

    fn accept_run(&mut self, valid: &[u8]) {
        while self.accept(valid) {}
    }

    fn peek_char(&self) -> Option<char> {
        decode(self.rest()).map(|(char, _)| char)
    }

    fn next_char(&mut self) -> Option<char> {
        let (char, len) = decode(self.rest())?;
        self.pos += len;
        Some(char)
    }
}

/// The first character and its length; an invalid byte is U+FFFD of length 1, as in Go.
pub(crate) fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    let len = match first {
        0..0x80 => return Some((char::from(first), 1)),
        0xC2..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF5 => 4,
        _ => return Some((char::REPLACEMENT_CHARACTER, 1)),
    };
    let char =
        bytes.get(..len).and_then(|bytes| std::str::from_utf8(bytes).ok()).and_then(|s| s.chars().next());
    Some(char.map_or((char::REPLACEMENT_CHARACTER, 1), |char| (char, len)))
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn describe(char: char) -> String {
    let code = format!("U+{:04X}", char as u32);
    if char.is_control() { code } else { format!("{code} '{char}'") }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

pub(super) fn is_alphanumeric(char: char) -> bool {
    char == '_' || if char.is_ascii() { char.is_ascii_alphanumeric() } else { char.is_alphanumeric() }
}

fn has_left_trim(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space(*space))
}

fn has_right_trim(text: &[u8]) -> bool {
    matches!(text, [space, b'-', ..] if is_space(*space))
}

fn trim_end(text: &[u8]) -> &[u8] {
    let kept = text.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    &text[..kept]
}

fn trim_start(text: &[u8]) -> &[u8] {
    let skipped = text.iter().position(|byte| !is_space(*byte)).unwrap_or(text.len());
    &text[skipped..]
}
