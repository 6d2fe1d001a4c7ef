//! The day Holdfast takes a Kustomization over from Flux.

use crate::bed::{Bed, is_ready};
use holdfast_cluster::{ApiRequest, PatchKind};
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_types::flux::{git_repository, kustomization};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

const CONFIG_MAP: &str =
    "apiVersion: v1\ndata:\n  key: x\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: default\n";
const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: default
spec:
  replicas: 0
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
      - image: web:1
        name: web
        resources:
          limits:
            cpu: 1000m
";

/// Applies an object as kustomize-controller does: with its field manager and the labels of ownership.
async fn apply_as_flux(bed: &Bed, text: &str) -> Object {
    let mut value = holdfast_yaml::parse(text.as_bytes(), &holdfast_yaml::Options::v2()).unwrap();
    value["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": "app",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    let object = Object::new(value).unwrap();
    let resource = bed.cluster.resource(&object.gvk()).await.unwrap();
    let body = object.to_value().to_string();
    let request = ApiRequest::patch(&resource, "default", object.name(), PatchKind::Apply, body)
        .query("fieldManager", "kustomize-controller")
        .query("force", "true");
    let answer = bed.cluster.request(request).await.unwrap();
    Object::new(serde_json::from_slice(&answer.body).unwrap()).unwrap()
}

async fn set_status(bed: &Bed, status: Value) {
    let resource = bed.cluster.resource(&kustomization()).await.unwrap();
    let body = json!({"status": status}).to_string();
    let request = ApiRequest::patch(&resource, "flux-system", "app", PatchKind::Merge, body)
        .query("fieldManager", "gotk-kustomize-controller")
        .subresource("status");
    bed.cluster.request(request).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_that_flux_applied_is_written_again() {
    let bed = Bed::start().await;
    let commit = bed.repository.commit(&[("a.yaml", CONFIG_MAP), ("web.yaml", DEPLOYMENT)]);
    let revision = format!("main@sha1:{commit}");
    bed.source().await;
    let mut applied = Vec::new();
    for text in [CONFIG_MAP, DEPLOYMENT] {
        applied.push(apply_as_flux(&bed, text).await);
    }
    // The cluster's own controllers have had their say.
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let mut before = Vec::new();
    for object in &applied {
        before.push(bed.get(&object.gvk(), "default", object.name()).await.unwrap());
    }
    // Suspended until its status is as Flux left it.
    bed.kustomization("app", json!({"suspend": true})).await;
    let digest = Sha256::digest(format!("{CONFIG_MAP}---\n{DEPLOYMENT}"));
    let digest = format!("sha256:{}", hex::encode(digest));
    let entries =
        json!([{"id": "default_a__ConfigMap", "v": "v1"}, {"id": "default_web_apps_Deployment", "v": "v1"}]);
    set_status(
        &bed,
        json!({
            "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded",
                "message": format!("Applied revision: {revision}"), "observedGeneration": 2,
                "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "observedGeneration": 2,
            "lastAppliedRevision": revision,
            "lastAttemptedRevision": revision,
            "inventory": {"entries": entries},
            "history": [{"digest": digest, "firstReconciled": "2026-01-01T00:00:00Z",
                "lastReconciled": "2026-01-01T00:00:00Z", "lastReconciledDuration": "1.2s",
                "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 7,
                "metadata": {"revision": revision}}],
        }),
    )
    .await;
    bed.kustomization("app", json!({"suspend": false})).await;
    let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "takeover"}}});
    bed.merge(&kustomization(), "flux-system", "app", patch).await;
    let handled = |object: Option<&Object>| {
        let at = object.and_then(|o| o.get(&["status", "lastHandledReconcileAt"])).and_then(Value::as_str);
        at == Some("takeover") && is_ready(object)
    };
    let after = bed.until(&kustomization(), "flux-system", "app", handled).await.unwrap();
    for old in before {
        let gvk: GroupVersionKind = old.gvk();
        let new = bed.get(&gvk, "default", old.name()).await.unwrap();
        assert_eq!(
            (new.uid(), new.resource_version(), new.generation()),
            (old.uid(), old.resource_version(), old.generation()),
            "{}",
            old.key()
        );
    }
    let status = after.get(&["status"]).unwrap();
    assert_eq!(status["inventory"]["entries"], entries);
    let history = status["history"].as_array().unwrap();
    assert_eq!((history.len(), &history[0]["digest"]), (1, &json!(digest)), "it is Flux' own digest");
    assert_eq!(history[0]["firstReconciled"], "2026-01-01T00:00:00Z");
}

