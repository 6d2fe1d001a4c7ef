//! Plays seeds of the simulation (`crates/simulate`), which is built only when it is asked for.

use anyhow::{Context, Result, bail};
use std::process::Command;

/// Runs the simulation with the arguments; `--debug` uses the build that the tests use, which is slower and is there
/// already.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--locked", "--package", "holdfast-simulate"]);
    let (debug, rest): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|a| *a == "--debug");
    if debug.is_empty() {
        command.arg("--release");
    }
    let status = command.arg("--").args(rest).status().context("cargo run -p holdfast-simulate")?;
    if !status.success() {
        bail!("the simulation failed");
    }
    Ok(())
}
