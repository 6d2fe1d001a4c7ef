//! What `next` answers, as tables: a scene, and the steps that it leads to. Every operation is carried out on the scene
//! before `next` is asked again, so each line of a table follows from the ones above.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use holdfast_health::RuleSet;
use holdfast_object::{GroupVersionKind, Object, ObjectKey, ObjectRef, Value, json};
use holdfast_sync::{
    Backoff, Change, Desired, DesiredObject, DriftPolicy, FailureKind, FoldPolicy, HealWhen, HealthGate,
    Live, LiveView, MapView, ObjectPolicy, Occasion, OpResult, Order, Ownership, OwnershipLoss, Progress,
    Propagation, PruneBrake, PruneOrder, PrunePolicy, Reason, ReplacePolicy, Step, SyncPolicy, Verb, Verdict,
    WriteMode, WriteWhen, next, plan,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn now() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn policy() -> SyncPolicy {
    SyncPolicy {
        owner: Ownership::Labels(vec![("owner".into(), "us".into())]),
        write: WriteMode::ThreeWay { manager: "us".into() },
        drift: DriftPolicy {
            ignore: Vec::new(),
            ownership_loss: OwnershipLoss::Ignore,
            value: HealWhen::AtOnce,
            fold: HealWhen::AtInterval,
            backoff: Backoff { first: Duration::ZERO, factor: 1.0, max: Duration::ZERO },
        },
        order: Order::FluxStages { custom: Vec::new(), ready_timeout: MINUTE },
        prune: PrunePolicy {
            enabled: true,
            allow_empty: false,
            order: PruneOrder::AfterWrites,
            propagation: Propagation::Background,
            brake: PruneBrake::default(),
            keep: vec![("keep".into(), "yes".into())],
            wait: None,
        },
        gate: HealthGate::None,
        health: RuleSet::Kstatus.into(),
    }
}

/// An object of ours.
fn object(kind: &str, name: &str, fields: Value) -> Object {
    let api = match kind {
        "Deployment" => "apps/v1",
        "CustomResourceDefinition" => "apiextensions.k8s.io/v1",
        "Widget" => "example.com/v1",
        _ => "v1",
    };
    let mut metadata = json!({"name": name, "labels": {"owner": "us"}});
    if !matches!(kind, "CustomResourceDefinition" | "Namespace") {
        metadata["namespace"] = "n".into();
    }
    let mut value = json!({"apiVersion": api, "kind": kind, "metadata": metadata});
    for (key, field) in fields.as_object().unwrap() {
        value[key] = field.clone();
    }
    Object::new(value).unwrap()
}

fn config_map(name: &str, value: &str) -> Object {
    object("ConfigMap", name, json!({"data": {"key": value}}))
}

/// What is desired, what is live, and how the cluster takes operations.
struct Scene {
    policy: SyncPolicy,
    desired: Vec<DesiredObject>,
    previous: Vec<ObjectRef>,
    live: MapView,
    unknown: HashSet<ObjectKey>,
    no_such_kind: HashSet<String>,
    refused: HashMap<ObjectKey, FailureKind>,
    occasion: Occasion,
}

impl Scene {
    fn new(desired: &[Object], live: &[Object]) -> Self {
        let wanted = |object: &Object| DesiredObject::new(object.clone(), None, ObjectPolicy::default());
        Self {
            policy: policy(),
            desired: desired.iter().map(wanted).collect(),
            // What is live was applied before; what does not say that it is ours is a candidate all the same.
            previous: live.iter().map(Object::reference).collect(),
            live: live.iter().cloned().map(stored).collect(),
            unknown: HashSet::new(),
            no_such_kind: HashSet::new(),
            refused: HashMap::new(),
            occasion: Occasion::Scheduled,
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn desired(&self) -> Desired {
        Desired::new("r", self.desired.clone(), self.previous.clone())
    }

    /// Asks until the answer is to wait or done; at most as often as would be a loop.
    fn steps(&mut self) -> Vec<String> {
        let mut progress = Progress::new(now(), self.occasion);
        self.go_on(&mut progress, now())
    }

    fn go_on(&mut self, progress: &mut Progress, now: Timestamp) -> Vec<String> {
        let mut steps = Vec::new();
        let desired = self.desired();
        for _ in 0..20 {
            match next(&desired, &*self, progress, &self.policy, now) {
                Step::Do(ops) => {
                    assert!(!ops.is_empty(), "there is always something to do");
                    let mut lines = Vec::new();
                    for op in &ops {
                        let (verb, result) = match (&op.verb, self.refused.get(&op.object.key)) {
                            (Verb::Apply { .. }, Some(kind)) => {
                                ("write", OpResult::Failed { kind: *kind, message: "no".into() })
                            }
                            (Verb::Apply { desired, .. }, None) => {
                                let made = op.precondition.is_none();
                                self.live.insert(stored((**desired).clone()));
                                let change = if made { Change::Created } else { Change::Configured };
                                ("write", OpResult::Done { change, resource_version: "7".into() })
                            }
                            (Verb::Delete { .. }, _) => {
                                let live = self.live.get(&op.object);
                                assert!(matches!(live, Live::Present(_)), "only what is there is deleted");
                                assert!(op.precondition.is_some(), "a delete says what it was decided on");
                                self.live.remove(&op.object.key);
                                let change = Change::Deleted;
                                ("delete", OpResult::Done { change, resource_version: String::new() })
                            }
                        };
                        lines.push(format!("{verb} {} that {}", short(&op.object), op.why));
                        progress.record(op, result);
                    }
                    steps.push(lines.join(", "));
                }
                Step::Wait(wake) => {
                    progress.wait_at(wake.gate, now);
                    let waits: Vec<String> =
                        wake.waiting.iter().map(|w| format!("{} {}", w.object.name, w.message)).collect();
                    steps.push(format!("wait for {}", waits.join(", ")));
                    return steps;
                }
                Step::Done(verdict) => {
                    steps.push(tell(&verdict));
                    return steps;
                }
            }
        }
        panic!("no end: {steps:#?}");
    }
}

impl LiveView for Scene {
    fn get(&self, object: &ObjectRef) -> Live {
        if self.unknown.contains(&object.key) {
            return Live::Unknown;
        }
        if self.no_such_kind.contains(&object.key.kind) {
            return Live::NoSuchKind;
        }
        self.live.get(object)
    }
}

/// As a server keeps it.
fn stored(mut object: Object) -> Object {
    object.metadata_mut().insert("uid".into(), "u".into());
    object.metadata_mut().insert("resourceVersion".into(), "7".into());
    object
}

fn short(object: &ObjectRef) -> String {
    format!("{} {}", object.key.kind, object.key.name)
}

fn tell(verdict: &Verdict) -> String {
    let names = |objects: &[ObjectRef]| objects.iter().map(short).collect::<Vec<_>>().join(", ");
    match verdict {
        Verdict::InForce => "in force".into(),
        Verdict::Failed(failures) => {
            let failed: Vec<String> =
                failures.iter().map(|f| format!("{} ({:?})", short(&f.object), f.kind)).collect();
            format!("failed: {}", failed.join(", "))
        }
        Verdict::Unhealthy { objects, timed_out } => {
            let names: Vec<&str> = objects.iter().map(|o| o.object.name.as_str()).collect();
            format!("unhealthy, {}: {}", if *timed_out { "too late" } else { "for good" }, names.join(", "))
        }
        Verdict::StageTimedOut { objects } => format!("stage too late: {}", objects[0].object.name),
        Verdict::PruneHeld { objects, why } => format!("held: {} ({why})", names(objects)),
        Verdict::RefusedEmpty { objects } => format!("empty, and {} would go", names(objects)),
    }
}

fn check(mut scene: Scene, expected: &[&str]) {
    assert_eq!(scene.steps(), expected);
}

#[test]
fn what_is_missing_or_differs_is_written_and_the_rest_left_alone() {
    let (a, b, c) = (config_map("a", "1"), config_map("b", "1"), config_map("c", "1"));
    check(Scene::new(&[], &[]), &["in force"]);
    check(Scene::new(std::slice::from_ref(&a), std::slice::from_ref(&a)), &["in force"]);
    check(
        Scene::new(&[a.clone(), b, c], &[a, config_map("b", "2")]),
        &["write ConfigMap b that differs at .data.key, write ConfigMap c that is missing", "in force"],
    );
}

#[test]
fn objects_say_when_they_are_written() {
    let check_with = |when: WriteWhen, expected: &[&str]| {
        let (a, b) = (config_map("a", "1"), config_map("b", "1"));
        let scene = Scene::new(&[a, b], &[config_map("b", "2")]);
        check(scene.with(|s| s.desired.iter_mut().for_each(|d| d.policy.when = when)), expected);
    };
    check_with(WriteWhen::Absent, &["write ConfigMap a that is missing", "in force"]);
    check_with(WriteWhen::Never, &["in force"]);
    check_with(WriteWhen::NotSelected, &["in force"]);
}

#[test]
fn drift_is_put_right_when_the_policy_says() {
    let scene = |value: HealWhen, occasion: Occasion| {
        Scene::new(&[config_map("a", "1")], &[config_map("a", "2")]).with(|s| {
            s.policy.drift.value = value;
            s.occasion = occasion;
        })
    };
    let healed: &[&str] = &["write ConfigMap a that differs at .data.key", "in force"];
    check(scene(HealWhen::AtOnce, Occasion::Drift), healed);
    check(scene(HealWhen::AtInterval, Occasion::Drift), &["in force"]);
    check(scene(HealWhen::AtInterval, Occasion::Scheduled), healed);
    check(scene(HealWhen::Never, Occasion::Scheduled), &["in force"]);
}

#[test]
fn what_kubectl_holds_is_folded_at_the_interval_only() {
    let fields = json!({"f:data": {"f:key": {}}, "f:metadata": {"f:labels": {"f:owner": {}}}});
    let entry = |manager: &str, operation: &str| {
        json!({"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": fields})
    };
    let mut live = config_map("a", "1");
    let managers = json!([entry("us", "Apply"), entry("kubectl-edit", "Update")]);
    live.metadata_mut().insert("managedFields".into(), managers);
    let scene = |occasion: Occasion| {
        Scene::new(&[config_map("a", "1")], std::slice::from_ref(&live)).with(|s| {
            let fold = FoldPolicy::kustomize_controller("us", &[]);
            s.policy.write = WriteMode::ServerSide { manager: "us".into(), force: true, fold };
            s.occasion = occasion;
        })
    };
    check(scene(Occasion::Drift), &["in force"]);
    let steps = scene(Occasion::Scheduled).steps();
    assert!(steps[0].starts_with("write ConfigMap a that has fields of kubectl-edit"), "{steps:?}");
}

#[test]
fn definitions_go_first_and_their_objects_wait_for_them() {
    let definition = object(
        "CustomResourceDefinition",
        "widgets.example.com",
        json!({"spec": {"group": "example.com", "names": {"kind": "Widget"}, "scope": "Namespaced"}}),
    );
    let widget = object("Widget", "w", json!({}));
    let mut scene = Scene::new(&[widget, definition], &[]).with(|s| {
        s.no_such_kind.insert("Widget".into());
    });
    let mut progress = Progress::new(now(), Occasion::Scheduled);
    let steps = scene.go_on(&mut progress, now());
    assert_eq!(steps[0], "write CustomResourceDefinition widgets.example.com that is missing");
    assert!(steps[1].starts_with("wait for widgets.example.com "), "{steps:?}");

    // Established, and not served yet.
    let mut established = scene.desired[1].object.as_ref().clone();
    let condition = json!([{"type": "Established", "status": "True"}]);
    established.as_map_mut().insert("status".into(), json!({"conditions": condition}));
    scene.live.insert(stored(established));
    assert_eq!(scene.go_on(&mut progress, now()), ["wait for w its definition is not served yet"]);
    scene.no_such_kind.clear();
    assert_eq!(scene.go_on(&mut progress, now()), ["write Widget w that is missing", "in force"]);

    // A definition that never gets there fails the run.
    let mut scene = Scene::new(&[scene.desired[1].object.as_ref().clone()], &[]);
    let mut progress = Progress::new(now(), Occasion::Scheduled);
    scene.go_on(&mut progress, now());
    let later = now() + SignedDuration::from_secs(61);
    assert_eq!(scene.go_on(&mut progress, later), ["stage too late: widgets.example.com"]);
}

#[test]
fn nothing_is_decided_on_what_is_not_known() {
    let unknown = |s: &mut Scene| {
        s.unknown.insert(config_map("b", "1").key());
    };
    let (a, b) = (config_map("a", "1"), config_map("b", "1"));
    let expected = ["write ConfigMap a that is missing", "wait for b not read yet"];
    check(Scene::new(&[a.clone(), b.clone()], &[]).with(unknown), &expected);
    check(Scene::new(std::slice::from_ref(&a), &[a.clone(), b]).with(unknown), &["wait for b not read yet"]);
}

#[test]
fn only_what_is_ours_is_pruned_after_the_writes_and_in_reverse_order() {
    let wanted = config_map("a", "1");
    let mut theirs = config_map("theirs", "1");
    theirs.set_label("owner", "them");
    let mut kept = config_map("kept", "1");
    kept.set_annotation("keep", "YES");
    let live = [
        object("Namespace", "old", json!({})),
        config_map("old", "1"),
        object("Deployment", "old", json!({})),
        theirs,
        kept,
    ];
    let scene = || Scene::new(std::slice::from_ref(&wanted), &live);
    let deleted = "delete Deployment old that is no longer desired, delete ConfigMap old that is no longer desired, \
                   delete Namespace old that is no longer desired";
    let written = "write ConfigMap a that is missing";
    check(scene(), &[written, deleted, "in force"]);
    check(scene().with(|s| s.policy.prune.order = PruneOrder::BeforeWrites), &[deleted, written, "in force"]);
    check(scene().with(|s| s.policy.prune.enabled = false), &[written, "in force"]);
}

#[test]
fn nothing_is_pruned_after_a_write_that_failed() {
    let (a, old) = (config_map("a", "1"), config_map("old", "1"));
    let refused = |kind: FailureKind| {
        Scene::new(std::slice::from_ref(&a), std::slice::from_ref(&old)).with(|s| {
            s.refused.insert(a.key(), kind);
        })
    };
    check(
        refused(FailureKind::Refused),
        &["write ConfigMap a that is missing", "failed: ConfigMap a (Refused)"],
    );
    check(
        refused(FailureKind::NotFound),
        &["write ConfigMap a that is missing", "failed: ConfigMap a (NotFound)"],
    );
}

#[test]
fn an_empty_render_prunes_nothing_unless_asked() {
    let scene = || Scene::new(&[], &[config_map("a", "1")]);
    check(scene(), &["empty, and ConfigMap a would go"]);
    let allowed = scene().with(|s| s.policy.prune.allow_empty = true);
    check(allowed, &["delete ConfigMap a that belongs to a deleted app", "in force"]);
    check(scene().with(|s| s.policy.prune.enabled = false), &["in force"]);
}

#[test]
fn the_brake_holds_many_deletions_and_any_that_takes_others_along() {
    let wanted = config_map("a", "1");
    let scene = |live: &[Object], limit: Option<u32>, approved: bool| {
        Scene::new(std::slice::from_ref(&wanted), live)
            .with(|s| s.policy.prune.brake = PruneBrake { limit, approved })
    };
    let two = [wanted.clone(), config_map("b", "1"), config_map("c", "1")];
    let both = "delete ConfigMap c that is no longer desired, delete ConfigMap b that is no longer desired";
    check(scene(&two, None, false), &[both, "in force"]);
    check(scene(&two, Some(2), false), &[both, "in force"]);
    check(scene(&two, Some(1), true), &[both, "in force"]);
    check(
        scene(&two, Some(1), false),
        &["held: ConfigMap c, ConfigMap b (2 objects would be deleted, more than the limit of 1)"],
    );
    for kind in ["Namespace", "PersistentVolumeClaim", "CustomResourceDefinition"] {
        let guarded = object(kind, "x", json!({}));
        let name = guarded.reference();
        let why = format!("held: {kind} x ({name} would be deleted with all that it holds)");
        check(scene(&[wanted.clone(), guarded], Some(10), false), &[&why]);
    }
    // A held prune holds nothing else.
    let written = "write ConfigMap a that is missing";
    let held = "held: ConfigMap b, ConfigMap c";
    let steps = scene(&two[1..], Some(1), false).steps();
    assert_eq!(steps[0], written);
    assert!(steps[1].starts_with("held: ") && steps.len() == 2, "{held}: {steps:?}");
}

#[test]
fn health_is_waited_for_and_a_failure_ends_the_wait() {
    let deployment = |status: Value| {
        let spec = json!({"replicas": 1, "progressDeadlineSeconds": 600});
        object("Deployment", "web", json!({"spec": spec, "status": status}))
    };
    let wanted =
        object("Deployment", "web", json!({"spec": {"replicas": 1, "progressDeadlineSeconds": 600}}));
    let scene = |status: Value| {
        Scene::new(std::slice::from_ref(&wanted), &[deployment(status)])
            .with(|s| s.policy.gate = HealthGate::All { timeout: MINUTE })
    };
    let good = json!({"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1,
        "conditions": [{"type": "Available", "status": "True"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}]});
    check(scene(good), &["in force"]);
    let stuck = json!({"conditions": [{"type": "Progressing", "status": "False",
        "reason": "ProgressDeadlineExceeded"}]});
    check(scene(stuck), &["unhealthy, for good: web"]);

    let mut slow = scene(json!({"replicas": 1}));
    let mut progress = Progress::new(now(), Occasion::Scheduled);
    assert!(slow.go_on(&mut progress, now())[0].starts_with("wait for web "));
    let later = now() + SignedDuration::from_secs(59);
    assert!(slow.go_on(&mut progress, later)[0].starts_with("wait for web "));
    let late = now() + SignedDuration::from_secs(60);
    assert_eq!(slow.go_on(&mut progress, late), ["unhealthy, too late: web"]);
}

#[test]
fn what_is_older_than_our_write_is_not_believed() {
    let wanted = config_map("a", "1");
    let scene = Scene::new(std::slice::from_ref(&wanted), std::slice::from_ref(&wanted))
        .with(|s| s.policy.gate = HealthGate::All { timeout: MINUTE });
    let mut progress = Progress::new(now(), Occasion::Scheduled);
    let done = OpResult::Done { change: Change::Configured, resource_version: "8".into() };
    progress.record(&an_op(&wanted), done);
    let step = next(&scene.desired(), &scene, &progress, &scene.policy, now());
    assert!(matches!(step, Step::Wait(wake) if wake.waiting[0].message == "our write is not seen yet"));
}

#[test]
fn an_object_that_is_made_anew_waits_until_the_old_one_is_gone() {
    let wanted = config_map("a", "1");
    let mut scene = Scene::new(std::slice::from_ref(&wanted), &[config_map("a", "2")])
        .with(|s| s.desired[0].policy.replace = ReplacePolicy::OnImmutable);
    let mut progress = Progress::new(now(), Occasion::Scheduled);
    progress.record(&an_op(&wanted), OpResult::Recreating);
    assert_eq!(scene.go_on(&mut progress, now()), ["wait for a being deleted to be made anew"]);
    scene.live.remove(&wanted.key());
    assert_eq!(scene.go_on(&mut progress, now()), ["write ConfigMap a that is missing", "in force"]);
}

#[test]
fn deleted_objects_are_waited_for_where_the_policy_says() {
    let mut going = config_map("old", "1");
    going.metadata_mut().insert("deletionTimestamp".into(), "2026-01-01T11:00:00Z".into());
    let wanted = config_map("a", "1");
    let scene = |wait: Option<Duration>| {
        Scene::new(std::slice::from_ref(&wanted), &[wanted.clone(), going.clone()])
            .with(|s| s.policy.prune.wait = wait)
    };
    check(scene(None), &["in force"]);
    check(scene(Some(MINUTE)), &["wait for old being deleted"]);
}

#[test]
fn an_operation_without_an_answer_is_tried_again_where_the_run_stood() {
    let (a, b) = (config_map("a", "1"), config_map("b", "1"));
    let mut scene = Scene::new(&[a.clone(), b.clone()], &[]);
    let mut progress = Progress::new(now(), Occasion::Scheduled);
    let unreachable = OpResult::Failed { kind: FailureKind::Unreachable, message: "reset".into() };
    progress.record(&an_op(&a), unreachable);
    progress.record(&an_op(&b), OpResult::Failed { kind: FailureKind::Refused, message: "no".into() });
    assert_eq!(progress.forget_unanswered().as_deref(), Some("reset"));
    assert_eq!(progress.forget_unanswered(), None);
    let steps = scene.go_on(&mut progress, now());
    assert_eq!(steps, ["write ConfigMap a that is missing", "failed: ConfigMap b (Refused)"]);
}

#[test]
fn a_run_knows_what_it_put_right() {
    let mut scene = Scene::new(
        &[config_map("a", "1"), config_map("b", "1")],
        &[config_map("a", "2"), config_map("b", "1"), config_map("old", "1")],
    );
    let mut progress = Progress::new(now(), Occasion::Drift);
    scene.go_on(&mut progress, now());
    let corrections = progress.corrections();
    let told: Vec<String> = corrections.iter().flat_map(holdfast_sync::explain_correction).collect();
    assert_eq!(told, [r#"ConfigMap/n/a: .data.key was "2", wanted "1""#], "what is pruned is no drift");
}

#[test]
fn a_plan_is_the_run_ahead_of_time() {
    let scene = Scene::new(
        &[config_map("a", "1"), config_map("b", "1")],
        &[config_map("a", "2"), config_map("c", "1")],
    )
    .with(|s| s.policy.gate = HealthGate::All { timeout: MINUTE });
    let planned = plan(&scene.desired(), &scene.live, &scene.policy, now());
    let told: Vec<String> =
        planned.changes.iter().map(|c| format!("{} {}", short(&c.op.object), c.change)).collect();
    assert_eq!(told, ["ConfigMap a configured", "ConfigMap b created", "ConfigMap c deleted"]);
    assert_eq!(planned.verdict, Verdict::InForce);
}

#[test]
fn the_same_question_has_the_same_answer() {
    let scene = Scene::new(&[config_map("a", "1")], &[config_map("a", "2"), config_map("old", "1")]);
    let ask = || {
        let progress = Progress::new(now(), Occasion::Scheduled);
        format!("{:?}", next(&scene.desired(), &scene, &progress, &scene.policy, now()))
    };
    assert_eq!(ask(), ask());
}

fn an_op(object: &Object) -> holdfast_sync::Op {
    holdfast_sync::Op {
        object: object.reference(),
        verb: Verb::Apply {
            desired: std::sync::Arc::new(object.clone()),
            mode: policy().write,
            recreate_immutable: false,
            verify: None,
        },
        why: Reason::Missing,
        origin: None,
        precondition: None,
    }
}

#[test]
fn references_of_other_kinds_are_told_apart() {
    let gvk = GroupVersionKind::new("", "v1", "Secret");
    let scene = Scene::new(&[config_map("a", "1")], &[config_map("a", "1")])
        .with(|s| s.previous.push(ObjectRef::new(&gvk, "n", "a")));
    check(scene, &["in force"]);
}
