//! In whose name objects are applied, and where.

use crate::bed::{Bed, is_ready, ready};
use holdfast_cluster::Cluster;
use holdfast_flux::FluxOptions;
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_sandbox::{Options, Sandbox};
use holdfast_types::flux::kustomization;

const MANIFEST: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {key: x}\n";

fn config_map() -> GroupVersionKind {
    GroupVersionKind::new("", "v1", "ConfigMap")
}

fn failed(object: Option<&Object>) -> bool {
    ready(object).is_some_and(|(_, reason, _)| reason == "ReconciliationFailed")
}

/// Lets a ServiceAccount of `flux-system` look after ConfigMaps in `default`.
async fn allow(bed: &Bed, account: &str) {
    let rule = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]});
    bed.apply(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "maps"}, "rules": [rule]}))
        .await;
    bed.apply(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "maps"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "maps"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "flux-system"}]}))
        .await;
}

async fn account(bed: &Bed, name: &str) {
    bed.apply(json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": "flux-system"}}))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_service_account_may_do_what_it_may_and_no_more() {
    let options = FluxOptions { default_service_account: Some("nobody".into()), ..FluxOptions::default() };
    let bed = Bed::on(Sandbox::start(Options { rbac: true, ..Options::default() }), options).await;
    bed.repository.commit(&[("a.yaml", MANIFEST)]);
    bed.source().await;
    account(&bed, "deployer").await;
    bed.kustomization("denied", json!({"retryInterval": "5s"})).await;
    let object = bed.until(&kustomization(), "flux-system", "denied", failed).await;
    let (_, _, message) = ready(object.as_ref()).unwrap();
    assert!(message.contains("system:serviceaccount:flux-system:nobody"), "{message}");
    assert!(bed.get(&config_map(), "default", "a").await.is_none());

    allow(&bed, "deployer").await;
    bed.kustomization("allowed", json!({"serviceAccountName": "deployer"})).await;
    bed.until(&kustomization(), "flux-system", "allowed", is_ready).await;
    assert!(bed.get(&config_map(), "default", "a").await.is_some());
    // What others change is seen and put right in the same name.
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "theirs"}})).await;
    let is_back = |object: Option<&Object>| {
        object.and_then(|o| o.get(&["data", "key"])).and_then(Value::as_str) == Some("x")
    };
    bed.until(&config_map(), "default", "a", is_back).await;

    // With the account gone nothing can be deleted in its name; the Kustomization goes all the same.
    bed.delete(&GroupVersionKind::new("", "v1", "ServiceAccount"), "flux-system", "deployer").await;
    bed.delete(&kustomization(), "flux-system", "allowed").await;
    bed.until(&kustomization(), "flux-system", "allowed", |object| object.is_none()).await;
    assert!(bed.get(&config_map(), "default", "a").await.is_some());
}

#[tokio::test]
async fn another_cluster_is_reached_by_a_kubeconfig() {
    let there = Sandbox::start(Options::default());
    let listening = there.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let bed = Bed::start().await;
    bed.repository.commit(&[("a.yaml", MANIFEST)]);
    bed.source().await;
    let secret = |name: &str, value: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "flux-system"},
            "stringData": {"value": value}})
    };
    let command = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                   clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\n\
                   users: [{name: a, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: id}}}]\n";
    bed.apply(secret("there", &there.kubeconfig(listening.addr))).await;
    bed.apply(secret("command", command)).await;
    let remote = |name: &str| json!({"kubeConfig": {"secretRef": {"name": name}}});
    bed.kustomization("app", remote("there")).await;
    bed.until(&kustomization(), "flux-system", "app", is_ready).await;
    assert!(bed.get(&config_map(), "default", "a").await.is_none(), "it is not here");
    let other = Cluster::new(kube::Client::new(there.service(), "default"));
    let resource = other.resource(&config_map()).await.unwrap();
    let read = || other.request(holdfast_cluster::ApiRequest::get_object(&resource, "default", "a"));
    assert!(read().await.is_ok());

    for (name, expected) in
        [("missing", "'flux-system/missing' not found"), ("command", "'exec' is not allowed")]
    {
        bed.kustomization(name, remote(name)).await;
        let object = bed.until(&kustomization(), "flux-system", name, failed).await;
        let (_, _, message) = ready(object.as_ref()).unwrap();
        assert!(message.contains(expected), "{message}");
    }
    bed.delete(&kustomization(), "flux-system", "app").await;
    bed.until(&kustomization(), "flux-system", "app", |object| object.is_none()).await;
    assert!(read().await.is_err());
}
