//! What goes wrong in life: servers that go away, rights that are missing, webhooks that refuse, a process that dies.

use crate::admission::{Answer, Webhook, refused};
use crate::bed::{Bed, config_map, inventory, is_later, value};
use crate::process::Holdfast;
use holdfast_object::{Object, json};
use holdfast_testcluster::cluster::{ADMIN, Cluster};
use holdfast_testcluster::git::Change;

/// The names of the namespace's ConfigMaps, but for the one that every namespace has.
async fn config_maps(bed: &Bed<Cluster>) -> Vec<String> {
    let names = bed.kubectl(&["get", "configmaps", "-o", "jsonpath={.items[*].metadata.name}"]).await;
    names.split_whitespace().filter(|name| *name != "kube-root-ca.crt").map(str::to_owned).collect()
}

async fn controllers(bed: &Bed<Cluster>) -> Holdfast {
    Holdfast::controllers(bed.plane().kubeconfig_path(ADMIN).unwrap()).await
}

#[tokio::test]
async fn an_outage_of_the_api_server_is_made_up_for() {
    let Some(mut bed) = Bed::own("outage").await else { return };
    let first = bed.commit(&[config_map("a", "one"), config_map("b", "one")]);
    bed.source_every("1s").await;
    bed.kustomization(json!({"retryInterval": "10m"})).await;
    let of_app = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-app}\ndata: {key: one}\n";
    bed.commit_to("apps", &[Change::write("app/of-app.yaml", of_app)]);
    let policy = json!({"syncPolicy": {"automated": {"selfHeal": true}},
        "source": {"repoURL": bed.url(), "path": "app", "targetRevision": "apps"}});
    bed.application(json!({}), policy).await;
    let mut holdfast = controllers(&bed).await;
    bed.until_applied(&first).await;
    bed.until_application(|status| status["sync"]["status"] == "Synced").await;
    let before = bed.get(&bed.config_map("a")).await.unwrap();
    let data = bed.plane.snapshot().await.unwrap();

    bed.plane.stop_api_server().await.unwrap();
    let second = bed.commit(&[config_map("a", "two"), config_map("c", "two"), Change::remove("b.yaml")]);
    holdfast.until_says("cannot renew the lease").await;
    bed.plane.start_api_server().await.unwrap();
    let a = bed.config_map("a");
    bed.kubectl(&["patch", "configmap", "a", "--type=merge", "-p", r#"{"data": {"key": "edited"}}"#]).await;
    bed.kubectl(&["patch", "configmap", "of-app", "--type=merge", "-p", r#"{"data": {"key": "edited"}}"#])
        .await;
    bed.until_applied(&second).await;
    bed.until_present(&a, |a| value(a) == Some("two")).await;
    let of_app = bed.config_map("of-app");
    bed.until_present(&of_app, |a| value(a) == Some("one")).await;
    assert_eq!(bed.get(&a).await.unwrap().uid(), before.uid(), "it was changed in place");
    assert_eq!(config_maps(&bed).await, ["a", "c", "of-app"]);

    // A restore from backup takes the whole cluster back in time, resource versions and our own status included.
    bed.plane.restore(&data).await.unwrap();
    bed.until_applied(&second).await;
    bed.until_present(&a, |a| value(a) == Some("two")).await;
    let b = bed.config_map("b");
    bed.until_absent(&b).await;
    assert_eq!(config_maps(&bed).await, ["a", "c", "of-app"]);
    assert!(holdfast.stop().await.success());
}

#[tokio::test]
async fn a_missing_right_is_named_and_missed_no_more_once_granted() {
    let Some(mut bed) = Bed::own("rights").await else { return };
    bed.apply_with(&["--server-side"], RIGHTS).await;
    let commit = bed.commit(&[config_map("a", "one")]);
    bed.source().await;
    bed.kustomization(json!({})).await;
    let _holdfast = Holdfast::controllers(bed.plane().kubeconfig_path("limited").unwrap()).await;
    let list = r#"configmaps is forbidden: User "limited" cannot list resource "configmaps""#;
    bed.until_not_ready(list).await;

    grant(&bed, "reader", "get,list,watch").await;
    let write = r#"cannot patch resource "configmaps""#;
    let message = bed.until_not_ready(write).await;
    assert!(
        message.contains("ConfigMap/") && message.contains("grant the controller's identity"),
        "{message}"
    );

    grant(&bed, "writer", "create,patch").await;
    bed.until_applied(&commit).await;
}

async fn grant(bed: &Bed<Cluster>, role: &str, verbs: &str) {
    let verb = format!("--verb={verbs}");
    bed.kubectl(&["create", "clusterrole", role, &verb, "--resource=configmaps"]).await;
    let role_flag = format!("--clusterrole={role}");
    bed.kubectl(&["create", "clusterrolebinding", role, &role_flag, "--user=limited"]).await;
}

/// Everything but what the repository holds.
const RIGHTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: holdfast}
rules:
- {apiGroups: [source.toolkit.fluxcd.io, kustomize.toolkit.fluxcd.io, argoproj.io], resources: ['*'], verbs: ['*']}
- {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [get, list, watch]}
- {apiGroups: [coordination.k8s.io], resources: [leases], verbs: ['*']}
- {apiGroups: [""], resources: [events], verbs: [create, patch]}
- {apiGroups: [""], resources: [secrets, namespaces], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: holdfast}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: holdfast}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: limited}]
"#;

