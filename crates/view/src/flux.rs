//! Kustomization and HelmRelease.

use crate::condition::{conditions, created, find, text_at};
use crate::{Api, App, AppSource, Condition, SyncState, Waiting, history, objects, prefix};
use holdfast_health::HealthStatus;
use holdfast_object::{Object, ObjectRef, Value};
use jiff::{SignedDuration, Timestamp};

pub(crate) fn app(object: &Object, around: &[Object]) -> App {
    let conditions = conditions(object);
    let ready = find(&conditions, "Ready").cloned();
    let state = State::of(object, &conditions);
    let is_release = object.kind() == "HelmRelease";
    let revision = if is_release {
        release_revision(object)
    } else {
        text_at(object, &["status", "lastAppliedRevision"]).to_owned()
    };
    let attempted = text_at(object, &["status", "lastAttemptedRevision"]);
    let suspended = object.get(&["spec", "suspend"]).and_then(Value::as_bool).unwrap_or_default();
    App {
        api: Api::Flux,
        reference: object.reference(),
        generation: object.generation(),
        sources: vec![source(object)],
        attempted: (!attempted.is_empty() && attempted != revision && !is_release)
            .then(|| attempted.to_owned()),
        sync: sync(object, &state, &revision, around),
        health: health(&state, &conditions),
        suspended,
        automated: true,
        deleting: object.is_deleting(),
        message: message(&state, &conditions),
        waiting: if suspended { Vec::new() } else { waiting(object, &state, &conditions, around) },
        objects: objects::of_inventory(object),
        operation: None,
        history: match is_release {
            true => history::of_helm_release(object),
            false => history::of_kustomization(object),
        },
        last_change: ready.as_ref().and_then(|ready| ready.since),
        created: created(object),
        conditions,
        revision,
    }
}

/// What Ready and the conditions beside it say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No controller has seen this generation yet.
    Unseen,
    /// It is as asked for.
    Ready,
    /// On its way.
    Progressing,
    /// Kept from beginning: a dependency or the source is not ready.
    Held,
    /// Applied, and not healthy.
    Unhealthy,
    /// It failed before or while it was applied, and is tried again.
    Failed,
    /// It failed, and only a change of the spec helps.
    Stalled,
}

impl State {
    fn of(object: &Object, conditions: &[Condition]) -> Self {
        let Some(ready) = find(conditions, "Ready") else { return Self::Unseen };
        if find(conditions, "Stalled").is_some_and(|c| c.status == "True") {
            return Self::Stalled;
        }
        let is_of_generation = ready.generation == 0 || ready.generation == object.generation();
        match (ready.status.as_str(), ready.reason.as_str()) {
            _ if !is_of_generation => Self::Unseen,
            ("True", _) => Self::Ready,
            ("False", "DependencyNotReady" | "ArtifactFailed" | "SourceNotReady") => Self::Held,
            ("False", "HealthCheckFailed" | "HealthCheckCanceled") => Self::Unhealthy,
            ("False", _) => Self::Failed,
            _ => Self::Progressing,
        }
    }
}

fn source(object: &Object) -> AppSource {
    let (kind, namespace, name) = source_reference(object).unwrap_or_default();
    let kind = holdfast_object::GroupKind::new("source.toolkit.fluxcd.io", kind);
    let chart = text_at(object, &["spec", "chart", "spec", "chart"]);
    AppSource {
        name: in_namespace(&format!("{}/{name}", prefix(&kind)), &namespace, object.namespace()),
        path: text_at(object, &["spec", "path"]).trim_start_matches("./").trim_matches('/').to_owned(),
        follows: text_at(object, &["spec", "chart", "spec", "version"]).to_owned(),
        chart: chart.to_owned(),
    }
}

/// Kind, namespace and name of the source of a Kustomization or HelmRelease.
pub(crate) fn source_reference(object: &Object) -> Option<(String, String, String)> {
    let paths: [&[&str]; 3] =
        [&["spec", "sourceRef"], &["spec", "chart", "spec", "sourceRef"], &["spec", "chartRef"]];
    let reference = paths.iter().find_map(|path| object.get(path))?;
    let text = |field: &str| crate::condition::text(reference, field).to_owned();
    let namespace = match text("namespace") {
        empty if empty.is_empty() => object.namespace().to_owned(),
        namespace => namespace,
    };
    Some((text("kind"), namespace, text("name")))
}

/// `ks/NAME`, with the namespace in front when it is not the reader's.
pub(crate) fn name_from(reference: &ObjectRef, namespace: &str) -> String {
    let name = format!("{}/{}", prefix(&reference.key.group_kind()), reference.key.name);
    in_namespace(&name, &reference.key.namespace, namespace)
}

fn in_namespace(name: &str, namespace: &str, reader: &str) -> String {
    if namespace == reader { name.to_owned() } else { format!("{namespace}/{name}") }
}

fn release_revision(object: &Object) -> String {
    let newest = object.get(&["status", "history"]).and_then(Value::as_array).and_then(|list| list.first());
    match newest {
        Some(entry) => crate::condition::text(entry, "chartVersion").to_owned(),
        None => text_at(object, &["status", "lastAppliedRevision"]).to_owned(),
    }
}

fn sync(object: &Object, state: &State, revision: &str, around: &[Object]) -> SyncState {
    let available = (object.kind() == "Kustomization").then(|| artifact_revision(object, around)).flatten();
    match state {
        State::Unseen => SyncState::Unknown,
        // The source has moved on and the Kustomization has not taken it up yet.
        State::Ready if available.is_some_and(|available| available != revision) => SyncState::OutOfSync,
        State::Ready => SyncState::Synced,
        // Everything was written; what it became is the health.
        State::Unhealthy => SyncState::Synced,
        State::Progressing | State::Held | State::Failed | State::Stalled => SyncState::OutOfSync,
    }
}

