//! Reading of the status fields that the rules are about.

use holdfast_object::{Object, Value};

/// A condition of an object, with absent texts as `""`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Condition<'a> {
    pub(crate) kind: &'a str,
    pub(crate) status: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
}

/// The object's `status.conditions`.
pub(crate) fn conditions(object: &Object) -> impl Iterator<Item = Condition<'_>> {
    let list = object.get(&["status", "conditions"]).and_then(Value::as_array);
    list.into_iter().flatten().map(|condition| {
        let text = |field: &str| condition.get(field).and_then(Value::as_str).unwrap_or_default();
        Condition {
            kind: text("type"),
            status: text("status"),
            reason: text("reason"),
            message: text("message"),
        }
    })
}

/// The condition of this type.
pub(crate) fn condition<'a>(object: &'a Object, kind: &str) -> Option<Condition<'a>> {
    conditions(object).find(|c| c.kind == kind)
}

/// A number at a path, or `None`.
pub(crate) fn number(object: &Object, path: &[&str]) -> Option<i64> {
    object.get(path).and_then(Value::as_i64)
}

/// A number at a path, or 0.
pub(crate) fn count(object: &Object, path: &[&str]) -> i64 {
    number(object, path).unwrap_or_default()
}

/// A text at a path, or `""`.
pub(crate) fn text<'a>(object: &'a Object, path: &[&str]) -> &'a str {
    object.get(path).and_then(Value::as_str).unwrap_or_default()
}

/// A boolean at a path, or false.
pub(crate) fn flag(object: &Object, path: &[&str]) -> bool {
    object.get(path).and_then(Value::as_bool).unwrap_or_default()
}

/// Whether a list at a path has an element.
pub(crate) fn has_element(object: &Object, path: &[&str]) -> bool {
    object.get(path).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
}
