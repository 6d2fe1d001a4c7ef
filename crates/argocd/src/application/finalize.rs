//! What becomes of the objects when their Application is deleted.

use super::Deletion;
use super::compare::extras;
use super::options::{SyncOptions, is_kept_from_deletion, wave};
use super::reconcile::{RETRY, Round};
use super::request::{self, Identity, Pruning};
use super::status::{Condition, condition};
use holdfast_controller::{Advance, Outcome, SyncRun};
use holdfast_object::{Object, ObjectRef, Value, json};
use holdfast_sync::{Desired, Occasion, Propagation, PruneBrake, PrunePolicy, SyncPolicy, Verdict};
use holdfast_types::argocd::{ApplicationSpec, RESOURCES_FINALIZER};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Whether an Application is being deleted, and what becomes of its objects.
pub(super) fn deletion(app: &Object) -> Deletion {
    if !app.is_deleting() {
        return Deletion::No;
    }
    let is = |finalizer: &str, suffix: &str| {
        finalizer.strip_prefix(RESOURCES_FINALIZER).is_some_and(|rest| rest == suffix)
    };
    let all = finalizers(app);
    match () {
        () if !hook_finalizers(app).is_empty() => Deletion::WithHooks,
        () if all.iter().any(|f| is(f, "") || is(f, "/foreground")) => {
            Deletion::WithObjects(Propagation::Foreground)
        }
        () if all.iter().any(|f| is(f, "/background")) => Deletion::WithObjects(Propagation::Background),
        () => Deletion::Alone,
    }
}

fn finalizers(app: &Object) -> Vec<&str> {
    let list = app.get(&["metadata", "finalizers"]).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Finalizers of hooks, which are not run yet: whoever set them expects them to be.
fn hook_finalizers(app: &Object) -> Vec<&str> {
    let is_hook = |f: &&str| {
        f.starts_with("pre-delete-finalizer.argocd") || f.starts_with("post-delete-finalizer.argocd")
    };
    finalizers(app).into_iter().filter(is_hook).collect()
}

impl Round<'_> {
    /// Whoever wants hooks to run at the deletion is told that they are not, and how it goes on without them.
    pub(super) async fn hold_deletion(&mut self) -> Outcome {
        let hooks = hook_finalizers(&self.app).join(", ");
        let message = format!(
            "{hooks}: hooks of a deletion are not supported yet; take the finalizer off to delete without them"
        );
        self.cannot_delete(message).await
    }

    /// Deletes the objects, the last wave first and each wave only once the one before is gone; then lets the
    /// Application go.
    pub(super) async fn finalize(&mut self, propagation: Propagation) -> Outcome {
        let Ok(spec) = self.spec.clone() else { return self.let_go().await };
        if let Some(problem) = super::refuse::destination_problem(&spec.destination) {
            return self.cannot_delete(format!("Unable to delete application resources: {problem}")).await;
        }
        let identity = Identity::of(&self.app, &spec, &self.shared.options.control_namespace);
        let policy = policy(&spec, &identity, propagation);
        let candidates = self.candidates(&identity);
        self.shared.engine.routes().set(&self.app.key(), candidates.iter().map(|c| c.key.clone()).collect());
        if let Err(message) = self.watch(&candidates).await {
            tracing::warn!(application = %self.app.key(), message, "cannot read what is to be deleted");
            return Outcome::After(RETRY);
        }
        let Some(found) = extras(self.shared.engine.live(), &[], &candidates, &policy) else {
            return Outcome::After(LOOK_AGAIN);
        };
        match last_wave(&found, &self.app) {
            None => self.let_go().await,
            Some(wave) => self.delete_wave(wave, policy).await,
        }
    }

    async fn delete_wave(&mut self, wave: Vec<ObjectRef>, policy: SyncPolicy) -> Outcome {
        let left = wave.len();
        let desired = Desired::new("", Vec::new(), wave);
        let mut run = SyncRun::new(Arc::new(desired), Arc::new(policy), Occasion::Scheduled, self.now);
        match run.advance(self.shared.engine.home(), || self.shared.engine.now()).await {
            Advance::Done(Verdict::Failed(failures)) => {
                let text = failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                self.cannot_delete(format!("Unable to delete application resources: {text}")).await
            }
            Advance::Unavailable(_) | Advance::Outdated => Outcome::After(RETRY),
            Advance::Done(_) | Advance::Wait(_) => {
                tracing::debug!(application = %self.app.key(), left, "waits for deleted objects to go");
                Outcome::After(LOOK_AGAIN)
            }
        }
    }

    async fn cannot_delete(&mut self, message: String) -> Outcome {
        let found = vec![Condition::new(condition::DELETION_ERROR, message)];
        self.status.set_conditions(found, &[condition::DELETION_ERROR], self.now);
        self.persist().await;
        Outcome::After(LOOK_AGAIN)
    }

    /// Takes our finalizers off.
    async fn let_go(&mut self) -> Outcome {
        let kept: Vec<&str> =
            finalizers(&self.app).into_iter().filter(|f| !f.starts_with(RESOURCES_FINALIZER)).collect();
        let patch = json!({"metadata": {
            "finalizers": kept,
            "resourceVersion": self.app.resource_version(),
        }});
        match super::write::send(&self.shared.engine, &self.app.reference(), &patch).await {
            Ok(_) => Outcome::Settled,
            Err(error) if error.kind == holdfast_cluster::ApiErrorKind::NotFound => Outcome::Settled,
            Err(error) => {
                tracing::warn!(application = %self.app.key(), %error, "cannot take the finalizer off");
                Outcome::After(RETRY)
            }
        }
    }
}

