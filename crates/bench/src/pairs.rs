//! Pairs of a source and a Kustomization, from nothing to Ready.

use crate::FluxArguments;
use crate::client::for_each;
use crate::floor;
use crate::ground::Ground;
use crate::holdfast::Holdfast;
use crate::process::{Usage, children_cpu};
use crate::readiness::{Readiness, is_ready, is_rolled_out};
use crate::report::{Figure, Goal, Report};
use crate::{registry, workload};
use anyhow::Result;
use holdfast_object::GroupVersionKind;
use holdfast_types::flux::{kustomization, oci_repository};
use std::time::{Duration, Instant};

/// The most memory, and the most processor time for so many pairs, by the project's goals.
const PEAK_MEMORY: u64 = 80 << 20;
const CPU_PER_PAIR: Duration = Duration::from_millis(15);
/// The most times the floor.
pub(crate) const TIMES_FLOOR: f64 = 1.3;

/// What one side took.
struct Took {
    /// Until the last final status.
    ready: Duration,
    /// Until the last write, events included; for the bare client also until the Deployments are rolled out.
    rest: Duration,
    control_plane: Duration,
    requests: Vec<(String, u64)>,
    version: String,
}

pub(crate) async fn measure(arguments: &FluxArguments) -> Result<Report> {
    let floor = bare(arguments).await?;
    let (own, used) = holdfast(arguments).await?;
    let FluxArguments { n, delay, replicas, .. } = arguments;
    let title = format!(
        "{n} pairs of OCIRepository and Kustomization to Ready; Kubernetes {}, {delay:?} added to each call, \
         {replicas} replicas",
        own.version
    );
    let mut report = Report::new(&title);
    let goal = Goal::TimesFloor(TIMES_FLOOR);
    // Where there are pods, the bare client waits for them, as whoever says Ready has to.
    let awaited = if *replicas == 0 { floor.ready } else { floor.rest };
    report.row(
        "all Ready (bare client: final statuses)",
        Figure::Time(awaited),
        Figure::Time(own.ready),
        goal,
    );
    report.row("at rest (events; Deployments)", Figure::Time(floor.rest), Figure::Time(own.rest), None);
    report.row(
        "control plane's CPU",
        Figure::Time(floor.control_plane),
        Figure::Time(own.control_plane),
        None,
    );
    let most = CPU_PER_PAIR * u32::try_from(*n)?;
    report.row("own CPU", None, Figure::Time(used.cpu), Goal::AtMost(Figure::Time(most)));
    report.row("own peak memory", None, Figure::Bytes(used.peak), Goal::AtMost(Figure::Bytes(PEAK_MEMORY)));
    report.requests(&floor.requests, &own.requests);
    Ok(report)
}

async fn bare(arguments: &FluxArguments) -> Result<Took> {
    let ground = Ground::new(arguments.delay, arguments.replicas > 0).await?;
    let client = ground.client().await?;
    let deployments = GroupVersionKind::new("apps", "v1", "Deployment");
    let mut rolled_out = Readiness::of(&ground.observer().await?, deployments).await?;
    let (began, cpu) = (Instant::now(), children_cpu(None));
    let pair = |number| floor::pair(&client, number, arguments.replicas);
    for_each(arguments.n, arguments.concurrency, pair).await?;
    let ready = began.elapsed();
    rolled_out.until(arguments.n, is_rolled_out).await?;
    let rest = began.elapsed();
    let control_plane = children_cpu(None).saturating_sub(cpu);
    let requests = client.requests();
    let version = ground.version().to_owned();
    ground.end().await?;
    Ok(Took { ready, rest, control_plane, requests, version })
}

async fn holdfast(arguments: &FluxArguments) -> Result<(Took, Usage)> {
    let ground = Ground::new(arguments.delay, arguments.replicas > 0).await?;
    // Each pair substitutes its own name.
    let files = workload::files("", "${app}", arguments.replicas, "0");
    let (registry, url) = registry::with_artifact(&files, workload::TAG).await?;
    let holdfast = Holdfast::start(&arguments.holdfast()?, ground.kubeconfig()).await?;
    let user = ground.client().await?;
    let mut ready = Readiness::of(&ground.observer().await?, kustomization()).await?;
    let (before, counted) = (holdfast.usage()?, holdfast.metrics().await?.requests());
    let (began, cpu) = (Instant::now(), children_cpu(Some(holdfast.id())));
    let (user, url) = (&user, url.as_str());
    let create = async |number| {
        let (name, namespace) = (workload::name(number), user.namespace());
        user.create(&workload::oci_source(&name, namespace, url)).await?;
        user.create(&workload::app(&name, namespace, (&oci_repository(), &name), "./")).await
    };
    let created = for_each(arguments.n, arguments.concurrency, create);
    tokio::try_join!(created, ready.until(arguments.n, is_ready))?;
    let ready = began.elapsed();
    holdfast.at_rest().await?;
    let rest = began.elapsed();
    let control_plane = children_cpu(Some(holdfast.id())).saturating_sub(cpu);
    let used = holdfast.usage()?;
    let used = Usage { cpu: used.cpu.saturating_sub(before.cpu), ..used };
    let requests = sum(&difference(&holdfast.metrics().await?.requests(), &counted), &user.requests());
    holdfast.end().await?;
    let version = ground.version().to_owned();
    ground.end().await?;
    drop(registry);
    Ok((Took { ready, rest, control_plane, requests, version }, used))
}

/// Counts since an earlier reading.
pub(crate) fn difference(now: &[(String, u64)], before: &[(String, u64)]) -> Vec<(String, u64)> {
    combine(now, before, |now, before| now.saturating_sub(before))
}

fn sum(one: &[(String, u64)], other: &[(String, u64)]) -> Vec<(String, u64)> {
    combine(one, other, |one, other| one + other)
}

fn combine(
    one: &[(String, u64)],
    other: &[(String, u64)],
    with: impl Fn(u64, u64) -> u64,
) -> Vec<(String, u64)> {
    let of = |verb: &str| other.iter().find(|(v, _)| v == verb).map_or(0, |(_, count)| *count);
    one.iter().map(|(verb, count)| (verb.clone(), with(*count, of(verb)))).collect()
}
