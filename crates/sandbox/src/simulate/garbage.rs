//! Deletes objects whose owners are gone, and works off foreground and orphan deletions.

use crate::core::Core;
use crate::resource::Registry;
use crate::store::{Bucket, Name, Stored};
use crate::verbs::{DeleteOptions, FOREGROUND, ORPHAN, Target, change_raw, delete, finalize};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// An object that has owners.
struct Dependent {
    bucket: Bucket,
    stored: Arc<Stored>,
    owners: Vec<Value>,
}

/// Follows all objects for as long as the sandbox lives.
pub(crate) async fn run(core: Arc<Core>) {
    let mut any = core.store.any_change();
    loop {
        any.mark_unchanged();
        pass(&core);
        if any.changed().await.is_err() {
            return;
        }
    }
}

fn pass(core: &Core) {
    let registry = core.registry();
    let mut uids = HashSet::new();
    let mut dependents: Vec<Dependent> = Vec::new();
    let mut waiting: Vec<(Bucket, Arc<Stored>)> = Vec::new();
    for bucket in core.store.buckets() {
        for stored in core.store.list(&bucket, "") {
            uids.insert(stored.uid().to_owned());
            if stored.is_deleting() {
                waiting.push((bucket.clone(), stored.clone()));
            }
            if stored.mentions("\"ownerReferences\"") {
                let owners =
                    stored.bare()["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
                if !owners.is_empty() {
                    dependents.push(Dependent { bucket: bucket.clone(), stored, owners });
                }
            }
        }
    }
    let by_bucket: HashMap<Bucket, _> = registry.stored().map(|r| (r.bucket.clone(), r.clone())).collect();
    let remove = |dependent: &Dependent| {
        if let Some(resource) = by_bucket.get(&dependent.bucket) {
            let name = dependent.stored.name();
            let options = DeleteOptions {
                uid: Some(dependent.stored.uid().into()),
                propagation: "Background".into(),
                ..DeleteOptions::default()
            };
            let _ = delete(core, &Target::object(resource.clone(), &name.namespace, &name.name), &options);
        }
    };
    for (bucket, owner) in &waiting {
        work_off(core, bucket, owner, &dependents, &remove);
    }
    for dependent in dependents.iter().filter(|d| !d.stored.is_deleting()) {
        let known = |owner: &&Value| {
            uids.contains(owner["uid"].as_str().unwrap_or_default()) || !is_served(&registry, owner)
        };
        if !dependent.owners.iter().any(|o| known(&o)) {
            remove(dependent);
        }
    }
}

/// Owners of kinds that are not served (yet) cannot be judged.
fn is_served(registry: &Registry, owner: &Value) -> bool {
    registry
        .by_kind(owner["apiVersion"].as_str().unwrap_or_default(), owner["kind"].as_str().unwrap_or_default())
        .is_some()
}

/// Brings a deletion with a garbage collector's finalizer forward.
fn work_off(
    core: &Core,
    bucket: &Bucket,
    owner: &Stored,
    dependents: &[Dependent],
    remove: &impl Fn(&Dependent),
) {
    let body = owner.bare();
    let finalizers = body["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    let has = |name: &str| finalizers.iter().any(|f| f == name);
    let owned = || dependents.iter().filter(|d| d.owners.iter().any(|o| o["uid"] == owner.uid()));
    if has(ORPHAN) {
        for dependent in owned() {
            disown(core, &dependent.bucket, dependent.stored.name(), owner.uid());
        }
        finalize(core, bucket, owner.name(), ORPHAN);
    } else if has(FOREGROUND) {
        let mut blocked = false;
        for dependent in owned() {
            let blocks =
                dependent.owners.iter().any(|o| o["uid"] == owner.uid() && o["blockOwnerDeletion"] == true);
            if !dependent.stored.is_deleting() {
                remove(dependent);
            }
            blocked |= blocks && core.store.get(&dependent.bucket, dependent.stored.name()).is_some();
        }
        if !blocked {
            finalize(core, bucket, owner.name(), FOREGROUND);
        }
    }
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
