//! Applications.
//!
//! [`decide`] says what to do next from a [`State`] of plain facts; the reconciler gathers the facts, carries the
//! action out and asks again, until there is nothing to do but wait.

pub use hooks::Hook;
pub(crate) use preview::preview;
pub(crate) use refuse::unsupported;

mod compare;
mod finalize;
mod hooks;
mod load;
mod memory;
mod operation;
mod options;
mod parameters;
mod preview;
mod project;
mod reconcile;
mod refresh;
mod refuse;
mod request;
mod result;
mod sight;
mod status;
mod sync;
mod write;

pub(crate) use operation::HealPauses;
pub(crate) use reconcile::{ApplicationReconciler, Shared};

use holdfast_sync::Propagation;
use jiff::Timestamp;
use operation::Operation;
use refresh::Level;

/// What is known of an Application at one moment.
#[derive(Debug, Clone, PartialEq)]
struct State {
    /// The time.
    now: Timestamp,
    /// A person switched it off (`skip-reconcile`).
    skipped: bool,
    /// Whether it is being deleted.
    deletion: Deletion,
    /// The comparison that is due.
    refresh: Option<Level>,
    /// What is live is not known yet, so that comparing again now would come to nothing.
    blind: bool,
    /// Our writes are not all seen yet; at this moment we go on regardless.
    settles: Option<Timestamp>,
    /// How far its operation is.
    operation: Progress,
    /// What autosync would do after the last comparison.
    auto: AutoStep,
    /// When the comparison is too old.
    expires: Timestamp,
}

/// Whether an Application is being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletion {
    /// No.
    No,
    /// Yes, and its objects go with it, in this way.
    WithObjects(Propagation),
    /// Yes, and finalizers want hooks to run before, or after, which nobody does yet.
    WithHooks,
    /// Yes, and its objects stay, or it waits for others' finalizers.
    Alone,
}

/// How far an operation is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Progress {
    /// There is none.
    None,
    /// It was asked for.
    Requested,
    /// A person asked for it to end.
    Terminating,
    /// It is under way, but nobody asks for it any more.
    Withdrawn,
    /// Between two tries.
    Between {
        /// When the next is due.
        next: Timestamp,
        /// A newer commit than the one that failed.
        newer: Option<String>,
    },
    /// Under way, with something to do.
    Running,
    /// Under way, with nothing to do before something happens.
    Waiting {
        /// By when it goes on at the latest.
        deadline: Option<Timestamp>,
        /// A newer commit than the one that is waited for.
        newer: Option<String>,
    },
}

