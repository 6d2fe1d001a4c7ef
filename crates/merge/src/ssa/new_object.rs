use holdfast_object::schema::{TypeKind, TypeRef};
use serde_json::{Map, Value};

/// The object that a creation starts from. Go's structs are there from the start, so that nobody comes to own them
/// as such; a custom resource starts with nothing.
pub(super) fn new_object(like: &Value, schema: TypeRef<'_>) -> Value {
    let mut object = if schema.is_compiled() { zero(schema) } else { Map::new() };
    for field in ["apiVersion", "kind"] {
        object.insert(field.into(), like[field].clone());
    }
    Value::Object(object)
}

/// A Go struct's zero value as JSON: inner structs, and fields that are written even when empty.
fn zero(ty: TypeRef<'_>) -> Map<String, Value> {
    let mut object = Map::new();
    let TypeKind::Object(fields) = ty.kind() else { return object };
    for field in fields.fields() {
        let value = match field.default() {
            Some(Value::Object(map)) if map.is_empty() => Value::Object(zero(field.ty())),
            Some(default) if is_zero(default) => default.clone(),
            None if field.is_required() => Value::Null,
            _ => continue,
        };
        object.insert(field.name().to_owned(), value);
    }
    object
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(set) => !set,
        _ => false,
    }
}
