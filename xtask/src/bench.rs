//! Runs the benchmarks that need a real control plane (`crates/bench`), which are built only when they are asked for.

use anyhow::{Context, Result, bail};
use std::process::Command;

/// Builds Holdfast and the benchmark, and runs it with the arguments; `--debug` uses the build that the tests use, to
/// see that it works.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (debug, rest): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|a| *a == "--debug");
    let profile: &[&str] = if debug.is_empty() { &["--release"] } else { &[] };
    let cargo = || Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let mut build = cargo();
    build.args(["build", "--quiet", "--locked", "--package", "holdfast", "--package", "holdfast-bench"]);
    let mut bench = cargo();
    bench.args(["run", "--quiet", "--locked", "--package", "holdfast-bench"]);
    // The control plane is the slow tier's: whoever calls this asks for it.
    bench.env("HOLDFAST_E2E", "required");
    for (mut command, what) in [(build, "cargo build"), (bench, "the benchmark")] {
        command.args(profile);
        if what != "cargo build" {
            command.arg("--").args(&rest);
        }
        if !command.status().with_context(|| what.to_owned())?.success() {
            bail!("{what} failed");
        }
    }
    Ok(())
}
