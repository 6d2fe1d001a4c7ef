//! The hash in the names of generated ConfigMaps and Secrets.

use crate::error::{BuildError, Result};
use crate::node::Node;
use holdfast_yaml::write_json_string;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Ten characters of the SHA-256 of the content in Go's JSON, without vowels and look-alikes. The name in it is
/// always empty: the original looks it up under a key that no object has.
pub(crate) fn hash(node: &Node) -> Result<String> {
    let kind = node.get("kind").map_or("", Node::raw_text);
    let content = match kind {
        "ConfigMap" => {
            let mut content = json!({"data": field(node, "data")?, "kind": kind, "name": ""});
            add_mapping(&mut content, node, "binaryData")?;
            content
        }
        "Secret" => {
            let mut content =
                json!({"data": field(node, "data")?, "kind": kind, "name": "", "type": field(node, "type")?});
            add_mapping(&mut content, node, "stringData")?;
            content
        }
        other => {
            return Err(BuildError::new(format!(
                "a hash suffix is for ConfigMaps and Secrets, not for {other}"
            )));
        }
    };
    let digest = hex::encode(Sha256::digest(go_json(&content).as_bytes()));
    Ok(digest.chars().take(10).map(replaced).collect())
}

fn replaced(c: char) -> char {
    match c {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    }
}

fn field(node: &Node, name: &str) -> Result<Value> {
    match node.get(name) {
        None => Ok(Value::String(String::new())),
        Some(Node::Scalar(scalar)) => Ok(Value::String(scalar.text.to_string())),
        Some(other) => other
            .to_value()
            .map_err(|e| BuildError::new(e.why.to_string()).of_field(&format!("{name}.{}", e.path))),
    }
}

fn add_mapping(content: &mut Value, node: &Node, name: &str) -> Result<()> {
    if let (Value::Object(map), value @ Value::Object(_)) = (content, field(node, name)?) {
        map.insert(name.into(), value);
    }
    Ok(())
}

/// JSON as Go's encoder prints it: keys in byte order, `<`, `>`, `&` and line separators escaped.
pub(crate) fn go_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => write_json_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => write_map(map, out),
        other => out.push_str(&other.to_string()),
    }
}

fn write_map(map: &Map<String, Value>, out: &mut String) {
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort();
    out.push('{');
    for (at, key) in keys.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_json_string(key, out);
        out.push(':');
        write(&map[key], out);
    }
    out.push('}');
}

/// The same over several lines, indented by two spaces.
pub(crate) fn go_json_indented(value: &Value) -> String {
    let mut out = String::new();
    write_indented(value, 0, &mut out);
    out
}

fn write_indented(value: &Value, depth: usize, out: &mut String) {
    let line = |depth: usize, out: &mut String| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                write_indented(item, depth + 1, out);
            }
            line(depth, out);
            out.push(']');
        }
        Value::Object(map) if !map.is_empty() => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                line(depth + 1, out);
                write_json_string(key, out);
                out.push_str(": ");
                write_indented(&map[key], depth + 1, out);
            }
            line(depth, out);
            out.push('}');
        }
        other => write(other, out),
    }
}
