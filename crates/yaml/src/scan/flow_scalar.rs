//! Plain and quoted scalars, whose lines fold.

use super::cursor::Cursor;
use super::{Scanner, Token, syntax};
use crate::error::{Error, ErrorKind};
use crate::event::{Mark, Span, Style};
use std::borrow::Cow;

/// The text of a scalar: a piece of the source for as long as that is what it says.
struct Content<'t> {
    source: &'t str,
    /// Where the piece that is not yet in `text` starts and ends.
    from: usize,
    to: usize,
    text: Option<String>,
}

impl<'t> Content<'t> {
    fn new(source: &'t str, from: usize) -> Self {
        Self { source, from, to: from, text: None }
    }

    /// Goes on with the source at `from`, with `between` after what is there.
    fn resume(&mut self, between: &str, from: usize) {
        let text = self.text.get_or_insert_default();
        text.push_str(&self.source[self.from..self.to]);
        text.push_str(between);
        (self.from, self.to) = (from, from);
    }

    fn finish(self) -> Cow<'t, str> {
        let piece = &self.source[self.from..self.to];
        match self.text {
            None => Cow::Borrowed(piece),
            Some(mut text) => {
                text.push_str(piece);
                Cow::Owned(text)
            }
        }
    }
}

/// Line breaks inside of a scalar: a single one reads as a space, of several the first one is dropped.
#[derive(Default)]
struct Fold {
    first: Option<&'static str>,
    more: String,
}

impl Fold {
    fn add(&mut self, line_break: &'static str) {
        match self.first {
            None => self.first = Some(line_break),
            Some(_) => self.more.push_str(line_break),
        }
    }

    fn started(&self) -> bool {
        self.first.is_some()
    }

    /// What the line breaks read as. The Unicode separators do not fold.
    fn take(&mut self) -> Cow<'static, str> {
        let more = std::mem::take(&mut self.more);
        match self.first.take() {
            Some("\n") if more.is_empty() => Cow::Borrowed(" "),
            None | Some("\n" | "") => Cow::Owned(more),
            Some(separator) => Cow::Owned(format!("{separator}{more}")),
        }
    }
}

impl<'t> Scanner<'t> {
    pub(super) fn scan_plain(&mut self) -> Result<(), Error> {
        self.remember_key()?;
        self.simple_key_allowed = false;
        let in_block = self.in_block();
        let indent = self.indent + 1;
        let start = self.cursor.mark;
        let mut content = Content::new(self.cursor.text, start.offset);
        let mut end = start;
        let mut fold = Fold::default();
        loop {
            if self.cursor.is_document_marker() || self.cursor.peek() == b'#' {
                break;
            }
            let bytes = plain_run(&self.cursor, in_block);
            if bytes > 0 {
                if fold.started() {
                    content.resume(&fold.take(), self.cursor.offset());
                }
                self.cursor.skip_text(bytes);
                content.to = self.cursor.offset();
                end = self.cursor.mark;
            }
            if !(self.cursor.is_blank() || self.cursor.is_break()) {
                break;
            }
            self.skip_plain_space(&mut fold, indent, start)?;
            if in_block && i64::from(self.cursor.column()) < indent {
                break;
            }
        }
        if fold.started() {
            self.simple_key_allowed = true;
        }
        let value = content.finish();
        self.queue.push_back((Token::Scalar { value, style: Style::Plain }, Span { start, end }));
        Ok(())
    }

    /// Skips the white space inside of a plain scalar. What is left of it on the line of the text stays in the
    /// source piece; line breaks are noted in `fold`.
    fn skip_plain_space(&mut self, fold: &mut Fold, indent: i64, start: Mark) -> Result<(), Error> {
        loop {
            match self.cursor.peek() {
                b' ' => self.cursor.skip(1),
                b'\t' => {
                    if fold.started() && i64::from(self.cursor.column()) < indent {
                        let message = format!(
                            "a tab cannot indent the text that starts on line {}; use spaces",
                            start.line
                        );
                        return Err(self.cursor.mark.error(ErrorKind::Syntax(message)));
                    }
                    self.cursor.skip(1);
                }
                _ => match self.cursor.skip_break() {
                    "" => return Ok(()),
                    line_break => fold.add(line_break),
                },
            }
        }
    }

    pub(super) fn scan_quoted(&mut self, style: Style) -> Result<(), Error> {
        self.remember_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark;
        self.cursor.skip(1);
        let quote = if style == Style::SingleQuoted { b'\'' } else { b'"' };
        let mut content = Content::new(self.cursor.text, self.cursor.offset());
        let mut fold = Fold::default();
        loop {
            if self.cursor.is_document_marker() {
                let message = format!("a document ends inside of the quotes opened on line {}", start.line);
                return Err(self.cursor.mark.error(ErrorKind::Syntax(message)));
            }
            if self.cursor.at_end() {
                return Err(start.error(syntax("these quotes are never closed")));
            }
            let escaped_break = self.scan_quoted_line(quote, &mut content)?;
            if self.cursor.peek() == quote {
                break;
            }
            // Blanks before a line break go, those between words stay.
            if !escaped_break {
                self.cursor.skip_blanks();
            }
            if !escaped_break && !self.cursor.is_break() {
                content.to = self.cursor.offset();
                continue;
            }
            // An escaped line break reads as nothing, and those after it as themselves.
            if escaped_break {
                fold.first = Some("");
            }
            loop {
                self.cursor.skip_blanks();
                match self.cursor.skip_break() {
                    "" => break,
                    line_break => fold.add(line_break),
                }
            }
            content.resume(&fold.take(), self.cursor.offset());
        }
        let value = content.finish();
        self.cursor.skip(1);
        self.push(Token::Scalar { value, style }, start);
        Ok(())
    }

