//! After a restart, how many objects of published charts cannot be told to be in force without asking the server?
//!
//! Each chart's objects are applied as an app's are, listed by a process that knows nothing of them but that they were
//! applied, and judged. On a real control plane it takes minutes and has its own command:
//! `HOLDFAST_E2E=1 cargo test -p holdfast-e2e --test main dry_runs -- --ignored --nocapture`.

use crate::bed::{connect, provide_tls};
use holdfast_apply::Applier;
use holdfast_cluster::{ApiRequest, Cluster, LiveState};
use holdfast_object::{GroupVersionKind, Object, ObjectRef, json};
use holdfast_sandbox::{Options, Sandbox};
use holdfast_sync::{
    Backoff, DesiredObject, DriftPolicy, FoldPolicy, HealWhen, Judgement, ObjectPolicy, Op, OpResult,
    Ownership, OwnershipLoss, Reason, Verb, WriteMode, judge,
};
use holdfast_testcluster::cluster;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most of them in a hundred may need a dry run.
const MOST_ASKED_PERCENT: usize = 2;

/// What a cluster makes of the objects of some charts.
#[derive(Debug, Default)]
struct Count {
    objects: usize,
    /// Of kinds that the cluster does not serve, or refused.
    left_out: usize,
    /// Those that need a dry run.
    asked: Vec<String>,
    /// Those that are told to differ, though they are as they were applied.
    wrong: Vec<String>,
}

/// The published charts' cases with their own values.
fn cases() -> Option<Vec<PathBuf>> {
    let folder = holdfast_testkit::conformance("helm")?.join("cases");
    let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.ends_with("--default") && !name.starts_with("synthetic") && path.join("expected.yaml").exists()
    });
    cases.sort();
    Some(cases)
}

/// What a chart renders to, but for its hooks and for what would change how the cluster itself works.
fn rendered(case: &Path) -> Vec<Object> {
    let text = std::fs::read(case.join("expected.yaml")).unwrap();
    let documents = holdfast_yaml::parse_all(&text, &holdfast_yaml::Options::v2()).unwrap();
    let objects = documents.into_iter().filter_map(|document| Object::new(document.value).ok());
    let is_taken = |object: &Object| {
        let group = object.gvk().group;
        object.annotation("helm.sh/hook").is_none()
            && !["admissionregistration.k8s.io", "apiregistration.k8s.io"].contains(&group.as_str())
    };
    objects.filter(is_taken).collect()
}

fn modes() -> [WriteMode; 2] {
    let manager = "kustomize-controller";
    let fold = FoldPolicy::kustomize_controller(manager, &[]);
    [
        WriteMode::ServerSide { manager: manager.into(), force: true, fold },
        WriteMode::ThreeWay { manager: "argocd-controller".into() },
    ]
}

fn drift() -> DriftPolicy {
    DriftPolicy {
        ignore: Vec::new(),
        ownership_loss: OwnershipLoss::Ignore,
        value: HealWhen::AtOnce,
        fold: HealWhen::AtInterval,
        backoff: Backoff { first: Duration::ZERO, factor: 1.0, max: Duration::ZERO },
    }
}

async fn namespace(cluster: &Cluster, name: &str) {
    let resource = cluster.resource(&GroupVersionKind::new("", "v1", "Namespace")).await.unwrap();
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).to_string();
    // It may be there already.
    let _ = cluster.request(ApiRequest::create(&resource, "", body)).await;
}

/// The objects as an app has them: with its mark and their namespace; those that the cluster serves.
async fn desired(cluster: &Cluster, objects: Vec<Object>, default: &str) -> Vec<DesiredObject> {
    let label = |key: &str| format!("kustomize.toolkit.fluxcd.io/{key}");
    let owner = Ownership::Labels(vec![(label("name"), "app".into()), (label("namespace"), "apps".into())]);
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    for mut object in objects {
        let Ok(resource) = cluster.resource(&object.gvk()).await else { continue };
        if resource.namespaced && object.namespace().is_empty() {
            object.set_namespace(default);
        }
        owner.mark(&mut object);
        if seen.insert(object.key()) {
            all.push(DesiredObject::new(object, None, ObjectPolicy::default()));
        }
    }
    for name in all.iter().map(|d| &d.reference.key.namespace).collect::<BTreeSet<_>>() {
        if !name.is_empty() {
            namespace(cluster, name).await;
        }
    }
    all
}

async fn apply(cluster: &Cluster, desired: &[DesiredObject], mode: &WriteMode) -> Vec<bool> {
    let op = |desired: &DesiredObject| Op {
        object: desired.reference.clone(),
        verb: Verb::Apply {
            desired: desired.object.clone(),
            mode: mode.clone(),
            recreate_immutable: false,
            verify: None,
        },
        why: Reason::Missing,
        origin: None,
        precondition: None,
    };
    let ops: Vec<Op> = desired.iter().map(op).collect();
    let results = Applier::new(cluster.clone()).run(&ops).await;
    results.into_iter().map(|result| matches!(result, OpResult::Done { .. })).collect()
}

