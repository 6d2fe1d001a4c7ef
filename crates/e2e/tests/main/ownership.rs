//! Whose the fields are: as with Flux' own controllers, so that nothing changes on the day of the switch.

use crate::bed::{Bed, config_map, deployment, inventory};
use holdfast_object::{GroupVersionKind, Object, ObjectRef, Value, json};
use holdfast_testcluster::git::Change;
use std::collections::BTreeSet;

/// The managers of an object's fields, its status aside, as `name/operation`.
fn managers(object: &Object) -> BTreeSet<String> {
    let entries = object.get(&["metadata", "managedFields"]).unwrap().as_array().unwrap();
    let own = entries.iter().filter(|entry| entry.get("subresource").is_none());
    own.map(|entry| {
        format!("{}/{}", entry["manager"].as_str().unwrap(), entry["operation"].as_str().unwrap())
    })
    .collect()
}

fn only(manager: &str) -> BTreeSet<String> {
    [manager.to_owned()].into()
}

const OURS: &str = "kustomize-controller/Apply";

#[tokio::test]
async fn objects_are_marked_and_listed_as_flux_does() {
    let Some(mut bed) = Bed::shared("marks").await else { return };
    let role = format!("system:{}:reader", bed.namespace);
    let cluster_role = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{name: '{role}'}}\nrules: []\n"
    );
    let commit = bed.commit(&[
        config_map("a", "one"),
        deployment("web", 0, ("a", "b")),
        Change::write("role.yaml", cluster_role),
    ]);
    bed.source().await;
    bed.kustomization(json!({})).await;
    let app = bed.until_applied(&commit).await;
    let namespace = &bed.namespace;
    let mut expected = vec![
        format!("_{}_rbac.authorization.k8s.io_ClusterRole", role.replace(':', "__")),
        format!("{namespace}_a__ConfigMap"),
        format!("{namespace}_web_apps_Deployment"),
    ];
    expected.sort();
    assert_eq!(inventory(&app), expected);

    let a = bed.get(&bed.config_map("a")).await.unwrap();
    assert_eq!(managers(&a), only(OURS));
    let labels = &a.get(&["metadata", "labels"]).unwrap();
    let expected = json!({
        "kustomize.toolkit.fluxcd.io/name": "app",
        "kustomize.toolkit.fluxcd.io/namespace": namespace,
    });
    assert_eq!(**labels, expected);
    assert_eq!(a.get(&["metadata", "annotations"]), None);
    bed.kubectl(&["delete", "kustomization", "app"]).await;
    let role =
        ObjectRef::new(&GroupVersionKind::new("rbac.authorization.k8s.io", "v1", "ClusterRole"), "", role);
    assert!(bed.get(&role).await.is_none());
}

#[tokio::test]
async fn what_kubectl_applied_is_taken_over_in_place() {
    let Some(mut bed) = Bed::shared("takeover").await else { return };
    let files = [("client", &[][..]), ("server", &["--server-side"][..])];
    for (name, arguments) in files {
        bed.apply_with(arguments, &manifest(name)).await;
    }
    let gvk = GroupVersionKind::new("apps", "v1", "StatefulSet");
    let mut before = Vec::new();
    for (name, _) in files {
        before.push(bed.get(&bed.object(&gvk, name)).await.unwrap());
    }
    let changes = files.map(|(name, _)| Change::write(format!("{name}.yaml"), manifest(name)));
    let commit = bed.commit(&changes);
    bed.source().await;
    bed.kustomization(json!({})).await;
    bed.until_applied(&commit).await;
    for old in before {
        let new = bed.get(&old.reference()).await.unwrap();
        assert_eq!((new.uid(), new.generation()), (old.uid(), old.generation()), "{}", old.name());
        assert_eq!(managers(&new), only(OURS), "{}", old.name());
        assert_eq!(new.annotation("kubectl.kubernetes.io/last-applied-configuration"), None);
    }
    // What Git no longer says goes: nobody else holds it any more.
    let changes =
        files.map(|(name, _)| Change::write(format!("{name}.yaml"), manifest(name).replace(EXTRA, "")));
    let commit = bed.push(&changes).await;
    bed.until_applied(&commit).await;
    for (name, _) in files {
        let new = bed.get(&bed.object(&gvk, name)).await.unwrap();
        assert_eq!(new.annotation("example.com/extra"), None, "{name}");
    }
}

const EXTRA: &str = ", annotations: {example.com/extra: x}";

/// A Deployment's generation also counts changes of its annotations; that of a StatefulSet is of its spec alone.
fn manifest(name: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: {name}{EXTRA}}}
spec:
  replicas: 0
  serviceName: {name}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: main, image: example.com/image, ports: [{{containerPort: 80}}]}}]}}
"
    )
}

#[tokio::test]
async fn a_reconcile_without_news_writes_nothing() {
    let Some(mut bed) = Bed::shared("nothing").await else { return };
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n";
    let first = bed.commit(&[
        config_map("a", "one"),
        deployment("web", 0, ("a", "b")),
        Change::write("service.yaml", service),
    ]);
    bed.source().await;
    bed.kustomization(json!({"path": "./"})).await;
    bed.until_applied(&first).await;
    let deployment = bed.object(&GroupVersionKind::new("apps", "v1", "Deployment"), "web");
    // Its controller has said all it has to say.
    bed.until_present(&deployment, |d| d.get(&["status", "observedGeneration"]) == Some(&json!(1))).await;
    let versions_before =
        bed.kubectl(&["get", "configmap/a", "deployment/web", "service/web", "-o", VERSIONS]).await;
    let token = bed.request("kustomization/app").await;
    let app = bed.app();
    let handled =
        |app: &Object| app.get(&["status", "lastHandledReconcileAt"]) == Some(&Value::from(token.clone()));
    bed.until_present(&app, handled).await;
    let second = bed.push(&[Change::write("README.md", "no manifest\n")]).await;
    bed.until_applied(&second).await;
    let versions_after =
        bed.kubectl(&["get", "configmap/a", "deployment/web", "service/web", "-o", VERSIONS]).await;
    assert_eq!(versions_after, versions_before);
}

const VERSIONS: &str =
    r#"jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}"#;
