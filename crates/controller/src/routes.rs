use holdfast_object::ObjectKey;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::RwLock;

/// A cluster under an identity, as long as this process knows it: the same object in two places is two objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(pub(crate) u64);

impl Place {
    /// The cluster whose custom resources are reconciled, under our own identity.
    pub const HOME: Self = Self(0);
}

/// To which custom resources a change of an object matters.
///
/// A resource registers its interests before it reads them; then a change between reading and waiting triggers it
/// again.
#[derive(Debug, Default)]
pub struct Routes {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In order. Most objects matter to one resource only, so these are short, and many.
    to: HashMap<(Place, ObjectKey), Vec<ObjectKey>>,
    from: HashMap<ObjectKey, HashSet<(Place, ObjectKey)>>,
}

impl Routes {
    /// Sets everything that `resource` is interested in, all of it at home.
    pub fn set(&self, resource: &ObjectKey, interests: HashSet<ObjectKey>) {
        self.replace(resource, interests.into_iter().map(|key| (Place::HOME, key)).collect());
    }

    /// Adds to what `resource` is interested in at home.
    pub fn add(&self, resource: &ObjectKey, interests: &HashSet<ObjectKey>) {
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let State { to, from } = &mut *state;
        let known = from.entry(resource.clone()).or_default();
        for interest in interests {
            let interest = (Place::HOME, interest.clone());
            if known.insert(interest.clone()) {
                insert(to.entry(interest).or_default(), resource);
            }
        }
    }

    /// Sets everything that `resource` is interested in: at home, and at the place where its objects are.
    pub fn set_at(
        &self,
        resource: &ObjectKey,
        at_home: HashSet<ObjectKey>,
        place: Place,
        there: HashSet<ObjectKey>,
    ) {
        let at_home = at_home.into_iter().map(|key| (Place::HOME, key));
        self.replace(resource, at_home.chain(there.into_iter().map(|key| (place, key))).collect());
    }

    fn replace(&self, resource: &ObjectKey, interests: HashSet<(Place, ObjectKey)>) {
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = state.from.remove(resource).unwrap_or_default();
        for gone in before.difference(&interests) {
            if let Some(to) = state.to.get_mut(gone) {
                to.retain(|other| other != resource);
                if to.is_empty() {
                    state.to.remove(gone);
                }
            }
        }
        for new in interests.difference(&before) {
            insert(state.to.entry(new.clone()).or_default(), resource);
        }
        if !interests.is_empty() {
            state.from.insert(resource.clone(), interests);
        }
    }

    /// The resources that are interested in an object at a place.
    pub fn of(&self, place: Place, object: &ObjectKey) -> Vec<ObjectKey> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.to.get(&(place, object.clone())).cloned().unwrap_or_default()
    }

    /// Whether any resource is interested in an object at a place.
    pub fn has(&self, place: Place, object: &ObjectKey) -> bool {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.to.contains_key(&(place, object.clone()))
    }

    /// The resources that are interested in anything at a place.
    pub fn at(&self, place: Place) -> BTreeSet<ObjectKey> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let there = state.to.iter().filter(|((at, _), _)| *at == place);
        there.flat_map(|(_, to)| to.iter().cloned()).collect()
    }

    /// The resources that are interested in any object of this kind at a place.
    pub fn of_kind(&self, place: Place, group: &str, kind: &str) -> BTreeSet<ObjectKey> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_kind = state
            .to
            .iter()
            .filter(|((at, object), _)| *at == place && object.group == group && object.kind == kind);
        of_kind.flat_map(|(_, to)| to.iter().cloned()).collect()
    }
}

/// Puts a resource into a list in order, once.
fn insert(to: &mut Vec<ObjectKey>, resource: &ObjectKey) {
    if let Err(at) = to.binary_search(resource) {
        if to.is_empty() {
            to.reserve_exact(1);
        }
        to.insert(at, resource.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey { group: String::new(), kind: "ConfigMap".into(), namespace: "n".into(), name: name.into() }
    }

    #[test]
    fn interests_are_replaced_as_a_whole() {
        let routes = Routes::default();
        let of = |name: &str| routes.of(Place::HOME, &key(name));
        routes.set(&key("app"), [key("a"), key("b")].into());
        routes.set(&key("other"), [key("b")].into());
        assert_eq!(of("a"), [key("app")]);
        assert_eq!(of("b").len(), 2);
        routes.set(&key("app"), [key("c")].into());
        assert_eq!(of("a"), []);
        assert_eq!(of("b"), [key("other")]);
        assert_eq!(routes.of_kind(Place::HOME, "", "ConfigMap"), [key("app"), key("other")].into());
        routes.add(&key("app"), &[key("b"), key("c")].into());
        assert_eq!(
            (of("b").len(), of("c")),
            (2, vec![key("app")]),
            "what is added stays with what was there"
        );
        routes.set(&key("app"), HashSet::new());
        assert_eq!((of("b"), of("c")), (vec![key("other")], vec![]));
    }

    #[test]
    fn the_same_object_in_two_places_is_two_objects() {
        let routes = Routes::default();
        let (there, elsewhere) = (Place(1), Place(2));
        routes.set_at(&key("app"), [key("source")].into(), there, [key("a")].into());
        assert_eq!(routes.of(there, &key("a")), [key("app")]);
        assert_eq!(routes.of(Place::HOME, &key("a")), []);
        assert_eq!(routes.of(Place::HOME, &key("source")), [key("app")]);
        routes.set_at(&key("app"), [key("source")].into(), elsewhere, [key("a")].into());
        assert_eq!(routes.of(there, &key("a")), [], "it moved");
        assert_eq!(routes.of(elsewhere, &key("a")), [key("app")]);
        routes.set(&key("app"), HashSet::new());
        assert_eq!(routes.of(elsewhere, &key("a")), []);
    }
}
