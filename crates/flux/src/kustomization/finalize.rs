//! What becomes of the objects when their Kustomization is deleted.

use super::{Kustomizations, Times, request};
use holdfast_cluster::ApiError;
use holdfast_controller::{Advance, Outcome, Severity, SyncRun};
use holdfast_object::{Object, ObjectKey};
use holdfast_sync::{
    Desired, HealthGate, Occasion, PruneBrake, PruneOrder, PrunePolicy, SyncPolicy, Verdict,
};
use holdfast_types::flux::KustomizationSpec;
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
        if let (Some(spec), false) = (spec, previous.is_empty() || deletion == Deletion::Orphan) {
            let times = Times::of(spec);
            let policy = policy(object, spec, times, deletion);
            let desired = Desired::new("", Vec::new(), previous);
            let mut run = match self.remember(key, |memory| memory.run.take()) {
                // The deletion itself goes on; a run that applied is abandoned.
                Some(active) if active.target.revision.is_empty() => active.run,
                _ => SyncRun::new(
                    Arc::new(desired),
                    Arc::new(policy),
                    Occasion::Scheduled,
                    self.shared.engine.now(),
                ),
            };
            self.shared.engine.routes().set(key, run.interests());
            match run.advance(self.shared.engine.home(), || self.shared.engine.now()).await {
                Advance::Done(Verdict::InForce) => {}
                Advance::Done(verdict) => {
                    let message = format!("deletion of the objects failed: {verdict:?}");
                    self.report(object, Severity::Warning, "PruneFailed", &message, "");
                    return Ok(Outcome::After(times.retry.min(LONGEST_RETRY)));
                }
                Advance::Wait(_) => {
                    self.remember(key, |memory| memory.run = Some(super::Active::deletion(run)));
                    return Ok(Outcome::After(times.timeout));
                }
                Advance::Unavailable(_) => return Ok(Outcome::After(super::WRITE_RETRY)),
            }
        }
        self.shared.remove_finalizer(object).await?;
        self.forget(key);
        Ok(Outcome::Settled)
    }
}

/// A deletion that failed is tried again at least this often.
const LONGEST_RETRY: Duration = Duration::from_secs(60);

fn policy(object: &Object, spec: &KustomizationSpec, times: Times, deletion: Deletion) -> SyncPolicy {
    // An expression that is none must not keep a Kustomization from going: nothing waits for health here.
    let spec = &KustomizationSpec { health_check_exprs: Vec::new(), ..spec.clone() };
    let base = request::policy(object, spec, times, &crate::FluxOptions::default(), "");
    let base = base.unwrap_or_else(|_| unreachable!("a policy without expressions has no wrong one"));
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
    use holdfast_object::{Value, json};

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
