//! What clients of the Kustomization read.

use super::inventory;
use crate::conditions::{Conditions, seconds};
use crate::resource::{note_request, status_of};
use holdfast_controller::SyncRun;
use holdfast_object::{Object, ObjectRef, Value, json};
use holdfast_sync::{
    Bug, Change, Contest, Failure, Occasion, OpResult, Verdict, Waiting, Wake, WriteWhen, planted,
};
use holdfast_types::format_duration;
use jiff::Timestamp;
use std::collections::HashSet;
use std::time::Duration;

/// How many different outcomes the history keeps.
const HISTORY: usize = 5;

/// The condition, and the reason of the event, that tells of a field which another writer sets again and again.
pub(super) const CONTESTED: &str = "Contested";
/// The condition that tells what rights do not allow to watch.
const UNWATCHED: &str = "Unwatched";
/// Put right this often against the same writer, a field counts as contested.
const CONTESTED_HEALS: u32 = 2;
/// How many contested fields a message names.
const CONTESTS_SHOWN: usize = 5;

/// Who sets what otherwise, a line for each field; empty when nothing is contested.
pub(super) fn contest_message(contests: &[Contest]) -> String {
    let fought: Vec<&Contest> = contests.iter().filter(|c| c.heals >= CONTESTED_HEALS).collect();
    let mut lines: Vec<String> = fought.iter().take(CONTESTS_SHOWN).map(ToString::to_string).collect();
    if let Some(more) = fought.len().checked_sub(CONTESTS_SHOWN).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

/// What a status said before a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// That the revision is applied, and everything well.
    pub(super) is_applied: bool,
    /// That the revision was applied last, however that ended.
    pub(super) is_revision: bool,
    /// That the objects are healthy.
    pub(super) is_healthy: bool,
}

impl Before {
    pub(super) fn of(status: &Value, generation: i64, revision: &str) -> Self {
        let is_true = |kind: &str| condition(status, kind).is_some_and(|c| c["status"] == "True");
        let is_revision = status.get("lastAppliedRevision").and_then(Value::as_str) == Some(revision);
        let is_observed = status.get("observedGeneration").and_then(Value::as_i64) == Some(generation);
        Self {
            is_applied: is_revision && is_observed && is_true("Ready"),
            is_revision,
            is_healthy: is_true("Healthy"),
        }
    }
}

fn condition<'s>(status: &'s Value, kind: &str) -> Option<&'s Value> {
    status.get("conditions")?.as_array()?.iter().find(|condition| condition["type"] == kind)
}

/// The reason of the condition `Ready`.
pub(super) fn ready_reason(object: &Object) -> Option<&str> {
    condition(object.get(&["status"])?, "Ready")?["reason"].as_str()
}

/// Whether a run counts as a reconcile: in the history, and as an event. An interval's and a requested one do, as does
/// every one that leads to another status. A look after a restart does where it changed something. A look at a drift
/// that ends well does not, also where it put something right: Flux has no such runs, what was put right is told by an
/// event of its own, and nothing else that the status says has changed.
pub(super) fn is_reconcile(run: &SyncRun, verdict: &Verdict, is_requested: bool, was_applied: bool) -> bool {
    let counts = match run.progress.occasion {
        Occasion::Scheduled => true,
        Occasion::Requested => has_changed(run),
        Occasion::Drift => *verdict != Verdict::InForce,
    };
    counts || is_requested || !was_applied
}

fn has_changed(run: &SyncRun) -> bool {
    run.progress.changes().iter().any(|(_, change)| *change != Change::Unchanged)
}

/// What is known of a run that is over, besides how it ended.
pub(super) struct Course<'a> {
    /// The digest of what was built.
    pub(super) digest: &'a str,
    /// Where the revision came from first; empty when that is not known.
    pub(super) origin: &'a str,
    pub(super) took: Duration,
    pub(super) timeout: Duration,
    pub(super) before: Before,
    /// Whether it counts: see [`is_reconcile`].
    pub(super) is_reconcile: bool,
}

/// How a run ended, in the terms of the status.
pub(super) struct End {
    pub(super) status: Value,
    pub(super) succeeded: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
    /// What is told of a health check that passed, when that is news.
    pub(super) health_passed: Option<String>,
}

