//! What is live of the kinds in use.

mod rights;
mod seals;
mod store;

use crate::error::{ApiError, ApiErrorKind};
use crate::watch::{Followed, Seen, WatchItem, follow};
use crate::{ApiRequest, ApiResource, Cluster};
use futures::{StreamExt, stream};
use holdfast_object::{GroupKind, GroupVersionKind, Object, ObjectKey, ObjectRef, Packed, Packer};
use holdfast_sync::{Bug, Live, LiveObject, LiveView, Question, planted};
use rights::{Narrower, narrower};
pub use seals::SealCounts;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use store::{Condition, Entry, Follow, Scope, Store};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::AbortHandle;

/// How many bodies are read at once.
const FILLS: usize = 16;

/// What live objects are indexed by, besides their names: whom they say they belong to.
#[derive(Debug, Clone)]
pub enum OwnerIndex {
    /// The text before the first `:` of this annotation (Argo CD's tracking id).
    AnnotationPrefix(String),
    /// The values of these labels, joined by `/` (Flux: namespace and name of the Kustomization).
    Labels(Vec<String>),
}

impl OwnerIndex {
    fn owner(&self, seen: &Seen) -> Option<String> {
        match self {
            Self::AnnotationPrefix(key) => {
                seen.annotations.get(key)?.split_once(':').map(|(instance, _)| instance.to_owned())
            }
            Self::Labels(keys) => keys
                .iter()
                .map(|key| seen.labels.get(key).map(String::as_str))
                .collect::<Option<Vec<_>>>()
                .map(|v| v.join("/")),
        }
    }
}

/// Something changed in the cluster.
#[derive(Debug, Clone)]
pub enum LiveEvent {
    /// An object appeared, changed or went; `was_deleted` when it went.
    Object {
        /// Which object.
        object: ObjectRef,
        /// It is gone.
        was_deleted: bool,
    },
    /// A kind was listed in full: what is not there is known to be absent. Also after a watch that had to start over.
    Synced(GroupVersionKind),
    /// A kind cannot be listed or watched just now.
    Failed(GroupVersionKind, ApiError),
    /// The cluster went back in time, and everything was listed anew since: see [`LiveState::epoch`].
    WentBack,
}

/// An object that says whom it belongs to.
pub type Owned = ObjectRef;

/// Tells whether anyone is interested in an object; of others only that they are there is held.
pub type Interest = Arc<dyn Fn(&ObjectKey) -> bool + Send + Sync>;

/// The live objects of every kind in use. Cheap to clone; all clones are one.
///
/// Whole kinds are watched; where rights do not allow that, the namespaces that were asked for; where rights do not
/// allow that either, the objects that were asked for are read one by one, from time to time. Bodies are held as
/// JSON, of objects that someone is interested in or that say whom they belong to.
#[derive(Clone)]
pub struct LiveState {
    shared: Arc<Shared>,
}

struct Shared {
    cluster: Cluster,
    index: Vec<OwnerIndex>,
    interest: Option<Interest>,
    state: RwLock<State>,
    events: mpsc::UnboundedSender<LiveEvent>,
    epoch: AtomicU64,
    /// How many watches still hold what is from before the cluster went back in time.
    outdated: watch::Sender<usize>,
    seals: seals::Counters,
    /// Objects are held packed by it.
    packer: Packer,
}

#[derive(Default)]
struct State {
    stores: BTreeMap<GroupVersionKind, Store>,
    /// The versions of a kind that are watched.
    versions: HashMap<GroupKind, Vec<String>>,
    owners: HashMap<String, BTreeSet<Owned>>,
    expected: HashMap<ObjectKey, seals::Expected>,
    rounds: u64,
    /// How often we wrote.
    writes: u64,
    /// The cluster went back in time, and not everything was listed anew since.
    is_back: bool,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let follows = state.stores.values().flat_map(|store| store.scopes.values());
        follows.filter_map(|follow| follow.watch.as_ref()).for_each(AbortHandle::abort);
    }
}

impl LiveState {
    /// An empty state that watches nothing yet and holds everything it sees, and the stream of what will change. The
    /// stream must be read; it holds references only, so that a slow reader costs little.
    pub fn new(cluster: Cluster, index: Vec<OwnerIndex>) -> (Self, mpsc::UnboundedReceiver<LiveEvent>) {
        Self::with(cluster, index, None)
    }

