use crate::desired::Desired;
use crate::live::LiveView;
use crate::policy::{HealthGate, SyncPolicy};
use crate::progress::{Change, Occasion, OpResult, Progress};
use crate::step::{Op, Step, Verb, Verdict};
use jiff::Timestamp;

/// What a run would do, without doing it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The changes in the order they would be made.
    pub changes: Vec<PlannedChange>,
    /// How the run would end if every operation succeeded.
    pub verdict: Verdict,
}

/// One change of a plan.
#[derive(Debug, Clone)]
pub struct PlannedChange {
    /// The operation.
    pub op: Op,
    /// What it would change.
    pub change: Change,
}

/// Runs [`crate::next`] ahead: every operation is taken to succeed, and no gate is waited at.
pub fn plan(desired: &Desired, live: &dyn LiveView, policy: &SyncPolicy, now: Timestamp) -> Plan {
    let policy = SyncPolicy { gate: HealthGate::None, ..policy.clone() };
    let mut progress = Progress::new(now, Occasion::Scheduled);
    let mut changes = Vec::new();
    loop {
        match crate::next(desired, live, &progress, &policy, now) {
            Step::Do(ops) => {
                for op in ops {
                    let change = match (&op.verb, &op.precondition) {
                        (Verb::Delete { .. }, _) => Change::Deleted,
                        (Verb::Apply { .. }, None) => Change::Created,
                        (Verb::Apply { .. }, Some(_)) => Change::Configured,
                    };
                    progress.record(&op, OpResult::Done { change, resource_version: String::new() });
                    changes.push(PlannedChange { op, change });
                }
            }
            Step::Wait(wake) if progress.passed.insert(wake.gate) => {}
            // A gate that asks twice waits for knowledge that a plan does not have.
            Step::Wait(wake) => {
                let verdict = Verdict::Unhealthy { objects: wake.waiting, timed_out: true };
                return Plan { changes, verdict };
            }
            Step::Done(verdict) => return Plan { changes, verdict },
        }
    }
}
