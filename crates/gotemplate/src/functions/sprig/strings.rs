//! Strings: trimming, splitting, searching, quoting, indenting. Lengths and positions count bytes, as in Go.

use super::convert::to_text;
use super::{int, text};
use crate::exec::{Context, FuncError};
use crate::functions::{Functions, Params, Type};
use crate::parse::lex::decode;
use crate::value::{List, Map, MapType, Str, Value};

const ONE: Params = Params::fixed(&[Type::String]);
const TWO: Params = Params::fixed(&[Type::String, Type::String]);
const COUNTED: Params = Params::fixed(&[Type::Int, Type::String]);

pub(super) fn register(functions: &mut Functions) {
    functions.insert("trim", ONE, |_, args| Ok(trim_space(text(&args[0])).into()));
    for name in ["trimAll", "trimall"] {
        functions.insert(name, TWO, |_, args| Ok(trim_set(text(&args[1]), text(&args[0])).into()));
    }
    functions.insert("trimSuffix", TWO, |_, args| match text(&args[1]).strip_suffix(text(&args[0])) {
        Some(rest) => Ok(rest.into()),
        None => Ok(args[1].clone()),
    });
    functions.insert("trimPrefix", TWO, |_, args| match text(&args[1]).strip_prefix(text(&args[0])) {
        Some(rest) => Ok(rest.into()),
        None => Ok(args[1].clone()),
    });
    functions.insert("contains", TWO, |_, args| {
        Ok(Value::Bool(memchr::memmem::find(text(&args[1]), text(&args[0])).is_some()))
    });
    functions.insert("hasPrefix", TWO, |_, args| Ok(Value::Bool(text(&args[1]).starts_with(text(&args[0])))));
    functions.insert("hasSuffix", TWO, |_, args| Ok(Value::Bool(text(&args[1]).ends_with(text(&args[0])))));
    functions.insert("trunc", COUNTED, |_, args| Ok(trunc(int(&args[0]), text(&args[1])).into()));
    functions.insert("substr", Params::fixed(&[Type::Int, Type::Int, Type::String]), |_, args| {
        substr(int(&args[0]), int(&args[1]), text(&args[2])).map(Value::from)
    });
    functions.insert("repeat", COUNTED, |context, args| {
        Ok(repeat(context, text(&args[1]), int(&args[0]))?.into())
    });
    functions.insert("replace", Params::fixed(&[Type::String, Type::String, Type::String]), replace);
    functions.insert("indent", COUNTED, |context, args| {
        indent(context, int(&args[0]), text(&args[1]), false).map(Value::from)
    });
    functions.insert("nindent", COUNTED, |context, args| {
        indent(context, int(&args[0]), text(&args[1]), true).map(Value::from)
    });
    let any = Params::variadic(&[], Type::Any);
    functions.insert("quote", any, quote);
    functions.insert("squote", any, squote);
    functions.insert("cat", any, cat);
    functions.insert("plural", Params::fixed(&[Type::String, Type::String, Type::Int]), |_, args| {
        Ok(args[usize::from(int(&args[2]) != 1)].clone())
    });
    functions.insert("splitList", TWO, |context, args| {
        Ok(List::strings(split(context, text(&args[1]), text(&args[0]), -1)?).into())
    });
    functions.insert("split", TWO, |context, args| split_map(context, &args[1], &args[0], -1));
    functions.insert("splitn", Params::fixed(&[Type::String, Type::Int, Type::String]), |context, args| {
        split_map(context, &args[2], &args[0], int(&args[1]))
    });
}

fn is_space(char: char) -> bool {
    char.is_whitespace()
}

/// Go's `strings.TrimSpace`.
pub(super) fn trim_space(text: &[u8]) -> &[u8] {
    trim_by(text, is_space)
}

fn trim_set<'a>(text: &'a [u8], set: &[u8]) -> &'a [u8] {
    let set = String::from_utf8_lossy(set);
    trim_by(text, |char| set.contains(char))
}

fn trim_by(text: &[u8], matches: impl Fn(char) -> bool) -> &[u8] {
    let mut rest = text;
    while let Some((char, len)) = decode(rest) {
        if !matches(char) {
            break;
        }
        rest = &rest[len..];
    }
    while let Some((char, len)) = decode_last(rest) {
        if !matches(char) {
            break;
        }
        rest = &rest[..rest.len() - len];
    }
    rest
}

/// The last character and its length; an invalid byte is U+FFFD of length 1.
fn decode_last(text: &[u8]) -> Option<(char, usize)> {
    let last = text.len().checked_sub(1)?;
    let start = (0..4).filter_map(|back| last.checked_sub(back)).find(|at| text[*at] & 0xC0 != 0x80);
    if let Some(start) = start
        && let Some((char, len)) = decode(&text[start..])
        && start + len == text.len()
    {
        return Some((char, len));
    }
    Some((char::REPLACEMENT_CHARACTER, 1))
}

/// The first `count` bytes, or the last for a negative count.
fn trunc(count: i64, text: &[u8]) -> &[u8] {
    let len = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if len >= text.len() {
        text
    } else if count < 0 {
        &text[text.len() - len..]
    } else {
        &text[..len]
    }
}

