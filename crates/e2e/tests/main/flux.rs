//! Flux' resources on a real API server: from a commit over https to the cluster, and what keeps it so.

use crate::bed::{Bed, condition, config_map, deployment, inventory, is_later, ready, value};
use holdfast_object::{GroupVersionKind, Object, ObjectRef, json};
use holdfast_testcluster::cluster::{AFTER, NEVER_READY};
use holdfast_testcluster::git::Change;
use holdfast_types::flux::git_repository;

#[tokio::test]
async fn commits_arrive_edits_are_healed_and_what_leaves_is_pruned() {
    let Some(mut bed) = Bed::shared("commits").await else { return };
    let first = bed.commit(&[config_map("a", "one"), config_map("b", "one")]);
    bed.source().await;
    bed.kustomization(json!({})).await;
    bed.until_applied(&first).await;
    let (a, b) = (bed.config_map("a"), bed.config_map("b"));
    for object in [&a, &b] {
        assert_eq!(value(&bed.get(object).await.unwrap()), Some("one"), "in force, so it must be there");
    }
    let source = bed.get(&bed.object(&git_repository(), "app")).await.unwrap();
    assert_eq!(ready(&source).unwrap().2, format!("stored artifact for revision 'main@sha1:{first}'"));

    let second = bed.push(&[config_map("a", "two"), Change::remove("b.yaml")]).await;
    let app = bed.until_applied(&second).await;
    assert_eq!(value(&bed.get(&a).await.unwrap()), Some("two"));
    assert!(bed.get(&b).await.is_none());
    assert_eq!(inventory(&app), [format!("{}_a__ConfigMap", bed.namespace)]);

    let path = "jsonpath={.metadata.resourceVersion}";
    let edit = r#"{"data": {"key": "edited"}}"#;
    let edited = bed.kubectl(&["patch", "configmap", "a", "--type=merge", "-p", edit, "-o", path]).await;
    let is_healed = |a: &Object| value(a) == Some("two") && is_later(a.resource_version(), &edited);
    bed.until_present(&a, is_healed).await;

    let before = bed.get(&a).await.unwrap();
    bed.kubectl(&["delete", "configmap", "a"]).await;
    bed.until_present(&a, |a| value(a) == Some("two") && a.uid() != before.uid()).await;
}

#[tokio::test]
async fn deletion_takes_the_objects_along_and_waits_for_their_finalizers() {
    let Some(mut bed) = Bed::shared("deletion").await else { return };
    let held = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.com/hold]}\n";
    let commit = bed.commit(&[config_map("a", "one"), Change::write("held.yaml", held)]);
    bed.source().await;
    bed.kustomization(json!({"deletionPolicy": "WaitForTermination", "timeout": "2m"})).await;
    bed.until_applied(&commit).await;

    bed.kubectl(&["delete", "kustomization", "app", "--wait=false"]).await;
    let (a, held, app) = (bed.config_map("a"), bed.config_map("held"), bed.app());
    bed.until_absent(&a).await;
    bed.until_present(&held, Object::is_deleting).await;
    let waiting = bed.get(&app).await.expect("it waits for what it deletes");
    assert!(waiting.is_deleting());

    bed.kubectl(&["patch", "configmap", "held", "--type=json", "-p", REMOVE_FINALIZERS]).await;
    bed.until_absent(&app).await;
    assert!(bed.get(&held).await.is_none(), "the Kustomization goes last");
}

const REMOVE_FINALIZERS: &str = r#"[{"op": "remove", "path": "/metadata/finalizers"}]"#;

