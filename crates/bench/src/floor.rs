//! The floor: the writes that nobody can avoid, made by a client that decides nothing.
//!
//! For each pair: the two custom resources, their finalizers, the source's final status, the objects, the
//! Kustomization's final status, and one event about each custom resource. One pair's writes depend on each other as
//! they do for whoever reconciles it; pairs are brought along side by side.

use crate::client::Client;
use crate::workload::{self, APPLIES, KUSTOMIZATION_STATUS, SOURCE_STATUS};
use anyhow::Result;
use futures::future::{try_join, try_join_all};
use holdfast_object::{GroupVersionKind, Value, json};
use holdfast_types::flux::{FINALIZER, kustomization, oci_repository};
use jiff::Timestamp;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Brings one pair from nothing to its final statuses.
pub(crate) async fn pair(client: &Client, number: usize, replicas: u32) -> Result<()> {
    let (name, namespace) = (workload::name(number), client.namespace());
    let (source, app) = (oci_repository(), kustomization());
    client.create(&workload::oci_source(&name, namespace, "oci://registry.example.com/app")).await?;
    client.create(&workload::app(&name, namespace, (&source, &name), "./")).await?;
    let finalizer = json!({"metadata": {"finalizers": [FINALIZER]}});
    let adopted = [&source, &app].map(|gvk| client.merge(gvk, &name, &finalizer, "holdfast"));
    try_join_all(adopted).await?;
    let revision = format!("{}@{DIGEST}", workload::TAG);
    source_done(client, &source, &name, &revision).await?;
    let objects = workload::applied(&name, namespace, replicas, "0");
    try_join_all(objects.iter().map(|object| client.apply(object, APPLIES))).await?;
    app_done(client, &name, &revision).await
}

/// Says that a source has its artifact: status and event.
pub(crate) async fn source_done(
    client: &Client,
    gvk: &GroupVersionKind,
    name: &str,
    revision: &str,
) -> Result<()> {
    let path = format!("{}/{}/{name}/0123456789abcdef.tar.gz", gvk.kind.to_lowercase(), client.namespace());
    let url = format!("http://source-controller.flux-system.svc.cluster.local./{path}");
    let message = format!("stored artifact for digest '{revision}'");
    let status = json!({"status": {
        "artifact": {"digest": DIGEST, "lastUpdateTime": now(), "path": path, "revision": revision, "size": 1234, "url": url},
        "conditions": [
            condition("Ready", "Succeeded", &message),
            condition("ArtifactInStorage", "Succeeded", &message)],
        "observedGeneration": 1, "url": url,
    }});
    let status = client.merge(gvk, name, &status, SOURCE_STATUS);
    try_join(status, event(client, gvk, name, "NewArtifact", &message)).await?;
    Ok(())
}

/// Says that a Kustomization is in force: status and event.
pub(crate) async fn app_done(client: &Client, name: &str, revision: &str) -> Result<()> {
    let gvk = kustomization();
    let namespace = client.namespace();
    let message = format!("Applied revision: {revision}");
    let entry = |id: &str, version: &str| json!({"id": format!("{namespace}_{name}_{id}"), "v": version});
    let status = json!({"status": {
        "conditions": [
            condition("Ready", "ReconciliationSucceeded", &message),
            condition("Healthy", "Succeeded", "Health check passed in 100ms")],
        "history": [{"digest": DIGEST, "firstReconciled": now(), "lastReconciled": now(),
            "lastReconciledDuration": "100ms", "lastReconciledStatus": "ReconciliationSucceeded",
            "metadata": {"revision": revision}, "totalReconciliations": 1}],
        "inventory": {"entries": [entry("_ServiceAccount", "v1"), entry("_Service", "v1"),
            entry("apps_Deployment", "v1"), entry("networking.k8s.io_Ingress", "v1")]},
        "lastAppliedRevision": revision, "lastAttemptedRevision": revision, "observedGeneration": 1,
    }});
    let status = client.merge(&gvk, name, &status, KUSTOMIZATION_STATUS);
    try_join(status, event(client, &gvk, name, "ReconciliationSucceeded", &message)).await?;
    Ok(())
}

async fn event(
    client: &Client,
    gvk: &GroupVersionKind,
    name: &str,
    reason: &str,
    message: &str,
) -> Result<()> {
    let namespace = client.namespace();
    let suffix = format!("{:x}", Timestamp::now().as_nanosecond());
    client
        .create(&json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": format!("{name}.{}.{suffix}", gvk.kind.to_lowercase()), "namespace": namespace},
            "involvedObject": {"apiVersion": gvk.api_version(), "kind": gvk.kind, "namespace": namespace, "name": name},
            "reason": reason, "message": message, "type": "Normal", "count": 1,
            "firstTimestamp": now(), "lastTimestamp": now(),
            "source": {"component": "bench"}, "reportingComponent": "bench", "reportingInstance": "",
        }))
        .await
}

fn condition(kind: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now(),
        "observedGeneration": 1})
}

/// `metav1.Time` has whole seconds.
fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
