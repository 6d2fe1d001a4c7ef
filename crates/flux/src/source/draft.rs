//! A source's status while it is being made.

use crate::conditions::{Conditions, seconds};
use crate::resource::{requested, status_of};
use holdfast_object::{Object, Value, json};
use holdfast_types::flux::REQUESTED_AT;
use jiff::Timestamp;
use std::time::Duration;

/// Conditions whose being true is bad, and [`VERIFIED`], whose being false is: in the order in which they explain why
/// a source is not ready.
const BAD_WHEN_TRUE: &[&str] = &[
    "StorageOperationFailed",
    "FetchFailed",
    "IncludeUnavailable",
    "ArtifactOutdated",
    "Stalled",
    "Reconciling",
];
/// Failures: an event says when the last of them is over.
const FAILURES: &[&str] = &["FetchFailed", "IncludeUnavailable", "StorageOperationFailed"];

pub(crate) const FETCH_FAILED: &str = "FetchFailed";
pub(crate) const STORAGE_FAILED: &str = "StorageOperationFailed";
pub(crate) const INCLUDE_UNAVAILABLE: &str = "IncludeUnavailable";
pub(crate) const VERIFIED: &str = "SourceVerified";
const IN_STORAGE: &str = "ArtifactInStorage";
const OUTDATED: &str = "ArtifactOutdated";

/// Why a source could not be brought further, in the terms of its conditions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// The condition that says so.
    pub(crate) condition: &'static str,
    /// Its reason.
    pub(crate) reason: &'static str,
    /// Its message.
    pub(crate) message: String,
    /// What helps.
    pub(crate) then: Then,
}

/// What helps after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Trying again, at growing intervals.
    Retry,
    /// Nothing but another spec.
    Stall,
    /// Something else that has to become ready; after this long at the latest it is looked at again.
    Wait(Duration),
}

impl Failure {
    pub(crate) fn fetch(reason: &'static str, message: impl Into<String>) -> Self {
        Self { condition: FETCH_FAILED, reason, message: message.into(), then: Then::Retry }
    }

    pub(crate) fn storage(reason: &'static str, message: impl Into<String>) -> Self {
        Self { condition: STORAGE_FAILED, reason, message: message.into(), then: Then::Retry }
    }

    pub(crate) fn verification(reason: &'static str, message: impl Into<String>) -> Self {
        Self { condition: VERIFIED, reason, message: message.into(), then: Then::Retry }
    }

    pub(crate) fn stalling(self) -> Self {
        Self { then: Then::Stall, ..self }
    }
}

/// A status in the making: the conditions, and everything else in it.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    generation: i64,
    pub(crate) conditions: Conditions,
    pub(crate) status: Value,
    before: Value,
    /// What is going on, for those who look before it is over.
    progress: String,
    /// The manual trigger that the end answers, and only the end.
    request: Option<String>,
}

impl Draft {
    /// Begins with what is live.
    pub(crate) fn of(object: &Object, now: Timestamp) -> Self {
        let before = status_of(object);
        let status = before.clone();
        let mut conditions = Conditions::of(object, now);
        // A failed verification is made anew; one that succeeded stands until there is another.
        if conditions.status(VERIFIED) == Some("False") {
            conditions.remove(VERIFIED);
        }
        conditions.remove(STORAGE_FAILED);
        let generation = object.generation();
        let observed = before.get("observedGeneration").and_then(Value::as_i64).unwrap_or_default();
        let progress = match observed == generation {
            true => "reconciliation in progress".to_owned(),
            false => format!("processing object: new generation {observed} -> {generation}"),
        };
        let request = object.annotation(REQUESTED_AT).map(str::to_owned);
        Self { generation, conditions, status, before, progress, request }
    }

    /// Whether someone waits to see that this was taken up: for a new generation, or a request.
    pub(crate) fn is_awaited(&self, object: &Object) -> bool {
        let observed = self.before.get("observedGeneration").and_then(Value::as_i64);
        observed != Some(self.generation) || requested(object).is_some()
    }

