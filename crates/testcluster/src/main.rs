//! Prepares the program of the slow tier and prints its path; with arguments, runs it with them
//! (`cargo run -p holdfast-testcluster -- up`).

use std::io::{self, Write as _};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let program = holdfast_testcluster::program::build()?;
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments.is_empty() {
        writeln!(io::stdout(), "{}", program.display())?;
        return Ok(ExitCode::SUCCESS);
    }
    let status = Command::new(program).args(arguments).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
