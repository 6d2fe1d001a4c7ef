use super::{Shape, item_element, shape};
use crate::fields::FieldSet;
use crate::fields::PathElement;
use holdfast_object::schema::{ListType, TypeRef};
use serde_json::Value;
use std::collections::BTreeMap;

/// The fields that a value names: what its applier owns.
pub fn field_set(value: &Value, ty: TypeRef<'_>) -> FieldSet {
    parts(value, ty).1
}

/// Whether the value is a leaf, and the set of fields in it.
fn parts(value: &Value, ty: TypeRef<'_>) -> (bool, FieldSet) {
    let mut set = FieldSet::default();
    match shape(ty, value) {
        Shape::Leaf => return (true, set),
        Shape::Map(keys) => {
            for (key, value) in value.as_object().into_iter().flatten() {
                let (leaf, below) = parts(value, keys.child(key));
                let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
                // A struct's field is owned through what is in it, a map's key by itself.
                set.put(PathElement::field(key), leaf || empty || !keys.declares(key), below);
            }
        }
        Shape::List(list) => items(value, list, &mut set),
    }
    (false, set)
}

/// The items of a keyed list or set; an item that occurs twice is owned as a whole.
fn items(value: &Value, list: ListType<'_>, set: &mut FieldSet) {
    let mut by_element: BTreeMap<PathElement, Vec<&Value>> = BTreeMap::new();
    for item in value.as_array().into_iter().flatten() {
        if let Ok(element) = item_element(list, item) {
            by_element.entry(element).or_default().push(item);
        }
    }
    for (element, items) in by_element {
        let below = match items.as_slice() {
            [only] => parts(only, list.items()).1,
            _ => FieldSet::EMPTY,
        };
        set.put(element, true, below);
    }
}
