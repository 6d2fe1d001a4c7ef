//! One file per command: its arguments and what it does.

mod completion;
mod run;
mod sandbox;
mod up;
mod version;

use crate::arguments::ClusterArguments;
use crate::environment::Environment;
use crate::error::{CliError, Exit};
use crate::output::Output;
use holdfast_cluster::Cluster;
use std::path::{Path, PathBuf};

/// What a command works with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) environment: Environment,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Print a script that completes commands in a shell.
    Completion(completion::Arguments),
    /// Run the controllers on a cluster.
    Run(run::Arguments),
    /// Run a simulated cluster: a Kubernetes API without nodes.
    Sandbox(sandbox::Arguments),
    /// Bring up a folder or repository: on a simulated cluster, or with --context on yours.
    Up(up::Arguments),
    /// Print the version.
    Version(version::Arguments),
}

impl Command {
    /// Runs the command to its end.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Completion(arguments) => completion::run(&arguments, context),
            Self::Run(arguments) => context.block_on_threads(run::run(&arguments, context)),
            Self::Up(arguments) => context.block_on_threads(up::run(&arguments, context)),
            Self::Sandbox(arguments) => context.block_on_threads(sandbox::run(&arguments, context)),
            Self::Version(arguments) => version::run(arguments, context),
        }
    }

    /// What is logged unless HOLDFAST_LOG says otherwise: servers tell what they do, other commands only warn.
    pub(crate) fn log_level(&self) -> &'static str {
        "warn"
    }
}

impl Context {
    pub(crate) fn new(output: Output, environment: Environment) -> Self {
        Self { output, environment }
    }

    /// A path of the user's: relative ones start at the folder the command was called in.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.environment.folder.join(path)
    }

    /// Runs an async command on one thread.
    pub(crate) fn block_on(
        &self,
        work: impl Future<Output = Result<Exit, CliError>>,
    ) -> Result<Exit, CliError> {
        self.block_on_with(&mut tokio::runtime::Builder::new_current_thread(), work)
    }

    /// Runs an async command on as many threads as there are processors.
    pub(crate) fn block_on_threads(
        &self,
        work: impl Future<Output = Result<Exit, CliError>>,
    ) -> Result<Exit, CliError> {
        self.block_on_with(&mut tokio::runtime::Builder::new_multi_thread(), work)
    }

    fn block_on_with(
        &self,
        builder: &mut tokio::runtime::Builder,
        work: impl Future<Output = Result<Exit, CliError>>,
    ) -> Result<Exit, CliError> {
        let runtime = builder
            .enable_all()
            .build()
            .map_err(|e| CliError::internal(format!("the async runtime does not start: {e}")))?;
        runtime.block_on(async {
            if self.environment.listens_to_signals {
                tokio::spawn(stop_on_signal(self.environment.stop.clone()));
            }
            work.await
        })
    }

    /// The cluster the arguments name. It is not asked yet.
    pub(crate) async fn cluster(&self, arguments: &ClusterArguments) -> Result<Cluster, CliError> {
        Ok(Cluster::connect(&arguments.kubeconfig(&self.environment.folder)).await?)
    }
}

/// Cancels on the first interrupt or termination; a second one ends the process as usual.
async fn stop_on_signal(stop: tokio_util::sync::CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(130);
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
        stop.cancel();
    }
}