/// Who owns what of an object: `manager/operation/subresource`.
fn managers(object: &Object) -> BTreeSet<String> {
    let entries = object.get(&["metadata", "managedFields"]).and_then(Value::as_array);
    let part = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    let shown =
        |e: &Value| format!("{}/{}/{}", part(e, "manager"), part(e, "operation"), part(e, "subresource"));
    entries.into_iter().flatten().map(shown).collect()
}

fn set(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

/// The way back: what the original controllers find when they are switched on again is what they would have left.
#[tokio::test(start_paused = true)]
async fn what_is_left_behind_is_what_flux_would_leave() {
    let bed = Bed::start().await;
    let commit = bed.repository.commit(&[("a.yaml", CONFIG_MAP), ("web.yaml", DEPLOYMENT)]);
    let revision = format!("main@sha1:{commit}");
    bed.source().await;
    bed.kustomization("app", json!({"wait": true, "targetNamespace": null})).await;
    bed.until(&kustomization(), "flux-system", "app", is_ready).await;
    // Drift is healed, and a request answered: both leave nothing of their own.
    let config_map = GroupVersionKind::new("", "v1", "ConfigMap");
    bed.merge(&config_map, "default", "a", json!({"data": {"key": "theirs"}})).await;
    let is_back = |object: Option<&Object>| object.and_then(|o| o.get(&["data", "key"])) == Some(&json!("x"));
    bed.until(&config_map, "default", "a", is_back).await;
    let ask = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}});
    bed.merge(&kustomization(), "flux-system", "app", ask).await;
    let answered = |object: Option<&Object>| {
        object.and_then(|o| o.get(&["status", "lastHandledReconcileAt"])) == Some(&json!("now"))
            && is_ready(object)
    };
    bed.until(&kustomization(), "flux-system", "app", answered).await;
    bed.stop();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;

    let object = bed.get(&config_map, "default", "a").await.unwrap();
    let owned = json!({"kustomize.toolkit.fluxcd.io/name": "app",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    assert_eq!(object.get(&["metadata", "labels"]), Some(&owned));
    assert_eq!(object.get(&["metadata", "annotations"]), None);
    assert_eq!(managers(&object), set(&["kustomize-controller/Apply/"]));

    let app = bed.get(&kustomization(), "flux-system", "app").await.unwrap();
    assert_eq!(app.get(&["metadata", "finalizers"]), Some(&json!(["finalizers.fluxcd.io"])));
    let ours = ["gotk-kustomize-controller/Update/", "gotk-kustomize-controller/Update/status"];
    let users = ["test/Apply/", "someone/Update/"];
    assert_eq!(managers(&app), set(&[&ours[..], &users[..]].concat()));
    let status = app.get(&["status"]).unwrap().as_object().unwrap();
    let fields: BTreeSet<&str> = status.keys().map(String::as_str).collect();
    let known = [
        "conditions",
        "history",
        "inventory",
        "lastAppliedRevision",
        "lastAttemptedRevision",
        "lastHandledReconcileAt",
        "observedGeneration",
    ];
    assert_eq!(fields, known.into());
    let conditions: Vec<_> = status["conditions"].as_array().unwrap().iter().map(|c| &c["type"]).collect();
    assert_eq!(conditions, ["Ready", "Healthy"], "nothing goes on, and nothing of ours alone");
    assert_eq!(status["lastAppliedRevision"], revision);
    assert_eq!(status["lastAttemptedRevision"], revision);
    let entries =
        json!([{"id": "default_a__ConfigMap", "v": "v1"}, {"id": "default_web_apps_Deployment", "v": "v1"}]);
    assert_eq!(status["inventory"], json!({ "entries": entries }));
    let digest = Sha256::digest(format!("{CONFIG_MAP}---\n{DEPLOYMENT}"));
    assert_eq!(status["history"][0]["digest"], format!("sha256:{}", hex::encode(digest)));

    let source = bed.get(&git_repository(), "flux-system", "app").await.unwrap();
    assert_eq!(source.get(&["metadata", "finalizers"]), Some(&json!(["finalizers.fluxcd.io"])));
    assert_eq!(
        managers(&source),
        set(&["source-controller/Update/", "source-controller/Update/status", "test/Apply/"])
    );
    let artifact = source.get(&["status", "artifact"]).unwrap();
    let path = format!("gitrepository/flux-system/app/{commit}.tar.gz");
    assert_eq!(artifact["path"], path);
    let file = std::fs::read(bed.folder.path().join("artifacts").join(&path)).unwrap();
    assert_eq!(artifact["digest"], format!("sha256:{}", hex::encode(Sha256::digest(&file))));
    assert_eq!(artifact["size"], file.len());
}
