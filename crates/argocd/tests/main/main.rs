//! The whole path in process: a sandbox, an engine, and repositories in memory.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod applications;
mod bed;
mod calm;
mod charts;
mod deletion;
mod faults;
mod operations;
mod others;
mod renders;
mod sources;
