//! What is held of one kind.

use crate::ApiResource;
use crate::error::ApiError;
use crate::live::rights::OneByOne;
use crate::live::seals::Sealed;
use holdfast_object::{Object, ObjectRef, Packed, Packer};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Namespace and name.
pub(super) type At = (String, String);

#[derive(Default)]
pub(super) struct Store {
    /// `None` while the server does not serve the kind.
    pub(super) resource: Option<Arc<ApiResource>>,
    pub(super) entries: BTreeMap<At, Entry>,
    /// The whole cluster, or namespaces one by one where rights do not allow that.
    pub(super) scopes: BTreeMap<Scope, Follow>,
    /// The namespaces in which objects of the kind matter.
    pub(super) wanted: BTreeSet<String>,
    /// The bodies of all objects are kept, whether or not anyone is interested in them.
    pub(super) is_whole: bool,
}

/// How much of a kind one watch covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Cluster,
    Namespace(String),
}

/// One watch.
pub(super) struct Follow {
    pub(super) condition: Condition,
    pub(super) watch: Option<AbortHandle>,
    /// Tells the watch from those before it, of which a last word may still come.
    pub(super) round: u64,
    /// The newest resourceVersion it brought.
    pub(super) version: Option<u64>,
    /// What is read one by one, where it may not be listed.
    pub(super) one_by_one: Option<OneByOne>,
    /// Ends the pause between two attempts, or two readings.
    pub(super) hurry: Arc<Notify>,
}

impl Follow {
    pub(super) fn new(round: u64, watch: Option<AbortHandle>, hurry: Arc<Notify>) -> Self {
        let condition = if watch.is_some() { Condition::Listing } else { Condition::Synced };
        Self { condition, watch, round, version: None, one_by_one: None, hurry }
    }
}

#[derive(Clone, PartialEq)]
pub(super) enum Condition {
    /// The first list is on its way.
    Listing,
    /// Listed in full, and watched since.
    Synced,
    /// What is held is from before the cluster went back in time.
    Outdated,
    /// It may not be listed: its objects are read one by one.
    OneByOne,
    /// It cannot be listed.
    Failed(ApiError),
}

pub(super) struct Entry {
    /// The object; empty when nobody is interested in it.
    pub(super) body: Packed,
    pub(super) uid: Box<str>,
    pub(super) resource_version: Box<str>,
    pub(super) owners: Box<[String]>,
    pub(super) sealed: Option<Box<Sealed>>,
}

impl Entry {
    pub(super) fn version(&self) -> Option<u64> {
        self.resource_version.parse().ok()
    }

    /// The object; `None` without its body.
    pub(super) fn object(&self, packer: &Packer) -> Option<Arc<Object>> {
        Object::new(packer.unpack(&self.body)).ok().map(Arc::new)
    }
}

impl Scope {
    pub(super) fn namespace(&self) -> &str {
        match self {
            Self::Cluster => "",
            Self::Namespace(name) => name,
        }
    }

    pub(super) fn covers(&self, namespace: &str) -> bool {
        match self {
            Self::Cluster => true,
            Self::Namespace(name) => name == namespace,
        }
    }
}

impl Store {
    /// How things stand with the objects of a namespace.
    pub(super) fn condition(&self, namespace: &str) -> &Condition {
        self.follow(namespace).map_or(&Condition::Listing, |follow| &follow.condition)
    }

    /// What brings the objects of a namespace.
    pub(super) fn follow(&self, namespace: &str) -> Option<&Follow> {
        self.scopes.iter().find(|(scope, _)| scope.covers(namespace)).map(|(_, follow)| follow)
    }

    pub(super) fn follow_mut(&mut self, namespace: &str) -> Option<&mut Follow> {
        self.scopes.iter_mut().find(|(scope, _)| scope.covers(namespace)).map(|(_, follow)| follow)
    }

    /// Whether an object without an entry is known not to be there.
    pub(super) fn is_absent(&self, object: &ObjectRef) -> bool {
        let Some(follow) = self.follow(&object.key.namespace) else { return false };
        match &follow.condition {
            Condition::Synced => true,
            Condition::Listing | Condition::Outdated => false,
            Condition::OneByOne | Condition::Failed(_) => {
                follow.one_by_one.as_ref().is_some_and(|one_by_one| one_by_one.is_absent(&object.key.name))
            }
        }
    }

    /// An object, unless it is from before the cluster went back in time.
    pub(super) fn entry(&self, object: &ObjectRef) -> Option<&Entry> {
        let key = &object.key;
        let entry = self.entries.get(&(key.namespace.clone(), key.name.clone()))?;
        (*self.condition(&key.namespace) != Condition::Outdated).then_some(entry)
    }

    /// Whether changes of the objects of a namespace are brought.
    pub(super) fn is_watched(&self, namespace: &str) -> bool {
        self.follow(namespace).is_some_and(|follow| follow.watch.is_some())
    }

    /// The namespaces that are wanted and that no watch covers.
    pub(super) fn uncovered(&self) -> Vec<Scope> {
        let is_covered = |namespace: &str| self.scopes.keys().any(|scope| scope.covers(namespace));
        let uncovered =
            self.wanted.iter().filter(|namespace| !namespace.is_empty() && !is_covered(namespace));
        uncovered.map(|namespace| Scope::Namespace(namespace.clone())).collect()
    }

    pub(super) fn is_synced(&self) -> bool {
        !self.scopes.is_empty() && self.scopes.values().all(|f| f.condition == Condition::Synced)
    }

    pub(super) fn failure(&self) -> Option<&ApiError> {
        self.scopes.values().find_map(|follow| match &follow.condition {
            Condition::Failed(error) => Some(error),
            _ => None,
        })
    }
}
