//! The cases of drift, from watch events to verdicts: each object is watched as it was applied, found in force, changed
//! by an event, and decided over again with what the seals say.

use super::tests::{Api, rest};
use super::*;
use holdfast_object::Value;
use holdfast_sync::{
    Backoff, Desired, DesiredObject, DriftPolicy, FoldPolicy, HealWhen, HealthGate, ObjectPolicy, Occasion,
    Op, Order, Ownership, OwnershipLoss, Progress, Propagation, PruneBrake, PruneOrder, PrunePolicy,
    Question, Reason, Step, SyncPolicy, WriteMode, next,
};
use std::time::Duration;

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

/// One twin of a case on its way through the engine.
struct Course {
    api: Api,
    live: LiveState,
    desired: Desired,
    policy: SyncPolicy,
    path: String,
    _events: mpsc::UnboundedReceiver<LiveEvent>,
}

impl Course {
    /// Watches the object as it was applied.
    async fn start(twin: &Value, mode: WriteMode, applied_before: bool) -> Self {
        let object = Object::new(twin["desired"].clone()).unwrap();
        let reference = Object::new(twin["before"].clone()).unwrap().reference();
        let (api, path) = Api::serving(&reference.gvk());
        api.list(&path, 1, vec![twin["before"].clone()]);
        let (live, events) = LiveState::new(api.cluster(), Vec::new());
        live.ensure_objects([&reference]).await.unwrap();
        rest().await;
        let mut object = DesiredObject::new(object, None, ObjectPolicy::default());
        object.reference = reference;
        let mut desired = Desired::new("", vec![object], Vec::new());
        desired.applied_before = applied_before;
        Self { api, live, desired, policy: policy(mode), path, _events: events }
    }

    /// What is to be written, if anything.
    fn decide(&self) -> Option<Op> {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let progress = Progress::new(now, Occasion::Scheduled);
        match next(&self.desired, &self.live, &progress, &self.policy, now) {
            Step::Do(mut ops) => ops.pop(),
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

    async fn change(&self, after: &Value) {
        self.api.send(&self.path, "MODIFIED", after);
        rest().await;
    }
}

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

#[tokio::test(start_paused = true)]
async fn flux_cases_come_to_their_verdicts_through_events_and_seals() {
    let Some(cases) = cases() else { return };
    let (mut wrong, mut asked, count) = (Vec::new(), 0, cases.len());
    for (name, case) in cases {
        let twin = &case["flux"];
        let manager = twin["fieldManager"].as_str().unwrap();
        let fold = FoldPolicy::kustomize_controller(manager, &[]);
        let mode = WriteMode::ServerSide { manager: manager.into(), force: true, fold };
        let course = Course::start(twin, mode, true).await;
        match course.decide().map(|op| op.why) {
            None => {}
            Some(Reason::Unverified) => course.verified(),
            Some(other) => wrong.push(format!("{name}: as applied it {other}")),
        }
        course.change(&twin["after"]).await;
        let verdict = match course.decide().map(|op| op.why) {
            None => "in-force",
            Some(Reason::Differs(_)) => "drift",
            // The fold is made first; the values come with it.
            Some(Reason::Folded(_))
                if twin["verdict"] == "drift" && twin["folds"] != holdfast_object::json!([]) =>
            {
                "drift"
            }
            Some(Reason::Folded(_)) => "fold",
            Some(Reason::Unverified) => {
                asked += 1;
                continue;
            }
            Some(other) => {
                wrong.push(format!("{name}: {other}"));
                continue;
            }
        };
        if twin["verdict"] != verdict {
            wrong.push(format!("{name}: {verdict}, and it is {}", twin["verdict"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(asked * 10 <= count, "the server was asked about {asked} of {count}");
}

#[tokio::test(start_paused = true)]
async fn argo_cd_cases_come_to_their_verdicts_through_events_and_seals() {
    let Some(cases) = cases() else { return };
    let mut wrong = Vec::new();
    for (name, case) in cases {
        let twin = &case["argocd"];
        if twin.is_null() {
            continue;
        }
        let mode = WriteMode::ThreeWay { manager: twin["fieldManager"].as_str().unwrap().into() };
        let course = Course::start(twin, mode, true).await;
        let mut check = |when: &str, expected: &Value| {
            let modified = course.decide().is_some();
            if *expected != modified {
                wrong.push(format!("{name}, {when}: modified is {modified}"));
            }
        };
        check("before", &twin["modifiedBefore"]);
        course.change(&twin["after"]).await;
        check("after", &twin["modified"]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
