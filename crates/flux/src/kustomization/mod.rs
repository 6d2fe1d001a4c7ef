//! `Kustomization`: applies a folder of a source and keeps it applied.

mod access;
mod build;
mod claims;
mod configs;
mod decryption;
mod dependencies;
mod events;
mod finalize;
mod inventory;
mod preview;
#[cfg(test)]
mod readiness;
mod reconcile;
mod request;
mod status;
mod substitution;

pub(crate) use preview::{destination, preview};

use crate::resource::{has_finalizer, status_of};
use crate::{FluxOptions, Shared, refuse};
use futures::FutureExt;
use futures::future::BoxFuture;
use holdfast_controller::{Access, Outcome, Reason, Reconciler, StatusWriter, SyncRun, Work};
use holdfast_object::{GroupVersionKind, Object, ObjectKey, ObjectRef, Value};
use holdfast_source::Artifact;
use holdfast_sync::{Bug, Heals, Standing, planted};
use holdfast_types::flux::{KustomizationSpec, kustomization};
use holdfast_types::parse_duration;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// Flux' own name for the writer of what Kustomizations are and of their finalizers.
const MANAGER: &str = "gotk-kustomize-controller";
/// The reason of a CEL expression that is none.
const INVALID_EXPRESSION: &str = "InvalidCELExpression";
/// Before the message of an error that nothing but another spec ends.
const TERMINAL: &str = "Reconciliation failed terminally due to configuration error";

/// Reconciles `Kustomization`.
pub(crate) struct Kustomizations {
    shared: Arc<Shared>,
    statuses: StatusWriter,
    /// What is under way or was done last for each. Nothing in it is needed after a restart: a run begins anew from
    /// what is live.
    memory: Mutex<HashMap<ObjectKey, Memory>>,
    /// Tokens for other clusters.
    tokens: access::Tokens,
}

/// What is remembered of a Kustomization between two reconciles.
#[derive(Default)]
struct Memory {
    /// The run under way.
    run: Option<Active>,
    /// What the last finished run was for, and when it ended.
    last: Option<Finished>,
    /// For what a run was put off, so that others go first.
    gave_way_to: Option<Target>,
    /// How many runs in a row failed.
    failures: u32,
    /// What was put right lately, and against whom.
    heals: Heals,
    /// Objects that others claim too, with the others, as they were reported.
    claims: Vec<(ObjectKey, ObjectKey)>,
}

/// A run under way.
struct Active {
    run: SyncRun,
    /// Where the objects are, and in whose name.
    access: Access,
    target: Target,
    began: Instant,
    /// The status says that it is under way.
    is_announced: bool,
    /// The digest of what was built, for the history.
    digest: String,
    /// Whether its status said that all was well when it began, and its objects healthy.
    before: status::Before,
}

impl Active {
    /// The deletion of everything: for no revision.
    fn deletion(run: SyncRun, access: Access) -> Self {
        let (began, before) = (Instant::now(), status::Before::default());
        let (target, digest) = (Target::default(), String::new());
        Self { run, access, target, began, is_announced: false, digest, before }
    }
}

/// A finished run.
struct Finished {
    target: Target,
    /// Kept so that what happens to the objects goes on to be seen.
    access: Access,
    ended: Instant,
    succeeded: bool,
    /// Others changed what it had written before it ended: the next one follows at once.
    overtaken: bool,
    /// What it left in force.
    standing: Standing,
    /// When to try again what is contested.
    contested_until: Option<Instant>,
}

/// What a run is for: when any of it changes, a run under way is abandoned for a new one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Target {
    revision: SourceRevision,
    generation: i64,
    requested: Option<String>,
    approved: bool,
    /// What it takes variables and keys from, as far as a change of that is news.
    configs: configs::Versions,
    /// The cluster's epoch: a run does not outlive it.
    epoch: u64,
}

/// A revision of a source, and the one that it was made from first, if it says so: an OCI artifact names its commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct SourceRevision {
    name: String,
    origin: String,
}

impl SourceRevision {
    fn of(artifact: &Artifact) -> Self {
        let origin = artifact.metadata.iter().find(|(key, _)| key == ORIGIN_REVISION);
        Self {
            name: artifact.revision.to_string(),
            origin: origin.map(|(_, value)| value.clone()).unwrap_or_default(),
        }
    }
}

/// Where an OCI artifact says from which commit it was made.
const ORIGIN_REVISION: &str = "org.opencontainers.image.revision";

/// What is known of a Kustomization when it comes up, as far as it decides what to do.
#[derive(Debug)]
struct State {
    spec: Result<KustomizationSpec, String>,
    is_deleting: bool,
    has_finalizer: bool,
    unsupported: Vec<String>,
    /// A reference to another namespace that is not allowed.
    denied: Option<String>,
    /// An expression that is none.
    invalid: Option<String>,
}

