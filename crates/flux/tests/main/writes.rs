//! What a reconcile writes: nothing that can be left out.

use crate::bed::{Bed, applied};
use holdfast_object::{GroupVersionKind, Object, json};
use holdfast_types::flux::kustomization;
use std::time::Duration;

fn deployment(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 0\n  selector: \
         {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{containers: \
         [{{name: web, image: '{image}'}}]}}\n"
    )
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {key: value}\n";

/// Writes so far. An event that says what one said before is a patch of that one.
fn writes(bed: &Bed) -> u64 {
    let counts = bed.engine.cluster().counts().by_verb();
    let writes = ["create", "update", "patch", "delete"];
    counts.iter().filter(|(verb, _)| writes.contains(verb)).map(|(_, count)| count).sum()
}

#[tokio::test(start_paused = true)]
async fn a_pair_from_nothing_and_commits_after_that() {
    let bed = Bed::start().await;
    let mut before = writes(&bed);
    let mut since = async |revision: &str| {
        bed.until(&kustomization(), "flux-system", "app", applied(revision)).await;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let now = writes(&bed);
        now - std::mem::replace(&mut before, now)
    };

    let revision = bed.repository.commit(&[("web.yaml", &deployment("one")), ("map.yaml", MAP)]);
    bed.source().await;
    bed.kustomization("app", json!({"wait": true})).await;
    let (finalizers, source, objects, inventory, status) = (2, 1, 2, 1, 1);
    // What was stored, what was made, that it is healthy, that it is over.
    let events = 4;
    assert_eq!(since(&revision).await, finalizers + source + objects + inventory + status + events);

    let revision = bed.repository.commit(&[("web.yaml", &deployment("two")), ("map.yaml", MAP)]);
    bed.push().await;
    let objects = 1;
    assert_eq!(since(&revision).await, source + objects + status + events);

    // Nothing of it changed: the statuses say the revision, and each tells that it is over: by that a commit's status
    // is set.
    let files = [("web.yaml", &*deployment("two")), ("map.yaml", MAP), ("README.md", "news")];
    let revision = bed.repository.commit(&files);
    bed.push().await;
    let events = 2;
    assert_eq!(since(&revision).await, source + status + events);
}

#[tokio::test(start_paused = true)]
async fn what_is_put_right_between_intervals_costs_its_applies_and_one_event() {
    let bed = Bed::start().await;
    let other = MAP.replace("name: map", "name: other");
    let revision = bed.repository.commit(&[("map.yaml", MAP), ("other.yaml", &other)]);
    bed.source().await;
    bed.kustomization("app", json!({"wait": true})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (before, version) = (bed.cluster.counts().by_verb(), version(&bed).await);

    let config_map = GroupVersionKind::new("", "v1", "ConfigMap");
    for name in ["map", "other"] {
        bed.merge(&config_map, "default", name, json!({"data": {"key": "theirs"}})).await;
    }
    let is_back =
        |object: Option<&Object>| object.and_then(|o| o.get(&["data", "key"])) == Some(&json!("value"));
    for name in ["map", "other"] {
        bed.until(&config_map, "default", name, is_back).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    let spent: Vec<(&str, u64)> = (bed.cluster.counts().by_verb().into_iter().zip(before))
        .map(|((verb, now), (_, before))| (verb, now - before))
        .filter(|(_, spent)| *spent > 0)
        .collect();
    // The first change may be put right before the second one comes: then there are two runs, and an event of each.
    assert!(matches!(spent[..], [("create", 1 | 2), ("patch", 2)]), "{spent:?}");
    assert_eq!(self::version(&bed).await, version, "the status says what it said");
    let told = bed.events("flux-system", "app").await;
    let healed: Vec<&String> = told.iter().filter(|event| event.starts_with("DriftCorrected")).collect();
    assert!(
        ["map", "other"].iter().all(|name| healed.iter().any(|e| e.contains(&format!("default/{name} ")))),
        "{told:#?}"
    );
}

async fn version(bed: &Bed) -> String {
    let app = bed.get(&kustomization(), "flux-system", "app").await;
    app.map(|app| app.resource_version().to_owned()).unwrap_or_default()
}
