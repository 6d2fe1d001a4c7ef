//! Holdfast against a real control plane. Slow tier: see `holdfast-testcluster` for when these run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admission;
mod argocd;
mod bed;
mod definitions;
mod door;
mod drift;
mod dry_runs;
mod faults;
mod flux;
mod leases;
mod oci;
mod ownership;
mod process;
mod rival;
mod sandbox;
mod sources;
mod strangers;
mod up;
mod walk;
mod weather;
mod webhook;