/// What autosync would do.
#[derive(Debug, Clone, PartialEq, Default)]
enum AutoStep {
    /// Nothing.
    #[default]
    Nothing,
    /// Start this.
    Start(Box<Operation>),
    /// Look again then.
    Later(Timestamp),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
enum Action {
    /// Leave it alone.
    Ignore,
    /// Delete its objects, then let it go.
    Finalize(Propagation),
    /// Say what keeps it from being deleted.
    Hold,
    /// Compare.
    Refresh(Level),
    /// Take up the operation that was asked for.
    Begin,
    /// Ask for an operation ourselves.
    Start(Box<Operation>),
    /// Go on with the operation.
    Advance,
    /// Begin the next try.
    Retry,
    /// End the operation because a person asked for it.
    Terminate,
    /// End the operation because nobody wants it any more.
    Withdraw,
    /// End the operation because this commit is newer.
    Supersede(String),
    /// Nothing before this moment, unless something happens.
    Wait(Timestamp),
}

fn decide(state: &State) -> Action {
    if state.skipped {
        return Action::Ignore;
    }
    match state.deletion {
        Deletion::WithObjects(propagation) => return Action::Finalize(propagation),
        Deletion::WithHooks => return Action::Hold,
        Deletion::Alone => return Action::Ignore,
        Deletion::No => {}
    }
    match &state.operation {
        Progress::Terminating => return Action::Terminate,
        Progress::Withdrawn => return Action::Withdraw,
        _ => {}
    }
    if let Some(at) = state.settles.filter(|at| *at > state.now) {
        return Action::Wait(at);
    }
    if let Some(level) = state.refresh.filter(|_| !state.blind) {
        return Action::Refresh(level);
    }
    match &state.operation {
        Progress::Requested => Action::Begin,
        Progress::Running => Action::Advance,
        // The newest commit wins: neither a failing sync nor a wait for health may block the fix.
        Progress::Between { newer: Some(newer), .. } | Progress::Waiting { newer: Some(newer), .. } => {
            Action::Supersede(newer.clone())
        }
        Progress::Between { next, .. } if *next <= state.now => Action::Retry,
        Progress::Between { next, .. } => Action::Wait(state.expires.min(*next)),
        Progress::Waiting { deadline: Some(deadline), .. } if *deadline <= state.now => Action::Advance,
        Progress::Waiting { deadline, .. } => {
            Action::Wait(deadline.map_or(state.expires, |deadline| state.expires.min(deadline)))
        }
        Progress::None | Progress::Terminating | Progress::Withdrawn => match &state.auto {
            AutoStep::Start(operation) => Action::Start(operation.clone()),
            AutoStep::Later(at) => Action::Wait(state.expires.min(*at)),
            AutoStep::Nothing => Action::Wait(state.expires),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn state() -> State {
        State {
            now: at(10),
            skipped: false,
            deletion: Deletion::No,
            refresh: None,
            blind: false,
            settles: None,
            operation: Progress::None,
            auto: AutoStep::Nothing,
            expires: at(120),
        }
    }

    fn check(change: impl Fn(&mut State), expected: Action) {
        let mut state = state();
        change(&mut state);
        assert_eq!(decide(&state), expected, "{state:?}");
    }

    #[test]
    fn nothing_to_do_is_to_wait_for_the_next_comparison() {
        check(|_| {}, Action::Wait(at(120)));
        check(|s| s.auto = AutoStep::Later(at(12)), Action::Wait(at(12)));
        check(|s| s.refresh = Some(Level::Recent), Action::Refresh(Level::Recent));
    }

    #[test]
    fn what_people_switched_off_or_delete_comes_first() {
        check(|s| (s.skipped, s.refresh) = (true, Some(Level::Hard)), Action::Ignore);
        check(
            |s| {
                s.deletion = Deletion::WithObjects(Propagation::Foreground);
                s.operation = Progress::Running;
            },
            Action::Finalize(Propagation::Foreground),
        );
        check(|s| s.deletion = Deletion::Alone, Action::Ignore);
        check(|s| (s.deletion, s.operation) = (Deletion::WithHooks, Progress::Running), Action::Hold);
    }

    #[test]
    fn an_operation_runs_after_the_comparison_and_before_autosync() {
        let start = || AutoStep::Start(Box::default());
        check(|s| s.auto = start(), Action::Start(Box::default()));
        check(|s| (s.auto, s.operation) = (start(), Progress::Requested), Action::Begin);
        check(
            |s| (s.refresh, s.operation) = (Some(Level::Recent), Progress::Requested),
            Action::Refresh(Level::Recent),
        );
        check(
            |s| (s.refresh, s.blind, s.operation) = (Some(Level::Recent), true, Progress::Running),
            Action::Advance,
        );
        check(|s| s.operation = Progress::Terminating, Action::Terminate);
        check(|s| s.operation = Progress::Withdrawn, Action::Withdraw);
    }

    #[test]
    fn the_newest_commit_wins_over_waiting() {
        let waiting = |deadline: Option<i64>, newer: Option<&str>| Progress::Waiting {
            deadline: deadline.map(at),
            newer: newer.map(Into::into),
        };
        check(|s| s.operation = waiting(None, None), Action::Wait(at(120)));
        check(|s| s.operation = waiting(Some(12), None), Action::Wait(at(12)));
        check(|s| s.operation = waiting(Some(10), None), Action::Advance);
        check(|s| s.operation = waiting(Some(12), Some("b")), Action::Supersede("b".into()));
        let between = |next: i64, newer: Option<&str>| Progress::Between {
            next: at(next),
            newer: newer.map(Into::into),
        };
        check(|s| s.operation = between(15, None), Action::Wait(at(15)));
        check(|s| s.operation = between(10, None), Action::Retry);
        check(|s| s.operation = between(15, Some("b")), Action::Supersede("b".into()));
    }

    #[test]
    fn our_own_writes_are_waited_for_but_not_for_ever() {
        check(|s| (s.settles, s.refresh) = (Some(at(12)), Some(Level::Recent)), Action::Wait(at(12)));
        check(
            |s| (s.settles, s.refresh) = (Some(at(10)), Some(Level::Recent)),
            Action::Refresh(Level::Recent),
        );
    }
}
