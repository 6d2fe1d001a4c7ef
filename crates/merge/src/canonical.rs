//! The one form among several that mean the same.
//!
//! Objects of compiled-in kinds are Go structs on the API server: null and absent are one, quantities have one way
//! to be written, and optional lists and maps vanish when empty. What arrives in another form is stored in this one.

use crate::quantity::Quantity;
use holdfast_object::schema::{Field, Scalar, Schemas, TypeKind, TypeRef};
use serde_json::{Map, Value};

/// Brings an object into the form that the API server stores, as far as its type says so. Custom resources are stored
/// as they were sent, but for their metadata.
pub fn canonicalize(object: &mut Value, ty: TypeRef<'_>) {
    if ty.is_compiled() {
        return value(object, ty);
    }
    if let (Some(metadata), Some(ty)) =
        (object.get_mut("metadata"), Schemas::builtin().named("meta.v1.ObjectMeta"))
    {
        value(metadata, ty);
    }
}

fn value(value: &mut Value, ty: TypeRef<'_>) {
    match (ty.kind(), value) {
        (TypeKind::Scalar(Scalar::Quantity), value) => quantity(value),
        (TypeKind::List(list), Value::Array(items)) => {
            items.iter_mut().for_each(|item| self::value(item, list.items()));
        }
        (TypeKind::Object(object), Value::Object(map)) => {
            for (key, value) in map.iter_mut() {
                if let Some(ty) = object.child(key) {
                    self::value(value, ty);
                    if value.is_null() {
                        *value = match object.field(key) {
                            None => zero(ty),
                            // A struct that is no pointer is always written.
                            Some(field) if field.default().is_some_and(is_empty_map) => {
                                Value::Object(Map::new())
                            }
                            Some(_) => Value::Null,
                        };
                    }
                }
            }
            drop_empty(map, |key| object.field(key));
        }
        _ => {}
    }
}

/// Removes fields that Go omits: null ones, and optional lists and maps without content.
fn drop_empty<'a>(map: &mut Map<String, Value>, field: impl Fn(&str) -> Option<Field<'a>>) {
    map.retain(|key, value| match (field(key), value) {
        (Some(_), Value::Null) => false,
        (Some(field), Value::Array(items)) => !items.is_empty() || field.is_required(),
        (Some(field), Value::Object(inner)) if inner.is_empty() => {
            field.is_required() || !matches!(field.ty().kind(), TypeKind::Object(object) if is_go_map(object))
        }
        _ => true,
    });
}

fn is_empty_map(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

/// True for maps, as opposed to structs without fields such as `FieldsV1`.
fn is_go_map(object: holdfast_object::schema::ObjectType<'_>) -> bool {
    object.is_map() && object.other_keys().is_some_and(|ty| !matches!(ty.kind(), TypeKind::Any { .. }))
}

/// What null is as a value of a Go map.
fn zero(ty: TypeRef<'_>) -> Value {
    match ty.kind() {
        TypeKind::Scalar(Scalar::String | Scalar::Bytes) => Value::from(""),
        TypeKind::Scalar(Scalar::Quantity) => Value::from("0"),
        TypeKind::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Integer) => Value::from(0),
        TypeKind::Scalar(Scalar::Bool) => Value::from(false),
        _ => Value::Null,
    }
}

fn quantity(value: &mut Value) {
    let text = match &*value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return,
    };
    if let Ok(canonical) = Quantity::canonical(&text) {
        *value = Value::String(canonical);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::GroupVersionKind;
    use serde_json::json;

    #[test]
    fn what_the_server_would_store() {
        let check = |kind: (&str, &str), given: Value, expected: Value| {
            let ty = Schemas::builtin().root(&GroupVersionKind::from_api_version(kind.0, kind.1)).unwrap();
            let mut object = given;
            canonicalize(&mut object, ty);
            assert_eq!(object, expected);
        };
        check(
            ("v1", "ConfigMap"),
            json!({"data": {"a": null, "b": "1"}}),
            json!({"data": {"a": "", "b": "1"}}),
        );
        check(("v1", "ConfigMap"), json!({"data": {}, "binaryData": null}), json!({}));
        check(
            ("v1", "Pod"),
            json!({"spec": null, "status": {"phase": null}}),
            json!({"spec": {}, "status": {}}),
        );
        check(
            ("v1", "Pod"),
            json!({"spec": {"containers": [{
                "name": "a", "env": [], "args": null, "stdin": false,
                "resources": {"limits": {"cpu": "1000m", "memory": 1024}}
            }], "volumes": [{"name": "v", "emptyDir": {}}], "nodeSelector": {}}}),
            json!({"spec": {"containers": [{
                "name": "a", "stdin": false, "resources": {"limits": {"cpu": "1", "memory": "1024"}}
            }], "volumes": [{"name": "v", "emptyDir": {}}]}}),
        );
    }

    #[test]
    fn custom_resources_are_stored_as_sent_but_for_their_metadata() {
        let gvk = GroupVersionKind::new("example.com", "v1", "Widget");
        let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string"}}}}});
        let schemas = Schemas::from_crd_schema(gvk.clone(), &schema).unwrap();
        let mut object = json!({"metadata": {"labels": null, "finalizers": []}, "spec": {"a": null}});
        canonicalize(&mut object, schemas.root(&gvk).unwrap());
        assert_eq!(object, json!({"metadata": {}, "spec": {"a": null}}));
    }
}
