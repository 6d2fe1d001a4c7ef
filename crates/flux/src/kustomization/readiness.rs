//! Whatever is written into a status, in whatever order, keeps the rules by which clients tell readiness
//! (`fluxcd/pkg/runtime/conditions/check`, and kstatus).

use super::status::{Before, Course, begun, finished, hindered, interrupted, refused, waiting};
use super::{Times, request};
use crate::FluxOptions;
use holdfast_controller::SyncRun;
use holdfast_health::{HealthStatus, RuleSet, assess};
use holdfast_object::{GroupVersionKind, Object, ObjectRef, Value, json};
use holdfast_sync::{Desired, Occasion, Verdict, Waiting, Wake};
use holdfast_types::flux::KustomizationSpec;
use jiff::Timestamp;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// What happens to a Kustomization.
#[derive(Debug, Clone)]
enum Event {
    /// Its spec is edited.
    Edit,
    /// It is asked to reconcile.
    Request(u8),
    Refused,
    Hindered,
    Begins,
    Waits {
        for_objects: bool,
    },
    Unreadable,
    Ends(Ending),
}

#[derive(Debug, Clone, Copy)]
enum Ending {
    InForce,
    Failed,
    Unhealthy { timed_out: bool },
    StageTimedOut,
    PruneHeld,
    RefusedEmpty,
}

fn event() -> impl Strategy<Value = Event> {
    let ending = prop_oneof![
        3 => Just(Ending::InForce),
        1 => Just(Ending::Failed),
        1 => any::<bool>().prop_map(|timed_out| Ending::Unhealthy { timed_out }),
        1 => Just(Ending::StageTimedOut),
        1 => Just(Ending::PruneHeld),
        1 => Just(Ending::RefusedEmpty),
    ];
    prop_oneof![
        2 => Just(Event::Edit),
        1 => any::<u8>().prop_map(Event::Request),
        1 => Just(Event::Refused),
        1 => Just(Event::Hindered),
        1 => Just(Event::Begins),
        2 => any::<bool>().prop_map(|for_objects| Event::Waits { for_objects }),
        1 => Just(Event::Unreadable),
        4 => ending.prop_map(Event::Ends),
    ]
}

fn objects() -> Vec<ObjectRef> {
    vec![ObjectRef::new(&GroupVersionKind::new("", "v1", "ConfigMap"), "n", "a")]
}

fn waits() -> Vec<Waiting> {
    objects().into_iter().map(|o| Waiting { object: o.key, message: "InProgress".repeat(5000) }).collect()
}

fn verdict(ending: Ending) -> Verdict {
    match ending {
        Ending::InForce => Verdict::InForce,
        Ending::Failed => Verdict::Failed(Vec::new()),
        Ending::Unhealthy { timed_out } => Verdict::Unhealthy { objects: waits(), timed_out },
        Ending::StageTimedOut => Verdict::StageTimedOut { objects: waits() },
        Ending::PruneHeld => Verdict::PruneHeld { objects: objects(), why: "more than 1".into() },
        Ending::RefusedEmpty => Verdict::RefusedEmpty { objects: objects() },
    }
}

fn run(object: &Object) -> SyncRun {
    let spec: KustomizationSpec = serde_json::from_value(object.as_map()["spec"].clone()).unwrap();
    let options = FluxOptions::default();
    let policy = request::policy(object, &spec, Times::of(&spec), &options, "r", RuleSet::Kstatus.into());
    let desired = Desired::new("main@sha1:1", Vec::new(), objects());
    SyncRun::new(Arc::new(desired), Arc::new(policy), Occasion::Scheduled, Timestamp::UNIX_EPOCH)
}

