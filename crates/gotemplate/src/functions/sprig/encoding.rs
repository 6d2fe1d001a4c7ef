//! Base64 and base32, URLs, paths.

use super::{map, text};
use crate::encoding::{base32, base64, decode_base32, decode_base64};
use crate::exec::{Context, FuncError};
use crate::functions::{Functions, Params, Type};
use crate::url::{Url, User};
use crate::value::{Entries, Map, Str, Value};

const ONE: Params = Params::fixed(&[Type::String]);

pub(super) fn register(functions: &mut Functions) {
    functions.insert("b64enc", ONE, |_, args| Ok(base64(text(&args[0])).into()));
    functions.insert("b32enc", ONE, |_, args| Ok(base32(text(&args[0])).into()));
    // The text of an error is the result.
    functions.insert("b64dec", ONE, |_, args| {
        Ok(decode_base64(text(&args[0])).map_or_else(Value::from, Value::from))
    });
    functions.insert("b32dec", ONE, |_, args| {
        Ok(decode_base32(text(&args[0])).map_or_else(Value::from, Value::from))
    });
    functions.insert("urlParse", ONE, url_parse);
    functions.insert("urlJoin", Params::fixed(&[Type::Map]), url_join);
    // No name is looked up: a render does not use the network.
    functions.insert("getHostByName", ONE, |_, _| Ok("".into()));
    for name in ["base", "osBase"] {
        functions.insert(name, ONE, |_, args| Ok(base(text(&args[0])).into()));
    }
    for name in ["dir", "osDir"] {
        functions.insert(name, ONE, |_, args| {
            let path = text(&args[0]);
            let end = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
            Ok(clean(&path[..end]).into())
        });
    }
    for name in ["ext", "osExt"] {
        functions.insert(name, ONE, |_, args| {
            let path = text(&args[0]);
            let dot = path.iter().rposition(|byte| matches!(byte, b'.' | b'/'));
            let dot = dot.filter(|at| path[*at] == b'.').unwrap_or(path.len());
            Ok(path[dot..].into())
        });
    }
    for name in ["clean", "osClean"] {
        functions.insert(name, ONE, |_, args| Ok(clean(text(&args[0])).into()));
    }
    for name in ["isAbs", "osIsAbs"] {
        functions.insert(name, ONE, |_, args| Ok(Value::Bool(text(&args[0]).starts_with(b"/"))));
    }
}

fn url_parse(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let url = Url::parse(text(&args[0]))
        .map_err(|problem| FuncError::from(format!("unable to parse url: {problem}")))?;
    let userinfo = url.user.as_ref().map(User::format).unwrap_or_default();
    let hostname = url.hostname().to_vec();
    let parts: [(&str, Vec<u8>); 8] = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", userinfo),
    ];
    let entries: Entries =
        parts.into_iter().map(|(name, part)| (Str::from(name), Value::from(part))).collect();
    Ok(Map::new(entries).into())
}

fn url_join(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let dict = map(&args[0]);
    let part = |name: &str| match dict.get(name.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Str(part)) => Ok(part.to_vec()),
        Some(Value::Nil | Value::Invalid) => {
            Err(FuncError::from("runtime error: invalid memory address or nil pointer dereference"))
        }
        Some(other) => {
            let kind = other.kind().name();
            Err(format!("unable to parse {name} key, must be of type string, but {kind} found").into())
        }
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        user: None,
    };
    let userinfo = part("userinfo")?;
    if !userinfo.is_empty() {
        let whole = [b"proto://", userinfo.as_slice(), b"@host"].concat();
        url.user = Url::parse(&whole)
            .map_err(|problem| FuncError::from(format!("unable to parse userinfo in dict: {problem}")))?
            .user;
    }
    Ok(url.format().into())
}

/// The last element of a path.
fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    if end == 0 {
        return b"/";
    }
    let start = memchr::memrchr(b'/', &path[..end]).map_or(0, |slash| slash + 1);
    &path[start..end]
}

/// The shortest path that means the same.
fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(last) if *last != b".." => drop(parts.pop()),
                _ if rooted => {}
                _ => parts.push(part),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join(b"/".as_slice());
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
