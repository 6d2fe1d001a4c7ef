//! The inventory says at every moment what an app holds: a process that ends then leaves nothing behind that the next
//! one does not know of.

use super::{GRACE, Laws, Look, marks};
use crate::fleet::{Api, App, Item, Kind, NAMESPACE};
use holdfast_object::Value;
use std::collections::BTreeSet;

const LAW: &str = "the inventory knows what is ours";

/// The entry of an object in the inventory of a Kustomization.
pub(super) fn entry(item: &Item) -> String {
    let group = if item.kind == Kind::Deployment { "apps" } else { "" };
    format!("{NAMESPACE}_{}_{group}_{:?}", item.name, item.kind)
}

/// The entries of a Kustomization's inventory.
pub(super) fn entries(custom: &Value) -> BTreeSet<&str> {
    let entries = custom.pointer("/status/inventory/entries").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| entry["id"].as_str()).collect()
}

/// The object of an entry, when it is one of the fleet's.
fn item_of(entry: &str) -> Option<Item> {
    let mut parts = entry.splitn(4, '_').skip(1);
    let (name, kind) = (parts.next()?, parts.nth(1)?);
    let kind = Kind::ALL.into_iter().find(|known| format!("{known:?}") == kind)?;
    Some(Item { kind, name: name.to_owned() })
}

fn is_going(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

impl Laws {
    /// An object that an app has written is in its inventory by then.
    pub(super) fn is_listed(&mut self, look: &Look<'_>, app: App, item: &Item) {
        if app.api() != Api::Flux || self.is_restored_lately(look) {
            return;
        }
        let Some(custom) = look.world.custom(app).filter(|custom| !is_going(custom)) else { return };
        if !entries(&custom).contains(entry(item).as_str()) {
            self.violate(LAW, format!("{item} of {app} was written before the inventory had it"));
        }
    }

    /// What leaves an app's inventory is gone, or not the app's any more; and an app that goes leaves nothing behind.
    pub(super) fn keeps_listing(
        &mut self,
        look: &Look<'_>,
        app: App,
        before: Option<&Value>,
        after: Option<&Value>,
    ) {
        let Some(before) = before.filter(|_| !self.is_restored_lately(look)) else { return };
        // A Kustomization that is deleted while it is suspended leaves everything where it is.
        if before.pointer("/spec/suspend") == Some(&true.into()) {
            return;
        }
        let (what, left): (_, Vec<Item>) = if is_finalized(before, after) {
            ("the app went before it", self.held(look, app, before))
        } else {
            let kept = after.map(entries).unwrap_or_default();
            let left = entries(before).into_iter().filter(|entry| !kept.contains(entry));
            ("it left the inventory before it was gone", left.filter_map(item_of).collect())
        };
        for item in left {
            let live = look.world.item(&item).filter(|live| !is_going(live));
            let is_held = live.is_some_and(|live| marks(&item, &live).contains(&app));
            if is_held && !self.is_fresh(&item, look.now) {
                self.violate(LAW, format!("{item} of {app}: {what}"));
            }
        }
    }

    /// What an app holds as far as its custom resource says.
    fn held(&self, look: &Look<'_>, app: App, custom: &Value) -> Vec<Item> {
        match app.api() {
            Api::Flux => entries(custom).into_iter().filter_map(item_of).collect(),
            Api::ArgoCd => look.world.items(),
        }
    }

    pub(super) fn is_restored_lately(&self, look: &Look<'_>) -> bool {
        self.restored.is_some_and(|at| look.now.saturating_duration_since(at) <= GRACE)
    }
}

/// Whether a custom resource that is deleted has just lost the last finalizer, and is gone with it.
fn is_finalized(before: &Value, after: Option<&Value>) -> bool {
    is_going(before) && after.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    #[test]
    fn entries_name_items_and_back() {
        for kind in Kind::ALL {
            let item = Item { kind, name: "item-1".into() };
            assert_eq!(item_of(&entry(&item)), Some(item));
        }
        assert_eq!(item_of("fleet_item-1__Unknown"), None);
        assert_eq!(item_of("fleet"), None);
    }

    #[test]
    fn the_last_finalizer_takes_the_resource_with_it() {
        let going = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        let there = json!({"metadata": {}});
        assert!(is_finalized(&going, None));
        assert!(!is_finalized(&going, Some(&going)));
        assert!(!is_finalized(&there, Some(&there)));
    }
}
