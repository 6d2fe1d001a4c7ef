//! The recorded cases of drift on both clusters, from watch events to verdicts: each object is made as it was, watched
//! and found in force, then changed as others had changed it, and decided over again on what the watch brings and the
//! seals say.

use crate::bed::{connect, provide_tls};
use holdfast_cluster::{ApiErrorKind, ApiRequest, Cluster, LiveEvent, LiveState, PatchKind};
use holdfast_object::{GroupVersionKind, Object, ObjectRef, Value, json};
use holdfast_sandbox::{Options, Sandbox};
use holdfast_sync::{
    Backoff, Desired, DesiredObject, DriftPolicy, FoldPolicy, HealWhen, HealthGate, LiveView, ObjectPolicy,
    Occasion, Order, Ownership, OwnershipLoss, Progress, Propagation, PruneBrake, PruneOrder, PrunePolicy,
    Question, Reason, Step, SyncPolicy, WriteMode, next,
};
use holdfast_testcluster::cluster;
use std::time::Duration;
use tokio::sync::mpsc;

/// The namespace in which the cases were recorded.
const NAMESPACE: &str = "drift-ns";
const PATIENCE: Duration = Duration::from_secs(60);

fn cases() -> Option<Vec<(String, Value)>> {
    let folder = holdfast_testkit::conformance("drift")?;
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "json"));
    files.sort();
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    };
    Some(files.into_iter().map(read).collect())
}

fn policy(write: WriteMode) -> SyncPolicy {
    SyncPolicy {
        owner: Ownership::Labels(Vec::new()),
        write,
        drift: DriftPolicy {
            ignore: Vec::new(),
            ownership_loss: OwnershipLoss::Ignore,
            value: HealWhen::AtOnce,
            fold: HealWhen::AtInterval,
            backoff: Backoff { first: Duration::ZERO, factor: 1.0, max: Duration::ZERO },
        },
        order: Order::FluxStages { custom: Vec::new(), ready_timeout: Duration::ZERO },
        prune: PrunePolicy {
            enabled: false,
            allow_empty: false,
            order: PruneOrder::AfterWrites,
            propagation: Propagation::Background,
            brake: PruneBrake::default(),
            keep: Vec::new(),
            wait: None,
        },
        gate: HealthGate::None,
        health: holdfast_health::RuleSet::Kstatus.into(),
    }
}

/// One object on its way through a case.
struct Course<'a> {
    cluster: &'a Cluster,
    live: LiveState,
    events: mpsc::UnboundedReceiver<LiveEvent>,
    desired: Desired,
    policy: SyncPolicy,
    reference: ObjectRef,
}

impl<'a> Course<'a> {
    /// Makes the object as it was recorded, and watches it.
    async fn start(cluster: &'a Cluster, twin: &Value, mode: WriteMode) -> Self {
        let made = make(cluster, &twin["before"]).await;
        let reference = made.reference();
        let (live, events) = LiveState::new(cluster.clone(), Vec::new());
        live.ensure_objects([&reference]).await.unwrap();
        let object = Object::new(twin["desired"].clone()).unwrap();
        let mut object = DesiredObject::new(object, None, ObjectPolicy::default());
        object.reference = reference.clone();
        let mut desired = Desired::new("", vec![object], Vec::new());
        desired.applied_before = true;
        let mut course = Self { cluster, live, events, desired, policy: policy(mode), reference };
        course.until(&made).await;
        course
    }