    /// The same, holding bodies only where someone is interested; see [`LiveState::ensure_objects`].
    pub fn sparing(
        cluster: Cluster,
        index: Vec<OwnerIndex>,
        interest: Interest,
    ) -> (Self, mpsc::UnboundedReceiver<LiveEvent>) {
        Self::with(cluster, index, Some(interest))
    }

    fn with(
        cluster: Cluster,
        index: Vec<OwnerIndex>,
        interest: Option<Interest>,
    ) -> (Self, mpsc::UnboundedReceiver<LiveEvent>) {
        let (events, receiver) = mpsc::unbounded_channel();
        let shared = Shared {
            cluster,
            index,
            interest,
            state: RwLock::default(),
            events,
            epoch: AtomicU64::new(0),
            outdated: watch::Sender::new(0),
            seals: seals::Counters::default(),
            packer: Packer::default(),
        };
        (Self { shared: Arc::new(shared) }, receiver)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.shared.state.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.shared.state.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Sees to it that a whole kind is watched, with the bodies of all its objects. Returns at once;
    /// [`LiveEvent::Synced`] follows. A kind that the server does not serve is looked up again with each call.
    ///
    /// # Errors
    /// [`ApiError`] when the discovery cannot be read; a kind that does not exist is no error.
    pub async fn ensure(&self, gvk: &GroupVersionKind) -> Result<(), ApiError> {
        self.ensure_kind(gvk, BTreeSet::new(), true).await
    }

    /// The same for the names alone: what comes and goes, not what it holds.
    ///
    /// # Errors
    /// As [`LiveState::ensure`].
    pub async fn ensure_names(&self, gvk: &GroupVersionKind) -> Result<(), ApiError> {
        self.ensure_kind(gvk, BTreeSet::new(), false).await
    }

    /// Sees to it that these objects are watched, and that their bodies are there as far as what is watched says that
    /// they exist. Register the interest in them first.
    ///
    /// # Errors
    /// [`ApiError`] when the discovery or an object cannot be read; a kind that does not exist is no error.
    pub async fn ensure_objects(
        &self,
        objects: impl IntoIterator<Item = &ObjectRef>,
    ) -> Result<(), ApiError> {
        let objects: Vec<&ObjectRef> = objects.into_iter().collect();
        let mut kinds: BTreeMap<GroupVersionKind, BTreeSet<String>> = BTreeMap::new();
        let mut bare = Vec::new();
        for object in objects.iter().copied() {
            let namespace = object.key.namespace.clone();
            kinds.entry(object.gvk()).or_default().insert(namespace);
            bare.extend(self.without_body(object));
        }
        for (gvk, namespaces) in kinds {
            self.ensure_kind(&gvk, namespaces, false).await?;
        }
        self.read_one_by_one(objects);
        let reads: Vec<_> = bare.into_iter().map(|(object, resource)| self.fill(object, resource)).collect();
        let mut reads = stream::iter(reads).buffered(FILLS);
        while let Some(read) = reads.next().await {
            read?;
        }
        Ok(())
    }

    async fn ensure_kind(
        &self,
        gvk: &GroupVersionKind,
        namespaces: BTreeSet<String>,
        is_whole: bool,
    ) -> Result<(), ApiError> {
        if self.is_followed(gvk, &namespaces, is_whole) {
            return Ok(());
        }
        let resource = match self.shared.cluster.resource(gvk).await {
            Ok(resource) => Some(resource),
            Err(error) if error.kind == ApiErrorKind::NoSuchKind => None,
            Err(error) => return Err(error),
        };
        let mut state = self.write();
        let store = state.stores.entry(gvk.clone()).or_default();
        store.wanted.extend(namespaces);
        store.is_whole |= is_whole;
        let Some(resource) = resource else { return Ok(()) };
        if store.resource.is_none() {
            store.resource = Some(resource.clone());
            // A kind that cannot be watched (a review, say) is known to hold nothing: whatever is desired of it is
            // sent.
            if resource.watchable {
                self.start(&mut state, gvk, Scope::Cluster);
            } else {
                store.scopes.insert(Scope::Cluster, Follow::new(0, None, Arc::default()));
            }
            let versions = state.versions.entry(gvk.group_kind()).or_default();
            if !versions.contains(&gvk.version) {
                versions.push(gvk.version.clone());
            }
        } else {
            for scope in store.uncovered() {
                self.start(&mut state, gvk, scope);
            }
        }
        Ok(())
    }

    fn is_followed(&self, gvk: &GroupVersionKind, namespaces: &BTreeSet<String>, is_whole: bool) -> bool {
        let state = self.read();
        let Some(store) = state.stores.get(gvk).filter(|store| store.resource.is_some()) else {
            return false;
        };
        store.is_whole >= is_whole && namespaces.is_subset(&store.wanted)
    }

    /// Begins to follow one scope of a kind, from the start.
    fn start(&self, state: &mut State, gvk: &GroupVersionKind, scope: Scope) {
        state.rounds += 1;
        let round = state.rounds;
        let Some(store) = state.stores.get_mut(gvk) else { return };
        let Some(resource) = store.resource.clone() else { return };
        let hurry = Arc::new(Notify::new());
        let followed = Followed {
            cluster: self.shared.cluster.clone(),
            resource,
            namespace: scope.namespace().to_owned(),
            hurry: hurry.clone(),
        };
        let (weak, watched, within) = (Arc::downgrade(&self.shared), gvk.clone(), scope.clone());
        let (asked, kind, at) = (weak.clone(), gvk.clone(), scope.clone());
        let give = move |item| {
            let Some(shared) = weak.upgrade() else { return false };
            LiveState { shared }.take(&watched, &within, round, item)
        };
        let singles = move || {
            asked.upgrade().map(|shared| LiveState { shared }.singles(&kind, &at)).unwrap_or_default()
        };
        let watch = Some(tokio::spawn(follow(followed, give, singles)).abort_handle());
        let follow = Follow::new(round, watch, hurry);
        if let Some(before) = store.scopes.insert(scope, follow)
            && let Some(watch) = before.watch
        {
            watch.abort();
        }
    }

    /// Kinds that were asked for and that the server did not serve.
    pub fn missing_kinds(&self) -> Vec<GroupVersionKind> {
        let state = self.read();
        let is_missing = |(_, store): &(&GroupVersionKind, &Store)| store.resource.is_none();
        state.stores.iter().filter(is_missing).map(|(gvk, _)| gvk.clone()).collect()
    }

    /// Takes in what a watch brought; false when nobody listens to that watch any more.
    fn take(&self, gvk: &GroupVersionKind, scope: &Scope, round: u64, item: WatchItem) -> bool {
        let mut events = Vec::new();
        {
            let mut state = self.write();
            if state.follow(gvk, scope).is_none_or(|follow| follow.round != round) {
                return false;
            }
            match item {
                WatchItem::Reset(seen, version) => {
                    self.reset(&mut state, gvk, scope, seen, &version, &mut events);
                    events.push(LiveEvent::Synced(gvk.clone()));
                }
                WatchItem::Changed(seen) => {
                    let version = seen.resource_version.parse().ok();
                    if let Some(object) = self.put(&mut state, gvk, seen, false) {
                        events.push(LiveEvent::Object { object, was_deleted: false });
                    }
                    self.note_version(&mut state, gvk, scope, version);
                }
                WatchItem::Gone(seen) => {
                    let object = ObjectRef::new(gvk, &seen.namespace, &seen.name);
                    let version = seen.resource_version.parse().ok();
                    // One that went before we made it anew says nothing about ours.
                    if state.expected.get(&object.key).is_some_and(|e| !goes_back(version, Some(e.version))) {
                        state.expected.remove(&object.key);
                    }
                    state.remove(&object);
                    events.push(LiveEvent::Object { object, was_deleted: true });
                }
                WatchItem::Failed(error) => self.failed(&mut state, gvk, scope, error, &mut events),
                WatchItem::Read(read) => self.take_read(&mut state, gvk, scope, read, &mut events),
            }
            self.count_outdated(&mut state, &mut events);
        }
        for event in events {
            // Nobody listens once the engine is going down.
            let _ = self.shared.events.send(event);
        }
        true
    }

    fn failed(
        &self,
        state: &mut State,
        gvk: &GroupVersionKind,
        scope: &Scope,
        error: ApiError,
        events: &mut Vec<LiveEvent>,
    ) {
        let Some(store) = state.stores.get_mut(gvk) else { return };
        let was = store.scopes.get(scope).map(|follow| follow.condition.clone());
        let is_namespaced = store.resource.as_ref().is_some_and(|resource| resource.namespaced);
        let instead = narrower(scope, is_namespaced, store.is_whole, was == Some(Condition::Synced));
        match error.kind {
            ApiErrorKind::NoSuchKind | ApiErrorKind::NotFound => {
                let follows = std::mem::take(&mut store.scopes);
                follows.into_values().filter_map(|f| f.watch).for_each(|watch| watch.abort());
                store.resource = None;
                let gone: Vec<ObjectRef> =
                    store.entries.keys().map(|(ns, name)| ObjectRef::new(gvk, ns, name)).collect();
                gone.iter().for_each(|object| state.remove(object));
                state.expected.retain(|key, _| key.group_kind() != gvk.group_kind());
            }
            ApiErrorKind::Forbidden if instead != Narrower::Nothing => {
                return self.narrow(state, gvk, scope, (instead, error), events);
            }
            _ if was == Some(Condition::Synced) => {}
            // Until it can be listed anew nothing is known.
            _ if was == Some(Condition::Outdated) && error.is_transient() => {}
            _ => {
                if was == Some(Condition::Outdated) {
                    store.entries.retain(|(namespace, _), _| !scope.covers(namespace));
                }
                if let Some(follow) = store.scopes.get_mut(scope) {
                    follow.condition = Condition::Failed(error.clone());
                }
            }
        }
        events.push(LiveEvent::Failed(gvk.clone(), error));
    }

    /// Follows less, where rights do not allow all.
    fn narrow(
        &self,
        state: &mut State,
        gvk: &GroupVersionKind,
        scope: &Scope,
        (instead, error): (Narrower, ApiError),
        events: &mut Vec<LiveEvent>,
    ) {
        let Some(store) = state.stores.get_mut(gvk) else { return };
        if store.scopes.get(scope).is_some_and(|follow| follow.condition == Condition::Outdated) {
            store.entries.retain(|(namespace, _), _| !scope.covers(namespace));
        }
        if instead == Narrower::Objects {
            return self.begin_one_by_one(state, gvk, scope, error, events);
        }
        tracing::debug!(kind = %gvk, %error, "watched by namespace");
        if let Some(watch) = store.scopes.remove(scope).and_then(|follow| follow.watch) {
            watch.abort();
        }
        for scope in store.uncovered() {
            self.start(state, gvk, scope);
        }
    }

    fn reset(
        &self,
        state: &mut State,
        gvk: &GroupVersionKind,
        scope: &Scope,
        seen: Vec<Seen>,
        version: &str,
        events: &mut Vec<LiveEvent>,
    ) {
        let listed: Option<u64> = version.parse().ok();
        let known = state.follow(gvk, scope).and_then(|follow| follow.version);
        let is_older = |seen: &Seen| {
            let at = (seen.namespace.clone(), seen.name.clone());
            let held = state.stores.get(gvk).and_then(|store| store.entries.get(&at));
            goes_back(seen.resource_version.parse().ok(), held.and_then(Entry::version))
        };
        let is_outdated = state.follow(gvk, scope).is_some_and(|f| f.condition == Condition::Outdated);
        let went_back = !is_outdated && (goes_back(listed, known) || seen.iter().any(is_older));
        let present: HashSet<(&str, &str)> =
            seen.iter().map(|s| (s.namespace.as_str(), s.name.as_str())).collect();
        let gone: Vec<ObjectRef> = state.stores.get(gvk).map_or_else(Vec::new, |store| {
            let is_gone = |at: &&(String, String)| {
                scope.covers(&at.0)
                    && !present.contains(&(at.0.as_str(), at.1.as_str()))
                    && !planted(Bug::StaleCache)
            };
            store.entries.keys().filter(is_gone).map(|(ns, name)| ObjectRef::new(gvk, ns, name)).collect()
        });
        if went_back {
            self.went_back(state, gvk, Some(scope));
        }
        for object in gone {
            state.remove(&object);
            events.push(LiveEvent::Object { object, was_deleted: true });
        }
        for seen in seen {
            if let Some(object) = self.put(state, gvk, seen, true) {
                events.push(LiveEvent::Object { object, was_deleted: false });
            }
        }
        // What the list does not show of our writes by now it never will.
        let is_answered = |key: &ObjectKey, expected: &seals::Expected| {
            key.group_kind() == gvk.group_kind()
                && scope.covers(&key.namespace)
                && listed.is_none_or(|listed| expected.version <= listed)
        };
        state.expected.retain(|key, expected| !is_answered(key, expected));
        if let Some(follow) = state.stores.get_mut(gvk).and_then(|store| store.scopes.get_mut(scope)) {
            follow.condition = Condition::Synced;
            follow.one_by_one = None;
            follow.version = listed;
        }
    }

    /// Notes how far a watch has come. One that brings what is older than it brought before is of a cluster that went
    /// back in time.
    fn note_version(&self, state: &mut State, gvk: &GroupVersionKind, scope: &Scope, version: Option<u64>) {
        let known = state.follow(gvk, scope).and_then(|follow| follow.version);
        if goes_back(version, known) {
            return self.went_back(state, gvk, None);
        }
        if let Some(follow) = state.stores.get_mut(gvk).and_then(|store| store.scopes.get_mut(scope)) {
            follow.version = version.or(follow.version);
        }
    }

    /// The cluster was restored from a backup. Only what `believed` has just listed is of the new time; what the other
    /// watches hold is not to be believed until they have listed anew.
    fn went_back(&self, state: &mut State, gvk: &GroupVersionKind, believed: Option<&Scope>) {
        tracing::warn!(kind = %gvk, "the cluster went back in time: everything is listed anew");
        self.shared.epoch.fetch_add(1, Ordering::Relaxed);
        state.is_back = true;
        state.expected.clear();
        state.stores.values_mut().flat_map(|s| s.entries.values_mut()).for_each(|entry| entry.sealed = None);
        let others: Vec<(GroupVersionKind, Scope)> = state
            .stores
            .iter()
            .flat_map(|(kind, store)| store.scopes.iter().map(move |(at, follow)| (kind, at, follow)))
            .filter(|(kind, at, follow)| (*kind, Some(*at)) != (gvk, believed) && follow.watch.is_some())
            .map(|(kind, at, _)| (kind.clone(), at.clone()))
            .collect();
        for (kind, at) in others {
            self.start(state, &kind, at.clone());
            if let Some(follow) = state.stores.get_mut(&kind).and_then(|store| store.scopes.get_mut(&at)) {
                follow.condition = Condition::Outdated;
            }
        }
    }

    fn count_outdated(&self, state: &mut State, events: &mut Vec<LiveEvent>) {
        if !state.is_back {
            return;
        }
        let follows = state.stores.values().flat_map(|store| store.scopes.values());
        let outdated = follows.filter(|follow| follow.condition == Condition::Outdated).count();
        self.shared.outdated.send_replace(outdated);
        if outdated == 0 {
            state.is_back = false;
            events.push(LiveEvent::WentBack);
        }
    }

    /// Stores an object; `None` when it is the same version that is stored already. A seal stays with the object
    /// while one watch tells of all its changes; a list that starts over may hide some.
    fn put(
        &self,
        state: &mut State,
        gvk: &GroupVersionKind,
        seen: Seen,
        is_listed: bool,
    ) -> Option<ObjectRef> {
        let at = (seen.namespace.clone(), seen.name.clone());
        let object = ObjectRef::new(gvk, &seen.namespace, &seen.name);
        let owners: Box<[String]> = self.shared.index.iter().filter_map(|index| index.owner(&seen)).collect();
        let store = state.stores.get_mut(gvk)?;
        let is_kept = store.is_whole
            || !owners.is_empty()
            || self.shared.interest.as_ref().is_none_or(|interest| interest(&object.key));
        let body = if is_kept { self.pack(&seen) } else { Packed::default() };
        if store
            .entries
            .get(&at)
            .is_some_and(|e| e.body == body && *e.resource_version == *seen.resource_version)
        {
            return None;
        }
        let mut entry = Entry {
            body,
            uid: seen.uid.into(),
            resource_version: seen.resource_version.into(),
            owners: owners.clone(),
            sealed: None,
        };
        let before = store.entries.remove(&at);
        let is_next = |before: &Entry| before.uid == entry.uid && before.version() <= entry.version();
        let mut disowned = Vec::new();
        if let Some(before) = before {
            if is_next(&before) && !is_listed {
                entry.sealed = before.sealed;
            }
            disowned.extend(before.owners.into_iter().filter(|owner| !owners.contains(owner)));
        }
        store.entries.insert(at, entry);
        disowned.iter().for_each(|owner| state.disown(owner, &object));
        for owner in owners {
            state.owners.entry(owner).or_default().insert(object.clone());
        }
        self.meet_expectation(state, &object);
        Some(object)
    }

    /// What is held of an object. It was read before, so it can be read.
    fn pack(&self, seen: &Seen) -> Packed {
        self.shared.packer.pack_json(&seen.json).unwrap_or_default()
    }

    /// Where to read the body of an object that is known to exist and whose body is not held.
    fn without_body(&self, object: &ObjectRef) -> Option<(ObjectRef, Arc<ApiResource>)> {
        let state = self.read();
        let store = state.store(object)?;
        let entry = store.entry(object)?;
        let resource = store.resource.clone().filter(|_| entry.body.is_empty())?;
        Some((ObjectRef { key: object.key.clone(), version: resource.gvk.version.clone() }, resource))
    }

    /// Reads a body. One that is of another version than the watch knows is left to the watch, which is about to bring
    /// it.
    async fn fill(&self, object: ObjectRef, resource: Arc<ApiResource>) -> Result<(), ApiError> {
        let key = &object.key;
        let request = ApiRequest::get_object(&resource, &key.namespace, &key.name);
        let answer = match self.shared.cluster.request(request).await {
            Err(error) if error.kind == ApiErrorKind::NotFound => return Ok(()),
            answer => answer?,
        };
        let seen = crate::watch::seen(answer.body)?;
        let mut state = self.write();
        if let Some(entry) = state.entry_mut(&object)
            && *entry.resource_version == *seen.resource_version
        {
            entry.body = self.pack(&seen);
        }
        Ok(())
    }

    /// The objects of watched kinds that say they belong to `owner` (as the [`OwnerIndex`] reads it).
    pub fn owned_by(&self, owner: &str) -> Vec<Owned> {
        self.read().owners.get(owner).map(|set| set.iter().cloned().collect()).unwrap_or_default()
    }

    /// Whether an object says that it belongs to `owner`; cheaper than looking at the object.
    pub fn is_owned_by(&self, object: &ObjectRef, owner: &str) -> bool {
        let state = self.read();
        let entry = state.store(object).and_then(|store| store.entry(object));
        entry.is_some_and(|entry| entry.owners.iter().any(|other| other == owner))
    }

    /// The resourceVersion of an object of a watched kind, as a number; `None` where the object is not known, as after a
    /// write that the watch has not brought.
    pub fn version(&self, object: &ObjectRef) -> Option<u64> {
        let state = self.read();
        let entry = state.store(object).filter(|_| !state.expected.contains_key(&object.key))?.entry(object);
        entry.and_then(Entry::version)
    }

    /// Every object of a watched kind whose body is held.
    pub fn all(&self, gvk: &GroupVersionKind) -> Vec<Arc<Object>> {
        let state = self.read();
        let entries = state.stores.get(gvk).into_iter().flat_map(|store| store.entries.values());
        entries.filter_map(|entry| entry.object(&self.shared.packer)).collect()
    }

    /// Whether a kind was listed in full.
    pub fn is_synced(&self, gvk: &GroupVersionKind) -> bool {
        self.read().stores.get(gvk).is_some_and(Store::is_synced)
    }

    /// How often the cluster went back in time, as after a restore from backup: a list or a watch brought what is older
    /// than it brought before. What was remembered of writes and decisions before that is void.
    pub fn epoch(&self) -> u64 {
        self.shared.epoch.load(Ordering::Relaxed)
    }

    /// Waits while part of what is held is from before the cluster went back in time.
    pub async fn settled(&self) {
        let mut outdated = self.shared.outdated.subscribe();
        // It fails only once the sender is gone, and that is held here.
        let _ = outdated.wait_for(|outdated| *outdated == 0).await;
    }

    /// Why a kind cannot be read, when it cannot.
    pub fn failure(&self, gvk: &GroupVersionKind) -> Option<ApiError> {
        self.read().stores.get(gvk)?.failure().cloned()
    }

    /// Objects and bytes held.
    pub fn size(&self) -> (usize, usize) {
        let state = self.read();
        let entries = state.stores.values().flat_map(|store| store.entries.values());
        entries.fold((0, 0), |(count, bytes), entry| (count + 1, bytes + entry.body.len()))
    }

    /// An object of a watched kind.
    pub fn object(&self, object: &ObjectRef) -> Option<Arc<Object>> {
        match self.get(object) {
            Live::Present(found) => Some(found.object),
            _ => None,
        }
    }
}

/// Whether a resourceVersion is older than one seen before of the same collection or object.
fn goes_back(now: Option<u64>, then: Option<u64>) -> bool {
    matches!((now, then), (Some(now), Some(then)) if now < then)
}

impl State {
    fn follow(&self, gvk: &GroupVersionKind, scope: &Scope) -> Option<&Follow> {
        self.stores.get(gvk)?.scopes.get(scope)
    }

