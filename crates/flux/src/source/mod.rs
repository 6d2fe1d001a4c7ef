//! What `GitRepository` and `OCIRepository` have in common: one way from a custom resource to a published artifact.
//!
//! storage → fetch → artifact → status: what is in storage is checked, the source is asked what is new, what is new is
//! packed and published, and the status says so. The kinds differ in how they fetch ([`SourceKind`]).

mod draft;
mod publish;
pub(crate) mod secrets;

pub(crate) use draft::{Draft, FETCH_FAILED, Failure, INCLUDE_UNAVAILABLE, StoredArtifact, Then, VERIFIED};

use crate::Shared;
use crate::resource::{has_finalizer, note_request, requested, status_of};
use futures::FutureExt;
use futures::future::BoxFuture;
use holdfast_cluster::ApiError;
use holdfast_controller::{Outcome, Place, Reason, Reconciler, Severity, StatusWriter, Trigger, Work};
use holdfast_object::{GroupVersionKind, Object, ObjectKey, ObjectRef, Value, json};
use holdfast_source::{Artifact, SourceIgnore};
use holdfast_tree::FileTree;
use holdfast_types::parse_duration;
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Flux' own name for the writer of what sources are and of their finalizers.
const MANAGER: &str = "source-controller";
/// The pause before a failed fetch is tried again; it doubles with every failure up to the interval.
const FIRST_RETRY: Duration = Duration::from_millis(750);
/// The longest pause between tries.
const LONGEST_RETRY: Duration = Duration::from_secs(15 * 60);
/// How old an answer of a source's server may be that another user of it got.
const SHARED_ANSWER: Duration = Duration::from_secs(1);
/// A fetch that takes longer is said to be under way; shorter ones are over before anyone reads it.
const SAY_AFTER: Duration = Duration::from_secs(1);

/// A kind of source that we fetch from.
pub(crate) trait SourceKind: Send + Sync + 'static {
    /// The custom resource's spec.
    type Spec: DeserializeOwned + Send + Sync;

    /// The kind.
    fn gvk() -> GroupVersionKind;

    /// What every source has.
    fn settings(spec: &Self::Spec) -> Settings<'_>;

    /// The fields that are not acted on.
    fn unsupported(spec: &Self::Spec) -> Vec<String>;

    /// Looks at the source and gets what is new. Observations go into the draft.
    fn fetch<'a>(
        asked: Asked<'a, Self::Spec>,
        draft: &'a mut Draft,
    ) -> BoxFuture<'a, Result<Fetched, Failure>>;
}

/// What every source's spec has.
pub(crate) struct Settings<'a> {
    pub(crate) interval: &'a str,
    pub(crate) suspend: bool,
}

/// What a fetch is about.
pub(crate) struct Asked<'a, S> {
    pub(crate) shared: &'a Shared,
    pub(crate) key: &'a ObjectKey,
    pub(crate) object: &'a Object,
    pub(crate) spec: &'a S,
    /// How old an answer of the server may be.
    pub(crate) max_age: Duration,
    /// What is in storage.
    pub(crate) stored: Option<&'a StoredArtifact>,
}

