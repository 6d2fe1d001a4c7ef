//! JSON merge patches (RFC 7386), two-way and three-way.

use serde_json::{Map, Value};

/// Applies a merge patch: null removes a key, maps merge, all else replaces.
pub fn apply(target: &Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut merged = target.as_object().cloned().unwrap_or_default();
    for (key, value) in patch {
        if value.is_null() {
            merged.shift_remove(key);
        } else {
            let old = merged.get(key).unwrap_or(&Value::Null);
            let new = apply(old, value);
            merged.insert(key.clone(), new);
        }
    }
    Value::Object(merged)
}

/// The patch that turns one object into another. A patch cannot say "null": where `modified` holds null in a map,
/// applying the patch leaves the key out.
pub fn create(original: &Map<String, Value>, modified: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, new) in modified {
        match (original.get(key), new) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let inner = create(old, new);
                if !inner.is_empty() {
                    patch.insert(key.clone(), Value::Object(inner));
                }
            }
            (Some(old), new) if old == new => {}
            (_, new) => drop(patch.insert(key.clone(), new.clone())),
        }
    }
    for key in original.keys().filter(|key| !modified.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

/// The patch that brings `current` to what `modified` says and removes what `original` said and `modified` no longer
/// says, as kubectl makes it for kinds without a known type.
pub fn three_way(
    original: &Map<String, Value>,
    modified: &Map<String, Value>,
    current: &Map<String, Value>,
) -> Map<String, Value> {
    let changes = keep(&create(current, modified), false);
    let deletions = keep(&create(original, modified), true);
    overlay(deletions, changes)
}

/// Lays one patch over another; unlike applying, removals stay.
fn overlay(mut under: Map<String, Value>, over: Map<String, Value>) -> Map<String, Value> {
    for (key, value) in over {
        let merged = match (under.get_mut(&key).map(Value::take), value) {
            (Some(Value::Object(a)), Value::Object(b)) => Value::Object(overlay(a, b)),
            (_, value) => value,
        };
        under.insert(key, merged);
    }
    under
}

/// Only the removals of a patch, or only the rest. An empty map in a patch sets an empty map.
fn keep(patch: &Map<String, Value>, removals: bool) -> Map<String, Value> {
    let mut kept = Map::new();
    for (key, value) in patch {
        match value {
            Value::Null if removals => drop(kept.insert(key.clone(), Value::Null)),
            Value::Null => {}
            Value::Object(map) if !map.is_empty() => {
                let inner = keep(map, removals);
                if !inner.is_empty() {
                    kept.insert(key.clone(), Value::Object(inner));
                }
            }
            value if !removals => drop(kept.insert(key.clone(), value.clone())),
            _ => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_examples_of_the_standard() {
        let check =
            |target: Value, patch: Value, expected: Value| assert_eq!(apply(&target, &patch), expected);
        check(json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"}));
        check(json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"}));
        check(json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}}));
        check(json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]}));
        check(json!(["a", "b"]), json!({"a": "b", "c": null}), json!({"a": "b"}));
        check(json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}}));
        check(json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1}));
    }

    #[test]
    fn three_ways_remove_only_what_was_applied() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let patch = three_way(
            &map(json!({"a": 1, "b": 2, "m": {"x": 1, "y": 1}})),
            &map(json!({"a": 1, "m": {"x": 2}, "n": {}})),
            &map(json!({"a": 5, "b": 2, "other": 3, "m": {"x": 1, "y": 1, "z": 1}})),
        );
        assert_eq!(Value::Object(patch), json!({"b": null, "m": {"y": null, "x": 2}, "a": 1, "n": {}}));
    }

    fn any_map() -> impl Strategy<Value = Map<String, Value>> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (0..5i32).prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
            proptest::collection::vec(0..3i32, 0..3).prop_map(Value::from),
        ];
        let value = leaf.prop_recursive(3, 20, 4, |inner| {
            proptest::collection::hash_map("[a-d]", inner, 0..4).prop_map(|map| map.into_iter().collect())
        });
        proptest::collection::hash_map("[a-d]", value, 0..5).prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_created_patch_gives_the_modified_object(a in any_map(), b in any_map()) {
            let patch = Value::Object(create(&a, &b));
            prop_assert_eq!(apply(&Value::Object(a), &patch), Value::Object(b));
        }

        #[test]
        fn three_ways_from_the_live_object_give_the_modified_object(a in any_map(), b in any_map()) {
            let patch = Value::Object(three_way(&a, &b, &a));
            prop_assert_eq!(apply(&Value::Object(a), &patch), Value::Object(b));
        }
    }
}
