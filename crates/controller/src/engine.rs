use crate::access::{Access, Accesses, definitions};
use crate::queue::{Queue, Work};
use crate::{Clock, Metrics, Place, Recorder, Routes};
use futures::FutureExt;
use futures::future::BoxFuture;
use holdfast_apply::Applier;
use holdfast_cluster::{Cluster, Endpoint, LiveEvent, LiveState, OwnerIndex};
use holdfast_object::{GroupKind, GroupVersionKind, Object, ObjectKey, ObjectRef, Value};
use holdfast_sync::{Bug, planted};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;

/// Why a custom resource is reconciled. Every cause of work is one of these, so that each can be seen, counted and
/// timed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It appeared, or this process did.
    Appeared,
    /// Its own desired part changed: spec, annotations, labels, finalizers, deletion.
    Changed,
    /// An object that it is interested in changed.
    Object(ObjectKey),
    /// A kind that it is interested in was listed anew, or can be read again.
    Listed(GroupKind),
    /// Its interval, a back-off or a deadline is over.
    Due,
    /// A source has news (a webhook, a commit in a local folder).
    SourceChanged,
    /// It failed in a way that is worth another try.
    Retry,
}

impl Reason {
    /// The label of the reason in metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Appeared => "appeared",
            Self::Changed => "changed",
            Self::Object(_) => "object",
            Self::Listed(_) => "listed",
            Self::Due => "due",
            Self::SourceChanged => "source",
            Self::Retry => "retry",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(key) => write!(f, "{key} changed"),
            Self::Listed(kind) => write!(f, "{kind} was listed"),
            other => f.write_str(other.label()),
        }
    }
}

/// A custom resource and why it is to be reconciled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The custom resource.
    pub key: ObjectKey,
    /// Why.
    pub reason: Reason,
}

/// What a reconcile comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more until something happens.
    Settled,
    /// Ask again after this long, unless something happens before.
    After(Duration),
    /// Ask again at this moment, unless something happens before.
    At(Instant),
    /// There is something to do that others may go before: ask again once they had their turn.
    GiveWay,
    /// A request failed in a way that may pass: ask again soon, later each time that happens in a row, and not before
    /// the time that the server asked for.
    Retry(Option<Duration>),
}

/// A front-end's work on its kinds of custom resources.
pub trait Reconciler: Send + Sync {
    /// The kinds it reconciles.
    fn kinds(&self) -> Vec<GroupVersionKind>;

    /// Brings one custom resource a step further. Must not wait for the cluster to become anything: it sends
    /// requests, and what it then waits for it leaves to [`Routes`] and the outcome.
    fn reconcile<'a>(&'a self, work: &'a Work<ObjectKey, Reason>) -> BoxFuture<'a, Outcome>;
}

/// How an engine runs.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Reconciles under way at once. They never wait, so this bounds memory and requests, not progress.
    pub concurrency: usize,
    /// By what live objects are found for their owners.
    pub owners: Vec<OwnerIndex>,
    /// The name under which events are reported.
    pub reporter: String,
    /// The pause before a reconcile that panicked is tried again.
    pub panic_pause: Duration,
    /// Where the time of day comes from.
    pub clock: Clock,
}

/// The home cluster and others that apps deploy to, the queue and the routes. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    home: Access,
    accesses: Accesses,
    recorder: Recorder,
    routes: Arc<Routes>,
    queue: Queue<ObjectKey, Reason>,
    metrics: Metrics,
    options: EngineOptions,
    /// How often in a row a reconcile came to [`Outcome::Retry`].
    retries: Mutex<HashMap<ObjectKey, u32>>,
    /// What of a custom resource was seen last, without what its status holds.
    seen: Mutex<HashMap<ObjectKey, u64>>,
    events: Mutex<Option<mpsc::UnboundedReceiver<LiveEvent>>>,
}

