//! From a text to resources: documents, lists taken apart, the checks every document must pass.

use crate::error::{BuildError, Result};
use crate::loader::Context;
use crate::node::{Dialect, Document, Node, from_value, read_documents};
use crate::resource::Resource;
use holdfast_object::Origin;
use std::collections::VecDeque;
use std::sync::Arc;

/// Reads the resources of a text; `file` names it in errors and origins.
pub(crate) fn read_resources(text: &str, file: &str, context: &mut Context<'_>) -> Result<Vec<Resource>> {
    let documents = read_documents(text, Dialect::V3, context.read_limits()).map_err(|e| {
        BuildError::new(format!("MalformedYAMLError: {}", e.message)).in_file(file).at_line(e.line)
    })?;
    let file: Arc<str> = file.into();
    let single = documents.len() == 1;
    let mut queue: VecDeque<Document> = documents.into();
    if single && let Some(items) = queue.front_mut().and_then(take_bare_list) {
        let (line, index) = queue.front().map_or((0, 0), |d| (d.line, d.index));
        queue = items.into_iter().map(|node| Document { line: line_of(&node, line), node, index }).collect();
    }
    let mut resources = Vec::with_capacity(queue.len());
    while let Some(document) = queue.pop_front() {
        if document.node.is_nothing() {
            continue;
        }
        check(&document.node).map_err(|e| e.in_file(&file).at_line(document.line))?;
        match take_list(document).map_err(|e| e.in_file(&file))? {
            Expanded::Items(items) => queue.extend(items),
            Expanded::Plain(document) => {
                let origin = Origin { file: file.clone(), line: document.line, document: document.index };
                resources.push(Resource::new(document.node, Some(origin), &context.schemas.scopes));
            }
        }
    }
    context.count_objects(resources.len())?;
    Ok(resources)
}

fn line_of(node: &Node, otherwise: u32) -> u32 {
    node.as_map().and_then(|m| m.entries.first()).map_or(otherwise, |(k, _)| k.line)
}

/// The items of a document that is a whole `List`.
fn take_bare_list(document: &mut Document) -> Option<Vec<Node>> {
    let Node::Map(map) = &mut document.node else { return None };
    if !matches!(map.get("kind").map(Node::raw_text), Some("List" | "ResourceList")) {
        return None;
    }
    match map.get_mut("items")? {
        Node::Seq(items) => Some(std::mem::take(items)),
        _ => None,
    }
}

enum Expanded {
    Plain(Document),
    Items(Vec<Document>),
}

/// Takes a `FooList` with items apart. They go through JSON in the original.
fn take_list(document: Document) -> Result<Expanded> {
    let is_list = document.node.get("kind").is_some_and(|k| k.raw_text().ends_with("List"));
    let Some(items) = document.node.get("items").filter(|_| is_list) else {
        return Ok(Expanded::Plain(document));
    };
    let fail = |message: String| BuildError::new(message).at_line(document.line).of_field("items");
    let items = match items {
        Node::Seq(items) => items,
        node if node.is_null() => return Ok(Expanded::Items(Vec::new())),
        other => return Err(fail(format!("expected a list of objects, got {}", other.kind_name()))),
    };
    let mut documents = Vec::with_capacity(items.len());
    for item in items {
        let value = item.to_value().map_err(|e| fail(e.why.to_string()))?;
        let line = line_of(item, document.line);
        documents.push(Document { node: from_value(&value), line, index: document.index });
    }
    Ok(Expanded::Items(documents))
}

/// Every document needs a kind, and a name unless it is a list.
pub(crate) fn check(node: &Node) -> Result<()> {
    let Node::Map(map) = node else {
        return Err(format!("missing Resource metadata: expected a mapping, got {}", node.kind_name()).into());
    };
    let kind = map.get("kind").filter(|n| !n.is_nothing()).map_or("", Node::raw_text);
    let metadata = map.get("metadata").filter(|n| !n.is_nothing());
    if kind.is_empty() {
        return Err(BuildError::new("missing kind in object").of_field("kind"));
    }
    if kind.ends_with("List") {
        return Ok(());
    }
    let name = metadata.and_then(|m| m.get("name")).filter(|n| !n.is_nothing()).map_or("", Node::raw_text);
    if name.is_empty() {
        let error = BuildError::new(format!("missing metadata.name in object of kind {kind}"));
        return Err(error.of_field("metadata.name"));
    }
    Ok(())
}
