//! The table of built-in types as text: one line a type or resource, so that a new Kubernetes version is a diff that
//! can be read.
//!
//! ```text
//! version v1.36.3
//! resource apps/v1/Deployment deployments deployment namespaced deploy all create,get… scale=autoscaling/v1/Scale:get…
//! type apps.v1.Deployment @apps/v1/Deployment {kind:string spec:apps.v1.DeploymentSpec={} …}
//! ```
//!
//! A type is a scalar's name (with its allowed values, `string["A","B"]`), the name of another type, a list `[]T`
//! (atomic), `[*]T` (set) or `[name,port]T` (keyed), `any`, `raw` (atomic any), or an object `{…}` with fields
//! `name:T`, then `...T` for the values of all other keys (`...` alone: anything). Before an object or a name, `!`
//! means atomic and `^` granular; `+` keeps unknown fields. A field may carry `!` after its name (required), `?`
//! before its type (nullable), then `~merge(key)`, `~replace`, `~retainKeys`, then `=` and its default as JSON without
//! spaces.

use super::node::{FieldNode, ListNode, Node, ObjectNode, PatchNode, Relation, Rest};
use super::{Resource, Scalar, Schemas, Slot, Subresource};
use crate::GroupVersionKind;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// A line of the table that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("schema table: {what} in '{line}'")]
pub struct TableError {
    what: String,
    line: String,
}

impl TableError {
    /// Lines can be long: the start says which it is.
    fn new(what: impl Into<String>, line: &str) -> Self {
        Self { what: what.into(), line: line.chars().take(80).collect() }
    }
}

const HEAD: &str = "# The types and resources of a Kubernetes API server, written by `cargo xtask schema`.\n# The form is described in table.rs beside this file.\n";

pub(super) fn parse(text: &'static str) -> Result<Schemas, TableError> {
    let mut schemas = Schemas::default();
    for line in text.lines() {
        let bad = |what: &str| TableError::new(what, line);
        if let Some(rest) = line.strip_prefix("type ") {
            let (name, mut rest) = rest.split_once(' ').ok_or_else(|| bad("a type without a body"))?;
            let id = schemas.types.len() as u32;
            if let Some(tagged) = rest.strip_prefix('@') {
                let (kind, body) = tagged.split_once(' ').ok_or_else(|| bad("a type without a body"))?;
                let gvk = parse_kind(kind).ok_or_else(|| bad("a kind that is not group/version/Kind"))?;
                schemas.roots.insert(gvk, id);
                rest = body;
            }
            schemas.by_name.insert(name.into(), id);
            schemas.types.push(Slot { name: name.into(), line: rest, node: OnceLock::new() });
        } else if let Some(rest) = line.strip_prefix("resource ") {
            schemas
                .resources
                .push(parse_resource(rest).ok_or_else(|| bad("a resource with missing columns"))?);
        } else if let Some(version) = line.strip_prefix("version ") {
            version.clone_into(&mut schemas.version);
        } else if !line.starts_with('#') && !line.is_empty() {
            return Err(bad("an unknown line"));
        }
    }
    schemas.index_resources();
    Ok(schemas)
}

/// `group/version/Kind`; the core group is empty: `/v1/Pod`.
fn parse_kind(text: &str) -> Option<GroupVersionKind> {
    let mut parts = text.split('/');
    let gvk = GroupVersionKind::new(parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(gvk)
}

fn parse_resource(text: &str) -> Option<Resource> {
    let names = |text: &str| -> Vec<String> {
        if text == "-" { Vec::new() } else { text.split(',').map(str::to_owned).collect() }
    };
    let mut columns = text.split(' ');
    let mut next = || columns.next();
    let mut resource = Resource {
        gvk: parse_kind(next()?)?,
        plural: next()?.to_owned(),
        singular: next()?.to_owned(),
        namespaced: next()? == "namespaced",
        short_names: names(next()?),
        categories: names(next()?),
        verbs: names(next()?),
        subresources: Vec::new(),
    };
    for column in columns {
        let (name, rest) = column.split_once('=')?;
        let (kind, verbs) = rest.split_once(':')?;
        resource.subresources.push(Subresource {
            name: name.to_owned(),
            gvk: parse_kind(kind)?,
            verbs: names(verbs),
        });
    }
    Some(resource)
}

pub(super) fn parse_type(line: &str, names: &HashMap<Box<str>, u32>) -> Result<Node, TableError> {
    let mut reader = Reader { rest: line, line, names };
    let node = reader.node()?;
    if reader.rest.is_empty() { Ok(node) } else { Err(reader.bad("text after the type")) }
}

struct Reader<'t> {
    rest: &'t str,
    line: &'t str,
    names: &'t HashMap<Box<str>, u32>,
}

