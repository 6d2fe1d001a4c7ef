use crate::error::{ApiError, ApiErrorKind};
use crate::watch::{Seen, WatchItem, follow};
use crate::{ApiResource, Cluster};
use bytes::Bytes;
use holdfast_object::{GroupKind, GroupVersionKind, Object, ObjectKey, ObjectRef};
use holdfast_sync::{Live, LiveObject, LiveView};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

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
}

/// An object that says whom it belongs to.
pub type Owned = ObjectRef;

/// The live objects of every kind in use. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct LiveState {
    shared: Arc<Shared>,
}

struct Shared {
    cluster: Cluster,
    index: Vec<OwnerIndex>,
    state: RwLock<State>,
    events: mpsc::UnboundedSender<LiveEvent>,
    epoch: AtomicU64,
}

#[derive(Default)]
struct State {
    stores: HashMap<GroupVersionKind, Store>,
    /// The versions of a kind that are watched.
    versions: HashMap<GroupKind, Vec<String>>,
    owners: HashMap<String, BTreeSet<Owned>>,
}

struct Store {
    entries: BTreeMap<(String, String), Entry>,
    condition: Condition,
    /// Namespaces that are watched one by one because the whole cluster may not be listed; empty otherwise.
    watches: Vec<AbortHandle>,
}

#[derive(Clone, PartialEq)]
enum Condition {
    Listing,
    Synced,
    NoSuchKind,
    Failed(ApiError),
}

struct Entry {
    json: Bytes,
    version: Option<u64>,
    owners: Vec<String>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.stores.values().flat_map(|s| &s.watches).for_each(AbortHandle::abort);
    }
}

