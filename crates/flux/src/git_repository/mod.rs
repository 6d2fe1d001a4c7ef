//! `GitRepository`: follows a reference of a repository and publishes its files as an artifact.

pub(crate) mod request;
mod status;

use crate::conditions::Conditions;
use crate::resource::{has_finalizer, note_request, requested, status_of};
use crate::{Published, Shared, refuse};
use futures::FutureExt;
use futures::future::BoxFuture;
use holdfast_controller::{Outcome, Place, Reason, Reconciler, Severity, StatusWriter, Work};
use holdfast_object::{GroupVersionKind, Object, ObjectKey, ObjectRef, Value, json};
use holdfast_source::{Artifact, SourceError};
use holdfast_types::flux::{GitRepositorySpec, git_repository};
use holdfast_types::parse_duration;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// The pause before a failed fetch is tried again; it doubles with every failure up to the interval.
const FIRST_RETRY: Duration = Duration::from_millis(750);
/// The longest pause between tries.
const LONGEST_RETRY: Duration = Duration::from_secs(15 * 60);

/// Reconciles `GitRepository`.
pub(crate) struct GitRepositories {
    shared: Arc<Shared>,
    statuses: StatusWriter,
    failures: std::sync::Mutex<std::collections::HashMap<ObjectKey, u32>>,
}

/// What is known of a GitRepository when it comes up.
#[derive(Debug)]
struct State {
    spec: Result<GitRepositorySpec, String>,
    is_deleting: bool,
    has_finalizer: bool,
    unsupported: Vec<String>,
}

/// What to do about it.
#[derive(Debug, PartialEq)]
enum Action {
    /// Let the server forget it.
    Release,
    /// Nothing: it is on its way out, or suspended.
    Nothing,
    /// Take it into our care; its change brings it up again.
    Adopt,
    /// Refuse it, until its spec changes.
    Refuse(String),
    /// Look at the repository, and fetch what is new.
    Follow,
}

fn decide(state: &State) -> Action {
    if state.is_deleting {
        return if state.has_finalizer { Action::Release } else { Action::Nothing };
    }
    if !state.has_finalizer {
        return Action::Adopt;
    }
    match &state.spec {
        Err(error) => Action::Refuse(error.clone()),
        Ok(spec) if spec.suspend => Action::Nothing,
        Ok(_) if !state.unsupported.is_empty() => {
            Action::Refuse(format!("not supported: {}", state.unsupported.join(", ")))
        }
        Ok(_) => Action::Follow,
    }
}

impl Reconciler for GitRepositories {
    fn kinds(&self) -> Vec<GroupVersionKind> {
        vec![git_repository()]
    }

    fn reconcile<'a>(&'a self, work: &'a Work<ObjectKey, Reason>) -> BoxFuture<'a, Outcome> {
        self.reconcile_key(&work.key, &work.reasons).boxed()
    }
}

