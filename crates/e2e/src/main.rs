//! The binary that the end-to-end tests start and kill: all of `holdfast` but its allocator.
//!
//! Cargo shows tests the binaries of their own package only, hence this one. The tests (`tests/main`) run Holdfast
//! against a real control plane, in process and as this program; they belong to the slow tier, see
//! `holdfast-testcluster`. Nothing that ships depends on this crate, and it holds no logic of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Another provider cannot have been installed before: this is the first thing that is done.
    holdfast_cli::process(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()))
}
