//! Development tasks: `cargo xtask <task>`. Each task is a module; a task that others need to run says so here.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod protobuf;
mod schema;
mod simulate;
mod tidy;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("bench") => bench::run(&args[1..]),
        Some("protobuf") => protobuf::run(&args[1..]),
        Some("schema") => schema::run(&args[1..]),
        Some("simulate") => simulate::run(&args[1..]),
        Some("tidy") => tidy::run(),
        other => bail!("usage: cargo xtask bench|protobuf|schema|simulate|tidy (got {other:?})"),
    }
}
