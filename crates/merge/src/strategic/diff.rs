use super::lists::{Identity, hold_maps};
use super::{DELETE_FROM_LIST, DIRECTIVE, PatchError, RETAIN_KEYS, SET_ORDER};
use super::{as_item, form, items_of, key_of, lookup};
use crate::values::go_value;
use holdfast_object::schema::TypeRef;
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// What of a difference goes into a patch.
#[derive(Clone, Copy)]
pub(super) struct Diff {
    /// Added and changed fields.
    pub(super) changes: bool,
    /// Removed fields.
    pub(super) deletions: bool,
    /// `$setElementOrder` lists.
    pub(super) set_order: bool,
    /// `$retainKeys` for the map at hand.
    pub(super) retain_keys: bool,
}

impl Diff {
    pub(super) fn maps(
        self,
        original: &Map<String, Value>,
        modified: &Map<String, Value>,
        ty: TypeRef<'_>,
    ) -> Result<Map<String, Value>, PatchError> {
        let mut patch = Map::new();
        for (key, new) in modified {
            match original.get(key) {
                Some(old) if form(old) == form(new) => self.values(key, old, new, ty, &mut patch)?,
                _ if self.changes => drop(patch.insert(key.clone(), new.clone())),
                _ => {}
            }
        }
        if self.deletions {
            for key in original.keys().filter(|key| !modified.contains_key(*key)) {
                patch.insert(key.clone(), Value::Null);
            }
        }
        if self.retain_keys {
            let mut kept: Vec<&String> =
                modified.iter().filter(|(_, v)| !v.is_null()).map(|(k, _)| k).collect();
            let clears = original.iter().any(|(key, value)| !value.is_null() && !modified.contains_key(key));
            if !kept.is_empty() && (!patch.is_empty() || clears) {
                kept.sort();
                patch.insert(RETAIN_KEYS.into(), kept.into_iter().map(|k| Value::from(k.as_str())).collect());
            }
        }
        Ok(patch)
    }

    fn values(
        self,
        key: &str,
        old: &Value,
        new: &Value,
        ty: TypeRef<'_>,
        patch: &mut Map<String, Value>,
    ) -> Result<(), PatchError> {
        if key == DIRECTIVE {
            if old != new {
                patch.insert(key.to_owned(), new.clone());
            }
            return Ok(());
        }
        if old == new && !new.is_array() && !new.is_object() {
            return Ok(());
        }
        let known = match lookup(ty, key) {
            Err(_) if old == new => return Ok(()),
            found => found,
        };
        match (old, new) {
            (Value::Object(old), Value::Object(new)) => {
                let (ty, strategy) = known?;
                if strategy.replace {
                    if self.changes {
                        patch.insert(key.to_owned(), Value::Object(new.clone()));
                    }
                    return Ok(());
                }
                let inner = Self { retain_keys: strategy.retain_keys, ..self }.maps(old, new, ty)?;
                if !inner.is_empty() {
                    patch.insert(key.to_owned(), Value::Object(inner));
                }
            }
            (Value::Array(old), Value::Array(new)) if known.as_ref().is_ok_and(|(_, s)| s.merge) => {
                let (ty, strategy) = known?;
                let inner = Self { retain_keys: strategy.retain_keys, ..self };
                inner.lists(key, old, new, items_of(ty), strategy.merge_key, patch)?;
            }
            (Value::Array(_), Value::Array(_)) => {
                known?;
                if self.changes && old != new {
                    patch.insert(key.to_owned(), new.clone());
                }
            }
            _ if self.changes => drop(patch.insert(key.to_owned(), new.clone())),
            _ => {}
        }
        Ok(())
    }

