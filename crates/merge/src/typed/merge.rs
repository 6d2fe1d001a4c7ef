use super::{Keys, Shape, as_list, as_map, both_empty, item_element, shape};
use crate::fields::PathElement;
use holdfast_object::schema::{ListType, TypeRef};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Lays an applied configuration over a live object: values of the configuration win, nothing is removed.
///
/// Lists with keyed items or sets come in the live order where the configuration does not speak of it, and in the
/// configuration's order where it does.
pub(crate) fn merge(live: &Value, config: &Value, ty: TypeRef<'_>) -> Value {
    value(Some(live), Some(config), ty).unwrap_or(Value::Null)
}

fn value(live: Option<&Value>, config: Option<&Value>, ty: TypeRef<'_>) -> Option<Value> {
    let deciding = config.or(live)?;
    match shape(ty, deciding) {
        Shape::Leaf => Some(deciding.clone()),
        Shape::Map(keys) => {
            let (a, b) = (as_map(live), as_map(config));
            if both_empty(a, b, Map::is_empty) { Some(deciding.clone()) } else { map(a, b, keys) }
        }
        Shape::List(list) => {
            let (a, b) = (as_list(live), as_list(config));
            if both_empty(a, b, <[Value]>::is_empty) {
                return Some(deciding.clone());
            }
            let merged = items(a.unwrap_or_default(), b.unwrap_or_default(), list);
            (!merged.is_empty()).then_some(Value::Array(merged))
        }
    }
}

fn map(
    live: Option<&Map<String, Value>>,
    config: Option<&Map<String, Value>>,
    keys: Keys<'_>,
) -> Option<Value> {
    let mut merged = Map::new();
    for (key, a) in live.into_iter().flatten() {
        let b = config.and_then(|map| map.get(key));
        let merged_value = match b {
            None => Some(a.clone()),
            b => value(Some(a), b, keys.child(key)),
        };
        if let Some(value) = merged_value {
            merged.insert(key.clone(), value);
        }
    }
    for (key, b) in config.into_iter().flatten() {
        if live.is_none_or(|map| !map.contains_key(key)) {
            merged.insert(key.clone(), b.clone());
        }
    }
    (!merged.is_empty()).then_some(Value::Object(merged))
}

/// The items of a list with their elements. Of an element that occurs twice nothing is merged.
struct Indexed<'v> {
    items: Vec<(PathElement, &'v Value)>,
    by_element: BTreeMap<PathElement, Option<&'v Value>>,
}

impl<'v> Indexed<'v> {
    fn new(items: &'v [Value], list: ListType<'_>) -> Self {
        let mut found = Self { items: Vec::with_capacity(items.len()), by_element: BTreeMap::new() };
        for item in items {
            let Ok(element) = item_element(list, item) else { continue };
            found.by_element.entry(element.clone()).and_modify(|once| *once = None).or_insert(Some(item));
            found.items.push((element, item));
        }
        found
    }

    fn has(&self, element: &PathElement) -> bool {
        self.by_element.contains_key(element)
    }
}

/// Both lists are walked side by side. Items on both sides ("shared") come in the configuration's order; a live item
/// that is not in the configuration keeps its place after the shared item before it.
fn items(live: &[Value], config: &[Value], list: ListType<'_>) -> Vec<Value> {
    let (live, config) = (Indexed::new(live, list), Indexed::new(config, list));
    let shared: Vec<&PathElement> = config.items.iter().map(|(e, _)| e).filter(|e| live.has(e)).collect();
    let mut shared = shared.into_iter().peekable();
    let (mut from_live, mut from_config) = (live.items.iter().peekable(), config.items.iter().peekable());
    let mut placed = BTreeSet::new();
    let mut out = Vec::with_capacity(live.items.len().max(config.items.len()));
    let both = |element: &PathElement, item: &Value| {
        let live = live.by_element.get(element).map(|once| once.unwrap_or(&Value::Null));
        value(live, Some(item), list.items())
    };
    loop {
        match (from_live.peek(), from_config.peek()) {
            (None, None) => return out,
            (Some((a, _)), Some((b, item))) if a == b => {
                placed.insert(b.clone());
                out.extend(both(b, item));
                from_live.next();
                from_config.next();
                shared.next();
                continue;
            }
            // A shared item, but not the next of those: it comes when the configuration reaches it.
            (Some((a, _)), Some(_)) if config.has(a) && shared.peek().is_some_and(|next| *next != a) => {
                from_live.next();
                continue;
            }
            (Some((a, item)), _) if !config.has(a) => {
                out.push((*item).clone());
                from_live.next();
                continue;
            }
            (Some((a, _)), _) if placed.contains(a) => {
                from_live.next();
            }
            _ => {}
        }
        if let Some((b, item)) = from_config.next() {
            placed.insert(b.clone());
            out.extend(both(b, item));
            if shared.peek().is_some_and(|next| *next == b) {
                shared.next();
            }
        }
    }
}
