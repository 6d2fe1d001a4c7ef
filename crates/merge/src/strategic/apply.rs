use super::lists::{Identity, check_order, hold_maps};
use super::{DELETE_FROM_LIST, DIRECTIVE, PatchError, RETAIN_KEYS, SET_ORDER};
use super::{as_item, as_list, form, items_of, key_of, lookup};
use crate::values::go_value;
use holdfast_object::schema::{PatchStrategy, TypeRef};
use serde_json::{Map, Value};

/// What the directives of a patch do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// They act, and null removes.
    Apply,
    /// They are carried over: both sides are patches, and the result is one.
    Combine,
}

pub(super) struct Apply {
    pub(super) mode: Mode,
}

impl Apply {
    pub(super) fn map(
        &self,
        mut original: Map<String, Value>,
        mut patch: Map<String, Value>,
        ty: TypeRef<'_>,
    ) -> Result<Map<String, Value>, PatchError> {
        if let Some(directive) = patch.shift_remove(DIRECTIVE) {
            return match directive.as_str() {
                Some("replace") => Ok(patch),
                Some("delete") => Ok(Map::new()),
                _ => {
                    let kind = go_value(&directive);
                    patch.insert(DIRECTIVE.into(), directive);
                    Err(PatchError::UnknownDirective { kind, map: go_value(&Value::Object(patch)) })
                }
            };
        }
        self.retain_keys(&mut original, &mut patch)?;
        self.ordered_lists(&mut original, &mut patch, ty)?;
        // Removals first: what a patch both removes and adds is there afterwards. Go leaves that to chance.
        let (removals, rest): (Vec<_>, Vec<_>) =
            patch.into_iter().partition(|(key, _)| key.starts_with(DELETE_FROM_LIST));
        for (key, value) in removals.into_iter().chain(rest) {
            match key.strip_prefix(DELETE_FROM_LIST) {
                Some(_) if self.mode == Mode::Combine => drop(original.insert(key, value)),
                Some(list) => delete_from(&mut original, list, &value)?,
                None if key.starts_with("$deleteFromPrimitiveList") => {
                    return Err(PatchError::WrongForm {
                        expected: "key with a field name",
                        received: "key without",
                    });
                }
                None => self.key(&mut original, key, value, ty)?,
            }
        }
        Ok(original)
    }

    fn key(
        &self,
        original: &mut Map<String, Value>,
        key: String,
        value: Value,
        ty: TypeRef<'_>,
    ) -> Result<(), PatchError> {
        if value.is_null() {
            original.shift_remove(&key);
            if self.mode == Mode::Apply {
                return Ok(());
            }
        }
        let merged = match (original.get_mut(&key).map(Value::take), value) {
            (Some(Value::Object(old)), Value::Object(new)) => {
                let (ty, strategy) = lookup(ty, &key)?;
                let merged = if strategy.replace { new } else { self.map(old, new, ty)? };
                Some(Value::Object(merged))
            }
            (Some(Value::Array(old)), Value::Array(new)) => {
                let (ty, strategy) = lookup(ty, &key)?;
                Some(Value::Array(self.list(old, new, items_of(ty), strategy)?))
            }
            (_, new) => self.added(new),
        };
        match merged {
            Some(value) => drop(original.insert(key, value)),
            None => drop(original.shift_remove(&key)),
        }
        Ok(())
    }

    /// `$retainKeys`: what the patch does not name goes.
    fn retain_keys(
        &self,
        original: &mut Map<String, Value>,
        patch: &mut Map<String, Value>,
    ) -> Result<(), PatchError> {
        let Some(directive) = patch.shift_remove(RETAIN_KEYS) else { return Ok(()) };
        if self.mode == Mode::Combine {
            return match original.get(RETAIN_KEYS) {
                Some(other) if *other != directive => Err(PatchError::RetainKeys),
                _ => {
                    original.insert(RETAIN_KEYS.into(), directive);
                    Ok(())
                }
            };
        }
        let keys = directive.as_array().ok_or(PatchError::RetainKeys)?;
        let named = |key: &str| keys.iter().any(|k| k == key);
        if patch.iter().any(|(key, value)| !value.is_null() && !is_directive(key) && !named(key)) {
            return Err(PatchError::RetainKeys);
        }
        original.retain(|key, _| named(key));
        Ok(())
    }