    fn lists(
        self,
        key: &str,
        old: &[Value],
        new: &[Value],
        items: TypeRef<'_>,
        merge_key: Option<&str>,
        patch: &mut Map<String, Value>,
    ) -> Result<(), PatchError> {
        if old.is_empty() {
            if self.changes && !new.is_empty() {
                patch.insert(key.to_owned(), Value::Array(new.to_vec()));
            }
            return Ok(());
        }
        let mut put = |key: String, list: Vec<Value>| {
            if !list.is_empty() {
                patch.insert(key, Value::Array(list));
            }
        };
        if !hold_maps([old, new])? {
            let (added, deleted) = self.scalars(old, new);
            let reorders = (self.deletions && !deleted.is_empty()) || (self.changes && old != new);
            put(key.to_owned(), Identity(None).sort_by(added, new)?);
            put(format!("{DELETE_FROM_LIST}{key}"), deleted);
            if self.set_order && reorders {
                put(format!("{SET_ORDER}{key}"), new.to_vec());
            }
            return Ok(());
        }
        let Some(merge_key) = merge_key else {
            return Err(PatchError::NoKeyDeclared(items.name().unwrap_or("struct").to_owned()));
        };
        let (changed, deleted) = self.items(old, new, items, merge_key)?;
        let mut list = Identity(Some(merge_key)).sort_by(changed, new)?;
        let same_order =
            old.len() == new.len() && old.iter().zip(new).all(|(a, b)| a.get(merge_key) == b.get(merge_key));
        list.extend(deleted);
        let reorders =
            (self.changes && (!list.is_empty() || !same_order)) || (self.deletions && !list.is_empty());
        put(key.to_owned(), list);
        if self.set_order && reorders {
            let only_key = |item: &Value| {
                let value = item.get(merge_key).cloned().unwrap_or_default();
                Value::Object(Map::from_iter([(merge_key.to_owned(), value)]))
            };
            put(format!("{SET_ORDER}{key}"), new.iter().map(only_key).collect());
        }
        Ok(())
    }

    /// Scalars to add and to delete, each list by itself in the order of their texts.
    fn scalars(self, old: &[Value], new: &[Value]) -> (Vec<Value>, Vec<Value>) {
        let sorted = |list: &[Value]| {
            let mut texts: Vec<(String, Value)> = list.iter().map(|v| (go_value(v), v.clone())).collect();
            texts.sort_by(|a, b| a.0.cmp(&b.0));
            texts
        };
        let (old, new) = (sorted(old), sorted(new));
        let (mut added, mut deleted) = (Vec::new(), Vec::new());
        for (a, b) in side_by_side(&old, &new, |(text, _)| text.clone()) {
            match (a, b) {
                (Some((_, value)), None) if self.deletions && !deleted.contains(value) => {
                    deleted.push(value.clone())
                }
                (None, Some((_, value))) if self.changes => added.push(value.clone()),
                _ => {}
            }
        }
        (added, deleted)
    }

    /// Items to add or change, and directives for items to delete.
    fn items(
        self,
        old: &[Value],
        new: &[Value],
        ty: TypeRef<'_>,
        key: &str,
    ) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
        old.iter().chain(new).try_for_each(|item| key_of(item, key).map(drop))?;
        let text = |item: &&Value| go_value(item.get(key).unwrap_or(&Value::Null));
        // Go's sort turns items of one key around: the last of one list meets the last of the other.
        let sorted = |list: &'_ [Value]| -> Vec<Value> {
            let mut items: Vec<&Value> = list.iter().rev().collect();
            items.sort_by_key(text);
            items.into_iter().cloned().collect()
        };
        let (old, new) = (sorted(old), sorted(new));
        let (mut changed, mut deleted) = (Vec::new(), Vec::new());
        for (a, b) in side_by_side(&old, &new, |item| text(&item)) {
            match (a, b) {
                (Some(a), Some(b)) => {
                    let mut inner = self.maps(as_item(a)?, as_item(b)?, ty)?;
                    if !inner.is_empty() {
                        inner.insert(key.to_owned(), key_of(b, key)?.clone());
                        changed.push(Value::Object(inner));
                    }
                }
                (None, Some(b)) if self.changes => changed.push(b.clone()),
                (Some(a), None) if self.deletions => {
                    let fields =
                        [(key.to_owned(), key_of(a, key)?.clone()), (DIRECTIVE.to_owned(), "delete".into())];
                    deleted.push(Value::Object(Map::from_iter(fields)));
                }
                _ => {}
            }
        }
        Ok((changed, deleted))
    }
}

/// Walks two sorted lists: pairs of equal text, and what only one of them has.
fn side_by_side<'v, T>(
    old: &'v [T],
    new: &'v [T],
    text: impl Fn(&T) -> String,
) -> Vec<(Option<&'v T>, Option<&'v T>)> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut pairs = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return pairs,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => text(a).cmp(&text(b)),
        };
        let a = if order.is_le() { old.next() } else { None };
        let b = if order.is_ge() { new.next() } else { None };
        pairs.push((a, b));
    }
}
