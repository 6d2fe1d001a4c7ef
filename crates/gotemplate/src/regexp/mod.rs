//! Go's `regexp`: RE2 syntax over bytes, leftmost-first.

mod syntax;

use std::ops::Range;

use regex::bytes::{Captures, Regex, RegexBuilder};

/// A compiled expression.
#[derive(Clone)]
pub(crate) struct Regexp {
    regex: Regex,
    /// Names of the groups, from the first on.
    names: Vec<Option<String>>,
}

/// Largest compiled program, in bytes.
const SIZE_LIMIT: usize = 10 << 20;

impl Regexp {
    /// Compiles an expression; fails with Go's message.
    pub(crate) fn compile(expression: &[u8]) -> Result<Self, String> {
        let Ok(expression) = std::str::from_utf8(expression) else {
            let text = String::from_utf8_lossy(expression);
            return Err(format!("error parsing regexp: invalid UTF-8: `{text}`"));
        };
        let translated = syntax::translate(expression)
            .map_err(|(problem, part)| format!("error parsing regexp: {problem}: `{part}`"))?;
        let regex =
            RegexBuilder::new(&translated.pattern).size_limit(SIZE_LIMIT).nest_limit(1_000).build().map_err(
                |error| match error {
                    regex::Error::CompiledTooBig(_) => {
                        format!("error parsing regexp: expression too large: `{expression}`")
                    }
                    _ => format!("error parsing regexp: invalid syntax: `{expression}`"),
                },
            )?;
        Ok(Self { regex, names: translated.names })
    }

    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    pub(crate) fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        self.matches(text).next()
    }

    /// At most `count` matches, all where negative.
    pub(crate) fn find_all(&self, text: &[u8], count: i64) -> Vec<Range<usize>> {
        let limit = usize::try_from(count).unwrap_or(usize::MAX);
        self.matches(text).take(limit).collect()
    }

    fn matches<'t>(&'t self, text: &'t [u8]) -> impl Iterator<Item = Range<usize>> + 't {
        self.regex.find_iter(text).map(|found| found.range()).filter(|found| !splits_char(text, found))
    }

    /// Replaces all matches by what `replace` appends.
    pub(crate) fn replace_all(
        &self,
        text: &[u8],
        mut replace: impl FnMut(&Captures<'_>, &mut Vec<u8>),
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut copied = 0;
        for captures in self.regex.captures_iter(text) {
            let Some(found) = captures.get(0).filter(|found| !splits_char(text, &found.range())) else {
                continue;
            };
            out.extend_from_slice(&text[copied..found.start()]);
            replace(&captures, &mut out);
            copied = found.end();
        }
        out.extend_from_slice(&text[copied..]);
        out
    }

    /// Appends `template` with `$1`, `${1}`, `$name` and `$$` replaced.
    pub(crate) fn expand(&self, template: &[u8], captures: &Captures<'_>, out: &mut Vec<u8>) {
        let mut rest = template;
        while let Some(dollar) = memchr::memchr(b'$', rest) {
            out.extend_from_slice(&rest[..dollar]);
            rest = &rest[dollar..];
            if rest.get(1) == Some(&b'$') {
                out.push(b'$');
                rest = &rest[2..];
                continue;
            }
            let Some((name, len)) = group_reference(rest) else {
                out.push(b'$');
                rest = &rest[1..];
                continue;
            };
            if let Some(found) = self.group(name, captures) {
                out.extend_from_slice(found);
            }
            rest = &rest[len..];
        }
        out.extend_from_slice(rest);
    }

    /// What a group matched, by number or name; of equal names, the first that took part.
    fn group<'t>(&self, name: &str, captures: &Captures<'t>) -> Option<&'t [u8]> {
        let matched = |index: usize| captures.get(index).map(|found| found.as_bytes());
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return name.parse().ok().and_then(matched);
        }
        let named = self.names.iter().enumerate().filter(|(_, group)| group.as_deref() == Some(name));
        named.map(|(index, _)| index + 1).find_map(matched)
    }

    /// The parts between matches, at most `count`, all where negative.
    pub(crate) fn split<'t>(&self, text: &'t [u8], count: i64) -> Vec<&'t [u8]> {
        if text.is_empty() && !self.regex.as_str().is_empty() {
            return vec![text];
        }
        let limit = usize::try_from(count).unwrap_or(usize::MAX);
        let mut parts = Vec::new();
        let (mut begin, mut end) = (0, 0);
        for found in self.find_all(text, count) {
            if parts.len() + 1 == limit {
                break;
            }
            end = found.start;
            if found.end != 0 {
                parts.push(&text[begin..end]);
            }
            begin = found.end;
        }
        if end != text.len() {
            parts.push(&text[begin..]);
        }
        parts
    }
}

/// Whether a match is nothing between the bytes of a character: Go moves by characters.
fn splits_char(text: &[u8], found: &Range<usize>) -> bool {
    found.is_empty() && text.get(found.start).is_some_and(|byte| byte & 0xC0 == 0x80)
}

/// The name in `$name` or `${name}` and the length of the whole.
fn group_reference(text: &[u8]) -> Option<(&str, usize)> {
    let rest = std::str::from_utf8(&text[1..]).unwrap_or_default();
    let word =
        |text: &str| text.find(|char: char| !(char == '_' || char.is_alphanumeric())).unwrap_or(text.len());
    match rest.strip_prefix('{') {
        Some(braced) => {
            let len = word(braced);
            (len > 0 && braced[len..].starts_with('}')).then(|| (&braced[..len], len + 3))
        }
        None => Some(word(rest)).filter(|len| *len > 0).map(|len| (&rest[..len], len + 1)),
    }
}

/// The text as an expression that matches just it.
pub(crate) fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}