/// What a fetch brought.
pub(crate) struct Fetched {
    /// The revision, and what is known of it.
    pub(crate) artifact: Artifact,
    /// What the artifact holds.
    pub(crate) content: Content,
    /// The artifact's file name.
    pub(crate) file: String,
    /// The fields of the spec that the artifact depends on, as the status records them: a change of any makes it
    /// anew.
    pub(crate) observed: Vec<(&'static str, Option<Value>)>,
    /// What is new, for the condition.
    pub(crate) news: String,
    /// What Ready says.
    pub(crate) message: String,
    /// What the event says.
    pub(crate) event: String,
    /// Keep `latest.tar.gz`, and its address in the status.
    pub(crate) link_latest: bool,
}

/// What an artifact holds.
pub(crate) enum Content {
    /// A tree without what is ignored.
    Tree(Arc<dyn FileTree>, SourceIgnore),
    /// A file as it is, and the files in it.
    Packed(bytes::Bytes, Arc<dyn FileTree>),
    /// What is in storage already.
    AsStored,
}

/// What is known of a source when it comes up.
#[derive(Debug)]
struct State {
    error: Option<String>,
    suspend: bool,
    is_deleting: bool,
    has_finalizer: bool,
    unsupported: Vec<String>,
}

/// What to do about it.
#[derive(Debug, PartialEq)]
enum Action {
    /// Remove its artifacts and let the server forget it.
    Release,
    /// Nothing: it is on its way out.
    Nothing,
    /// Nothing but answer a request: it is suspended.
    StandBy,
    /// Take it into our care; its change brings it up again.
    Adopt,
    /// Refuse it, until its spec changes.
    Refuse(String),
    /// Look at the source, and fetch what is new.
    Follow,
}

fn decide(state: &State) -> Action {
    if state.is_deleting {
        return if state.has_finalizer { Action::Release } else { Action::Nothing };
    }
    match &state.error {
        _ if !state.has_finalizer => Action::Adopt,
        Some(error) => Action::Refuse(error.clone()),
        None if state.suspend => Action::StandBy,
        None if !state.unsupported.is_empty() => {
            Action::Refuse(format!("not supported: {}", state.unsupported.join(", ")))
        }
        None => Action::Follow,
    }
}

/// Reconciles one kind of source.
pub(crate) struct SourceReconciler<K> {
    shared: Arc<Shared>,
    statuses: StatusWriter,
    failures: Mutex<HashMap<ObjectKey, u32>>,
    kind: PhantomData<fn() -> K>,
}

impl<K: SourceKind> Reconciler for SourceReconciler<K> {
    fn kinds(&self) -> Vec<GroupVersionKind> {
        vec![K::gvk()]
    }

    fn reconcile<'a>(&'a self, work: &'a Work<ObjectKey, Reason>) -> BoxFuture<'a, Outcome> {
        self.reconcile_key(&work.key, &work.reasons).boxed()
    }
}

impl<K: SourceKind> SourceReconciler<K> {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let statuses = StatusWriter::new(MANAGER, true);
        Self { shared, statuses, failures: Mutex::default(), kind: PhantomData }
    }

    async fn reconcile_key(&self, key: &ObjectKey, reasons: &[Reason]) -> Outcome {
        let Some(object) = self.shared.resource(&K::gvk(), key) else {
            self.forget(key);
            return Outcome::Settled;
        };
        if !self.shared.is_watched(&object) {
            self.forget(key);
            return Outcome::Settled;
        }
        let spec = object.as_map().get("spec").cloned().unwrap_or_default();
        let spec = serde_json::from_value::<K::Spec>(spec);
        let state = State {
            error: spec.as_ref().err().map(|e| format!("spec: {e}")),
            suspend: spec.as_ref().is_ok_and(|spec| K::settings(spec).suspend),
            is_deleting: object.is_deleting(),
            has_finalizer: has_finalizer(&object),
            unsupported: spec.as_ref().map(K::unsupported).unwrap_or_default(),
        };
        let done = match (decide(&state), spec) {
            (Action::Release, _) => self.release(key, &object).await,
            (Action::StandBy, _) => self.stand_by(key, &object).await,
            (Action::Adopt, _) => {
                self.shared.add_finalizer(&object, MANAGER).await.map(|()| Outcome::Settled)
            }
            (Action::Refuse(why), _) => self.refuse(key, &object, &why).await,
            (Action::Follow, Ok(spec)) => self.follow(key, &object, &spec, reasons).await,
            (Action::Follow, Err(_)) | (Action::Nothing, _) => Ok(Outcome::Settled),
        };
        done.unwrap_or_else(|error| {
            tracing::debug!(source = %key, %error, "cannot write");
            Outcome::Retry(error.retry_after)
        })
    }

    fn forget(&self, key: &ObjectKey) {
        self.shared.artifacts.withdraw(key);
        self.shared.engine.routes().set(key, HashSet::new());
        self.failures(|failures| failures.remove(key));
        self.statuses.forget(&ObjectRef::new(&K::gvk(), &key.namespace, &key.name));
    }

    async fn release(&self, key: &ObjectKey, object: &Object) -> Result<Outcome, ApiError> {
        self.shared.artifacts.withdraw(key);
        if let Err(error) = publish::remove_all(&self.shared, key).await {
            tracing::warn!(source = %key, %error, "the artifacts cannot be removed");
            return Ok(Outcome::After(FIRST_RETRY));
        }
        self.shared.remove_finalizer(object, MANAGER).await.map(|()| Outcome::Settled)
    }

