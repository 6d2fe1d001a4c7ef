//! A schema for a kind nobody described, from what its owners own: `k:` elements tell a keyed list, `v:` a set, an
//! owned list without parts an atomic one.

use crate::fields::{FieldSet, PathElement};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What is known of a place in the object: our own fields there, everybody's, the live value and the wanted one.
#[derive(Clone, Copy)]
pub(super) struct Place<'v> {
    pub(super) ours: Option<&'v FieldSet>,
    /// True when we own the place itself.
    pub(super) owned: bool,
    pub(super) all: Option<&'v FieldSet>,
    /// True when anybody owns the place itself.
    pub(super) taken: bool,
    pub(super) live: Option<&'v Value>,
    pub(super) desired: Option<&'v Value>,
}

/// An `openAPIV3Schema` for the object. Unknown fields are allowed everywhere.
pub(super) fn schema(place: Place<'_>) -> Value {
    let example = place.desired.filter(|v| !v.is_null()).or(place.live);
    match example {
        Some(Value::Object(_)) => object(place),
        Some(Value::Array(_)) => list(place),
        _ => json!({"x-kubernetes-preserve-unknown-fields": true}),
    }
}

fn object(place: Place<'_>) -> Value {
    let mut schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    if is_atomic_map(place) {
        schema["x-kubernetes-map-type"] = "atomic".into();
        return schema;
    }
    let names: BTreeSet<&String> = [place.live, place.desired]
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(Map::keys)
        .collect();
    let properties: Map<String, Value> = names
        .into_iter()
        .map(|name| (name.clone(), self::schema(step(place, &PathElement::field(name), name))))
        .collect();
    schema["properties"] = Value::Object(properties);
    schema
}

/// A map is atomic when it is owned as a whole and nobody owns anything in it. An owner of an empty map owns it so
/// too, and that says nothing.
fn is_atomic_map(place: Place<'_>) -> bool {
    let holds = |value: Option<&Value>| value.and_then(Value::as_object).is_some_and(|map| !map.is_empty());
    if place.all.is_some() || !place.taken {
        return false;
    }
    if place.owned { holds(place.desired) } else { holds(place.live) }
}

fn step<'v>(place: Place<'v>, element: &PathElement, name: &str) -> Place<'v> {
    Place {
        ours: place.ours.and_then(|set| set.below(element)),
        owned: place.ours.is_some_and(|set| set.has(element)),
        all: place.all.and_then(|set| set.below(element)),
        taken: place.all.is_some_and(|set| set.has(element)),
        live: place.live.and_then(|v| v.get(name)),
        desired: place.desired.and_then(|v| v.get(name)),
    }
}

fn list(place: Place<'_>) -> Value {
    let anything = json!({"x-kubernetes-preserve-unknown-fields": true});
    let mut keys: BTreeSet<&str> = BTreeSet::new();
    let mut is_set = false;
    for (element, _, _) in place.all.into_iter().flat_map(FieldSet::elements) {
        match element {
            PathElement::Key(fields) => keys.extend(fields.iter().map(|(name, _)| name.as_ref())),
            PathElement::Value(_) => is_set = true,
            _ => {}
        }
    }
    if !keys.is_empty() {
        let mut items = items(place);
        for key in &keys {
            if let Some(default) = key_default(place, key) {
                items["properties"][*key] =
                    json!({"x-kubernetes-preserve-unknown-fields": true, "default": default});
            }
        }
        return json!({
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": keys,
            "items": items,
        });
    }
    let kind = if is_set { "set" } else { "atomic" };
    json!({"type": "array", "x-kubernetes-list-type": kind, "items": anything})
}

/// The default of a key that a wanted item leaves out: what owners call the item that is like it in its other keys,
/// where they all say the same.
fn key_default(place: Place<'_>, key: &str) -> Option<Value> {
    let mut found = None;
    for item in
        place.desired.and_then(Value::as_array).into_iter().flatten().filter(|item| item.get(key).is_none())
    {
        let like_it = |fields: &[(Box<str>, Value)]| {
            fields.iter().all(|(name, value)| name.as_ref() == key || item.get(name.as_ref()) == Some(value))
        };
        for (element, _, _) in place.all.into_iter().flat_map(FieldSet::elements) {
            if let PathElement::Key(fields) = element
                && like_it(fields)
                && let Some((_, value)) = fields.iter().find(|(name, _)| name.as_ref() == key)
            {
                match &found {
                    None => found = Some(value.clone()),
                    Some(other) if other != value => return None,
                    Some(_) => {}
                }
            }
        }
    }
    found
}

/// One schema for all items of a keyed list: they share their type, so what one shows holds for all.
fn items(place: Place<'_>) -> Value {
    let union = |set: Option<&FieldSet>| {
        set.into_iter()
            .flat_map(FieldSet::elements)
            .fold(FieldSet::EMPTY, |all, (_, _, below)| all.union(below))
    };
    let fold = |value: Option<&Value>| {
        let mut folded = Map::new();
        for item in value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
            folded.extend(item.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        Value::Object(folded)
    };
    let (ours, all) = (union(place.ours), union(place.all));
    let (live, desired) = (fold(place.live), fold(place.desired));
    schema(Place {
        ours: Some(&ours).filter(|set| !set.is_empty()),
        owned: false,
        all: Some(&all).filter(|set| !set.is_empty()),
        taken: false,
        live: Some(&live),
        desired: Some(&desired),
    })
}
