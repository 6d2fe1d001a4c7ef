use super::{Keys, Shape, item_element, shape};
use crate::fields::{FieldSet, PathElement};
use holdfast_object::schema::{ListType, TypeRef};
use serde_json::{Map, Value};

/// The value without the fields of the set. A map or list that loses all its parts becomes null, which tells it
/// from one that was never there.
pub fn remove(value: &Value, set: &FieldSet, ty: TypeRef<'_>) -> Value {
    match (shape(ty, value), value) {
        (Shape::Leaf, Value::Object(_) | Value::Array(_)) => Value::Null,
        (Shape::Map(keys), Value::Object(map)) => remove_keys(map, set, keys),
        (Shape::List(list), Value::Array(items)) => remove_items(items, set, list),
        (_, value) => value.clone(),
    }
}

fn remove_keys(map: &Map<String, Value>, set: &FieldSet, keys: Keys<'_>) -> Value {
    let mut kept = Map::new();
    for (key, value) in map {
        let element = PathElement::field(key);
        if set.has(&element) {
            continue;
        }
        let value = match set.below(&element) {
            Some(below) => remove(value, below, keys.child(key)),
            None => value.clone(),
        };
        kept.insert(key.clone(), value);
    }
    if kept.is_empty() { Value::Null } else { Value::Object(kept) }
}

fn remove_items(items: &[Value], set: &FieldSet, list: ListType<'_>) -> Value {
    let mut kept = Vec::with_capacity(items.len());
    for item in items {
        let Ok(element) = item_element(list, item) else {
            kept.push(item.clone());
            continue;
        };
        if set.has(&element) {
            continue;
        }
        kept.push(match set.below(&element) {
            Some(below) => remove(item, below, list.items()),
            None => item.clone(),
        });
    }
    if kept.is_empty() { Value::Null } else { Value::Array(kept) }
}

/// Only the fields of the set. Key fields of list items are kept, so that the result can be applied.
pub fn extract(value: &Value, set: &FieldSet, ty: TypeRef<'_>) -> Value {
    match (shape(ty, value), value) {
        (Shape::Map(keys), Value::Object(map)) if !map.is_empty() => {
            let mut kept = Map::new();
            for (key, value) in map {
                let element = PathElement::field(key);
                match (set.has(&element), set.below(&element)) {
                    (_, Some(below)) => {
                        drop(kept.insert(key.clone(), extract(value, below, keys.child(key))))
                    }
                    (true, None) => drop(kept.insert(key.clone(), value.clone())),
                    (false, None) => {}
                }
            }
            if kept.is_empty() { Value::Null } else { Value::Object(kept) }
        }
        (Shape::List(list), Value::Array(items)) if !items.is_empty() => {
            let mut kept = Vec::new();
            for item in items {
                let Ok(element) = item_element(list, item) else { continue };
                match (set.has(&element), set.below(&element)) {
                    (_, Some(below)) => kept.push(extract(item, &with_keys(below, &element), list.items())),
                    (true, None) => kept.push(item.clone()),
                    (false, None) => {}
                }
            }
            if kept.is_empty() { Value::Null } else { Value::Array(kept) }
        }
        (_, value) => value.clone(),
    }
}

fn with_keys(set: &FieldSet, element: &PathElement) -> FieldSet {
    let mut set = set.clone();
    if let PathElement::Key(fields) = element {
        for (name, _) in fields {
            set.insert(&[PathElement::field(name)]);
        }
    }
    set
}
