//! Flux' kinds end to end: a sandbox, the engine and a repository in memory, all in one process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod bases;
mod bed;
mod calm;
mod claims;
mod client;
mod decryption;
mod definitions;
mod events;
mod expressions;
mod kustomizations;
mod others;
mod readiness;
mod registry;
mod sources;
mod takeover;
mod writes;
