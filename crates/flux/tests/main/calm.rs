//! At rest nothing is written or asked; and who fights us does not get us to shake an object.

use crate::bed::{Bed, applied, ready};
use holdfast_cluster::{ApiRequest, PatchKind};
use holdfast_flux::FluxOptions;
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_types::flux::kustomization;
use std::time::Duration;
use tokio::time::Instant;

fn config_map() -> GroupVersionKind {
    GroupVersionKind::new("", "v1", "ConfigMap")
}

fn manifest(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: ours\n")
}

fn value(object: Option<&Object>) -> Option<&str> {
    object?.get(&["data", "key"])?.as_str()
}

async fn settled(names: &[&str]) -> Bed {
    let bed = Bed::start().await;
    let files: Vec<(String, String)> = names.iter().map(|n| (format!("{n}.yaml"), manifest(n))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let revision = bed.repository.commit(&files);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    bed
}

fn requests(bed: &Bed) -> u64 {
    let counts = bed.engine.cluster().counts().by_verb();
    counts
        .iter()
        .filter(|(verb, _)| ["get", "create", "update", "patch", "delete"].contains(verb))
        .map(|(_, n)| n)
        .sum()
}

/// Writes as another client would, outside of the requests that are counted.
async fn write(bed: &Bed, manager: &str, name: &str, patch: Value) {
    let resource = bed.hand.cluster.resource(&config_map()).await.unwrap();
    let request = ApiRequest::patch(&resource, "default", name, PatchKind::Merge, patch.to_string())
        .query("fieldManager", manager.to_owned());
    bed.hand.cluster.request(request).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_others_add_costs_no_request_and_no_comparison() {
    let bed = settled(&["a", "b", "c"]).await;
    let (before, seals) = (requests(&bed), bed.engine.live().seal_counts());
    for round in 0..50 {
        write(&bed, "someone", "a", json!({"data": {"theirs": format!("{round}")}})).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(requests(&bed), before);
    let after = bed.engine.live().seal_counts();
    assert_eq!((after.unequal, after.taken), (seals.unequal, seals.taken));
    assert!(after.equal > seals.equal);
}

#[tokio::test(start_paused = true)]
async fn objects_of_others_are_not_held() {
    let bed = settled(&["a"]).await;
    let before = bed.engine.live().size();
    let resource = bed.hand.cluster.resource(&config_map()).await.unwrap();
    for number in 0..200 {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("theirs-{number}"), "namespace": "default"},
            "data": {"text": "x".repeat(1000)}});
        let request = ApiRequest::create(&resource, "default", body.to_string());
        bed.hand.cluster.request(request).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = bed.engine.live().size();
    assert_eq!((after.0 - before.0, after.1), (200, before.1));
}

#[tokio::test(start_paused = true)]
async fn two_writers_who_disagree_do_not_shake_the_object() {
    let bed = settled(&["a", "b"]).await;
    let began = Instant::now();
    let mut heals = 0;
    while began.elapsed() < Duration::from_secs(60) {
        if value(bed.get(&config_map(), "default", "a").await.as_ref()) == Some("ours") {
            heals += 1;
            write(&bed, "rival", "a", json!({"data": {"key": "theirs"}})).await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // The first look finds what was applied; each further one what was put right since.
    assert!((4..=10).contains(&heals), "{heals} heals in a minute");

    // Another object is not held up by it.
    write(&bed, "rival", "b", json!({"data": {"key": "theirs"}})).await;
    let began = Instant::now();
    bed.until(&config_map(), "default", "b", |object| value(object) == Some("ours")).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());

    let app = bed.get(&kustomization(), "flux-system", "app").await.unwrap();
    let conditions = app.get(&["status", "conditions"]).unwrap().as_array().unwrap();
    let contested = conditions.iter().find(|c| c["type"] == "Contested").unwrap();
    let message = contested["message"].as_str().unwrap();
    assert!(message.starts_with("ConfigMap/default/a: .data.key was put right"), "{message}");
    assert!(message.contains("set again by \"rival\"; left alone until"), "{message}");

    // Once the other one gives up, it ends as Git says, and at the next interval the condition goes.
    bed.until_within(Duration::from_secs(120), "a", |object| value(object) == Some("ours")).await;
    tokio::time::sleep(Duration::from_secs(1300)).await;
    let app = bed.get(&kustomization(), "flux-system", "app").await.unwrap();
    let conditions = app.get(&["status", "conditions"]).unwrap().as_array().unwrap();
    assert!(!conditions.iter().any(|c| c["type"] == "Contested"), "{conditions:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_new_commit_is_applied_whoever_fights() {
    let bed = settled(&["a"]).await;
    for _ in 0..20 {
        write(&bed, "rival", "a", json!({"data": {"key": "theirs"}})).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let other = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  key: newer\n";
    let revision = bed.repository.commit(&[("a.yaml", other)]);
    bed.push().await;
    let began = Instant::now();
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    bed.until(&config_map(), "default", "a", |object| value(object) == Some("newer")).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_kubectl_adds_stays_until_the_interval() {
    let bed = settled(&["a"]).await;
    // As `kubectl rollout restart` and `kubectl annotate` write: undone at the interval, as Flux does, not at once.
    write(&bed, "kubectl-annotate", "a", json!({"metadata": {"annotations": {"note": "hello"}}})).await;
    let note = async || {
        let object = bed.get(&config_map(), "default", "a").await.unwrap();
        object.annotation("note").map(str::to_owned)
    };
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(note().await.as_deref(), Some("hello"));
    tokio::time::sleep(Duration::from_secs(700)).await;
    assert_eq!(note().await, None);
}

/// A Deployment that never becomes ready.
const NEVER_READY: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: never}
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec: {containers: [{name: a, image: never-ready}]}
"#;

#[tokio::test(start_paused = true)]
async fn who_waits_holds_no_worker() {
    let bed = Bed::with_workers(FluxOptions::default(), 1).await;
    bed.repository.commit(&[("wait/a.yaml", NEVER_READY), ("go/b.yaml", &manifest("b"))]);
    bed.source().await;
    let waiting = |object: Option<&Object>| ready(object).is_some_and(|(status, ..)| status == "Unknown");
    for name in ["waits-1", "waits-2", "waits-3"] {
        bed.kustomization(name, json!({"path": "./wait", "wait": true, "timeout": "1h", "interval": "2h"}))
            .await;
        bed.until(&kustomization(), "flux-system", name, waiting).await;
    }
    let began = Instant::now();
    bed.kustomization("goes", json!({"path": "./go"})).await;
    bed.until(&config_map(), "default", "b", |object| value(object) == Some("ours")).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for name in ["waits-1", "waits-2", "waits-3"] {
        let app = bed.get(&kustomization(), "flux-system", name).await;
        assert!(waiting(app.as_ref()), "{name} waits still");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_finds_everything_in_force_and_writes_nothing() {
    let mut bed = settled(&["a", "b", "c"]).await;
    let versions = async |bed: &Bed| {
        let mut versions = Vec::new();
        for name in ["a", "b", "c"] {
            let object = bed.get(&config_map(), "default", name).await.unwrap();
            versions.push(object.resource_version().to_owned());
        }
        versions
    };
    let before = versions(&bed).await;
    bed.restart().await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let counts = bed.engine.cluster().counts().by_verb();
    let of = |verb: &str| counts.iter().find(|(name, _)| *name == verb).unwrap().1;
    assert_eq!(bed.engine.live().seal_counts().taken, 3);
    assert_eq!((of("create"), of("update"), of("patch"), of("delete")), (0, 0, 0, 0), "{counts:?}");
    // Two of the discovery, and a list of each kind that is watched: no object is asked for.
    assert!(of("get") <= 2 + of("watch"), "{counts:?}");
    assert_eq!(versions(&bed).await, before);
}

/// A field that somebody set there and back is as wanted, and theirs: the next change of it is seen all the same.
#[tokio::test(start_paused = true)]
async fn what_went_there_and_back_is_still_looked_after() {
    let bed = settled(&["a"]).await;
    // Both changes are seen together, as the watch brings them late.
    let resource = bed.hand.cluster.resource(&config_map()).await.unwrap();
    let entry = json!({"metadata": {"managedFields": [{"manager": "rival", "operation": "Update", "apiVersion": "v1",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:key": {}}}},
        {"manager": "kustomize-controller", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {"f:kustomize.toolkit.fluxcd.io/name": {},
            "f:kustomize.toolkit.fluxcd.io/namespace": {}}}}}]}});
    let request = ApiRequest::patch(&resource, "default", "a", PatchKind::Merge, entry.to_string());
    bed.hand.cluster.request(request.query("fieldManager", "rival")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    write(&bed, "rival", "a", json!({"data": {"key": "theirs"}})).await;
    bed.until_within(Duration::from_secs(30), "a", |object| value(object) == Some("ours")).await;
}