    /// A text in the status as it was.
    pub(crate) fn before(&self, pointer: &str) -> Option<&str> {
        self.before.pointer(pointer).and_then(Value::as_str)
    }

    /// The message of a condition as it was.
    pub(crate) fn before_condition(&self, kind: &str) -> Option<&String> {
        let list = self.before.get("conditions").and_then(Value::as_array)?;
        match list.iter().find(|c| c["type"] == kind)?.get("message")? {
            Value::String(message) => Some(message),
            _ => None,
        }
    }

    /// There is no artifact yet, or it is gone.
    pub(crate) fn without_artifact(&mut self) {
        let disappeared = self.status.get("artifact").is_some();
        if let Some(status) = self.status.as_object_mut() {
            status.shift_remove("artifact");
            status.shift_remove("url");
        }
        self.conditions.remove(IN_STORAGE);
        self.progress = match disappeared {
            true => "building artifact: disappeared from storage".into(),
            false => "building artifact".into(),
        };
    }

    /// The artifact is not what it should be any more.
    pub(crate) fn outdated(&mut self, reason: &str, message: &str) {
        if self.status.get("artifact").is_some() {
            self.conditions.set(OUTDATED, "True", reason, message);
        }
        self.progress = format!("building artifact: {message}");
    }

    /// The status for those who look while it goes on.
    pub(crate) fn under_way(&self) -> Value {
        let mut draft = self.clone();
        draft.conditions.progressing(&self.progress);
        draft.status["conditions"] = draft.conditions.into_value();
        draft.status
    }

    /// The end, with the artifact in storage.
    pub(crate) fn succeeded(mut self, message: &str) -> Value {
        for condition in BAD_WHEN_TRUE {
            self.conditions.remove(condition);
        }
        self.conditions.set(IN_STORAGE, "True", "Succeeded", message);
        self.conditions.set("Ready", "True", "Succeeded", message);
        self.finish(true)
    }

    /// The end, with a failure.
    pub(crate) fn failed(mut self, failure: &Failure) -> Value {
        let Failure { condition, reason, message, then } = failure;
        let status = if *condition == VERIFIED { "False" } else { "True" };
        self.conditions.set(condition, status, reason, message);
        match then {
            Then::Stall => {
                self.conditions.remove("Reconciling");
                self.conditions.set("Stalled", "True", reason, message);
            }
            Then::Retry | Then::Wait(_) => {
                self.conditions.remove("Stalled");
                self.conditions.set("Reconciling", "True", "ProgressingWithRetry", &self.progress);
            }
        }
        let explained = match self.conditions.status(VERIFIED) {
            Some("False") => Some(VERIFIED),
            _ => BAD_WHEN_TRUE.iter().find(|c| self.conditions.status(c) == Some("True")).copied(),
        };
        let (reason, message) = explained
            .and_then(|condition| self.conditions.says(condition))
            .unwrap_or(((*reason).to_owned(), message.clone()));
        self.conditions.set("Ready", "False", &reason, &message);
        self.finish(*then == Then::Stall)
    }

    fn finish(mut self, is_observed: bool) -> Value {
        self.status["conditions"] = self.conditions.into_value();
        if let Some(request) = self.request {
            self.status["lastHandledReconcileAt"] = request.into();
        }
        if is_observed {
            self.status["observedGeneration"] = self.generation.into();
        }
        self.status
    }

    /// Whether a failure that was there before is over.
    pub(crate) fn recovers(&self) -> bool {
        let list = self.before.get("conditions").and_then(Value::as_array);
        list.into_iter().flatten().any(|c| c["type"].as_str().is_some_and(|kind| FAILURES.contains(&kind)))
    }

    /// Sets a field of the status, or takes it away.
    pub(crate) fn set(&mut self, field: &str, value: Option<Value>) {
        let Some(status) = self.status.as_object_mut() else { return };
        match value {
            Some(value) => {
                status.insert(field.to_owned(), value);
            }
            None => {
                status.shift_remove(field);
            }
        }
    }

