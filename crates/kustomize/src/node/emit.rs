//! Writing a node back in its own styles, as go-yaml 3 does: for YAML that stands inside a string and must not be
//! reordered.

use super::{Dialect, Node, Scalar, Style, Tag, resolve};

/// The node as block YAML, two spaces per level, lists not indented, keys in their order.
pub(crate) fn emit(node: &Node) -> String {
    let mut out = String::new();
    write(node, 0, Position::Document, &mut out);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Document,
    Value,
    Element,
}

fn write(node: &Node, depth: usize, position: Position, out: &mut String) {
    match node {
        Node::Map(map) if map.entries.is_empty() => spaced("{}", position, out),
        Node::Seq(items) if items.is_empty() => spaced("[]", position, out),
        Node::Scalar(scalar) => spaced(&scalar_text(scalar, depth), position, out),
        Node::Map(map) => {
            for (at, (key, value)) in map.entries.iter().enumerate() {
                start_line(at, depth, position, out);
                out.push_str(&key_text(&key.text));
                out.push(':');
                let deeper = if matches!(value, Node::Seq(_)) { depth } else { depth + 1 };
                write(value, deeper, Position::Value, out);
            }
        }
        Node::Seq(items) => {
            for (at, item) in items.iter().enumerate() {
                start_line(at, depth, position, out);
                out.push('-');
                write(item, depth + 1, Position::Element, out);
            }
        }
    }
}

/// A list's first entry stands on the line of its dash.
fn start_line(at: usize, depth: usize, position: Position, out: &mut String) {
    match (at, position) {
        (0, Position::Document) => {}
        (0, Position::Element) => out.push(' '),
        _ => {
            if !out.ends_with('\n') {
                out.push('\n');
            }
            out.push_str(&"  ".repeat(depth));
        }
    }
}

fn spaced(text: &str, position: Position, out: &mut String) {
    if position != Position::Document {
        out.push(' ');
    }
    out.push_str(text);
}

fn key_text(key: &str) -> String {
    if plain_allowed(key) { key.to_owned() } else { double_quoted(key) }
}

fn scalar_text(scalar: &Scalar, depth: usize) -> String {
    let text = &scalar.text;
    let stays = |tag| resolve(text, Dialect::V3) == tag;
    match scalar.style {
        Style::Single if !text.contains('\n') => format!("'{}'", text.replace('\'', "''")),
        Style::Double => double_quoted(text),
        Style::Literal | Style::Folded if text.contains('\n') && block_allowed(text) => {
            let chomp = if text.ends_with("\n\n") {
                "+"
            } else if text.ends_with('\n') {
                ""
            } else {
                "-"
            };
            let indent = "  ".repeat(depth.max(1));
            let mut block = format!("|{chomp}");
            for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                block.push('\n');
                if !line.is_empty() {
                    block.push_str(&indent);
                    block.push_str(line);
                }
            }
            block
        }
        _ => match scalar.tag {
            Tag::Str if !stays(Tag::Str) => double_quoted(text),
            Tag::Str | Tag::None if !plain_allowed(text) => {
                if text.contains(['\n', '\t']) || text.chars().any(char::is_control) {
                    double_quoted(text)
                } else {
                    format!("'{}'", text.replace('\'', "''"))
                }
            }
            _ => text.to_string(),
        },
    }
}

fn block_allowed(text: &str) -> bool {
    !text.starts_with([' ', '\n']) && !text.contains(" \n") && !text.ends_with(' ')
}

fn plain_allowed(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let indicator = match first {
        '-' | '?' | ':' => text[1..].chars().next().is_none_or(|c| c == ' '),
        c => "#,[]{}&*!|>'\"%@` ".contains(c),
    };
    !indicator
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(char::is_control)
        && text != "---"
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