impl GitRepositories {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        // Flux' own name for the writer of source statuses.
        let statuses = StatusWriter::new("gotk-source-controller", true);
        Self { shared, statuses, failures: std::sync::Mutex::default() }
    }

    async fn reconcile_key(&self, key: &ObjectKey, reasons: &[Reason]) -> Outcome {
        let Some(object) = self.shared.resource(&git_repository(), key) else {
            self.shared.artifacts.withdraw(key);
            self.shared.engine.routes().set(key, HashSet::new());
            self.statuses.forget(&ObjectRef::new(&git_repository(), &key.namespace, &key.name));
            return Outcome::Settled;
        };
        let state = read(&object);
        let done = match (decide(&state), state.spec) {
            (Action::Nothing, _) => Ok(Outcome::Settled),
            (Action::Release, _) => {
                self.shared.artifacts.withdraw(key);
                self.shared.remove_finalizer(&object).await.map(|()| Outcome::Settled)
            }
            (Action::Adopt, _) => self.shared.add_finalizer(&object).await.map(|()| Outcome::Settled),
            (Action::Refuse(why), _) => {
                let status = self.status(&object, |conditions, _| conditions.stalled("Unsupported", &why));
                self.write(&object, status).await
            }
            (Action::Follow, Ok(spec)) => self.follow(key, &object, &spec, reasons).await,
            (Action::Follow, Err(_)) => Ok(Outcome::Settled),
        };
        done.unwrap_or_else(|error| {
            tracing::debug!(source = %key, %error, "cannot write");
            Outcome::After(FIRST_RETRY)
        })
    }

    async fn follow(
        &self,
        key: &ObjectKey,
        object: &Object,
        spec: &GitRepositorySpec,
        reasons: &[Reason],
    ) -> Result<Outcome, holdfast_cluster::ApiError> {
        let interval = parse_duration(&spec.interval).unwrap_or(Duration::from_secs(60));
        let asked = requested(object).is_some() || reasons.contains(&Reason::SourceChanged);
        // What others fetched of the same repository a moment ago serves all of its users, unless someone asks.
        let max_age = if asked { Duration::ZERO } else { interval.min(SHARED_LISTING) };
        let fetched = match request::read(self.shared.engine.cluster(), object, spec).await {
            Ok(request) => {
                self.shared.sources.git(&spec.url, &request.wanted, &request.access, max_age).await
            }
            Err(error) => Err(error),
        };
        match fetched.and_then(|artifact| request::filter(&artifact, spec).map(|tree| (artifact, tree))) {
            Ok((artifact, tree)) => {
                self.failures(|failures| failures.remove(key));
                let is_new =
                    self.shared.artifacts.get(key).is_none_or(|p| p.artifact.revision != artifact.revision);
                self.shared.artifacts.publish(key, Published { artifact: artifact.clone(), tree });
                self.report_new(object, &artifact);
                let status = self.status(object, |conditions, status| {
                    status::published(key, &artifact, conditions, status, self.shared.engine.now());
                });
                self.write(object, status).await?;
                if is_new {
                    // Those who use it are woken at once; the watch of our status would come a little later.
                    self.wake_users(key);
                }
                Ok(Outcome::After(self.shared.jittered(key, interval)))
            }
            Err(error) => self.failed(key, object, &error, interval).await,
        }
    }

    async fn failed(
        &self,
        key: &ObjectKey,
        object: &Object,
        error: &SourceError,
        interval: Duration,
    ) -> Result<Outcome, holdfast_cluster::ApiError> {
        let count = self.failures(|failures| {
            let count = failures.entry(key.clone()).or_default();
            *count += 1;
            *count
        });
        let (reason, message) = status::explain(error);
        if count == 1 {
            self.report(object, Severity::Warning, reason, &message, json!({}));
        }
        let has_artifact = self.shared.artifacts.get(key).is_some();
        let status = self.status(object, |conditions, _| {
            conditions.set("FetchFailed", "True", reason, &message);
            conditions.failed(reason, &message);
            if !has_artifact {
                conditions.remove("ArtifactInStorage");
            }
        });
        self.write(object, status).await?;
        let pause = FIRST_RETRY.saturating_mul(2u32.saturating_pow(count.min(16) - 1)).min(LONGEST_RETRY);
        Ok(Outcome::After(pause.min(interval)))
    }

    fn failures<T>(&self, with: impl FnOnce(&mut std::collections::HashMap<ObjectKey, u32>) -> T) -> T {
        with(&mut self.failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn wake_users(&self, key: &ObjectKey) {
        for user in self.shared.engine.routes().of(Place::HOME, key) {
            let reason = Reason::Object(key.clone());
            self.shared.engine.trigger(holdfast_controller::Trigger { key: user, reason });
        }
    }

    fn report_new(&self, object: &Object, artifact: &Artifact) {
        let revision = artifact.revision.to_string();
        let before = object.get(&["status", "artifact", "revision"]).and_then(Value::as_str);
        if before == Some(&revision) {
            return;
        }
        let message = match &artifact.commit {
            Some(commit) => format!("stored artifact for commit '{}'", commit.subject),
            None => format!("stored artifact for revision '{revision}'"),
        };
        let annotations = json!({
            "source.toolkit.fluxcd.io/revision": revision,
            "source.toolkit.fluxcd.io/digest": artifact.digest,
        });
        self.report(object, Severity::Normal, "NewArtifact", &message, annotations);
    }

    fn report(&self, object: &Object, severity: Severity, reason: &str, message: &str, annotations: Value) {
        self.shared.engine.recorder().report(
            object,
            severity,
            reason,
            message,
            annotations,
            self.shared.engine.now(),
        );
    }

    fn status(&self, object: &Object, change: impl FnOnce(&mut Conditions, &mut Value)) -> Value {
        let mut status = status_of(object);
        let mut conditions = Conditions::of(object, self.shared.engine.now());
        change(&mut conditions, &mut status);
        status["conditions"] = conditions.into_value();
        status["observedGeneration"] = object.generation().into();
        note_request(object, &mut status);
        status
    }

    async fn write(&self, object: &Object, status: Value) -> Result<Outcome, holdfast_cluster::ApiError> {
        self.statuses.write(&self.shared.engine, &object.reference(), &status_of(object), &status).await?;
        Ok(Outcome::Settled)
    }
}

/// How old an answer of the repository's server may be that another user of it got.
const SHARED_LISTING: Duration = Duration::from_secs(1);

fn read(object: &Object) -> State {
    let spec = object.as_map().get("spec").cloned().unwrap_or_default();
    let spec = serde_json::from_value::<GitRepositorySpec>(spec).map_err(|e| format!("spec: {e}"));
    State {
        is_deleting: object.is_deleting(),
        has_finalizer: has_finalizer(object),
        unsupported: spec.as_ref().map(refuse::git_repository_fields).unwrap_or_default(),
        spec,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(metadata: Value, spec: Value) -> Object {
        let mut value = json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "a", "namespace": "n"}, "spec": {"url": "https://x/y", "interval": "1m"}});
        for (key, part) in metadata.as_object().unwrap() {
            value["metadata"][key] = part.clone();
        }
        for (key, part) in spec.as_object().unwrap() {
            value["spec"][key] = part.clone();
        }
        Object::new(value).unwrap()
    }

    #[test]
    fn what_to_do_follows_from_what_is_there() {
        let ours = || json!({"finalizers": ["finalizers.fluxcd.io"]});
        let going =
            json!({"finalizers": ["finalizers.fluxcd.io"], "deletionTimestamp": "2026-01-01T00:00:00Z"});
        let check = |metadata: Value, spec: Value, expected: Action| {
            assert_eq!(decide(&read(&object(metadata, spec))), expected);
        };
        check(json!({}), json!({}), Action::Adopt);
        check(ours(), json!({}), Action::Follow);
        check(ours(), json!({"suspend": true}), Action::Nothing);
        check(ours(), json!({"suspend": true, "verify": {"mode": "HEAD"}}), Action::Nothing);
        check(going.clone(), json!({"suspend": true}), Action::Release);
        check(json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}), json!({}), Action::Nothing);
        check(
            ours(),
            json!({"verify": {"mode": "HEAD"}}),
            Action::Refuse("not supported: spec.verify".into()),
        );
        check(
            ours(),
            json!({"url": 3}),
            Action::Refuse("spec: invalid type: integer `3`, expected a string".into()),
        );
    }
}
