//! The status of an Application, exactly as Argo CD's clients read it.
//!
//! Argo CD keeps status and spec in one resource (there is no status subresource), so these types are read as well as
//! written: what an operation has come to survives a restart here and nowhere else.

use super::operation::{Initiator, Operation, OperationState, Phase};
use holdfast_object::{Map, Object, Value, json};
use holdfast_types::argocd::{Destination, RevisionSet, SourceSet};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// `Application.status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    /// A line for every object, sorted by group, kind, namespace and name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) resources: Vec<ResourceStatus>,
    /// Whether the cluster holds what the source says.
    pub(crate) sync: SyncStatus,
    /// How healthy the objects are, taken together.
    pub(crate) health: HealthSummary,
    /// Past syncs, the oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) history: Vec<HistoryEntry>,
    /// What is to be known besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) conditions: Vec<Condition>,
    /// When the source was last compared with the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reconciled_at: Option<String>,
    /// The operation under way, or the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation_state: Option<OperationState>,
    /// What renders the source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) source_type: String,
    /// What renders each of several sources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) source_types: Vec<String>,
    /// What the objects show to the world.
    pub(crate) summary: Summary,
    /// Where the health of the single objects is: `appTree` when it is not in `resources`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) resource_health_source: String,
    /// The namespace of the controller that wrote this.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) controller_namespace: String,
    /// What others keep here.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

/// `status.sync`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SyncStatus {
    /// The verdict; empty before the first comparison.
    pub(crate) status: SyncCode,
    /// What was compared.
    pub(crate) compared_to: ComparedTo,
    /// The commits that were compared.
    #[serde(flatten)]
    pub(crate) revisions: RevisionSet,
    /// What others keep here.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

/// Synced, out of sync, or not to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(crate) enum SyncCode {
    /// The cluster holds what the source says.
    Synced,
    /// It does not.
    OutOfSync,
    /// It cannot be told.
    #[default]
    #[serde(other)]
    Unknown,
}

impl SyncCode {
    /// The name in status and events.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "Synced",
            Self::OutOfSync => "OutOfSync",
            Self::Unknown => "Unknown",
        }
    }
}

/// What of the spec a comparison was made with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ComparedTo {
    /// The sources.
    #[serde(flatten)]
    pub(crate) sources: SourceSet,
    /// The destination.
    pub(crate) destination: Destination,
    /// What was not compared, as written.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub(crate) ignore_differences: Value,
}

/// `status.health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HealthSummary {
    /// The worst of the objects' states.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) status: String,
    /// Which objects are to blame.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    /// Since when it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_transition_time: Option<String>,
}

/// One object of `status.resources`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ResourceStatus {
    /// API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) group: String,
    /// API version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) version: String,
    /// Kind.
    pub(crate) kind: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) namespace: String,
    /// Name.
    pub(crate) name: String,
    /// Whether it is as the source says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<SyncCode>,
    /// How healthy it is, where the status holds that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) health: Option<HealthSummary>,
    /// It is a hook.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) hook: bool,
    /// It is no longer in the source.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) requires_pruning: bool,
    /// It is no longer in the source, and its deletion is under way: no part of what clients read.
    #[serde(skip)]
    pub(crate) is_going: bool,
    /// Its sync wave.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) sync_wave: i64,
    /// Its deletion waits for a yes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) requires_deletion_confirmation: bool,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// One sync of `status.history`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HistoryEntry {
    /// Its number, which a rollback names.
    pub(crate) id: i64,
    /// The commits.
    #[serde(flatten)]
    pub(crate) revisions: RevisionSet,
    /// When it was finished.
    pub(crate) deployed_at: String,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deploy_started_at: Option<String>,
    /// The sources.
    #[serde(flatten)]
    pub(crate) sources: SourceSet,
    /// Who asked for it.
    pub(crate) initiated_by: Initiator,
    /// What others keep here.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

/// `status.summary`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Summary {
    /// Images of the workloads, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<String>,
    /// What others keep here.
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

/// One entry of `status.conditions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Condition {
    /// What kind of thing it tells.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// What.
    pub(crate) message: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_transition_time: Option<String>,
}

/// The types of conditions that Argo CD's clients know.
pub(crate) mod condition {
    pub(crate) const DELETION_ERROR: &str = "DeletionError";
    pub(crate) const INVALID_SPEC: &str = "InvalidSpecError";
    pub(crate) const COMPARISON_ERROR: &str = "ComparisonError";
    pub(crate) const SYNC_ERROR: &str = "SyncError";
    pub(crate) const UNKNOWN_ERROR: &str = "UnknownError";
    pub(crate) const SHARED_RESOURCE: &str = "SharedResourceWarning";
    pub(crate) const REPEATED_RESOURCE: &str = "RepeatedResourceWarning";
    pub(crate) const EXCLUDED_RESOURCE: &str = "ExcludedResourceWarning";
    /// Holdfast's own: hooks that are not run.
    pub(crate) const UNSUPPORTED_HOOK: &str = "UnsupportedHookWarning";
    /// Holdfast's own: another writer sets again and again what is healed.
    pub(crate) const CONTESTED: &str = "ContestedWarning";
    /// Holdfast's own: rights do not allow to watch some objects, which are read from time to time.
    pub(crate) const UNWATCHED: &str = "UnwatchedWarning";

    /// What a comparison finds out anew each time.
    pub(crate) const OF_COMPARISON: &[&str] = &[
        INVALID_SPEC,
        UNKNOWN_ERROR,
        COMPARISON_ERROR,
        SHARED_RESOURCE,
        REPEATED_RESOURCE,
        EXCLUDED_RESOURCE,
        UNSUPPORTED_HOOK,
        UNWATCHED,
    ];
}

impl Condition {
    /// A condition that was found just now.
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into(), last_transition_time: None }
    }
}