    /// Merges and orders the lists that have a `$setElementOrder`; they are taken out of the patch.
    fn ordered_lists(
        &self,
        original: &mut Map<String, Value>,
        patch: &mut Map<String, Value>,
        ty: TypeRef<'_>,
    ) -> Result<(), PatchError> {
        let directives: Vec<String> =
            patch.keys().filter(|k| k.starts_with("$setElementOrder")).cloned().collect();
        for directive in directives {
            let Some(order) = patch.shift_remove(&directive) else { continue };
            if self.mode == Mode::Combine {
                match original.get(&directive) {
                    Some(other) if *other != order => return Err(PatchError::SetElementOrder),
                    _ => drop(original.insert(directive.clone(), order.clone())),
                }
            }
            let order = as_list(&order)?;
            let key = directive.strip_prefix(SET_ORDER).ok_or(PatchError::SetElementOrder)?;
            let old = original.get(key).map(as_list).transpose()?.map(<[Value]>::to_vec);
            let new = patch.get(key).map(as_list).transpose()?.map(<[Value]>::to_vec);
            let (list_type, strategy) = lookup(ty, key)?;
            let identity = Identity(strategy.merge_key);
            check_order(new.as_deref().unwrap_or_default(), order, identity)?;
            let live_order = old.clone().unwrap_or_default();
            let merged = match (old, new) {
                (None, None) => continue,
                (Some(old), None) => old,
                (None, Some(new)) => match self.added(Value::Array(new)) {
                    Some(Value::Array(new)) => new,
                    _ => continue,
                },
                (Some(old), Some(new)) => self.list(old, new, items_of(list_type), strategy)?,
            };
            let (from_patch, live_only) = identity.part(merged, order)?;
            let ordered = identity.order(from_patch, live_only, order, &live_order)?;
            original.insert(key.to_owned(), Value::Array(ordered));
            patch.shift_remove(key);
        }
        Ok(())
    }

    fn list(
        &self,
        original: Vec<Value>,
        patch: Vec<Value>,
        items: TypeRef<'_>,
        strategy: PatchStrategy<'_>,
    ) -> Result<Vec<Value>, PatchError> {
        if !strategy.merge {
            return Ok(patch);
        }
        if original.is_empty() && patch.is_empty() {
            return Ok(original);
        }
        if !hold_maps([&original, &patch])? {
            let identity = Identity(None);
            let mut merged = original.clone();
            merged.extend(patch.iter().cloned());
            let (from_patch, live_only) = identity.part(deduplicated(merged), &patch)?;
            return identity.order(from_patch, live_only, &patch, &original);
        }
        let Some(key) = strategy.merge_key else {
            return Err(PatchError::NoKeyDeclared(items.name().unwrap_or("struct").to_owned()));
        };
        let identity = Identity(Some(key));
        let (original, patch) = special_items(original, patch, key)?;
        let merged = self.items(original.clone(), &patch, key, items)?;
        let (from_patch, live_only) = identity.part(merged, &patch)?;
        identity.order(from_patch, live_only, &patch, &original)
    }

    /// A value that was not there before. Applying leaves no trace of what a patch is made of; a patch laid over a
    /// patch keeps all but maps that are directives.
    fn added(&self, value: Value) -> Option<Value> {
        let plain = self.mode == Mode::Apply;
        match value {
            Value::Object(map) if map.contains_key(DIRECTIVE) => None,
            Value::Object(map) => {
                let kept =
                    map.into_iter().filter(|(key, value)| !plain || !(value.is_null() || is_directive(key)));
                Some(Value::Object(kept.filter_map(|(key, value)| Some((key, self.added(value)?))).collect()))
            }
            Value::Array(items) => {
                Some(Value::Array(items.into_iter().filter_map(|v| self.added(v)).collect()))
            }
            scalar => Some(scalar),
        }
    }

    fn items(
        &self,
        mut merged: Vec<Value>,
        patch: &[Value],
        key: &str,
        ty: TypeRef<'_>,
    ) -> Result<Vec<Value>, PatchError> {
        for item in patch {
            let wanted = key_of(item, key)?;
            if let Some(other) = merged.iter().find(|item| !item.is_object()) {
                return Err(PatchError::WrongForm {
                    expected: "map[string]interface {}",
                    received: form(other),
                });
            }
            match merged.iter_mut().find(|item| item.get(key) == Some(wanted)) {
                Some(slot) => {
                    let old = slot.as_object().cloned().unwrap_or_default();
                    *slot = Value::Object(self.map(old, as_item(item)?.clone(), ty)?);
                }
                None => merged.extend(self.added(item.clone())),
            }
        }
        Ok(merged)
    }
}

/// Acts on `$patch` items of a list: `delete` removes the items with its key, `replace` drops the live list.
fn special_items(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
    let mut plain = Vec::with_capacity(patch.len());
    let mut replace = false;
    for item in patch {
        let Some(directive) = as_item(&item)?.get(DIRECTIVE) else {
            plain.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let wanted = key_of(&item, key)?;
                original.retain(|other| other.get(key) != Some(wanted));
            }
            Some("replace") => replace = true,
            Some("merge") => return Err(PatchError::MergeDirective),
            _ => {
                return Err(PatchError::UnknownDirective { kind: go_value(directive), map: go_value(&item) });
            }
        }
    }
    Ok(if replace { (plain, Vec::new()) } else { (original, plain) })
}

fn delete_from(original: &mut Map<String, Value>, key: &str, values: &Value) -> Result<(), PatchError> {
    if let Some(Value::Array(list)) = original.get_mut(key) {
        let values = as_list(values)?;
        list.retain(|item| !values.contains(item));
    }
    Ok(())
}

fn deduplicated(list: Vec<Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::with_capacity(list.len());
    for item in list {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

fn is_directive(key: &str) -> bool {
    key == RETAIN_KEYS || key.starts_with(SET_ORDER) || key.starts_with(DELETE_FROM_LIST)
}
