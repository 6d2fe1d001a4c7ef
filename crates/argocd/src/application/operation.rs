//! Operations: what `.operation` asks for, how far `status.operationState` has come, and when Argo CD starts one by
//! itself.
//!
//! Everything here is a decision over values; the sync that an operation stands for is driven by the reconciler.

use super::status::{Condition, ResourceStatus, Status, SyncCode, condition, parse_time, seconds};
use holdfast_object::{Map, ObjectKey, Value};
use holdfast_sync::{Bug, planted};
use holdfast_types::argocd::{ApplicationSpec, Retry, RevisionSet, SourceSet};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `Application.operation`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Operation {
    /// What is to be synced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sync: Option<SyncOperation>,
    /// Who asks.
    pub(crate) initiated_by: Initiator,
    /// What happens when it fails.
    pub(crate) retry: Retry,
    /// Remarks of who asks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) info: Vec<Value>,
}

/// `Application.operation.sync`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SyncOperation {
    /// The commit or reference of each source; nothing is the source's own.
    #[serde(flatten)]
    pub(crate) revisions: RevisionSet,
    /// Delete what is no longer in the source.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) prune: bool,
    /// Only say what would be done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dry_run: bool,
    /// `apply` (without hooks) or `hook`, each with `force`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sync_strategy: Option<Value>,
    /// Only these objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) resources: Vec<OperationResource>,
    /// Other sources than the spec's, as for a rollback.
    #[serde(flatten)]
    pub(crate) sources: SourceSet,
    /// Manifests that were sent along instead of a source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) manifests: Vec<Value>,
    /// Sync options; nothing is the spec's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) sync_options: Vec<String>,
    /// How often in a row this revision was healed.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) auto_heal_attempts_count: i64,
    /// Whatever else it holds.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl SyncOperation {
    /// Whether the strategy asks for what cannot be changed in place to be made anew.
    pub(crate) fn is_forced(&self) -> bool {
        let at =
            |kind: &str| self.sync_strategy.as_ref().and_then(|s| s.get(kind)).and_then(|s| s.get("force"));
        [at("apply"), at("hook")].into_iter().flatten().any(|force| force == true)
    }

    /// Whether hooks take part: not with the strategy `apply`, nor when single objects are named.
    pub(crate) fn runs_hooks(&self) -> bool {
        let apply = self.sync_strategy.as_ref().and_then(|strategy| strategy.get("apply"));
        self.resources.is_empty() && apply.is_none_or(Value::is_null)
    }

    /// Whether an object takes part: all do, unless some are named.
    pub(crate) fn selects(&self, key: &ObjectKey) -> bool {
        self.resources.is_empty() || self.resources.iter().any(|resource| resource.names(key))
    }
}

/// An object that a partial sync names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub(crate) struct OperationResource {
    /// API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) group: String,
    /// Kind.
    pub(crate) kind: String,
    /// Name.
    pub(crate) name: String,
    /// Namespace; nothing is any.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) namespace: String,
}

impl OperationResource {
    fn names(&self, key: &ObjectKey) -> bool {
        self.group == key.group
            && self.kind == key.kind
            && self.name == key.name
            && (self.namespace.is_empty() || self.namespace == key.namespace)
    }
}

/// Who asked for an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub(crate) struct Initiator {
    /// A person's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) username: String,
    /// The controller itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) automated: bool,
}

/// `status.operationState`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct OperationState {
    /// What was asked for.
    pub(crate) operation: Operation,
    /// How far it has come.
    pub(crate) phase: Phase,
    /// What there is to say.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    /// What came of the single objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sync_result: Option<SyncResult>,
    /// When it began.
    pub(crate) started_at: String,
    /// When it, or its last try, ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finished_at: Option<String>,
    /// Tries after the first.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) retry_count: i64,
}

/// The phase of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) enum Phase {
    /// Under way, or between two tries.
    #[default]
    Running,
    /// A person asked for it to end.
    Terminating,
    /// It failed: the cluster refused something.
    Failed,
    /// It could not be carried out.
    Error,
    /// It is done.
    Succeeded,
}

