//! Values and format strings to text.

use std::rc::Rc;

use super::byte_slice;
use super::flags::Flags;
use crate::parse::lex::decode;
use crate::stack::grow;
use crate::value::{HostObject, Kind, List, Map, Value, View};

/// Widths and precisions above this are errors in the text, as in Go.
const MAX_WIDTH: usize = 1_000_000;
/// Deepest nesting that is printed. A map may hold itself, on which Go overflows its stack.
const MAX_DEPTH: usize = 1_000;

/// Why a value cannot be printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// The text would be longer than allowed.
    TooLong,
    /// The value is nested too deep.
    TooDeep,
}

/// Prints into a buffer of limited length.
pub(crate) struct Printer {
    out: Vec<u8>,
    limit: usize,
    flags: Flags,
    failure: Option<Failure>,
}

impl Printer {
    /// At most about `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { out: Vec::new(), limit, flags: Flags::default(), failure: None }
    }

    pub(crate) fn finish(self) -> Result<Vec<u8>, Failure> {
        match self.failure {
            None => Ok(self.out),
            Some(failure) => Err(failure),
        }
    }

    /// `fmt.Print`: spaces only between operands that are no strings.
    pub(crate) fn print(&mut self, args: &[Value]) {
        let mut previous_string = true;
        for arg in args {
            let string = matches!(arg, Value::Str(_));
            if !string && !previous_string {
                self.out.push(b' ');
            }
            self.arg(arg, 'v');
            previous_string = string;
        }
    }

    /// `fmt.Println`
    pub(crate) fn println(&mut self, args: &[Value]) {
        for (index, arg) in args.iter().enumerate() {
            if index > 0 {
                self.out.push(b' ');
            }
            self.arg(arg, 'v');
        }
        self.out.push(b'\n');
    }

    /// `fmt.Printf`
    pub(crate) fn printf(&mut self, format: &[u8], args: &[Value]) {
        let mut directives = Directives { format, args, pos: 0, next: 0, reordered: false };
        loop {
            let literal = memchr::memchr(b'%', &format[directives.pos..])
                .map_or(format.len(), |at| directives.pos + at);
            self.append(&format[directives.pos..literal]);
            if literal == format.len() || self.failure.is_some() {
                break;
            }
            directives.pos = literal + 1;
            if !self.directive(&mut directives) {
                break;
            }
        }
        if !directives.reordered && directives.next < args.len() {
            self.extra(&args[directives.next..]);
        }
    }

    fn append(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
        if self.out.len() > self.limit {
            self.failure = Some(Failure::TooLong);
        }
    }

    fn extra(&mut self, args: &[Value]) {
        self.flags = Flags::default();
        self.append(b"%!(EXTRA ");
        for (index, arg) in args.iter().enumerate() {
            if index > 0 {
                self.append(b", ");
            }
            if arg.is_nil() {
                self.append(b"<nil>");
            } else {
                self.append(arg.type_name().as_bytes());
                self.append(b"=");
                self.arg(arg, 'v');
            }
        }
        self.append(b")");
    }

    /// One directive after its `%`; false at the end of the format.
    fn directive(&mut self, directives: &mut Directives<'_>) -> bool {
        self.flags = Flags::default();
        let mut good_index = true;
        directives.flags(&mut self.flags);
        let mut after_index = directives.index(&mut good_index);
        if directives.eat(b'*') {
            match directives.int_arg() {
                Some(width) => {
                    self.flags.width = usize::try_from(width.unsigned_abs()).ok();
                    if width < 0 {
                        self.flags.minus = true;
                        self.flags.zero = false;
                    }
                }
                None => self.append(b"%!(BADWIDTH)"),
            }
            after_index = false;
        } else {
            self.flags.width = directives.number();
            good_index &= !(after_index && self.flags.width.is_some());
        }
        if directives.pos + 1 < directives.format.len() && directives.eat(b'.') {
            good_index &= !after_index;
            after_index = directives.index(&mut good_index);
            if directives.eat(b'*') {
                match directives.int_arg() {
                    Some(precision) if precision >= 0 => {
                        self.flags.precision = usize::try_from(precision).ok()
                    }
                    _ => self.append(b"%!(BADPREC)"),
                }
                after_index = false;
            } else {
                self.flags.precision = Some(directives.number().unwrap_or(0));
            }
        }
        if !after_index {
            directives.index(&mut good_index);
        }
        let Some((verb, len)) = decode(&directives.format[directives.pos..]) else {
            self.append(b"%!(NOVERB)");
            return false;
        };
        let spelled = &directives.format[directives.pos..directives.pos + len];
        directives.pos += len;
        match (verb, directives.args.get(directives.next)) {
            ('%', _) => self.append(b"%"),
            _ if !good_index => self.complain(spelled, b"(BADINDEX)"),
            (_, None) => self.complain(spelled, b"(MISSING)"),
            (verb, Some(arg)) => {
                if matches!(verb, 'v' | 'w') {
                    self.flags.sharp_v = std::mem::take(&mut self.flags.sharp);
                    self.flags.plus_v = std::mem::take(&mut self.flags.plus);
                }
                self.arg(arg, verb);
                directives.next += 1;
            }
        }
        true
    }

    fn complain(&mut self, verb: &[u8], what: &[u8]) {
        self.append(b"%!");
        self.append(verb);
        self.append(what);
    }

    /// A value given to a verb.
    fn arg(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Invalid | Value::Nil, 'T' | 'v') => self.flags.pad(&mut self.out, b"<nil>"),
            (Value::Invalid | Value::Nil, _) => self.bad_verb(value, verb),
            (_, 'T') => self.flags.string(&mut self.out, value.type_name().as_bytes()),
            (_, 'w') => self.bad_verb(value, verb),
            _ => self.value(value, verb, 0),
        }
    }

    fn bad_verb(&mut self, value: &Value, verb: char) {
        self.complain(verb.encode_utf8(&mut [0; 4]).as_bytes(), b"(");
        if value.is_nil() {
            self.append(b"<nil>");
        } else {
            self.append(value.type_name().as_bytes());
            self.append(b"=");
            self.plain(value, 'v', 0);
        }
        self.append(b")");
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if let Value::Object(object) = value
            && !self.flags.sharp_v
            && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
            && let Some(text) = object.text()
        {
            self.string(value, &text, verb);
            return;
        }
        self.plain(value, verb, depth);
    }

    /// A value without regard to a `String` method.
    fn plain(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > MAX_DEPTH {
            self.failure = Some(Failure::TooDeep);
        }
        if self.out.len() > self.limit {
            self.failure = Some(Failure::TooLong);
        }
        if self.failure.is_some() {
            return;
        }
        match value {
            Value::Invalid | Value::Nil => {
                self.append(if self.flags.sharp_v { b"interface {}(nil)" } else { b"<nil>" });
            }
            Value::Bool(boolean) if matches!(verb, 't' | 'v') => self.flags.boolean(&mut self.out, *boolean),
            Value::Int(int) | Value::Int64(int) => self.integer(value, int.unsigned_abs(), *int < 0, verb),
            Value::Uint8(int) => self.unsigned(value, u64::from(*int), verb),
            Value::Uint64(int) => self.unsigned(value, *int, verb),
            Value::Float(float) if "vbgGxXfFeE".contains(verb) => {
                self.flags.float(&mut self.out, *float, verb)
            }
            Value::Complex(real, imaginary) if "vbgGxXfFeE".contains(verb) => {
                self.complex(*real, *imaginary, verb);
            }
            Value::Str(text) => self.string(value, text, verb),
            Value::List(list) => grow(|| self.list(list, verb, depth)),
            Value::Map(map) => grow(|| self.map(map, verb, depth)),
            Value::Object(object) => grow(|| self.object(object, verb, depth)),
            Value::Bool(_) | Value::Float(_) | Value::Complex(..) => self.bad_verb(value, verb),
        }
    }

    /// Both parts under the same flags, but the second always with its sign.
    fn complex(&mut self, real: f64, imaginary: f64, verb: char) {
        self.append(b"(");
        self.flags.float(&mut self.out, real, verb);
        Flags { plus: true, ..self.flags }.float(&mut self.out, imaginary, verb);
        self.append(b"i)");
    }

    fn unsigned(&mut self, value: &Value, int: u64, verb: char) {
        if verb == 'v' && self.flags.sharp_v {
            Flags { sharp: true, ..self.flags }.integer(&mut self.out, int, false, 'x');
        } else {
            self.integer(value, int, false, verb);
        }
    }

    fn integer(&mut self, value: &Value, magnitude: u64, negative: bool, verb: char) {
        let code = if negative { u64::MAX } else { magnitude };
        match verb {
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => {
                self.flags.integer(&mut self.out, magnitude, negative, verb);
            }
            'c' => self.flags.char(&mut self.out, code),
            'q' => self.flags.quoted_char(&mut self.out, code),
            'U' => {
                self.flags.unicode(&mut self.out, if negative { magnitude.wrapping_neg() } else { magnitude })
            }
            _ => self.bad_verb(value, verb),
        }
    }

    fn string(&mut self, value: &Value, text: &[u8], verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.flags.quoted(&mut self.out, text),
            'v' | 's' => self.flags.string(&mut self.out, text),
            'q' => self.flags.quoted(&mut self.out, text),
            'x' | 'X' => self.flags.hex(&mut self.out, text, verb == 'X'),
            _ => self.bad_verb(value, verb),
        }
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) {
        if matches!(verb, 's' | 'q' | 'x' | 'X')
            && let Some(bytes) = byte_slice(list)
        {
            self.string(&Value::List(list.clone()), &bytes, verb);
            return;
        }
        if self.flags.sharp_v {
            self.append(list.type_name().as_bytes());
            if list.is_nil() {
                self.append(b"(nil)");
                return;
            }
        }
        self.append(if self.flags.sharp_v { b"{" } else { b"[" });
        for (index, item) in list.items().iter().enumerate() {
            self.separator(index);
            self.value(item, verb, depth + 1);
        }
        self.append(if self.flags.sharp_v { b"}" } else { b"]" });
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) {
        self.append(if self.flags.sharp_v { map.type_name() } else { "map" }.as_bytes());
        self.append(if self.flags.sharp_v { b"{" } else { b"[" });
        for (index, (key, item)) in map.entries().iter().enumerate() {
            self.separator(index);
            self.string(&Value::Str(key.clone()), key, verb);
            self.append(b":");
            self.value(item, verb, depth + 1);
        }
        self.append(if self.flags.sharp_v { b"}" } else { b"]" });
    }

    fn object(&mut self, object: &Rc<dyn HostObject>, verb: char, depth: usize) {
        let fields = match object.view() {
            View::Scalar(value) => return self.plain(&value, verb, depth + 1),
            View::Map(map) => return self.map(&map, verb, depth),
            View::List(list) => return self.list(&list, verb, depth),
            View::Struct(fields) => fields,
            View::Opaque => Vec::new(),
        };
        if object.kind() == Kind::Ptr {
            self.append(b"&");
        }
        if self.flags.sharp_v {
            self.append(object.type_name().trim_start_matches('*').as_bytes());
        }
        self.append(b"{");
        for (index, (name, value)) in fields.iter().enumerate() {
            self.separator(index);
            if self.flags.plus_v || self.flags.sharp_v {
                self.append(name.as_bytes());
                self.append(b":");
            }
            self.value(value, verb, depth + 1);
        }
        self.append(b"}");
    }

    fn separator(&mut self, index: usize) {
        if index > 0 {
            self.append(if self.flags.sharp_v { b", " } else { b" " });
        }
    }
}

