//! Letter case, words, wrapping and shortening.

use super::{int, text};
use crate::exec::{Context, FuncError};
use crate::functions::{Functions, Params, Type};
use crate::value::Value;

const ONE: Params = Params::fixed(&[Type::String]);

pub(super) fn register(functions: &mut Functions) {
    functions.insert("upper", ONE, |_, args| Ok(map_chars(text(&args[0]), upper)));
    functions.insert("lower", ONE, |_, args| Ok(map_chars(text(&args[0]), lower)));
    functions.insert("title", ONE, |_, args| Ok(title(&lossy(&args[0])).into()));
    functions.insert("untitle", ONE, |_, args| Ok(untitle(&lossy(&args[0])).into()));
    functions.insert("swapcase", ONE, |_, args| Ok(swap_case(&lossy(&args[0])).into()));
    functions.insert("camelcase", ONE, |_, args| Ok(camel_case(&lossy(&args[0])).into()));
    functions.insert("snakecase", ONE, |_, args| Ok(lower_case_words(&lossy(&args[0]), '_').into()));
    functions.insert("kebabcase", ONE, |_, args| Ok(lower_case_words(&lossy(&args[0]), '-').into()));
    functions.insert("nospace", ONE, |_, args| Ok(no_space(&args[0])));
    functions.insert("initials", ONE, |_, args| Ok(initials(text(&args[0])).into()));
    functions.insert("wrap", Params::fixed(&[Type::Int, Type::String]), |context, args| {
        wrap(context, text(&args[1]), int(&args[0]), b"\n", false)
    });
    functions.insert("wrapWith", Params::fixed(&[Type::Int, Type::String, Type::String]), |context, args| {
        let line_break = match text(&args[1]) {
            b"" => b"\n",
            line_break => line_break,
        };
        wrap(context, text(&args[2]), int(&args[0]), line_break, true)
    });
    functions.insert("abbrev", Params::fixed(&[Type::Int, Type::String]), |_, args| {
        let width = int(&args[0]);
        Ok(if width < 4 { args[1].clone() } else { abbreviate(text(&args[1]), 0, width).into() })
    });
    functions.insert("abbrevboth", Params::fixed(&[Type::Int, Type::Int, Type::String]), |_, args| {
        let (left, right) = (int(&args[0]), int(&args[1]));
        let too_narrow = right < 4 || left > 0 && right < 7;
        Ok(if too_narrow { args[2].clone() } else { abbreviate(text(&args[2]), left, right).into() })
    });
    functions.insert("shuffle", ONE, |context, args| {
        let mut chars: Vec<char> = lossy(&args[0]).chars().collect();
        for last in (1..chars.len()).rev() {
            let other = context.random().below(last as u64 + 1);
            chars.swap(last, usize::try_from(other).unwrap_or(last));
        }
        Ok(chars.into_iter().collect::<String>().into())
    });
}

fn lossy(value: &Value) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(text(value))
}

/// Go maps one character to one; where Unicode's upper case is longer it stays as it is.
pub(super) fn upper(char: char) -> char {
    single(char, char.to_uppercase())
}

pub(super) fn lower(char: char) -> char {
    single(char, char.to_lowercase())
}

fn single(char: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(mapped), None) => mapped,
        _ => char,
    }
}

fn map_chars(text: &[u8], mapping: fn(char) -> char) -> Value {
    String::from_utf8_lossy(text).chars().map(mapping).collect::<String>().into()
}

/// Upper case after everything that separates words: spaces, and symbols other than the underscore.
fn title(text: &str) -> String {
    let mut previous = ' ';
    text.chars()
        .map(|char| {
            let starts = is_separator(previous);
            previous = char;
            if starts { upper(char) } else { char }
        })
        .collect()
}

fn is_separator(char: char) -> bool {
    if char.is_ascii() {
        return !char.is_ascii_alphanumeric() && char != '_';
    }
    !char.is_alphanumeric() && char.is_whitespace()
}

fn untitle(text: &str) -> String {
    let mut next = true;
    text.chars()
        .map(|char| {
            if char.is_whitespace() {
                next = true;
                char
            } else if std::mem::take(&mut next) {
                lower(char)
            } else {
                char
            }
        })
        .collect()
}

fn swap_case(text: &str) -> String {
    let mut after_space = true;
    text.chars()
        .map(|char| {
            if char.is_uppercase() {
                after_space = false;
                lower(char)
            } else if char.is_lowercase() {
                after_space = false;
                upper(char)
            } else {
                after_space = char.is_whitespace();
                char
            }
        })
        .collect()
}