impl Phase {
    /// Whether nothing more will come.
    pub(crate) fn is_completed(self) -> bool {
        matches!(self, Self::Failed | Self::Error | Self::Succeeded)
    }
}

/// `status.operationState.syncResult`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SyncResult {
    /// What came of the single objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) resources: Vec<ResourceResult>,
    /// The commit that was synced; empty when there are several.
    revision: String,
    /// The commits of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    revisions: Vec<String>,
    /// The sources they came from.
    #[serde(flatten)]
    pub(crate) sources: SourceSet,
    /// What the namespace was given, as the spec has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) managed_namespace_metadata: Option<Value>,
}

impl SyncResult {
    /// The commits that were synced.
    pub(crate) fn revisions(&self) -> RevisionSet {
        RevisionSet::new(self.revision.clone(), self.revisions.clone())
    }

    /// Notes which commits of which sources are synced.
    pub(crate) fn set(&mut self, sources: &SourceSet, revisions: &RevisionSet) {
        self.sources.clone_from(sources);
        (self.revision, self.revisions) = revisions.clone().into_parts();
    }
}

/// What came of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ResourceResult {
    /// API group.
    pub(crate) group: String,
    /// API version.
    pub(crate) version: String,
    /// Kind.
    pub(crate) kind: String,
    /// Namespace; empty for cluster-scoped objects.
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
    /// `Synced`, `SyncFailed`, `Pruned` or `PruneSkipped`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) status: String,
    /// What was done, as kubectl says it, or why it failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    /// `Running` for what was written, `Succeeded` for what was pruned, `Failed`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) hook_phase: String,
    /// `Sync`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) sync_phase: String,
}

impl OperationState {
    /// An operation that begins now.
    pub(crate) fn begin(operation: Operation, now: Timestamp) -> Self {
        Self { operation, started_at: seconds(now), ..Self::default() }
    }

    /// When the next try is due, when the operation stands between two.
    pub(crate) fn retry_at(&self, now: Timestamp) -> Option<Timestamp> {
        let finished = self.finished_at.as_deref().filter(|_| self.phase == Phase::Running)?;
        let finished = parse_time(finished)?;
        let retry = &self.operation.retry;
        // The pause after try number n is the one for n - 1 tries before it.
        let at = next_retry(retry, finished, self.retry_count.saturating_sub(1)).ok()?;
        Some(unless_clock_went_back(at, finished, now))
    }

    /// Goes on with the next try. The results of the last one are forgotten, as the next writes its own.
    pub(crate) fn retry(&mut self) {
        let mut extra = "";
        if self.operation.retry.refresh == Some(true)
            && let Some(sync) = &mut self.operation.sync
        {
            sync.revisions = RevisionSet::default();
            extra = " with latest revisions";
        }
        self.message = format!("Retrying operation{extra}. Attempt #{}", self.retry_count);
        self.finished_at = None;
        if let Some(result) = &mut self.sync_result {
            result.resources.clear();
        }
    }

    /// Ends the operation, or this try of it when the retry policy leaves another (`may_retry`).
    pub(crate) fn finish(&mut self, phase: Phase, message: String, may_retry: bool, now: Timestamp) {
        self.phase = phase;
        self.message = message;
        self.finished_at = Some(seconds(now));
        let failed = matches!(phase, Phase::Failed | Phase::Error);
        let retry = &self.operation.retry;
        let is_left = retry.limit < 0 || self.retry_count < retry.limit;
        if failed && may_retry && is_left {
            match next_retry(retry, now, self.retry_count) {
                Ok(at) => {
                    self.phase = Phase::Running;
                    self.retry_count += 1;
                    let at = at.strftime("%-I:%M%p");
                    self.message =
                        format!("{}. Retrying attempt #{} at {at}.", self.message, self.retry_count);
                }
                Err(problem) => {
                    self.phase = Phase::Error;
                    self.message = format!("{} (failed to retry: {problem})", self.message);
                }
            }
        } else if failed && self.retry_count > 0 {
            self.message = format!("{} (retried {} times).", self.message, self.retry_count);
        }
    }

