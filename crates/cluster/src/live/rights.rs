//! What is followed where rights do not allow to list everything.

use super::store::{Condition, Scope};
use super::{LiveEvent, LiveState, State, goes_back};
use crate::error::ApiError;
use crate::watch::{LONGEST_PAUSE, Read, Singles};
use holdfast_object::{GroupVersionKind, ObjectRef};
use std::collections::BTreeSet;
use std::time::Duration;

/// What to follow instead of a scope that may not be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Narrower {
    /// The namespaces in which objects matter, one by one.
    Namespaces,
    /// The objects that matter, one by one.
    Objects,
    /// Nothing: it is tried again as it is.
    Nothing,
}

/// Decides what is followed instead of a scope that may not be listed. Who needs all of a kind has no use for less, and
/// what could be listed before may be again in a moment: an API server that starts refuses everybody for a while.
pub(super) fn narrower(scope: &Scope, is_namespaced: bool, is_whole: bool, was_listed: bool) -> Narrower {
    match scope {
        _ if is_whole || was_listed => Narrower::Nothing,
        Scope::Cluster if is_namespaced => Narrower::Namespaces,
        Scope::Cluster | Scope::Namespace(_) => Narrower::Objects,
    }
}

/// The objects of a scope that are read one by one.
#[derive(Debug)]
pub(super) struct OneByOne {
    /// The server's words on why they are not listed.
    pub(super) refusal: ApiError,
    names: BTreeSet<String>,
    /// Those that are known not to be there.
    absent: BTreeSet<String>,
}

impl OneByOne {
    pub(super) fn new(refusal: ApiError) -> Self {
        Self { refusal, names: BTreeSet::new(), absent: BTreeSet::new() }
    }

    pub(super) fn is_absent(&self, name: &str) -> bool {
        self.absent.contains(name)
    }
}

impl LiveState {
    /// How late a change is seen at most of what [`LiveState::unwatched`] tells of.
    pub const READ_INTERVAL: Duration = LONGEST_PAUSE;

    /// Why the objects of a kind in a namespace (empty: of the cluster) are read one by one, from time to time, instead
    /// of being watched: the server's words, when rights allow no more.
    pub fn unwatched(&self, gvk: &GroupVersionKind, namespace: &str) -> Option<ApiError> {
        let state = self.read();
        let follow = state.stores.get(gvk)?.follow(namespace)?;
        let is_read = matches!(follow.condition, Condition::OneByOne);
        follow.one_by_one.as_ref().filter(|_| is_read).map(|one| one.refusal.clone())
    }

    /// Notes that we asked for an object to be deleted.
    pub fn deleted(&self, object: &ObjectRef) {
        Self::count_write(&mut self.write(), object);
    }

