//! A place in a text that moves forward, and the classes of characters that the scanner tells apart.

use crate::event::Mark;

/// Reads a text that holds no NUL: 0 stands for its end.
#[derive(Clone)]
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    bytes: &'t [u8],
    pub(super) mark: Mark,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, bytes: text.as_bytes(), mark: Mark { offset: 0, line: 1, column: 0 } }
    }

    pub(super) fn offset(&self) -> usize {
        self.mark.offset
    }

    pub(super) fn column(&self) -> u32 {
        self.mark.column
    }

    /// The byte here, 0 at the end.
    pub(super) fn peek(&self) -> u8 {
        self.at(0)
    }

    /// The byte `ahead` bytes from here, 0 at the end and beyond.
    pub(super) fn at(&self, ahead: usize) -> u8 {
        self.bytes.get(self.mark.offset + ahead).copied().unwrap_or(0)
    }

    pub(super) fn at_end(&self) -> bool {
        self.mark.offset >= self.bytes.len()
    }

    pub(super) fn rest(&self) -> &'t [u8] {
        &self.bytes[self.mark.offset.min(self.bytes.len())..]
    }

    /// Moves over `count` ASCII characters that are no line breaks.
    pub(super) fn skip(&mut self, count: usize) {
        self.mark.offset += count;
        self.mark.column += narrow(count);
    }

    /// Moves over `bytes` bytes of whole characters, none of them a line break.
    pub(super) fn skip_text(&mut self, bytes: usize) {
        let text = &self.bytes[self.mark.offset..self.mark.offset + bytes];
        let characters = text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
        self.mark.offset += bytes;
        self.mark.column += narrow(characters);
    }

    /// The bytes of the line break `ahead` bytes from here, 0 where there is none.
    pub(super) fn break_at(&self, ahead: usize) -> usize {
        match self.at(ahead) {
            b'\n' => 1,
            b'\r' => 1 + usize::from(self.at(ahead + 1) == b'\n'),
            0xc2 => 2 * usize::from(self.at(ahead + 1) == 0x85),
            0xe2 => 3 * usize::from(self.at(ahead + 1) == 0x80 && matches!(self.at(ahead + 2), 0xa8 | 0xa9)),
            _ => 0,
        }
    }

    pub(super) fn is_break(&self) -> bool {
        self.break_at(0) != 0
    }

    pub(super) fn is_blank(&self) -> bool {
        is_blank(self.peek())
    }

    /// White space or the end, `ahead` bytes from here.
    pub(super) fn is_separator_at(&self, ahead: usize) -> bool {
        match self.at(ahead) {
            b' ' | b'\t' => true,
            0 => true,
            _ => self.break_at(ahead) != 0,
        }
    }

    /// Moves over a line break, if there is one, and returns what it reads as: a line feed for all but the Unicode
    /// line and paragraph separators.
    pub(super) fn skip_break(&mut self) -> &'static str {
        let bytes = self.break_at(0);
        if bytes == 0 {
            return "";
        }
        let read = match (bytes, self.at(2)) {
            (3, 0xa8) => "\u{2028}",
            (3, _) => "\u{2029}",
            _ => "\n",
        };
        self.mark.offset += bytes;
        self.mark.line += 1;
        self.mark.column = 0;
        read
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank() {
            self.skip(1);
        }
    }

    /// Moves to the end of the line.
    pub(super) fn skip_to_break(&mut self) {
        let bytes = self.bytes_to_break();
        self.skip_text(bytes);
    }

    /// How far the end of the line is.
    pub(super) fn bytes_to_break(&self) -> usize {
        let mut ahead = 0;
        loop {
            match self.at(ahead) {
                0 if self.mark.offset + ahead >= self.bytes.len() => return ahead,
                b'\n' | b'\r' => return ahead,
                0xc2 | 0xe2 if self.break_at(ahead) != 0 => return ahead,
                _ => ahead += 1,
            }
        }
    }

    /// Whether a `---` or `...` that delimits documents stands here.
    pub(super) fn is_document_marker(&self) -> bool {
        self.mark.column == 0
            && (self.rest().starts_with(b"---") || self.rest().starts_with(b"..."))
            && self.is_separator_at(3)
    }
}

pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The characters of names: anchors, handles, directives.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
