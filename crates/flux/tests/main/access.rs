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

/// Lets a ServiceAccount of `flux-system` look after ConfigMaps.
async fn allow(bed: &Bed, account: &str, verbs: &[&str]) {
    let rule = json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs});
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

    allow(&bed, "deployer", &["*"]).await;
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

#[tokio::test(start_paused = true)]
async fn who_may_only_get_is_served_from_time_to_time_and_told_so() {
    let sandbox = Sandbox::start(Options { rbac: true, ..Options::default() });
    let bed = Bed::on(sandbox, FluxOptions::default()).await;
    bed.repository.commit(&[("a.yaml", MANIFEST)]);
    bed.source().await;
    account(&bed, "narrow").await;
    allow(&bed, "narrow", &["get", "create", "patch", "delete"]).await;
    bed.kustomization("app", json!({"serviceAccountName": "narrow"})).await;
    let object = bed.until(&kustomization(), "flux-system", "app", is_ready).await.unwrap();
    let unwatched = |object: &Object| {
        let conditions = object.get(&["status", "conditions"]).and_then(Value::as_array).cloned();
        conditions.unwrap_or_default().into_iter().find(|c| c["type"] == "Unwatched")
    };
    let message = unwatched(&object).unwrap()["message"].as_str().unwrap().to_owned();
    let expected = "ConfigMap is not watched, and changes are seen within 30s: configmaps is forbidden";
    assert!(message.starts_with(expected) && message.contains("cannot list"), "{message}");
    let has = |expected: Option<&'static str>| {
        move |object: Option<&Object>| {
            object.and_then(|o| o.get(&["data", "key"])).and_then(Value::as_str) == expected
        }
    };
    assert!(has(Some("x"))(bed.get(&config_map(), "default", "a").await.as_ref()));

    // What others change or delete is put right, and what leaves the source is pruned.
    tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "theirs"}})).await;
    bed.until_within(std::time::Duration::from_secs(35), "a", has(Some("x"))).await;
    bed.delete(&config_map(), "default", "a").await;
    bed.until_within(std::time::Duration::from_secs(35), "a", has(Some("x"))).await;
    bed.repository.commit(&[("b.yaml", &MANIFEST.replace("name: a", "name: b"))]);
    bed.push().await;
    bed.until_within(std::time::Duration::from_secs(35), "b", has(Some("x"))).await;
    bed.until_within(std::time::Duration::from_secs(35), "a", has(None)).await;

    // With the right to list and watch it is watched again, and the condition goes.
    allow(&bed, "narrow", &["*"]).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    bed.merge(&config_map(), "default", "b", json!({"data": {"key": "theirs"}})).await;
    bed.until_within(std::time::Duration::from_secs(1), "b", has(Some("x"))).await;
    bed.until(&kustomization(), "flux-system", "app", |app| app.is_some_and(|a| unwatched(a).is_none()))
        .await;
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