    /// Names the artifact in the status; it keeps its time while it stays the same.
    pub(crate) fn set_artifact(&mut self, artifact: &StoredArtifact, now: Timestamp) {
        let old = self.before.get("artifact");
        let same =
            |field: &str, value: &str| old.and_then(|a| a.get(field)).and_then(Value::as_str) == Some(value);
        let is_same = same("revision", &artifact.revision) && same("digest", &artifact.digest);
        let since = old.filter(|_| is_same).and_then(|a| a.get("lastUpdateTime")).cloned();
        let mut value = json!({
            "digest": artifact.digest,
            "lastUpdateTime": since.unwrap_or_else(|| seconds(now).into()),
            "path": artifact.path,
            "revision": artifact.revision,
            "size": artifact.size,
            "url": artifact.url,
        });
        if !artifact.metadata.is_empty() {
            let metadata =
                artifact.metadata.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
            value["metadata"] = Value::Object(metadata.collect());
        }
        self.status["artifact"] = value;
    }
}

/// An artifact as a status names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredArtifact {
    pub(crate) path: String,
    pub(crate) url: String,
    pub(crate) revision: String,
    pub(crate) digest: String,
    pub(crate) size: u64,
    pub(crate) metadata: Vec<(String, String)>,
}

impl StoredArtifact {
    /// Reads it from a status.
    pub(crate) fn read(status: &Value) -> Option<Self> {
        let artifact = status.get("artifact").filter(|a| a.is_object())?;
        let text = |field: &str| artifact.get(field).and_then(Value::as_str).map(str::to_owned);
        let metadata = artifact.get("metadata").and_then(Value::as_object).into_iter().flatten();
        let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        Some(Self {
            path: text("path")?,
            url: text("url").unwrap_or_default(),
            revision: text("revision")?,
            digest: text("digest")?,
            size: artifact.get("size").and_then(Value::as_u64).unwrap_or_default(),
            metadata: metadata.filter_map(pair).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_health::{HealthStatus, RuleSet, assess};
    use proptest::prelude::*;

    fn object(status: Value) -> Object {
        Object::new(json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "a", "namespace": "n", "generation": 2}, "status": status}))
        .unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// `Type=Status(Reason): message` of each condition.
    fn shown(status: &Value) -> Vec<String> {
        let conditions = status["conditions"].as_array().unwrap();
        let text = |c: &Value, field: &str| c[field].as_str().unwrap_or_default().to_owned();
        let line = |c: &Value| {
            format!(
                "{}={}({}): {}",
                text(c, "type"),
                text(c, "status"),
                text(c, "reason"),
                text(c, "message")
            )
        };
        conditions.iter().map(line).collect()
    }

    /// What happens to a source.
    #[derive(Debug, Clone)]
    enum Event {
        /// Its spec is edited.
        Edit,
        /// It is asked to reconcile.
        Request(u8),
        /// Its artifact is gone from storage when it is looked at next.
        Lost,
        /// It is read what is going on.
        UnderWay,
        Succeeds,
        Fails {
            condition: usize,
            then: usize,
            is_outdated: bool,
        },
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            2 => Just(Event::Edit),
            1 => any::<u8>().prop_map(Event::Request),
            1 => Just(Event::Lost),
            1 => Just(Event::UnderWay),
            3 => Just(Event::Succeeds),
            4 => (0..4usize, 0..3usize, any::<bool>())
                .prop_map(|(condition, then, is_outdated)| Event::Fails { condition, then, is_outdated }),
        ]
    }

    fn stored() -> StoredArtifact {
        let (path, url) = ("gitrepository/n/a/1.tar.gz".to_owned(), "http://host/1.tar.gz".to_owned());
        let (revision, digest) = ("main@sha1:1".to_owned(), "sha256:1".to_owned());
        StoredArtifact { path, url, revision, digest, size: 1, metadata: Vec::new() }
    }

