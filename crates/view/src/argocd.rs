//! Application.

use crate::condition::{conditions, created, find, text, text_at, time};
use crate::objects::{health_status, of_resources, sync_state};
use crate::{Api, App, AppObject, AppSource, Condition, Operation, SyncState, Waiting, history};
use holdfast_health::HealthStatus;
use holdfast_object::{Object, Value};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Tells Argo CD's controller to leave an Application alone.
const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";
/// Conditions of these types are errors; the others warn.
const ERRORS: &str = "Error";

pub(crate) fn app(object: &Object) -> App {
    let conditions = conditions(object);
    let objects = of_resources(object);
    let operation = operation(object);
    let synced = sync_state(text_at(object, &["status", "sync", "status"]));
    let health = match text_at(object, &["status", "health", "status"]) {
        "" => HealthStatus::Unknown,
        status => health_status(status),
    };
    let suspended = object.annotation(SKIP_RECONCILE) == Some("true");
    let automated = is_automated(object);
    let last = operation.as_ref().filter(|o| o.phase != "Succeeded").map(|o| o.revision.clone());
    let revision = in_force(object);
    let app = App {
        api: Api::ArgoCd,
        reference: object.reference(),
        generation: object.generation(),
        sources: sources(object),
        attempted: last.filter(|attempted| !attempted.is_empty() && *attempted != revision),
        sync: synced,
        health,
        suspended,
        automated,
        deleting: object.is_deleting(),
        message: message(object, &conditions, operation.as_ref(), synced),
        waiting: Vec::new(),
        history: history::of_application(object),
        last_change: last_change(object, operation.as_ref()),
        created: created(object),
        objects,
        conditions,
        operation,
        revision,
    };
    let waiting = if suspended { Vec::new() } else { waiting(object, &app) };
    App { waiting, ..app }
}

/// Every source of an Application; `sources` win over `source`.
pub(crate) fn sources(object: &Object) -> Vec<AppSource> {
    let several = object.get(&["spec", "sources"]).and_then(Value::as_array).filter(|list| !list.is_empty());
    let one = || object.get(&["spec", "source"]).map(std::slice::from_ref).unwrap_or_default();
    let list: &[Value] = several.map(Vec::as_slice).unwrap_or_else(one);
    list.iter()
        .map(|source| AppSource {
            name: text(source, "repoURL").to_owned(),
            path: text(source, "path").trim_start_matches("./").trim_matches('/').to_owned(),
            follows: text(source, "targetRevision").to_owned(),
            chart: text(source, "chart").to_owned(),
        })
        .collect()
}

fn is_automated(object: &Object) -> bool {
    let automated = object.get(&["spec", "syncPolicy", "automated"]);
    automated.is_some_and(|a| !a.is_null() && a.get("enabled") != Some(&Value::Bool(false)))
}

/// The revision of the last sync that was recorded; before the first, the one that was compared with, if the cluster
/// holds it.
fn in_force(object: &Object) -> String {
    let newest = history::of_application(object).into_iter().next();
    let compared = || {
        let list = object.get(&["status", "sync", "revisions"]).and_then(Value::as_array);
        match list {
            Some(list) if !list.is_empty() => {
                list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
            }
            _ => text_at(object, &["status", "sync", "revision"]).to_owned(),
        }
    };
    // Synced says that the revision compared with is what is live, however it got there.
    if text_at(object, &["status", "sync", "status"]) == "Synced" {
        return compared();
    }
    newest.map(|entry| entry.revision).unwrap_or_default()
}

fn operation(object: &Object) -> Option<Operation> {
    let state = object.get(&["status", "operationState"])?;
    let of = |path: &str| state.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(Operation {
        phase: of("/phase"),
        message: of("/message"),
        revision: match of("/syncResult/revision") {
            empty if empty.is_empty() => of("/operation/sync/revision"),
            revision => revision,
        },
        by: of("/operation/initiatedBy/username"),
        started: time(state.get("startedAt")),
        finished: time(state.get("finishedAt")),
        retries: state.get("retryCount").and_then(Value::as_u64).unwrap_or_default(),
    })
}

