//! JSON patches (RFC 6902) as the original's library applies them.

use crate::budget::{Budget, MAX_PATH};
use crate::node::{Dialect, Key, Node, ReadLimits, read_documents};

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operation {
    Add(Pointer, Node),
    Remove(Pointer),
    Replace(Pointer, Node),
    Move { from: Pointer, to: Pointer },
    Copy { from: Pointer, to: Pointer },
    Test(Pointer, Node),
}

/// A JSON pointer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pointer {
    text: String,
    parts: Vec<String>,
}

impl Pointer {
    fn parse(text: &str) -> Self {
        let parts = text.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
        Self { text: text.to_owned(), parts }
    }
}

/// Reads a patch in JSON or YAML: a list of operations.
pub(crate) fn parse_patch(text: &str, limits: ReadLimits) -> Result<Vec<Operation>, String> {
    let documents =
        read_documents(text, Dialect::V2, limits).map_err(|e| format!("line {}: {}", e.line, e.message))?;
    // A patch of several documents is its first.
    let Some(first) = documents.into_iter().next() else { return Ok(Vec::new()) };
    let Node::Seq(items) = first.node else {
        return Err(format!("a JSON patch is a list of operations, got {}", first.node.kind_name()));
    };
    items
        .into_iter()
        .enumerate()
        .map(|(at, item)| operation(item).map_err(|e| format!("operation {at}: {e}")))
        .collect()
}

fn operation(item: Node) -> Result<Operation, String> {
    let Node::Map(mut map) = item else { return Err(format!("must be a mapping, got {}", item.kind_name())) };
    let text = |field: &str| map.get(field).filter(|n| n.is_text()).map(|n| n.raw_text().to_owned());
    let op = text("op").ok_or("needs an 'op'")?;
    let path = text("path").map(|p| Pointer::parse(&p));
    let from = text("from").map(|p| Pointer::parse(&p));
    let value = normalize(map.remove("value").unwrap_or_else(Node::null)).map_err(|e| e.why.to_string())?;
    let path = path.ok_or("needs a 'path'")?;
    if path.parts.len() > MAX_PATH {
        return Err(format!("'path' has more than {MAX_PATH} parts"));
    }
    let from = from.ok_or_else(|| format!("'{op}' needs a 'from'"));
    Ok(match op.as_str() {
        "add" => Operation::Add(path, value),
        "remove" => Operation::Remove(path),
        "replace" => Operation::Replace(path, value),
        "move" => Operation::Move { from: from?, to: path },
        "copy" => Operation::Copy { from: from?, to: path },
        "test" => Operation::Test(path, value),
        other => return Err(format!("unexpected kind: {other}")),
    })
}

/// Applies the operations in order.
pub(crate) fn apply(document: &mut Node, patch: &[Operation], budget: &Budget) -> Result<(), String> {
    for operation in patch {
        match operation {
            Operation::Add(path, value) => {
                budget.spend(value.bytes())?;
                add(document, path, value.clone())?;
            }
            Operation::Remove(path) => {
                remove(document, path)?;
            }
            Operation::Replace(path, value) => {
                budget.spend(value.bytes())?;
                replace(document, path, value.clone())?;
            }
            Operation::Move { from, to } => {
                let value = remove(document, from)?;
                budget.copy(&value)?;
                add(document, to, value)?;
            }
            Operation::Copy { from, to } => {
                let (holder, last) = holder(document, from, "copy")?;
                let value = match holder {
                    Node::Seq(items) => element(&last, items.len()).and_then(|at| items.get(at)).cloned(),
                    other => other.get(&last).cloned().or_else(|| Some(Node::null())),
                };
                let value = value
                    .ok_or_else(|| format!("copy operation does not apply: no value at {}", from.text))?;
                budget.copy(&value)?;
                add(document, to, value)?;
            }
            Operation::Test(path, value) => test(document, path, value)?,
        }
    }
    Ok(())
}

fn find<'n>(document: &'n Node, path: &Pointer) -> Option<&'n Node> {
    path.parts.iter().try_fold(document, |here, part| match here {
        Node::Map(map) => map.get(part),
        Node::Seq(items) => items.get(element(part, items.len())?),
        Node::Scalar(_) => None,
    })
}

/// A list index, which may count from the end.
fn element(part: &str, len: usize) -> Option<usize> {
    let index: i64 = part.parse().ok()?;
    let len = i64::try_from(len).ok()?;
    let index = if index < 0 { index + len } else { index };
    usize::try_from(index).ok()
}

/// The mapping or list that holds the last part of the path.
fn holder<'n>(document: &'n mut Node, path: &Pointer, what: &str) -> Result<(&'n mut Node, String), String> {
    let missing =
        || format!("{what} operation does not apply: doc is missing path: {}: missing value", path.text);
    let (last, above) = path.parts.split_last().ok_or_else(missing)?;
    let mut here = document;
    for part in above {
        here = match here {
            Node::Map(map) => map.get_mut(part).ok_or_else(missing)?,
            Node::Seq(items) => {
                let at = element(part, items.len()).ok_or_else(missing)?;
                items.get_mut(at).ok_or_else(missing)?
            }
            Node::Scalar(_) => return Err(missing()),
        };
    }
    if here.as_scalar().is_some() {
        return Err(missing());
    }
    Ok((here, last.clone()))
}