    /// Waits for the watch to bring an object at this version.
    async fn until(&mut self, object: &Object) {
        let is_there = |live: &LiveState| {
            let seen = live.object(&self.reference)?;
            (seen.uid() == object.uid() && number(&seen) >= number(object)).then_some(())
        };
        let wait = async {
            while is_there(&self.live).is_none() {
                self.events.recv().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| {
            panic!("{}: the watch brought {:?}", self.reference, self.live.get(&self.reference))
        });
    }

    /// Why the object is to be written, if it is.
    fn decide(&self) -> Option<Reason> {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let progress = Progress::new(now, Occasion::Scheduled);
        match next(&self.desired, &self.live, &progress, &self.policy, now) {
            Step::Do(mut ops) => ops.pop().map(|op| op.why),
            Step::Done(_) => None,
            Step::Wait(wake) => panic!("waits: {wake:?}"),
        }
    }

    /// The server says that an apply changes nothing: what a dry run tells where the comparison cannot.
    fn verified(&self) {
        let object = &self.desired.objects()[0];
        let version = self.live.object(&object.reference).unwrap().resource_version().to_owned();
        let question = Question::of(object, &self.policy.write, &self.policy.drift);
        self.live.wrote(&object.reference, &version, Some(question));
    }

    /// Changes the object to what others made of it.
    async fn change(&mut self, twin: &Value) {
        let (before, after) = (&twin["before"], &twin["after"]);
        let changed = if before["metadata"]["uid"] == after["metadata"]["uid"] {
            put(self.cluster, &self.reference, after).await;
            set_managers(self.cluster, &self.reference, after).await
        } else {
            delete(self.cluster, &self.reference).await;
            make(self.cluster, after).await
        };
        self.until(&changed).await;
    }
}

fn number(object: &Object) -> u64 {
    object.resource_version().parse().unwrap()
}

/// The content of a recorded object as a request can have it.
fn content(recorded: &Value) -> Value {
    let mut body = recorded.clone();
    let metadata = body["metadata"].as_object_mut().unwrap();
    for key in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
        metadata.shift_remove(key);
    }
    if body["kind"] == "Service" {
        let spec = body["spec"].as_object_mut().unwrap();
        for key in ["clusterIP", "clusterIPs"] {
            spec.shift_remove(key);
        }
    }
    body
}

async fn make(cluster: &Cluster, recorded: &Value) -> Object {
    let reference = Object::new(recorded.clone()).unwrap().reference();
    let resource = cluster.resource(&reference.gvk()).await.unwrap();
    let request = ApiRequest::create(&resource, NAMESPACE, content(recorded).to_string())
        .query("fieldManager", "recorder");
    cluster.request(request).await.unwrap();
    set_managers(cluster, &reference, recorded).await
}

/// Makes the object's fields those of whom they were of: a change of that alone is nobody's.
async fn set_managers(cluster: &Cluster, reference: &ObjectRef, recorded: &Value) -> Object {
    let managers = recorded["metadata"].get("managedFields").cloned().unwrap_or_else(|| json!([{}]));
    let patch = json!([{"op": "add", "path": "/metadata/managedFields", "value": managers}]);
    let resource = cluster.resource(&reference.gvk()).await.unwrap();
    let name = &reference.key.name;
    let request = ApiRequest::patch(&resource, NAMESPACE, name, PatchKind::Json, patch.to_string())
        .query("fieldManager", "recorder");
    let answer = cluster.request(request).await.unwrap();
    Object::new(serde_json::from_slice(&answer.body).unwrap()).unwrap()
}

async fn read(cluster: &Cluster, reference: &ObjectRef) -> Value {
    let resource = cluster.resource(&reference.gvk()).await.unwrap();
    let request = ApiRequest::get_object(&resource, NAMESPACE, &reference.key.name);
    serde_json::from_slice(&cluster.request(request).await.unwrap().body).unwrap()
}

/// Replaces the object; the cluster's own controllers may be faster now and then.
async fn put(cluster: &Cluster, reference: &ObjectRef, recorded: &Value) {
    let resource = cluster.resource(&reference.gvk()).await.unwrap();
    loop {
        let live = read(cluster, reference).await;
        let mut body = content(recorded);
        body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        if recorded["kind"] == "Service" {
            ["clusterIP", "clusterIPs"].iter().for_each(|key| body["spec"][key] = live["spec"][key].clone());
        }
        let request = ApiRequest::replace(&resource, NAMESPACE, &reference.key.name, body.to_string())
            .query("fieldManager", "someone");
        match cluster.request(request).await {
            Err(error) if error.kind == ApiErrorKind::Conflict => {}
            answer => return drop(answer.unwrap()),
        }
    }
}

async fn delete(cluster: &Cluster, reference: &ObjectRef) {
    let resource = cluster.resource(&reference.gvk()).await.unwrap();
    let name = &reference.key.name;
    let patch = json!({"metadata": {"finalizers": null}}).to_string();
    cluster.request(ApiRequest::patch(&resource, NAMESPACE, name, PatchKind::Merge, patch)).await.unwrap();
    cluster.request(ApiRequest::delete(&resource, NAMESPACE, name, "{}")).await.unwrap();
}

