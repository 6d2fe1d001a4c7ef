//! `toYamlPretty`: YAML as go-yaml v3 writes it with two spaces, lists indented below their key and lines not folded.

use serde_json::Value as Json;
use std::fmt::Write as _;

/// A value as YAML, without the last line break.
pub(super) fn to_string(value: &Json) -> String {
    let mut out = String::new();
    block(value, 0, &mut out);
    out.truncate(out.trim_end_matches('\n').len());
    out
}

/// Writes a value whose first line starts where the text ends; the following ones are indented by `indent` spaces.
fn block(value: &Json, indent: usize, out: &mut String) {
    match value {
        Json::Object(map) if !map.is_empty() => {
            for (index, (key, value)) in holdfast_yaml::natural(map).into_iter().enumerate() {
                if index > 0 {
                    pad(indent, out);
                }
                out.push_str(&plain(&Json::String(key.clone())));
                out.push(':');
                entry(value, indent + 2, out);
            }
        }
        Json::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    pad(indent, out);
                }
                out.push_str("- ");
                block(item, indent + 2, out);
            }
        }
        Json::String(text) => scalar(text, indent, out),
        other => {
            let _ = writeln!(out, "{}", plain(other));
        }
    }
}

/// Writes the value of a key.
fn entry(value: &Json, indent: usize, out: &mut String) {
    let nested = match value {
        Json::Object(map) => !map.is_empty(),
        Json::Array(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        out.push('\n');
        pad(indent, out);
    } else {
        out.push(' ');
    }
    block(value, indent, out);
}

/// Texts with line breaks become literal blocks, which the v2 writer does as well; the others stay on one line.
fn scalar(text: &str, indent: usize, out: &mut String) {
    let written = plain(&Json::String(text.to_owned()));
    let mut lines = written.split('\n');
    out.push_str(lines.next().unwrap_or_default());
    out.push('\n');
    for line in lines {
        if !line.is_empty() {
            pad(indent, out);
            out.push_str(line.strip_prefix("  ").unwrap_or(line));
        }
        out.push('\n');
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// A scalar as the v2 writer writes it, its folded lines joined.
fn plain(value: &Json) -> String {
    let text = holdfast_yaml::to_string(value);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if text.starts_with('|') || !text.contains('\n') {
        return text.to_owned();
    }
    text.lines().map(str::trim_start).collect::<Vec<_>>().join(" ")
}
