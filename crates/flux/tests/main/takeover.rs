//! The day Holdfast takes a Kustomization over from Flux.

use crate::bed::{Bed, is_ready};
use holdfast_cluster::{ApiRequest, PatchKind};
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_types::flux::kustomization;
use sha2::{Digest, Sha256};

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
