//! Holdfast on a real control plane, timed from outside and printed next to *the floor*: a bare client that makes, on
//! the same kind of control plane in the same run, the writes that nobody can avoid. `cargo xtask bench flux`.
//!
//! It starts what it needs (`holdfast-testcluster`) and touches nothing else. It knows Holdfast as a user does, as a
//! program with `/metrics`, webhooks and custom resources, and judges nothing: machines differ, so it prints ratios
//! beside the goals, and never fails for a figure. What happens without a control plane is timed by the benches of the
//! crates themselves (`cargo bench -p holdfast-flux`).
#![allow(clippy::print_stdout, reason = "its table is for people")]

mod client;
mod commits;

mod floor;
mod ground;
mod holdfast;
mod pairs;
mod process;
mod proxy;
mod readiness;
mod registry;
mod report;
mod workload;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", about = "Holdfast on a real control plane, next to a bare client")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Flux' resources.
    Flux(FluxArguments),
}

/// What is measured of Flux' resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Case {
    /// Pairs of an OCIRepository and a Kustomization with `wait: true`, from nothing to Ready.
    Pairs,
    /// One GitRepository and Kustomizations of its folders: a commit to one folder, and one to all.
    Commits,
}

#[derive(Debug, clap::Args)]
struct FluxArguments {
    /// What to measure.
    #[arg(long, value_enum, default_value = "pairs")]
    case: Case,

    /// How many Kustomizations.
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    n: usize,

    /// Added to every API call of Holdfast and of the bare client, by a proxy.
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = holdfast_types::parse_duration)]
    delay: Duration,

    /// Replicas of each Deployment; with any, kwok makes the pods ready.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    replicas: u32,

    /// Pairs that the bare client brings along at once, and custom resources that are created at once: as many as
    /// Holdfast reconciles at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 64)]
    concurrency: usize,

    /// The program to measure; by default the one beside this one.
    #[arg(long, value_name = "FILE")]
    holdfast: Option<PathBuf>,

    /// A table for people, or JSON.
    #[arg(short, long, value_enum, default_value = "table")]
    output: report::Format,
}

impl FluxArguments {
    fn holdfast(&self) -> Result<PathBuf> {
        match &self.holdfast {
            Some(file) => Ok(file.clone()),
            None => Ok(std::env::current_exe().context("where this program is")?.with_file_name("holdfast")),
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    // Another provider cannot have been installed before: this is the first thing that is done.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let Arguments { what: What::Flux(arguments) } = Arguments::parse();
    let report = match arguments.case {
        Case::Pairs => pairs::measure(&arguments).await?,
        Case::Commits => commits::measure(&arguments).await?,
    };
    println!("{}", report.show(arguments.output));
    Ok(())
}