    async fn stand_by(&self, key: &ObjectKey, object: &Object) -> Result<Outcome, ApiError> {
        self.serve_stored(key, object).await;
        if requested(object).is_some() {
            let mut status = status_of(object);
            note_request(object, &mut status);
            self.write(object, &status).await?;
        }
        Ok(Outcome::Settled)
    }

    async fn refuse(&self, key: &ObjectKey, object: &Object, why: &str) -> Result<Outcome, ApiError> {
        self.serve_stored(key, object).await;
        let draft = Draft::of(object, self.shared.engine.now());
        let failure = Failure::fetch("Unsupported", why).stalling();
        self.write(object, &draft.failed(&failure)).await?;
        Ok(Outcome::Settled)
    }

    async fn follow(
        &self,
        key: &ObjectKey,
        object: &Object,
        spec: &K::Spec,
        reasons: &[Reason],
    ) -> Result<Outcome, ApiError> {
        let interval = parse_duration(K::settings(spec).interval).unwrap_or(Duration::from_secs(60));
        let is_asked = requested(object).is_some() || reasons.contains(&Reason::SourceChanged);
        // What others got of the same server a moment ago serves all of its users, unless someone asks.
        let max_age = if is_asked { Duration::ZERO } else { interval.min(SHARED_ANSWER) };
        let mut draft = Draft::of(object, self.shared.engine.now());
        let stored = self.kept(key, object, &draft).await;
        if stored.is_none() {
            draft.without_artifact();
        }
        let asked = Asked { shared: &self.shared, key, object, spec, max_age, stored: stored.as_ref() };
        let fetched = self.fetch(asked, &mut draft).await?;
        let published = match fetched {
            Ok(fetched) => {
                let revision = fetched.artifact.revision.to_string();
                let message = fetched.message.clone();
                let event = fetched.event.clone();
                let done = publish::prepare(&self.shared, key, fetched, stored.as_ref(), &mut draft).await;
                done.map(|news| (revision, message, event, news))
            }
            Err(failure) => Err(failure),
        };
        match published {
            Ok((revision, message, event, news)) => {
                self.failures(|failures| failures.remove(key));
                self.report_success(object, &draft, &revision, &event);
                self.write(object, &draft.succeeded(&message)).await?;
                // Not before the status names it: a process that starts while the source cannot be had goes by the
                // status, and must not go back behind what was applied.
                if let Some(news) = news {
                    self.shared.artifacts.publish(key, news);
                    // Those who use it are woken at once; the watch of our status would come a little later.
                    self.wake_users(key);
                }
                Ok(Outcome::After(self.shared.jittered(key, interval)))
            }
            Err(failure) => {
                self.serve_stored(key, object).await;
                self.failed(key, object, draft, &failure, interval).await
            }
        }
    }

    /// Fetches; says that it is under way when it takes long and someone waits to see it.
    async fn fetch(
        &self,
        asked: Asked<'_, K::Spec>,
        draft: &mut Draft,
    ) -> Result<Result<Fetched, Failure>, ApiError> {
        let object = asked.object;
        let under_way = draft.is_awaited(object).then(|| draft.under_way());
        let mut fetching = K::fetch(asked, draft);
        let Some(under_way) = under_way else { return Ok(fetching.await) };
        tokio::select! {
            fetched = &mut fetching => return Ok(fetched),
            () = tokio::time::sleep(SAY_AFTER) => {}
        }
        self.write(object, &under_way).await?;
        Ok(fetching.await)
    }

    /// The artifact that the status names, if it is still in storage as it was.
    async fn kept(&self, key: &ObjectKey, object: &Object, draft: &Draft) -> Option<StoredArtifact> {
        let stored = StoredArtifact::read(&draft.status)?;
        match publish::check(&self.shared, key, &stored).await {
            publish::Checked::Intact => Some(stored),
            publish::Checked::Missing => None,
            publish::Checked::Corrupt(why) => {
                let message = format!("failed to verify integrity of artifact: {why}");
                self.report(object, Severity::Warning, "ArtifactVerificationFailed", &message, json!({}));
                None
            }
        }
    }

