//! What came of the single objects of an operation, in the words of kubectl and Argo CD.

use super::memory::Run;
use super::operation::ResourceResult;
use holdfast_object::ObjectRef;
use holdfast_sync::{Change, DesiredObject, OpResult, Plan, Verb, WriteMode, WriteWhen};

/// The results of a run as far as it has come; with `is_over` also of what was in force already.
pub(super) fn of_run(run: &Run, is_over: bool) -> Vec<ResourceResult> {
    let mut results = Vec::new();
    for desired in run.sync.desired.objects() {
        let object = &desired.reference;
        let said = |change: Change| said(object, change, mode_of(run, desired));
        match run.sync.progress.result(&object.key) {
            Some(OpResult::Done { change, .. }) => {
                results.push(line(object, "Synced", "Running", said(*change)))
            }
            Some(OpResult::Failed { message, .. }) => {
                results.push(line(object, "SyncFailed", "Failed", message.clone()));
            }
            Some(OpResult::Recreating) => {
                results.push(line(object, "Synced", "Running", "being deleted to be made anew".into()));
            }
            Some(OpResult::Stale) => {}
            None => {
                if is_over && desired.policy.when == WriteWhen::Differs && !run.options.apply_out_of_sync_only
                {
                    results.push(line(object, "Synced", "Running", said(Change::Unchanged)));
                }
            }
        }
    }
    for object in &run.sync.desired.previous {
        match run.sync.progress.result(&object.key) {
            Some(OpResult::Done { .. }) => results.push(line(object, "Pruned", "Succeeded", "pruned".into())),
            Some(OpResult::Failed { message, .. }) => {
                results.push(line(object, "SyncFailed", "Failed", message.clone()));
            }
            _ => {}
        }
    }
    results.extend(spared(run));
    results
}

/// The results that a dry run foresees.
pub(super) fn of_plan(run: &Run, plan: &Plan) -> Vec<ResourceResult> {
    let mut results: Vec<ResourceResult> = (plan.changes.iter())
        .map(|planned| {
            let object = &planned.op.object;
            match &planned.op.verb {
                Verb::Delete { .. } => line(object, "Pruned", "Succeeded", "pruned (dry run)".into()),
                Verb::Apply { mode, .. } => {
                    let text = format!("{} (dry run)", said(object, planned.change, mode));
                    line(object, "Synced", "Running", text)
                }
            }
        })
        .collect();
    results.extend(spared(run));
    results
}

fn spared(run: &Run) -> impl Iterator<Item = ResourceResult> {
    run.spared.iter().map(|spared| line(&spared.object, "PruneSkipped", "Succeeded", spared.why.into()))
}

fn mode_of<'r>(run: &'r Run, desired: &'r DesiredObject) -> &'r WriteMode {
    desired.policy.write.as_ref().unwrap_or(&run.sync.policy.write)
}

fn line(object: &ObjectRef, status: &str, phase: &str, message: String) -> ResourceResult {
    let key = &object.key;
    ResourceResult {
        group: key.group.clone(),
        version: object.version.clone(),
        kind: key.kind.clone(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        status: status.to_owned(),
        message,
        hook_phase: phase.to_owned(),
        sync_phase: "Sync".to_owned(),
    }
}

/// `deployment.apps/web configured`, as kubectl says it for the way of writing.
fn said(object: &ObjectRef, change: Change, mode: &WriteMode) -> String {
    let kind = object.key.group_kind().to_string().to_lowercase();
    let done = match (change, mode) {
        (Change::Created | Change::Configured, WriteMode::ServerSide { .. }) => {
            "serverside-applied".to_owned()
        }
        (Change::Configured, WriteMode::Replace { .. }) => "replaced".to_owned(),
        (change, _) => change.to_string(),
    };
    format!("{kind}/{} {done}", object.key.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::GroupVersionKind;

    #[test]
    fn changes_are_told_as_kubectl_tells_them() {
        let web = ObjectRef::new(&GroupVersionKind::new("apps", "v1", "Deployment"), "a", "web");
        let check =
            |change: Change, mode: &WriteMode, expected: &str| assert_eq!(said(&web, change, mode), expected);
        let manager = || "m".to_owned();
        let three_way = WriteMode::ThreeWay { manager: manager() };
        check(Change::Created, &three_way, "deployment.apps/web created");
        check(Change::Unchanged, &three_way, "deployment.apps/web unchanged");
        let server_side = WriteMode::ServerSide {
            manager: manager(),
            force: true,
            fold: holdfast_sync::FoldPolicy::default(),
        };
        check(Change::Configured, &server_side, "deployment.apps/web serverside-applied");
        check(Change::Configured, &WriteMode::Replace { manager: manager() }, "deployment.apps/web replaced");
    }
}