/// Refused for good: until the spec changes.
pub(super) fn refused(object: &Object, reason: &str, message: &str, now: Timestamp) -> Value {
    let mut status = status_of(object);
    let mut conditions = Conditions::of(object, now);
    conditions.stalled(reason, message);
    status["conditions"] = conditions.into_value();
    status["observedGeneration"] = object.generation().into();
    note_request(object, &mut status);
    status
}

/// Kept from beginning by something that may change.
pub(super) fn hindered(object: &Object, reason: &str, message: &str, now: Timestamp) -> Value {
    let mut status = status_of(object);
    let mut conditions = Conditions::of(object, now);
    conditions.failed(reason, message);
    status["conditions"] = conditions.into_value();
    note_request(object, &mut status);
    status
}

/// Begun, before anything is written.
pub(super) fn begun(object: &Object, revision: &str, timeout: Duration, now: Timestamp) -> Value {
    let mut status = status_of(object);
    let mut conditions = Conditions::of(object, now);
    conditions.progressing(&detecting(revision, timeout));
    status["conditions"] = conditions.into_value();
    status["lastAttemptedRevision"] = revision.into();
    status
}

fn detecting(revision: &str, timeout: Duration) -> String {
    format!("Detecting drift for revision {revision} with a timeout of {}", format_duration(timeout))
}

/// Written, and waiting for the cluster.
pub(super) fn waiting(
    object: &Object,
    run: &SyncRun,
    wake: &Wake,
    timeout: Duration,
    now: Timestamp,
) -> Value {
    let mut status = status_of(object);
    let revision = &run.desired.revision;
    let mut conditions = Conditions::of(object, now);
    let message = if wake.waiting.is_empty() {
        detecting(revision, timeout)
    } else {
        format!(
            "Running health checks for revision {revision} with a timeout of {}",
            format_duration(timeout)
        )
    };
    conditions.progressing(&message);
    let waits_for_health = run.policy.gate != holdfast_sync::HealthGate::None;
    if waits_for_health && !wake.waiting.is_empty() {
        conditions.set("Healthy", "Unknown", "Progressing", &message);
    }
    status["conditions"] = conditions.into_value();
    status["lastAttemptedRevision"] = revision.as_str().into();
    status["inventory"] = inventory::write(&under_way(run));
    status
}

/// Begun, and kept from going on by a right that is missing, or by a cluster that does not answer. It goes on as soon
/// as the right is there, or the answer.
pub(super) fn interrupted(object: &Object, run: &SyncRun, message: &str, now: Timestamp) -> Value {
    let mut status = hindered(object, "ReconciliationFailed", message, now);
    status["lastAttemptedRevision"] = run.desired.revision.as_str().into();
    status["inventory"] = inventory::write(&under_way(run));
    status
}

/// Over, one way or the other.
pub(super) fn finished(
    object: &Object,
    run: &SyncRun,
    verdict: &Verdict,
    course: &Course<'_>,
    now: Timestamp,
) -> End {
    let revision = run.desired.revision.clone();
    let mut status = status_of(object);
    let mut conditions = Conditions::of(object, now);
    let (succeeded, reason, message) = judge(run, verdict, course.timeout);
    if succeeded {
        conditions.ready(reason, &message);
        status["lastAppliedRevision"] = revision.as_str().into();
        note_origin(&mut status, "lastAppliedOriginRevision", course.origin);
        status["observedGeneration"] = object.generation().into();
    } else {
        conditions.failed(reason, &message);
    }
    let mut health_passed = None;
    if run.policy.gate == holdfast_sync::HealthGate::None {
        conditions.remove("Healthy");
    } else if succeeded {
        let passed = format!("Health check passed in {}", format_duration(rounded(course.took)));
        let is_new_and_changed = !course.before.is_revision && has_changed(run);
        if conditions.status("Healthy") == Some("True") && !is_new_and_changed {
            conditions.confirm("Healthy");
        } else {
            conditions.set("Healthy", "True", "Succeeded", &passed);
        }
        health_passed = (!course.before.is_healthy || is_new_and_changed).then_some(passed);
    } else if reason == "HealthCheckFailed" {
        conditions.set("Healthy", "False", "HealthCheckFailed", &message);
    }
    match contest_message(&run.contests) {
        message if !message.is_empty() => conditions.set(CONTESTED, "True", "FieldsContested", &message),
        // A heal is no peace: only an interval without a fight is.
        _ if run.progress.occasion == Occasion::Drift => {}
        _ => conditions.remove(CONTESTED),
    }
    status["conditions"] = conditions.into_value();
    status["lastAttemptedRevision"] = revision.as_str().into();
    status["inventory"] = inventory::write(&applied(run, *verdict == Verdict::InForce));
    if course.is_reconcile {
        status["history"] = history(&status, course, (reason, &revision), now);
    }
    note_request(object, &mut status);
    End { status, succeeded, reason, message, health_passed }
}