    /// Has objects read that are not watched; those that are, are left alone.
    pub(super) fn read_one_by_one<'a>(&self, objects: impl IntoIterator<Item = &'a ObjectRef>) {
        let mut state = self.write();
        for object in objects {
            let Some(gvk) = state.watched(object) else { continue };
            let store = state.stores.get_mut(&gvk);
            let follow = store.and_then(|store| store.follow_mut(&object.key.namespace));
            if let Some(follow) = follow
                && let Some(one_by_one) = follow.one_by_one.as_mut()
                && one_by_one.names.insert(object.key.name.clone())
            {
                follow.hurry.notify_one();
            }
        }
    }

    /// What is to be read now.
    pub(super) fn singles(&self, gvk: &GroupVersionKind, scope: &Scope) -> Singles {
        let mut state = self.write();
        let writes = state.writes;
        let store = state.stores.get_mut(gvk);
        let follow = store.and_then(|store| store.scopes.get_mut(scope));
        let Some(one_by_one) = follow.and_then(|follow| follow.one_by_one.as_mut()) else {
            return Singles::default();
        };
        if let Some(interest) = &self.shared.interest {
            let reference = |name: &String| ObjectRef::new(gvk, scope.namespace(), name);
            one_by_one.names.retain(|name| interest(&reference(name).key));
        }
        Singles { names: one_by_one.names.iter().cloned().collect(), writes }
    }

    /// A scope may not be listed: its objects are read one by one from now on, once someone says which.
    pub(super) fn begin_one_by_one(
        &self,
        state: &mut State,
        gvk: &GroupVersionKind,
        scope: &Scope,
        error: ApiError,
        events: &mut Vec<LiveEvent>,
    ) {
        let store = state.stores.get_mut(gvk);
        let Some(follow) = store.and_then(|store| store.scopes.get_mut(scope)) else { return };
        if let Some(known) = &mut follow.one_by_one {
            known.refusal = error;
            return;
        }
        tracing::debug!(kind = %gvk, namespace = scope.namespace(), %error, "read one by one");
        follow.one_by_one = Some(OneByOne::new(error.clone()));
        follow.condition = Condition::OneByOne;
        events.push(LiveEvent::Failed(gvk.clone(), error));
    }

    /// Takes in what was read one by one.
    pub(super) fn take_read(
        &self,
        state: &mut State,
        gvk: &GroupVersionKind,
        scope: &Scope,
        read: Read,
        events: &mut Vec<LiveEvent>,
    ) {
        let found_any = !read.seen.is_empty() || !read.absent.is_empty();
        let reference = |name: &str| ObjectRef::new(gvk, scope.namespace(), name);
        for seen in read.seen {
            let object = reference(&seen.name);
            let held = state.entry_mut(&object).and_then(|entry| entry.version());
            if goes_back(seen.resource_version.parse().ok(), held) {
                return self.went_back(state, gvk, None);
            }
            self.set_absent(state, gvk, scope, &seen.name, false);
            if let Some(object) = self.put(state, gvk, seen, true) {
                events.push(LiveEvent::Object { object, was_deleted: false });
            }
        }
        for name in read.absent {
            let object = reference(&name);
            // One that was looked for before we made it says nothing about ours.
            if state.expected.get(&object.key).is_some_and(|expected| expected.writes > read.writes) {
                continue;
            }
            state.expected.remove(&object.key);
            state.remove(&object);
            if self.set_absent(state, gvk, scope, &name, true) {
                events.push(LiveEvent::Object { object, was_deleted: true });
            }
        }
        let store = state.stores.get_mut(gvk);
        let Some(follow) = store.and_then(|store| store.scopes.get_mut(scope)) else { return };
        follow.condition = match (read.refused, &follow.one_by_one) {
            (None, _) => Condition::OneByOne,
            // The right to list would be the one to grant.
            (Some(_), Some(one_by_one)) if !found_any => Condition::Failed(one_by_one.refusal.clone()),
            (Some(refused), _) => Condition::Failed(refused),
        };
        if let Condition::Failed(error) = &follow.condition {
            events.push(LiveEvent::Failed(gvk.clone(), error.clone()));
        }
    }

    /// Notes whether an object is known not to be there; true when that is news.
    fn set_absent(
        &self,
        state: &mut State,
        gvk: &GroupVersionKind,
        scope: &Scope,
        name: &str,
        is_absent: bool,
    ) -> bool {
        let store = state.stores.get_mut(gvk);
        let follow = store.and_then(|store| store.scopes.get_mut(scope));
        let Some(one_by_one) = follow.and_then(|follow| follow.one_by_one.as_mut()) else { return false };
        if is_absent { one_by_one.absent.insert(name.to_owned()) } else { one_by_one.absent.remove(name) }
    }

    /// Counts a write of ours, and has the object read soon where nothing else brings what became of it.
    pub(super) fn count_write(state: &mut State, object: &ObjectRef) -> u64 {
        state.writes += 1;
        let Some(gvk) = state.watched(object) else { return state.writes };
        let follow = state.stores.get(&gvk).and_then(|store| store.follow(&object.key.namespace));
        if let Some(follow) = follow.filter(|follow| follow.one_by_one.is_some()) {
            follow.hurry.notify_one();
        }
        state.writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_listed_is_followed_more_narrowly() {
        let namespace = Scope::Namespace("n".into());
        let check = |scope: &Scope, (namespaced, whole, listed): (bool, bool, bool), expected: Narrower| {
            assert_eq!(narrower(scope, namespaced, whole, listed), expected, "{scope:?}");
        };
        check(&Scope::Cluster, (true, false, false), Narrower::Namespaces);
        check(&Scope::Cluster, (false, false, false), Narrower::Objects);
        check(&namespace, (true, false, false), Narrower::Objects);
        check(&Scope::Cluster, (true, true, false), Narrower::Nothing);
        check(&namespace, (true, false, true), Narrower::Nothing);
    }
}