fn substr(start: i64, end: i64, text: &[u8]) -> Result<Vec<u8>, FuncError> {
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let (from, to) = if start < 0 {
        if end < 0 || end > len {
            return Err(format!(
                "runtime error: slice bounds out of range [:{end}]{}",
                with_length(end, len)
            )
            .into());
        }
        (0, end)
    } else if end < 0 || end > len {
        (start, len)
    } else {
        (start, end)
    };
    if from > to {
        return Err(format!("runtime error: slice bounds out of range [{from}:{to}]").into());
    }
    let index = |at: i64| usize::try_from(at).unwrap_or(0);
    Ok(text[index(from)..index(to)].to_vec())
}

fn with_length(end: i64, len: i64) -> String {
    if end < 0 { String::new() } else { format!(" with length {len}") }
}

fn repeat(context: &mut Context<'_>, text: &[u8], count: i64) -> Result<Vec<u8>, FuncError> {
    let Ok(count) = usize::try_from(count) else { return Err("strings: negative Repeat count".into()) };
    context.take_memory(text.len().saturating_mul(count))?;
    Ok(text.repeat(count))
}

fn replace(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let (old, new, text) = (text(&args[0]), text(&args[1]), text(&args[2]));
    let mut out = Vec::with_capacity(text.len());
    if old.is_empty() {
        // Before each character and at the end.
        context.take_memory((text.len() + 1).saturating_mul(new.len()))?;
        let mut rest = text;
        out.extend_from_slice(new);
        while let Some((_, len)) = decode(rest) {
            out.extend_from_slice(&rest[..len]);
            out.extend_from_slice(new);
            rest = &rest[len..];
        }
        return Ok(out.into());
    }
    let finder = memchr::memmem::Finder::new(old);
    let count = finder.find_iter(text).count();
    if count == 0 {
        return Ok(args[2].clone());
    }
    context.take_memory(count.saturating_mul(new.len()))?;
    let mut copied = 0;
    for at in finder.find_iter(text) {
        out.extend_from_slice(&text[copied..at]);
        out.extend_from_slice(new);
        copied = at + old.len();
    }
    out.extend_from_slice(&text[copied..]);
    Ok(out.into())
}

/// Each line behind `spaces` spaces; after a line break first, with `newline`.
fn indent(context: &mut Context<'_>, spaces: i64, text: &[u8], newline: bool) -> Result<Vec<u8>, FuncError> {
    let Ok(spaces) = usize::try_from(spaces) else { return Err("strings: negative Repeat count".into()) };
    let lines = 1 + memchr::memchr_iter(b'\n', text).count();
    let added = lines.saturating_mul(spaces).saturating_add(1);
    context.take_memory(added)?;
    let mut out = Vec::with_capacity(text.len() + added);
    if newline {
        out.push(b'\n');
    }
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
        out.resize(out.len() + spaces, b' ');
        let line_end = (end + 1).min(text.len());
        out.extend_from_slice(&text[start..line_end]);
        start = line_end;
    }
    Ok(out)
}

fn quote(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let mut out = String::new();
    for arg in args.iter().filter(|arg| !arg.is_nil()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&crate::fmt::quote(&to_text(context, arg)?));
    }
    Ok(out.into())
}

fn squote(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let mut out = Vec::new();
    for arg in args.iter().filter(|arg| !arg.is_nil()) {
        if !out.is_empty() {
            out.push(b' ');
        }
        let arg = std::slice::from_ref(arg);
        if let Value::Str(text) = context.print(|printer| printer.printf(b"'%v'", arg))? {
            out.extend_from_slice(&text);
        }
    }
    Ok(out.into())
}

fn cat(context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let args: Vec<Value> = args.iter().filter(|arg| !arg.is_nil()).cloned().collect();
    let format = "%v ".repeat(args.len());
    context.print(|printer| printer.printf(format.trim_end().as_bytes(), &args))
}

/// Go's `strings.SplitN`: at most `count` parts, all where negative. An empty separator splits into characters.
pub(super) fn split(
    context: &mut Context<'_>,
    text: &[u8],
    separator: &[u8],
    count: i64,
) -> Result<Vec<Str>, FuncError> {
    let limit = if count < 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) };
    let mut parts = Vec::new();
    if limit == 0 {
        return Ok(parts);
    }
    let mut rest = text;
    while parts.len() + 1 < limit {
        let found = if separator.is_empty() {
            decode(rest).map(|(_, len)| (len, len)).filter(|(len, _)| *len < rest.len())
        } else {
            memchr::memmem::find(rest, separator).map(|at| (at, at + separator.len()))
        };
        let Some((end, next)) = found else { break };
        parts.push(Str::from(&rest[..end]));
        rest = &rest[next..];
    }
    if !(separator.is_empty() && text.is_empty()) {
        parts.push(Str::from(rest));
    }
    context.take_memory(parts.len() * std::mem::size_of::<Value>())?;
    Ok(parts)
}

/// The parts as `_0`, `_1` and so on.
fn split_map(
    context: &mut Context<'_>,
    from: &Value,
    separator: &Value,
    count: i64,
) -> Result<Value, FuncError> {
    let parts = split(context, text(from), text(separator), count)?;
    let entry = |(index, part): (usize, Str)| (Str::from(format!("_{index}")), Value::Str(part));
    Ok(Map::of(MapType::String, parts.into_iter().enumerate().map(entry).collect()).into())
}