    /// Reads up to white space or the closing quote; whether the line ended with a backslash.
    fn scan_quoted_line(&mut self, quote: u8, content: &mut Content<'t>) -> Result<bool, Error> {
        loop {
            let bytes = quoted_run(&self.cursor, quote);
            self.cursor.skip_text(bytes);
            content.to = self.cursor.offset();
            let byte = self.cursor.peek();
            if byte == quote && quote == b'\'' && self.cursor.at(1) == b'\'' {
                self.cursor.skip(2);
                content.resume("'", self.cursor.offset());
            } else if byte == b'\\' && quote == b'"' {
                if self.cursor.break_at(1) != 0 {
                    self.cursor.skip(1);
                    self.cursor.skip_break();
                    return Ok(true);
                }
                let (character, bytes) = escape(&self.cursor)?;
                self.cursor.skip_text(bytes);
                let mut buffer = [0; 4];
                content.resume(character.encode_utf8(&mut buffer), self.cursor.offset());
            } else {
                return Ok(false);
            }
        }
    }
}

/// How many bytes of a plain scalar follow without white space.
fn plain_run(cursor: &Cursor<'_>, in_block: bool) -> usize {
    let rest = cursor.rest();
    let mut ahead = 0;
    while let Some(more) = rest[ahead..].iter().position(|&byte| PLAIN_STOPS[usize::from(byte)]) {
        ahead += more;
        let ends = match rest[ahead] {
            b' ' | b'\t' | b'\n' | b'\r' => true,
            b':' => cursor.is_separator_at(ahead + 1),
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => !in_block,
            _ => cursor.break_at(ahead) != 0,
        };
        if ends {
            return ahead;
        }
        ahead += 1;
    }
    rest.len()
}

/// The bytes at which a plain scalar may end; the last two start the line breaks beyond ASCII.
const PLAIN_STOPS: [bool; 256] = stops(b" \t\n\r:,?[]{}\xc2\xe2");
const SINGLE_QUOTED_STOPS: [bool; 256] = stops(b" \t\n\r'\xc2\xe2");
const DOUBLE_QUOTED_STOPS: [bool; 256] = stops(b" \t\n\r\"\\\xc2\xe2");

const fn stops(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

/// How many bytes of a quoted scalar follow without white space, quotes and escapes.
fn quoted_run(cursor: &Cursor<'_>, quote: u8) -> usize {
    let rest = cursor.rest();
    let stops = if quote == b'\'' { &SINGLE_QUOTED_STOPS } else { &DOUBLE_QUOTED_STOPS };
    let mut ahead = 0;
    while let Some(more) = rest[ahead..].iter().position(|&byte| stops[usize::from(byte)]) {
        ahead += more;
        if !matches!(rest[ahead], 0xc2 | 0xe2) || cursor.break_at(ahead) != 0 {
            return ahead;
        }
        ahead += 1;
    }
    rest.len()
}

/// The character that the escape sequence here stands for, and the bytes of the sequence.
fn escape(cursor: &Cursor<'_>) -> Result<(char, usize), Error> {
    let digits = match cursor.at(1) {
        b'0' => return Ok(('\0', 2)),
        b'a' => return Ok(('\u{7}', 2)),
        b'b' => return Ok(('\u{8}', 2)),
        b't' | b'\t' => return Ok(('\t', 2)),
        b'n' => return Ok(('\n', 2)),
        b'v' => return Ok(('\u{b}', 2)),
        b'f' => return Ok(('\u{c}', 2)),
        b'r' => return Ok(('\r', 2)),
        b'e' => return Ok(('\u{1b}', 2)),
        b'N' => return Ok(('\u{85}', 2)),
        b'_' => return Ok(('\u{a0}', 2)),
        b'L' => return Ok(('\u{2028}', 2)),
        b'P' => return Ok(('\u{2029}', 2)),
        literal @ (b' ' | b'"' | b'\'' | b'\\') => return Ok((char::from(literal), 2)),
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => {
            let shown = cursor.text[cursor.offset()..].chars().nth(1).map_or(String::new(), String::from);
            return Err(cursor.mark.error(ErrorKind::Syntax(format!("unknown escape `\\{shown}`"))));
        }
    };
    let hex = cursor.rest().get(2..2 + digits).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    let Some(hex) = hex else {
        let message = format!("this escape needs {digits} hexadecimal digits");
        return Err(cursor.mark.error(ErrorKind::Syntax(message)));
    };
    let code = hex.iter().fold(0, |code: u32, digit| {
        code.wrapping_mul(16) + char::from(*digit).to_digit(16).unwrap_or_default()
    });
    match char::from_u32(code) {
        Some(character) => Ok((character, 2 + digits)),
        None => Err(cursor.mark.error(syntax("this escape is no Unicode character"))),
    }
}
