//! `kubectl apply --server-side` after `kubectl apply`: the annotation of the last client-side apply vouches for
//! fields, and is kept in step.

use super::Conflicts;
use crate::fields::FieldSet;
use crate::typed;
use crate::values::sorted;
use holdfast_object::schema::TypeRef;
use serde_json::Value;

/// The only manager to whom this applies.
pub(super) const KUBECTL: &str = "kubectl";

/// Where `kubectl apply` keeps what it applied.
pub const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// All annotations of an object together may have this many bytes.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The conflicts that stay when kubectl may take what its own client-side apply set and nobody changed since.
pub(super) fn remaining(conflicts: Conflicts, live: &Value, schema: TypeRef<'_>) -> Conflicts {
    match vouched(live, schema) {
        Some(own) => Conflicts(conflicts.0.into_iter().filter(|c| !own.contains(&c.path.0)).collect()),
        None => conflicts,
    }
}

fn vouched(live: &Value, schema: TypeRef<'_>) -> Option<FieldSet> {
    let text = live["metadata"]["annotations"][ANNOTATION].as_str().filter(|text| !text.is_empty())?;
    let last: Value = serde_json::from_str(text).ok()?;
    if last["apiVersion"] != live["apiVersion"] || typed::validate(&last, schema, false).is_err() {
        return None;
    }
    let change = typed::compare(&last, live, schema);
    Some(typed::field_set(&last, schema).difference(&change.changed()).difference(&change.removed))
}

/// Writes what was applied into the annotation where the object has one. An annotation that would be too large is
/// dropped.
pub(super) fn sync(object: &mut Value, config: &Value) {
    if object["metadata"]["annotations"][ANNOTATION].as_str().is_none_or(str::is_empty) {
        return;
    }
    let mut config = config.clone();
    if let Some(metadata) = config.get_mut("metadata").and_then(Value::as_object_mut)
        && let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut)
    {
        annotations.shift_remove(ANNOTATION);
        if annotations.is_empty() {
            metadata.shift_remove("annotations");
        }
    }
    let text = format!("{}\n", sorted(&config));
    let Some(annotations) = object["metadata"]["annotations"].as_object_mut() else { return };
    annotations.insert(ANNOTATION.into(), text.into());
    let size: usize =
        annotations.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum();
    if size > MAX_ANNOTATIONS {
        annotations.shift_remove(ANNOTATION);
    }
}