impl<'t> Reader<'t> {
    fn bad(&self, what: &str) -> TableError {
        TableError::new(format!("{what} at byte {}", self.line.len() - self.rest.len()), self.line)
    }

    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, prefix: &str) -> Result<(), TableError> {
        if self.take(prefix) { Ok(()) } else { Err(self.bad(&format!("'{prefix}' expected"))) }
    }

    /// The text up to one of `ends`, which stays.
    fn until(&mut self, ends: &[char]) -> &'t str {
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn node(&mut self) -> Result<Node, TableError> {
        if self.take("[") {
            let relation = match self.until(&[']']) {
                "" => Relation::Atomic,
                "*" => Relation::Set,
                keys => Relation::Map(keys.split(',').map(Box::from).collect()),
            };
            self.expect("]")?;
            return Ok(Node::List(Box::new(ListNode { items: self.node()?, relation })));
        }
        let atomic = if self.take("!") {
            Some(true)
        } else if self.take("^") {
            Some(false)
        } else {
            None
        };
        let preserve_unknown = self.take("+");
        if self.take("{") {
            let mut object =
                ObjectNode { atomic: atomic == Some(true), preserve_unknown, ..ObjectNode::default() };
            self.object(&mut object)?;
            return Ok(Node::Object(Box::new(object)));
        }
        self.word(atomic)
    }

    fn word(&mut self, atomic: Option<bool>) -> Result<Node, TableError> {
        let word = self.until(&[' ', '}', '~', '=', '[']);
        match word {
            "any" => return Ok(Node::Any { atomic: false }),
            "raw" => return Ok(Node::Any { atomic: true }),
            _ => {}
        }
        if let Some((scalar, _)) = Scalar::NAMES.iter().find(|(_, name)| *name == word) {
            let values = if self.rest.starts_with('[') { self.json()? } else { Value::Null };
            let values = values.as_array().map_or_else(Box::default, |v| v.as_slice().into());
            return Ok(Node::Scalar(*scalar, values));
        }
        match self.names.get(word) {
            Some(id) => Ok(Node::Named { id: *id, atomic }),
            None => Err(self.bad(&format!("no type '{word}'"))),
        }
    }

    fn object(&mut self, object: &mut ObjectNode) -> Result<(), TableError> {
        while !self.take("}") {
            self.take(" ");
            if self.take("...") {
                object.rest = if self.rest.starts_with('}') { Rest::Open } else { Rest::Of(self.node()?) };
            } else if self.rest.is_empty() {
                return Err(self.bad("'}' expected"));
            } else {
                object.fields.push(self.field()?);
            }
        }
        Ok(())
    }

    fn field(&mut self) -> Result<FieldNode, TableError> {
        let name = self.until(&[':', '!']).into();
        let required = self.take("!");
        self.expect(":")?;
        let nullable = self.take("?");
        let node = self.node()?;
        let mut patch = PatchNode::default();
        while self.take("~") {
            match self.until(&['~', '(', '=', ' ', '}']) {
                "merge" => patch.merge = true,
                "replace" => patch.replace = true,
                "retainKeys" => patch.retain_keys = true,
                _ => return Err(self.bad("unknown patch strategy")),
            }
            if self.take("(") {
                patch.merge_key = Some(self.until(&[')']).into());
                self.expect(")")?;
            }
        }
        let default = if self.take("=") { Some(self.json()?) } else { None };
        Ok(FieldNode { name, node, default, required, nullable, patch })
    }

    /// One JSON value without spaces.
    fn json(&mut self) -> Result<Value, TableError> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        match values.next() {
            Some(Ok(value)) => {
                let end = values.byte_offset();
                self.rest = &self.rest[end..];
                Ok(value)
            }
            _ => Err(self.bad("JSON expected")),
        }
    }
}