/// Everything that is live of some objects, as a new process lists it.
async fn listed(cluster: &Cluster, objects: &[&ObjectRef]) -> LiveState {
    let (live, mut events) = LiveState::new(cluster.clone(), Vec::new());
    live.ensure_objects(objects.iter().copied()).await.unwrap();
    let wait = async {
        while objects.iter().any(|object| live.object(object).is_none()) {
            events.recv().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("what was applied is listed");
    live
}

async fn count_case(cluster: &Cluster, case: &Path, into: &mut Count, mode: &WriteMode) {
    let name = case.file_name().unwrap().to_string_lossy().into_owned();
    let objects = rendered(case);
    let all = objects.len();
    let desired = desired(cluster, objects, "charts").await;
    let applied = apply(cluster, &desired, mode).await;
    let applied: Vec<&DesiredObject> = desired
        .iter()
        .zip(applied)
        .filter_map(|(desired, is_applied)| is_applied.then_some(desired))
        .collect();
    into.objects += applied.len();
    into.left_out += all - applied.len();
    let live = listed(cluster, &applied.iter().map(|d| &d.reference).collect::<Vec<_>>()).await;
    for desired in applied {
        let found = live.object(&desired.reference).unwrap();
        let place = format!("{name}: {}", desired.reference);
        match judge(desired, &found, mode, &drift(), true) {
            // An empty map that others fill is theirs then (`annotations: {}`, of every Deployment whose controller notes
            // its revision). Both front-ends leave it at that.
            Judgement::InForce | Judgement::OwnershipLost => {}
            Judgement::Unknown => into.asked.push(place),
            other => into.wrong.push(format!("{place}: {other:?}")),
        }
    }
}

#[allow(clippy::print_stdout, reason = "the count is what the command is for")]
fn check(what: &str, mode: &WriteMode, count: &Count) {
    println!(
        "{what}, {}: {} objects ({} left out), {} of them need a dry run: {:#?}",
        mode.manager(),
        count.objects,
        count.left_out,
        count.asked.len(),
        count.asked
    );
    assert!(count.wrong.is_empty(), "{:#?}", count.wrong);
    assert!(count.objects > count.left_out, "{count:?}");
    assert!(count.asked.len() * 100 <= count.objects * MOST_ASKED_PERCENT, "{:#?}", count.asked);
}

#[tokio::test]
async fn dry_runs_are_few_on_the_sandbox() {
    let Some(cases) = cases() else { return };
    for mode in modes() {
        let mut count = Count::default();
        for case in &cases {
            // Each chart has a cluster of its own: releases of one name have objects of one name.
            let options = Options { simulate_workloads: false, ..Options::default() };
            let sandbox = Sandbox::start(options);
            let cluster = Cluster::new(kube::Client::new(sandbox.service(), "default"));
            count_case(&cluster, case, &mut count, &mode).await;
        }
        check("the sandbox", &mode, &count);
    }
}

#[tokio::test]
#[ignore = "takes minutes: it has its own command"]
async fn dry_runs_are_few_on_a_real_control_plane() {
    let (Some(cases), Some(plane)) = (cases(), cluster::start(&cluster::Options::default()).await.unwrap())
    else {
        return;
    };
    provide_tls();
    let cluster = connect(&plane, cluster::ADMIN).await;
    cluster.refresh_discovery().await.unwrap();
    for mode in modes() {
        let mut count = Count::default();
        for case in &cases {
            count_case(&cluster, case, &mut count, &mode).await;
            remove(&cluster, &rendered(case)).await;
        }
        check("a real control plane", &mode, &count);
    }
}

/// Takes a chart's objects away, so that those of the next one are new.
async fn remove(cluster: &Cluster, objects: &[Object]) {
    for object in objects {
        let Ok(resource) = cluster.resource(&object.gvk()).await else { continue };
        let own = if object.namespace().is_empty() { "charts" } else { object.namespace() };
        let namespace = if resource.namespaced { own } else { "" };
        let options = json!({"propagationPolicy": "Background", "gracePeriodSeconds": 0}).to_string();
        if resource.gvk.kind != "Namespace" {
            // What was refused is not there.
            let _ = cluster.request(ApiRequest::delete(&resource, namespace, object.name(), options)).await;
        }
    }
}

#[test]
fn hooks_and_what_changes_the_cluster_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let text = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: b, \
                annotations: {helm.sh/hook: test}}\n---\n# nothing\n---\nkind: APIService\napiVersion: \
                apiregistration.k8s.io/v1\nmetadata: {name: c}\n";
    std::fs::write(folder.path().join("expected.yaml"), text).unwrap();
    let names: Vec<String> = rendered(folder.path()).iter().map(|o| o.name().to_owned()).collect();
    assert_eq!(names, ["a"]);
}
