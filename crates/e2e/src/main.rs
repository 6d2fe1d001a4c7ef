//! The binary that the end-to-end tests start and kill: all of `holdfast` but its allocator.
//!
//! Cargo shows tests the binaries of their own package only, hence this one. The tests (`tests/main`) run Holdfast
//! against a real control plane, in process and as this program; they belong to the slow tier, see
//! `holdfast-testcluster`. Nothing that ships depends on this crate, and it holds no logic of its own.

use holdfast_cli::{Environment, Invocation};
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = Environment::of_process();
    let invocation = match Invocation::parse(std::env::args_os(), &environment) {
        Ok(invocation) => invocation,
        Err(exit) => return exit,
    };
    // Another provider cannot have been installed before: this is the first thing that is done.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    invocation.start_logging();
    invocation.run(environment)
}