    /// The status after an event; `None` when it writes none.
    fn after(object: &mut Object, event: &Event, is_lost: &mut bool) -> Option<Value> {
        let now = Timestamp::UNIX_EPOCH;
        let mut draft = Draft::of(object, now);
        if std::mem::take(is_lost) || StoredArtifact::read(&draft.status).is_none() {
            draft.without_artifact();
        }
        match event {
            Event::Edit => {
                let next = object.generation() + 1;
                object.as_map_mut()["metadata"]["generation"] = next.into();
                None
            }
            Event::Request(value) => {
                object.set_annotation(REQUESTED_AT, value.to_string());
                None
            }
            Event::Lost => {
                *is_lost = true;
                None
            }
            Event::UnderWay => draft.is_awaited(object).then(|| draft.under_way()),
            Event::Succeeds => {
                draft.set_artifact(&stored(), now);
                draft.conditions.set(VERIFIED, "True", "Succeeded", "verified");
                Some(draft.succeeded("stored artifact for revision 'main@sha1:1'"))
            }
            Event::Fails { condition, then, is_outdated } => {
                if *is_outdated {
                    draft.outdated("NewRevision", "new upstream revision");
                }
                let condition = [FETCH_FAILED, STORAGE_FAILED, INCLUDE_UNAVAILABLE, VERIFIED][*condition];
                let then = [Then::Retry, Then::Stall, Then::Wait(Duration::from_secs(30))][*then];
                let message = "no".repeat(20_000);
                Some(draft.failed(&Failure { condition, reason: "SomeReason", message, then }))
            }
        }
    }

    fn check(object: &Object, event: &Event, answered: Option<&str>) -> Result<(), TestCaseError> {
        let status = object.get(&["status"]).unwrap();
        let conditions = status["conditions"].as_array().unwrap();
        let is = |kind: &str, wanted: &str| {
            conditions.iter().any(|condition| condition["type"] == kind && condition["status"] == wanted)
        };
        let has = |kind: &str| conditions.iter().any(|condition| condition["type"] == kind);
        prop_assert!(has("Ready"));
        prop_assert!(!(has("Reconciling") && has("Stalled")), "going on or stuck, not both");
        prop_assert!(!is("Reconciling", "False") && !is("Stalled", "False"), "these two are there or not");
        prop_assert!(!has("Stalled") || is("Ready", "False"), "what is stuck is not ready");
        prop_assert!(!is("Ready", "Unknown") || has("Reconciling"), "what is not known yet goes on");
        prop_assert!(!is("Ready", "True") || !BAD_WHEN_TRUE.iter().any(|kind| is(kind, "True")));
        prop_assert!(!is("Ready", "True") || !is(VERIFIED, "False"));
        let has_artifact = status.get("artifact").is_some();
        prop_assert!(has_artifact || !(is("Ready", "True") || is(IN_STORAGE, "True")));
        let observed = status.get("observedGeneration").and_then(Value::as_i64).unwrap_or(-1);
        prop_assert!(observed <= object.generation());
        for condition in conditions {
            let generation = condition["observedGeneration"].as_i64().unwrap_or_default();
            prop_assert!(generation <= object.generation());
            // A signature that was verified stands, and is confirmed with its revision.
            prop_assert!(!is("Ready", "True") || generation == observed, "{condition} is of another");
            prop_assert!(condition["message"].as_str().unwrap_or_default().len() <= 32_768);
        }
        let expected = match event {
            Event::Succeeds => HealthStatus::Healthy,
            Event::Fails { then: 1, .. } => HealthStatus::Degraded,
            _ => HealthStatus::Progressing,
        };
        prop_assert_eq!(assess(object, RuleSet::Kstatus).status, expected, "as kstatus tells it");
        // A request is answered with the end of a reconcile, never by its beginning.
        let is_end = matches!(event, Event::Succeeds | Event::Fails { .. });
        let expected = if is_end { object.annotation(REQUESTED_AT) } else { answered };
        prop_assert_eq!(status.get("lastHandledReconcileAt").and_then(Value::as_str), expected);
        Ok(())
    }

