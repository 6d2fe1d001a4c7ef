use crate::commands::{Command, Context};
use crate::environment::Environment;
use crate::error::CliError;
use crate::logging::{self, LogFormat};
use crate::output::{ColorChoice, Output};
use clap::{CommandFactory, FromArgMatches, Parser};
use std::ffi::OsString;
use std::process::ExitCode;

/// The whole of a process that is `holdfast`: understands its arguments, runs the command and says what to exit with.
/// `choose_tls` installs the process's TLS provider, before anything could need one.
pub fn process(choose_tls: fn()) -> ExitCode {
    let environment = Environment::of_process();
    let invocation = match Invocation::parse(std::env::args_os(), &environment) {
        Ok(invocation) => invocation,
        Err(exit) => return exit,
    };
    choose_tls();
    invocation.start_logging(&environment);
    invocation.run(environment)
}

/// One call of `holdfast`, understood.
#[derive(Debug, Parser)]
#[command(
    name = "holdfast",
    version,
    about = "Keeps clusters equal to what Git says: Argo CD and Flux resources in one binary",
    propagate_version = true,
    disable_help_subcommand = true,
    max_term_width = 110
)]
pub struct Invocation {
    /// When to colour the output.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    color: ColorChoice,

    /// How log lines are written; HOLDFAST_LOG says which (`info`, `holdfast_sync=debug`).
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Global options"
    )]
    log_format: LogFormat,

    #[command(subcommand)]
    command: Command,
}

impl Invocation {
    /// Understands arguments, the program's own name first.
    ///
    /// # Errors
    /// The status to exit with, after help was printed (0) or what is wrong with the arguments (2).
    pub fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        environment: &Environment,
    ) -> Result<Self, ExitCode> {
        let color = match environment.variable("NO_COLOR") {
            Some(_) => clap::ColorChoice::Never,
            None => clap::ColorChoice::Auto,
        };
        let command = Self::command().color(color);
        command.try_get_matches_from(arguments).and_then(|m| Self::from_arg_matches(&m)).map_err(|error| {
            // There is no one left to tell when standard error is gone.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        })
    }

    /// Starts logging as the arguments and HOLDFAST_LOG say.
    pub fn start_logging(&self, environment: &Environment) {
        let color = self.is_colored(environment, environment.stderr_is_terminal);
        logging::start(self.log_format, self.command.log_level(), color);
    }

    /// Whether what goes to a stream is coloured.
    fn is_colored(&self, environment: &Environment, is_terminal: bool) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && environment.variable("NO_COLOR").is_none(),
        }
    }

    /// Runs the command and says what the process exits with: 0 done, 1 the answer is no (differences, not ready),
    /// 2 a mistake in what was asked, 3 in the set-up, 255 in Holdfast.
    pub fn run(self, environment: Environment) -> ExitCode {
        ExitCode::from(self.status(environment))
    }

    /// As [`Invocation::run`], with the status as a number.
    pub fn status(self, mut environment: Environment) -> u8 {
        let is_colored = |is_terminal: bool| self.is_colored(&environment, is_terminal);
        let (color, color_errors) =
            (is_colored(environment.stdout_is_terminal), is_colored(environment.stderr_is_terminal));
        let stdout = std::mem::replace(&mut environment.stdout, Box::new(std::io::sink()));
        let stderr = std::mem::replace(&mut environment.stderr, Box::new(std::io::sink()));
        let mut context = Context::new(Output::new(stdout, stderr, color, color_errors), environment);
        match self.command.run(&mut context) {
            Ok(exit) => exit.status(),
            Err(error) => {
                context.output.error(&error);
                CliError::status(&error)
            }
        }
    }
}
