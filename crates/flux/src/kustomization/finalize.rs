//! What becomes of the objects when their Kustomization is deleted.

use super::{Kustomizations, MANAGER, SourceRevision, Target, Times, access, request, status};
use holdfast_cluster::ApiError;
use holdfast_controller::{Advance, Outcome, Severity, SyncRun};
use holdfast_health::RuleSet;
use holdfast_object::{Object, ObjectKey, ObjectRef, Value};
use holdfast_sync::{
    Bug, Desired, HealthGate, Occasion, PruneBrake, PruneOrder, PrunePolicy, SyncPolicy, Verdict, planted,
};
use holdfast_types::flux::KustomizationSpec;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// What `spec.deletionPolicy` and its neighbours come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletion {
    /// The objects stay.
    Orphan,
    /// They are deleted.
    Delete,
    /// They are deleted, and the Kustomization goes once they are gone.
    DeleteAndWait,
}

/// A suspended Kustomization leaves its objects, as does one that does not prune; the policy can say otherwise.
fn deletion(spec: Option<&KustomizationSpec>) -> Deletion {
    let Some(spec) = spec else { return Deletion::Orphan };
    if spec.suspend {
        return Deletion::Orphan;
    }
    match spec.deletion_policy.as_deref() {
        Some("Orphan") => Deletion::Orphan,
        Some("Delete") => Deletion::Delete,
        Some("WaitForTermination") => Deletion::DeleteAndWait,
        _ if spec.prune => Deletion::Delete,
        _ => Deletion::Orphan,
    }
}

impl Kustomizations {
    pub(super) async fn finalize(
        &self,
        key: &ObjectKey,
        object: &Object,
        spec: Option<&KustomizationSpec>,
    ) -> Result<Outcome, ApiError> {
        let previous = self.inventory(object);
        let deletion = deletion(spec);
        let is_done = previous.is_empty() || deletion == Deletion::Orphan || planted(Bug::FinalizerTooEarly);
        if let (Some(spec), false) = (spec, is_done) {
            if access::can_impersonate(&self.shared, object, spec).await {
                if let Some(again) = self.delete_objects(key, object, spec, deletion, previous).await {
                    return Ok(again);
                }
            } else {
                let names: Vec<String> = previous.iter().map(ToString::to_string).collect();
                let message = format!("unable to prune objects: \n{}", names.join("\n"));
                self.report(object, Severity::Warning, "PruneFailed", &message, &last_applied(object));
            }
        }
        self.shared.remove_finalizer(object, MANAGER).await?;
        self.forget(key);
        Ok(Outcome::Settled)
    }
}

impl Kustomizations {
    /// Deletes what it applied. Says when to come again unless that is over.
    async fn delete_objects(
        &self,
        key: &ObjectKey,
        object: &Object,
        spec: &KustomizationSpec,
        deletion: Deletion,
        previous: Vec<ObjectRef>,
    ) -> Option<Outcome> {
        let times = Times::of(spec);
        let about = last_applied(object);
        let warn = |message: &str| self.report(object, Severity::Warning, "PruneFailed", message, &about);
        let (mut run, access) = match self.remember(key, |memory| memory.run.take()) {
            // The deletion itself goes on; a run that applied is abandoned.
            Some(active) if active.target == Target::default() => (active.run, active.access),
            _ => match access::access(&self.shared, &self.tokens, object, spec).await {
                Ok(access) => {
                    let policy = Arc::new(policy(object, spec, times, deletion));
                    let desired = Arc::new(Desired::new("", Vec::new(), previous));
                    (SyncRun::new(desired, policy, Occasion::Scheduled, self.shared.engine.now()), access)
                }
                Err(message) => {
                    warn(&format!("pruning for deleted resource failed: {message}"));
                    return Some(Outcome::After(times.retry.min(LONGEST_RETRY)));
                }
            },
        };
        self.shared.engine.routes().set_at(key, HashSet::new(), access.place(), run.interests());
        let advance = run.advance(&access, || self.shared.engine.now()).await;
        if let Advance::Done(_) = advance {
            // As Flux names it: what it was when it was deleted.
            let reason = status::ready_reason(object).unwrap_or("Progressing");
            self.report_deletions(object, reason, &run.progress.changes(), &about);
        }
        match advance {
            Advance::Done(Verdict::InForce) => None,
            Advance::Done(Verdict::Unhealthy { timed_out: true, .. }) => {
                warn("failed to wait for resources termination");
                None
            }
            Advance::Done(Verdict::Failed(failures)) => {
                let lines: Vec<String> = failures.iter().map(ToString::to_string).collect();
                warn(&format!("pruning for deleted resource failed: {}", lines.join("\n")));
                Some(Outcome::After(times.retry.min(LONGEST_RETRY)))
            }
            Advance::Done(verdict) => {
                warn(&format!("pruning for deleted resource failed: {verdict:?}"));
                Some(Outcome::After(times.retry.min(LONGEST_RETRY)))
            }
            Advance::Wait(wake) => {
                let left = wake.deadline.map(|deadline| deadline.duration_since(self.shared.engine.now()));
                let left = left.map_or(times.timeout, |left| Duration::try_from(left).unwrap_or_default());
                self.remember(key, |memory| memory.run = Some(super::Active::deletion(run, access)));
                Some(Outcome::After(left))
            }
            Advance::Unavailable(_) | Advance::Outdated => Some(Outcome::Retry(None)),
        }
    }
}

/// The revision that is to be deleted.
fn last_applied(object: &Object) -> SourceRevision {
    let text = |field: &str| object.get(&["status", field]).and_then(Value::as_str).unwrap_or_default();
    SourceRevision {
        name: text("lastAppliedRevision").to_owned(),
        origin: text("lastAppliedOriginRevision").to_owned(),
    }
}

/// A deletion that failed is tried again at least this often.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

fn policy(object: &Object, spec: &KustomizationSpec, times: Times, deletion: Deletion) -> SyncPolicy {
    // Nothing waits for health here, and an expression that is none must not keep a Kustomization from going.
    let health = RuleSet::Kstatus.into();
    let base = request::policy(object, spec, times, &crate::FluxOptions::default(), "", health);
    SyncPolicy {
        prune: PrunePolicy {
            enabled: true,
            allow_empty: true,
            order: PruneOrder::AfterWrites,
            brake: PruneBrake::default(),
            wait: (deletion == Deletion::DeleteAndWait).then_some(times.timeout),
            ..base.prune
        },
        gate: HealthGate::None,
        ..base
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    #[test]
    fn the_policy_decides_over_prune_and_suspend_over_all() {
        let with = |extra: Value| {
            let mut spec =
                json!({"interval": "1m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "s"}});
            for (key, value) in extra.as_object().unwrap() {
                spec[key] = value.clone();
            }
            deletion(Some(&serde_json::from_value(spec).unwrap()))
        };
        assert_eq!(with(json!({})), Deletion::Delete);
        assert_eq!(with(json!({"prune": false})), Deletion::Orphan);
        assert_eq!(with(json!({"prune": false, "deletionPolicy": "Delete"})), Deletion::Delete);
        assert_eq!(with(json!({"deletionPolicy": "Orphan"})), Deletion::Orphan);
        assert_eq!(with(json!({"deletionPolicy": "WaitForTermination"})), Deletion::DeleteAndWait);
        assert_eq!(with(json!({"suspend": true})), Deletion::Orphan);
        assert_eq!(deletion(None), Deletion::Orphan);
    }
}