impl Engine {
    /// An engine for one cluster. Nothing runs before [`Engine::run`].
    pub fn new(cluster: Cluster, options: EngineOptions) -> Self {
        let metrics = Metrics::default();
        let recorder = Recorder::new(cluster.clone(), &options.reporter);
        let routes = Arc::new(Routes::default());
        let shared = (metrics.clone(), routes.clone());
        let (home, events) = Access::home(cluster, options.owners.clone(), shared);
        let inner = Inner {
            home,
            accesses: Accesses::default(),
            recorder,
            routes,
            queue: Queue::default(),
            metrics,
            retries: Mutex::default(),
            seen: Mutex::default(),
            events: Mutex::new(Some(events)),
            options,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The home cluster under our own identity. Others by [`Engine::access`].
    pub fn home(&self) -> &Access {
        &self.inner.home
    }

    pub(crate) fn accesses(&self) -> &Accesses {
        &self.inner.accesses
    }

    pub(crate) fn shared_routes(&self) -> Arc<Routes> {
        self.inner.routes.clone()
    }

    pub(crate) fn owners(&self) -> &[OwnerIndex] {
        &self.inner.options.owners
    }

    /// The home cluster.
    pub fn cluster(&self) -> &Cluster {
        self.home().cluster()
    }

    /// What is live in the home cluster.
    pub fn live(&self) -> &LiveState {
        self.home().live()
    }

    /// What writes to the home cluster.
    pub fn applier(&self) -> &Applier {
        self.home().applier()
    }

    /// What reports events.
    pub fn recorder(&self) -> &Recorder {
        &self.inner.recorder
    }

    /// Who is interested in what.
    pub fn routes(&self) -> &Routes {
        &self.inner.routes
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.inner.options.clock.now()
    }

    /// Counters and timings.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Keys that wait for a worker, and keys that wait for their time.
    pub fn queue_depth(&self) -> (usize, usize) {
        self.inner.queue.depth()
    }

    /// Asks for a custom resource to be reconciled.
    pub fn trigger(&self, trigger: Trigger) {
        self.inner.metrics.triggered(&trigger);
        self.inner.queue.trigger(trigger.key, trigger.reason);
    }

    /// Runs the reconcilers until `stop` turns true, then lets those under way finish.
    pub async fn run(&self, reconcilers: Vec<Arc<dyn Reconciler>>, mut stop: watch::Receiver<bool>) {
        let mut by_kind: HashMap<GroupKind, Arc<dyn Reconciler>> = HashMap::new();
        for reconciler in &reconcilers {
            for gvk in reconciler.kinds() {
                by_kind.insert(gvk.group_kind(), reconciler.clone());
            }
        }
        let taken = self.inner.events.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let Some(events) = taken else {
            tracing::error!("the engine runs already");
            return;
        };
        let own: Arc<HashSet<GroupKind>> = Arc::new(by_kind.keys().cloned().collect());
        let router = tokio::spawn(self.clone().route(events, own));
        let keeper = tokio::spawn(self.clone().keep_watched(reconcilers));
        let slots = Arc::new(Semaphore::new(self.inner.options.concurrency));
        loop {
            let work = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                work = self.next(&slots) => work,
            };
            let Some((work, slot)) = work else { break };
            let Some(reconciler) = by_kind.get(&work.key.group_kind()).cloned() else {
                self.inner.queue.finish(&work.key, None);
                continue;
            };
            let engine = self.clone();
            tokio::spawn(async move {
                engine.reconcile(reconciler.as_ref(), work).await;
                drop(slot);
            });
        }
        router.abort();
        keeper.abort();
        // What is under way may finish: every slot free means nothing is.
        let all = u32::try_from(self.inner.options.concurrency).unwrap_or(u32::MAX);
        let _ = slots.acquire_many(all).await;
    }

    async fn next(
        &self,
        slots: &Arc<Semaphore>,
    ) -> Option<(Work<ObjectKey, Reason>, tokio::sync::OwnedSemaphorePermit)> {
        let slot = slots.clone().acquire_owned().await.ok()?;
        let work = self.inner.queue.next().await;
        // After a restore from backup kinds are listed anew one after the other: who decided in between would decide
        // on a mixture of two times.
        self.live().settled().await;
        Some((work, slot))
    }

    async fn reconcile(&self, reconciler: &dyn Reconciler, work: Work<ObjectKey, Reason>) {
        let began = Instant::now();
        let outcome = AssertUnwindSafe(reconciler.reconcile(&work)).catch_unwind().await;
        let took = began.elapsed();
        self.inner.metrics.reconciled(&work.key, began - work.since, took, outcome.is_err());
        let reasons: Vec<&str> = work.reasons.iter().map(Reason::label).collect();
        tracing::debug!(resource = %work.key, ?reasons, ?took, ?outcome, "reconciled");
        let retries = self.count_retries(&work.key, matches!(outcome, Ok(Outcome::Retry(_))));
        let again = match outcome {
            Ok(Outcome::Settled) => None,
            Ok(Outcome::GiveWay) => return self.inner.queue.give_way(&work.key, Reason::Due),
            Ok(Outcome::Retry(asked)) => {
                let pause = retry_pause(retries).max(asked.unwrap_or_default());
                Some((Instant::now() + pause, Reason::Retry))
            }
            Ok(Outcome::After(pause)) => Some((Instant::now() + pause, Reason::Due)),
            Ok(Outcome::At(at)) => Some((at, Reason::Due)),
            Err(_) => {
                tracing::error!(resource = %work.key, "reconcile panicked; it is tried again");
                Some((Instant::now() + self.inner.options.panic_pause, Reason::Retry))
            }
        };
        self.inner.queue.finish(&work.key, again);
    }

    /// Which failure in a row this is for a resource; none when it was no failure.
    fn count_retries(&self, key: &ObjectKey, is_retry: bool) -> u32 {
        let mut retries = self.inner.retries.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !is_retry {
            retries.remove(key);
            return 0;
        }
        let count = retries.entry(key.clone()).or_default();
        *count += 1;
        *count
    }

    /// Watches the reconcilers' own kinds; those that are not installed are looked for whenever a definition changes.
    async fn keep_watched(self, reconcilers: Vec<Arc<dyn Reconciler>>) {
        let mut wanted = vec![definitions()];
        wanted.extend(reconcilers.iter().flat_map(|r| r.kinds()));
        let mut pause = FIRST_DISCOVERY_PAUSE;
        loop {
            let mut failed = false;
            for gvk in &wanted {
                if let Err(error) = self.live().ensure(gvk).await {
                    tracing::warn!(kind = %gvk, %error, "cannot watch yet");
                    failed = true;
                }
            }
            for kind in ADMISSION_KINDS {
                let kind = GroupKind::new("admissionregistration.k8s.io", kind);
                let served = self.cluster().discovery().preferred(&kind);
                if let Some(resource) = served {
                    failed |= self.live().ensure_names(&resource.gvk).await.is_err();
                }
            }
            if !failed {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_DISCOVERY_PAUSE);
        }
    }

    async fn route(self, mut events: mpsc::UnboundedReceiver<LiveEvent>, own: Arc<HashSet<GroupKind>>) {
        while let Some(event) = events.recv().await {
            if let LiveEvent::Object { object, was_deleted } = &event
                && own.contains(&object.key.group_kind())
                && let Some(reason) = self.own_change(object, *was_deleted)
            {
                self.trigger(Trigger { key: object.key.clone(), reason });
            }
            self.route_event(self.home(), &event, &own);
        }
    }

    /// Routes the events of another access until it is given up.
    pub(crate) async fn route_from(
        self,
        place: Place,
        endpoint: Endpoint,
        mut events: mpsc::UnboundedReceiver<LiveEvent>,
    ) {
        while let Some(event) = events.recv().await {
            let Some(access) = self.accesses().of(&endpoint).into_iter().find(|a| a.place() == place) else {
                return;
            };
            self.route_event(&access, &event, &Arc::default());
        }
    }

    fn route_event(&self, access: &Access, event: &LiveEvent, own: &Arc<HashSet<GroupKind>>) {
        let place = access.place();
        match event {
            LiveEvent::Object { .. } if planted(Bug::BlindToDrift) => {}
            LiveEvent::Object { object, .. } => {
                for key in self.inner.routes.of(place, &object.key) {
                    self.trigger(Trigger { key, reason: Reason::Object(object.key.clone()) });
                }
                if object.key.group == "admissionregistration.k8s.io" {
                    self.accesses().of(access.endpoint()).iter().chain([access]).for_each(|a| {
                        a.live().admission_changed();
                    });
                }
                if object.key.group_kind() == definitions().group_kind() {
                    let changed =
                        self.clone().definition_changed(access.clone(), object.clone(), own.clone());
                    tokio::spawn(changed);
                }
            }
            LiveEvent::WentBack => self.begin_anew(access, own),
            LiveEvent::Synced(gvk) => self.route_kind(place, &gvk.group_kind()),
            LiveEvent::Failed(gvk, error) => {
                tracing::warn!(kind = %gvk, %error, "cannot be watched just now");
                self.route_kind(place, &gvk.group_kind());
            }
        }
    }

    /// Everything that was decided before the cluster went back in time is decided again.
    fn begin_anew(&self, access: &Access, own: &HashSet<GroupKind>) {
        let mut concerned = self.inner.routes.at(access.place());
        if access.place() == Place::HOME {
            let mut seen = self.inner.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            concerned.extend(std::mem::take(&mut *seen).into_keys());
            drop(seen);
            let kinds = own.iter().filter_map(|kind| access.cluster().discovery().preferred(kind));
            concerned.extend(kinds.flat_map(|kind| access.live().all(&kind.gvk)).map(|object| object.key()));
        }
        for key in concerned {
            let kind = key.group_kind();
            self.trigger(Trigger { key, reason: Reason::Listed(kind) });
        }
    }

    fn route_kind(&self, place: Place, kind: &GroupKind) {
        for key in self.inner.routes.of_kind(place, &kind.group, &kind.kind) {
            self.trigger(Trigger { key, reason: Reason::Listed(kind.clone()) });
        }
    }

    /// Why a change of a custom resource itself matters, if it does: our own status writes do not.
    fn own_change(&self, object: &ObjectRef, was_deleted: bool) -> Option<Reason> {
        let mut seen = self.inner.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if was_deleted {
            seen.remove(&object.key);
            return Some(Reason::Changed);
        }
        let hash = desired_hash(&*self.live().object(object)?);
        match seen.insert(object.key.clone(), hash) {
            None => Some(Reason::Appeared),
            Some(before) if before == hash => None,
            Some(_) => Some(Reason::Changed),
        }
    }

    /// A definition came or changed: kinds that were not served may be now. The server's discovery lags behind its
    /// own word that a definition is established, so it is read again until the kind is in it, for a while.
    async fn definition_changed(self, access: Access, definition: ObjectRef, own: Arc<HashSet<GroupKind>>) {
        let Some(kind) = established_kind(access.live(), &definition) else {
            // It went, and its kind with it: what is asked for again is to be found missing.
            if let Err(error) = access.cluster().refresh_discovery().await {
                tracing::debug!(%error, "cannot read the discovery");
            }
            return;
        };
        let mut pause = FIRST_DISCOVERY_PAUSE;
        while pause < LONGEST_DISCOVERY_PAUSE {
            if let Err(error) = access.cluster().refresh_discovery().await {
                tracing::warn!(%error, "cannot read the discovery");
            }
            if let Some(resource) = access.cluster().discovery().preferred(&kind) {
                if own.contains(&kind) {
                    let _ = access.live().ensure(&resource.gvk).await;
                }
                let same = self.accesses().of(access.endpoint());
                for live in same.iter().chain([&access]).map(Access::live) {
                    for missing in live.missing_kinds().iter().filter(|gvk| gvk.group_kind() == kind) {
                        let _ = live.ensure(missing).await;
                    }
                }
                return;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

/// The kind of a definition that is established.
fn established_kind(live: &LiveState, definition: &ObjectRef) -> Option<GroupKind> {
    let object = live.object(definition)?;
    let conditions = object.get(&["status", "conditions"])?.as_array()?;
    conditions.iter().find(|c| c["type"] == "Established" && c["status"] == "True")?;
    object.defined_kind()
}

/// What decides how the server changes what is applied.
const ADMISSION_KINDS: [&str; 3] =
    ["MutatingWebhookConfiguration", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"];

/// The pause after the first failure in a row, and the longest.
const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_RETRY_PAUSE: Duration = Duration::from_secs(30);

/// The pause after the failure of this number in a row.
fn retry_pause(count: u32) -> Duration {
    FIRST_RETRY_PAUSE.saturating_mul(1 << (count.clamp(1, 16) - 1)).min(LONGEST_RETRY_PAUSE)
}

/// The pauses between attempts to read the discovery at the start.
const FIRST_DISCOVERY_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_DISCOVERY_PAUSE: Duration = Duration::from_secs(10);

/// A hash over what of a custom resource others decide: everything but its status and what the server keeps.
fn desired_hash(object: &Object) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (key, value) in object.as_map() {
        match (key.as_str(), value) {
            ("status", _) => {}
            ("metadata", Value::Object(metadata)) => {
                let kept =
                    ["uid", "labels", "annotations", "finalizers", "deletionTimestamp", "ownerReferences"];
                for field in kept {
                    metadata.get(field).map(Value::to_string).hash(&mut hasher);
                }
            }
            _ => (key, value.to_string()).hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<u128> = [0, 1, 2, 3, 8, 9, 60].map(|count| retry_pause(count).as_millis()).into();
        assert_eq!(pauses, [200, 200, 400, 800, 25_600, 30_000, 30_000]);
    }

    #[test]
    fn only_what_others_decide_counts_as_a_change() {
        let base = json!({"apiVersion": "a/v1", "kind": "A",
            "metadata": {"name": "a", "resourceVersion": "1", "generation": 1, "labels": {"x": "y"}},
            "spec": {"interval": "1m"}, "status": {"ready": false}});
        let hash = |change: &dyn Fn(&mut Value)| {
            let mut value = base.clone();
            change(&mut value);
            desired_hash(&Object::new(value).unwrap())
        };
        let same = hash(&|_| {});
        assert_eq!(same, hash(&|v| v["status"] = json!({"ready": true})));
        assert_eq!(same, hash(&|v| v["metadata"]["resourceVersion"] = json!("2")));
        assert_ne!(same, hash(&|v| v["spec"]["interval"] = json!("2m")));
        assert_ne!(same, hash(&|v| v["metadata"]["annotations"] = json!({"a": "b"})));
        assert_ne!(same, hash(&|v| v["operation"] = json!({"sync": {}})));
    }
}
