//! What is told of a Kustomization in events: to the cluster, and to Flux' notification-controller.
//!
//! As with kustomize-controller an event carries the revision it is about, and every reconcile that ends well is told,
//! also when it found nothing to do: what counts commits, deployments and intervals counts these events.

use super::{Active, Kustomizations, SourceRevision, Times, status};
use holdfast_controller::{DRIFT_CORRECTED, Severity, explain_corrections};
use holdfast_object::{Map, Object, ObjectRef, Value};
use holdfast_sync::{Change, Occasion};
use holdfast_types::flux::KUSTOMIZE_GROUP;
use holdfast_types::format_duration;
use std::time::Duration;

impl Kustomizations {
    /// Reports an event about a revision, or about none.
    pub(super) fn report(
        &self,
        object: &Object,
        severity: Severity,
        reason: &str,
        message: &str,
        about: &SourceRevision,
    ) {
        self.report_with(object, severity, reason, message, about.metadata());
    }

    fn report_with(
        &self,
        object: &Object,
        severity: Severity,
        reason: &str,
        message: &str,
        metadata: Map<String, Value>,
    ) {
        self.shared.report(object, severity, reason, message, metadata, "kustomize-controller");
    }

    /// Says what keeps a run from going on, unless the condition says so already.
    pub(super) fn report_hindrance(
        &self,
        object: &Object,
        reason: &str,
        message: &str,
        about: &SourceRevision,
    ) {
        if !is_said(object, "Ready", message) {
            self.report(object, Severity::Warning, reason, message, about);
        }
    }

    /// Says that dependencies are waited for, unless the condition says so already. Waiting is no failure.
    pub(super) fn report_dependencies(
        &self,
        object: &Object,
        message: &str,
        requeue: Duration,
        about: &SourceRevision,
    ) {
        if !is_said(object, "Ready", message) {
            let told =
                format!("Dependencies do not meet ready condition, retrying in {}", format_duration(requeue));
            self.report(object, Severity::Normal, "DependencyNotReady", &told, about);
        }
    }

    /// Says who else sets what this Kustomization sets, whenever it was put right once more.
    pub(super) fn report_contests(&self, object: &Object, active: &Active) {
        let message = status::contest_message(&active.run.contests);
        if !message.is_empty() && !is_said(object, status::CONTESTED, &message) {
            self.report(object, Severity::Warning, status::CONTESTED, &message, &active.target.revision);
        }
    }

    /// Says what a run applied, what it put right by that, and what it deleted: a line for each object. What was put
    /// right between intervals is told once, in the words that say more; Flux has no event of such a run.
    pub(super) fn report_changes(&self, object: &Object, active: &Active) {
        let (changes, about) = (active.run.progress.changes(), &active.target.revision);
        let corrections = (active.run.desired.applied_before)
            .then(|| explain_corrections(&active.run.progress.corrections()))
            .flatten();
        let is_heal = corrections.is_some() && active.run.progress.occasion == Occasion::Drift;
        let applied = lines(&changes, |change| !matches!(change, Change::Unchanged | Change::Deleted));
        if !applied.is_empty() && !is_heal {
            self.report(object, Severity::Normal, "Progressing", &applied, about);
        }
        if let Some(message) = corrections {
            self.report(object, Severity::Normal, DRIFT_CORRECTED, &message, about);
        }
        self.report_deletions(object, "Progressing", &changes, about);
    }

    /// Says what was deleted.
    pub(super) fn report_deletions(
        &self,
        object: &Object,
        reason: &str,
        changes: &[(ObjectRef, Change)],
        about: &SourceRevision,
    ) {
        let deleted = lines(changes, |change| change == Change::Deleted);
        if !deleted.is_empty() {
            self.report(object, Severity::Normal, reason, &deleted, about);
        }
    }

    /// Says that a reconcile ended well; notification-controller sets the commit's status by it.
    pub(super) fn report_success(&self, object: &Object, reason: &str, active: &Active, times: Times) {
        let took =
            Duration::from_millis(u64::try_from(active.began.elapsed().as_millis()).unwrap_or_default());
        let message = format!(
            "Reconciliation finished in {}, next run in {}",
            format_duration(took),
            format_duration(times.interval)
        );
        let mut metadata = active.target.revision.metadata();
        metadata.insert(format!("{KUSTOMIZE_GROUP}/commit_status"), "update".into());
        self.report_with(object, Severity::Normal, reason, &message, metadata);
    }
}

impl SourceRevision {
    fn metadata(&self) -> Map<String, Value> {
        let parts = [("revision", &self.name), ("originRevision", &self.origin)];
        let known = parts.into_iter().filter(|(_, value)| !value.is_empty());
        known.map(|(key, value)| (format!("{KUSTOMIZE_GROUP}/{key}"), value.as_str().into())).collect()
    }
}

/// Whether a condition says this already.
fn is_said(object: &Object, condition: &str, message: &str) -> bool {
    let conditions = object.get(&["status", "conditions"]).and_then(Value::as_array);
    conditions.into_iter().flatten().any(|c| c["type"] == condition && c["message"] == message)
}

fn lines(changes: &[(ObjectRef, Change)], is_told: impl Fn(Change) -> bool) -> String {
    let told = changes.iter().filter(|(_, change)| is_told(*change));
    told.map(|(object, change)| format!("{object} {change}")).collect::<Vec<_>>().join("\n")
}
