//! `run --observe`: what would change if Holdfast took over, beside whoever acts now. Nothing is written. Every object is
//! read where it would be applied, in the name of who would apply it.

use super::{Context, Found};
use crate::arguments::{ClusterArguments, ScopeArguments};
use crate::comparison::pair;
use crate::error::{CliError, Exit};
use crate::preview::{PreviewOptions, SourceArguments, plan, preview};
use crate::reading;
use holdfast_object::Value;
use holdfast_sync::{Live, LiveView, Verb};
use holdfast_view::Api;
use std::fmt;
use std::time::Duration;

/// An app, and how it compares with what Holdfast would make of it.
struct Observation {
    name: String,
    seen: Seen,
}

enum Seen {
    /// So many objects, with a line for each that would change.
    Compared(usize, Vec<String>),
    /// Nothing would be done, and why.
    LeftAlone(&'static str),
    /// It cannot be told, and why.
    Unknown(String),
}

impl Seen {
    fn is_calm(&self) -> bool {
        match self {
            Self::Compared(_, changes) => changes.is_empty(),
            Self::LeftAlone(_) => true,
            Self::Unknown(_) => false,
        }
    }

    fn changes(&self) -> &[String] {
        match self {
            Self::Compared(_, changes) => changes,
            Self::LeftAlone(_) | Self::Unknown(_) => &[],
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compared(objects, changes) if changes.is_empty() => {
                write!(f, "{objects} objects, nothing would change")
            }
            Self::Compared(objects, changes) => {
                write!(f, "{objects} objects, {} would change", changes.len())
            }
            Self::LeftAlone(why) => write!(f, "{why}, nothing would change"),
            Self::Unknown(why) => write!(f, "cannot be told: {why}"),
        }
    }
}

/// Looks at every app again and again, and says what would change, whenever that is not what was said before.
pub(super) async fn run(
    cluster: &ClusterArguments,
    options: &PreviewOptions,
    every: Duration,
    once: bool,
    context: &Context,
) -> Result<Exit, CliError> {
    let mut said = String::new();
    loop {
        let observations = observe(cluster, options, context).await?;
        let report = report(&observations);
        if report != said {
            context.output.bytes(report.as_bytes())?;
            said = report;
        }
        let is_calm = observations.iter().all(|o| o.seen.is_calm());
        if once {
            return Ok(if is_calm { Exit::Success } else { Exit::Negative });
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = context.environment.stop.cancelled() => return Ok(Exit::Success),
        }
    }
}

async fn observe(
    cluster: &ClusterArguments,
    options: &PreviewOptions,
    context: &Context,
) -> Result<Vec<Observation>, CliError> {
    let connected = context.cluster(cluster).await?;
    let objects = reading::apps_and_sources(&connected, &ScopeArguments::default()).await?;
    let mut apps = holdfast_view::apps(&objects).into_iter();
    let Some(first) = apps.next() else { return Ok(Vec::new()) };
    let kubeconfig = cluster.kubeconfig(&context.environment.folder);
    let mut found = Found { cluster: connected, kubeconfig, objects, app: first };
    let mut observations = Vec::new();
    loop {
        // Another shard's is another's to look at.
        if found.app.api != Api::Flux || options.flux.runs(found.object()?) {
            observations.push(observe_one(context, &found, options).await);
        }
        match apps.next() {
            Some(next) => found.app = next,
            None => return Ok(observations),
        }
    }
}

async fn observe_one(context: &Context, found: &Found, options: &PreviewOptions) -> Observation {
    let key = &found.app.reference.key;
    let name = format!("{}/{}/{}", key.namespace, holdfast_view::prefix(&key.group_kind()), key.name);
    let seen = see(context, found, options).await.unwrap_or_else(|error| Seen::Unknown(error.to_string()));
    Observation { name, seen }
}

async fn see(context: &Context, found: &Found, options: &PreviewOptions) -> Result<Seen, CliError> {
    let object = found.object()?;
    if object.kind() == "HelmRelease" {
        return Ok(Seen::LeftAlone("not run by Holdfast"));
    }
    if object.get(&["spec", "suspend"]).and_then(Value::as_bool) == Some(true) {
        return Ok(Seen::LeftAlone("suspended"));
    }
    let preview = preview(context, found, &SourceArguments::default(), options).await?;
    let (plan, live) = plan(context, &preview).await?;
    let mut lines = Vec::new();
    for change in &plan.changes {
        let op = &change.op;
        let now = match live.get(&op.object) {
            Live::Present(live) => Some(live.object),
            _ => None,
        };
        let (verb, wanted) = match &op.verb {
            Verb::Apply { desired, .. } => ("applied", Some(desired.as_ref())),
            Verb::Delete { .. } => ("deleted", None),
        };
        let pair = pair(now.as_deref(), wanted, &op.why);
        // A write that only moves ownership changes neither generation nor content.
        if pair.live != pair.wanted {
            lines.push(format!("{} would be {verb}: {}", op.object, op.why));
        }
    }
    Ok(Seen::Compared(preview.desired.objects().len(), lines))
}

fn report(observations: &[Observation]) -> String {
    let mut out = String::new();
    for Observation { name, seen } in observations {
        out.push_str(&format!("{name}   {seen}\n"));
        for line in seen.changes() {
            out.push_str(&format!("  {line}\n"));
        }
    }
    let changing: usize = observations.iter().map(|o| o.seen.changes().len()).sum();
    let unknown = observations.iter().filter(|o| matches!(o.seen, Seen::Unknown(_))).count();
    out.push_str(&format!(
        "{} apps, {changing} objects would change, {unknown} cannot be told\n",
        observations.len()
    ));
    out
}
