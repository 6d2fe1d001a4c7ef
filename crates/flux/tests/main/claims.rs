//! Objects that several Kustomizations claim, or that move from one to another; and Kustomizations that are stuck, or
//! large.

use crate::bed::{Bed, NAMESPACE, applied, is_ready, ready};
use holdfast_flux::FluxOptions;
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_sandbox::{Fault, Matching, Options, Sandbox};
use holdfast_types::flux::kustomization;
use std::fmt::Write as _;
use std::time::Duration;

fn config_map() -> GroupVersionKind {
    GroupVersionKind::new("", "v1", "ConfigMap")
}

fn manifest(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: \"{value}\"\n")
}

fn owner(object: Option<&Object>) -> Option<&str> {
    object?.label("kustomize.toolkit.fluxcd.io/name")
}

fn ids(object: &Object) -> Vec<String> {
    let entries = object.get(&["status", "inventory", "entries"]).and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| entry["id"].as_str().map(str::to_owned)).collect()
}

/// Two Kustomizations over the folders of one repository, of which the second waits for the first.
async fn first_and_second(bed: &Bed, first: &str, second: &str) {
    bed.source().await;
    bed.kustomization(first, json!({"path": first})).await;
    bed.kustomization(second, json!({"path": second, "dependsOn": [{"name": first}]})).await;
    for name in [first, second] {
        bed.until(&kustomization(), "flux-system", name, is_ready).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_moves_to_who_comes_first_is_taken_over_as_it_is() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("a/x.yaml", &manifest("x", "1")), ("b/y.yaml", &manifest("y", "1"))]);
    first_and_second(&bed, "b", "a").await;
    let before = bed.get(&config_map(), "default", "x").await.unwrap();
    assert_eq!(owner(Some(&before)), Some("a"));
    let moved = bed.repository.commit(&[
        ("a/z.yaml", &manifest("z", "1")),
        ("b/x.yaml", &manifest("x", "1")),
        ("b/y.yaml", &manifest("y", "1")),
    ]);
    bed.push().await;
    for name in ["a", "b"] {
        bed.until(&kustomization(), "flux-system", name, applied(&moved)).await;
    }
    let after = bed.get(&config_map(), "default", "x").await.unwrap();
    assert_eq!((after.uid(), owner(Some(&after))), (before.uid(), Some("b")), "it is not made anew");
    let told = "ObjectClaimedTwice: ConfigMap/default/x is applied by Kustomization flux-system/b and by flux-system/a";
    bed.until_event(NAMESPACE, "b", told).await;
    let a = bed.get(&kustomization(), "flux-system", "a").await.unwrap();
    assert_eq!(ids(&a), ["default_z__ConfigMap"], "it is forgotten where it was");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_moves_to_who_comes_last_ends_there_too() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("a/x.yaml", &manifest("x", "1")), ("b/y.yaml", &manifest("y", "1"))]);
    first_and_second(&bed, "a", "b").await;
    let moved = bed.repository.commit(&[
        ("a/z.yaml", &manifest("z", "1")),
        ("b/x.yaml", &manifest("x", "1")),
        ("b/y.yaml", &manifest("y", "1")),
    ]);
    bed.push().await;
    for name in ["a", "b"] {
        bed.until(&kustomization(), "flux-system", name, applied(&moved)).await;
    }
    // As with Flux it was deleted with its old place, and made in its new one.
    bed.until(&config_map(), "default", "x", |object| owner(object) == Some("b")).await;
    let of = async |name: &str| ids(&bed.get(&kustomization(), "flux-system", name).await.unwrap());
    assert_eq!(of("a").await, ["default_z__ConfigMap"]);
    assert_eq!(of("b").await, ["default_x__ConfigMap", "default_y__ConfigMap"]);
}

/// A Deployment that never becomes ready.
const NEVER_READY: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: a}}\n  \
                           template:\n    metadata: {labels: {app: a}}\n    spec: {containers: [{name: a, image: never-ready}]}\n";

