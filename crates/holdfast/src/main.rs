//! The `holdfast` binary: parse, choose the TLS provider, start logging, run.

use holdfast_cli::{Environment, Invocation};
use std::process::ExitCode;

// Rendering and comparing allocate many small values, on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
