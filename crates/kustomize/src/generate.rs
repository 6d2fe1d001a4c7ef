//! ConfigMaps and Secrets from literals and files.

use crate::error::{BuildError, Result};
use crate::kustomization::{GeneratorArgs, GeneratorOptions};
use crate::loader::{Context, Loader};
use crate::node::{Key, Map, Node, Scalar, Style, Tag};
use crate::resource::{Behavior, Resource};
use base64::Engine;
use bytes::Bytes;
use holdfast_object::Origin;
use std::collections::{BTreeMap, HashSet};

/// What is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generated {
    ConfigMap,
    Secret,
}

impl Generated {
    fn kind(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// Makes a ConfigMap or Secret. `at` is the file that asks for it.
pub(crate) fn generate<'a>(
    what: Generated,
    args: &GeneratorArgs,
    loader: &Loader<'a>,
    at: &str,
    context: &mut Context<'a>,
) -> Result<Resource> {
    if args.name.is_empty() {
        return Err("a configmap must have a name".into());
    }
    let data = read_data(args, loader, context).map_err(|e| BuildError {
        message: format!("{} '{}': {}", what.kind(), args.name, e.message),
        ..e
    })?;
    let mut map = Map::default();
    map.set("apiVersion", Node::text("v1"));
    map.set("kind", Node::text(what.kind()));
    let mut metadata = Map::default();
    metadata.set("name", Node::text(args.name.as_str()));
    if !args.namespace.is_empty() {
        metadata.set("namespace", Node::text(args.namespace.as_str()));
    }
    let options = args.options.clone().unwrap_or_default();
    add_options(&mut metadata, &options);
    map.set("metadata", Node::Map(metadata));
    match what {
        Generated::ConfigMap => add_config_data(&mut map, data),
        Generated::Secret => {
            let secret_type = if args.secret_type.is_empty() { "Opaque" } else { &args.secret_type };
            map.set("type", Node::text(secret_type));
            let entries = data.into_iter().map(|(k, v)| (Key::new(k), text_node(encode(&v)))).collect();
            map.set("data", Node::Map(Map { entries }));
        }
    }
    if options.immutable {
        map.set("immutable", Node::Scalar(Scalar::new("true", Tag::Bool, Style::Plain)));
    }
    context.count_objects(1)?;
    let source = Origin { file: at.into(), line: 0, document: 0 };
    let mut resource = Resource::new(Node::Map(map), Some(source), &context.schemas.scopes);
    resource.needs_hash = !options.disable_name_suffix_hash;
    resource.behavior = Behavior::parse(&args.behavior);
    Ok(resource)
}

fn add_options(metadata: &mut Map, options: &GeneratorOptions) {
    for (section, texts) in [("labels", &options.labels), ("annotations", &options.annotations)] {
        if !texts.is_empty() {
            let entries = texts.iter().map(|(k, v)| (Key::new(k.as_str()), Node::text(v.as_str()))).collect();
            metadata.set(section, Node::Map(Map { entries }));
        }
    }
}

fn add_config_data(map: &mut Map, data: BTreeMap<String, Bytes>) {
    let (mut texts, mut binaries) = (Map::default(), Map::default());
    for (key, value) in data {
        match std::str::from_utf8(&value) {
            Ok(text) => texts.entries.push((Key::new(key), text_node(text.to_owned()))),
            Err(_) => binaries.entries.push((Key::new(key), text_node(encode(&value)))),
        }
    }
    if !texts.entries.is_empty() {
        map.set("data", Node::Map(texts));
    }
    if !binaries.entries.is_empty() {
        map.set("binaryData", Node::Map(binaries));
    }
}

fn text_node(text: String) -> Node {
    let style = if text.contains('\n') { Style::Literal } else { Style::Plain };
    Node::Scalar(Scalar::new(text, Tag::Str, style))
}

/// Base64 in lines of 70, each with a line break where there is more than one.
fn encode(bytes: &[u8]) -> String {
    const LINE: usize = 70;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    if text.len() < LINE {
        return text;
    }
    let mut out = String::with_capacity(text.len() + text.len() / LINE + 1);
    for start in (0..text.len()).step_by(LINE) {
        out.push_str(&text[start..text.len().min(start + LINE)]);
        out.push('\n');
    }
    out
}

fn read_data<'a>(
    args: &GeneratorArgs,
    loader: &Loader<'a>,
    context: &mut Context<'a>,
) -> Result<BTreeMap<String, Bytes>> {
    let mut pairs: Vec<(String, Bytes)> = Vec::new();
    for path in &args.envs {
        let file = loader.display(path);
        let content = loader.load(path, context).map_err(|e| e.in_file(&file).of_field("envs"))?;
        read_env(&content, &mut pairs).map_err(|e| e.in_file(&file))?;
    }
    for literal in &args.literals {
        pairs.push(read_literal(literal).map_err(|e| BuildError::new(e).of_field("literals"))?);
    }
    for source in &args.files {
        let (key, path) = read_file_source(source).map_err(|e| BuildError::new(e).of_field("files"))?;
        let content = loader.load(path, context).map_err(|e| e.of_field("files"))?;
        pairs.push((key.to_owned(), content));
    }
    let mut seen = HashSet::new();
    if let Some((key, _)) = pairs.iter().find(|(key, _)| !seen.insert(key.clone())) {
        return Err(format!("illegally repeats the key `{key}`").into());
    }
    Ok(pairs.into_iter().collect())
}

