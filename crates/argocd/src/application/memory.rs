//! What is remembered of an Application between two reconciles. Losing it costs work, never correctness: everything
//! that counts is in the Application's status and in the cluster.

use super::AutoStep;
use super::operation::Operation;
use super::options::SyncOptions;
use super::refresh::Level;
use super::request::Target;
use super::sight::Sights;
use super::status::Status;
use holdfast_controller::SyncRun;
use holdfast_object::{Object, ObjectRef};
use holdfast_sync::{Change, Live, LiveView, OpResult};
use jiff::Timestamp;
use std::sync::Arc;

/// What is remembered of one Application.
#[derive(Default)]
pub(super) struct Memory {
    /// The cluster's epoch in which all of this holds.
    pub(super) epoch: u64,
    /// The Application as the server answered our last write, which the watch may not have brought yet.
    pub(super) current: Option<Arc<Object>>,
    /// A status that is not written yet.
    pub(super) unwritten: Option<Unwritten>,
    /// What was compared last.
    pub(super) target: Option<Arc<Target>>,
    /// What was seen of each object then.
    pub(super) sights: Sights,
    /// What was out of sync then, a line for each field.
    pub(super) drift: Vec<String>,
    /// What was wrong with the source when it was asked last; `None` when nothing was.
    pub(super) problem: Option<String>,
    /// The comparison that was due and could not be made yet: what asked for it asks only once.
    pub(super) due: Option<Level>,
    /// The operation under way.
    pub(super) run: Option<Run>,
    /// Set while the operation cannot even be prepared: what it needs to know is not known yet.
    pub(super) preparing: Option<Wait>,
    /// Our writes that are to be seen before the next comparison.
    pub(super) settling: Option<Settling>,
    /// When the last comparison is too old.
    pub(super) expires: Option<Timestamp>,
    /// What autosync would do.
    pub(super) auto: AutoStep,
}

/// A status that is not written yet.
pub(super) struct Unwritten {
    pub(super) status: Status,
    /// The operation that is over: it goes with the write. Another that was asked for meanwhile stays.
    pub(super) over: Option<Operation>,
}

/// An operation under way.
pub(super) struct Run {
    /// Its options.
    pub(super) options: SyncOptions,
    /// The sync itself.
    pub(super) sync: SyncRun,
    /// Objects that are not in the source and stay, by annotation or because pruning is off.
    pub(super) spared: Vec<Spared>,
    /// Set while there is nothing to do: by when to go on at the latest.
    pub(super) waits: Option<Wait>,
}

/// An object that pruning leaves alone, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spared {
    pub(super) object: ObjectRef,
    pub(super) why: &'static str,
}

/// An operation has nothing to do just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) deadline: Option<Timestamp>,
}

/// Writes that the watch is to bring back before the cluster is compared again: on an older view they would look as
/// if someone had undone them.
pub(super) struct Settling {
    /// When the comparison is made regardless.
    pub(super) until: Timestamp,
    written: Vec<(ObjectRef, Expected)>,
}

enum Expected {
    Version(String),
    Deleted,
}

impl Settling {
    /// The writes of a run; `None` when it wrote nothing.
    pub(super) fn of(run: &SyncRun, until: Timestamp) -> Option<Self> {
        let written: Vec<_> = (run.progress.changes().into_iter())
            .filter_map(|(object, change)| match (change, run.progress.result(&object.key)) {
                (Change::Deleted, _) => Some((object, Expected::Deleted)),
                (_, Some(OpResult::Done { resource_version, .. })) => {
                    let version = resource_version.clone();
                    Some((object, Expected::Version(version)))
                }
                _ => None,
            })
            .collect();
        (!written.is_empty()).then_some(Self { until, written })
    }

    /// Whether all of them are seen.
    pub(super) fn is_over(&self, live: &dyn LiveView) -> bool {
        self.written.iter().all(|(object, expected)| match (live.get(object), expected) {
            (Live::Present(found), Expected::Version(written)) => {
                !is_older(found.object.resource_version(), written)
            }
            (Live::Present(found), Expected::Deleted) => found.object.is_deleting(),
            (Live::Absent | Live::NoSuchKind, Expected::Deleted) => true,
            // A kind that cannot be watched never shows anything.
            (Live::NoSuchKind, Expected::Version(_)) => true,
            (Live::Absent | Live::Unknown, _) => false,
        })
    }
}

/// Whether resourceVersion `seen` is older than `written`; what is no number is not compared.
pub(super) fn is_older(seen: &str, written: &str) -> bool {
    matches!((seen.parse::<u64>(), written.parse::<u64>()), (Ok(seen), Ok(written)) if seen < written)
}
