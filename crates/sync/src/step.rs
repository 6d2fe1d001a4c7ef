use crate::policy::WriteMode;
use crate::progress::Failure;
use holdfast_merge::drift::Difference;
use holdfast_object::{Object, ObjectKey, ObjectRef, Origin};
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// The answer of [`crate::next`].
#[derive(Debug, Clone)]
pub enum Step {
    /// Carry these out, concurrently, record the results and ask again.
    Do(Vec<Op>),
    /// Nothing to do until one of these happens; then ask again.
    Wait(Wake),
    /// The run is over.
    Done(Verdict),
}

/// One write to the cluster.
#[derive(Debug, Clone)]
pub struct Op {
    /// The object.
    pub object: ObjectRef,
    /// What to do with it.
    pub verb: Verb,
    /// Why.
    pub why: Reason,
    /// Where the object was written, for messages.
    pub origin: Option<Origin>,
    /// The live object that the decision was taken on: uid and resourceVersion. Deletes carry it to the server.
    pub precondition: Option<(String, String)>,
}

/// What an [`Op`] does.
#[derive(Debug, Clone)]
pub enum Verb {
    /// Writes the desired object.
    Apply {
        /// The object as it is to be.
        desired: Arc<Object>,
        /// How it is written.
        mode: WriteMode,
        /// When a field turns out to be immutable, delete the object and create it anew.
        recreate_immutable: bool,
        /// Whether it differs from this live object cannot be told here: the server is asked first, without keeping
        /// anything, and nothing is written when it would change nothing.
        verify: Option<Arc<Object>>,
    },
    /// Deletes the object.
    Delete {
        /// What happens to its dependents.
        propagation: Propagation,
    },
}

/// What happens to the dependents of a deleted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// They go first.
    Foreground,
    /// They go later.
    Background,
    /// They stay.
    Orphan,
}

impl Propagation {
    /// The API's name of the policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Foreground => "Foreground",
            Self::Background => "Background",
            Self::Orphan => "Orphan",
        }
    }
}

/// Why an object is written or deleted.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// It is not there.
    Missing,
    /// It differs from what is desired.
    Differs(Vec<Difference>),
    /// Managers that the policy folds hold fields of it.
    Folded(Vec<String>),
    /// A field we want is no longer ours.
    OwnershipLost,
    /// Whether it differs cannot be told without asking the server.
    Unverified,
    /// It is no longer desired.
    NotDesired,
    /// The app is being deleted.
    AppDeleted,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Differs(differences) => {
                f.write_str("differs at ")?;
                let shown =
                    differences.iter().take(3).map(|d| d.path.to_string()).collect::<Vec<_>>().join(", ");
                f.write_str(&shown)?;
                match differences.len().saturating_sub(3) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Folded(managers) => write!(f, "has fields of {}", managers.join(", ")),
            Self::OwnershipLost => f.write_str("has fields that are no longer ours"),
            Self::Unverified => f.write_str("may differ"),
            Self::NotDesired => f.write_str("is no longer desired"),
            Self::AppDeleted => f.write_str("belongs to a deleted app"),
        }
    }
}

/// When to ask again: when one of the objects waited for changes, or at the deadline.
///
/// Whoever asks must be told of changes of every object of the desired state and of the gates *from before it reads
/// the live view*; then a change between the reading and the waiting cannot be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    /// At this moment at the latest; `None` waits for a change only.
    pub deadline: Option<Timestamp>,
    /// What the run waits for.
    pub waiting: Vec<Waiting>,
    /// The gate it waits at; the caller notes it with [`crate::Progress::wait_at`], which starts the gate's time.
    pub gate: usize,
}

impl Wake {
    /// Whether the run waits to learn what is live, not for anything to become so.
    pub fn is_for_knowledge(&self) -> bool {
        self.gate == crate::next::KNOWLEDGE_GATE
    }
}

/// One thing a run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The object.
    pub object: ObjectKey,
    /// In what state it is.
    pub message: String,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.message)
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Everything is in force, and healthy where the gate asks for it.
    InForce,
    /// Writes or deletions failed; what succeeded is in [`crate::Progress`].
    Failed(Vec<Failure>),
    /// Everything is in force, but not healthy: in a failed state, or not ready when the time was over.
    Unhealthy {
        /// What is not healthy.
        objects: Vec<Waiting>,
        /// True when the time ran out; false when an object failed for good.
        timed_out: bool,
    },
    /// A gate between stages did not open in time.
    StageTimedOut {
        /// What is not ready.
        objects: Vec<Waiting>,
    },
    /// The brake holds these deletions until a person says yes; everything else was done.
    PruneHeld {
        /// What would go.
        objects: Vec<ObjectRef>,
        /// Why the brake holds.
        why: String,
    },
    /// The render came out empty and would have pruned everything.
    RefusedEmpty {
        /// What would have gone.
        objects: Vec<ObjectRef>,
    },
}
