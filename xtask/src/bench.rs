//! Runs the benchmarks that need a real control plane (`crates/bench`), which are built only when they are asked for.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

/// Builds Holdfast and the benchmark, and runs it with the arguments; `--debug` uses the build that the tests use, to
/// see that it works.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (debug, rest): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|a| *a == "--debug");
    let (profile, folder): (&[&str], _) =
        if debug.is_empty() { (&["--release"], "release") } else { (&[], "debug") };
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // As a part of the workspace: its other builds are used again.
    build.args(["build", "--quiet", "--locked", "--workspace", "--bin", "holdfast", "--bin", PROGRAM]);
    if !build.args(profile).status().context("cargo build")?.success() {
        bail!("cargo build failed");
    }
    let own = std::env::current_exe().context("where this program is")?;
    let target = own.parent().and_then(Path::parent).context("the target folder")?;
    let mut bench = Command::new(target.join(folder).join(PROGRAM));
    // The control plane is the slow tier's: whoever calls this asks for it.
    bench.env("HOLDFAST_E2E", "required");
    if !bench.args(rest).status().context(PROGRAM)?.success() {
        bail!("the benchmark failed");
    }
    Ok(())
}

const PROGRAM: &str = "holdfast-bench";