impl Status {
    /// The status of a live Application. One that cannot be read counts as empty: it is ours to write.
    pub(crate) fn of(object: &Object) -> Self {
        let value = object.get(&["status"]).cloned().unwrap_or_default();
        serde_json::from_value(value).unwrap_or_default()
    }

    /// The status as it is written.
    pub(crate) fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_else(|_| json!({}))
    }

    /// Sets what a round of checks found: conditions of the `evaluated` types are replaced by `found`, each keeping
    /// its time where it says the same as before.
    pub(crate) fn set_conditions(&mut self, found: Vec<Condition>, evaluated: &[&str], now: Timestamp) {
        let before = std::mem::take(&mut self.conditions);
        let (replaced, mut kept): (Vec<_>, Vec<_>) =
            before.into_iter().partition(|c| evaluated.contains(&c.kind.as_str()));
        for mut condition in found {
            let old =
                replaced.iter().find(|old| old.kind == condition.kind && old.message == condition.message);
            condition.last_transition_time =
                old.and_then(|old| old.last_transition_time.clone()).or_else(|| Some(seconds(now)));
            kept.push(condition);
        }
        kept.sort_by(|a, b| (&a.kind, &a.message).cmp(&(&b.kind, &b.message)));
        self.conditions = kept;
    }

    /// Sets the health; its time moves only when the state changes.
    pub(crate) fn set_health(&mut self, status: &str, message: String, now: Timestamp) {
        if self.health.status != status {
            self.health.last_transition_time = Some(seconds(now));
        }
        status.clone_into(&mut self.health.status);
        self.health.message = message;
    }

    /// Appends a sync to the history and forgets the oldest beyond the limit.
    pub(crate) fn remember_sync(&mut self, operation: &OperationState, limit: Option<i64>, now: Timestamp) {
        let Some(result) = &operation.sync_result else { return };
        let limit = usize::try_from(limit.unwrap_or(HISTORY_LIMIT)).unwrap_or_default();
        self.history.push(HistoryEntry {
            id: self.history.last().map_or(0, |last| last.id + 1),
            revisions: result.revisions(),
            deployed_at: seconds(now),
            deploy_started_at: Some(operation.started_at.clone()),
            sources: result.sources.clone(),
            initiated_by: operation.operation.initiated_by.clone(),
            rest: Map::new(),
        });
        let excess = self.history.len().saturating_sub(limit);
        self.history.drain(..excess);
    }

    /// Whether the last operation applied these commits of these sources.
    pub(crate) fn applied(&self, sources: &SourceSet, revisions: &RevisionSet) -> bool {
        let done = self.operation_state.as_ref().filter(|state| state.phase == Phase::Succeeded);
        let result = done.and_then(|state| state.sync_result.as_ref());
        result.is_some_and(|r| r.revisions() == *revisions && r.sources == *sources)
    }

    /// Whether an operation is under way.
    pub(crate) fn running(&self) -> Option<&OperationState> {
        self.operation_state.as_ref().filter(|state| !state.phase.is_completed())
    }
}

/// How many syncs are remembered where the spec does not say.
const HISTORY_LIMIT: i64 = 10;

/// `metav1.Time`: whole seconds.
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads a `metav1.Time`.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// The operation that an Application asks for, if any.
pub(crate) fn requested_operation(object: &Object) -> Option<Operation> {
    let value = object.get(&["operation"]).filter(|v| !v.is_null())?;
    serde_json::from_value(value.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_condition_keeps_its_time_while_it_says_the_same() {
        let mut status = Status::default();
        let found = |message: &str| vec![Condition::new(condition::COMPARISON_ERROR, message)];
        status.set_conditions(
            vec![Condition::new(condition::SYNC_ERROR, "s")],
            &[condition::SYNC_ERROR],
            at(0),
        );
        status.set_conditions(found("a"), condition::OF_COMPARISON, at(1));
        status.set_conditions(found("a"), condition::OF_COMPARISON, at(2));
        let times = |status: &Status| {
            let time = |c: &Condition| c.last_transition_time.clone().unwrap();
            status.conditions.iter().map(time).collect::<Vec<_>>()
        };
        assert_eq!(times(&status), [seconds(at(1)), seconds(at(0))]);
        status.set_conditions(found("b"), condition::OF_COMPARISON, at(3));
        assert_eq!(times(&status), [seconds(at(3)), seconds(at(0))]);
        status.set_conditions(vec![], condition::OF_COMPARISON, at(4));
        assert_eq!(status.conditions.len(), 1, "what was not evaluated stays");
    }

    #[test]
    fn the_history_is_numbered_on_and_bounded() {
        let mut status = Status::default();
        let state = OperationState { sync_result: Some(Default::default()), ..OperationState::default() };
        for second in 0..4 {
            status.remember_sync(&state, Some(2), at(second));
        }
        assert_eq!(status.history.iter().map(|h| h.id).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn what_others_keep_in_the_status_stays() {
        let object = Object::new(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "status": {"sourceHydrator": {"x": 1}, "sync": {"status": "Odd", "comparedTo": {"destination": {}}}}}))
        .unwrap();
        let status = Status::of(&object);
        assert_eq!(status.sync.status, SyncCode::Unknown);
        assert_eq!(status.to_value()["sourceHydrator"], json!({"x": 1}));
    }

    #[test]
    fn health_has_a_time_of_its_own() {
        let mut status = Status::default();
        status.set_health("Progressing", "a".into(), at(0));
        status.set_health("Progressing", "b".into(), at(5));
        assert_eq!(status.health.last_transition_time, Some(seconds(at(0))));
        status.set_health("Healthy", String::new(), at(6));
        assert_eq!(status.health.last_transition_time, Some(seconds(at(6))));
    }
}
