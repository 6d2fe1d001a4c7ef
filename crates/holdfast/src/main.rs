//! The `holdfast` binary: choose the TLS provider and the allocator, and run the command line.

use std::process::ExitCode;

// Rendering and comparing allocate many small values, on many threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Another provider cannot have been installed before: this is the first thing that is done.
    holdfast_cli::process(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()))
}