fn read_literal(literal: &str) -> std::result::Result<(String, Bytes), String> {
    match literal.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            Ok((key.to_owned(), Bytes::copy_from_slice(unquoted(value).as_bytes())))
        }
        _ => Err("invalid literal source, expected key=value".into()),
    }
}

/// Without one pair of quotes around it.
fn unquoted(text: &str) -> &str {
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first @ (b'"' | b'\'')), Some(last)) if bytes.len() >= 2 && first == last => {
            &text[1..text.len() - 1]
        }
        _ => text,
    }
}

fn read_file_source(source: &str) -> std::result::Result<(&str, &str), String> {
    match source.matches('=').count() {
        0 => {
            let trimmed = source.trim_end_matches('/');
            Ok((trimmed.rsplit('/').next().unwrap_or(source), source))
        }
        1 => match source.split_once('=') {
            Some(("", path)) => {
                Err(format!("missing key name for file path \"{path}\" in source \"{source}\""))
            }
            Some((key, "")) => {
                Err(format!("missing file path for key name \"{key}\" in source \"{source}\""))
            }
            Some((key, path)) => Ok((key, path)),
            None => Err(format!("source \"{source}\" has no '='")),
        },
        _ => Err(format!("source \"{source}\" key name or file path contains '='")),
    }
}

fn read_env(content: &[u8], pairs: &mut Vec<(String, Bytes)>) -> Result<()> {
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    for (at, line) in content.split(|b| *b == b'\n').enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = std::str::from_utf8(line)
            .map_err(|_| BuildError::new("the line has invalid UTF-8").at_line(number))?;
        let text = text.trim_start();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if !key.is_empty() {
            pairs.push((key.to_owned(), Bytes::copy_from_slice(value.as_bytes())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_lines_of_70() {
        assert_eq!(encode(b"x"), "eA==");
        assert_eq!(encode(&[0; 51]).len(), 68);
        let long = encode(&[0; 54]);
        assert_eq!(long.len(), 72 + 2);
        assert_eq!(long.find('\n'), Some(70));
        assert!(long.ends_with('\n'));
    }

    #[test]
    fn sources_are_read_like_the_originals() {
        assert_eq!(read_literal("a=\"b c\"").unwrap(), ("a".into(), Bytes::from("b c")));
        assert_eq!(read_literal("a=b=c").unwrap().1, "b=c");
        assert!(read_literal("=x").is_err());
        assert_eq!(read_file_source("dir/app.ini"), Ok(("app.ini", "dir/app.ini")));
        assert_eq!(read_file_source("k=dir/app.ini"), Ok(("k", "dir/app.ini")));
        assert!(read_file_source("a==b").is_err());
        let mut pairs = Vec::new();
        read_env(b"\xEF\xBB\xBFA=1\n # no\n\n  B\r\nC=x=y", &mut pairs).unwrap();
        let texts: Vec<_> =
            pairs.iter().map(|(k, v)| format!("{k}={}", String::from_utf8_lossy(v))).collect();
        assert_eq!(texts, ["A=1", "B=", "C=x=y"]);
    }
}
