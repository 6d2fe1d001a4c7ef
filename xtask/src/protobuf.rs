//! `cargo xtask protobuf --from DIR`: writes the table of wire numbers by which the sandbox reads protobuf bodies.
//!
//! DIR holds the interface descriptions (`generated.proto`) of the API's types, at any depth, as the Go modules
//! `k8s.io/api`, `k8s.io/apimachinery` and `k8s.io/apiextensions-apiserver` carry them. Only names, numbers and kinds
//! of fields are taken.

use anyhow::{Context, Result, bail};
use holdfast_object::schema::Schemas;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const TABLE: &str = "crates/sandbox/src/api/kubernetes.wire";

/// The messages that no resource contains and clients send all the same.
const LOOSE: &[&str] = &["meta.v1.DeleteOptions", "policy.v1.Eviction", "autoscaling.v1.Scale"];

type Messages = BTreeMap<String, Vec<(String, String, String)>>;

pub(crate) fn run(args: &[String]) -> Result<()> {
    let folders: Vec<&String> = args.iter().filter(|a| *a != "--from").collect();
    if folders.is_empty() {
        bail!("usage: cargo xtask protobuf --from DIR...");
    }
    let mut messages = Messages::new();
    for folder in folders {
        for file in crate::tidy::files_with(Path::new(folder), &["proto"])? {
            read(&fs::read_to_string(&file)?, &mut messages);
        }
    }
    let text = table(&messages);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    fs::write(root.join(TABLE), &text)?;
    println!("{TABLE}: {} lines, {} bytes", text.lines().count(), text.len());
    Ok(())
}

/// `k8s.io.api.core.v1.Pod` as the schema table names it: `core.v1.Pod`.
fn short(name: &str) -> String {
    let parts: Vec<&str> = name.trim_start_matches('.').split('.').collect();
    parts[parts.len().saturating_sub(3)..].join(".")
}

/// Reads the messages of one description.
fn read(text: &str, messages: &mut Messages) {
    let (mut package, mut message) = (String::new(), None);
    for line in text.lines().map(|l| l.split("//").next().unwrap_or_default().trim()) {
        if let Some(name) = line.strip_prefix("package ") {
            package = name.trim_end_matches(';').to_owned();
        } else if let Some(name) = line.strip_prefix("message ") {
            let name = short(&format!("{package}.{}", name.trim_end_matches('{').trim()));
            messages.entry(name.clone()).or_default();
            message = Some(name);
        } else if line == "}" {
            message = None;
        } else if let (Some(message), Some(field)) = (&message, field(line, &package)) {
            messages.entry(message.clone()).or_default().push(field);
        }
    }
}

/// A field's name, number and kind: `string`, `core.v1.Pod`, `[]…` for lists and `{}…` for maps.
fn field(line: &str, package: &str) -> Option<(String, String, String)> {
    let (left, number) = line.strip_suffix(';')?.split_once('=')?;
    let number = number.split('[').next()?.trim().to_owned();
    let named = |kind: &str| match kind.chars().next() {
        Some('.') => short(kind),
        Some(c) if c.is_uppercase() => short(&format!("{package}.{kind}")),
        _ => kind.to_owned(),
    };
    if let Some(map) = left.trim().strip_prefix("map<") {
        let (inside, name) = map.split_once('>')?;
        let (_, value) = inside.split_once(',')?;
        return Some((name.trim().to_owned(), number, format!("{{}}{}", named(value.trim()))));
    }
    let mut words = left.split_whitespace();
    let (label, kind, name) = (words.next()?, words.next()?, words.next()?);
    let kind = if label == "repeated" { format!("[]{}", named(kind)) } else { named(kind) };
    Some((name.to_owned(), number, kind))
}

/// The messages that the built-in resources reach, a line each.
fn table(messages: &Messages) -> String {
    let mut wanted: Vec<String> = LOOSE.iter().map(|name| (*name).to_owned()).collect();
    for resource in Schemas::builtin().resources() {
        let group = resource.gvk.group.split('.').next().filter(|g| !g.is_empty()).unwrap_or("core");
        wanted.push(format!("{group}.{}.{}", resource.gvk.version, resource.gvk.kind));
    }
    let mut reached = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        let Some(fields) = messages.get(&name) else { continue };
        if reached.insert(name) {
            wanted.extend(
                fields.iter().map(|(_, _, kind)| kind.trim_start_matches(['[', ']', '{', '}']).to_owned()),
            );
        }
    }
    let mut text = String::from(
        "# Wire numbers of the built-in types, written by `cargo xtask protobuf`: message, then name=number:kind.\n",
    );
    for name in reached {
        text.push_str(&name);
        for (field, number, kind) in &messages[&name] {
            text.push_str(&format!(" {field}={number}:{kind}"));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_with_their_fields() {
        let mut messages = Messages::new();
        read(
            "package k8s.io.api.core.v1;\n// a\nmessage A {\n  // optional string no = 9;\n  optional .k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta metadata = 1;\n  map<string, B> m = 2;\n  repeated B l = 3;\n}\n",
            &mut messages,
        );
        let fields: Vec<String> = messages["core.v1.A"]
            .iter()
            .map(|(name, number, kind)| format!("{name}={number}:{kind}"))
            .collect();
        assert_eq!(fields, ["metadata=1:meta.v1.ObjectMeta", "m=2:{}core.v1.B", "l=3:[]core.v1.B"]);
    }
}