    /// Argo CD's event of the end of an operation.
    pub(crate) fn end_event(&self) -> String {
        let is_partial = self.operation.sync.as_ref().is_some_and(|sync| !sync.resources.is_empty());
        let mut text = if is_partial { "Partial sync operation" } else { "Sync operation" }.to_owned();
        if let Some(result) = &self.sync_result {
            text = format!("{text} to {}", result.revisions());
        }
        if self.phase == Phase::Succeeded {
            text + " succeeded"
        } else {
            format!("{text} failed: {}", self.message)
        }
    }
}

/// When a pause since `then` is over, which is at once when `then` is yet to come: the clock went back, or another
/// machine wrote it, and nobody is to wait until the clock has caught up.
fn unless_clock_went_back(due: Timestamp, then: Timestamp, now: Timestamp) -> Timestamp {
    if then > now { now } else { due }
}

/// When the try after `count` others is due: `duration * factor^count`, at most `maxDuration`.
pub(crate) fn next_retry(retry: &Retry, finished: Timestamp, count: i64) -> Result<Timestamp, String> {
    let backoff = retry.backoff.clone().unwrap_or_default();
    let read = |text: &str, default: Duration| match text {
        "" => Ok(default),
        // A bare number is seconds.
        text => match text.parse::<u64>() {
            Ok(seconds) => Ok(Duration::from_secs(seconds)),
            Err(_) => holdfast_types::parse_duration(text).map_err(|e| e.to_string()),
        },
    };
    let first = read(&backoff.duration, Duration::from_secs(5))?.as_secs_f64();
    let longest = read(&backoff.max_duration, Duration::from_secs(180))?.as_secs_f64();
    let factor = backoff.factor.unwrap_or(2) as f64;
    let grown = first * factor.powf(count.clamp(0, 1_000) as f64);
    let pause = if longest > 0.0 { grown.min(longest) } else { grown };
    let pause = SignedDuration::try_from_secs_f64(pause.min(1e9)).map_err(|e| e.to_string())?;
    finished.checked_add(pause).map_err(|e| e.to_string())
}

/// How long to hold off before healing the same revision again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HealPauses {
    /// The pause before the second heal.
    pub(crate) first: Duration,
    /// By what each further pause grows.
    pub(crate) factor: f64,
    /// The longest.
    pub(crate) max: Duration,
}

impl HealPauses {
    /// The pause after `count` heals; none before the first.
    fn after(&self, count: i64) -> Duration {
        if count <= 0 {
            return Duration::ZERO;
        }
        let grown = self.first.as_secs_f64() * self.factor.powf((count - 1).min(1_000) as f64);
        Duration::try_from_secs_f64(grown).map_or(self.max, |pause| pause.min(self.max))
    }
}

/// Whether to sync without being asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Auto {
    /// No.
    Nothing,
    /// With this operation.
    Start(Box<Operation>),
    /// It would be wrong to: the condition says why.
    Refused(Condition),
    /// Not before this moment.
    Later(Timestamp),
}

