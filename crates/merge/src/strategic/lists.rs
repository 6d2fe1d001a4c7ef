//! What the lists of a patch have in common: one form of items, and an order.

use super::{DIRECTIVE, PatchError, as_item, form, key_of};
use crate::values::go_value;
use serde_json::Value;

/// True when the lists hold maps, false for scalars and for nothing at all.
///
/// # Errors
/// [`PatchError`] for lists in lists and for items of different forms.
pub(super) fn hold_maps(lists: [&[Value]; 2]) -> Result<bool, PatchError> {
    let mut all = lists.into_iter().flatten();
    let Some(first) = all.next() else { return Ok(false) };
    if first.is_array() {
        return Err(PatchError::ListOfLists);
    }
    if all.any(|item| form(item) != form(first)) {
        let shown: Vec<String> = lists.iter().map(|list| go_value(&Value::Array(list.to_vec()))).collect();
        return Err(PatchError::MixedList(format!("[{}]", shown.join(" "))));
    }
    Ok(first.is_object())
}

/// What tells items apart: the value of a key, or the scalar itself.
#[derive(Clone, Copy)]
pub(super) struct Identity<'k>(pub(super) Option<&'k str>);

impl Identity<'_> {
    pub(super) fn of(self, item: &Value) -> &Value {
        match self.0 {
            Some(key) => item.get(key).unwrap_or(&Value::Null),
            None => item,
        }
    }

    pub(super) fn position(self, list: &[Value], item: &Value) -> Option<usize> {
        list.iter().position(|other| self.of(other) == self.of(item))
    }

    /// Parts the list in items that `by` names and the rest.
    pub(super) fn part(self, list: Vec<Value>, by: &[Value]) -> Result<(Vec<Value>, Vec<Value>), PatchError> {
        if let Some(key) = self.0 {
            list.iter().try_for_each(|item| key_of(item, key).map(drop))?;
        }
        Ok(list.into_iter().partition(|item| self.position(by, item).is_some()))
    }

    /// Sorts by the order of another list. Items to delete come last.
    pub(super) fn sort_by(self, list: Vec<Value>, order: &[Value]) -> Result<Vec<Value>, PatchError> {
        let (mut kept, deleted) = match self.0 {
            Some(key) => {
                list.iter().chain(order).try_for_each(|item| key_of(item, key).map(drop))?;
                list.into_iter().partition(|item| !is_deletion(item))
            }
            None => (list, Vec::new()),
        };
        kept.sort_by_key(|item| self.position(order, item).unwrap_or(usize::MAX));
        kept.extend(deleted);
        Ok(kept)
    }

    /// Orders a merged list: items of the patch in the patch's order, items that only the live list has in the live
    /// order, and both interleaved as the live list had them.
    pub(super) fn order(
        self,
        from_patch: Vec<Value>,
        live_only: Vec<Value>,
        patch_order: &[Value],
        live_order: &[Value],
    ) -> Result<Vec<Value>, PatchError> {
        let from_patch = self.sort_by(from_patch, patch_order)?;
        let live_only = self.sort_by(live_only, live_order)?;
        let before = |a: &Value, b: &Value| match (self.position(live_order, a), self.position(live_order, b))
        {
            (Some(a), Some(b)) => a < b,
            _ => false,
        };
        let mut ordered = Vec::with_capacity(from_patch.len() + live_only.len());
        let (mut left, mut right) = (live_only.into_iter().peekable(), from_patch.into_iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (None, None) => return Ok(ordered),
                (Some(_), None) => left.next(),
                (Some(a), Some(b)) if before(a, b) => left.next(),
                _ => right.next(),
            };
            ordered.extend(next);
        }
    }
}

pub(super) fn is_deletion(item: &Value) -> bool {
    item.get(DIRECTIVE).is_some_and(|directive| directive == "delete")
}

/// Checks that the patch's own list comes in the order of its `$setElementOrder`, and names nothing beside it.
pub(super) fn check_order(
    patch: &[Value],
    order: &[Value],
    identity: Identity<'_>,
) -> Result<(), PatchError> {
    if order.is_empty() || patch.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    for item in patch {
        if let Some(key) = identity.0 {
            if as_item(item)?.contains_key(DIRECTIVE) {
                continue;
            }
            key_of(item, key)?;
        }
        if !rest.any(|other| identity.of(other) == identity.of(item)) {
            return Err(PatchError::OrderMismatch {
                patch: go_value(&Value::Array(patch.to_vec())),
                order: go_value(&Value::Array(order.to_vec())),
            });
        }
    }
    Ok(())
}