    proptest! {
        /// Whatever happens to a source, and in whatever order, clients can tell from its status how it is
        /// (`fluxcd/pkg/runtime/conditions/check`, and kstatus).
        #[test]
        fn readiness_can_be_told_from_every_status(events in prop::collection::vec(event(), 1..12)) {
            let mut object = object(json!({"observedGeneration": -1}));
            let mut is_lost = false;
            for event in &events {
                let answered = status_of(&object);
                let answered = answered.get("lastHandledReconcileAt").and_then(Value::as_str);
                if let Some(status) = after(&mut object, event, &mut is_lost) {
                    object.as_map_mut().insert("status".into(), status);
                    check(&object, event, answered)?;
                }
            }
        }
    }

    #[test]
    fn a_first_success_and_a_failure_after_it() {
        let new = object(json!({"observedGeneration": -1}));
        let mut draft = Draft::of(&new, at("2026-01-01T00:00:00Z"));
        assert!(draft.is_awaited(&new));
        draft.without_artifact();
        assert_eq!(
            shown(&draft.under_way()),
            [
                "Reconciling=True(Progressing): building artifact",
                "Ready=Unknown(Progressing): building artifact"
            ]
        );
        let status = draft.succeeded("stored artifact for revision 'main@sha1:a'");
        assert_eq!(status["observedGeneration"], 2);
        assert_eq!(
            shown(&status),
            [
                "Ready=True(Succeeded): stored artifact for revision 'main@sha1:a'",
                "ArtifactInStorage=True(Succeeded): stored artifact for revision 'main@sha1:a'"
            ]
        );

        let ready = object(status);
        let draft = Draft::of(&ready, at("2026-01-01T00:01:00Z"));
        assert!(!draft.is_awaited(&ready));
        let failed = draft.failed(&Failure::fetch("GitOperationFailed", "no answer"));
        assert_eq!(
            shown(&failed),
            [
                "Reconciling=True(ProgressingWithRetry): reconciliation in progress",
                "Ready=False(GitOperationFailed): no answer",
                "ArtifactInStorage=True(Succeeded): stored artifact for revision 'main@sha1:a'",
                "FetchFailed=True(GitOperationFailed): no answer",
            ]
        );
        let failed = object(failed);
        let draft = Draft::of(&failed, at("2026-01-01T00:02:00Z"));
        assert!(draft.recovers());
        let again = draft.succeeded("stored");
        assert_eq!(
            shown(&again),
            ["Ready=True(Succeeded): stored", "ArtifactInStorage=True(Succeeded): stored"]
        );
    }

    #[test]
    fn what_only_another_spec_helps_is_stalled_and_observed() {
        let draft = Draft::of(&object(json!({})), at("2026-01-01T00:00:00Z"));
        let status = draft.failed(&Failure::fetch("URLInvalid", "no address").stalling());
        assert_eq!(status["observedGeneration"], 2);
        assert_eq!(
            shown(&status),
            [
                "Stalled=True(URLInvalid): no address",
                "Ready=False(URLInvalid): no address",
                "FetchFailed=True(URLInvalid): no address",
            ]
        );
    }

    #[test]
    fn a_signature_that_is_missing_explains_more_than_an_outdated_artifact() {
        let with_artifact = object(json!({"artifact": {"revision": "a", "digest": "b", "path": "c"}}));
        let mut draft = Draft::of(&with_artifact, at("2026-01-01T00:00:00Z"));
        draft.outdated("NewRevision", "new upstream revision 'x'");
        let status = draft.failed(&Failure::verification("InvalidCommitSignature", "not signed"));
        assert_eq!(status.get("observedGeneration"), None);
        assert_eq!(
            shown(&status),
            [
                "Reconciling=True(ProgressingWithRetry): building artifact: new upstream revision 'x'",
                "Ready=False(InvalidCommitSignature): not signed",
                "ArtifactOutdated=True(NewRevision): new upstream revision 'x'",
                "SourceVerified=False(InvalidCommitSignature): not signed",
            ]
        );
        let again = Draft::of(&object(status), at("2026-01-01T00:01:00Z"));
        assert_eq!(again.conditions.status(VERIFIED), None);
    }
}
