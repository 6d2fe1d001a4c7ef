use crate::desired::Desired;
use crate::live::{Live, LiveView};
use crate::planted::{Bug, planted};
use crate::policy::SyncPolicy;
use crate::progress::{OpResult, Progress};
use holdfast_object::{Object, ObjectRef};

/// A live object that earlier runs applied, that is ours, and that is no longer desired.
#[derive(Debug, Clone)]
pub struct Orphan {
    /// The object, at the version it is watched at.
    pub object: ObjectRef,
    /// Its uid and resourceVersion when the decision was taken.
    pub precondition: (String, String),
    /// Its deletion was asked for already.
    pub is_deleting: bool,
}

/// What pruning comes to.
#[derive(Debug, Clone)]
pub enum PruneDecision {
    /// These go.
    Delete(Vec<Orphan>),
    /// The brake holds them.
    Held {
        /// What would go.
        objects: Vec<ObjectRef>,
        /// Why the brake holds.
        why: String,
    },
    /// The render came out empty and would prune all of these.
    RefusedEmpty(Vec<ObjectRef>),
    /// Whether these are there cannot be told yet.
    Unknown(Vec<ObjectRef>),
}

/// What of the previous objects is to be deleted, in the order of deletion.
///
/// Never an object that does not say that it is ours, never one that its annotations keep, never one that this
/// run has dealt with already.
pub(crate) fn decide(
    desired: &Desired,
    live: &dyn LiveView,
    progress: &Progress,
    policy: &SyncPolicy,
) -> PruneDecision {
    let mut orphans = Vec::new();
    let mut unknown = Vec::new();
    let mut candidates: Vec<ObjectRef> =
        desired.previous.iter().filter(|o| desired.get(&o.key).is_none()).cloned().collect();
    policy.order.sort_for_deletion(&mut candidates);
    candidates.dedup();
    for candidate in candidates {
        match live.get(&candidate) {
            Live::Unknown => unknown.push(candidate),
            Live::Absent | Live::NoSuchKind => {}
            Live::Present(found) => {
                let is_ours = policy.owner.owns(&found.object) || planted(Bug::PruneWithoutOwner);
                if is_ours && !is_kept(&found.object, policy) {
                    orphans.push(Orphan {
                        object: ObjectRef { key: candidate.key, version: found.object.gvk().version },
                        precondition: (
                            found.object.uid().to_owned(),
                            found.object.resource_version().to_owned(),
                        ),
                        is_deleting: found.object.is_deleting(),
                    });
                }
            }
        }
    }
    if !unknown.is_empty() {
        return PruneDecision::Unknown(unknown);
    }
    let all: Vec<ObjectRef> = orphans.iter().map(|o| o.object.clone()).collect();
    if desired.objects().is_empty()
        && !all.is_empty()
        && !policy.prune.allow_empty
        && !planted(Bug::BrokenIsEmpty)
    {
        return PruneDecision::RefusedEmpty(all);
    }
    // What was deleted by this run counts for the brake, or a large prune would pass it in small steps.
    if let Some(why) = brake(&all, policy) {
        return PruneDecision::Held { objects: all, why };
    }
    let is_open = |orphan: &Orphan| {
        !orphan.is_deleting
            && !matches!(
                progress.result(&orphan.object.key),
                Some(OpResult::Done { .. } | OpResult::Failed { .. })
            )
    };
    orphans.retain(is_open);
    PruneDecision::Delete(orphans)
}

/// What of the previous objects is still there although it is no longer desired, ours or not kept: what a wait for
/// termination waits for.
pub(crate) fn remaining(desired: &Desired, live: &dyn LiveView, policy: &SyncPolicy) -> Vec<ObjectRef> {
    let is_there = |object: &&ObjectRef| {
        desired.get(&object.key).is_none()
            && match live.get(object) {
                Live::Present(found) => policy.owner.owns(&found.object) && !is_kept(&found.object, policy),
                Live::Unknown => true,
                Live::Absent | Live::NoSuchKind => false,
            }
    };
    desired.previous.iter().filter(is_there).cloned().collect()
}

/// Whether an annotation or label of the live object keeps it; values compare without case, as Flux does.
fn is_kept(live: &Object, policy: &SyncPolicy) -> bool {
    policy.prune.keep.iter().any(|(key, value)| {
        let has = |found: Option<&str>| found.is_some_and(|found| found.eq_ignore_ascii_case(value));
        has(live.annotation(key)) || has(live.label(key))
    })
}

fn brake(objects: &[ObjectRef], policy: &SyncPolicy) -> Option<String> {
    let limit = policy.prune.brake.limit.filter(|_| !policy.prune.brake.approved)?;
    if objects.len() > limit as usize {
        return Some(format!("{} objects would be deleted, more than the limit of {limit}", objects.len()));
    }
    let is_guarded = |object: &&ObjectRef| {
        let key = &object.key;
        matches!(
            (key.group.as_str(), key.kind.as_str()),
            ("", "Namespace" | "PersistentVolumeClaim")
                | ("apiextensions.k8s.io", "CustomResourceDefinition")
        )
    };
    objects.iter().find(is_guarded).map(|object| format!("{object} would be deleted with all that it holds"))
}