#[tokio::test]
async fn a_definition_and_its_first_object_arrive_at_the_first_try() {
    let Some(mut bed) = Bed::shared("definitions").await else { return };
    let group = format!("{}.example.com", bed.namespace);
    let text = format!(
        "apiVersion: {group}/v1
kind: Widget
metadata: {{name: first}}
spec: {{size: 3}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {{spec: {{type: object, properties: {{size: {{type: integer}}}}}}}}
"
    );
    let commit = bed.commit(&[Change::write("all.yaml", text)]);
    bed.source().await;
    bed.kustomization(json!({"wait": true, "timeout": "2m"})).await;
    let app = bed.until_applied(&commit).await;
    let history = app.get(&["status", "history"]).unwrap().as_array().unwrap();
    assert_eq!(history.len(), 1, "{history:#?}");
    let warnings: Vec<String> =
        bed.events("app").await.into_iter().filter(|event| event.starts_with("Warning")).collect();
    // The source may not have been fetched yet when the Kustomization came.
    let failures: Vec<_> = warnings.iter().filter(|w| !w.contains("ArtifactFailed")).collect();
    assert!(failures.is_empty(), "{failures:#?}");

    let widget = bed.object(&GroupVersionKind::new(&group, "v1", "Widget"), "first");
    let edit = r#"{"spec": {"size": 4}}"#;
    bed.kubectl(&["patch", &format!("widget.{group}/first"), "--type=merge", "-p", edit]).await;
    bed.until_present(&widget, |w| w.generation() > 2 && w.get(&["spec", "size"]) == Some(&json!(3))).await;
}

#[tokio::test]
async fn wait_means_until_the_pods_are_ready() {
    let Some(mut bed) = Bed::shared("waits").await else { return };
    let commit = bed.commit(&[deployment("web", 2, (AFTER, "10s"))]);
    bed.source().await;
    bed.kustomization(json!({"wait": true, "timeout": "2m"})).await;
    let is_checking = |app: &Object| {
        condition(app, "Healthy").is_some_and(|(status, reason, message)| {
            status == "Unknown"
                && reason == "Progressing"
                && message.starts_with("Running health checks for revision main@sha1:")
        })
    };
    let app = bed.app();
    bed.until_present(&app, is_checking).await;
    let app = bed.until_applied(&commit).await;
    let (status, reason, _) = condition(&app, "Healthy").unwrap();
    assert_eq!((status.as_str(), reason.as_str()), ("True", "Succeeded"));
    let web = bed.get(&web(&bed)).await.unwrap();
    assert_eq!(web.get(&["status", "readyReplicas"]), Some(&json!(2)));
}

#[tokio::test]
async fn a_broken_revision_fails_its_health_check_and_the_next_one_repairs_it() {
    let Some(mut bed) = Bed::shared("health").await else { return };
    bed.commit(&[deployment("web", 1, NEVER_READY)]);
    bed.source().await;
    bed.kustomization(json!({"wait": true, "timeout": "5m", "retryInterval": "10m"})).await;
    let message = bed.until_failed("HealthCheckFailed", "web").await;
    assert!(message.contains("Deployment/"), "{message}");
    let fixed = bed.push(&[deployment("web", 1, ("a", "b"))]).await;
    bed.until_applied(&fixed).await;
}

#[tokio::test]
async fn the_newest_revision_does_not_wait_for_an_older_one() {
    let Some(mut bed) = Bed::shared("newest").await else { return };
    // Ready after an hour, and no deadline of its own within the test's patience.
    let slow = deployment("web", 1, NEVER_READY);
    let patient = Change::write("patience.yaml", PATIENT);
    bed.commit(&[slow, patient]);
    bed.source().await;
    bed.kustomization(json!({"timeout": "30m", "retryInterval": "10m",
        "healthChecks": [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": "never",
            "namespace": bed.namespace}]}))
        .await;
    let app = bed.app();
    let is_waiting = |app: &Object| condition(app, "Healthy").is_some_and(|(status, ..)| status == "Unknown");
    bed.until_present(&app, is_waiting).await;
    let fixed = bed.push(&[deployment("web", 1, ("a", "b")), config_map("a", "fixed")]).await;
    let a = bed.config_map("a");
    bed.until_present(&a, |a| value(a) == Some("fixed")).await;
    let waiting = bed.get(&app).await.unwrap();
    let attempted = waiting.get(&["status", "lastAttemptedRevision"]).unwrap();
    assert_eq!(attempted, &json!(format!("main@sha1:{fixed}")));
}

/// A claim that nothing ever binds: it is in progress for ever.
const PATIENT: &str = "apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: never}
spec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Gi}}}
";

#[tokio::test]
async fn a_cluster_is_reached_with_a_token_of_a_service_account() {
    let Some(mut bed) = Bed::shared("tokens").await else { return };
    let commit = bed.commit(&[config_map("a", "one")]);
    bed.source().await;
    // The server stands for another one: who writes there is not the controllers, but the account of the token.
    bed.kubectl(&["create", "serviceaccount", "deployer"]).await;
    bed.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "there"},
        "data": {"provider": "generic", "address": bed.plane().server(), "ca.crt": bed.plane().ca(),
            "serviceAccountName": "deployer", "audiences": "https://kubernetes.default.svc"}}))
        .await;
    let there = json!({"kubeConfig": {"configMapRef": {"name": "there"}}, "retryInterval": "2s"});
    bed.kustomization(there).await;
    let account = format!("system:serviceaccount:{}:deployer", bed.namespace);
    bed.until_failed("ReconciliationFailed", &account).await;
    assert!(bed.get(&bed.config_map("a")).await.is_none());
    bed.kubectl(&["create", "role", "maps", "--verb=*", "--resource=configmaps"]).await;
    let subject = format!("--serviceaccount={}:deployer", bed.namespace);
    bed.kubectl(&["create", "rolebinding", "maps", "--role=maps", &subject]).await;
    bed.until_applied(&commit).await;
    assert_eq!(value(&bed.get(&bed.config_map("a")).await.unwrap()), Some("one"));
}

fn web(bed: &Bed) -> ObjectRef {
    bed.object(&GroupVersionKind::new("apps", "v1", "Deployment"), "web")
}