    fn remove(&mut self, object: &ObjectRef) {
        let at = (object.key.namespace.clone(), object.key.name.clone());
        let removed = self.stores.get_mut(&object.gvk()).and_then(|store| store.entries.remove(&at));
        for owner in removed.into_iter().flat_map(|entry| entry.owners) {
            self.disown(&owner, object);
        }
    }

    fn disown(&mut self, owner: &str, object: &ObjectRef) {
        if let Some(set) = self.owners.get_mut(owner) {
            set.remove(object);
            if set.is_empty() {
                self.owners.remove(owner);
            }
        }
    }

    /// The kind under which a reference is watched: its own version, or another one of the kind.
    fn watched(&self, object: &ObjectRef) -> Option<GroupVersionKind> {
        let own = object.gvk();
        if self.stores.get(&own).is_some_and(|store| store.resource.is_some()) {
            return Some(own);
        }
        let versions = self.versions.get(&object.key.group_kind())?;
        let at = |version: &String| GroupVersionKind::new(&object.key.group, version, &object.key.kind);
        let is_served = |gvk: &GroupVersionKind| self.stores.get(gvk).is_some_and(|s| s.resource.is_some());
        versions.iter().map(at).find(is_served)
    }

    fn store(&self, object: &ObjectRef) -> Option<&Store> {
        self.stores.get(&self.watched(object)?)
    }

