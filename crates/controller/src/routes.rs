use holdfast_object::ObjectKey;
use std::collections::{HashMap, HashSet};
use std::sync::RwLock;

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
    to: HashMap<ObjectKey, HashSet<ObjectKey>>,
    from: HashMap<ObjectKey, HashSet<ObjectKey>>,
}

impl Routes {
    /// Sets everything that `resource` is interested in.
    pub fn set(&self, resource: &ObjectKey, interests: HashSet<ObjectKey>) {
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = state.from.remove(resource).unwrap_or_default();
        for gone in before.difference(&interests) {
            if let Some(to) = state.to.get_mut(gone) {
                to.remove(resource);
                if to.is_empty() {
                    state.to.remove(gone);
                }
            }
        }
        for new in interests.difference(&before) {
            state.to.entry(new.clone()).or_default().insert(resource.clone());
        }
        if !interests.is_empty() {
            state.from.insert(resource.clone(), interests);
        }
    }

    /// The resources that are interested in an object.
    pub fn of(&self, object: &ObjectKey) -> Vec<ObjectKey> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        state.to.get(object).map(|to| to.iter().cloned().collect()).unwrap_or_default()
    }

    /// The resources that are interested in any object of this kind.
    pub fn of_kind(&self, group: &str, kind: &str) -> HashSet<ObjectKey> {
        let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let of_kind = state.to.iter().filter(|(object, _)| object.group == group && object.kind == kind);
        of_kind.flat_map(|(_, to)| to.iter().cloned()).collect()
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
        routes.set(&key("app"), [key("a"), key("b")].into());
        routes.set(&key("other"), [key("b")].into());
        assert_eq!(routes.of(&key("a")), [key("app")]);
        assert_eq!(routes.of(&key("b")).len(), 2);
        routes.set(&key("app"), [key("c")].into());
        assert_eq!(routes.of(&key("a")), []);
        assert_eq!(routes.of(&key("b")), [key("other")]);
        assert_eq!(routes.of_kind("", "ConfigMap"), [key("app"), key("other")].into());
    }
}