impl LiveState {
    /// An empty state that watches nothing yet, and the stream of what will change. The stream must be read; it
    /// holds references only, so that a slow reader costs little.
    pub fn new(cluster: Cluster, index: Vec<OwnerIndex>) -> (Self, mpsc::UnboundedReceiver<LiveEvent>) {
        let (events, receiver) = mpsc::unbounded_channel();
        let shared = Shared { cluster, index, state: RwLock::default(), events, epoch: AtomicU64::new(0) };
        (Self { shared: Arc::new(shared) }, receiver)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.shared.state.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.shared.state.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Sees to it that a kind is watched. Returns at once; [`LiveEvent::Synced`] follows. A kind that the server
    /// does not serve is looked up again with each call.
    ///
    /// # Errors
    /// [`ApiError`] when the discovery cannot be read; a kind that does not exist is no error.
    pub async fn ensure(&self, gvk: &GroupVersionKind) -> Result<(), ApiError> {
        if self.read().stores.get(gvk).is_some_and(|s| s.condition != Condition::NoSuchKind) {
            return Ok(());
        }
        match self.shared.cluster.resource(gvk).await {
            Ok(resource) => {
                self.start(gvk, resource);
                Ok(())
            }
            Err(error) if error.kind == ApiErrorKind::NoSuchKind => {
                self.write().stores.entry(gvk.clone()).or_insert_with(|| Store {
                    entries: BTreeMap::new(),
                    condition: Condition::NoSuchKind,
                    watches: Vec::new(),
                });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Kinds that were asked for and that the server did not serve.
    pub fn missing_kinds(&self) -> Vec<GroupVersionKind> {
        let state = self.read();
        let is_missing = |(_, store): &(&GroupVersionKind, &Store)| store.condition == Condition::NoSuchKind;
        state.stores.iter().filter(is_missing).map(|(gvk, _)| gvk.clone()).collect()
    }

    fn start(&self, gvk: &GroupVersionKind, resource: Arc<ApiResource>) {
        let mut state = self.write();
        if state.stores.get(gvk).is_some_and(|s| s.condition != Condition::NoSuchKind) {
            return;
        }
        let mut store =
            Store { entries: BTreeMap::new(), condition: Condition::Listing, watches: Vec::new() };
        // A kind that cannot be watched (a review, say) is known to hold nothing: whatever is desired of it is sent.
        if !resource.watchable {
            store.condition = Condition::Synced;
            state.stores.insert(gvk.clone(), store);
            return;
        }
        let weak = Arc::downgrade(&self.shared);
        let watched = gvk.clone();
        let task = follow(self.shared.cluster.clone(), resource, String::new(), move |item| {
            let Some(shared) = weak.upgrade() else { return false };
            LiveState { shared }.take(&watched, item);
            true
        });
        store.watches.push(tokio::spawn(task).abort_handle());
        state.versions.entry(gvk.group_kind()).or_default().push(gvk.version.clone());
        state.stores.insert(gvk.clone(), store);
    }

    fn take(&self, gvk: &GroupVersionKind, item: WatchItem) {
        let mut events = Vec::new();
        {
            let mut state = self.write();
            match item {
                WatchItem::Reset(seen) => {
                    self.reset(&mut state, gvk, seen, &mut events);
                    events.push(LiveEvent::Synced(gvk.clone()));
                }
                WatchItem::Changed(seen) => {
                    if let Some(object) = self.put(&mut state, gvk, seen) {
                        events.push(LiveEvent::Object { object, was_deleted: false });
                    }
                }
                WatchItem::Gone(seen) => {
                    let object = ObjectRef::new(gvk, &seen.namespace, &seen.name);
                    state.remove(&object);
                    events.push(LiveEvent::Object { object, was_deleted: true });
                }
                WatchItem::Failed(error) => {
                    if let Some(store) = state.stores.get_mut(gvk) {
                        match error.kind {
                            ApiErrorKind::NoSuchKind | ApiErrorKind::NotFound => {
                                store.watches.drain(..).for_each(|w| w.abort());
                                store.entries.clear();
                                store.condition = Condition::NoSuchKind;
                            }
                            _ if store.condition != Condition::Synced => {
                                store.condition = Condition::Failed(error.clone());
                            }
                            _ => {}
                        }
                    }
                    events.push(LiveEvent::Failed(gvk.clone(), error));
                }
            }
        }
        for event in events {
            // Nobody listens once the engine is going down.
            let _ = self.shared.events.send(event);
        }
    }

    fn reset(&self, state: &mut State, gvk: &GroupVersionKind, seen: Vec<Seen>, events: &mut Vec<LiveEvent>) {
        let present: BTreeSet<(String, String)> =
            seen.iter().map(|s| (s.namespace.clone(), s.name.clone())).collect();
        let gone: Vec<ObjectRef> = state.stores.get(gvk).map_or_else(Vec::new, |store| {
            let is_gone = |at: &&(String, String)| !present.contains(*at);
            store.entries.keys().filter(is_gone).map(|(ns, name)| ObjectRef::new(gvk, ns, name)).collect()
        });
        for object in gone {
            state.remove(&object);
            events.push(LiveEvent::Object { object, was_deleted: true });
        }
        for seen in seen {
            if let Some(object) = self.put(state, gvk, seen) {
                events.push(LiveEvent::Object { object, was_deleted: false });
            }
        }
        if let Some(store) = state.stores.get_mut(gvk) {
            store.condition = Condition::Synced;
        }
    }

    /// Stores an object; `None` when it is the same version that is stored already.
    fn put(&self, state: &mut State, gvk: &GroupVersionKind, seen: Seen) -> Option<ObjectRef> {
        let at = (seen.namespace.clone(), seen.name.clone());
        let object = ObjectRef::new(gvk, &seen.namespace, &seen.name);
        let store = state.stores.get_mut(gvk)?;
        if store.entries.get(&at).is_some_and(|entry| entry.json == seen.json) {
            return None;
        }
        let owners: Vec<String> = self.shared.index.iter().filter_map(|index| index.owner(&seen)).collect();
        let version = seen.resource_version.parse::<u64>().ok();
        let before = store.entries.insert(at, Entry { json: seen.json, version, owners: owners.clone() });
        let is_older =
            |entry: &Entry| matches!((version, entry.version), (Some(now), Some(then)) if now < then);
        if before.as_ref().is_some_and(is_older) {
            self.shared.epoch.fetch_add(1, Ordering::Relaxed);
        }
        for owner in before.into_iter().flat_map(|entry| entry.owners) {
            if !owners.contains(&owner) {
                state.disown(&owner, &object);
            }
        }
        for owner in owners {
            state.owners.entry(owner).or_default().insert(object.clone());
        }
        Some(object)
    }

    /// The objects of watched kinds that say they belong to `owner` (as the [`OwnerIndex`] reads it).
    pub fn owned_by(&self, owner: &str) -> Vec<Owned> {
        self.read().owners.get(owner).map(|set| set.iter().cloned().collect()).unwrap_or_default()
    }

    /// Every object of a watched kind.
    pub fn all(&self, gvk: &GroupVersionKind) -> Vec<Arc<Object>> {
        let state = self.read();
        let entries = state.stores.get(gvk).into_iter().flat_map(|store| store.entries.values());
        entries.filter_map(|entry| parse(&entry.json)).collect()
    }

    /// Whether a kind was listed in full.
    pub fn is_synced(&self, gvk: &GroupVersionKind) -> bool {
        self.read().stores.get(gvk).is_some_and(|s| s.condition == Condition::Synced)
    }

    /// How often the cluster went back in time: an object came back older than it was, as after a restore from
    /// backup. What was remembered of writes before that is void.
    pub fn epoch(&self) -> u64 {
        self.shared.epoch.load(Ordering::Relaxed)
    }

    /// Why a kind cannot be read, when it cannot.
    pub fn failure(&self, gvk: &GroupVersionKind) -> Option<ApiError> {
        match &self.read().stores.get(gvk)?.condition {
            Condition::Failed(error) => Some(error.clone()),
            _ => None,
        }
    }

    /// Objects and bytes held.
    pub fn size(&self) -> (usize, usize) {
        let state = self.read();
        let entries = state.stores.values().flat_map(|store| store.entries.values());
        entries.fold((0, 0), |(count, bytes), entry| (count + 1, bytes + entry.json.len()))
    }

    /// An object of a watched kind.
    pub fn object(&self, object: &ObjectRef) -> Option<Arc<Object>> {
        match self.get(object) {
            Live::Present(found) => Some(found.object),
            _ => None,
        }
    }
}

impl State {
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

    /// The store of a reference: of its own version, or of another version of the kind that is watched.
    fn store(&self, object: &ObjectRef) -> Option<&Store> {
        self.stores.get(&object.gvk()).filter(|s| s.condition != Condition::NoSuchKind).or_else(|| {
            let versions = self.versions.get(&object.key.group_kind())?;
            let at = |version: &String| GroupVersionKind::new(&object.key.group, version, &object.key.kind);
            versions.iter().find_map(|version| self.stores.get(&at(version)))
        })
    }
}

fn parse(json: &Bytes) -> Option<Arc<Object>> {
    let value = serde_json::from_slice(json).ok()?;
    Object::new(value).ok().map(Arc::new)
}

impl LiveView for LiveState {
    fn get(&self, object: &ObjectRef) -> Live {
        let state = self.read();
        let Some(store) = state.store(object) else {
            let is_known = state.stores.contains_key(&object.gvk());
            return if is_known { Live::NoSuchKind } else { Live::Unknown };
        };
        let key: &ObjectKey = &object.key;
        match store.entries.get(&(key.namespace.clone(), key.name.clone())) {
            Some(entry) => match parse(&entry.json) {
                Some(object) => Live::Present(LiveObject { object }),
                None => Live::Unknown,
            },
            None => match store.condition {
                Condition::Synced => Live::Absent,
                Condition::NoSuchKind => Live::NoSuchKind,
                Condition::Listing | Condition::Failed(_) => Live::Unknown,
            },
        }
    }
}
