//! `holdfast run`: the controllers on a cluster.

mod observe;

use super::{Context, Found};
use crate::arguments::ClusterArguments;
use crate::error::{CliError, Exit};
use crate::flux_arguments::FluxArguments;
use crate::preview::PreviewOptions;
use holdfast_cluster::Cluster;
use holdfast_controller::{Lease, LeaseOptions, Leases};
use holdfast_flux::Reader;
use holdfast_platform::{Platform, PlatformOptions};
use holdfast_server::{Acting, Server, State};
use std::net::SocketAddr;
use tokio::sync::watch;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    cluster: ClusterArguments,

    /// Install the custom resource definitions that the cluster lacks.
    #[arg(long)]
    install_crds: bool,

    /// Where metrics, health and webhooks are served.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,

    /// The namespace of our own lease.
    #[arg(long, value_name = "NAME", default_value = "default", env = "POD_NAMESPACE")]
    lease_namespace: String,

    /// Also hold the leases of Flux' controllers in this namespace, so that they cannot act at the same time.
    #[arg(long, value_name = "NAME", default_value = "flux-system")]
    flux_namespace: String,

    #[command(flatten)]
    storage: crate::storage::StorageArguments,

    #[command(flatten)]
    flux: FluxArguments,

    /// Write nothing: run beside whoever acts now, and say for every object what would change.
    #[arg(long)]
    observe: bool,

    /// With --observe: look once, and end with status 1 if something would change or cannot be told.
    #[arg(long, requires = "observe")]
    once: bool,

    /// With --observe: how often to look.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = crate::arguments::duration)]
    every: std::time::Duration,

    /// A prune of more than this many objects in one run, or of any Namespace, definition or volume claim, waits for
    /// a yes. Off unless given.
    #[arg(long, value_name = "NUMBER")]
    prune_limit: Option<u32>,

    /// The secret that webhooks are signed with; without it webhooks are refused.
    #[arg(long, value_name = "TEXT", env = "HOLDFAST_WEBHOOK_SECRET", hide_env_values = true)]
    webhook_secret: Option<String>,
}

/// Flux' own leader leases: whoever holds them, the original controllers stand by.
const FLUX_LEASES: &[&str] = &["kustomize-controller-leader-election", "source-controller-leader-election"];

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    if arguments.observe {
        let flux = arguments.flux.options(&arguments.flux_namespace, arguments.prune_limit);
        let options = PreviewOptions { flux, reader: Reader::Controller };
        return observe::run(&arguments.cluster, &options, arguments.every, arguments.once, context).await;
    }
    let cluster = context.cluster(&arguments.cluster).await?;
    cluster.refresh_discovery().await?;
    if arguments.install_crds {
        let installed = holdfast_platform::install_definitions(&cluster).await?;
        for gvk in &installed.installed {
            context.output.note(format!("installed the definition of {gvk}"));
        }
    }
    let cache = super::up::cache_folder(context);
    let options = PlatformOptions {
        storage: arguments.storage.options(&cache, &arguments.flux_namespace),
        limits: arguments.storage.limits(),
        flux: arguments.flux.options(&arguments.flux_namespace, arguments.prune_limit),
        ..PlatformOptions::new(cache)
    };
    let options = options.with_prune_limit(arguments.prune_limit);
    let (stop, stopped) = watch::channel(false);
    let (leases, held) =
        Leases::new(cluster.clone(), leases(arguments, &cluster).await?, LeaseOptions::new(holder(context)));
    // Also what is still under way when the leases are lost stops before it writes again.
    let cluster = cluster.fenced(&leases.fence());
    let (state, sources) = (State::new(cluster.clone()), Platform::sources(&options));
    let server =
        Server::bind(arguments.listen, state.clone(), sources.clone(), arguments.webhook_secret.clone())
            .await
            .map_err(|e| CliError::config(format!("{} cannot be listened on: {e}", arguments.listen)))?;
    context.output.note(format!("metrics, health and webhooks on http://{}", server.address()));
    let artifacts = arguments.storage.serve(&sources).await?;
    context.output.note(format!("artifacts on http://{}", artifacts.address()));
    let serving = tokio::spawn(server.run(stopped.clone()));
    let serving_artifacts = tokio::spawn(artifacts.run(stopped.clone()));
    let leasing = tokio::spawn(leases.run(stopped, context.environment.now));
    act_while_held(cluster, &state, sources, &options, held, context).await;
    let _ = stop.send(true);
    let _ = leasing.await;
    let _ = serving.await;
    let _ = serving_artifacts.await;
    Ok(Exit::Success)
}

/// Runs the engine while the leases are held; stops it at once when they are lost, and waits for them again.
async fn act_while_held(
    cluster: Cluster,
    state: &State,
    sources: holdfast_source::Sources,
    options: &PlatformOptions,
    mut held: watch::Receiver<bool>,
    context: &Context,
) {
    let stop = &context.environment.stop;
    loop {
        tokio::select! {
            taken = held.wait_for(|held| *held) => if taken.is_err() { return },
            () = stop.cancelled() => return,
        }
        let platform = Platform::start(cluster.clone(), sources.clone(), options);
        state.acts(Some(Acting { engine: platform.engine().clone(), renders: platform.renders().clone() }));
        tokio::select! {
            _ = held.wait_for(|held| !*held) => tracing::warn!("the leases are lost: nothing is written any more"),
            () = stop.cancelled() => {}
        }
        state.acts(None);
        platform.stop().await;
        if stop.is_cancelled() {
            return;
        }
    }
}

async fn leases(arguments: &Arguments, cluster: &Cluster) -> Result<Vec<Lease>, CliError> {
    let mut leases = vec![Lease { namespace: arguments.lease_namespace.clone(), name: "holdfast".into() }];
    // Without the namespace there is no Flux to keep from acting.
    let namespace = holdfast_object::GroupVersionKind::new("", "v1", "Namespace");
    let resource = cluster.resource(&namespace).await?;
    let request = holdfast_cluster::ApiRequest::get_object(&resource, "", &arguments.flux_namespace);
    if cluster.request(request).await.is_ok() {
        leases.extend(
            FLUX_LEASES
                .iter()
                .map(|name| Lease { namespace: arguments.flux_namespace.clone(), name: (*name).to_owned() }),
        );
    }
    Ok(leases)
}

/// A name that no other process has.
fn holder(context: &Context) -> String {
    let host = context.environment.variable("HOSTNAME").unwrap_or("holdfast").to_owned();
    format!("{host}_{}_{}", std::process::id(), (context.environment.now)().as_nanosecond())
}
