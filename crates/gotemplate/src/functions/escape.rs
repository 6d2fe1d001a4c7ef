//! `html`, `js` and `urlquery`.

use super::{Functions, Params, Type};
use crate::exec::{Context, FuncError};
use crate::parse::lex::decode;
use crate::value::Value;

pub(super) fn register(functions: &mut Functions) {
    let any = Params::variadic(&[], Type::Any);
    functions.insert("html", any, |context, args| Ok(escape_html(&text(context, args)?).into()));
    functions.insert("js", any, |context, args| Ok(escape_js(&text(context, args)?).into()));
    functions.insert("urlquery", any, |context, args| Ok(escape_query(&text(context, args)?).into()));
}

/// The arguments as `print` shows them, nils as `<no value>`.
fn text(context: &mut Context<'_>, args: &[Value]) -> Result<Vec<u8>, FuncError> {
    let shown = |arg: &Value| if arg.is_nil() { Value::from("<no value>") } else { arg.clone() };
    let args: Vec<Value> = args.iter().map(shown).collect();
    match context.print(|printer| printer.print(&args))? {
        Value::Str(text) => Ok(text.to_vec()),
        _ => Ok(Vec::new()),
    }
}

/// Text safe inside HTML.
fn escape_html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            byte => out.push(*byte),
        }
    }
    out
}

/// Text safe inside a JavaScript string.
fn escape_js(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((char, len)) = decode(rest) {
        match char {
            '\\' | '\'' | '"' => out.extend([b'\\', rest[0]]),
            '<' | '>' | '&' | '=' | '\0'..=' ' if char != ' ' => {
                out.extend_from_slice(format!("\\u{:04X}", char as u32).as_bytes());
            }
            char if char.is_ascii() || crate::fmt::is_print(char) => out.extend_from_slice(&rest[..len]),
            char => out.extend_from_slice(format!("\\u{:04X}", char as u32).as_bytes()),
        }
        rest = &rest[len..];
    }
    out
}

/// Text as part of a URL query: spaces become `+`.
fn escape_query(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            b' ' => out.push(b'+'),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}