/// What to do about it.
#[derive(Debug, PartialEq)]
enum Action {
    /// Delete what it applied, as its policy says, then let the server forget it.
    Finalize,
    /// Nothing.
    Nothing,
    /// Take it into our care; its change brings it up again.
    Adopt,
    /// Refuse it, until its spec changes.
    Refuse { reason: &'static str, message: String },
    /// Apply its source.
    Apply,
}

fn decide(state: &State) -> Action {
    if state.is_deleting {
        return if state.has_finalizer { Action::Finalize } else { Action::Nothing };
    }
    if !state.has_finalizer {
        return Action::Adopt;
    }
    match &state.spec {
        Err(error) => Action::Refuse { reason: "Unsupported", message: error.clone() },
        Ok(spec) if spec.suspend && !planted(Bug::SuspendIgnored) => Action::Nothing,
        Ok(_) if !state.unsupported.is_empty() => Action::Refuse {
            reason: "Unsupported",
            message: format!("not supported: {}", state.unsupported.join(", ")),
        },
        Ok(_) if state.invalid.is_some() => Action::Refuse {
            reason: INVALID_EXPRESSION,
            message: format!("{TERMINAL}: {}", state.invalid.clone().unwrap_or_default()),
        },
        Ok(_) if state.denied.is_some() => {
            Action::Refuse { reason: "AccessDenied", message: state.denied.clone().unwrap_or_default() }
        }
        Ok(_) => Action::Apply,
    }
}

impl Reconciler for Kustomizations {
    fn kinds(&self) -> Vec<GroupVersionKind> {
        vec![kustomization()]
    }

    fn reconcile<'a>(&'a self, work: &'a Work<ObjectKey, Reason>) -> BoxFuture<'a, Outcome> {
        self.reconcile_key(&work.key, &work.reasons).boxed()
    }
}

impl Kustomizations {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let statuses = StatusWriter::new(MANAGER, true);
        Self { shared, statuses, memory: Mutex::default(), tokens: access::Tokens::default() }
    }

    async fn reconcile_key(&self, key: &ObjectKey, reasons: &[Reason]) -> Outcome {
        let Some(object) = self.shared.resource(&kustomization(), key) else {
            self.forget(key);
            return Outcome::Settled;
        };
        if !self.shared.is_watched(&object) {
            self.forget(key);
            return Outcome::Settled;
        }
        let state = self.read(&object);
        let done = match (decide(&state), state.spec) {
            (Action::Nothing, _) => self.stand_by(key, &object).await.map(|()| Outcome::Settled),
            (Action::Adopt, _) => {
                self.shared.add_finalizer(&object, MANAGER).await.map(|()| Outcome::Settled)
            }
            (Action::Refuse { reason, message }, _) => self.refuse(&object, reason, &message).await,
            (Action::Finalize, spec) => self.finalize(key, &object, spec.ok().as_ref()).await,
            (Action::Apply, Ok(spec)) => self.apply(key, &object, &spec, reasons).await,
            (Action::Apply, Err(_)) => Ok(Outcome::Settled),
        };
        done.unwrap_or_else(|error| {
            tracing::debug!(kustomization = %key, %error, "cannot write");
            // What could not be said is found out again.
            self.remember(key, |memory| memory.last = None);
            Outcome::Retry(error.retry_after)
        })
    }

    fn read(&self, object: &Object) -> State {
        let spec = object.as_map().get("spec").cloned().unwrap_or_default();
        let spec = serde_json::from_value::<KustomizationSpec>(spec).map_err(|e| format!("spec: {e}"));
        State {
            is_deleting: object.is_deleting(),
            has_finalizer: has_finalizer(object),
            unsupported: spec.as_ref().map(refuse::kustomization_fields).unwrap_or_default(),
            denied: spec.as_ref().ok().and_then(|spec| denied(&self.shared.options, object, spec)),
            invalid: spec.as_ref().ok().and_then(|spec| request::health_rules(spec).err()),
            spec,
        }
    }

    /// Refuses it until its spec changes.
    async fn refuse(
        &self,
        object: &Object,
        reason: &'static str,
        message: &str,
    ) -> Result<Outcome, holdfast_cluster::ApiError> {
        self.report_hindrance(object, reason, message, &SourceRevision::default());
        self.write(object, status::refused(object, reason, message, self.shared.engine.now()))
            .await
            .map(|()| Outcome::Settled)
    }

    fn remember<T>(&self, key: &ObjectKey, with: impl FnOnce(&mut Memory) -> T) -> T {
        let mut memory = self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        with(memory.entry(key.clone()).or_default())
    }

    fn forget(&self, key: &ObjectKey) {
        self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(key);
        self.shared.engine.routes().set(key, std::collections::HashSet::new());
        self.statuses.forget(&holdfast_object::ObjectRef::new(&kustomization(), &key.namespace, &key.name));
    }

    /// A suspended Kustomization answers manual triggers, and nothing else: what it applied may drift.
    async fn stand_by(&self, key: &ObjectKey, object: &Object) -> Result<(), holdfast_cluster::ApiError> {
        self.shared.engine.routes().set(key, HashSet::new());
        self.remember(key, |memory| *memory = Memory::default());
        if object.is_deleting() {
            return Ok(());
        }
        let mut status = status_of(object);
        crate::resource::note_request(object, &mut status);
        self.write(object, status).await
    }

