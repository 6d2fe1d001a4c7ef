//! Reading typed configuration from nodes: unknown fields and wrong types are collected, each with its file, line
//! and field, rather than stopping at the first.

use crate::error::BuildError;
use crate::node::{Key, Node, Tag};
use std::collections::BTreeMap;

/// Where decoding is, and what it found wrong.
pub(crate) struct At<'a> {
    file: &'a str,
    path: Vec<String>,
    line: u32,
    /// Whether an unknown field is an error.
    strict: bool,
    pub(crate) errors: Vec<BuildError>,
}

impl<'a> At<'a> {
    pub(crate) fn new(file: &'a str, line: u32, strict: bool) -> Self {
        Self { file, path: Vec::new(), line, strict, errors: Vec::new() }
    }

    pub(crate) fn error(&mut self, message: impl Into<String>) {
        let error =
            BuildError::new(message).in_file(self.file).at_line(self.line).of_field(&self.path.join("."));
        self.errors.push(error);
    }

    fn wrong(&mut self, wanted: &str, got: &Node) {
        self.error(format!("must be {wanted}, got {}", got.kind_name()));
    }

    /// Decodes a field's value; null is the same as absent.
    pub(crate) fn field<T: FromNode>(&mut self, key: &Key, node: &Node) -> T {
        if node.is_null() {
            return T::default();
        }
        self.inside(&key.text, key.line, |at| T::from_node(node, at))
    }

    fn inside<T>(&mut self, part: &str, line: u32, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.line;
        self.path.push(part.to_owned());
        if line > 0 {
            self.line = line;
        }
        let value = read(self);
        self.path.pop();
        self.line = outer;
        value
    }

    pub(crate) fn unknown(&mut self, key: &Key) {
        if self.strict {
            self.inside(&key.text, key.line, |at| at.error(format!("unknown field \"{}\"", key.text)));
        }
    }
}

/// A type that can be read from a node. What cannot be read is reported and left at its default.
pub(crate) trait FromNode: Default {
    fn from_node(node: &Node, at: &mut At<'_>) -> Self;
}

/// Reads a whole document.
pub(crate) fn decode<T: FromNode>(
    node: &Node,
    file: &str,
    line: u32,
    strict: bool,
) -> Result<T, Vec<BuildError>> {
    let mut at = At::new(file, line, strict);
    let value = T::from_node(node, &mut at);
    if at.errors.is_empty() { Ok(value) } else { Err(at.errors) }
}

impl FromNode for String {
    fn from_node(node: &Node, at: &mut At<'_>) -> Self {
        match node {
            Node::Scalar(scalar) if matches!(scalar.tag, Tag::Str | Tag::None | Tag::Time) => {
                scalar.text.to_string()
            }
            other => {
                at.wrong("a string", other);
                Self::new()
            }
        }
    }
}

impl FromNode for bool {
    fn from_node(node: &Node, at: &mut At<'_>) -> Self {
        match node.as_scalar() {
            Some(scalar) if scalar.tag == Tag::Bool => {
                matches!(scalar.text.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "y")
            }
            _ => {
                at.wrong("a boolean", node);
                false
            }
        }
    }
}

impl FromNode for i64 {
    fn from_node(node: &Node, at: &mut At<'_>) -> Self {
        match node.to_value().ok().and_then(|v| v.as_i64()) {
            Some(number) => number,
            None => {
                at.wrong("a whole number", node);
                0
            }
        }
    }
}

impl FromNode for Node {
    fn from_node(node: &Node, _: &mut At<'_>) -> Self {
        node.clone()
    }
}

impl<T: FromNode> FromNode for Option<T> {
    fn from_node(node: &Node, at: &mut At<'_>) -> Self {
        Some(T::from_node(node, at))
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    fn from_node(node: &Node, at: &mut At<'_>) -> Self {
        let Some(items) = node.as_seq() else {
            at.wrong("a list", node);
            return Self::new();
        };
        let mut values = Self::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let line = item.as_map().and_then(|m| m.entries.first()).map_or(0, |(k, _)| k.line);
            let value = at.inside(&index.to_string(), line, |at| {
                if item.is_null() { T::default() } else { T::from_node(item, at) }
            });
            values.push(value);
        }
        values
    }
}

impl FromNode for BTreeMap<String, String> {
    fn from_node(node: &Node, at: &mut At<'_>) -> Self {
        let Some(map) = node.as_map() else {
            at.wrong("a mapping", node);
            return Self::new();
        };
        map.entries.iter().map(|(key, value)| (key.text.to_string(), at.field(key, value))).collect()
    }
}

/// Declares a configuration type: its fields, their types and their names in YAML. Names match whatever their case,
/// as Go's JSON decoder does; of a field written twice the last counts.
macro_rules! config {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $type:ty = $key:literal),* $(,)? })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub(crate) struct $name { $($(#[$field_meta])* pub(crate) $field: $type),* }

        impl crate::decode::FromNode for $name {
            fn from_node(node: &crate::node::Node, at: &mut crate::decode::At<'_>) -> Self {
                let mut out = Self::default();
                let Some(map) = node.as_map() else {
                    at.error(format!("must be a mapping, got {}", node.kind_name()));
                    return out;
                };
                for (key, value) in &map.entries {
                    $(if key.text.eq_ignore_ascii_case($key) { out.$field = at.field(key, value); continue; })*
                    at.unknown(key);
                }
                out
            }
        }
    )*};
}
pub(crate) use config;