/// Without white space; judged byte by byte, so that what follows from a non-ASCII text is what sprig makes of it.
fn no_space(value: &Value) -> Value {
    let space = |byte: u8| matches!(byte, 9..=13 | 32 | 0x85 | 0xA0);
    let bytes = text(value);
    if !bytes.iter().any(|byte| space(*byte)) {
        return value.clone();
    }
    bytes.iter().filter(|byte| !space(**byte)).map(|byte| char::from(*byte)).collect::<String>().into()
}

/// The first byte of each word.
fn initials(text: &[u8]) -> String {
    let mut gap = true;
    let mut out = String::new();
    for char in text.iter().map(|byte| char::from(*byte)) {
        if char.is_whitespace() {
            gap = true;
        } else if std::mem::take(&mut gap) {
            out.push(char);
        }
    }
    out
}

/// Lines of at most `width` bytes, broken at spaces; longer words are broken only with `long_words`.
fn wrap(
    context: &mut Context<'_>,
    text: &[u8],
    width: i64,
    line_break: &[u8],
    long_words: bool,
) -> Result<Value, FuncError> {
    let width = usize::try_from(width).unwrap_or(0).max(1);
    context.take_memory((text.len() / width + 1).saturating_mul(line_break.len()))?;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        let (line, next) = if let Some(space) = memchr::memrchr(b' ', &rest[..=width]) {
            (space, space + 1)
        } else if long_words {
            (width, width)
        } else {
            match memchr::memchr(b' ', &rest[width..]) {
                Some(space) => (width + space, width + space + 1),
                None => break,
            }
        };
        out.extend_from_slice(&rest[..line]);
        out.extend_from_slice(line_break);
        rest = &rest[next..];
    }
    out.extend_from_slice(rest);
    Ok(out.into())
}

/// At most `width` bytes of the text from about `offset` on, with `...` for what is cut.
fn abbreviate(text: &[u8], offset: i64, width: i64) -> Vec<u8> {
    let width = usize::try_from(width).unwrap_or(0);
    if width < 4 {
        return Vec::new();
    }
    if text.len() <= width {
        return text.to_vec();
    }
    let room = width - 3;
    let mut from = usize::try_from(offset).unwrap_or(0).min(text.len());
    if text.len() - from < room {
        from = text.len() - room;
    }
    if from <= 4 {
        return [&text[..room], b"..."].concat();
    }
    if width < 7 {
        return Vec::new();
    }
    if from + room < text.len() {
        return [b"...".to_vec(), abbreviate(&text[from..], 0, i64::try_from(room).unwrap_or(0))].concat();
    }
    [b"...", &text[text.len() - room..]].concat()
}

fn is_connector(char: char) -> bool {
    char == '-' || char == '_' || char.is_whitespace()
}

