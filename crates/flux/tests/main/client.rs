//! What Flux' own client, `flux`, reads and writes, verb by verb: it talks to the API server only, so whoever answers
//! these as the original controllers do is answered by it. (The client itself, 2.9.4, was run against this.)

use crate::bed::{Bed, NAMESPACE, ready};
use holdfast_cluster::{ApiRequest, PatchKind};
use holdfast_health::{HealthStatus, RuleSet, assess};
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_types::flux::{git_repository, kustomization};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// How often the client looks.
const POLL: Duration = Duration::from_secs(2);

const FILES: [(&str, &str); 2] = [
    ("deploy/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  key: one\n"),
    (
        "deploy/web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n  selector:\n    matchLabels: {app: web}\n  \
         template:\n    metadata:\n      labels: {app: web}\n    spec:\n      containers: [{name: web, image: web:1}]\n",
    ),
];

fn deployment() -> GroupVersionKind {
    GroupVersionKind::new("apps", "v1", "Deployment")
}

fn text<'o>(object: &'o Object, path: &[&str]) -> &'o str {
    object.get(path).and_then(Value::as_str).unwrap_or_default()
}

/// The client, on one bed.
struct Client<'b>(&'b Bed);

impl Client<'_> {
    async fn get(&self, gvk: &GroupVersionKind) -> Object {
        self.0.get(gvk, "flux-system", "app").await.unwrap()
    }

    /// `create`, and `resume` with its wait: until the object is ready for the generation it is of.
    async fn until_ready(&self, gvk: &GroupVersionKind) -> Object {
        loop {
            let object = self.get(gvk).await;
            let observed =
                object.get(&["status", "observedGeneration"]).and_then(Value::as_i64).unwrap_or(-1);
            let conditions = object.get(&["status", "conditions"]).and_then(Value::as_array);
            let ready = conditions.into_iter().flatten().find(|c| c["type"] == "Ready");
            let is_of_now = ready.is_some_and(|c| c["observedGeneration"] == object.generation());
            match assess(&object, RuleSet::Kstatus).status {
                HealthStatus::Healthy if observed >= 1 && is_of_now => return object,
                HealthStatus::Degraded => panic!("{:?}", ready),
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// `reconcile`: annotates, waits until that was handled, and until what came of it is final.
    async fn reconcile(&self, gvk: &GroupVersionKind) -> Object {
        let before = text(&self.get(gvk).await, &["status", "lastHandledReconcileAt"]).to_owned();
        let at = jiff::Timestamp::now().to_string();
        let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": at}}});
        self.0.merge(gvk, "flux-system", "app", patch).await;
        loop {
            let object = self.get(gvk).await;
            if text(&object, &["status", "lastHandledReconcileAt"]) != before {
                assert_eq!(text(&object, &["status", "lastHandledReconcileAt"]), at);
                match assess(&object, RuleSet::Kstatus).status {
                    HealthStatus::Healthy => return object,
                    HealthStatus::Degraded => panic!("{:?}", ready(Some(&object))),
                    _ => {}
                }
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn suspend(&self, gvk: &GroupVersionKind, suspend: bool) {
        self.0.merge(gvk, "flux-system", "app", json!({"spec": {"suspend": suspend}})).await;
    }

    /// `events --for KIND/NAME`: what the server selects by these fields.
    async fn events(&self, kind: &str) -> Vec<Value> {
        let resource = self.0.hand.cluster.resource(&GroupVersionKind::new("", "v1", "Event")).await.unwrap();
        let selector = format!("involvedObject.kind={kind},involvedObject.name=app");
        let request = ApiRequest::get(resource.path("flux-system")).query("fieldSelector", selector);
        let answer = self.0.hand.cluster.request(request).await.unwrap();
        let list: Value = serde_json::from_slice(&answer.body).unwrap();
        list["items"].as_array().unwrap().clone()
    }
}

/// A source and a Kustomization as `flux create` makes them, ready.
async fn created() -> (Bed, String) {
    let bed = Bed::start().await;
    let commit = bed.repository.commit(&FILES);
    bed.source().await;
    bed.kustomization("app", json!({"path": "./deploy", "wait": true, "timeout": "1m"})).await;
    Client(&bed).until_ready(&git_repository()).await;
    Client(&bed).until_ready(&kustomization()).await;
    (bed, format!("main@sha1:{commit}"))
}

#[tokio::test(start_paused = true)]
async fn get_reads_revisions_and_ready() {
    let (bed, revision) = created().await;
    let source = Client(&bed).get(&git_repository()).await;
    assert_eq!(text(&source, &["status", "artifact", "revision"]), revision);
    let stored = format!("stored artifact for revision '{revision}'");
    assert_eq!(ready(Some(&source)), Some(("True".into(), "Succeeded".into(), stored)));
    let app = Client(&bed).get(&kustomization()).await;
    assert_eq!(text(&app, &["status", "lastAppliedRevision"]), revision);
    let applied = format!("Applied revision: {revision}");
    assert_eq!(ready(Some(&app)), Some(("True".into(), "ReconciliationSucceeded".into(), applied)));
}

#[tokio::test(start_paused = true)]
async fn reconcile_is_answered_with_what_came_of_it() {
    let (bed, _) = created().await;
    let client = Client(&bed);
    // With the source first: the new commit is in force when the second answer comes.
    let commit = bed.repository.commit(&[("deploy/a.yaml", &FILES[0].1.replace("one", "two"))]);
    let source = client.reconcile(&git_repository()).await;
    let revision = format!("main@sha1:{commit}");
    assert_eq!(text(&source, &["status", "artifact", "revision"]), revision);
    let app = client.reconcile(&kustomization()).await;
    assert_eq!(text(&app, &["status", "lastAppliedRevision"]), revision);
    // Without: nothing is new, and the answer comes all the same.
    let app = client.reconcile(&kustomization()).await;
    assert_eq!(text(&app, &["status", "lastAppliedRevision"]), revision);
}

#[tokio::test(start_paused = true)]
async fn resume_waits_for_the_generation_that_it_made() {
    let (bed, revision) = created().await;
    let client = Client(&bed);
    for gvk in [kustomization(), git_repository()] {
        client.suspend(&gvk, true).await;
        tokio::time::sleep(POLL).await;
        let suspended = client.get(&gvk).await;
        assert!(ready(Some(&suspended)).is_some_and(|(status, ..)| status == "True"), "it says what it said");
        client.suspend(&gvk, false).await;
        let resumed = client.until_ready(&gvk).await;
        assert_eq!(resumed.generation(), suspended.generation() + 1);
    }
    let app = client.get(&kustomization()).await;
    assert_eq!(text(&app, &["status", "lastAppliedRevision"]), revision);
}

#[tokio::test(start_paused = true)]
async fn tree_and_trace_find_their_way_in_both_directions() {
    let (bed, revision) = created().await;
    let app = Client(&bed).get(&kustomization()).await;
    let entries = app.get(&["status", "inventory", "entries"]).unwrap();
    let expected =
        json!([{"id": "default_a__ConfigMap", "v": "v1"}, {"id": "default_web_apps_Deployment", "v": "v1"}]);
    assert_eq!(*entries, expected);
    let web = bed.get(&deployment(), "default", "web").await.unwrap();
    let label = |part: &str| web.label(&format!("kustomize.toolkit.fluxcd.io/{part}")).unwrap_or_default();
    assert_eq!((label("namespace"), label("name")), ("flux-system", "app"));
    let conditions = app.get(&["status", "conditions"]).unwrap().as_array().unwrap();
    let ready = conditions.iter().find(|c| c["type"] == "Ready").unwrap();
    assert!(ready["lastTransitionTime"].as_str().is_some_and(|at| at.parse::<jiff::Timestamp>().is_ok()));
    let source = Client(&bed).get(&git_repository()).await;
    assert_eq!(text(&source, &["status", "artifact", "revision"]), revision);
}

#[tokio::test(start_paused = true)]
async fn events_are_found_by_the_fields_of_who_they_are_about() {
    let (bed, revision) = created().await;
    bed.until_event(NAMESPACE, "app", "ReconciliationSucceeded: Reconciliation finished in ").await;
    let client = Client(&bed);
    for (gvk, reason, group) in [
        (git_repository(), "NewArtifact", "source.toolkit.fluxcd.io"),
        (kustomization(), "ReconciliationSucceeded", "kustomize.toolkit.fluxcd.io"),
    ] {
        let events = client.events(&gvk.kind).await;
        let event = events.iter().find(|event| event["reason"] == reason).unwrap();
        let about = &event["involvedObject"];
        assert_eq!(about["apiVersion"], gvk.api_version());
        assert_eq!(about["uid"], client.get(&gvk).await.uid());
        assert_eq!(
            (about["namespace"].as_str(), event["type"].as_str()),
            (Some("flux-system"), Some("Normal"))
        );
        assert_eq!(event["metadata"]["annotations"][format!("{group}/revision")], revision.as_str());
        assert!(event["lastTimestamp"].is_string(), "the client sorts by it: {event}");
    }
}

#[tokio::test(start_paused = true)]
async fn diff_finds_nothing_where_nothing_differs() {
    let (bed, _) = created().await;
    for (gvk, name, file) in
        [(GroupVersionKind::new("", "v1", "ConfigMap"), "a", FILES[0].1), (deployment(), "web", FILES[1].1)]
    {
        // The client builds by itself, and asks the server what applying that would change.
        let mut value = holdfast_yaml::parse(file.as_bytes(), &holdfast_yaml::Options::v2()).unwrap();
        value["metadata"]["namespace"] = "default".into();
        value["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": "app",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
        let dry_run = async |value: &Value| {
            let resource = bed.hand.cluster.resource(&gvk).await.unwrap();
            let request = ApiRequest::patch(&resource, "default", name, PatchKind::Apply, value.to_string())
                .query("fieldManager", "kustomize-controller")
                .query("dryRun", "All");
            let answer = bed.hand.cluster.request(request.query("force", "true")).await.unwrap();
            Object::new(serde_json::from_slice(&answer.body).unwrap()).unwrap()
        };
        let live = bed.get(&gvk, "default", name).await.unwrap();
        let would_be = dry_run(&value).await;
        assert_eq!(would_be.resource_version(), live.resource_version(), "{name}");
        assert_eq!(would_be.as_map(), live.as_map(), "{name}: not even who owns what would change");
        value["metadata"]["labels"]["new"] = "x".into();
        assert_ne!(dry_run(&value).await.as_map(), live.as_map());
    }
}

#[tokio::test(start_paused = true)]
async fn stats_add_up_what_is_stored() {
    let (bed, _) = created().await;
    let source = Client(&bed).get(&git_repository()).await;
    let artifact = source.get(&["status", "artifact"]).unwrap();
    let path = bed.folder.path().join("artifacts").join(artifact["path"].as_str().unwrap());
    let file = std::fs::read(path).unwrap();
    assert_eq!(artifact["size"], file.len());
    assert_eq!(artifact["digest"], format!("sha256:{}", hex::encode(Sha256::digest(&file))));
    // What runs, fails and is suspended is told by the spec and by Ready.
    assert!(ready(Some(&source)).is_some_and(|(status, ..)| status == "True"));
}

#[tokio::test(start_paused = true)]
async fn delete_ends_when_everything_is_gone() {
    let (bed, _) = created().await;
    for gvk in [kustomization(), git_repository()] {
        bed.delete(&gvk, "flux-system", "app").await;
        bed.until(&gvk, "flux-system", "app", |object| object.is_none()).await;
    }
    assert!(bed.get(&deployment(), "default", "web").await.is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_exported_is_what_was_created() {
    let (bed, _) = created().await;
    // What the client prints is the spec: nothing may be added to it but the API's own defaults.
    let app = Client(&bed).get(&kustomization()).await;
    let expected = json!({"interval": "10m", "path": "./deploy", "prune": true, "timeout": "1m", "wait": true,
        "force": false, "targetNamespace": "default", "sourceRef": {"kind": "GitRepository", "name": "app"}});
    let mut spec = app.get(&["spec"]).unwrap().clone();
    spec["force"] = spec.get("force").cloned().unwrap_or(json!(false));
    assert_eq!(spec, expected);
    let source = Client(&bed).get(&git_repository()).await;
    assert_eq!(source.get(&["spec", "timeout"]), Some(&json!("60s")));
    for object in [&app, &source] {
        assert_eq!(object.get(&["metadata", "annotations"]), None, "{}", object.key());
        assert_eq!(object.get(&["metadata", "labels"]), None, "{}", object.key());
    }
}
