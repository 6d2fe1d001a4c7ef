//! RE2's syntax as the `regex` crate's: the same where both agree, spelled out where they differ. Classes are ASCII
//! unless they name Unicode groups, `\Q…\E` quotes, and what the `regex` crate adds (set operations, `(?x)`) means
//! nothing or is an error.

use std::fmt::Write;

/// A translated expression.
pub(super) struct Translated {
    pub(super) pattern: String,
    pub(super) names: Vec<Option<String>>,
}

/// Go's words for what is wrong, and the part of the expression that is.
type Problem = (&'static str, String);

/// Highest count of a repetition.
const MAX_REPEAT: u32 = 1_000;
/// Deepest nesting of groups.
const MAX_DEPTH: usize = 1_000;

const DIGIT: &str = "0-9";
const SPACE: &str = r"\t\n\x0C\r\x20";
const WORD: &str = "0-9A-Za-z_";

pub(super) fn translate(expression: &str) -> Result<Translated, Problem> {
    let mut translator = Translator {
        whole: expression,
        rest: expression,
        out: String::new(),
        names: Vec::new(),
        depth: 0,
        last: Last::Nothing,
    };
    while !translator.rest.is_empty() {
        translator.item()?;
    }
    if translator.depth > 0 {
        return Err(("missing closing )", expression.into()));
    }
    Ok(Translated { pattern: translator.out, names: translator.names })
}

/// What a repetition operator would apply to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last<'a> {
    Nothing,
    Item,
    /// A repetition, spelled in the text that starts here.
    Repetition(&'a str),
}

struct Translator<'a> {
    whole: &'a str,
    rest: &'a str,
    out: String,
    names: Vec<Option<String>>,
    depth: usize,
    last: Last<'a>,
}

impl<'a> Translator<'a> {
    fn take(&mut self, len: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        taken
    }

    /// From an earlier rest up to here.
    fn since(&self, start: &'a str) -> String {
        start[..start.len() - self.rest.len()].into()
    }

    fn item(&mut self) -> Result<(), Problem> {
        let Some(char) = self.rest.chars().next() else { return Ok(()) };
        match char {
            '(' => return self.open(),
            ')' => return self.close(),
            '|' => {
                self.take(1);
                self.out.push('|');
                self.last = Last::Nothing;
                return Ok(());
            }
            '*' | '+' | '?' => return self.repetition(1, char.to_string()),
            '{' => {
                if let Some((len, spelled)) = self.counted()? {
                    return self.repetition(len, spelled);
                }
                self.literal(char);
            }
            '[' => self.class()?,
            '\\' => return self.escape(),
            '^' | '$' | '.' => {
                self.take(1);
                self.out.push(char);
            }
            char => self.literal(char),
        }
        self.last = Last::Item;
        Ok(())
    }

    fn literal(&mut self, char: char) {
        self.take(char.len_utf8());
        self.push_literal(char);
    }

    fn push_literal(&mut self, char: char) {
        if char.is_ascii_alphanumeric() {
            self.out.push(char);
        } else {
            let _ = write!(self.out, "\\x{{{:X}}}", char as u32);
        }
    }