/// Whether a comparison calls for a sync without being asked (Argo CD: `autoSync`).
///
/// Each commit is tried once, with the retries that the policy grants; then only a person or another commit brings
/// the next try. A commit that was synced is healed when `selfHeal` is on: at once the first time, later with pauses.
pub(crate) fn auto_sync(spec: &ApplicationSpec, status: &Status, heal: HealPauses, now: Timestamp) -> Auto {
    let policy = spec.sync_policy.clone().unwrap_or_default();
    let automated = policy.automated.filter(|automated| automated.enabled != Some(false));
    let Some(automated) = automated.or_else(|| planted(Bug::ManualSyncs).then(Default::default)) else {
        return Auto::Nothing;
    };
    if status.sync.status != SyncCode::OutOfSync {
        return Auto::Nothing;
    }
    let needs_only_pruning =
        status.resources.iter().all(|r| r.status == Some(SyncCode::Synced) || r.requires_pruning);
    if !automated.prune && needs_only_pruning {
        return Auto::Nothing;
    }
    let (sources, revisions) = (&spec.sources, &status.sync.revisions);
    let mut sync = SyncOperation {
        revisions: revisions.clone(),
        prune: automated.prune,
        sources: sources.clone(),
        sync_options: policy.sync_options,
        ..SyncOperation::default()
    };
    if let Some(last) =
        status.operation_state.as_ref().filter(|last| is_same_attempt(last, revisions, sources))
    {
        if last.phase != Phase::Succeeded {
            let message = format!("Failed last sync attempt to [{revisions}]: {}", last.message);
            return Auto::Refused(Condition::new(condition::SYNC_ERROR, message));
        }
        if !automated.self_heal {
            return Auto::Nothing;
        }
        let drifted: Vec<&ResourceStatus> =
            status.resources.iter().filter(|r| r.status != Some(SyncCode::Synced)).collect();
        // What is on its way out needs time, and no other sync.
        if !drifted.is_empty() && drifted.iter().all(|r| r.is_going) {
            return Auto::Nothing;
        }
        let count = last.operation.sync.as_ref().map_or(0, |sync| sync.auto_heal_attempts_count);
        let finished = last.finished_at.as_deref().and_then(parse_time).unwrap_or(now);
        let pause = SignedDuration::try_from(heal.after(count)).unwrap_or(SignedDuration::MAX);
        let due = finished.checked_add(pause).unwrap_or(Timestamp::MAX);
        let due = unless_clock_went_back(due, finished, now);
        if due > now {
            return Auto::Later(due);
        }
        sync.auto_heal_attempts_count = count + 1;
        sync.resources = drifted.into_iter().map(named).collect();
    }
    let all_would_go = status.resources.iter().all(|r| r.requires_pruning);
    if automated.prune && !automated.allow_empty && all_would_go {
        let message =
            format!("Skipping sync attempt to [{revisions}]: auto-sync will wipe out all resources");
        return Auto::Refused(Condition::new(condition::SYNC_ERROR, message));
    }
    Auto::Start(Box::new(Operation {
        sync: Some(sync),
        initiated_by: Initiator { automated: true, ..Initiator::default() },
        retry: policy.retry.unwrap_or(Retry { limit: 5, ..Retry::default() }),
        info: Vec::new(),
    }))
}

fn named(resource: &ResourceStatus) -> OperationResource {
    OperationResource {
        group: resource.group.clone(),
        kind: resource.kind.clone(),
        name: resource.name.clone(),
        namespace: String::new(),
    }
}

