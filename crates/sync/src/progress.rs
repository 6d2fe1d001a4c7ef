use crate::heal::Heals;
use crate::policy::Backoff;
use crate::step::{Op, Reason, Verb};
use holdfast_object::{ObjectKey, ObjectRef, Origin};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::fmt;

/// How far one run has come. Starts empty; a restart that loses it loses nothing but the record of what this run
/// changed, since everything else is read from the cluster.
#[derive(Debug, Clone)]
pub struct Progress {
    /// When the run began.
    pub started: Timestamp,
    /// What the run was begun for.
    pub occasion: Occasion,
    /// What the app put right lately, this run included. It is handed from run to run.
    pub heals: Heals,
    results: HashMap<ObjectKey, Record>,
    /// When the run came to wait at each gate, by stage number; the health gate comes after the last.
    gates: HashMap<usize, Timestamp>,
    /// Gates that a plan, which cannot wait, takes as open.
    pub(crate) passed: HashSet<usize>,
}

/// What a run is begun for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// A new revision, another spec, a person: everything is put right, whoever set it otherwise.
    Requested,
    /// Its interval: everything is put right but what is contested.
    Scheduled,
    /// Something in the cluster changed: only what the policy heals at once is put right.
    Drift,
}

#[derive(Debug, Clone)]
struct Record {
    reference: ObjectRef,
    origin: Option<Origin>,
    why: Reason,
    deletes: bool,
    result: OpResult,
}

/// A write that changed something, and why it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Correction {
    /// The object.
    pub object: ObjectRef,
    /// Where it was written.
    pub origin: Option<Origin>,
    /// How it was before the write.
    pub why: Reason,
}

/// What came of an [`Op`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpResult {
    /// It was carried out.
    Done {
        /// What it changed.
        change: Change,
        /// The object's resourceVersion after it; empty for deletions.
        resource_version: String,
    },
    /// The object was deleted to be made anew, which happens once it is gone.
    Recreating,
    /// The object is not as it was when the decision was taken: it is to be decided again, on what is live by then.
    Stale,
    /// It was refused or could not be sent.
    Failed {
        /// What kind of failure.
        kind: FailureKind,
        /// The server's words, explained.
        message: String,
    },
}

/// What an operation changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// The object was made.
    Created,
    /// The object was changed.
    Configured,
    /// The object was deleted and made anew.
    Recreated,
    /// Nothing: it was so already.
    Unchanged,
    /// The object was deleted, or its deletion was asked for.
    Deleted,
}

impl fmt::Display for Change {
    /// The past participle that Flux's events and `kubectl` print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Recreated => "recreated",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
        })
    }
}

/// What kind of failure, as far as the next decision depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The request was understood and refused: invalid, immutable, forbidden, denied by a webhook.
    Refused,
    /// The kind or the namespace does not exist.
    NotFound,
    /// Another field manager owns a field, or the object changed in between.
    Conflict,
    /// The server failed or was too busy: worth trying again as it is.
    Unavailable,
    /// The server gave no answer.
    Unreachable,
}

/// An operation that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The object.
    pub object: ObjectRef,
    /// Where it was written.
    pub origin: Option<Origin>,
    /// What kind of failure.
    pub kind: FailureKind,
    /// The server's words, explained.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.object)?;
        if let Some(origin) = &self.origin {
            write!(f, " ({origin})")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl Progress {
    /// A run that begins now.
    pub fn new(now: Timestamp, occasion: Occasion) -> Self {
        Self {
            started: now,
            occasion,
            heals: Heals::default(),
            results: HashMap::new(),
            gates: HashMap::new(),
            passed: HashSet::new(),
        }
    }

    /// Records what came of an operation.
    pub fn record(&mut self, op: &Op, result: OpResult) {
        if result == OpResult::Stale {
            self.results.remove(&op.object.key);
            return;
        }
        let record = Record {
            reference: op.object.clone(),
            origin: op.origin.clone(),
            why: op.why.clone(),
            deletes: matches!(op.verb, Verb::Delete { .. }),
            result,
        };
        self.results.insert(op.object.key.clone(), record);
    }

    /// Notes that an operation put right what others did, so that the next one is not made too soon.
    pub fn healed(&mut self, op: &Op, backoff: &Backoff, now: Timestamp) {
        let changed = matches!(
            self.result(&op.object.key),
            Some(OpResult::Done { change: Change::Created | Change::Configured | Change::Recreated, .. })
        );
        if changed && self.occasion != Occasion::Requested {
            self.heals.healed(op, backoff, now);
        }
    }

    /// What came of this run's operation on an object, if there was one.
    pub fn result(&self, key: &ObjectKey) -> Option<&OpResult> {
        self.results.get(key).map(|record| &record.result)
    }

    /// The changes of this run, sorted by object.
    pub fn changes(&self) -> Vec<(ObjectRef, Change)> {
        let mut changes: Vec<_> = self
            .results
            .values()
            .filter_map(|record| match record.result {
                OpResult::Done { change, .. } => Some((record.reference.clone(), change)),
                _ => None,
            })
            .collect();
        changes.sort();
        changes
    }

    /// What this run's writes put right, sorted by object. Of a run whose desired state is known to be what was
    /// applied last ([`crate::Desired::applied_before`]) that is the drift it met.
    pub fn corrections(&self) -> Vec<Correction> {
        let is_correction = |record: &&Record| {
            let is_done =
                matches!(&record.result, OpResult::Done { change, .. } if *change != Change::Unchanged);
            is_done && !record.deletes
        };
        let mut corrections: Vec<Correction> = (self.results.values().filter(is_correction))
            .map(|record| Correction {
                object: record.reference.clone(),
                origin: record.origin.clone(),
                why: record.why.clone(),
            })
            .collect();
        corrections.sort_by(|a, b| a.object.cmp(&b.object));
        corrections
    }

    /// Forgets operations that got no answer, so that they are tried again, and returns what the transport said about
    /// one of them. `None` when all were answered.
    pub fn forget_unanswered(&mut self) -> Option<String> {
        let unanswered: Vec<ObjectKey> = (self.results.iter())
            .filter(|(_, record)| {
                matches!(record.result, OpResult::Failed { kind: FailureKind::Unreachable, .. })
            })
            .map(|(key, _)| key.clone())
            .collect();
        let forgotten: Vec<Record> = unanswered.iter().filter_map(|key| self.results.remove(key)).collect();
        forgotten.into_iter().find_map(|record| match record.result {
            OpResult::Failed { message, .. } => Some(message),
            _ => None,
        })
    }

    /// The failures of this run's writes (`deletes` false) or deletions (`deletes` true), sorted by object.
    pub fn failures(&self, deletes: bool) -> Vec<Failure> {
        let mut failures: Vec<_> = self
            .results
            .values()
            .filter(|record| record.deletes == deletes)
            .filter_map(|record| match &record.result {
                OpResult::Failed { kind, message } => Some(Failure {
                    object: record.reference.clone(),
                    origin: record.origin.clone(),
                    kind: *kind,
                    message: message.clone(),
                }),
                _ => None,
            })
            .collect();
        failures.sort_by(|a, b| a.object.cmp(&b.object));
        failures
    }

    /// When the run came to wait at a gate: now, the first time it is asked.
    pub(crate) fn gate_since(&self, gate: usize, now: Timestamp) -> Timestamp {
        self.gates.get(&gate).copied().unwrap_or(now)
    }

    /// Notes that the run waits at a gate. Called by the driver with the stage that [`crate::next`] named.
    pub fn wait_at(&mut self, gate: usize, now: Timestamp) {
        self.gates.entry(gate).or_insert(now);
    }
}
