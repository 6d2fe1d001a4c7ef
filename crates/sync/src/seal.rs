use crate::desired::{Desired, DesiredObject};
use crate::live::LiveView;
use crate::policy::{DriftPolicy, SyncPolicy, WriteMode};
use holdfast_merge::drift::{self, Seal};
use holdfast_object::{GroupKind, Object, ObjectKey, ObjectRef};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What identifies a [`Question`]: a digest of what is desired and of the rules it is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuestionId([u8; 16], u64);

/// What a live object is asked: does it hold this, by these rules? A live view remembers for which question, and under
/// which [`Seal`], the answer was yes; while both stay the same nothing needs to be compared.
#[derive(Debug, Clone)]
pub struct Question {
    /// Its identity.
    pub id: QuestionId,
    by: By,
}

#[derive(Debug, Clone)]
enum By {
    Fields(WriteMode),
    Leaves(Arc<Object>),
    /// The leaves of an object that is not at hand.
    Nothing,
}

impl Question {
    /// Whether the live object holds a desired one.
    pub fn of(desired: &DesiredObject, mode: &WriteMode, drift: &DriftPolicy) -> Self {
        let id = QuestionId(desired.digest, rules(desired, mode, drift));
        let by = match mode {
            WriteMode::ServerSide { .. } => By::Fields(mode.clone()),
            WriteMode::ThreeWay { .. } | WriteMode::Replace { .. } => By::Leaves(desired.object.clone()),
        };
        Self { id, by }
    }

    /// The seal of a live object as to this question: everything in it that can change the answer.
    pub fn seal(&self, live: &serde_json::Value) -> Option<Seal> {
        match &self.by {
            By::Fields(WriteMode::ServerSide { manager, fold, .. }) => drift::seal(live, manager, fold),
            By::Leaves(desired) => Some(drift::seal_three_way(live, &desired.to_value())),
            By::Fields(_) | By::Nothing => None,
        }
    }
}

/// A digest of the rules by which an object is compared; it lives no longer than the process.
fn rules(object: &DesiredObject, mode: &WriteMode, drift: &DriftPolicy) -> u64 {
    let mut hasher = DefaultHasher::new();
    (mode, drift.ownership_loss, &object.policy.ignore).hash(&mut hasher);
    for rule in drift.ignore.iter().filter(|rule| rule.matches(&object.reference.key)) {
        rule.pointers.hash(&mut hasher);
    }
    hasher.finish()
}

/// The objects of an app that are in force, kept small: enough to tell whether they still are when something changes,
/// without rendering or building anything.
#[derive(Debug, Clone)]
pub struct Standing {
    base: WriteMode,
    objects: HashMap<ObjectKey, Stood>,
}

#[derive(Debug, Clone)]
struct Stood {
    version: String,
    id: QuestionId,
    /// Where it is not the app's own.
    mode: Option<Box<WriteMode>>,
}

impl Standing {
    /// What a finished run left in force.
    pub fn of(desired: &Desired, policy: &SyncPolicy) -> Self {
        let judged = desired.objects().iter().filter(|o| o.policy.when == crate::WriteWhen::Differs);
        let stood = |object: &DesiredObject| {
            let mode = object.policy.write.as_ref();
            let rules = rules(object, mode.unwrap_or(&policy.write), &policy.drift);
            let stood = Stood {
                version: object.reference.version.clone(),
                id: QuestionId(object.digest, rules),
                mode: mode.map(|mode| Box::new(mode.clone())),
            };
            (object.reference.key.clone(), stood)
        };
        Self { base: policy.write.clone(), objects: judged.map(stood).collect() }
    }

    /// Whether a change of this object is nothing to act on: it is not among them, or it still holds.
    pub fn holds(&self, live: &dyn LiveView, key: &ObjectKey) -> bool {
        self.objects.get(key).is_none_or(|stood| self.one_holds(live, key, stood))
    }

    /// The same for every object of a kind.
    pub fn kind_holds(&self, live: &dyn LiveView, kind: &GroupKind) -> bool {
        let of_kind = self.objects.iter().filter(|(key, _)| key.group_kind() == *kind);
        of_kind.into_iter().all(|(key, stood)| self.one_holds(live, key, stood))
    }

    fn one_holds(&self, live: &dyn LiveView, key: &ObjectKey, stood: &Stood) -> bool {
        let mode = stood.mode.as_deref().unwrap_or(&self.base);
        let by = match mode {
            WriteMode::ServerSide { .. } => By::Fields(mode.clone()),
            WriteMode::ThreeWay { .. } | WriteMode::Replace { .. } => By::Nothing,
        };
        let object = ObjectRef { key: key.clone(), version: stood.version.clone() };
        live.in_force(&object, &Question { id: stood.id, by })
    }
}
