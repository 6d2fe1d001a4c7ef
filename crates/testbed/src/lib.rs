//! What the tests of controllers share: a [`Repository`] in memory, and the [`Hand`] of somebody else on the cluster
//! that a controller works on, which may meddle with a Deployment ([`WEB`]). Development only: nothing that ships depends on it.
//!
//! A failure here is the failure of a test: it panics with what it saw.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod hand;
mod repository;
mod web;

pub use hand::Hand;
pub use repository::Repository;
pub use web::{WEB, replicas};