/// The status after an event; `None` when it changes none.
fn after(object: &mut Object, event: &Event) -> Option<Value> {
    let (now, minute) = (Timestamp::UNIX_EPOCH, Duration::from_secs(60));
    let run = run(object);
    match event {
        Event::Edit => {
            let next = object.generation() + 1;
            object.as_map_mut()["metadata"]["generation"] = next.into();
            None
        }
        Event::Request(value) => {
            object.set_annotation("reconcile.fluxcd.io/requestedAt", value.to_string());
            None
        }
        Event::Refused => Some(refused(object, "Unsupported", "not supported: spec.x", now)),
        Event::Hindered => Some(hindered(object, "DependencyNotReady", &"x".repeat(40_000), now)),
        Event::Begins => Some(begun(object, &run.desired.revision, minute, now)),
        Event::Waits { for_objects } => {
            let waiting_for = if *for_objects { waits() } else { Vec::new() };
            let wake = Wake { deadline: None, waiting: waiting_for, gate: 0 };
            Some(waiting(object, &run, &wake, minute, now))
        }
        Event::Unreadable => Some(interrupted(object, &run, "ConfigMap cannot be read", now)),
        Event::Ends(ending) => {
            let course = Course {
                digest: "sha256:1",
                origin: "",
                took: minute,
                timeout: minute,
                before: Before::default(),
                is_reconcile: true,
            };
            Some(finished(object, &run, &verdict(*ending), &course, now).status)
        }
    }
}

fn check(object: &Object, event: &Event) -> Result<(), TestCaseError> {
    let status = object.get(&["status"]).unwrap();
    let conditions = status["conditions"].as_array().unwrap();
    let of = |kind: &str| conditions.iter().find(|c| c["type"] == kind);
    let is = |kind: &str, wanted: &str| of(kind).is_some_and(|c| c["status"] == wanted);
    let observed = status["observedGeneration"].as_i64().unwrap_or(-1);
    prop_assert!(of("Ready").is_some(), "there is a Ready condition");
    prop_assert!(!(is("Reconciling", "True") && is("Stalled", "True")), "going on or stuck, not both");
    prop_assert!(!is("Reconciling", "False") && !is("Stalled", "False"), "these two are there or not");
    prop_assert!(!is("Stalled", "True") || is("Ready", "False"), "what is stuck is not ready");
    prop_assert!(!is("Ready", "Unknown") || is("Reconciling", "True"), "what is not known yet goes on");
    prop_assert!(observed <= object.generation());
    for condition in conditions {
        let generation = condition["observedGeneration"].as_i64().unwrap_or_default();
        prop_assert!(generation <= object.generation());
        prop_assert!(!is("Ready", "True") || generation == observed, "{condition} is of another generation");
        prop_assert!(
            condition["message"].as_str().unwrap_or_default().len() <= 32_768,
            "the server refuses more"
        );
        prop_assert!(!condition["reason"].as_str().unwrap_or_default().is_empty());
    }
    let expected = match event {
        Event::Ends(Ending::InForce) => HealthStatus::Healthy,
        Event::Refused => HealthStatus::Degraded,
        _ => HealthStatus::Progressing,
    };
    prop_assert_eq!(assess(object, RuleSet::Kstatus).status, expected, "as kstatus tells it");
    // A request is answered with the end of a reconcile, never by its beginning.
    let asked = object.annotation("reconcile.fluxcd.io/requestedAt");
    let answered = status["lastHandledReconcileAt"].as_str();
    if matches!(event, Event::Ends(_) | Event::Refused | Event::Hindered) {
        prop_assert_eq!(answered, asked);
    }
    Ok(())
}

proptest! {
    #[test]
    fn readiness_can_be_told_from_every_status(
        events in prop::collection::vec(event(), 1..12),
        waits in any::<bool>(),
    ) {
        let spec = json!({"interval": "10m", "prune": true, "wait": waits,
            "sourceRef": {"kind": "GitRepository", "name": "s"}});
        let mut object = Object::new(json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "a", "namespace": "n", "generation": 1}, "spec": spec,
            "status": {"observedGeneration": -1}})).unwrap();
        for event in &events {
            if let Some(status) = after(&mut object, event) {
                object.as_map_mut().insert("status".into(), status);
                check(&object, event)?;
            }
        }
    }
}