pub(super) fn write(schemas: &Schemas) -> String {
    let mut out = String::from(HEAD);
    if !schemas.version.is_empty() {
        out.push_str("version ");
        out.push_str(&schemas.version);
        out.push('\n');
    }
    for resource in &schemas.resources {
        write_resource(resource, &mut out);
    }
    let kinds: HashMap<u32, &GroupVersionKind> = schemas.roots.iter().map(|(gvk, id)| (*id, gvk)).collect();
    for (id, slot) in schemas.types.iter().enumerate() {
        out.push_str("type ");
        out.push_str(&slot.name);
        if let Some(gvk) = kinds.get(&(id as u32)) {
            out.push_str(" @");
            out.push_str(&kind(gvk));
        }
        out.push(' ');
        write_node(schemas, schemas.node(id as u32), &mut out);
        out.push('\n');
    }
    out
}

fn kind(gvk: &GroupVersionKind) -> String {
    format!("{}/{}/{}", gvk.group, gvk.version, gvk.kind)
}

fn write_resource(resource: &Resource, out: &mut String) {
    let names = |names: &[String]| if names.is_empty() { "-".to_owned() } else { names.join(",") };
    let columns = [
        kind(&resource.gvk),
        resource.plural.clone(),
        resource.singular.clone(),
        if resource.namespaced { "namespaced" } else { "cluster" }.to_owned(),
        names(&resource.short_names),
        names(&resource.categories),
        names(&resource.verbs),
    ];
    out.push_str("resource ");
    out.push_str(&columns.join(" "));
    for sub in &resource.subresources {
        let _ = write!(out, " {}={}:{}", sub.name, kind(&sub.gvk), names(&sub.verbs));
    }
    out.push('\n');
}

fn write_node(schemas: &Schemas, node: &Node, out: &mut String) {
    match node {
        Node::Scalar(scalar, values) => {
            let name = Scalar::NAMES.iter().find(|(s, _)| s == scalar).map_or("string", |(_, name)| name);
            out.push_str(name);
            if !values.is_empty() {
                out.push_str(&json(&Value::Array(values.to_vec())));
            }
        }
        Node::Any { atomic } => out.push_str(if *atomic { "raw" } else { "any" }),
        Node::Named { id, atomic } => {
            out.push_str(match atomic {
                Some(true) => "!",
                Some(false) => "^",
                None => "",
            });
            out.push_str(schemas.name_of(*id));
        }
        Node::ObjectMeta => out.push_str("meta.v1.ObjectMeta"),
        Node::List(list) => {
            match &list.relation {
                Relation::Atomic => out.push_str("[]"),
                Relation::Set => out.push_str("[*]"),
                Relation::Map(keys) => {
                    let _ = write!(out, "[{}]", keys.join(","));
                }
            }
            write_node(schemas, &list.items, out);
        }
        Node::Object(object) => write_object(schemas, object, out),
    }
}

fn write_object(schemas: &Schemas, object: &ObjectNode, out: &mut String) {
    out.push_str(if object.atomic { "!" } else { "" });
    out.push_str(if object.preserve_unknown { "+" } else { "" });
    out.push('{');
    for (index, field) in object.fields.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { " " });
        out.push_str(&field.name);
        out.push_str(if field.required { "!:" } else { ":" });
        out.push_str(if field.nullable { "?" } else { "" });
        write_node(schemas, &field.node, out);
        let PatchNode { merge, replace, retain_keys, merge_key } = &field.patch;
        for (set, name) in [(replace, "~replace"), (retain_keys, "~retainKeys"), (merge, "~merge")] {
            out.push_str(if *set { name } else { "" });
        }
        if let Some(key) = merge_key {
            let _ = write!(out, "({key})");
        }
        if let Some(default) = &field.default {
            out.push('=');
            out.push_str(&json(default));
        }
    }
    match &object.rest {
        Rest::Closed => {}
        Rest::Open => out.push_str(if object.fields.is_empty() { "..." } else { " ..." }),
        Rest::Of(node) => {
            out.push_str(if object.fields.is_empty() { "..." } else { " ..." });
            write_node(schemas, node, out);
        }
    }
    out.push('}');
}

/// JSON without spaces: `serde_json` writes none but inside text.
fn json(value: &Value) -> String {
    value.to_string().replace(' ', "\\u0020")
}
