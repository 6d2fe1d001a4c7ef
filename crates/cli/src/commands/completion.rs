use super::Context;
use crate::Invocation;
use crate::error::{CliError, Exit};
use clap::CommandFactory;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  source <(holdfast completion bash)\n  holdfast completion fish > ~/.config/fish/completions/holdfast.fish"
)]
pub(crate) struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Invocation::command(), "holdfast", &mut script);
    context.output.bytes(&script)?;
    Ok(Exit::Success)
}
