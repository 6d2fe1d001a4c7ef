//! Anchors, aliases, tags and directives.

use super::cursor::is_word;
use super::{Scanner, Token, syntax};
use crate::error::Error;
use crate::event::Mark;
use std::borrow::Cow;

impl<'t> Scanner<'t> {
    /// `&name` and `*name`.
    pub(super) fn scan_anchor(&mut self) -> Result<(), Error> {
        self.remember_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark;
        let is_anchor = self.cursor.peek() == b'&';
        self.cursor.skip(1);
        let name = self.scan_word();
        let ends = self.cursor.is_separator_at(0)
            || matches!(self.cursor.peek(), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !ends {
            let message = "a name of letters, digits, `-` and `_` must follow `&` and `*`; or quote the text";
            return Err(start.error(syntax(message)));
        }
        self.push(if is_anchor { Token::Anchor(name) } else { Token::Alias(name) }, start);
        Ok(())
    }

    /// `!suffix`, `!!suffix`, `!handle!suffix`, `!<whole>` and `!` alone.
    pub(super) fn scan_tag(&mut self) -> Result<(), Error> {
        self.remember_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark;
        let (handle, suffix) = if self.cursor.at(1) == b'<' {
            self.cursor.skip(2);
            let whole = self.scan_uri(start)?;
            if self.cursor.peek() != b'>' {
                return Err(start.error(syntax("the tag lacks its closing `>`")));
            }
            self.cursor.skip(1);
            if whole.is_empty() {
                return Err(start.error(syntax("the tag is empty")));
            }
            ("", whole)
        } else {
            self.scan_short_tag(start)?
        };
        if !self.cursor.is_separator_at(0) {
            return Err(start.error(syntax("white space must follow a tag")));
        }
        self.push(Token::Tag { handle, suffix }, start);
        Ok(())
    }

    fn scan_short_tag(&mut self, start: Mark) -> Result<(&'t str, Cow<'t, str>), Error> {
        let from = self.cursor.offset();
        self.cursor.skip(1);
        let word = self.scan_word();
        if self.cursor.peek() == b'!' {
            self.cursor.skip(1);
            let handle = &self.cursor.text[from..self.cursor.offset()];
            let suffix = self.scan_uri(start)?;
            if suffix.is_empty() {
                return Err(start.error(syntax("the tag lacks a name")));
            }
            return Ok((handle, suffix));
        }
        // What looked like the start of a handle belongs to the suffix.
        let more = self.scan_uri(start)?;
        match (word.is_empty(), more.is_empty()) {
            (true, true) => Ok(("", Cow::Borrowed("!"))),
            (false, true) => Ok(("!", Cow::Borrowed(word))),
            (true, false) => Ok(("!", more)),
            (false, false) => Ok(("!", Cow::Owned(format!("{word}{more}")))),
        }
    }

    fn scan_word(&mut self) -> &'t str {
        let bytes = self.cursor.rest().iter().take_while(|&&byte| is_word(byte)).count();
        let from = self.cursor.offset();
        self.cursor.skip(bytes);
        &self.cursor.text[from..from + bytes]
    }

    /// The characters of a tag, with `%41` standing for `A`.
    fn scan_uri(&mut self, start: Mark) -> Result<Cow<'t, str>, Error> {
        let is_uri = |byte: &&u8| is_word(**byte) || b";/?:@&=+$,.!~*'()[]%".contains(byte);
        let bytes = self.cursor.rest().iter().take_while(is_uri).count();
        let from = self.cursor.offset();
        self.cursor.skip(bytes);
        let source = &self.cursor.text[from..from + bytes];
        if !source.contains('%') {
            return Ok(Cow::Borrowed(source));
        }
        let malformed = || start.error(syntax("`%` in a tag needs two hexadecimal digits that spell UTF-8"));
        let mut decoded = Vec::with_capacity(bytes);
        let mut rest = source.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            if byte != b'%' {
                decoded.push(byte);
                continue;
            }
            let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
            let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let octet = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            decoded.push(octet.ok_or_else(malformed)?);
            rest = &tail[2..];
        }
        String::from_utf8(decoded).map(Cow::Owned).map_err(|_| malformed())
    }

    /// `%YAML 1.1` and `%TAG !handle! prefix`.
    pub(super) fn scan_directive(&mut self) -> Result<(), Error> {
        let start = self.cursor.mark;
        self.cursor.skip(1);
        let name = self.scan_word();
        if !self.cursor.is_separator_at(0) {
            return Err(start.error(syntax("no value can start with `%`; quote it")));
        }
        self.cursor.skip_blanks();
        let token = match name {
            "YAML" => self.scan_version(start)?,
            "TAG" => self.scan_tag_prefix(start)?,
            _ => return Err(start.error(syntax("the only directives are %YAML and %TAG"))),
        };
        self.push(token, start);
        self.cursor.skip_blanks();
        if self.cursor.peek() == b'#' {
            self.cursor.skip_to_break();
        }
        if !self.cursor.at_end() && !self.cursor.is_break() {
            return Err(self.cursor.mark.error(syntax("only a comment may follow a directive on its line")));
        }
        self.cursor.skip_break();
        Ok(())
    }

    fn scan_version(&mut self, start: Mark) -> Result<Token<'t>, Error> {
        let major = self.scan_version_number(start)?;
        if self.cursor.peek() != b'.' {
            return Err(start.error(syntax("a version of two numbers must follow %YAML")));
        }
        self.cursor.skip(1);
        let minor = self.scan_version_number(start)?;
        Ok(Token::Version { major, minor })
    }

    fn scan_version_number(&mut self, start: Mark) -> Result<u8, Error> {
        let digits = self.cursor.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=2).contains(&digits) {
            return Err(start.error(syntax("a version of two numbers must follow %YAML")));
        }
        let number =
            self.cursor.rest()[..digits].iter().fold(0, |number, digit| number * 10 + (digit - b'0'));
        self.cursor.skip(digits);
        Ok(number)
    }

    fn scan_tag_prefix(&mut self, start: Mark) -> Result<Token<'t>, Error> {
        let malformed = || start.error(syntax("%TAG needs a handle (`!`, `!!` or `!name!`) and a prefix"));
        let from = self.cursor.offset();
        if self.cursor.peek() != b'!' {
            return Err(malformed());
        }
        self.cursor.skip(1);
        let word = self.scan_word();
        if self.cursor.peek() == b'!' {
            self.cursor.skip(1);
        } else if !word.is_empty() {
            return Err(malformed());
        }
        let handle = &self.cursor.text[from..self.cursor.offset()];
        if !self.cursor.is_blank() {
            return Err(malformed());
        }
        self.cursor.skip_blanks();
        let prefix = self.scan_uri(start)?;
        if prefix.is_empty() || !self.cursor.is_separator_at(0) {
            return Err(malformed());
        }
        Ok(Token::TagPrefix { handle, prefix })
    }
}
