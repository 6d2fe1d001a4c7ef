use super::Context;
use crate::error::{CliError, Exit};
use holdfast_sandbox::{Options, Sandbox};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the API listens; port 0 is any free one. Anyone who can reach it may do anything in it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Write the kubeconfig to this file once the API answers, instead of printing it.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Decides generated names, uids and addresses.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,

    /// Leave Deployments without pods, Jobs without runs.
    #[arg(long)]
    no_workloads: bool,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let sandbox = Sandbox::start(Options {
        seed: arguments.seed,
        simulate_workloads: !arguments.no_workloads,
        ..Options::default()
    });
    let listening = sandbox
        .listen(arguments.listen)
        .await
        .map_err(|e| CliError::config(format!("{} cannot be listened on: {e}", arguments.listen)))?;
    let kubeconfig = sandbox.kubeconfig(listening.addr);
    context
        .output
        .note(format!("simulated Kubernetes API on http://{} (end it with Ctrl-C)", listening.addr));
    match &arguments.kubeconfig {
        Some(file) => {
            write_kubeconfig(&context.path(file), &kubeconfig)?;
            context.output.note(format!("kubectl --kubeconfig {} get namespaces", file.display()));
        }
        None => context.output.bytes(kubeconfig.as_bytes())?,
    }
    context.environment.stop.cancelled().await;
    Ok(Exit::Success)
}

/// Writes the file in one step, so that whoever waits for it never reads half of it. A kubeconfig that leads
/// elsewhere is somebody's own and stays as it is.
fn write_kubeconfig(path: &Path, kubeconfig: &str) -> Result<(), CliError> {
    let failed = |e: std::io::Error| CliError::config(format!("{} cannot be written: {e}", path.display()));
    if let Ok(existing) = std::fs::read_to_string(path)
        && !existing.trim().is_empty()
        && !existing.contains("current-context: sandbox")
    {
        return Err(CliError::user(format!("{} exists and is no sandbox's kubeconfig", path.display()))
            .hint("name a file of its own, and use it with `kubectl --kubeconfig FILE`"));
    }
    let partial = path.with_extension("partial");
    std::fs::write(&partial, kubeconfig).and_then(|()| std::fs::rename(&partial, path)).map_err(failed)
}
