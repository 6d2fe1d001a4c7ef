//! Rewriting of single kinds to the form in which they are compared.

use crate::canonical::canonicalize;
use crate::values::sorted;
use holdfast_object::GroupVersionKind;
use holdfast_object::schema::Schemas;
use serde_json::{Map, Value};

/// Moves a Secret's `stringData` into `data`, as the API server does when it stores it. Values that are no text are
/// moved as they are, so that the error shows where it always did.
pub(crate) fn move_string_data(object: &mut Value) {
    if !is_core(object, "Secret") {
        return;
    }
    let Some(map) = object.as_object_mut() else { return };
    let Some(Value::Object(plain)) = map.shift_remove("stringData") else { return };
    let data = map.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if !data.is_object() {
        *data = Value::Object(Map::new());
    }
    if let Value::Object(data) = data {
        for (key, value) in plain {
            let value = match value {
                Value::String(text) => Value::String(base64(text.as_bytes())),
                other => other,
            };
            data.insert(key, value);
        }
    }
}

/// Brings an object into the form in which Argo CD compares: built-in kinds as the server writes them, Secrets
/// without `stringData`, Roles without an empty list of rules, Endpoints with their subsets in order, and nothing
/// that exporting tools leave behind.
pub(crate) fn normalize(object: &mut Value) {
    move_string_data(object);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("creationTimestamp");
    }
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let gvk = GroupVersionKind::from_api_version(text("apiVersion"), text("kind"));
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Secret") => empty_secret_values(object),
        ("", "Endpoints") => order_endpoints(object),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole")
            if object["rules"].as_array().is_some_and(Vec::is_empty) =>
        {
            object["rules"] = Value::Null;
        }
        _ => {}
    }
    if let Some(schema) = Schemas::builtin().root(&gvk) {
        canonicalize(object, schema);
    }
}

fn empty_secret_values(object: &mut Value) {
    for (_, value) in object.get_mut("data").and_then(Value::as_object_mut).into_iter().flatten() {
        if value.is_null() {
            *value = Value::from("");
        }
    }
}

/// Subsets, addresses and ports come in no order from the server.
fn order_endpoints(object: &mut Value) {
    let Some(subsets) = object.get_mut("subsets").and_then(Value::as_array_mut) else { return };
    for subset in subsets.iter_mut() {
        for port in subset.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(port) = port.as_object_mut() {
                port.entry("protocol").or_insert_with(|| "TCP".into());
            }
        }
        for field in ["addresses", "notReadyAddresses", "ports"] {
            if let Some(items) = subset.get_mut(field).and_then(Value::as_array_mut) {
                items.sort_by_cached_key(|item| sorted(item).to_string());
            }
        }
    }
    subsets.sort_by_cached_key(|subset| sorted(subset).to_string());
}

pub(crate) fn is_core(object: &Value, kind: &str) -> bool {
    object["apiVersion"] == "v1" && object["kind"] == kind
}

/// Standard base64 with padding.
fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
