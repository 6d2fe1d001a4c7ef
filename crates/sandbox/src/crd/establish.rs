//! Accepts the names of new definitions, serves them, and takes them away with their objects.

use super::{BUCKET, has_condition, resources, text};
use crate::core::Core;
use crate::store::Name;
use crate::verbs::{Target, WriteOptions, delete_collection, finalize, update};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

const API: (&str, &str) = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
/// Keeps a definition until its objects are gone.
pub(crate) const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Follows the definitions for as long as the sandbox lives.
pub(crate) async fn run(core: Arc<Core>) {
    let mut cursor = core.store.follow(&BUCKET.into(), 0);
    let mut any = core.store.any_change();
    loop {
        // Draining the cursor is enough: the pass below looks at the state, not at the changes.
        let _ = core.store.poll(&mut cursor);
        any.mark_unchanged();
        let draining = pass(&core);
        if draining {
            // Objects with finalizers hold a definition; the removal of one is a change elsewhere.
            any.changed().await;
        } else {
            cursor.changed().await;
        }
    }
}

/// Brings conditions and served resources up to date. True while a definition waits for its objects to go.
fn pass(core: &Core) -> bool {
    let definitions = core.store.list(BUCKET, "");
    let mut taken: HashMap<(String, String), String> = HashMap::new();
    for definition in &definitions {
        let says = definition.says();
        for name in &says.accepted {
            taken.insert((says.group.clone(), name.clone()), definition.name().name.to_string());
        }
    }
    for definition in definitions.iter().filter(|definition| !definition.says().is_settled) {
        settle(core, &definition.value(API.0, API.1), &mut taken);
    }
    let current = core.store.list(BUCKET, "");
    core.serve_custom(current.iter().flat_map(|definition| definition.says().serves.clone()));
    let mut draining = false;
    for definition in current.iter().filter(|d| d.is_deleting()) {
        draining |= clean_up(core, &definition.value(API.0, API.1));
    }
    draining
}

pub(super) fn all_names(names: &Value) -> Vec<String> {
    let mut all: Vec<String> = ["plural", "singular", "kind", "listKind"]
        .iter()
        .map(|key| text(names, key).to_owned())
        .filter(|n| !n.is_empty())
        .collect();
    all.extend(super::texts(names.get("shortNames")));
    all.sort();
    all.dedup();
    all
}

/// Decides a definition's conditions and accepted names, and writes them when they changed.
fn settle(core: &Core, definition: &Value, taken: &mut HashMap<(String, String), String>) {
    let name = text(&definition["metadata"], "name").to_owned();
    let group = text(&definition["spec"], "group").to_owned();
    let names = &definition["spec"]["names"];
    let clash = all_names(names)
        .into_iter()
        .find(|n| taken.get(&(group.clone(), n.clone())).is_some_and(|holder| *holder != name));
    let mut next = definition.clone();
    let conditions = match &clash {
        Some(clash) => vec![
            ("NamesAccepted", "False", conflict_reason(names, clash), format!("{clash:?} is already in use")),
            ("Established", "False", "NotAccepted", "not all names are accepted".to_owned()),
        ],
        None => vec![
            ("NamesAccepted", "True", "NoConflicts", "no conflicts found".to_owned()),
            (
                "Established",
                "True",
                "InitialNamesAccepted",
                "the initial names have been accepted".to_owned(),
            ),
        ],
    };
    for (kind, status, reason, message) in conditions {
        if kind == "Established" && has_condition(definition, kind) {
            continue;
        }
        set_condition(&mut next, core, kind, status, reason, &message);
    }
    if clash.is_none() {
        next["status"]["acceptedNames"] = names.clone();
        for n in all_names(names) {
            taken.insert((group.clone(), n), name.clone());
        }
    }
    let mut stored_versions = super::texts(definition["status"].get("storedVersions"));
    for version in super::storage_versions(definition) {
        if !stored_versions.contains(&version) {
            stored_versions.push(version);
        }
    }
    next["status"]["storedVersions"] = json!(stored_versions);
    if next["status"] != definition["status"] {
        write_status(core, &name, next);
    }
}

fn conflict_reason(names: &Value, clash: &str) -> &'static str {
    let reasons = [
        ("plural", "PluralConflict"),
        ("singular", "SingularConflict"),
        ("kind", "KindConflict"),
        ("listKind", "ListKindConflict"),
    ];
    reasons
        .iter()
        .find(|(key, _)| text(names, key) == clash)
        .map_or("ShortNamesConflict", |(_, reason)| reason)
}

fn set_condition(object: &mut Value, core: &Core, kind: &str, status: &str, reason: &str, message: &str) {
    let now = core.clock.timestamp();
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = json!([]);
    }
    let Some(conditions) = object["status"]["conditions"].as_array_mut() else { return };
    let found = conditions.iter_mut().find(|c| c["type"] == kind);
    let since = match &found {
        Some(old) if old["status"] == status => old["lastTransitionTime"].clone(),
        _ => Value::from(now),
    };
    let condition = json!({"type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message});
    match found {
        Some(old) => *old = condition,
        None => conditions.push(condition),
    }
}

fn write_status(core: &Core, name: &str, object: Value) {
    let Some(resource) =
        core.registry().preferred("apiextensions.k8s.io", "customresourcedefinitions").cloned()
    else {
        return;
    };
    let target = Target::object(resource, "", name).sub("status");
    // A race with another writer wakes the loop again.
    if let Err(error) = update(core, &target, object, &WriteOptions::system("kube-apiserver")) {
        tracing::debug!(name, %error, "definition's status not written");
    }
}

/// Deletes the objects of a definition that is being deleted, then lets it go. True while objects are left.
fn clean_up(core: &Core, definition: &Value) -> bool {
    let finalizers = super::texts(definition["metadata"].get("finalizers"));
    if !finalizers.iter().any(|f| f == FINALIZER) {
        return false;
    }
    let name = text(&definition["metadata"], "name");
    if let Some(resource) = resources(definition).into_iter().next() {
        let resource = Arc::new(resource);
        let _ = delete_collection(
            core,
            &Target::collection(resource.clone(), ""),
            &WriteOptions::system("kube-apiserver"),
        );
        if core.store.count(&resource.bucket) > 0 {
            return true;
        }
    }
    finalize(core, &BUCKET.into(), &Name::new("", name), FINALIZER);
    false
}
