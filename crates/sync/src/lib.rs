//! What to do next to make a cluster hold what is desired.
//!
//! [`next`] is a pure, level-triggered function: from what is desired, what is live, how far the run has come and
//! the policy it answers the next [`Step`], each part with a [`Reason`] a person can read. The caller carries the
//! step out, records the results in [`Progress`] and asks again until the answer is [`Step::Done`]. A [`Plan`] is
//! the same function run ahead without effects: it is what `diff` and a dry run show.
//!
//! The APIs in front differ only in the [`SyncPolicy`] they pass. This crate does no I/O, has no clock (the time is
//! an argument) and knows no front-end.

mod desired;
mod explain;
mod heal;
mod judge;
mod live;
mod next;
mod order;
mod plan;
mod planted;
mod policy;
mod progress;
mod prune;
mod seal;
mod step;
mod yielding;

pub use desired::{Desired, DesiredObject, ObjectPolicy, WriteWhen};
pub use explain::{explain, explain_at, explain_correction};
pub use heal::{Contest, Heals};
pub use holdfast_merge::drift::{Difference, DifferenceKind, FoldPolicy, Seal};
pub use judge::{Judgement, judge};
pub use live::{Live, LiveObject, LiveView, MapView};
pub use next::{contests, next};
pub use order::{Order, Stage, StageGate, kind_rank_argocd, kind_rank_flux};
pub use plan::{Plan, PlannedChange, plan};
#[cfg(feature = "planted")]
pub use planted::plant;
pub use planted::{Bug, planted};
pub use policy::{
    Backoff, DriftPolicy, HealWhen, HealthGate, IgnoreRule, Ownership, OwnershipLoss, PruneBrake, PruneOrder,
    PrunePolicy, ReplacePolicy, SyncPolicy, WriteMode,
};
pub use progress::{Change, Correction, Failure, FailureKind, Occasion, OpResult, Progress};
pub use prune::{Orphan, PruneDecision};
pub use seal::{Question, QuestionId, Standing};
pub use step::{Op, Propagation, Reason, Step, Verb, Verdict, Waiting, Wake};