    fn open(&mut self) -> Result<(), Problem> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(("expression nests too deeply", self.whole.into()));
        }
        self.last = Last::Nothing;
        let start = self.rest;
        let Some(inner) = self.rest.strip_prefix("(?") else {
            self.take(1);
            self.out.push('(');
            self.names.push(None);
            return Ok(());
        };
        if let Some(named) = inner.strip_prefix("P<").or_else(|| inner.strip_prefix('<')) {
            let Some(end) = named.find('>') else { return Err(("invalid named capture", start.into())) };
            let name = &named[..end];
            let valid =
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            self.rest = &named[end + 1..];
            if !valid {
                return Err(("invalid named capture", self.since(start)));
            }
            self.out.push('(');
            self.names.push(Some(name.into()));
            return Ok(());
        }
        self.flags(start, inner)
    }

    fn flags(&mut self, start: &'a str, inner: &'a str) -> Result<(), Problem> {
        let len = inner.find([':', ')']).unwrap_or(inner.len());
        let flags = &inner[..len];
        let (on, off) = flags.split_once('-').unwrap_or((flags, "i"));
        let known = |flags: &str| flags.chars().all(|flag| "imsU".contains(flag));
        let complete = inner.len() > len && known(on) && known(off) && !off.is_empty();
        if !complete {
            let shown = inner
                .find(|char| !"imsU-".contains(char))
                .map_or(inner.len(), |at| at + inner[at..].chars().next().map_or(0, char::len_utf8));
            return Err(("invalid or unsupported Perl syntax", start[..shown + 2].into()));
        }
        self.rest = &inner[len + 1..];
        self.out.push_str(&start[..len + 3]);
        if inner[len..].starts_with(')') {
            self.depth -= 1;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Problem> {
        if self.depth == 0 {
            return Err(("unexpected )", self.whole.into()));
        }
        self.depth -= 1;
        self.take(1);
        self.out.push(')');
        self.last = Last::Item;
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}` at hand: its length and translation; `None` where the brace is only a brace.
    fn counted(&self) -> Result<Option<(usize, String)>, Problem> {
        let Some(close) = self.rest.find('}') else { return Ok(None) };
        let body = &self.rest[1..close];
        let (least, most) = body.split_once(',').map_or((body, None), |(least, most)| (least, Some(most)));
        let count = |digits: &str| {
            let plain = !digits.is_empty()
                && digits.bytes().all(|byte| byte.is_ascii_digit())
                && (digits == "0" || !digits.starts_with('0'));
            plain.then(|| digits.parse().unwrap_or(u32::MAX))
        };
        let Some(low) = count(least) else { return Ok(None) };
        let high = match most {
            None | Some("") => low,
            Some(most) => match count(most) {
                Some(high) => high,
                None => return Ok(None),
            },
        };
        let spelled = &self.rest[..=close];
        if low > MAX_REPEAT || high > MAX_REPEAT || high < low {
            return Err(("invalid repeat count", spelled.into()));
        }
        Ok(Some((spelled.len(), spelled.into())))
    }

    fn repetition(&mut self, len: usize, spelled: String) -> Result<(), Problem> {
        let start = self.rest;
        self.take(len);
        let mut operator = spelled;
        if self.rest.starts_with('?') {
            self.take(1);
            operator.push('?');
        }
        match self.last {
            Last::Nothing => return Err(("missing argument to repetition operator", self.since(start))),
            Last::Repetition(first) => return Err(("invalid nested repetition operator", self.since(first))),
            Last::Item => {}
        }
        self.out.push_str(&operator);
        self.last = Last::Repetition(start);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Problem> {
        self.last = Last::Item;
        let start = self.rest;
        match self.rest[1..].chars().next() {
            Some('A') => self.out.push_str(r"\A"),
            Some('z') => self.out.push_str(r"\z"),
            Some('b') => self.out.push_str(r"(?-u:\b)"),
            Some('B') => self.out.push_str(r"(?-u:\B)"),
            Some('C') => self.out.push_str("(?s-u:.)"),
            Some('Q') => {
                self.take(2);
                let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                for char in quoted.chars() {
                    self.push_literal(char);
                }
                self.rest = rest;
                return Ok(());
            }
            _ => {
                if let Some(class) = self.class_escape()? {
                    let _ = write!(self.out, "[{class}]");
                } else {
                    let char = self.char_escape()?;
                    self.push_literal(char);
                }
                debug_assert!(self.rest.len() < start.len());
                return Ok(());
            }
        }
        self.take(2);
        Ok(())
    }

    /// `\d`, `\pL` and the like, as the inside of a class.
    fn class_escape(&mut self) -> Result<Option<String>, Problem> {
        let Some(letter) = self.rest[1..].chars().next() else { return Ok(None) };
        let class = match letter {
            'd' => DIGIT.into(),
            's' => SPACE.into(),
            'w' => WORD.into(),
            'D' => format!("[^{DIGIT}]"),
            'S' => format!("[^{SPACE}]"),
            'W' => format!("[^{WORD}]"),
            'p' | 'P' => return self.unicode_class().map(Some),
            _ => return Ok(None),
        };
        self.take(2);
        Ok(Some(class))
    }

    fn unicode_class(&mut self) -> Result<String, Problem> {
        let start = self.rest;
        let negated = start[1..].starts_with('P');
        let body = &start[2..];
        let (name, len) = if let Some(braced) = body.strip_prefix('{') {
            let Some(end) = braced.find('}') else {
                return Err(("invalid character class range", start.into()));
            };
            (&braced[..end], end + 2)
        } else {
            let len = body.chars().next().map_or(0, char::len_utf8);
            (&body[..len], len)
        };
        self.take(2 + len);
        let (name, inverted) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let pattern = if name == "Any" { r"\x{0}-\x{10FFFF}".into() } else { format!("\\p{{{name}}}") };
        let known = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !name.is_empty()
            && regex::Regex::new(&format!("[{pattern}]")).is_ok();
        if !known {
            return Err(("invalid character class range", self.since(start)));
        }
        Ok(if negated == inverted { pattern } else { format!("[^{pattern}]") })
    }

    /// An escape that stands for one character.
    fn char_escape(&mut self) -> Result<char, Problem> {
        let start = self.rest;
        self.take(1);
        let Some(letter) = self.rest.chars().next() else {
            return Err(("trailing backslash at end of expression", String::new()));
        };
        self.take(letter.len_utf8());
        let code = match letter {
            '0'..='7' => {
                let more = self.rest.bytes().take(2).take_while(|byte| (b'0'..b'8').contains(byte)).count();
                if letter != '0' && more == 0 {
                    return Err(("invalid escape sequence", self.since(start)));
                }
                let digits = format!("{letter}{}", self.take(more));
                u32::from_str_radix(&digits, 8).ok()
            }
            'x' => self.hex_escape(),
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            char if char.is_ascii() && !char.is_ascii_alphanumeric() => Some(char as u32),
            _ => None,
        };
        code.and_then(char::from_u32).ok_or_else(|| ("invalid escape sequence", self.since(start)))
    }

    /// `41` or `{1F600}` after `\x`. Of a wrong one, all up to the first wrong character is consumed.
    fn hex_escape(&mut self) -> Option<u32> {
        let braced = self.rest.starts_with('{');
        let body = &self.rest[usize::from(braced)..];
        let most = if braced { body.len() } else { 2 };
        let len = body.bytes().take(most).take_while(u8::is_ascii_hexdigit).count();
        let code = u32::from_str_radix(&body[..len], 16).ok();
        let (valid, end) = if braced {
            (body[len..].starts_with('}'), body[len..].chars().next())
        } else {
            (len == 2, body[len..].chars().next().filter(|_| len < 2))
        };
        self.take(usize::from(braced) + len + end.map_or(0, char::len_utf8));
        code.filter(|_| valid)
    }

    fn class(&mut self) -> Result<(), Problem> {
        let start = self.rest;
        self.take(1);
        let mut set = String::from("[");
        if self.rest.starts_with('^') {
            self.take(1);
            set.push('^');
        }
        let mut first = true;
        loop {
            match self.rest.chars().next() {
                None => return Err(("missing closing ]", start.into())),
                Some(']') if !first => break,
                _ => {}
            }
            first = false;
            if let Some(name) = self.posix_class()? {
                set.push_str(&name);
                continue;
            }
            if self.rest.starts_with('\\')
                && let Some(class) = self.class_escape()?
            {
                set.push_str(&class);
                continue;
            }
            self.class_range(start, &mut set)?;
        }
        self.take(1);
        set.push(']');
        self.out.push_str(&set);
        Ok(())
    }

    /// `[:alpha:]` at hand; the `regex` crate knows the same names.
    fn posix_class(&mut self) -> Result<Option<String>, Problem> {
        let Some(end) = self.rest.strip_prefix("[:").and_then(|body| body.find(":]")) else {
            return Ok(None);
        };
        let class = self.take(end + 4);
        let name = class[2..class.len() - 2].trim_start_matches('^');
        const NAMES: [&str; 14] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
            "space", "upper", "word", "xdigit",
        ];
        if NAMES.contains(&name) {
            Ok(Some(class.into()))
        } else {
            Err(("invalid character class range", class.into()))
        }
    }

    fn class_range(&mut self, class: &'a str, set: &mut String) -> Result<(), Problem> {
        let start = self.rest;
        let low = self.class_char(class)?;
        let mut high = low;
        if self.rest.starts_with('-') && self.rest.len() > 1 && !self.rest.starts_with("-]") {
            self.take(1);
            high = self.class_char(class)?;
            if high < low {
                return Err(("invalid character class range", self.since(start)));
            }
        }
        let _ = write!(set, "\\x{{{:X}}}-\\x{{{:X}}}", low as u32, high as u32);
        Ok(())
    }

    fn class_char(&mut self, class: &'a str) -> Result<char, Problem> {
        match self.rest.chars().next() {
            None => Err(("missing closing ]", class.into())),
            Some('\\') => self.char_escape(),
            Some(char) => {
                self.take(char.len_utf8());
                Ok(char)
            }
        }
    }
}
