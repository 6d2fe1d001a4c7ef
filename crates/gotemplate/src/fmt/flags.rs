//! Padding, integers, strings and floats under the flags of one verb.

use std::io::Write;

use super::{float, quote};
use crate::parse::lex::decode;

/// The flags, width and precision of one verb.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`
    pub(super) plus_v: bool,
    /// `%#v`
    pub(super) sharp_v: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Flags {
    /// Whether nothing asks for more than the digits.
    fn is_plain(self) -> bool {
        !self.plus && !self.space && self.width.is_none() && self.precision.is_none()
    }

    fn fill(self, out: &mut Vec<u8>, count: usize) {
        let byte = if self.zero && !self.minus { b'0' } else { b' ' };
        out.resize(out.len() + count, byte);
    }

    /// Appends `text`, padded to the width, counted in characters.
    pub(super) fn pad(self, out: &mut Vec<u8>, text: &[u8]) {
        let Some(width) = self.width.filter(|width| *width > 0) else {
            out.extend_from_slice(text);
            return;
        };
        let missing = width.saturating_sub(count_chars(text));
        if self.minus {
            out.extend_from_slice(text);
            self.fill(out, missing);
        } else {
            self.fill(out, missing);
            out.extend_from_slice(text);
        }
    }

    fn pad_without_zeros(self, out: &mut Vec<u8>, text: &[u8]) {
        Self { zero: false, ..self }.pad(out, text);
    }

    pub(super) fn boolean(self, out: &mut Vec<u8>, value: bool) {
        self.pad(out, if value { b"true" } else { b"false" });
    }

    /// An integer by magnitude and sign, for the verbs `dboOxX` (`v` is `d`).
    pub(super) fn integer(self, out: &mut Vec<u8>, magnitude: u64, negative: bool, verb: char) {
        if self.is_plain() && matches!(verb, 'v' | 'd') {
            let sign = if negative { "-" } else { "" };
            // Writing to memory does not fail.
            let _ = write!(out, "{sign}{magnitude}");
            return;
        }
        let mut least = 0;
        if let Some(precision) = self.precision {
            least = precision;
            if precision == 0 && magnitude == 0 {
                let width = self.width.unwrap_or(0);
                Self { zero: false, ..self }.fill(out, width);
                return;
            }
        } else if self.zero
            && !self.minus
            && let Some(width) = self.width
        {
            least = width.saturating_sub(usize::from(negative || self.plus || self.space));
        }
        let digits = match verb {
            'b' => format!("{magnitude:0least$b}"),
            'o' | 'O' => format!("{magnitude:0least$o}"),
            'x' => format!("{magnitude:0least$x}"),
            'X' => format!("{magnitude:0least$X}"),
            _ => format!("{magnitude:0least$}"),
        };
        let prefix = match verb {
            'b' if self.sharp => "0b",
            'o' if self.sharp && !digits.starts_with('0') => "0",
            'x' if self.sharp => "0x",
            'X' if self.sharp => "0X",
            'O' => "0o",
            _ => "",
        };
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        self.pad_without_zeros(out, format!("{sign}{prefix}{digits}").as_bytes());
    }

    /// `%U`
    pub(super) fn unicode(self, out: &mut Vec<u8>, code: u64) {
        let least = self.precision.unwrap_or(4).max(4);
        let mut text = format!("U+{code:0least$X}");
        if let Some(char) = u32::try_from(code).ok().and_then(char::from_u32)
            && self.sharp
            && quote::is_print(char)
        {
            text.push_str(&format!(" '{char}'"));
        }
        self.pad_without_zeros(out, text.as_bytes());
    }

    /// `%c`
    pub(super) fn char(self, out: &mut Vec<u8>, code: u64) {
        self.pad(out, to_char(code).encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// `%q` of an integer
    pub(super) fn quoted_char(self, out: &mut Vec<u8>, code: u64) {
        let mut text = String::new();
        quote::append_quoted_char(&mut text, to_char(code), self.plus);
        self.pad(out, text.as_bytes());
    }

    fn truncate(self, text: &[u8]) -> &[u8] {
        let Some(precision) = self.precision else { return text };
        let mut end = 0;
        for _ in 0..precision {
            match decode(&text[end..]) {
                Some((_, len)) => end += len,
                None => break,
            }
        }
        &text[..end]
    }

    /// `%s`
    pub(super) fn string(self, out: &mut Vec<u8>, text: &[u8]) {
        self.pad(out, self.truncate(text));
    }

    /// `%q` of a string
    pub(super) fn quoted(self, out: &mut Vec<u8>, text: &[u8]) {
        let text = self.truncate(text);
        if self.sharp && quote::can_backquote(text) {
            self.pad(out, &[b"`", text, b"`"].concat());
            return;
        }
        let mut quoted = String::new();
        quote::append_quoted(&mut quoted, text, self.plus);
        self.pad(out, quoted.as_bytes());
    }

    /// `%x` and `%X` of a string
    pub(super) fn hex(self, out: &mut Vec<u8>, text: &[u8], upper: bool) {
        let text = &text[..self.precision.unwrap_or(text.len()).min(text.len())];
        let prefix = if !self.sharp {
            ""
        } else if upper {
            "0X"
        } else {
            "0x"
        };
        let mut digits = String::new();
        for (index, byte) in text.iter().enumerate() {
            if index == 0 {
                digits.push_str(prefix);
            } else if self.space {
                digits.push(' ');
                digits.push_str(prefix);
            }
            digits.push_str(&if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
        }
        self.pad(out, digits.as_bytes());
    }

    /// A float for the verbs `vbgGxXfFeE`.
    pub(super) fn float(self, out: &mut Vec<u8>, value: f64, verb: char) {
        let default = if matches!(verb, 'f' | 'F' | 'e' | 'E') { Some(6) } else { None };
        let precision = self.precision.or(default);
        let verb = match verb {
            'v' => b'g',
            'F' => b'f',
            verb => verb as u8,
        };
        let mut number = float::format(value, verb, precision);
        if !number.starts_with(['-', '+']) {
            number.insert(0, '+');
        }
        if self.space && number.starts_with('+') && !self.plus {
            number.replace_range(..1, " ");
        }
        if number[1..].starts_with(['I', 'N']) {
            let bare_nan = number[1..].starts_with('N') && !self.space && !self.plus;
            self.pad_without_zeros(out, &number.as_bytes()[usize::from(bare_nan)..]);
            return;
        }
        if self.sharp && verb != b'b' {
            number = with_point(&number, verb, precision);
        }
        if self.plus || !number.starts_with('+') {
            if self.zero
                && !self.minus
                && let Some(width) = self.width.filter(|width| *width > number.len())
            {
                out.push(number.as_bytes()[0]);
                self.fill(out, width - number.len());
                out.extend_from_slice(&number.as_bytes()[1..]);
                return;
            }
            self.pad(out, number.as_bytes());
            return;
        }
        self.pad(out, &number.as_bytes()[1..]);
    }
}

/// `%#g` and friends keep the decimal point and the trailing zeros.
fn with_point(number: &str, verb: u8, precision: Option<usize>) -> String {
    let mut digits = match verb {
        b'g' | b'G' | b'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let hex = matches!(verb, b'x' | b'X');
    let split = number.find(|char| if hex { matches!(char, 'p' | 'P') } else { matches!(char, 'e' | 'E') });
    let (head, tail) = number.split_at(split.unwrap_or(number.len()));
    let mut saw_nonzero = false;
    for char in head[1..].chars().filter(|char| *char != '.') {
        saw_nonzero |= char != '0';
        if saw_nonzero {
            digits = digits.saturating_sub(1);
        }
    }
    let mut out = head.to_owned();
    if !head.contains('.') {
        if &head[1..] == "0" {
            digits = digits.saturating_sub(1);
        }
        out.push('.');
    }
    out.push_str(&"0".repeat(digits));
    out.push_str(tail);
    out
}

fn to_char(code: u64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Characters as Go counts them: an invalid byte is one.
pub(crate) fn count_chars(text: &[u8]) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let (mut count, mut rest) = (0, text);
    while let Some((_, len)) = decode(rest) {
        count += 1;
        rest = &rest[len..];
    }
    count
}
