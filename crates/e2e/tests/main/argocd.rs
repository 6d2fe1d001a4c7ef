//! Argo CD's Application on a real API server: how it writes, what it heals and prunes, and whose the objects are.

use crate::bed::{ARGOCD, Bed, is_later, value};
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_testcluster::git::Change;
use std::borrow::Borrow;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";

fn config_map(name: &str, value: &str) -> Change {
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n");
    Change::write(format!("app/{name}.yaml"), text)
}

fn is_synced(commit: &str) -> impl Fn(&Value) -> bool {
    move |status| {
        status["sync"]["status"] == "Synced"
            && status["sync"]["revision"] == commit
            && status["operationState"]["phase"] != "Running"
    }
}

fn automated(options: Value) -> Value {
    json!({"syncPolicy": {"automated": options}})
}

/// Has the Application compared with the newest commit.
async fn refresh<C: Borrow<holdfast_testcluster::cluster::Cluster>>(bed: &Bed<C>) {
    bed.patch_application(json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}))
        .await;
}

/// The managers of an object's fields, its status aside.
fn managers(object: &Object) -> Vec<String> {
    let entries = object.get(&["metadata", "managedFields"]).unwrap().as_array().unwrap();
    let own = entries.iter().filter(|entry| entry.get("subresource").is_none());
    own.map(|e| format!("{}/{}", e["manager"].as_str().unwrap(), e["operation"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn an_operation_applies_three_ways_and_leaves_what_others_set() {
    let Some(mut bed) = Bed::shared("argo").await else { return };
    let first = bed.commit(&[config_map("a", "one")]);
    bed.application(json!({}), json!({})).await;
    let status = bed.until_application(|s| s["sync"]["status"] == "OutOfSync").await;
    assert_eq!(status["health"]["status"], "Missing");
    assert!(bed.get(&bed.config_map("a")).await.is_none(), "nothing is synced without being asked");

    let operation = json!({"initiatedBy": {"username": "me"}, "sync": {"syncStrategy": {"hook": {}}}});
    bed.patch_application(json!({"operation": operation})).await;
    let status = bed.until_application(is_synced(&first)).await;
    assert_eq!(status["operationState"]["message"], "successfully synced (all tasks run)");
    assert_eq!(status["history"][0]["revision"], first.as_str());
    assert_eq!(status["history"][0]["initiatedBy"], json!({"username": "me"}));
    let a = bed.get(&bed.config_map("a")).await.unwrap();
    assert_eq!(managers(&a), ["argocd-controller/Update"], "client-side, as Argo CD writes");
    let id = format!("{}:/ConfigMap:{}/a", bed.namespace, bed.namespace);
    assert_eq!(a.annotation(TRACKING_ID), Some(id.as_str()));
    let last: Value = serde_json::from_str(a.annotation(LAST_APPLIED).unwrap()).unwrap();
    assert_eq!(last["data"], json!({"key": "one"}));

    // A key that Git does not name belongs to whoever set it, and an apply leaves it.
    bed.kubectl(&["patch", "configmap", "a", "--type=merge", "-p", r#"{"data": {"theirs": "x"}}"#]).await;
    let second = bed.commit(&[config_map("a", "two")]);
    refresh(&bed).await;
    bed.until_application(|s| s["sync"]["revision"] == second.as_str() && s["sync"]["status"] == "OutOfSync")
        .await;
    bed.patch_application(json!({"operation": {"sync": {}}})).await;
    bed.until_application(is_synced(&second)).await;
    let a = bed.get(&bed.config_map("a")).await.unwrap();
    assert_eq!(a.get(&["data"]), Some(&json!({"key": "two", "theirs": "x"})));
}

#[tokio::test]
async fn edits_are_healed_and_what_leaves_git_is_pruned_by_its_tracking_id() {
    let Some(mut bed) = Bed::shared("argo-heal").await else { return };
    let first = bed.commit(&[config_map("a", "one"), config_map("b", "one")]);
    bed.application(json!({}), automated(json!({"selfHeal": true, "prune": true}))).await;
    bed.until_application(is_synced(&first)).await;
    // A copy that kept the tracking id of another object is not the Application's.
    let id = format!("{}:/ConfigMap:{}/a", bed.namespace, bed.namespace);
    bed.apply(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "copy", "namespace": bed.namespace, "annotations": {TRACKING_ID: id}}}))
        .await;
    let a = bed.config_map("a");
    let path = "jsonpath={.metadata.resourceVersion}";
    let edit = r#"{"data": {"key": "edited"}}"#;
    let edited = bed.kubectl(&["patch", "configmap", "a", "--type=merge", "-p", edit, "-o", path]).await;
    bed.until_present(&a, |a| value(a) == Some("one") && is_later(a.resource_version(), &edited)).await;
    bed.kubectl(&["delete", "configmap", "a"]).await;
    bed.until_present(&a, |a| value(a) == Some("one")).await;
    bed.until_application(is_synced(&first)).await;

    let second = bed.commit(&[Change::remove("app/b.yaml")]);
    refresh(&bed).await;
    let is_pruned = |status: &Value| {
        let results = status["operationState"]["syncResult"]["resources"].as_array();
        results.is_some_and(|results| results.iter().any(|r| r["name"] == "b" && r["status"] == "Pruned"))
    };
    bed.until_application(|status| is_synced(&second)(status) && is_pruned(status)).await;
    let b = bed.config_map("b");
    bed.until_absent(&b).await;
    assert!(bed.get(&bed.config_map("copy")).await.is_some());
}

#[tokio::test]
async fn the_finalizer_takes_the_objects_along() {
    let Some(mut bed) = Bed::shared("argo-gone").await else { return };
    let commit = bed.commit(&[config_map("a", "one")]);
    let metadata = json!({"finalizers": ["resources-finalizer.argocd.argoproj.io"]});
    bed.application(metadata, automated(json!({}))).await;
    bed.until_application(is_synced(&commit)).await;
    let name = bed.namespace.clone();
    bed.plane().kubectl(&["-n", ARGOCD, "delete", "application", &name, "--wait=false"]).await.unwrap();
    let app = bed.application_ref();
    bed.until_absent(&app).await;
    assert!(bed.get(&bed.config_map("a")).await.is_none(), "the Application goes last");
}

#[tokio::test]
async fn objects_that_argo_cd_left_are_taken_over_without_a_write() {
    let Some(mut bed) = Bed::shared("argo-switch").await else { return };
    let namespace = bed.namespace.clone();
    let web = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata:\n  name: web\nspec:\n  replicas: 0\n  serviceName: web\n  \
         selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
         spec: {containers: [{name: main, image: example.com/image, ports: [{containerPort: 80}]}]}\n";
    let commit = bed.commit(&[config_map("a", "one"), Change::write("app/web.yaml", web)]);
    // As Argo CD leaves them: `kubectl apply` under its field manager, with the tracking id.
    let tracked = |text: &str, id: &str| {
        let annotations = format!("metadata:\n  annotations:\n    {TRACKING_ID}: '{namespace}:{id}'\n");
        text.replacen("metadata:\n", &annotations, 1)
    };
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  key: one\n";
    let left = [
        tracked(map, &format!("/ConfigMap:{namespace}/a")),
        tracked(web, &format!("apps/StatefulSet:{namespace}/web")),
    ];
    bed.apply_with(&["--field-manager=argocd-controller"], &left.join("---\n")).await;
    let stateful_set = bed.object(&GroupVersionKind::new("apps", "v1", "StatefulSet"), "web");
    // Its controller has said all it has to say.
    bed.until_present(&stateful_set, |s| s.get(&["status", "observedGeneration"]) == Some(&json!(1))).await;
    let versions = async |bed: &Bed| {
        let mut versions = Vec::new();
        for object in [bed.config_map("a"), stateful_set.clone()] {
            versions.push(bed.get(&object).await.unwrap().resource_version().to_owned());
        }
        versions
    };
    let before = versions(&bed).await;
    bed.application(json!({}), automated(json!({"selfHeal": true, "prune": true}))).await;
    let status = bed.until_application(is_synced(&commit)).await;
    assert_eq!(status["sync"]["status"], "Synced");
    assert_eq!(versions(&bed).await, before);
    assert_eq!(status["operationState"], Value::Null, "there was nothing to sync");
}

#[tokio::test]
async fn server_side_apply_is_used_where_it_is_asked_for() {
    let Some(mut bed) = Bed::shared("argo-ssa").await else { return };
    let commit = bed.commit(&[config_map("a", "one")]);
    let policy = json!({"syncPolicy": {"automated": {}, "syncOptions": ["ServerSideApply=true"]}});
    bed.application(json!({}), policy).await;
    bed.until_application(is_synced(&commit)).await;
    let a = bed.get(&bed.config_map("a")).await.unwrap();
    assert_eq!(managers(&a), ["argocd-controller/Apply"]);
    assert_eq!(a.annotation(LAST_APPLIED), None);
}

#[tokio::test]
async fn a_missing_namespace_is_named_and_made_where_that_is_allowed() {
    let Some(mut bed) = Bed::shared("argo-missing").await else { return };
    let elsewhere = format!("{}-later", bed.namespace);
    let commit = bed.commit(&[config_map("a", "one")]);
    let to = |options: Value| {
        json!({"destination": {"server": "https://kubernetes.default.svc", "namespace": elsewhere},
            "syncPolicy": {"automated": {}, "retry": {"limit": 0}, "syncOptions": options}})
    };
    bed.application(json!({}), to(json!([]))).await;
    let status = bed.until_application(|s| s["operationState"]["phase"] == "Failed").await;
    let message = status["operationState"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("namespaces \"{elsewhere}\" not found")), "{message}");
    bed.application(json!({}), to(json!(["CreateNamespace=true"]))).await;
    bed.patch_application(json!({"operation": {"sync": {"syncOptions": ["CreateNamespace=true"]}}})).await;
    bed.until_application(is_synced(&commit)).await;
    bed.plane().kubectl(&["delete", "namespace", &elsewhere, "--wait=false"]).await.unwrap();
}

#[tokio::test]
async fn a_webhook_that_refuses_is_quoted_and_what_it_lets_pass_is_kept() {
    let Some(mut bed) = Bed::shared("argo-webhook").await else { return };
    let webhook = crate::admission::Webhook::install(&bed, "no colours on Fridays").await;
    let commit = bed.commit(&[config_map("a", "one"), config_map("held", "one")]);
    let policy = json!({"syncPolicy": {"automated": {}, "retry": {"limit": 0}}});
    bed.application(json!({}), policy).await;
    let status = bed.until_application(|s| s["operationState"]["phase"] == "Failed").await;
    let message = status["operationState"]["message"].as_str().unwrap();
    assert!(
        message.contains(r#"admission webhook "held.example.com" denied the request: no colours"#),
        "{message}"
    );
    let a = bed.get(&bed.config_map("a")).await.unwrap();
    assert_eq!(value(&a), Some("one"));
    webhook.answer(crate::admission::Answer::Allow);
    bed.patch_application(json!({"operation": {"sync": {}}})).await;
    bed.until_application(is_synced(&commit)).await;
    let namespace = bed.namespace.clone();
    bed.kubectl(&["delete", "validatingwebhookconfiguration", &namespace]).await;
}
