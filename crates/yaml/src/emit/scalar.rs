//! Scalars: which styles can carry a text, and writing each style with folding near column 80.

use super::{BEST_INDENT, BEST_WIDTH, Emitter};

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// What a text contains, as far as the choice of its style depends on it.
pub(super) struct Analysis {
    /// Holds a line break, so cannot be a simple key.
    pub(super) multiline: bool,
    plain_allowed: bool,
    single_quoted_allowed: bool,
    block_allowed: bool,
}

impl Analysis {
    pub(super) fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self {
                multiline: false,
                plain_allowed: true,
                single_quoted_allowed: true,
                block_allowed: false,
            };
        }
        if is_plainly_plain(text) {
            return Self {
                multiline: false,
                plain_allowed: true,
                single_quoted_allowed: true,
                block_allowed: true,
            };
        }
        // Document markers at the start would end the document.
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let mut special = false;
        let mut breaks = false;
        let (mut edge_blank, mut trailing_space) = (false, false);
        let (mut space_then_break, mut break_then_space) = (false, false);
        let (mut after_space, mut after_break) = (false, false);
        let mut after_blank = true;

        let mut characters = text.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let next = characters.peek().map(|&(_, next)| next);
            let before_blank = next.is_none_or(is_blank);
            indicators |= match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`'
                    if at == 0 =>
                {
                    true
                }
                '?' | '-' => at == 0 && before_blank,
                ':' => before_blank,
                '#' => after_blank,
                _ => false,
            };
            special |= !is_printable(c);
            if c == ' ' {
                edge_blank |= at == 0 || next.is_none();
                trailing_space |= next.is_none();
                break_then_space |= after_break;
                (after_space, after_break) = (true, false);
            } else if is_break(c) {
                breaks = true;
                edge_blank |= at == 0 || next.is_none();
                space_then_break |= after_space;
                (after_space, after_break) = (false, true);
            } else {
                (after_space, after_break) = (false, false);
            }
            after_blank = is_blank(c) || is_break(c) || c == '\0';
        }
        let unquotable = space_then_break || special;
        Self {
            multiline: breaks,
            plain_allowed: !(edge_blank || break_then_space || unquotable || breaks || indicators),
            single_quoted_allowed: !(break_then_space || unquotable),
            block_allowed: !(trailing_space || unquotable),
        }
    }

    /// The style in which `text` is written when `wanted` is asked for.
    pub(super) fn style(&self, wanted: Style, text: &str, simple_key: bool) -> Style {
        let mut style = if simple_key && self.multiline { Style::DoubleQuoted } else { wanted };
        if style == Style::Plain && (!self.plain_allowed || (text.is_empty() && simple_key)) {
            style = Style::SingleQuoted;
        }
        if style == Style::SingleQuoted && !self.single_quoted_allowed {
            style = Style::DoubleQuoted;
        }
        if style == Style::Literal && (!self.block_allowed || simple_key) {
            style = Style::DoubleQuoted;
        }
        style
    }
}

impl Emitter<'_> {
    pub(super) fn write_plain(&mut self, text: &str, may_break: bool, indent: i32) {
        if !self.whitespace {
            self.put(' ');
        }
        // Nothing folds before the best width. A plain text has no line breaks.
        if !may_break || self.column + text.len() <= BEST_WIDTH {
            self.put_text(text);
        } else {
            self.write_foldable(text, may_break, indent, false);
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn put_text(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    pub(super) fn write_single_quoted(&mut self, text: &str, may_break: bool, indent: i32) {
        self.indicator("'", true, false, false);
        self.write_foldable(text, may_break, indent, true);
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// The shared body of plain and single-quoted scalars: single spaces beyond the best width become line breaks.
    /// Only a quoted text can hold line breaks here; they are doubled, since a single one would read as a space.
    fn write_foldable(&mut self, text: &str, may_break: bool, indent: i32, quoted: bool) {
        let (mut after_space, mut after_break) = (false, false);
        let bytes = text.as_bytes();
        for (at, c) in text.char_indices() {
            if c == ' ' {
                let inner = !quoted || (at > 0 && at + 1 < bytes.len());
                let single = !after_space && bytes.get(at + 1) != Some(&b' ');
                if may_break && single && inner && self.column > BEST_WIDTH {
                    self.write_indent(indent);
                } else {
                    self.put(' ');
                }
                after_space = true;
            } else if is_break(c) {
                if !after_break && c == '\n' {
                    self.line_break();
                }
                self.write_break(c);
                self.indention = true;
                after_break = true;
            } else {
                if after_break {
                    self.write_indent(indent);
                }
                if quoted && c == '\'' {
                    self.put('\'');
                }
                self.put(c);
                self.indention = false;
                (after_space, after_break) = (false, false);
            }
        }
    }

    pub(super) fn write_double_quoted(&mut self, text: &str, may_break: bool, indent: i32) {
        self.indicator("\"", true, false, false);
        let mut after_space = false;
        let bytes = text.as_bytes();
        // Upstream looks for a byte order mark at the start of the text where it means the character at hand.
        let escape_all = text.starts_with('\u{feff}');
        for (at, c) in text.char_indices() {
            if escape_all || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.write_escape(c);
                after_space = false;
            } else if c == ' ' {
                let inner = at > 0 && at + 1 < bytes.len();
                if may_break && !after_space && self.column > BEST_WIDTH && inner {
                    self.write_indent(indent);
                    if bytes.get(at + 1) == Some(&b' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                after_space = true;
            } else {
                self.put(c);
                after_space = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn write_escape(&mut self, c: char) {
        let short = match c {
            '\0' => "\\0",
            '\u{7}' => "\\a",
            '\u{8}' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\u{b}' => "\\v",
            '\u{c}' => "\\f",
            '\r' => "\\r",
            '\u{1b}' => "\\e",
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{85}' => "\\N",
            '\u{a0}' => "\\_",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            _ => {
                let code = u32::from(c);
                let escaped = match code {
                    0..=0xff => format!("\\x{code:02X}"),
                    0x100..=0xffff => format!("\\u{code:04X}"),
                    _ => format!("\\U{code:08X}"),
                };
                self.out.push_str(&escaped);
                self.column += escaped.len();
                return;
            }
        };
        self.out.push_str(short);
        self.column += short.len();
    }

    pub(super) fn write_literal(&mut self, text: &str, indent: i32) {
        self.indicator("|", true, false, false);
        self.write_block_hints(text);
        self.line_break();
        self.indention = true;
        self.whitespace = true;
        let mut rest = text;
        while let Some(at) = rest.find(is_break) {
            self.write_literal_line(&rest[..at], indent);
            let mut after = rest[at..].chars();
            after.next().into_iter().for_each(|c| self.write_break(c));
            self.indention = true;
            rest = after.as_str();
        }
        self.write_literal_line(rest, indent);
    }

    fn write_literal_line(&mut self, line: &str, indent: i32) {
        if !line.is_empty() {
            self.write_indent(indent);
            self.put_text(line);
            self.indention = false;
        }
    }

    /// The indentation indicator (needed where the text starts with white space) and the chomping indicator.
    fn write_block_hints(&mut self, text: &str) {
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator(itoa::Buffer::new().format(BEST_INDENT), false, false, false);
        }
        let mut backwards = text.chars().rev();
        match backwards.next() {
            Some(last) if is_break(last) => {
                if backwards.next().is_none_or(is_break) {
                    self.indicator("+", false, false, false);
                }
            }
            _ => self.indicator("-", false, false, false),
        }
    }

    fn write_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
    }
}

/// Whether a text is quickly seen to need no quotes: words of harmless characters with spaces between them.
fn is_plainly_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let harmless = |(at, &byte): (usize, &u8)| match byte {
        b'a'..=b'z'
        | b'A'..=b'Z'
        | b'0'..=b'9'
        | b'_'
        | b'.'
        | b'/'
        | b'-'
        | b'='
        | b'+'
        | b'('
        | b')'
        | b',' => true,
        b' ' => at + 1 < bytes.len(),
        b':' => bytes.get(at + 1).is_some_and(|next| !matches!(next, b' ' | b'\t' | b'\n' | b'\r' | 0x80..)),
        _ => false,
    };
    bytes.first().is_some_and(u8::is_ascii_alphanumeric) && bytes.iter().enumerate().all(harmless)
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether go-yaml v2 writes a character as it is: neither tabs nor anything outside of the basic plane.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}
