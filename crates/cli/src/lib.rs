//! The commands of `holdfast`.
//!
//! One file per command under `commands`. A command reads its arguments, calls the crates that do the work and prints
//! what came of it; commands that only render never start an async runtime, the others speak to the cluster's API
//! and need no running Holdfast. Everything a command takes from its surroundings — streams, folder, time, variables,
//! the wish to stop — comes in through [`Environment`], so that tests run whole commands in process.
//!
//! This crate decides nothing about clusters: what an app is lies in `holdfast-view`, what a sync would change in the
//! front-ends and `holdfast-sync`. It never writes to the user's own kubeconfig.

mod arguments;
mod cell;
mod commands;
mod comparison;
mod environment;
mod error;
mod flux_arguments;
mod invocation;
mod logging;
mod names;
mod output;
mod paint;
mod places;
mod preview;
mod reading;
mod remote;
mod served;
mod storage;
mod story;
mod watching;
mod writing;

pub use environment::Environment;
pub use error::{CliError, ErrorKind, Exit};
pub use invocation::{Invocation, process};
pub use output::{ColorChoice, Output};