fn source_object<'o>(object: &Object, around: &'o [Object]) -> Option<&'o Object> {
    let (kind, namespace, name) = source_reference(object)?;
    around.iter().find(|o| {
        crate::source::is_source(o) && o.kind() == kind && o.namespace() == namespace && o.name() == name
    })
}

fn artifact_revision<'o>(object: &Object, around: &'o [Object]) -> Option<&'o str> {
    let revision = text_at(source_object(object, around)?, &["status", "artifact", "revision"]);
    (!revision.is_empty()).then_some(revision)
}

/// Flux's own rules of health apply to the objects; here is what the app says of them. Without a health check, an app
/// that was applied counts as healthy, as it does for Flux.
fn health(state: &State, conditions: &[Condition]) -> HealthStatus {
    let checked = find(conditions, "Healthy").map(|c| c.status.as_str());
    match (state, checked) {
        (State::Ready, _) => HealthStatus::Healthy,
        (State::Unhealthy | State::Stalled | State::Failed, Some("False")) => HealthStatus::Degraded,
        (State::Unhealthy, _) => HealthStatus::Degraded,
        (State::Progressing, _) => HealthStatus::Progressing,
        (State::Failed | State::Held, Some("True")) => HealthStatus::Healthy,
        _ => HealthStatus::Unknown,
    }
}

fn message(state: &State, conditions: &[Condition]) -> String {
    let of = |kind: &str| find(conditions, kind).map(|c| c.message.clone());
    let told = match state {
        State::Stalled => of("Stalled"),
        _ => of("Ready"),
    };
    told.unwrap_or_default()
}

fn waiting(object: &Object, state: &State, conditions: &[Condition], around: &[Object]) -> Vec<Waiting> {
    let message = message(state, conditions);
    let mut waiting = Vec::new();
    match state {
        State::Unseen => waiting.push(Waiting::Controller),
        State::Ready | State::Stalled => {}
        State::Held => {
            waiting.extend(unready_dependencies(object, around));
            waiting.extend(unready_source(object, around));
            if waiting.is_empty() {
                waiting.push(Waiting::Retry { tries: None, at: None });
            }
        }
        State::Progressing | State::Unhealthy => {
            let named = objects::named_in(&message);
            waiting.extend(named.into_iter().map(|(object, why)| Waiting::Object { object, why }));
            if *state == State::Unhealthy {
                waiting.push(Waiting::Retry { tries: None, at: next_try(object) });
            }
        }
        State::Failed if message.starts_with("prune is held") => {
            waiting.push(Waiting::Approval { why: message });
        }
        State::Failed => waiting.push(Waiting::Retry { tries: retries(object), at: next_try(object) }),
    }
    waiting
}

fn retries(object: &Object) -> Option<u64> {
    let fields: [&[&str]; 2] = [&["status", "failures"], &["status", "upgradeFailures"]];
    fields.iter().find_map(|path| object.get(path)).and_then(Value::as_u64)
}

/// When a Kustomization that failed is tried again: its retry interval, or else its interval, after the last try that
/// its history tells of.
fn next_try(object: &Object) -> Option<Timestamp> {
    let last = object.get(&["status", "history"])?.as_array()?.first()?;
    let last: Timestamp = crate::condition::text(last, "lastReconciled").parse().ok()?;
    let interval = ["retryInterval", "interval"].map(|field| text_at(object, &["spec", field]));
    let interval = interval.into_iter().find(|text| !text.is_empty())?;
    let pause = SignedDuration::try_from(holdfast_types::parse_duration(interval).ok()?).ok()?;
    last.checked_add(pause).ok()
}

/// Dependencies that are not there, or whose Ready is not true.
fn unready_dependencies(object: &Object, around: &[Object]) -> Vec<Waiting> {
    let list = object.get(&["spec", "dependsOn"]).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|dependency| {
            let name = crate::condition::text(dependency, "name");
            let namespace = match crate::condition::text(dependency, "namespace") {
                "" => object.namespace(),
                namespace => namespace,
            };
            let mut reference = object.reference();
            reference.key.name = name.to_owned();
            reference.key.namespace = namespace.to_owned();
            let found = around.iter().find(|o| o.key() == reference.key);
            let why = why_unready(found)?;
            Some(Waiting::App { name: name_from(&reference, object.namespace()), why })
        })
        .collect()
}

fn unready_source(object: &Object, around: &[Object]) -> Option<Waiting> {
    let (kind, namespace, name) = source_reference(object)?;
    let found = source_object(object, around);
    let why = match found {
        Some(found) if text_at(found, &["status", "artifact", "revision"]).is_empty() => {
            why_unready(Some(found)).unwrap_or_else(|| "has no artifact yet".to_owned())
        }
        Some(_) => return None,
        None => "does not exist".to_owned(),
    };
    let kind = holdfast_object::GroupKind::new("source.toolkit.fluxcd.io", kind);
    let name = in_namespace(&format!("{}/{name}", prefix(&kind)), &namespace, object.namespace());
    Some(Waiting::Source { name, why })
}

/// What keeps an object from being ready; `None` when it is.
fn why_unready(object: Option<&Object>) -> Option<String> {
    let Some(object) = object else { return Some("does not exist".to_owned()) };
    let conditions = conditions(object);
    match State::of(object, &conditions) {
        State::Ready => None,
        _ if object.get(&["spec", "suspend"]) == Some(&Value::Bool(true)) => Some("suspended".to_owned()),
        State::Unseen => Some("not looked at yet".to_owned()),
        state => Some(first_line(&message(&state, &conditions)).to_owned()),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
