//! How things must be once nothing disturbs any more.

use super::inventory::{entries, entry};
use super::marks;
use crate::fleet::{Api, App, Content, History, Item};
use crate::world::World;
use holdfast_object::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What is not yet as it should be: objects, inventories and statuses of every app against the newest state.
pub(crate) fn problems(world: &World) -> Vec<String> {
    let live: BTreeMap<Item, Value> =
        world.items().into_iter().filter_map(|item| Some((item.clone(), world.item(&item)?))).collect();
    let (newest, folders) = world.repository().with(|history| {
        let newest = history.newest();
        let folders = App::ALL
            .into_iter()
            .filter_map(|app| Some((app, history.head(newest).folder(app).wanted()?.clone())));
        (newest, folders.collect::<BTreeMap<_, _>>())
    });
    let mut problems = Vec::new();
    for app in App::ALL {
        let Some(wanted) = folders.get(&app) else { continue };
        let mut found = match world.custom(app) {
            None => orphans(app, &live, &BTreeMap::new()),
            Some(custom) if custom.pointer("/metadata/deletionTimestamp").is_some() => {
                vec!["is still being deleted".to_owned()]
            }
            Some(custom) if custom.pointer("/spec/suspend") == Some(&true.into()) => Vec::new(),
            Some(custom) => {
                let mut found = objects(&live, wanted);
                found.extend(orphans(app, &live, wanted));
                match app.api() {
                    Api::Flux => found.extend(flux(&custom, wanted, newest)),
                    Api::ArgoCd => found = argocd(&custom, newest, app, found),
                }
                found
            }
        };
        problems.extend(found.drain(..).map(|problem| format!("{app}: {problem}")));
    }
    problems
}

fn objects(live: &BTreeMap<Item, Value>, wanted: &BTreeMap<Item, Content>) -> Vec<String> {
    let problem = |(item, content): (&Item, &Content)| match live.get(item) {
        None => Some(format!("{item} is missing")),
        Some(found) => content.differs(item, found).map(|why| format!("{item}: {why}")),
    };
    wanted.iter().filter_map(problem).collect()
}

fn orphans(app: App, live: &BTreeMap<Item, Value>, wanted: &BTreeMap<Item, Content>) -> Vec<String> {
    live.iter()
        .filter(|(item, found)| !wanted.contains_key(*item) && marks(item, found).contains(&app))
        .map(|(item, _)| format!("{item} is left over"))
        .collect()
}

fn flux(custom: &Value, wanted: &BTreeMap<Item, Content>, newest: usize) -> Vec<String> {
    let mut problems = Vec::new();
    let text = |path: &str| custom.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let conditions = custom.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions.into_iter().flatten().find(|c| c["type"] == "Ready");
    match ready {
        Some(ready) if ready["status"] == "True" => {}
        Some(ready) => problems.push(format!("is not ready: {}", ready["message"])),
        None => problems.push("says nothing".to_owned()),
    }
    let revision = format!("main@sha1:{}", History::commit(newest));
    for path in ["/status/lastAppliedRevision", "/status/lastAttemptedRevision"] {
        if text(path) != revision {
            problems.push(format!("{path} is {:?} instead of state {newest}", text(path)));
        }
    }
    let observed = custom.pointer("/status/observedGeneration");
    if observed != custom.pointer("/metadata/generation") {
        problems.push(format!("has observed generation {observed:?}"));
    }
    let listed = entries(custom);
    let expected: BTreeSet<String> = wanted.keys().map(entry).collect();
    if listed != expected.iter().map(String::as_str).collect() {
        problems.push(format!("the inventory is {listed:?} instead of {expected:?}"));
    }
    problems
}

/// An Application that syncs by itself is as wanted; of one that is synced by hand the status says how it stands.
fn argocd(custom: &Value, newest: usize, app: App, objects: Vec<String>) -> Vec<String> {
    let mut problems = Vec::new();
    let text = |path: &str| custom.pointer(path).and_then(Value::as_str).unwrap_or_default();
    if text("/status/sync/revision") != History::commit(newest) {
        problems
            .push(format!("was compared with {:?} instead of state {newest}", text("/status/sync/revision")));
    }
    let expected = if objects.is_empty() { "Synced" } else { "OutOfSync" };
    if text("/status/sync/status") != expected {
        problems.push(format!("says {:?} instead of {expected}: {objects:?}", text("/status/sync/status")));
    }
    if custom.get("operation").is_some() || text("/status/operationState/phase") == "Running" {
        problems.push("an operation is under way".to_owned());
    }
    if !app.is_manual() {
        problems.extend(objects);
    }
    problems
}