fn add(document: &mut Node, path: &Pointer, value: Node) -> Result<(), String> {
    let (holder, last) = holder(document, path, "add")?;
    match holder {
        Node::Map(map) => map.set(&last, value),
        Node::Seq(items) if last == "-" => items.push(value),
        Node::Seq(items) => {
            let index: i64 =
                last.parse().map_err(|_| format!("'{last}' in {} is not an index", path.text))?;
            let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
            let index = if index < 0 { index + len + 1 } else { index };
            let at = usize::try_from(index).ok().filter(|at| *at <= items.len());
            let at = at.ok_or_else(|| format!("unable to access invalid index {last} of {}", path.text))?;
            items.insert(at, value);
        }
        Node::Scalar(_) => {}
    }
    Ok(())
}

fn remove(document: &mut Node, path: &Pointer) -> Result<Node, String> {
    let (holder, last) = holder(document, path, "remove")?;
    let missing = || format!("unable to remove nonexistent key: {}: missing value", path.text);
    match holder {
        Node::Map(map) => map.remove(&last).ok_or_else(missing),
        Node::Seq(items) => {
            let at = element(&last, items.len()).filter(|at| *at < items.len()).ok_or_else(missing)?;
            Ok(items.remove(at))
        }
        Node::Scalar(_) => Err(missing()),
    }
}

fn replace(document: &mut Node, path: &Pointer, value: Node) -> Result<(), String> {
    let (holder, last) = holder(document, path, "replace")?;
    match holder {
        // A key that is missing is added: the original's library does not look.
        Node::Map(map) => map.set(&last, value),
        Node::Seq(items) => {
            let slot = element(&last, items.len()).and_then(|at| items.get_mut(at));
            *slot.ok_or_else(|| {
                format!("replace operation does not apply: doc is missing key: {}: missing value", path.text)
            })? = value;
        }
        Node::Scalar(_) => {}
    }
    Ok(())
}

fn test(document: &Node, path: &Pointer, value: &Node) -> Result<(), String> {
    let failed = || format!("testing value {} failed", path.text);
    match find(document, path) {
        None if value.is_null() => Ok(()),
        None => Err(failed()),
        Some(found) => match (found.to_value(), value.to_value()) {
            (Ok(found), Ok(value)) if same_value(&found, &value) => Ok(()),
            _ => Err(failed()),
        },
    }
}

/// Equality that does not look at the order of keys.
fn same_value(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same_value(v, w)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(v, w)| same_value(v, w))
        }
        (a, b) => a == b,
    }
}

/// Makes a document what it is after a trip through JSON: scalars have the type and text that JSON gives them.
pub(crate) fn normalize(node: Node) -> Result<Node, crate::node::ConvertError> {
    Ok(crate::node::from_value(&node.into_value()?))
}

/// Gives `metadata` an empty mapping to add annotations to.
pub(crate) fn open_annotations(document: &mut Node) {
    if let Some(Node::Map(meta)) = document.as_map_mut().and_then(|m| m.get_mut("metadata"))
        && meta.get("annotations").is_none_or(Node::is_null)
    {
        meta.remove("annotations");
        meta.entries.push((Key::new("annotations"), Node::empty_map()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::read_one;

    fn check(document: &str, patch: &str, expected: Result<&str, &str>) {
        let mut node = read_one(document).unwrap().unwrap();
        let operations = parse_patch(patch, ReadLimits::default()).unwrap();
        let found =
            apply(&mut node, &operations, &Budget::default()).map(|()| node.to_value().unwrap().to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{patch}");
    }

    #[test]
    fn operations_apply_in_order() {
        check("{a: [1, 2]}", "[{op: add, path: /a/1, value: x}]", Ok(r#"{"a":[1,"x",2]}"#));
        check("{a: [1, 2]}", "[{op: add, path: /a/-, value: 3}]", Ok(r#"{"a":[1,2,3]}"#));
        check("{a: [1, 2]}", "[{op: remove, path: /a/-1}]", Ok(r#"{"a":[1]}"#));
        check("{a/b: 1}", "[{op: replace, path: /a~1b, value: 2}]", Ok(r#"{"a/b":2}"#));
        check("{a: {b: 1}}", "[{op: move, from: /a/b, path: /c}]", Ok(r#"{"a":{},"c":1}"#));
        check(
            "{a: 1.0}",
            "[{op: test, path: /a, value: 1}, {op: copy, from: /a, path: /b}]",
            Ok(r#"{"a":1,"b":1}"#),
        );
    }

    #[test]
    fn what_does_not_apply_names_its_path() {
        check(
            "{a: 1}",
            "[{op: add, path: /b/c, value: 1}]",
            Err("add operation does not apply: doc is missing path: /b/c: missing value"),
        );
        check("{a: 1}", "[{op: test, path: /a, value: 2}]", Err("testing value /a failed"));
        check("{a: 1}", "[{op: replace, path: /b, value: 2}]", Ok(r#"{"a":1,"b":2}"#));
        check(
            "{a: [1]}",
            "[{op: replace, path: /a/1, value: 2}]",
            Err("replace operation does not apply: doc is missing key: /a/1: missing value"),
        );
    }
}