#[tokio::test]
async fn a_missing_namespace_is_named_and_what_is_not_concerned_is_applied() {
    let Some(mut bed) = Bed::shared("missing").await else { return };
    let elsewhere = format!("{}-later", bed.namespace);
    let lost = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: lost, namespace: {elsewhere}}}\n");
    let here = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: {}}}\ndata: {{key: one}}\n",
        bed.namespace
    );
    let commit = bed.commit(&[Change::write("lost.yaml", lost), Change::write("a.yaml", here)]);
    bed.source().await;
    bed.kustomization(json!({"targetNamespace": null})).await;
    let words = format!("namespaces \"{elsewhere}\" not found");
    let message = bed.until_failed("ReconciliationFailed", &words).await;
    assert!(message.contains(&format!("ConfigMap/{elsewhere}/lost")), "{message}");
    let a = bed.get(&bed.config_map("a")).await.unwrap();
    assert_eq!(value(&a), Some("one"));
    bed.kubectl(&["create", "namespace", &elsewhere]).await;
    bed.until_applied(&commit).await;
    bed.kubectl(&["delete", "namespace", &elsewhere, "--wait=false"]).await;
}

#[tokio::test]
async fn a_webhook_that_refuses_or_is_gone_is_quoted() {
    let Some(mut bed) = Bed::shared("webhook").await else { return };
    let webhook = Webhook::install(&bed, "no colours on Fridays").await;
    let commit = bed.commit(&[config_map("a", "one"), config_map("held", "one")]);
    bed.source().await;
    bed.kustomization(json!({})).await;
    let denial = r#"admission webhook "held.example.com" denied the request: no colours on Fridays"#;
    let message = bed.until_failed("ReconciliationFailed", denial).await;
    assert!(message.contains("ConfigMap/") && message.contains("/held"), "{message}");
    let app = bed.get(&bed.app()).await.unwrap();
    assert_eq!(inventory(&app), [format!("{}_a__ConfigMap", bed.namespace)], "what was applied, and no more");

    // The address of nobody: the port was free a moment ago and is not used by the webhook.
    webhook.configure(&bed, "https://127.0.0.1:1/").await;
    let unreachable = r#"failed calling webhook "held.example.com""#;
    refused(&bed, unreachable).await;
    let message = bed.until_failed("ReconciliationFailed", unreachable).await;
    assert!(message.contains("connection refused"), "{message}");

    let namespace = bed.namespace.clone();
    bed.kubectl(&["delete", "validatingwebhookconfiguration", &namespace]).await;
    bed.until_applied(&commit).await;
}

#[tokio::test]
async fn a_process_killed_in_the_middle_of_an_apply_orphans_nothing() {
    let Some(mut bed) = Bed::own("killed").await else { return };
    let webhook = Webhook::install(&bed, "not yet").await;
    webhook.answer(Answer::Hold);
    bed.commit(&[config_map("early", "one"), config_map("held", "one"), config_map("keep", "one")]);
    bed.source().await;
    bed.kustomization(json!({})).await;
    let holdfast = controllers(&bed).await;
    webhook.until_held().await;
    let early = bed.config_map("early");
    bed.until_present(&early, |_| true).await;
    let keep = bed.config_map("keep");
    let kept = bed.until_present(&keep, |_| true).await;
    holdfast.kill().await;
    webhook.answer(Answer::Allow);

    // What was applied has left the source by the time Holdfast is back.
    let commit =
        bed.commit(&[Change::remove("early.yaml"), Change::remove("held.yaml"), config_map("late", "one")]);
    let holdfast = controllers(&bed).await;
    let app = bed.until_applied(&commit).await;
    bed.until_absent(&early).await;
    let held = bed.config_map("held");
    bed.until_absent(&held).await;
    assert_eq!(config_maps(&bed).await, ["keep", "late"]);
    let ids = ["keep", "late"].map(|name| format!("{}_{name}__ConfigMap", bed.namespace));
    assert_eq!(inventory(&app), ids);
    let again = bed.get(&keep).await.unwrap();
    assert_eq!((again.uid(), again.resource_version()), (kept.uid(), kept.resource_version()));
    assert!(holdfast.stop().await.success());
}