/// How often a deletion that waits is looked at when nothing wakes it.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The objects of the highest wave that are to go; `None` once nothing is left.
fn last_wave(found: &[Arc<Object>], app: &Object) -> Option<Vec<ObjectRef>> {
    let mut waves: BTreeMap<i32, Vec<ObjectRef>> = BTreeMap::new();
    for object in found.iter().filter(|o| !is_kept_from_deletion(o) && o.key() != app.key()) {
        waves.entry(wave(object)).or_default().push(object.reference());
    }
    waves.pop_last().map(|(_, objects)| objects)
}

fn policy(spec: &ApplicationSpec, identity: &Identity, propagation: Propagation) -> SyncPolicy {
    let pruning = Pruning { enabled: true, limit: None, approved: true };
    let base = request::sync_policy(spec, identity, &SyncOptions::default(), &pruning);
    SyncPolicy {
        prune: PrunePolicy {
            propagation,
            brake: PruneBrake::default(),
            wait: Some(Duration::from_secs(u32::MAX.into())),
            ..base.prune
        },
        ..base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(finalizers: &[&str]) -> Object {
        Object::new(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers}}))
        .unwrap()
    }

    #[test]
    fn the_finalizer_says_what_becomes_of_the_objects() {
        let check =
            |finalizers: &[&str], expected: Deletion| assert_eq!(deletion(&app(finalizers)), expected);
        let base = RESOURCES_FINALIZER;
        check(&[base], Deletion::WithObjects(Propagation::Foreground));
        check(&[&format!("{base}/foreground")], Deletion::WithObjects(Propagation::Foreground));
        check(&[&format!("{base}/background")], Deletion::WithObjects(Propagation::Background));
        check(&["others"], Deletion::Alone);
        let hooked = app(&["pre-delete-finalizer.argocd.argoproj.io", base]);
        assert_eq!(hook_finalizers(&hooked), ["pre-delete-finalizer.argocd.argoproj.io"]);
    }

    #[test]
    fn the_last_wave_goes_first_and_some_objects_never() {
        let object = |kind: &str, name: &str, annotations: Value| {
            let value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "annotations": annotations}});
            Arc::new(Object::new(value).unwrap())
        };
        let wave = |n: &str| json!({"argocd.argoproj.io/sync-wave": n});
        let found = [
            object("ConfigMap", "first", wave("-1")),
            object("ConfigMap", "last", wave("5")),
            object("ConfigMap", "kept", json!({"argocd.argoproj.io/sync-options": "Delete=false"})),
            object("CustomResourceDefinition", "crd", wave("9")),
        ];
        let names = |found: &[Arc<Object>]| {
            last_wave(found, &app(&[])).map(|w| w.into_iter().map(|o| o.key.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&found), Some(vec!["last".to_owned()]));
        assert_eq!(names(&found[..1]), Some(vec!["first".to_owned()]));
        assert_eq!(names(&found[2..]), None);
    }
}
