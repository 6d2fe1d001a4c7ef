//! Kinds come, change their versions, and go, while objects of theirs are managed.

use crate::bed::{Bed, applied, ready};
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_types::flux::kustomization;
use std::time::Duration;
use tokio::time::Instant;

fn definition() -> GroupVersionKind {
    GroupVersionKind::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
}

fn widget(version: &str) -> GroupVersionKind {
    GroupVersionKind::new("example.com", version, "Widget")
}

/// The definition of Widgets with these versions, of which the last is stored; a version with `-` is not served.
fn widgets(versions: &[&str]) -> Value {
    let version = |(number, name): (usize, &&str)| {
        json!({"name": name.trim_start_matches('-'), "served": !name.starts_with('-'),
            "storage": number + 1 == versions.len(),
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}})
    };
    let versions: Vec<Value> = versions.iter().enumerate().map(version).collect();
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "versions": versions,
            "names": {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"}}})
}

fn file(version: &str, size: u32) -> String {
    format!(
        "apiVersion: example.com/{version}\nkind: Widget\nmetadata: {{name: one}}\nspec: {{size: {size}}}\n"
    )
}

fn config_map() -> &'static str {
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: one}\n"
}

/// A Kustomization with a Widget of version `v1`, whose definition somebody else has made.
async fn start() -> (Bed, String) {
    let bed = Bed::start().await;
    bed.define([(definition(), widgets(&["v1"]))]).await;
    let revision = bed.repository.commit(&[("one.yaml", &file("v1", 3)), ("a.yaml", config_map())]);
    bed.source().await;
    bed.kustomization("app", json!({"retryInterval": "10s"})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    (bed, revision)
}

fn has_size(size: u32) -> impl Fn(Option<&Object>) -> bool {
    move |object| object.and_then(|o| o.get(&["spec", "size"])) == Some(&json!(size))
}

#[tokio::test(start_paused = true)]
async fn what_goes_with_its_definition_comes_back_with_it() {
    let (bed, revision) = start().await;
    bed.delete(&definition(), "", "widgets.example.com").await;
    let asked = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}});
    bed.merge(&kustomization(), "flux-system", "app", asked).await;
    let failed = |object: Option<&Object>| {
        ready(object).is_some_and(|(status, _, message)| status == "False" && message.contains("Widget"))
    };
    let app = bed.until(&kustomization(), "flux-system", "app", failed).await;
    let entries = app.unwrap().get(&["status", "inventory", "entries"]).cloned().unwrap();
    assert!(entries.to_string().contains("Widget"), "what was ours stays ours: {entries}");
    // While it is away the rest is looked after.
    let edit = json!({"data": {"key": "edited"}});
    let map = GroupVersionKind::new("", "v1", "ConfigMap");
    bed.merge(&map, "default", "a", edit).await;
    bed.until(&map, "default", "a", |a| a.and_then(|a| a.get(&["data", "key"])) == Some(&json!("one"))).await;

    let began = Instant::now();
    bed.apply(widgets(&["v1"])).await;
    bed.until(&widget("v1"), "default", "one", has_size(3)).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_changes_its_version_is_followed() {
    let (bed, _) = start().await;
    let before = bed.get(&widget("v1"), "default", "one").await.unwrap();
    // Another version is stored from now on, and both are served: nothing is to be done.
    bed.apply(widgets(&["v1", "v2"])).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let after = bed.get(&widget("v1"), "default", "one").await.unwrap();
    assert_eq!(after.resource_version(), before.resource_version());
    // Git follows, the old version ends, and the object is what it was.
    let second = bed.repository.commit(&[("one.yaml", &file("v2", 3)), ("a.yaml", config_map())]);
    bed.push().await;
    bed.until(&kustomization(), "flux-system", "app", applied(&second)).await;
    bed.apply(widgets(&["-v1", "v2"])).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let moved = bed.get(&widget("v2"), "default", "one").await.unwrap();
    assert_eq!(moved.uid(), before.uid(), "it was not made anew");
    bed.merge(&widget("v2"), "default", "one", json!({"spec": {"size": 9}})).await;
    bed.until(&widget("v2"), "default", "one", has_size(3)).await;
    let third = bed.repository.commit(&[("one.yaml", &file("v2", 4)), ("a.yaml", config_map())]);
    bed.push().await;
    bed.until(&kustomization(), "flux-system", "app", applied(&third)).await;
    bed.until(&widget("v2"), "default", "one", has_size(4)).await;
}
