//! Development tasks: `cargo xtask <task>`. Each task is a module; a task that others need to run says so here.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod tidy;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let task = std::env::args().nth(1);
    match task.as_deref() {
        Some("tidy") => tidy::run(),
        other => bail!("usage: cargo xtask tidy (got {other:?})"),
    }
}
