//! Jobs run pods until enough have succeeded or too many failed.

use super::hands::{CONTROLLER, Hands, PODS, What, condition, is_active, is_ready, number, pod_of};
use crate::clock::parse_time;
use crate::store::Name;
use serde_json::{Value, json};
use time::Duration;
use tokio::time::Instant;

const JOBS: What = What("batch", "jobs");

pub(super) fn sync(hands: &Hands<'_>, name: &Name) -> Option<Instant> {
    let job = hands.get(JOBS, name)?;
    if condition(&job, "Complete").or(condition(&job, "Failed")).is_some_and(|c| c["status"] == "True") {
        return expire(hands, &job);
    }
    let pods = hands.owned(PODS, &job);
    let phase = |wanted: &str| pods.iter().filter(|p| p["status"]["phase"] == wanted).count();
    let (succeeded, failed) = (phase("Succeeded"), phase("Failed"));
    let restarts: i64 = pods
        .iter()
        .flat_map(|p| p["status"]["containerStatuses"].as_array().into_iter().flatten())
        .map(|c| number(&c["restartCount"]))
        .sum();
    let mut active: Vec<&Value> = pods.iter().filter(|p| is_active(p)).collect();
    let suspended = job["spec"]["suspend"] == true;
    let limit = job["spec"]["backoffLimit"].as_i64().unwrap_or(6);
    let wanted = job["spec"]["completions"].as_i64().map_or(1, |c| c.max(0));
    let enough = i64::try_from(succeeded).is_ok_and(|s| s >= wanted);
    let (late, deadline) = past_deadline(hands, &job);
    let end = if enough {
        Some((
            "Complete",
            "SuccessCriteriaMet",
            "CompletionsReached",
            "Reached expected number of succeeded pods",
        ))
    } else if late {
        Some(("Failed", "FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline"))
    } else if i64::try_from(failed).unwrap_or(i64::MAX) + restarts > limit {
        Some((
            "Failed",
            "FailureTarget",
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        ))
    } else {
        None
    };
    if end.is_some() || suspended {
        for pod in &active {
            hands.delete(PODS, pod, None);
        }
        active.clear();
    } else {
        let room =
            number(&job["spec"]["parallelism"]).min(wanted - i64::try_from(succeeded).unwrap_or_default());
        for _ in active.len()..usize::try_from(room).unwrap_or_default() {
            let mut pod = pod_of(&job["spec"]["template"], &job);
            pod["metadata"]["generateName"] = format!("{}-", name.name).into();
            pod["metadata"]["finalizers"] = Value::Null;
            hands.create(PODS, &name.namespace, pod);
        }
    }
    let status = status(hands, &job, succeeded, failed, suspended, end);
    hands.update_status(JOBS, &job, status, CONTROLLER);
    deadline
}

fn past_deadline(hands: &Hands<'_>, job: &Value) -> (bool, Option<Instant>) {
    let deadline = job["spec"]["activeDeadlineSeconds"].as_i64();
    let start = job["status"]["startTime"].as_str().and_then(parse_time);
    match deadline.zip(start).map(|(seconds, start)| start + Duration::seconds(seconds)) {
        Some(end) if end <= hands.now() => (true, None),
        Some(end) => (false, Some(hands.instant(end))),
        None => (false, None),
    }
}

type End = (&'static str, &'static str, &'static str, &'static str);

fn status(
    hands: &Hands<'_>,
    job: &Value,
    succeeded: usize,
    failed: usize,
    suspended: bool,
    end: Option<End>,
) -> Value {
    let at = hands.timestamp();
    let pods = hands.owned(PODS, job);
    let active: Vec<&Value> = pods.iter().filter(|p| is_active(p)).collect();
    let ending = pods.iter().filter(|p| p["metadata"].get("deletionTimestamp").is_some()).count();
    let mut next = job["status"].clone();
    if next.get("startTime").is_none() && !suspended {
        next["startTime"] = at.as_str().into();
    }
    for (key, count) in [("active", active.len()), ("succeeded", succeeded), ("failed", failed)] {
        if count != 0 {
            next[key] = count.into();
        } else if let Some(map) = next.as_object_mut() {
            map.shift_remove(key);
        }
    }
    next["ready"] = active.iter().filter(|p| is_ready(p)).count().into();
    next["terminating"] = ending.into();
    next["uncountedTerminatedPods"] = json!({});
    let mut conditions: Vec<Value> = next["conditions"].as_array().cloned().unwrap_or_default();
    let mut add = |kind: &str, status: &str, reason: &str, message: &str| {
        if conditions.iter().any(|c| c["type"] == kind && c["status"] == status) {
            return;
        }
        conditions.retain(|c| c["type"] != kind);
        conditions
            .push(json!({"type": kind, "status": status, "lastProbeTime": at, "lastTransitionTime": at,
            "reason": reason, "message": message}));
    };
    if let Some((kind, before, reason, message)) = end {
        add(before, "True", reason, message);
        add(kind, "True", reason, message);
        if kind == "Complete" {
            next["completionTime"] = at.as_str().into();
        }
    }
    let was_suspended = condition(job, "Suspended").is_some();
    if suspended {
        add("Suspended", "True", "JobSuspended", "Job suspended");
    } else if was_suspended {
        add("Suspended", "False", "JobResumed", "Job resumed");
    }
    if !conditions.is_empty() {
        next["conditions"] = conditions.into();
    }
    next
}

/// A finished job goes when its time to live is over.
fn expire(hands: &Hands<'_>, job: &Value) -> Option<Instant> {
    let seconds = job["spec"]["ttlSecondsAfterFinished"].as_i64()?;
    let over = condition(job, "Complete").or(condition(job, "Failed"))?;
    let end = parse_time(over["lastTransitionTime"].as_str()?)? + Duration::seconds(seconds);
    if end > hands.now() {
        return Some(hands.instant(end));
    }
    hands.delete(JOBS, job, None);
    None
}