/// An error before a failed or running operation, and that before a warning and the health.
fn message(
    object: &Object,
    conditions: &[Condition],
    operation: Option<&Operation>,
    sync: SyncState,
) -> String {
    let error = conditions.iter().find(|c| c.kind.ends_with(ERRORS));
    // A sync that succeeded long ago says nothing about now.
    let telling = operation.filter(|o| o.phase != "Succeeded" && !o.message.is_empty());
    let warning = conditions.first();
    let health = text_at(object, &["status", "health", "message"]);
    let succeeded = operation.filter(|_| sync == SyncState::Synced && health.is_empty());
    error
        .map(|c| c.message.clone())
        .or_else(|| telling.map(|o| o.message.clone()))
        .or_else(|| warning.map(|c| c.message.clone()))
        .or_else(|| succeeded.map(|o| o.message.clone()))
        .unwrap_or_else(|| health.to_owned())
}

fn last_change(object: &Object, operation: Option<&Operation>) -> Option<jiff::Timestamp> {
    let health = time(object.get(&["status", "health", "lastTransitionTime"]));
    let synced = operation.and_then(|operation| operation.finished.or(operation.started));
    health.max(synced)
}

fn waiting(object: &Object, app: &App) -> Vec<Waiting> {
    let phase = app.operation.as_ref().map_or("", |o| o.phase.as_str());
    let asked = object.get(&["operation"]).is_some();
    if object.get(&["status", "sync", "status"]).is_none() || (asked && phase.is_empty()) {
        return vec![Waiting::Controller];
    }
    let message = app.operation.as_ref().map_or("", |o| o.message.as_str());
    let tries = app.operation.as_ref().map_or(0, |o| o.retries);
    let finished = app.operation.as_ref().and_then(|o| o.finished);
    let mut waiting: Vec<Waiting> = app.objects.iter().filter(|o| is_on_its_way(o)).map(on_its_way).collect();
    match phase {
        "Running" if message.starts_with("waiting for pruning confirmation") => {
            waiting.insert(0, Waiting::Approval { why: message.to_owned() });
        }
        // A running operation that has ended stands between two tries. What is not healthy may be so because the last
        // one failed.
        "Running" if finished.is_some() => {
            return vec![Waiting::Retry { tries: Some(tries), at: next_try(object, tries) }];
        }
        "Failed" | "Error"
            if app.automated && app.sync == SyncState::OutOfSync && is_of_last_commit(object) =>
        {
            return vec![Waiting::Change { tries: tries + 1 }];
        }
        _ if app.sync == SyncState::OutOfSync
            && !app.automated
            && !asked
            && phase != "Running"
            && find(&app.conditions, "ComparisonError").is_none() =>
        {
            // A person's sync brings what is missing, so there is nothing else to wait for.
            waiting.retain(|w| !matches!(w, Waiting::Object { why, .. } if why == "Missing"));
            waiting.push(Waiting::ManualSync);
        }
        _ => {}
    }
    waiting
}

fn on_its_way(object: &AppObject) -> Waiting {
    let why = match (object.message.as_str(), object.health) {
        ("", Some(health)) => health.to_string(),
        (message, _) => message.to_owned(),
    };
    Waiting::Object { object: object.reference.to_string(), why }
}

/// Whether the last operation was of the commits that were compared last: autosync tries each only once.
fn is_of_last_commit(object: &Object) -> bool {
    let result = object.get(&["status", "operationState", "syncResult"]);
    let sync = object.get(&["status", "sync"]);
    let of = |at: Option<&Value>, field: &str| at.and_then(|at| at.get(field)).cloned().unwrap_or_default();
    ["revision", "revisions"].into_iter().all(|field| of(result, field) == of(sync, field))
}

