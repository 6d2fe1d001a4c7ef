use crate::seal::Question;
use holdfast_object::{Object, ObjectKey, ObjectRef};
use std::collections::HashMap;
use std::sync::Arc;

/// What is known of an object in the cluster.
#[derive(Debug, Clone)]
pub enum Live {
    /// Not known yet: its kind is not watched, or the first list is still on its way.
    Unknown,
    /// The kind itself does not exist (no such resource in the cluster's discovery).
    NoSuchKind,
    /// It is not there.
    Absent,
    /// It is there.
    Present(LiveObject),
}

/// A live object at one version.
#[derive(Debug, Clone)]
pub struct LiveObject {
    /// The object as the server gave it.
    pub object: Arc<Object>,
}

/// The cluster as last seen, to read from.
pub trait LiveView {
    /// What is known of an object. The version of the reference is a wish: where only another version of the kind
    /// is watched, the object is given at that.
    fn get(&self, object: &ObjectRef) -> Live;

    /// Whether the object is known to be in force as to a question: it was found so, and nothing has changed since
    /// that could make it otherwise. A no is no verdict. A view that remembers nothing says no.
    fn in_force(&self, _object: &ObjectRef, _question: &Question) -> bool {
        false
    }

    /// Whether an object that is known to be in force is to be verified with the server now: what the server makes of an
    /// apply has changed since it was found so (a mutating webhook or policy), and it is this object's turn. Asked only
    /// where the verification would follow.
    fn is_to_be_verified(&self, _object: &ObjectRef, _question: &Question) -> bool {
        false
    }

    /// Lets the view remember that the object, as it was found, is in force as to a question.
    fn found_in_force(&self, _object: &ObjectRef, _question: &Question, _found: &Object) {}

    /// The same of one that has fields that are as wanted and not ours. A seal is over what is ours, so that this says
    /// nothing about any other version of the object.
    fn found_as_wanted(&self, _object: &ObjectRef, _question: &Question, _found: &Object) {}
}

/// A view over a map, for tests and for plans made from a list of objects: what is not in it is absent.
#[derive(Debug, Clone, Default)]
pub struct MapView {
    objects: HashMap<ObjectKey, Arc<Object>>,
}

impl MapView {
    /// Puts an object into the view.
    pub fn insert(&mut self, object: Object) {
        self.objects.insert(object.key(), Arc::new(object));
    }

    /// Takes an object out of the view.
    pub fn remove(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }
}

impl FromIterator<Object> for MapView {
    fn from_iter<T: IntoIterator<Item = Object>>(objects: T) -> Self {
        Self { objects: objects.into_iter().map(|o| (o.key(), Arc::new(o))).collect() }
    }
}

impl LiveView for MapView {
    fn get(&self, object: &ObjectRef) -> Live {
        self.objects
            .get(&object.key)
            .map_or(Live::Absent, |object| Live::Present(LiveObject { object: object.clone() }))
    }
}