/// Notes which objects rights do not allow to watch, so that changes of them are seen late; `None`: all are watched.
pub(super) fn note_unwatched(status: &mut Value, object: &Object, message: Option<&str>, now: Timestamp) {
    let mut conditions = Conditions::in_status(status, object, now);
    match message {
        Some(message) => conditions.set(UNWATCHED, "True", "ReadOneByOne", message),
        None => conditions.remove(UNWATCHED),
    }
    status["conditions"] = conditions.into_value();
}

/// Sets a field to where a revision came from first, or takes it away.
fn note_origin(of: &mut Value, field: &str, origin: &str) {
    if !origin.is_empty() {
        of[field] = origin.into();
    } else if let Some(fields) = of.as_object_mut() {
        fields.shift_remove(field);
    }
}

/// Whether what was applied last, with success and by the spec as it is now, has this digest. The digest covers what
/// was built; what the spec adds afterwards (common metadata, say) shows in its generation.
pub(super) fn is_current(status: &Value, object: &Object, digest: &str) -> bool {
    status.get("observedGeneration").and_then(Value::as_i64) == Some(object.generation())
        && has_digest(status, digest)
}

fn has_digest(status: &Value, digest: &str) -> bool {
    status.pointer("/history/0/digest").and_then(Value::as_str) == Some(digest)
        && status.pointer("/history/0/lastReconciledStatus").and_then(Value::as_str)
            == Some("ReconciliationSucceeded")
}

fn judge(run: &SyncRun, verdict: &Verdict, timeout: Duration) -> (bool, &'static str, String) {
    let revision = &run.desired.revision;
    match verdict {
        Verdict::InForce => (true, "ReconciliationSucceeded", format!("Applied revision: {revision}")),
        Verdict::Failed(failures) => {
            let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
            let is_wanted = |failure: &Failure| run.desired.get(&failure.object.key).is_some();
            let reason = match failures.is_empty() || failures.iter().any(is_wanted) {
                true => "ReconciliationFailed",
                false => "PruneFailed",
            };
            (false, reason, lines.join("\n"))
        }
        Verdict::Unhealthy { objects, timed_out: true } => {
            let message = format!(
                "health check failed after {}: timeout waiting for: [{}]",
                format_duration(timeout),
                names(objects)
            );
            (false, "HealthCheckFailed", message)
        }
        Verdict::Unhealthy { objects, timed_out: false } => {
            (false, "HealthCheckFailed", format!("health check failed: failed: [{}]", names(objects)))
        }
        Verdict::StageTimedOut { objects } => {
            (false, "ReconciliationFailed", format!("timeout waiting for: [{}]", names(objects)))
        }
        Verdict::PruneHeld { objects, why } => {
            let message = format!(
                "prune is held: {why}: {}; say yes with `holdfast sync --approve-prune`, or the annotation {}={revision}",
                objects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                holdfast_types::flux::APPROVE_PRUNE,
            );
            (false, "PruneFailed", message)
        }
        Verdict::RefusedEmpty { objects } => {
            let message = format!(
                "the source is empty and would prune {} objects; to go on annotate with {}=enabled",
                objects.len(),
                super::request::ALLOW_EMPTY,
            );
            (false, "PruneFailed", message)
        }
    }
}

fn names(objects: &[Waiting]) -> String {
    objects.iter().map(|w| format!("{} status: '{}'", w.object, w.message)).collect::<Vec<_>>().join(", ")
}

