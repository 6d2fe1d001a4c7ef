//! What every front-end shares.
//!
//! [`Engine`] holds the home cluster's live state and those of other clusters and identities that apps deploy to
//! ([`Access`]), the queue of custom resources to reconcile and the routes by which a
//! change in the cluster finds the resources it matters to. A front-end is a [`Reconciler`]: it is handed a key and
//! the reasons, works without ever waiting for the cluster to become anything, and says when it wants to be asked
//! again. [`SyncRun`] drives `holdfast_sync::next` for it.
//!
//! This crate knows no front-end, no source and no renderer.

mod access;
mod clock;
mod correction;
mod engine;
mod events;
mod lease;
mod metrics;
mod offload;
mod queue;
mod routes;
mod run;
mod status;

pub use access::{Access, AccessError, connect};
pub use clock::Clock;
pub use correction::{DRIFT_CORRECTED, explain_corrections};
pub use engine::{Engine, EngineOptions, Outcome, Reason, Reconciler, Trigger};
pub use events::{Recorder, Severity};
pub use lease::{Lease, LeaseOptions, Leases};
pub use metrics::Metrics;
pub use offload::offload;
pub use queue::{Queue, Work};
pub use routes::{Place, Routes};
pub use run::{Advance, SyncRun, unreadable, unwatched};
pub use status::{StatusWriter, merge_patch, status_of};