    fn entry_mut(&mut self, object: &ObjectRef) -> Option<&mut Entry> {
        let gvk = self.watched(object)?;
        self.stores.get_mut(&gvk)?.entries.get_mut(&(object.key.namespace.clone(), object.key.name.clone()))
    }
}

impl LiveView for LiveState {
    fn get(&self, object: &ObjectRef) -> Live {
        let state = self.read();
        let Some(store) = state.store(object) else {
            let is_known = state.stores.contains_key(&object.gvk());
            return if is_known { Live::NoSuchKind } else { Live::Unknown };
        };
        if state.expected.contains_key(&object.key) {
            return Live::Unknown;
        }
        if let Some(entry) = store.entry(object) {
            // Without its body it is on its way.
            return entry
                .object(&self.shared.packer)
                .map_or(Live::Unknown, |object| Live::Present(LiveObject { object }));
        }
        if store.is_absent(object) { Live::Absent } else { Live::Unknown }
    }

    fn in_force(&self, object: &ObjectRef, question: &Question) -> bool {
        self.still_in_force(object, question)
    }

    fn is_to_be_verified(&self, object: &ObjectRef, question: &Question) -> bool {
        self.is_due_for_verification(object, question)
    }

    fn found_in_force(&self, object: &ObjectRef, question: &Question, found: &Object) {
        self.seal_found(object, question, found, question.seal(&found.to_value()));
    }

    fn found_as_wanted(&self, object: &ObjectRef, question: &Question, found: &Object) {
        self.seal_found(object, question, found, None);
    }
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;
