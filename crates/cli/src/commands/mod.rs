//! One file per command: its arguments and what it does.

mod build;
mod check;
mod completion;
mod diff;
mod events;
mod get;
mod helm;
mod history;
mod kustomize;
mod run;
mod sandbox;
mod suspend;
mod sync;
mod takeover;
mod tree;
mod up;
mod version;
mod wait;
mod why;

use crate::arguments::{ClusterArguments, TargetArguments};
use crate::environment::Environment;
use crate::error::{CliError, Exit};
use crate::names::{self, Name};
use crate::output::Output;
use crate::reading;
use holdfast_cluster::{Cluster, Kubeconfig};
use holdfast_object::Object;
use holdfast_view::App;
use std::path::{Path, PathBuf};

/// What a command works with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) environment: Environment,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Render an app as it would be applied.
    Build(build::Arguments),
    /// Look for what is in the way: connection, definitions, rights, other controllers, resources that are refused.
    Check(check::Arguments),
    /// Print a script that completes commands in a shell.
    Completion(completion::Arguments),
    /// Show what a sync of an app would change.
    Diff(diff::Arguments),
    /// Show what was reported about apps and sources.
    Events(events::Arguments),
    /// List apps and sources, or show one.
    Get(get::Arguments),
    /// Render charts, without a cluster.
    Helm(helm::Arguments),
    /// Show what an app's syncs were.
    History(history::Arguments),
    /// Build kustomizations, without a cluster.
    Kustomize(kustomize::Arguments),
    /// Let suspended apps and sources run again.
    Resume(suspend::Arguments),
    /// Run the controllers on a cluster.
    Run(Box<run::Arguments>),
    /// Run a simulated cluster: a Kubernetes API without nodes.
    Sandbox(sandbox::Arguments),
    /// Stop acting on apps and sources, and leave what they applied alone.
    Suspend(suspend::Arguments),
    /// Have apps synced now.
    #[command(visible_alias = "reconcile")]
    Sync(sync::Arguments),
    /// Show an app's objects and what they own, with their health.
    Tree(tree::Arguments),
    /// Bring up a folder or repository: on a simulated cluster, or with --context on yours.
    Up(up::Arguments),
    /// Print the version.
    Version(version::Arguments),
    /// Wait until an app is in a state.
    Wait(wait::Arguments),
    /// Tell what holds an app back: objects, fields, who set them, source lines, what it waits for.
    Why(why::Arguments),
}

impl Command {
    /// Runs the command to its end.
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit, CliError> {
        match self {
            Self::Build(arguments) => context.block_on(build::run(&arguments, context)),
            Self::Check(arguments) => context.block_on(check::run(&arguments, context)),
            Self::Completion(arguments) => completion::run(&arguments, context),
            Self::Diff(arguments) => context.block_on(diff::run(&arguments, context)),
            Self::Events(arguments) => context.block_on(events::run(&arguments, context)),
            Self::Get(arguments) => context.block_on(get::run(&arguments, context)),
            Self::Helm(arguments) => helm::run(&arguments, context),
            Self::History(arguments) => context.block_on(history::run(&arguments, context)),
            Self::Kustomize(arguments) => kustomize::run(&arguments, context),
            Self::Resume(arguments) => context.block_on(suspend::run(&arguments, false, context)),
            Self::Run(arguments) => context.block_on_threads(run::run(&arguments, context)),
            Self::Suspend(arguments) => context.block_on(suspend::run(&arguments, true, context)),
            Self::Sync(arguments) => context.block_on(sync::run(&arguments, context)),
            Self::Tree(arguments) => context.block_on(tree::run(&arguments, context)),
            Self::Up(arguments) => context.block_on_threads(up::run(&arguments, context)),
            Self::Sandbox(arguments) => context.block_on_threads(sandbox::run(&arguments, context)),
            Self::Version(arguments) => version::run(arguments, context),
            Self::Wait(arguments) => context.block_on(wait::run(&arguments, context)),
            Self::Why(arguments) => context.block_on(why::run(&arguments, context)),
        }
    }

    /// What is logged unless HOLDFAST_LOG says otherwise: controllers tell what they do, other commands only warn.
    pub(crate) fn log_level(&self) -> &'static str {
        match self {
            Self::Run(_) => "info",
            // Its view shows events itself.
            Self::Up(_) => "warn,holdfast_controller::events=error",
            _ => "warn",
        }
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
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
        self.block_on_with(&mut tokio::runtime::Builder::new_current_thread(), work)
    }

    /// Runs an async command on as many threads as there are processors.
    pub(crate) fn block_on_threads(
        &self,
        work: impl Future<Output = Result<Exit, CliError>>,
    ) -> Result<Exit, CliError> {
        self.block_on_with(&mut tokio::runtime::Builder::new_multi_thread(), work)
    }

    fn block_on_with<T>(
        &self,
        builder: &mut tokio::runtime::Builder,
        work: impl Future<Output = Result<T, CliError>>,
    ) -> Result<T, CliError> {
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

    /// The app of a name, and all that was read to find it.
    pub(crate) async fn find(&self, name: &Name, target: &TargetArguments) -> Result<Found, CliError> {
        let cluster = self.cluster(&target.cluster).await?;
        let objects = reading::apps_and_sources(&cluster, &target.scope()).await?;
        let app = names::find_app(&holdfast_view::apps(&objects), name)?.clone();
        let kubeconfig = target.cluster.kubeconfig(&self.environment.folder);
        Ok(Found { cluster, kubeconfig, objects, app })
    }
}

/// An app that was looked up.
pub(crate) struct Found {
    /// The cluster it is on.
    pub(crate) cluster: Cluster,
    /// How the cluster was found.
    pub(crate) kubeconfig: Kubeconfig,
    /// Every app and source that was read.
    pub(crate) objects: Vec<Object>,
    /// The app.
    pub(crate) app: App,
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

impl Found {
    /// The app's custom resource.
    pub(crate) fn object(&self) -> Result<&Object, CliError> {
        let key = &self.app.reference.key;
        let found = self.objects.iter().find(|object| object.key() == *key);
        found.ok_or_else(|| CliError::internal(format!("{key} was read and is not there")))
    }

    /// The source of an app of Flux, if it was read.
    pub(crate) fn flux_source(&self) -> Option<&Object> {
        let app = &self.app;
        let wanted = app.sources.first()?;
        let sources = holdfast_view::sources(&self.objects);
        let named = |source: &holdfast_view::Source| match source.namespace() == app.namespace() {
            true => source.name.clone(),
            false => format!("{}/{}", source.namespace(), source.name),
        };
        let source = sources.iter().find(|source| named(source) == wanted.name)?;
        let key = &source.reference.as_ref()?.key;
        self.objects.iter().find(|object| object.key() == *key)
    }
}
