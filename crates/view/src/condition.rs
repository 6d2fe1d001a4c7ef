use holdfast_object::{Object, Value};
use jiff::Timestamp;

/// A condition of a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Its type: `Ready`, `SyncError`.
    pub kind: String,
    /// `True`, `False` or `Unknown`; Argo CD's conditions are there or not, and read as `True`.
    pub status: String,
    /// The reason in one word; empty with Argo CD.
    pub reason: String,
    /// What it says.
    pub message: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// The generation it was written for; 0 where it does not say.
    pub generation: i64,
}

pub(crate) fn conditions(object: &Object) -> Vec<Condition> {
    let list = object.get(&["status", "conditions"]).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .map(|value| Condition {
            kind: text(value, "type").to_owned(),
            status: match text(value, "status") {
                "" => "True".to_owned(),
                status => status.to_owned(),
            },
            reason: text(value, "reason").to_owned(),
            message: text(value, "message").to_owned(),
            since: time(value.get("lastTransitionTime")),
            generation: value.get("observedGeneration").and_then(Value::as_i64).unwrap_or_default(),
        })
        .collect()
}

pub(crate) fn find<'c>(conditions: &'c [Condition], kind: &str) -> Option<&'c Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// A text field of a mapping, `""` where it is absent.
pub(crate) fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A text at a path of an object, `""` where it is absent.
pub(crate) fn text_at<'o>(object: &'o Object, path: &[&str]) -> &'o str {
    object.get(path).and_then(Value::as_str).unwrap_or_default()
}

/// A time as Kubernetes writes it.
pub(crate) fn time(value: Option<&Value>) -> Option<Timestamp> {
    value?.as_str()?.parse().ok()
}

pub(crate) fn created(object: &Object) -> Option<Timestamp> {
    time(object.get(&["metadata", "creationTimestamp"]))
}
