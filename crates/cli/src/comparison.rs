//! Two texts to compare of one object: as it is, and as a sync would make it.

use holdfast_merge::drift::DifferenceKind;
use holdfast_merge::fields::{FieldPath, PathElement};
use holdfast_merge::strategic;
use holdfast_object::schema::{Schemas, TypeRef};
use holdfast_object::{Object, Value};
use holdfast_sync::Reason;
use std::collections::HashMap;

/// The two sides, as YAML. Empty for a side where the object is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) live: String,
    pub(crate) wanted: String,
}

/// Fields of `metadata` that the server writes and that say nothing about a difference.
const SERVERS: [&str; 6] =
    ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"];
/// What `kubectl apply` and Argo CD write to remember what they applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Makes the two sides of an object: `wanted` laid over `live` by the rules of its kind, without what the difference
/// says would go.
pub(crate) fn pair(live: Option<&Object>, wanted: Option<&Object>, why: &Reason) -> Pair {
    let mut left = live.map(Object::to_value);
    let mut right = match (live, wanted) {
        (Some(live), Some(wanted)) => Some(laid_over(live, wanted, why)),
        (None, Some(wanted)) => Some(wanted.to_value()),
        (_, None) => None,
    };
    for side in [&mut left, &mut right].into_iter().flatten() {
        strip(side);
    }
    if live.or(wanted).is_some_and(|object| object.gvk().group.is_empty() && object.kind() == "Secret") {
        mask(&mut left, &mut right);
    }
    let text = |side: Option<Value>| side.map(|value| holdfast_yaml::to_string(&value)).unwrap_or_default();
    Pair { live: text(left), wanted: text(right) }
}

fn laid_over(live: &Object, wanted: &Object, why: &Reason) -> Value {
    let ty = Schemas::builtin().root(&wanted.gvk()).unwrap_or(TypeRef::untyped());
    let (base, patch) = (live.to_value(), wanted.to_value());
    let mut merged = strategic::apply(&base, &patch, ty).unwrap_or(patch);
    if let Reason::Differs(differences) = why {
        for difference in differences.iter().filter(|d| d.kind == DifferenceKind::Extra) {
            remove(&mut merged, &difference.path);
        }
    }
    merged
}

/// Takes out what is at a path, if it is there.
fn remove(value: &mut Value, path: &FieldPath) {
    let Some((last, before)) = path.0.split_last() else { return };
    let mut at = value;
    for element in before {
        match child(at, element) {
            Some(next) => at = next,
            None => return,
        }
    }
    match (at, last) {
        (Value::Object(map), PathElement::Field(name)) => {
            map.shift_remove(name.as_ref());
        }
        (Value::Array(list), element) => {
            if let Some(index) = position(list, element) {
                list.remove(index);
            }
        }
        _ => {}
    }
}

fn child<'v>(value: &'v mut Value, element: &PathElement) -> Option<&'v mut Value> {
    match (value, element) {
        (Value::Object(map), PathElement::Field(name)) => map.get_mut(name.as_ref()),
        (Value::Array(list), element) => {
            let index = position(list, element)?;
            list.get_mut(index)
        }
        _ => None,
    }
}

fn position(list: &[Value], element: &PathElement) -> Option<usize> {
    match element {
        PathElement::Index(index) => (*index < list.len()).then_some(*index),
        PathElement::Value(value) => list.iter().position(|item| item == value),
        PathElement::Key(keys) => {
            list.iter().position(|item| keys.iter().all(|(key, value)| item.get(key.as_ref()) == Some(value)))
        }
        PathElement::Field(_) => None,
    }
}

fn strip(value: &mut Value) {
    let Value::Object(map) = value else { return };
    map.shift_remove("status");
    if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
        for field in SERVERS {
            metadata.shift_remove(field);
        }
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.shift_remove(LAST_APPLIED);
            if annotations.is_empty() {
                metadata.shift_remove("annotations");
            }
        }
    }
}

/// The shortest mask.
const MASK: &str = "++++++++";

/// Hides the values of a Secret as Argo CD does: under one key, equal values get masks of equal length.
fn mask(left: &mut Option<Value>, right: &mut Option<Value>) {
    let mut masks: HashMap<String, HashMap<String, String>> = HashMap::new();
    for side in [right, left].into_iter().flatten() {
        for section in ["data", "stringData"] {
            let Some(Value::Object(data)) = side.get_mut(section) else { continue };
            for (key, value) in data {
                let of_key = masks.entry(key.clone()).or_default();
                let longer = format!("{MASK}{}", "+".repeat(of_key.len()));
                let mask = of_key.entry(value.to_string()).or_insert(longer);
                *value = Value::String(mask.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn secret(value: &str) -> Object {
        let data = json!({"password": value, "same": "c2FtZQ=="});
        Object::new(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "uid": "u"}, "data": data}))
            .unwrap()
    }

    #[test]
    fn values_of_secrets_are_never_shown_and_still_told_apart() {
        let pair = pair(Some(&secret("b2xk")), Some(&secret("bmV3")), &Reason::Unverified);
        let (live, wanted) = (pair.live.as_str(), pair.wanted.as_str());
        assert!(live.contains("password: +++++++++\n") && live.contains("  same: ++++++++\n"), "{live}");
        assert!(wanted.contains("password: ++++++++\n") && wanted.contains("  same: ++++++++\n"), "{wanted}");
    }

    #[test]
    fn what_an_apply_leaves_alone_is_no_difference() {
        let live = Object::new(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "namespace": "n", "resourceVersion": "5"},
            "spec": {"replicas": 5, "template": {"spec": {"containers": [{"name": "x", "image": "a:1", "tty": false},
                {"name": "sidecar", "image": "s"}]}}}, "status": {"replicas": 5}}))
        .unwrap();
        let wanted = Object::new(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "a", "namespace": "n"},
            "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "x", "image": "a:1"}]}}}}))
        .unwrap();
        let pair = pair(Some(&live), Some(&wanted), &Reason::Unverified);
        assert_eq!(pair.live.replace("replicas: 5", "replicas: 3"), pair.wanted);
    }
}