#[tokio::test]
async fn an_apply_that_an_outage_cuts_off_goes_on_with_the_server() {
    let Some(mut bed) = Bed::own("cutoff").await else { return };
    let webhook = Webhook::install(&bed, "not yet").await;
    webhook.answer(Answer::Hold);
    let commit = bed.commit(&[config_map("held", "one"), config_map("a", "one")]);
    bed.source().await;
    // Without its own way back it would be tried again far beyond this test's patience.
    bed.kustomization(json!({"retryInterval": "1h"})).await;
    let mut holdfast = controllers(&bed).await;
    webhook.until_held().await;
    bed.plane.stop_api_server().await.unwrap();
    webhook.answer(Answer::Allow);
    holdfast.until_says("the cluster cannot be reached").await;
    bed.plane.start_api_server().await.unwrap();
    bed.until_applied(&commit).await;
    assert_eq!(config_maps(&bed).await, ["a", "held"]);
    assert!(holdfast.stop().await.success());
}

#[tokio::test]
async fn an_applications_sync_survives_the_process_that_began_it() {
    let Some(mut bed) = Bed::own("argo-killed").await else { return };
    let webhook = Webhook::install(&bed, "not yet").await;
    webhook.answer(Answer::Hold);
    let in_app = |name: &str, value: &str| {
        let text =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n");
        Change::write(format!("app/{name}.yaml"), text)
    };
    let first = bed.commit(&[in_app("early", "one"), in_app("held", "one"), in_app("keep", "one")]);
    let policy = json!({"syncPolicy": {"automated": {"prune": true, "selfHeal": true}}});
    bed.application(json!({}), policy).await;
    let holdfast = controllers(&bed).await;
    webhook.until_held().await;
    let keep = bed.config_map("keep");
    let kept = bed.until_present(&keep, |_| true).await;
    holdfast.kill().await;
    webhook.answer(Answer::Allow);

    let commit = bed.commit(&[
        Change::remove("app/early.yaml"),
        Change::remove("app/held.yaml"),
        in_app("late", "one"),
    ]);
    assert_ne!(first, commit);
    let holdfast = controllers(&bed).await;
    let is_synced = |status: &holdfast_object::Value| {
        status["sync"]["status"] == "Synced"
            && status["sync"]["revision"] == commit.as_str()
            && status["operationState"]["phase"] != "Running"
    };
    bed.until_application(is_synced).await;
    for name in ["early", "held"] {
        let gone = bed.config_map(name);
        bed.until_absent(&gone).await;
    }
    assert_eq!(config_maps(&bed).await, ["keep", "late"]);
    let again = bed.get(&keep).await.unwrap();
    assert_eq!((again.uid(), again.resource_version()), (kept.uid(), kept.resource_version()));
    assert!(holdfast.stop().await.success());
}

#[tokio::test]
async fn a_process_that_starts_without_the_git_server_keeps_the_last_commit_in_force() {
    let Some(mut bed) = Bed::own("git-down").await else { return };
    let of_app = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-app}\ndata: {key: one}\n";
    bed.commit(&[Change::write("app/of-app.yaml", of_app)]);
    let policy = json!({"syncPolicy": {"automated": {"selfHeal": true}}});
    bed.application(json!({}), policy).await;
    let kubeconfig = bed.plane().kubeconfig_path(ADMIN).unwrap().to_owned();
    let holdfast = Holdfast::controllers(&kubeconfig).await;
    bed.until_application(|status| status["sync"]["status"] == "Synced").await;
    bed.stop_git();
    let holdfast = holdfast.restarted(&kubeconfig).await;
    bed.kubectl(&["patch", "configmap", "of-app", "--type=merge", "-p", r#"{"data": {"key": "edited"}}"#])
        .await;
    bed.until_application(|status| {
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|c| c["type"] == "ComparisonError")
    })
    .await;
    let object = bed.config_map("of-app");
    bed.until_present(&object, |a| value(a) == Some("one")).await;
    assert!(holdfast.stop().await.success());
}

#[tokio::test]
async fn what_happened_while_nobody_watched_is_put_right() {
    let Some(mut bed) = Bed::own("asleep").await else { return };
    let first = bed.commit(&[config_map("a", "one"), config_map("b", "one"), config_map("c", "one")]);
    bed.source().await;
    bed.kustomization(json!({})).await;
    let holdfast = controllers(&bed).await;
    bed.until_applied(&first).await;
    holdfast.kill().await;
    let edit = r#"{"data": {"key": "edited"}}"#;
    bed.kubectl(&["patch", "configmap", "a", "--type=merge", "-p", edit]).await;
    bed.kubectl(&["delete", "configmap", "b"]).await;
    let untouched = bed.get(&bed.config_map("c")).await.unwrap();
    let edited = bed.get(&bed.config_map("a")).await.unwrap();
    let _holdfast = controllers(&bed).await;
    let (a, b) = (bed.config_map("a"), bed.config_map("b"));
    let is_healed =
        |a: &Object| value(a) == Some("one") && is_later(a.resource_version(), edited.resource_version());
    bed.until_present(&a, is_healed).await;
    bed.until_present(&b, |b| value(b) == Some("one")).await;
    let still = bed.get(&untouched.reference()).await.unwrap();
    assert_eq!(still.resource_version(), untouched.resource_version());
}
