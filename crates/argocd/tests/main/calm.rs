//! Who waits for the cluster is in nobody's way, and what was found in force is seen when it changes.

use crate::bed::{Bed, URL, automated, config_map, is_synced, manifest};
use holdfast_argocd::ArgoOptions;
use holdfast_object::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// A Deployment in an early wave whose pods fit on no node, and something in the wave after it.
fn stuck(name: &str) -> String {
    format!(
        r#"
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, annotations: {{argocd.argoproj.io/sync-wave: "-1"}}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{nodeSelector: {{no: such-node}}, containers: [{{name: a, image: example.com/web:1}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}}}
"#
    )
}

fn at(path: &str) -> Value {
    let mut spec = automated(json!({"selfHeal": true}));
    spec["source"] = json!({"repoURL": URL, "path": path, "targetRevision": "main"});
    spec
}

#[tokio::test(start_paused = true)]
async fn who_waits_holds_no_worker() {
    let bed = Bed::with_workers(ArgoOptions::default(), 1).await;
    let names = ["waits-1", "waits-2", "waits-3"];
    let paths = names.map(|name| format!("{name}/all.yaml"));
    let texts = names.map(stuck);
    let goes = manifest("goes", "one");
    let mut files: Vec<(&str, &str)> =
        paths.iter().zip(&texts).map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.push(("goes/a.yaml", &goes));
    let commit = bed.commit(&files);
    let waits = |status: &Value| {
        let operation = &status["operationState"];
        let message = operation["message"].as_str().unwrap_or_default();
        operation["phase"] == "Running"
            && message.starts_with("waiting for healthy state of apps/Deployment/")
    };
    for name in names {
        bed.app(name, at(name)).await;
        bed.app_until(name, waits).await;
    }
    let began = Instant::now();
    bed.app("goes", at("goes")).await;
    bed.app_until("goes", is_synced(&commit)).await;
    // Also what is changed while the others wait is put right at once.
    bed.merge(&config_map(), "default", "goes", json!({"data": {"key": "edited"}})).await;
    bed.until_value("goes", Some("one")).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    for name in names {
        bed.app_until(name, waits).await;
        assert!(bed.value(name).await.is_none(), "{name} waits still");
    }
}

/// With server-side apply a field that somebody set there and back is theirs, and looked after all the same.
#[tokio::test(start_paused = true)]
async fn what_went_there_and_back_is_still_looked_after() {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    let mut spec = automated(json!({"selfHeal": true}));
    spec["syncPolicy"]["syncOptions"] = json!(["ServerSideApply=true"]);
    bed.app("shop", spec).await;
    bed.app_until("shop", is_synced(&commit)).await;
    let theirs = |value: &str| json!({"data": {"key": value}, "metadata": {"managedFields": [{}]}});
    bed.merge(&config_map(), "default", "a", theirs("one")).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    bed.app_until("shop", is_synced(&commit)).await;
    bed.merge(&config_map(), "default", "a", theirs("edited")).await;
    bed.until_value("a", Some("one")).await;
}