/// When an operation that stands between two tries goes on (Argo CD: `RetryStrategy.NextRetryAt`).
fn next_try(object: &Object, tries: u64) -> Option<Timestamp> {
    let finished: Timestamp = text_at(object, &["status", "operationState", "finishedAt"]).parse().ok()?;
    let backoff = ["status", "operationState", "operation", "retry", "backoff"];
    let field = |name: &str| object.get(&[&backoff[..], &[name]].concat());
    let duration = |name: &str, default: u64| match field(name).and_then(Value::as_str) {
        None | Some("") => Some(Duration::from_secs(default)),
        Some(text) => match text.parse() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => holdfast_types::parse_duration(text).ok(),
        },
    };
    let factor = field("factor").and_then(Value::as_i64).unwrap_or(2) as f64;
    let exponent = tries.saturating_sub(1).min(1_000) as f64;
    let grown = duration("duration", 5)?.as_secs_f64() * factor.powf(exponent);
    let longest = duration("maxDuration", 180)?.as_secs_f64();
    let pause = if longest > 0.0 { grown.min(longest) } else { grown };
    finished.checked_add(SignedDuration::try_from_secs_f64(pause.min(1e9)).ok()?).ok()
}

fn is_on_its_way(object: &AppObject) -> bool {
    matches!(
        object.health,
        Some(
            HealthStatus::Progressing
                | HealthStatus::Degraded
                | HealthStatus::Missing
                | HealthStatus::Suspended
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    /// What an Application with this status waits for, in words.
    fn check(automated: bool, status: Value, expected: &[&str]) {
        let policy = if automated { json!({"automated": {}}) } else { json!({}) };
        let object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "argocd"},
            "spec": {"source": {"repoURL": "https://x/r"}, "syncPolicy": policy}, "status": status});
        let waiting = app(&Object::new(object).unwrap()).waiting;
        assert_eq!(waiting.iter().map(ToString::to_string).collect::<Vec<_>>(), expected, "{status}");
    }

    fn status(sync: &str, operation: Value) -> Value {
        json!({"sync": {"status": sync, "revision": "abc"}, "operationState": operation,
            "resources": [{"kind": "ConfigMap", "version": "v1", "namespace": "n", "name": "a",
                "health": {"status": "Missing"}}]})
    }

    #[test]
    fn an_application_waits_for_the_nearest_cause() {
        check(true, json!({}), &["a controller to take it up"]);
        check(false, status("OutOfSync", Value::Null), &["a sync: it is not automated"]);
        let running = |extra: Value| {
            let mut operation = json!({"phase": "Running", "syncResult": {"revision": "abc"},
                "operation": {"retry": {"backoff": {"duration": "10s", "factor": 3, "maxDuration": "1m"}}}});
            operation.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            status("OutOfSync", operation)
        };
        check(true, running(json!({"retryCount": 1})), &["ConfigMap/n/a (Missing)"]);
        let between = |count: u64| {
            running(json!({"finishedAt": "2026-01-01T10:00:00Z", "retryCount": count, "message": "refused"}))
        };
        check(true, between(1), &["the next try, after 1, due at 2026-01-01T10:00:10Z"]);
        check(true, between(2), &["the next try, after 2, due at 2026-01-01T10:00:30Z"]);
        check(false, between(3), &["the next try, after 3, due at 2026-01-01T10:01:00Z"]);
        let failed = |revision: &str, retries: u64| {
            status(
                "OutOfSync",
                json!({"phase": "Failed", "syncResult": {"revision": revision}, "retryCount": retries}),
            )
        };
        check(true, failed("abc", 0), &["another commit or a sync: this one was tried once"]);
        check(true, failed("abc", 5), &["another commit or a sync: this one was tried 6 times"]);
        // Another commit is there already.
        check(true, failed("def", 5), &["ConfigMap/n/a (Missing)"]);
        let approval = "waiting for pruning confirmation of /ConfigMap/b";
        check(
            true,
            running(json!({"message": approval})),
            &[&format!("a yes: {approval}"), "ConfigMap/n/a (Missing)"],
        );
    }
}
