//! Bases of other repositories in what a Kustomization builds.

use crate::bed::{Bed, applied, ready};
use holdfast_flux::FluxOptions;
use holdfast_object::{GroupVersionKind, Object, json};
use holdfast_types::flux::kustomization;

const BASE: &str = "https://git.example.com/team/base";

fn config_map() -> GroupVersionKind {
    GroupVersionKind::new("", "v1", "ConfigMap")
}

fn overlay(folder: &str) -> String {
    format!("namePrefix: x-\nresources: ['{BASE}//{folder}?ref=main']\n")
}

fn base(value: &str) -> [(&'static str, String); 2] {
    let a = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: default}}\ndata: {{key: {value}}}\n"
    );
    [("deploy/kustomization.yaml", "resources: [a.yaml]\n".to_owned()), ("deploy/a.yaml", a)]
}

fn has_value(value: &'static str) -> impl Fn(Option<&Object>) -> bool {
    move |object| object.and_then(|o| o.get(&["data", "key"])).and_then(|v| v.as_str()) == Some(value)
}

#[tokio::test(start_paused = true)]
async fn a_base_of_another_repository_is_fetched_and_followed() {
    let bed = Bed::start().await;
    let other = bed.another_repository(BASE);
    let commit = |value: &str| other.commit(&base(value).each_ref().map(|(path, text)| (*path, &**text)));
    commit("one");
    let first = bed.repository.commit(&[("kustomization.yaml", &overlay("deploy"))]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&first)).await;
    bed.until(&config_map(), "default", "x-a", has_value("one")).await;
    // The base has news; they come with the interval.
    commit("two");
    bed.until_within(std::time::Duration::from_secs(1200), "x-a", has_value("two")).await;

    // A base that is gone says where it is named, and takes nothing away.
    bed.repository.commit(&[("kustomization.yaml", &overlay("nowhere"))]);
    bed.push().await;
    let failed =
        |object: Option<&Object>| ready(object).is_some_and(|(_, reason, _)| reason == "BuildFailed");
    let app = bed.until(&kustomization(), "flux-system", "app", failed).await;
    let message = ready(app.as_ref()).unwrap().2;
    assert!(message.contains("kustomization.yaml: resources.0") && message.contains("nowhere"), "{message}");
    assert!(bed.get(&config_map(), "default", "x-a").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn bases_elsewhere_can_be_switched_off() {
    let bed = Bed::with(FluxOptions { no_remote_bases: true, ..FluxOptions::default() }).await;
    bed.another_repository(BASE).commit(&base("one").each_ref().map(|(path, text)| (*path, &**text)));
    bed.repository.commit(&[("kustomization.yaml", &overlay("deploy"))]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    let failed =
        |object: Option<&Object>| ready(object).is_some_and(|(_, reason, _)| reason == "BuildFailed");
    let app = bed.until(&kustomization(), "flux-system", "app", failed).await;
    let message = ready(app.as_ref()).unwrap().2;
    assert!(message.contains("remote parts of a source are switched off"), "{message}");
}