/// Whether the last operation tried these commits of these sources already.
fn is_same_attempt(last: &OperationState, revisions: &RevisionSet, sources: &SourceSet) -> bool {
    match &last.sync_result {
        // It ended before anything was known of it: trying again would end the same way, over and over.
        None => last.phase.is_completed(),
        Some(result) => result.revisions() == *revisions && result.sources == *sources,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    const PAUSES: HealPauses =
        HealPauses { first: Duration::from_secs(2), factor: 3.0, max: Duration::from_secs(300) };

    fn spec(automated: Value) -> ApplicationSpec {
        serde_json::from_value(json!({"destination": {}, "source": {"repoURL": "https://x/r", "path": "app"},
            "syncPolicy": {"automated": automated, "syncOptions": ["CreateNamespace=true"]}}))
        .unwrap()
    }

    fn resource(name: &str, status: SyncCode, requires_pruning: bool) -> ResourceStatus {
        ResourceStatus {
            kind: "ConfigMap".into(),
            name: name.into(),
            status: Some(status),
            requires_pruning,
            ..ResourceStatus::default()
        }
    }

    fn status(resources: Vec<ResourceStatus>) -> Status {
        let mut status = Status { resources, ..Status::default() };
        status.sync.status = SyncCode::OutOfSync;
        status.sync.revisions = one("new");
        status
    }

    fn one(revision: &str) -> RevisionSet {
        RevisionSet::new(revision.into(), Vec::new())
    }

    fn last(revision: &str, phase: Phase, heals: i64) -> OperationState {
        let mut result = SyncResult::default();
        result.set(&spec(json!({})).sources, &one(revision));
        let sync = SyncOperation { auto_heal_attempts_count: heals, ..SyncOperation::default() };
        OperationState {
            operation: Operation { sync: Some(sync), ..Operation::default() },
            phase,
            message: "no luck".into(),
            sync_result: Some(result),
            finished_at: Some(seconds(at(0))),
            ..OperationState::default()
        }
    }

    /// What autosync decides 1 s after the last operation ended, in a word.
    fn check(automated: Value, mut status: Status, last: Option<OperationState>, expected: &str) {
        status.operation_state = last;
        let auto = auto_sync(&spec(automated.clone()), &status, PAUSES, at(1));
        let text = match auto {
            Auto::Nothing => "nothing".to_owned(),
            Auto::Refused(condition) => condition.message,
            Auto::Later(due) => format!("in {} s", due.as_second() - at(1).as_second()),
            Auto::Start(operation) => {
                let sync = operation.sync.unwrap();
                let names: Vec<&str> = sync.resources.iter().map(|r| r.name.as_str()).collect();
                format!("{} {names:?} {}", sync.revisions, sync.auto_heal_attempts_count)
            }
        };
        assert_eq!(text, expected, "{automated}");
    }

    #[test]
    fn a_new_commit_is_synced_once() {
        let drifted = || {
            status(vec![resource("a", SyncCode::OutOfSync, false), resource("b", SyncCode::Synced, false)])
        };
        check(json!({}), drifted(), None, "new [] 0");
        check(json!({"enabled": false}), drifted(), None, "nothing");
        check(json!({}), drifted(), Some(last("old", Phase::Failed, 0)), "new [] 0");
        check(json!({}), drifted(), Some(last("new", Phase::Succeeded, 0)), "nothing");
        let failed = || Some(last("new", Phase::Failed, 0));
        let message = "Failed last sync attempt to [new]: no luck";
        check(json!({}), drifted(), failed(), message);
        check(json!({"selfHeal": true}), drifted(), failed(), message);
        let mut synced = drifted();
        synced.sync.status = SyncCode::Synced;
        check(json!({}), synced, None, "nothing");
    }

    #[test]
    fn healing_is_at_once_first_and_slower_each_time() {
        let drifted = || {
            status(vec![resource("a", SyncCode::OutOfSync, false), resource("b", SyncCode::Synced, false)])
        };
        let heal = |heals: i64, expected: &str| {
            check(json!({"selfHeal": true}), drifted(), Some(last("new", Phase::Succeeded, heals)), expected);
        };
        heal(0, r#"new ["a"] 1"#);
        heal(1, "in 1 s");
        heal(2, "in 5 s");
        heal(3, "in 17 s");
        heal(9, "in 299 s");
    }

    #[test]
    fn what_is_being_deleted_is_no_drift() {
        let going = || ResourceStatus { is_going: true, ..resource("b", SyncCode::OutOfSync, true) };
        let auto = json!({"selfHeal": true, "prune": true});
        let after = || Some(last("new", Phase::Succeeded, 0));
        let kept = || resource("a", SyncCode::Synced, false);
        check(auto.clone(), status(vec![kept(), going()]), after(), "nothing");
        let drifted = status(vec![kept(), going(), resource("c", SyncCode::OutOfSync, false)]);
        check(auto, drifted, after(), r#"new ["b", "c"] 1"#);
    }

    #[test]
    fn pruning_everything_needs_allow_empty() {
        let all = || status(vec![resource("a", SyncCode::OutOfSync, true)]);
        check(json!({}), all(), None, "nothing");
        check(
            json!({"prune": true}),
            all(),
            None,
            "Skipping sync attempt to [new]: auto-sync will wipe out all resources",
        );
        check(json!({"prune": true, "allowEmpty": true}), all(), None, "new [] 0");
        let some =
            status(vec![resource("a", SyncCode::OutOfSync, true), resource("b", SyncCode::Synced, false)]);
        check(json!({}), some.clone(), None, "nothing");
        check(json!({"prune": true}), some, None, "new [] 0");
    }

    #[test]
    fn tries_come_later_and_later_and_then_no_more() {
        let retry: Retry =
            serde_json::from_value(json!({"limit": 2, "backoff": {"duration": "5s", "maxDuration": "8s"}}))
                .unwrap();
        let mut state = OperationState::begin(Operation { retry, ..Operation::default() }, at(0));
        state.finish(Phase::Failed, "no".into(), true, at(10));
        assert_eq!(
            (state.phase, state.retry_count, state.retry_at(at(10))),
            (Phase::Running, 1, Some(at(15)))
        );
        assert_eq!(state.message, "no. Retrying attempt #1 at 10:13PM.");
        state.retry();
        assert_eq!(
            (state.message.as_str(), state.retry_at(at(15))),
            ("Retrying operation. Attempt #1", None)
        );
        state.finish(Phase::Failed, "no".into(), true, at(20));
        assert_eq!(state.retry_at(at(20)), Some(at(28)), "capped at maxDuration");
        state.retry();
        state.finish(Phase::Failed, "no".into(), true, at(30));
        assert_eq!((state.phase, state.message.as_str()), (Phase::Failed, "no (retried 2 times)."));
        assert_eq!(state.end_event(), "Sync operation failed: no (retried 2 times).");
    }

    #[test]
    fn a_clock_that_goes_back_holds_up_no_try_and_no_heal() {
        let retry: Retry =
            serde_json::from_value(json!({"limit": 2, "backoff": {"duration": "5s"}})).unwrap();
        let mut state = OperationState::begin(Operation { retry, ..Operation::default() }, at(3600));
        state.finish(Phase::Failed, "no".into(), true, at(3610));
        assert_eq!(state.retry_at(at(10)), Some(at(10)));

        let mut drifted = status(vec![resource("a", SyncCode::OutOfSync, false)]);
        drifted.operation_state =
            Some(OperationState { finished_at: Some(seconds(at(3600))), ..last("new", Phase::Succeeded, 3) });
        let auto = auto_sync(&spec(json!({"selfHeal": true})), &drifted, PAUSES, at(0));
        assert!(matches!(auto, Auto::Start(_)), "{auto:?}");
    }

    #[test]
    fn a_retry_that_cannot_be_read_ends_the_operation() {
        let retry: Retry =
            serde_json::from_value(json!({"limit": 1, "backoff": {"duration": "soon"}})).unwrap();
        let mut state = OperationState::begin(Operation { retry, ..Operation::default() }, at(0));
        state.finish(Phase::Failed, "no".into(), true, at(0));
        assert_eq!(state.phase, Phase::Error);
        assert!(
            state.message.starts_with("no (failed to retry: 'soon' is not a duration"),
            "{}",
            state.message
        );
    }

    #[test]
    fn a_partial_sync_names_objects_with_or_without_namespace() {
        let key = |namespace: &str| ObjectKey {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: namespace.into(),
            name: "web".into(),
        };
        let sync = |resources: Value| -> SyncOperation {
            serde_json::from_value(json!({"resources": resources})).unwrap()
        };
        assert!(sync(json!([])).selects(&key("a")));
        let any = sync(json!([{"group": "apps", "kind": "Deployment", "name": "web"}]));
        assert!(any.selects(&key("a")) && any.selects(&key("b")));
        let one = sync(json!([{"group": "apps", "kind": "Deployment", "name": "web", "namespace": "a"}]));
        assert!(one.selects(&key("a")) && !one.selects(&key("b")));
    }
}