#[tokio::test(start_paused = true)]
async fn who_is_stuck_takes_its_fix_at_once() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("a/web.yaml", NEVER_READY), ("b/b.yaml", &manifest("b", "1"))]);
    bed.source().await;
    bed.kustomization("a", json!({"path": "a", "wait": true, "timeout": "5h", "interval": "10h"})).await;
    bed.kustomization("b", json!({"path": "b", "dependsOn": [{"name": "a"}], "interval": "10h"})).await;
    let waits = |object: Option<&Object>| ready(object).is_some_and(|(status, ..)| status == "Unknown");
    bed.until(&kustomization(), "flux-system", "a", waits).await;
    let began = tokio::time::Instant::now();
    let fix = bed.repository.commit(&[
        ("a/web.yaml", &NEVER_READY.replace("never-ready", "good")),
        ("b/b.yaml", &manifest("b", "2")),
    ]);
    bed.push().await;
    for name in ["a", "b"] {
        bed.until(&kustomization(), "flux-system", name, applied(&fix)).await;
    }
    // A Deployment takes its time to become ready, and no timeout or interval is waited for.
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());

    // What cannot be built, and what refers to what is not there, is no different.
    bed.repository.commit(&[("a/web.yaml", "kind: [\n"), ("b/b.yaml", &manifest("b", "3"))]);
    bed.push().await;
    let broken =
        |object: Option<&Object>| ready(object).is_some_and(|(_, reason, _)| reason == "BuildFailed");
    bed.until(&kustomization(), "flux-system", "a", broken).await;
    let began = tokio::time::Instant::now();
    let fix = bed.repository.commit(&[("a/a.yaml", &manifest("a", "1")), ("b/b.yaml", &manifest("b", "4"))]);
    bed.push().await;
    bed.until(&kustomization(), "flux-system", "b", applied(&fix)).await;
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    bed.kustomization(
        "c",
        json!({"path": "b", "interval": "10h", "retryInterval": "10h", "targetNamespace": "late"}),
    )
    .await;
    let failed = |object: Option<&Object>| ready(object).is_some_and(|(status, ..)| status == "False");
    bed.until(&kustomization(), "flux-system", "c", failed).await;
    bed.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "late"}})).await;
    let asked = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}});
    bed.merge(&kustomization(), "flux-system", "c", asked).await;
    bed.until(&kustomization(), "flux-system", "c", applied(&fix)).await;
}

/// As many objects as a large Kustomization has.
const MANY: usize = 5_000;

#[tokio::test(start_paused = true)]
async fn a_large_kustomization_neither_stalls_others_nor_grows() {
    // Every apply takes its time, so that there is something to wait for.
    let sandbox = Sandbox::start(Options::default());
    let applies =
        Matching { verbs: vec!["patch".into()], resources: vec!["configmaps".into()], ..Matching::default() };
    sandbox.faults().add(applies, Fault::Delay(Duration::from_millis(50)), None);
    let bed = Bed::on(sandbox, FluxOptions::default()).await;
    let all = |value: &str| {
        let mut text = String::new();
        for number in 0..MANY {
            writeln!(text, "{}---", manifest(&format!("m{number}"), value)).unwrap();
        }
        text
    };
    bed.repository.commit(&[("large/all.yaml", &all("1")), ("small/a.yaml", &manifest("small", "1"))]);
    bed.source().await;
    bed.kustomization("large", json!({"path": "large"})).await;
    // It is at its work, and far from its end.
    bed.until(&config_map(), "default", "m0", |object| object.is_some()).await;
    bed.kustomization("small", json!({"path": "small"})).await;
    bed.until(&kustomization(), "flux-system", "small", is_ready).await;
    let large = bed.get(&kustomization(), "flux-system", "large").await;
    assert!(!is_ready(large.as_ref()), "the small one did not wait for the large one");
    let large = bed.until(&kustomization(), "flux-system", "large", is_ready).await.unwrap();
    assert_eq!(ids(&large).len(), MANY);

    // A reconcile that finds everything in force asks for nothing, and what it held is given back.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (size, patches) = (bed.engine.live().size(), bed.patches());
    for round in 0..3 {
        let value = format!("round-{round}");
        let asked = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": value}}});
        bed.merge(&kustomization(), "flux-system", "large", asked).await;
        let answered = |object: Option<&Object>| {
            is_ready(object)
                && object.and_then(|o| o.get(&["status", "lastHandledReconcileAt"])) == Some(&json!(value))
        };
        bed.until(&kustomization(), "flux-system", "large", answered).await;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (objects, bytes) = bed.engine.live().size();
    assert_eq!(objects, size.0);
    assert!(bytes.abs_diff(size.1) < 10_000, "{bytes} bytes are held, and were {}", size.1);
    // A status for each round, and the annotation that asked for it.
    assert!(bed.patches() - patches <= 3 * 3, "{} patches", bed.patches() - patches);
}