/// What a run that is not over holds: what it has applied, and what it will, which was announced before it began.
fn under_way(run: &SyncRun) -> Vec<ObjectRef> {
    let mut held = applied(run, false);
    let seen: HashSet<_> = held.iter().map(|object| object.key.clone()).collect();
    let is_to_come = |object: &&holdfast_sync::DesiredObject| {
        object.policy.when != WriteWhen::Never
            && run.progress.result(&object.reference.key).is_none()
            && !seen.contains(&object.reference.key)
    };
    held.extend(run.desired.objects().iter().filter(is_to_come).map(|object| object.reference.clone()));
    held
}

/// What the Kustomization holds in the cluster now: what it wants and was not refused, and what earlier runs applied
/// and a prune has not taken yet. Once a run `is_over`, what is neither desired nor there any more is forgotten.
fn applied(run: &SyncRun, is_over: bool) -> Vec<ObjectRef> {
    let before: HashSet<_> = run.desired.previous.iter().map(|o| &o.key).collect();
    let is_applied = |object: &&holdfast_sync::DesiredObject| match run.progress.result(&object.reference.key)
    {
        _ if object.policy.when == WriteWhen::Never => false,
        Some(OpResult::Done { .. } | OpResult::Recreating) => true,
        // What was there before stays ours even when this change of it was refused.
        Some(_) => before.contains(&object.reference.key),
        None => is_over || before.contains(&object.reference.key),
    };
    let desired = run.desired.objects().iter().filter(is_applied).map(|o| o.reference.clone());
    let kept = run.desired.previous.iter().filter(|object| {
        run.policy.prune.enabled
            && !planted(Bug::InventoryTooEarly)
            && run.desired.get(&object.key).is_none()
            && match run.progress.result(&object.key) {
                Some(OpResult::Done { .. }) => false,
                Some(_) => true,
                None => !is_over,
            }
    });
    desired.chain(kept.cloned()).collect()
}

/// The history with this run: it joins the newest entry of the same digest and outcome, or begins one.
fn history(status: &Value, course: &Course<'_>, (outcome, revision): (&str, &str), now: Timestamp) -> Value {
    let digest = course.digest;
    let mut list = status.get("history").and_then(Value::as_array).cloned().unwrap_or_default();
    let now = seconds(now);
    let is_same = |entry: &Value| entry["digest"] == digest && entry["lastReconciledStatus"] == outcome;
    let mut entry = match list.iter().position(is_same) {
        Some(at) => list.remove(at),
        None => json!({"digest": digest, "firstReconciled": now, "totalReconciliations": 0}),
    };
    entry["lastReconciled"] = now.into();
    entry["lastReconciledDuration"] = format_duration(rounded(course.took)).into();
    entry["lastReconciledStatus"] = outcome.into();
    entry["totalReconciliations"] = (entry["totalReconciliations"].as_i64().unwrap_or_default() + 1).into();
    entry["metadata"] = json!({"revision": revision});
    note_origin(&mut entry["metadata"], "originRevision", course.origin);
    list.insert(0, entry);
    list.truncate(HISTORY);
    Value::Array(list)
}

fn rounded(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_outcomes_join_in_the_history() {
        let took = Duration::from_millis(120);
        let history = |status: &Value, digest: &str, outcome: &str, revision: &str| {
            let (timeout, before) = (took, Before::default());
            let course = Course { digest, origin: "", took, timeout, before, is_reconcile: true };
            history(status, &course, (outcome, revision), Timestamp::UNIX_EPOCH)
        };
        let mut status = json!({});
        status["history"] = history(&status, "a", "ReconciliationSucceeded", "r1");
        status["history"] = history(&status, "a", "ReconciliationSucceeded", "r2");
        status["history"] = history(&status, "b", "ReconciliationFailed", "r3");
        let list = status["history"].as_array().unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!((&list[0]["digest"], &list[1]["totalReconciliations"]), (&json!("b"), &json!(2)));
        assert_eq!(list[1]["lastReconciledDuration"], "120ms");
        for digest in ["c", "d", "e", "f"] {
            status["history"] = history(&status, digest, "ReconciliationSucceeded", "r");
        }
        assert_eq!(status["history"].as_array().unwrap().len(), HISTORY);
    }
}