/// The kind of the recorded custom resources, as their fields and owners tell.
fn widgets() -> Value {
    let text = json!({"type": "string"});
    let named = json!({"type": "object", "properties": {"name": text, "v": text}});
    let mut by_name = named.clone();
    by_name["required"] = json!(["name"]);
    let spec = json!({"type": "object", "properties": {
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "atoms": {"type": "array", "items": text, "x-kubernetes-list-type": "atomic"},
        "objs": {"type": "array", "items": named},
        "km": {"type": "array", "items": by_name, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        "sub": {"type": "object", "properties": {"x": text, "y": {"type": "string", "default": "d"}}},
        "mode": {"type": "string", "default": "auto"},
        "cnt": {"type": "integer"},
    }});
    let status = json!({"type": "object", "properties": {"ok": {"type": "boolean"}}});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.d.example.com"},
        "spec": {"group": "d.example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "properties": {"spec": spec, "status": status}}}}]}})
}

async fn prepare(cluster: &Cluster) {
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    cluster.refresh_discovery().await.unwrap();
    for value in [namespace, widgets()] {
        let object = Object::new(value).unwrap();
        let resource = cluster.resource(&object.gvk()).await.unwrap();
        let body = object.to_value().to_string();
        let request = ApiRequest::patch(&resource, "", object.name(), PatchKind::Apply, body)
            .query("fieldManager", "recorder")
            .query("force", "true");
        cluster.request(request).await.unwrap();
    }
    let served = async {
        while cluster.resource(&GroupVersionKind::new("d.example.com", "v1", "Widget")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            cluster.refresh_discovery().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, served).await.expect("the definition is served");
}

/// What Flux says of a case, or what of our verdict on the way to it is wrong; `None` when the server was to be asked.
async fn flux(cluster: &Cluster, twin: &Value) -> Option<Result<&'static str, String>> {
    let manager = twin["fieldManager"].as_str().unwrap();
    let fold = FoldPolicy::kustomize_controller(manager, &[]);
    let mode = WriteMode::ServerSide { manager: manager.into(), force: true, fold };
    let mut course = Course::start(cluster, twin, mode).await;
    let first = course.decide();
    if first == Some(Reason::Unverified) {
        course.verified();
    }
    course.change(twin).await;
    let second = course.decide();
    delete(cluster, &course.reference).await;
    if let Some(other) = first.filter(|first| *first != Reason::Unverified) {
        return Some(Err(format!("as applied it {other}")));
    }
    let is_drift_with_folds = twin["verdict"] == "drift" && twin["folds"] != json!([]);
    Some(Ok(match second {
        None => "in-force",
        Some(Reason::Differs(_)) => "drift",
        // The fold is made first; the values come with it.
        Some(Reason::Folded(_)) if is_drift_with_folds => "drift",
        Some(Reason::Folded(_)) => "fold",
        Some(Reason::Unverified) => return None,
        Some(other) => return Some(Err(other.to_string())),
    }))
}

/// Whether Argo CD calls an object modified, before and after.
async fn argocd(cluster: &Cluster, twin: &Value) -> (bool, bool) {
    let mode = WriteMode::ThreeWay { manager: twin["fieldManager"].as_str().unwrap().into() };
    let mut course = Course::start(cluster, twin, mode).await;
    let before = course.decide().is_some();
    course.change(twin).await;
    let after = course.decide().is_some();
    delete(cluster, &course.reference).await;
    (before, after)
}

async fn all_cases(cluster: &Cluster) {
    let Some(cases) = cases() else { return };
    prepare(cluster).await;
    let (mut wrong, mut asked, count) = (Vec::new(), 0, cases.len());
    for (name, case) in cases {
        let twin = &case["flux"];
        match flux(cluster, twin).await {
            None => asked += 1,
            Some(Ok(verdict)) if twin["verdict"] == verdict => {}
            Some(Ok(verdict)) => {
                wrong.push(format!("{name}: Flux: {verdict}, and it is {}", twin["verdict"]));
            }
            Some(Err(what)) => wrong.push(format!("{name}: Flux: {what}")),
        }
        let twin = &case["argocd"];
        if !twin.is_null() {
            let (before, after) = argocd(cluster, twin).await;
            if twin["modifiedBefore"] != before || twin["modified"] != after {
                wrong.push(format!("{name}: Argo CD: modified {before} before and {after} after"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked * 10 <= count, "the server was asked about {asked} of {count}");
}

#[tokio::test]
async fn recorded_drift_comes_to_its_verdict_on_the_sandbox() {
    let sandbox = Sandbox::start(Options::default());
    all_cases(&Cluster::new(kube::Client::new(sandbox.service(), "default"))).await;
}

#[tokio::test]
async fn recorded_drift_comes_to_its_verdict_on_a_real_control_plane() {
    let Some(plane) = cluster::shared().await.unwrap() else { return };
    provide_tls();
    all_cases(&connect(plane, cluster::ADMIN).await).await;
}
