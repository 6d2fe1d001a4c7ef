use crate::policy::{ReplacePolicy, WriteMode};
use holdfast_object::{GroupKind, Object, ObjectKey, ObjectRef, Origin};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What an app wants the cluster to hold, at one revision.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// The revision this was rendered from, as the front-end prints it.
    pub revision: String,
    /// The objects are known to be what was applied last, as the record of the last run says. Then what the server's
    /// defaulting explains is no difference.
    pub applied_before: bool,
    objects: Vec<DesiredObject>,
    index: HashMap<ObjectKey, usize>,
    defines: HashSet<GroupKind>,
    /// Objects that earlier runs applied (Flux: the inventory) or that carry our mark (Argo CD). Those that are
    /// not desired any more are candidates for pruning.
    pub previous: Vec<ObjectRef>,
}

impl Desired {
    /// A desired state. A later object with the same key takes the earlier one's place.
    pub fn new(revision: impl Into<String>, objects: Vec<DesiredObject>, previous: Vec<ObjectRef>) -> Self {
        let mut kept: Vec<DesiredObject> = Vec::with_capacity(objects.len());
        let mut index = HashMap::with_capacity(objects.len());
        for object in objects {
            match index.get(&object.reference.key) {
                Some(&at) => kept[at] = object,
                None => {
                    index.insert(object.reference.key.clone(), kept.len());
                    kept.push(object);
                }
            }
        }
        let defines = kept.iter().filter_map(|object| object.object.defined_kind()).collect();
        Self { revision: revision.into(), applied_before: false, objects: kept, index, defines, previous }
    }

    /// The objects in render order.
    pub fn objects(&self) -> &[DesiredObject] {
        &self.objects
    }

    /// Leaves these objects out of the run; they stay the app's.
    pub fn leave_out<'k>(&mut self, keys: impl Iterator<Item = &'k ObjectKey>) {
        for key in keys {
            if let Some(&at) = self.index.get(key) {
                self.objects[at].policy.when = WriteWhen::NotSelected;
            }
        }
    }

    /// Whether a definition of this kind is among the objects.
    pub fn defines(&self, kind: &GroupKind) -> bool {
        self.defines.contains(kind)
    }

    /// The object with this key.
    pub fn get(&self, key: &ObjectKey) -> Option<&DesiredObject> {
        self.index.get(key).map(|&at| &self.objects[at])
    }
}

/// One desired object, ready to be written: marked as owned, with its namespace filled in.
#[derive(Debug, Clone)]
pub struct DesiredObject {
    /// The object as it is to be applied.
    pub object: Arc<Object>,
    /// Its reference (the same as the object's own, kept to avoid building it again and again).
    pub reference: ObjectRef,
    /// Where it was written.
    pub origin: Option<Origin>,
    /// What is particular to it.
    pub policy: ObjectPolicy,
    /// A digest of the object.
    pub(crate) digest: [u8; 16],
}

impl DesiredObject {
    /// An object with its policy.
    pub fn new(object: Object, origin: Option<Origin>, policy: ObjectPolicy) -> Self {
        let digest = holdfast_merge::drift::digest(object.as_map());
        Self { reference: object.reference(), object: Arc::new(object), origin, policy, digest }
    }
}

/// What an object's annotations ask for, over the app's own policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPolicy {
    /// How it is written; `None` as the app's policy says.
    pub write: Option<WriteMode>,
    /// Whether it is written at all.
    pub when: WriteWhen,
    /// What happens when it cannot be changed in place.
    pub replace: ReplacePolicy,
    /// The sync wave; lower waves go first.
    pub wave: i32,
    /// Whether it counts in the app's health and in health gates.
    pub counts_in_health: bool,
    /// JSON pointers of fields that are left to whoever else sets them, once the object is there.
    pub ignore: Vec<String>,
}

impl Default for ObjectPolicy {
    /// An object without annotations: written as the app's policy says, in wave 0.
    fn default() -> Self {
        Self {
            write: None,
            when: WriteWhen::Differs,
            replace: ReplacePolicy::Never,
            wave: 0,
            counts_in_health: true,
            ignore: Vec::new(),
        }
    }
}

/// Whether a desired object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteWhen {
    /// When live differs from it.
    Differs,
    /// Only when it is absent (Flux: `ssa: IfNotPresent`).
    Absent,
    /// Never (Flux: `ssa: Ignore`, `reconcile: disabled`).
    Never,
    /// Not in this run: a partial sync that did not select it.
    NotSelected,
}