/// Words joined, each with a first capital: `http_server` is `HttpServer`. Leading connectors stay, and of a run of
/// connectors all but the last.
fn camel_case(text: &str) -> String {
    let body = text.trim_start_matches(is_connector);
    let mut out = text[..text.len() - body.len()].to_owned();
    let mut chars = body.chars();
    let Some(first) = chars.next() else {
        // Of connectors alone, xstrings writes the last one twice.
        out.extend(text.chars().next_back());
        return out;
    };
    // A word that starts in upper case is lowered until its first lower case letter.
    let mut lowering = first.is_uppercase();
    let mut previous = upper(first);
    for char in chars {
        let mut char = char;
        if is_connector(previous) {
            if is_connector(char) {
                out.push(previous);
                previous = char;
                continue;
            }
            lowering = char.is_uppercase();
            char = upper(char);
        } else {
            if lowering {
                if char.is_uppercase() {
                    char = lower(char);
                } else {
                    lowering = false;
                }
            }
            out.push(previous);
        }
        previous = char;
    }
    out.push(previous);
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Number,
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

impl Word {
    fn of(char: char) -> Self {
        if is_connector(char) {
            Self::Connector
        } else if is_punctuation(char) {
            Self::Punctuation
        } else if char.is_uppercase() {
            Self::Upper
        } else if is_alphabet(char) {
            Self::Alphabet
        } else if char.is_numeric() {
            Self::Number
        } else {
            Self::Other
        }
    }
}

/// Unicode's punctuation, which does not include symbols such as `$` and `+`.
fn is_punctuation(char: char) -> bool {
    if char.is_ascii() {
        return char.is_ascii_punctuation() && !"$+<=>^`|~".contains(char);
    }
    matches!(char, '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}')
        || matches!(char, '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{2043}' | '\u{2045}'..='\u{2051}')
        || matches!(char, '\u{2053}'..='\u{205e}' | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}')
}

/// Letters, except those of scripts whose letters are words.
fn is_alphabet(char: char) -> bool {
    let ideograph =
        matches!(char, '\u{4e00}'..='\u{9fcc}' | '\u{3400}'..='\u{4d85}' | '\u{20000}'..='\u{2b81d}');
    char.is_alphabetic() && !ideograph
}

/// Splits `HTTPServer2x` into `HTTP`, `Server`, `2`, `x`.
fn split_words(text: &str) -> Vec<(Word, &str)> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let kind = Word::of(first);
        let word_len = first.len_utf8();
        let tail = &rest[word_len..];
        let lower_run = |text: &str| run(text, |char| is_alphabet(char) && !char.is_uppercase());
        let len = match kind {
            Word::Upper => {
                let capitals = word_len + run(tail, char::is_uppercase);
                let next = rest[capitals..].chars().next();
                if capitals == word_len {
                    word_len + lower_run(tail)
                } else if next.is_some_and(is_alphabet) {
                    // The last capital begins the next word.
                    capitals - rest[..capitals].chars().next_back().map_or(0, char::len_utf8)
                } else {
                    capitals
                }
            }
            Word::Alphabet => word_len + lower_run(tail),
            Word::Number => word_len + run(tail, char::is_numeric),
            // Here, and not at the start of a word, hyphens and underscores are punctuation.
            Word::Punctuation => word_len + run(tail, is_punctuation),
            kind => word_len + run(tail, |char| Word::of(char) == kind),
        };
        words.push((kind, &rest[..len]));
        rest = &rest[len..];
    }
    words
}

fn run(text: &str, matches: impl Fn(char) -> bool) -> usize {
    text.find(|char| !matches(char)).unwrap_or(text.len())
}

/// Words in lower case, joined by `connector`. Where numbers belong is xstrings' own art: `http2xx` is `http_2xx`,
/// `Bld4Floor3rd` is `bld4_floor_3rd`.
fn lower_case_words(text: &str, connector: char) -> String {
    let words = split_words(text);
    let mut out = String::with_capacity(text.len() + words.len());
    let kind = |at: usize| words.get(at).map(|(kind, _)| *kind);
    let joins = |kind: Option<Word>| !matches!(kind, None | Some(Word::Connector | Word::Punctuation));
    let mut at = 0;
    while at + 1 < words.len() {
        let (current, word) = words[at];
        push_lower(&mut out, current, word, connector);
        at += 1;
        match current {
            Word::Connector | Word::Punctuation => {}
            Word::Number => {
                at = push_tail(&mut out, &words, at, connector);
                if joins(kind(at)) {
                    out.push(connector);
                }
            }
            _ if kind(at) != Some(Word::Number) => {
                if joins(kind(at)) {
                    out.push(connector);
                }
            }
            _ if at + 1 == words.len() => {}
            _ if kind(at + 1) == Some(Word::Alphabet) => {
                out.push(connector);
                out.push_str(words[at].1);
                at = push_tail(&mut out, &words, at + 1, connector);
                if joins(kind(at)) {
                    out.push(connector);
                }
            }
            _ => {
                out.push_str(words[at].1);
                at += 1;
                if joins(kind(at)) {
                    out.push(connector);
                }
            }
        }
    }
    if let Some((kind, word)) = words.get(at) {
        push_lower(&mut out, *kind, word, connector);
    }
    out
}

/// Letters and digits that belong to the number before them.
fn push_tail(out: &mut String, words: &[(Word, &str)], mut at: usize, connector: char) -> usize {
    while let Some((kind @ (Word::Alphabet | Word::Number), word)) = words.get(at) {
        push_lower(out, *kind, word, connector);
        at += 1;
    }
    at
}

fn push_lower(out: &mut String, kind: Word, word: &str, connector: char) {
    match kind {
        Word::Connector => out.extend(word.chars().map(|_| connector)),
        Word::Upper => {
            out.extend(word.chars().map(|char| if char.is_uppercase() { lower(char) } else { char }))
        }
        _ => out.push_str(word),
    }
}
