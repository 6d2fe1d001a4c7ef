//! Deletes objects whose owners are gone, and works off foreground and orphan deletions.

use crate::core::Core;
use crate::store::{Bucket, Change, ChangeKind, Name, Stored};
use crate::verbs::{DeleteOptions, FOREGROUND, ORPHAN, Target, change_raw, delete, finalize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Where an object is.
type Place = (Bucket, Name);

/// Who owns whom, kept up to date with every change.
#[derive(Debug, Default)]
pub(super) struct Graph {
    uids: HashSet<Box<str>>,
    dependents: BTreeMap<Box<str>, BTreeSet<Place>>,
    /// Objects that are being deleted, by uid.
    deleting: BTreeMap<Box<str>, Place>,
}

impl Graph {
    /// Takes a change in. Answers the objects to look at.
    pub(super) fn observe(&mut self, bucket: &Bucket, change: &Change) -> Vec<Place> {
        let (object, mut affected) = (&change.object, Vec::new());
        let place = (bucket.clone(), object.name().clone());
        for owner in change.previous.iter().flat_map(|p| p.owners()) {
            if let Some(places) = self.dependents.get_mut(&owner.uid) {
                places.remove(&place);
                if places.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
        if change.kind == ChangeKind::Deleted {
            self.uids.remove(object.uid());
            affected.extend(self.dependents.get(object.uid()).into_iter().flatten().cloned());
            // A removed dependent may have held its owner.
            affected.extend(object.owners().iter().filter_map(|o| self.deleting.get(&o.uid).cloned()));
            self.deleting.remove(object.uid());
            return affected;
        }
        self.uids.insert(object.uid().into());
        for owner in object.owners() {
            self.dependents.entry(owner.uid.clone()).or_default().insert(place.clone());
        }
        if object.is_deleting() {
            self.deleting.insert(object.uid().into(), place.clone());
        }
        if !object.owners().is_empty() || object.is_deleting() {
            affected.push(place);
        }
        affected
    }

    /// The dependents of an owner in one resource, in order of name.
    pub(super) fn owned(&self, core: &Core, uid: &str, bucket: &str) -> Vec<std::sync::Arc<Stored>> {
        let places = self.dependents.get(uid).into_iter().flatten().filter(|(b, _)| &**b == bucket);
        places.filter_map(|(bucket, name)| core.store.get(bucket, name)).collect()
    }

    /// Does what has to be done about one object.
    pub(super) fn sync(&self, core: &Core, bucket: &Bucket, name: &Name) {
        let Some(object) = core.store.get(bucket, name) else { return };
        if object.is_deleting() {
            self.work_off(core, bucket, &object);
            return;
        }
        if object.owners().is_empty() {
            return;
        }
        let registry = core.registry();
        // Owners of kinds that are not served (yet) cannot be judged.
        let lives = object.owners().iter().any(|owner| {
            self.uids.contains(&owner.uid) || registry.by_kind(&owner.api_version, &owner.kind).is_none()
        });
        if !lives {
            remove(core, bucket, &object);
        }
    }

    /// Brings a deletion with a garbage collector's finalizer forward.
    fn work_off(&self, core: &Core, bucket: &Bucket, owner: &Stored) {
        let body = owner.bare();
        let finalizers = body["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        let has = |name: &str| finalizers.iter().any(|f| f == name);
        let places = || self.dependents.get(owner.uid()).into_iter().flatten();
        if has(ORPHAN) {
            for (bucket, name) in places() {
                disown(core, bucket, name, owner.uid());
            }
            finalize(core, bucket, owner.name(), ORPHAN);
        } else if has(FOREGROUND) {
            let mut blocked = false;
            for (bucket, name) in places() {
                let Some(dependent) = core.store.get(bucket, name) else { continue };
                if !dependent.is_deleting() {
                    remove(core, bucket, &dependent);
                }
                let blocks = dependent.owners().iter().any(|o| *o.uid == *owner.uid() && o.blocks);
                blocked |= blocks && core.store.get(bucket, name).is_some();
            }
            if !blocked {
                finalize(core, bucket, owner.name(), FOREGROUND);
            }
        }
    }
}

fn remove(core: &Core, bucket: &Bucket, object: &Stored) {
    let Some(resource) = core.registry().stored().find(|r| r.bucket == *bucket).cloned() else { return };
    let name = object.name();
    let options = DeleteOptions {
        uid: Some(object.uid().into()),
        propagation: "Background".into(),
        ..DeleteOptions::default()
    };
    // Gone or recreated in the meantime is as good.
    let _ = delete(core, &Target::object(resource, &name.namespace, &name.name), &options);
}

fn disown(core: &Core, bucket: &Bucket, name: &Name, uid: &str) {
    change_raw(core, bucket, name, |object| {
        let owners = object["metadata"]["ownerReferences"].as_array()?;
        let left: Vec<Value> = owners.iter().filter(|o| o["uid"] != uid).cloned().collect();
        object["metadata"]["ownerReferences"] = json!(left);
        if left.is_empty() {
            object["metadata"].as_object_mut()?.shift_remove("ownerReferences");
        }
        Some(())
    });
}
