//! Fields that are left to whoever else sets them, once their object is there (Flux: `spec.ignore`).

use crate::desired::DesiredObject;
use holdfast_object::{Object, Value};
use std::sync::Arc;

/// The object as it is to be compared and written where others may set some of its fields, or `None` when it is as
/// it was. Of a field that differs, what another applier owns is not written; what only `manager` owns, or nobody
/// does, takes the live value, so that the write changes nothing of it.
pub(crate) fn yielding(desired: &DesiredObject, live: &Object, manager: &str) -> Option<DesiredObject> {
    if desired.policy.ignore.is_empty() {
        return None;
    }
    let (mut wanted, live) = (desired.object.to_value(), live.to_value());
    let before = wanted.clone();
    for pointer in &desired.policy.ignore {
        let found = live.pointer(pointer);
        if wanted.pointer(pointer) == found {
            continue;
        }
        match (found, wanted.pointer_mut(pointer)) {
            (Some(value), Some(own)) if !is_anothers(&live, manager, pointer) => *own = value.clone(),
            _ => {
                holdfast_merge::json_patch::remove(&mut wanted, pointer);
            }
        }
    }
    if wanted == before {
        return None;
    }
    let object = Object::new(wanted).ok()?;
    Some(DesiredObject { object: Arc::new(object), ..desired.clone() })
}

/// Whether another manager applied the field.
fn is_anothers(live: &Value, manager: &str, pointer: &str) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        entry["operation"] == "Apply"
            && entry["manager"] != manager
            && owns(&entry["fieldsV1"], live, pointer)
    })
}

/// Whether a set of fields holds the one that a pointer names in an object, or something below it.
fn owns(fields: &Value, object: &Value, pointer: &str) -> bool {
    let (mut fields, mut at) = (fields, object);
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let next = match at {
            Value::Array(list) => list.get(part.parse().unwrap_or(usize::MAX)).and_then(|element| {
                let set = fields.as_object()?;
                let (_, below) = set.iter().find(|(key, _)| is_of(key, element))?;
                Some((below, element))
            }),
            _ => fields.get(format!("f:{part}")).zip(at.get(&part)),
        };
        match next {
            Some(next) => (fields, at) = next,
            None => return false,
        }
    }
    true
}

/// Whether a key of a set (`k:{"name":"web"}`, `v:"x"`) is that of a list's element.
fn is_of(key: &str, element: &Value) -> bool {
    if let Some(value) = key.strip_prefix("v:") {
        return serde_json::from_str::<Value>(value).is_ok_and(|value| value == *element);
    }
    let keys = key.strip_prefix("k:").and_then(|keys| serde_json::from_str::<Value>(keys).ok());
    let keys = keys.as_ref().and_then(Value::as_object);
    keys.is_some_and(|keys| keys.iter().all(|(name, value)| element.get(name) == Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::ObjectPolicy;
    use holdfast_object::json;

    fn deployment(replicas: Value, image: &str, managed: Value) -> Object {
        let mut value = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web",
            "managedFields": managed}, "spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}});
        if !replicas.is_null() {
            value["spec"]["replicas"] = replicas;
        }
        Object::new(value).unwrap()
    }

    fn check(managed: Value, replicas: Value, image: &str, expected: Option<(Value, Value)>) {
        let ignore = ["/spec/replicas", "/spec/template/spec/containers/0/image"];
        let policy = ObjectPolicy { ignore: ignore.map(str::to_owned).to_vec(), ..ObjectPolicy::default() };
        let desired = DesiredObject::new(deployment(json!(1), "a", json!([])), None, policy);
        let written = yielding(&desired, &deployment(replicas, image, managed), "ours").map(|desired| {
            let value = desired.object.to_value();
            let at = |pointer: &str| value.pointer(pointer).cloned().unwrap_or_default();
            (at(ignore[0]), at(ignore[1]))
        });
        assert_eq!(written, expected);
    }

    #[test]
    fn a_live_value_is_taken_and_anothers_field_is_left_out() {
        let entry = |manager: &str, operation: &str, fields: Value| json!([{"manager": manager, "operation": operation, "fieldsV1": fields}]);
        let replicas = json!({"f:spec": {"f:replicas": {}}});
        let image = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"web\"}": {"f:image": {}}}}}}});
        check(json!([]), json!(1), "a", None);
        check(json!([]), json!(5), "a", Some((json!(5), json!("a"))));
        check(entry("ours", "Apply", replicas.clone()), json!(5), "b", Some((json!(5), json!("b"))));
        check(entry("hpa", "Update", replicas.clone()), json!(5), "a", Some((json!(5), json!("a"))));
        check(entry("hpa", "Apply", replicas), json!(5), "a", Some((Value::Null, json!("a"))));
        check(entry("bot", "Apply", image), json!(1), "b", Some((json!(1), Value::Null)));
        check(json!([]), Value::Null, "a", Some((Value::Null, json!("a"))));
    }
}