/// A format string being read, with the operand that comes next.
struct Directives<'a> {
    format: &'a [u8],
    args: &'a [Value],
    pos: usize,
    next: usize,
    /// Whether an explicit index was used: then unused operands are no error.
    reordered: bool,
}

impl Directives<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.format.get(self.pos) == Some(&byte);
        self.pos += usize::from(found);
        found
    }

    fn flags(&mut self, flags: &mut Flags) {
        while let Some(byte) = self.format.get(self.pos) {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => return,
            }
            self.pos += 1;
        }
    }

    /// A width or precision; too large a one counts as absent.
    fn number(&mut self) -> Option<usize> {
        let start = self.pos;
        let mut number = 0_usize;
        while let Some(digit @ b'0'..=b'9') = self.format.get(self.pos) {
            if number > MAX_WIDTH {
                return None;
            }
            number = number * 10 + usize::from(digit - b'0');
            self.pos += 1;
        }
        (self.pos > start && number <= MAX_WIDTH).then_some(number)
    }

    /// An explicit operand index such as `[2]`; true where there was a well-formed one.
    fn index(&mut self, good: &mut bool) -> bool {
        if self.format.get(self.pos) != Some(&b'[') {
            return false;
        }
        self.reordered = true;
        let rest = &self.format[self.pos..];
        let Some(close) = memchr::memchr(b']', rest).filter(|_| rest.len() >= 3) else {
            self.pos += 1;
            *good = false;
            return false;
        };
        self.pos += close + 1;
        let digits = std::str::from_utf8(&rest[1..close])
            .ok()
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let Some(index) =
            digits.and_then(|digits| digits.parse::<usize>().ok()).filter(|index| *index <= MAX_WIDTH)
        else {
            *good = false;
            return false;
        };
        match index.checked_sub(1).filter(|index| *index < self.args.len()) {
            Some(index) => self.next = index,
            None => *good = false,
        }
        true
    }

    /// The operand of a `*`.
    fn int_arg(&mut self) -> Option<i64> {
        let value = self.args.get(self.next)?;
        self.next += 1;
        let int = match value {
            Value::Int(int) | Value::Int64(int) => *int,
            Value::Uint8(int) => i64::from(*int),
            Value::Uint64(int) => i64::try_from(*int).ok()?,
            _ => return None,
        };
        (int.unsigned_abs() <= MAX_WIDTH as u64).then_some(int)
    }
}