    /// What it applied: as its status says, and as we wrote it last, which the watch may not have brought yet.
    fn inventory(&self, object: &Object) -> Vec<ObjectRef> {
        let mut known = inventory::read(&status_of(object));
        let seen: HashSet<ObjectKey> = known.iter().map(|object| object.key.clone()).collect();
        let written = inventory::read(&self.status(object));
        known.extend(written.into_iter().filter(|object| !seen.contains(&object.key)));
        known
    }

    /// The status as we wrote it last, which the watch may not have brought yet.
    fn status(&self, object: &Object) -> Value {
        self.statuses.current(&self.shared.engine, object)
    }

    async fn write(&self, object: &Object, status: Value) -> Result<(), holdfast_cluster::ApiError> {
        let before = status_of(object);
        self.statuses.write(&self.shared.engine, &object.reference(), &before, &status).await
    }
}

/// A reference to a source elsewhere, where that is not allowed.
fn denied(options: &FluxOptions, object: &Object, spec: &KustomizationSpec) -> Option<String> {
    let source = &spec.source_ref;
    let crosses = !source.namespace.is_empty() && source.namespace != object.namespace();
    (crosses && options.no_cross_namespace_refs).then(|| {
        format!(
            "can't access '{}/{}/{}', cross-namespace references have been blocked",
            source.kind, source.namespace, source.name
        )
    })
}

/// The times of a spec, with Flux' defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Times {
    interval: Duration,
    retry: Duration,
    timeout: Duration,
}

impl Times {
    fn of(spec: &KustomizationSpec) -> Self {
        let interval = parse_duration(&spec.interval).unwrap_or(Duration::from_secs(60));
        let read = |text: &Option<String>| text.as_deref().and_then(|text| parse_duration(text).ok());
        let default = || interval.saturating_sub(TIMEOUT_MARGIN);
        let timeout = read(&spec.timeout).unwrap_or_else(default).max(TIMEOUT_MARGIN);
        Self { interval, retry: read(&spec.retry_interval).unwrap_or(interval), timeout }
    }
}

/// A timeout ends this long before the interval where it is not given, and is never shorter than this.
const TIMEOUT_MARGIN: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn state(metadata: Value, spec: Value) -> State {
        let mut value = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "a", "namespace": "n"},
            "spec": {"interval": "10m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "s"}}});
        for (key, part) in metadata.as_object().unwrap() {
            value["metadata"][key] = part.clone();
        }
        for (key, part) in spec.as_object().unwrap() {
            value["spec"][key] = part.clone();
        }
        let object = Object::new(value).unwrap();
        let spec = object.as_map()["spec"].clone();
        let spec = serde_json::from_value::<KustomizationSpec>(spec).map_err(|e| e.to_string());
        State {
            is_deleting: object.is_deleting(),
            has_finalizer: has_finalizer(&object),
            unsupported: spec.as_ref().map(refuse::kustomization_fields).unwrap_or_default(),
            denied: spec
                .as_ref()
                .ok()
                .filter(|s| s.source_ref.namespace == "elsewhere")
                .map(|_| "elsewhere".to_owned()),
            invalid: spec.as_ref().ok().and_then(|spec| request::health_rules(spec).err()),
            spec,
        }
    }

    #[test]
    fn what_to_do_follows_from_what_is_there() {
        let ours = || json!({"finalizers": ["finalizers.fluxcd.io"]});
        let going =
            json!({"finalizers": ["finalizers.fluxcd.io"], "deletionTimestamp": "2026-01-01T00:00:00Z"});
        assert_eq!(decide(&state(json!({}), json!({}))), Action::Adopt);
        assert_eq!(decide(&state(ours(), json!({}))), Action::Apply);
        assert_eq!(decide(&state(ours(), json!({"suspend": true}))), Action::Nothing);
        assert_eq!(decide(&state(going, json!({"suspend": true}))), Action::Finalize);
        let refused = decide(&state(ours(), json!({"somethingNew": {"a": 1}})));
        assert_eq!(
            refused,
            Action::Refuse { reason: "Unsupported", message: "not supported: spec.somethingNew".into() }
        );
        let expressions = json!({"healthCheckExprs": [{"apiVersion": "a/v1", "current": "1 +"}]});
        let invalid = decide(&state(ours(), expressions));
        assert!(matches!(invalid, Action::Refuse { reason: INVALID_EXPRESSION, .. }), "{invalid:?}");
        let source = json!({"sourceRef": {"kind": "GitRepository", "name": "s", "namespace": "elsewhere"}});
        assert!(matches!(decide(&state(ours(), source)), Action::Refuse { reason: "AccessDenied", .. }));
    }

    #[test]
    fn times_have_fluxs_defaults() {
        let times = |spec: Value| Times::of(&state(json!({}), spec).spec.unwrap());
        let seconds = Duration::from_secs;
        assert_eq!(
            times(json!({})),
            Times { interval: seconds(600), retry: seconds(600), timeout: seconds(570) }
        );
        let short = times(json!({"interval": "10s", "retryInterval": "5s", "timeout": "2m"}));
        assert_eq!(short, Times { interval: seconds(10), retry: seconds(5), timeout: seconds(120) });
    }
}