    /// While the source cannot be had or is not looked at, what was stored before serves its users, also after a
    /// restart.
    async fn serve_stored(&self, key: &ObjectKey, object: &Object) {
        let artifacts = &self.shared.artifacts;
        if artifacts.get(key).is_some() {
            return;
        }
        let draft = Draft::of(object, self.shared.engine.now());
        let restored = match self.kept(key, object, &draft).await {
            Some(stored) => publish::restore(&self.shared, key, &stored).await.map_err(|e| e.to_string()),
            None => Err("there is no stored artifact".to_owned()),
        };
        match restored {
            Ok(restored) => artifacts.publish(key, restored),
            Err(why) => artifacts.trouble(key, &why),
        }
        self.wake_users(key);
    }

    async fn failed(
        &self,
        key: &ObjectKey,
        object: &Object,
        draft: Draft,
        failure: &Failure,
        interval: Duration,
    ) -> Result<Outcome, ApiError> {
        let count = self.failures(|failures| {
            let count = failures.entry(key.clone()).or_default();
            *count += 1;
            *count
        });
        let said = draft.before_condition(failure.condition);
        if !matches!(failure.then, Then::Wait(_)) && said != Some(&failure.message) {
            self.report(object, Severity::Warning, failure.reason, &failure.message, json!({}));
        }
        self.write(object, &draft.failed(failure)).await?;
        let pause = FIRST_RETRY.saturating_mul(2u32.saturating_pow(count.min(16) - 1)).min(LONGEST_RETRY);
        Ok(match failure.then {
            Then::Stall => Outcome::Settled,
            Then::Wait(pause) => Outcome::After(pause),
            Then::Retry => Outcome::After(pause.min(interval.max(FIRST_RETRY))),
        })
    }

    fn failures<T>(&self, with: impl FnOnce(&mut HashMap<ObjectKey, u32>) -> T) -> T {
        with(&mut self.failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn wake_users(&self, key: &ObjectKey) {
        wake_users(&self.shared, key);
    }

    fn report_success(&self, object: &Object, draft: &Draft, revision: &str, event: &str) {
        let digest = draft.status.pointer("/artifact/digest").and_then(Value::as_str).unwrap_or_default();
        let annotations = json!({
            "source.toolkit.fluxcd.io/revision": revision,
            "source.toolkit.fluxcd.io/digest": digest,
        });
        if draft.before("/artifact/digest") != Some(digest) {
            self.report(object, Severity::Normal, "NewArtifact", event, annotations);
        } else if draft.recovers() {
            self.report(object, Severity::Normal, "Succeeded", event, annotations);
        }
    }

    fn report(&self, object: &Object, severity: Severity, reason: &str, message: &str, annotations: Value) {
        let metadata = annotations.as_object().cloned().unwrap_or_default();
        self.shared.report(object, severity, reason, message, metadata, "source-controller");
    }

    async fn write(&self, object: &Object, status: &Value) -> Result<(), ApiError> {
        self.statuses.write(&self.shared.engine, &object.reference(), &status_of(object), status).await
    }
}

/// Brings up everyone who is interested in a source.
pub(crate) fn wake_users(shared: &Shared, key: &ObjectKey) {
    for user in shared.engine.routes().of(Place::HOME, key) {
        shared.engine.trigger(Trigger { key: user, reason: Reason::Object(key.clone()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_follows_from_what_is_there() {
        let state = |change: &dyn Fn(&mut State)| {
            let mut state = State {
                error: None,
                suspend: false,
                is_deleting: false,
                has_finalizer: true,
                unsupported: vec![],
            };
            change(&mut state);
            decide(&state)
        };
        assert_eq!(state(&|_| {}), Action::Follow);
        assert_eq!(state(&|s| s.has_finalizer = false), Action::Adopt);
        assert_eq!(state(&|s| s.suspend = true), Action::StandBy);
        assert_eq!(state(&|s| s.error = Some("bad".into())), Action::Refuse("bad".into()));
        let unsupported = state(&|s| s.unsupported = vec!["spec.a".into(), "spec.b".into()]);
        assert_eq!(unsupported, Action::Refuse("not supported: spec.a, spec.b".into()));
        let going = |s: &mut State| (s.is_deleting, s.suspend) = (true, true);
        assert_eq!(state(&|s| going(s)), Action::Release);
        assert_eq!(
            state(&|s| {
                going(s);
                s.has_finalizer = false;
            }),
            Action::Nothing
        );
    }
}
