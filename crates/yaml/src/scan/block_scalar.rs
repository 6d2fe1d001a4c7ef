//! Literal (`|`) and folded (`>`) scalars.

use super::{Scanner, Token, syntax};
use crate::error::Error;
use crate::event::{Mark, Span, Style};
use std::borrow::Cow;

/// What happens to the line breaks at the end of a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

impl Scanner<'_> {
    pub(super) fn scan_block_scalar(&mut self, style: Style) -> Result<(), Error> {
        self.forget_key()?;
        self.simple_key_allowed = true;
        let start = self.cursor.mark;
        self.cursor.skip(1);
        let (chomping, increment) = self.scan_block_header()?;
        let mut indent = increment.map(|by| if self.indent >= 0 { self.indent + by } else { by });
        let mut end = self.cursor.mark;

        let mut text = String::new();
        let mut blank_lines = String::new();
        let mut indent = self.skip_blank_lines(&mut indent, &mut blank_lines, &mut end, start)?;
        let mut line_break = "";
        let mut last_indented = false;
        while i64::from(self.cursor.column()) == indent && !self.cursor.at_end() {
            let indented = self.cursor.is_blank();
            // Between two lines at the margin, a single line break reads as a space and the first of several as none.
            let folds = style == Style::Folded && line_break == "\n" && !last_indented && !indented;
            match (folds, blank_lines.is_empty()) {
                (false, _) => text.push_str(line_break),
                (true, true) => text.push(' '),
                (true, false) => {}
            }
            text.push_str(&blank_lines);
            blank_lines.clear();
            last_indented = indented;
            let from = self.cursor.offset();
            self.cursor.skip_to_break();
            text.push_str(&self.cursor.text[from..self.cursor.offset()]);
            line_break = self.cursor.skip_break();
            indent = self.skip_blank_lines(&mut Some(indent), &mut blank_lines, &mut end, start)?;
        }
        if chomping != Chomping::Strip {
            text.push_str(line_break);
        }
        if chomping == Chomping::Keep {
            text.push_str(&blank_lines);
        }
        self.queue.push_back((Token::Scalar { value: Cow::Owned(text), style }, Span { start, end }));
        Ok(())
    }

    /// Reads the indicators behind `|` or `>`, up to the end of the line.
    fn scan_block_header(&mut self) -> Result<(Chomping, Option<i64>), Error> {
        let mut chomping = None;
        let mut increment = None;
        loop {
            match self.cursor.peek() {
                b'+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                b'-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                b'0' if increment.is_none() => {
                    return Err(self.cursor.mark.error(syntax("a block cannot be indented by 0")));
                }
                digit @ b'1'..=b'9' if increment.is_none() => increment = Some(i64::from(digit - b'0')),
                _ => break,
            }
            self.cursor.skip(1);
        }
        self.cursor.skip_blanks();
        if self.cursor.peek() == b'#' {
            self.cursor.skip_to_break();
        }
        if !self.cursor.at_end() && !self.cursor.is_break() {
            let message = "only a comment may follow the indicators of a block (`|`, `>`) on their line";
            return Err(self.cursor.mark.error(syntax(message)));
        }
        self.cursor.skip_break();
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    /// Skips indentation and collects the breaks of lines without content. An indentation that is not yet known is
    /// that of the line with content or of the longest line without, but more than that of the collection around.
    fn skip_blank_lines(
        &mut self,
        indent: &mut Option<i64>,
        breaks: &mut String,
        end: &mut Mark,
        start: Mark,
    ) -> Result<i64, Error> {
        let mut longest = 0;
        *end = self.cursor.mark;
        loop {
            let inside = |column: u32| indent.is_none_or(|indent| i64::from(column) < indent);
            while self.cursor.peek() == b' ' && inside(self.cursor.column()) {
                self.cursor.skip(1);
            }
            longest = longest.max(i64::from(self.cursor.column()));
            if self.cursor.peek() == b'\t' && inside(self.cursor.column()) {
                let message = format!("a tab cannot indent the block that starts on line {}", start.line);
                return Err(self.cursor.mark.error(syntax(&message)));
            }
            match self.cursor.skip_break() {
                "" => break,
                line_break => breaks.push_str(line_break),
            }
            *end = self.cursor.mark;
        }
        Ok(indent.unwrap_or(longest.max(self.indent + 1).max(1)))
    }
}
