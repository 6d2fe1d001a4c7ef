//! The model as JSON: what `-o json` prints. Fields are only ever added.

use crate::{App, AppObject, AppSource, Condition, HistoryEntry, Operation, Source, Waiting};
use holdfast_object::{Map, ObjectRef, Value, json};
use jiff::Timestamp;

/// An app.
pub fn app(app: &App) -> Value {
    let sources: Vec<Value> = app.sources.iter().map(app_source).collect();
    compact(json!({
        "api": app.api.name(),
        "name": app.name(),
        "namespace": app.namespace(),
        "kind": app.reference.key.kind,
        "sources": sources,
        "revision": app.revision,
        "attemptedRevision": app.attempted,
        "sync": app.sync.to_string(),
        "health": app.health.to_string(),
        "ready": app.is_ready(),
        "settled": app.is_settled(),
        "suspended": app.suspended,
        "automated": app.automated,
        "deleting": app.deleting,
        "message": app.message,
        "waiting": app.waiting.iter().map(waiting).collect::<Vec<_>>(),
        "objects": app.objects.iter().map(object).collect::<Vec<_>>(),
        "conditions": app.conditions.iter().map(condition).collect::<Vec<_>>(),
        "operation": app.operation.as_ref().map(operation),
        "history": app.history.iter().map(history).collect::<Vec<_>>(),
        "lastChange": time(app.last_change),
        "created": time(app.created),
    }))
}

/// A source.
pub fn source(source: &Source) -> Value {
    compact(json!({
        "name": source.name,
        "namespace": source.namespace(),
        "url": source.url,
        "follows": source.follows,
        "revision": source.revision,
        "ready": source.ready,
        "suspended": source.suspended,
        "message": source.message,
        "conditions": source.conditions.iter().map(condition).collect::<Vec<_>>(),
        "users": source.users,
        "lastChange": time(source.last_change),
        "created": time(source.created),
    }))
}

/// What an app waits for.
pub fn waiting(waiting: &Waiting) -> Value {
    match waiting {
        Waiting::ManualSync => json!({"for": "sync"}),
        Waiting::Approval { why } => json!({"for": "approval", "why": why}),
        Waiting::App { name, why } => json!({"for": "app", "name": name, "why": why}),
        Waiting::Source { name, why } => json!({"for": "source", "name": name, "why": why}),
        Waiting::Object { object, why } => json!({"for": "object", "name": object, "why": why}),
        Waiting::Retry { tries, at } => compact(json!({"for": "retry", "tries": tries, "until": time(*at)})),
        Waiting::Change { tries } => json!({"for": "change", "tries": tries}),
        Waiting::Controller => json!({"for": "controller"}),
    }
}

/// A reference to an object.
pub fn reference(reference: &ObjectRef) -> Value {
    compact(json!({
        "apiVersion": reference.gvk().api_version(),
        "kind": reference.key.kind,
        "namespace": reference.key.namespace,
        "name": reference.key.name,
    }))
}

/// An entry of the history.
pub fn history(entry: &HistoryEntry) -> Value {
    compact(json!({
        "id": entry.id,
        "revision": entry.revision,
        "outcome": entry.outcome,
        "at": time(entry.at),
        "times": entry.times,
        "took": entry.took,
        "by": entry.by,
    }))
}

fn app_source(source: &AppSource) -> Value {
    compact(json!({
        "name": source.name,
        "path": source.path,
        "follows": source.follows,
        "chart": source.chart,
    }))
}

fn object(object: &AppObject) -> Value {
    let mut value = reference(&object.reference);
    if let Value::Object(map) = &mut value {
        map.insert("sync".into(), object.sync.map(|s| s.to_string()).into());
        map.insert("health".into(), object.health.map(|h| h.to_string()).into());
        map.insert("message".into(), object.message.as_str().into());
        map.insert("requiresPruning".into(), object.requires_pruning.then_some(true).into());
    }
    compact(value)
}

/// A condition.
pub fn condition(condition: &Condition) -> Value {
    compact(json!({
        "type": condition.kind,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "since": time(condition.since),
    }))
}

fn operation(operation: &Operation) -> Value {
    compact(json!({
        "phase": operation.phase,
        "message": operation.message,
        "revision": operation.revision,
        "by": operation.by,
        "started": time(operation.started),
        "finished": time(operation.finished),
        "retries": operation.retries,
    }))
}

fn time(time: Option<Timestamp>) -> Value {
    time.map(|time| time.to_string()).into()
}

/// Leaves out what says nothing: nulls, empty texts and empty lists. `false` and 0 say something.
fn compact(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let says_something = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => true,
    };
    Value::Object(map.into_iter().filter(|(_, value)| says_something(value)).collect::<Map<_, _>>())
}
