//! `run --observe`: what would change if Holdfast took over, beside whoever acts now. Nothing is written.

use super::{Context, Found};
use crate::arguments::{ClusterArguments, ScopeArguments};
use crate::comparison::pair;
use crate::error::{CliError, Exit};
use crate::preview::{SourceArguments, plan, preview};
use crate::reading;
use holdfast_sync::{Live, LiveView, Verb};
use std::time::Duration;

/// How an app compares with what Holdfast would make of it.
struct Observation {
    name: String,
    /// How many objects it has.
    objects: usize,
    /// A line for each object that would change.
    changes: Vec<String>,
    /// Why it cannot be told.
    unknown: Option<String>,
}

/// Looks at every app again and again, and says what would change, whenever that is not what was said before.
pub(super) async fn run(
    cluster: &ClusterArguments,
    every: Duration,
    once: bool,
    context: &Context,
) -> Result<Exit, CliError> {
    let mut said = String::new();
    loop {
        let observations = observe(cluster, context).await?;
        let report = report(&observations);
        if report != said {
            context.output.bytes(report.as_bytes())?;
            said = report;
        }
        let is_calm = observations.iter().all(|o| o.changes.is_empty() && o.unknown.is_none());
        if once {
            return Ok(if is_calm { Exit::Success } else { Exit::Negative });
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = context.environment.stop.cancelled() => return Ok(Exit::Success),
        }
    }
}

async fn observe(cluster: &ClusterArguments, context: &Context) -> Result<Vec<Observation>, CliError> {
    let connected = context.cluster(cluster).await?;
    let objects = reading::apps_and_sources(&connected, &ScopeArguments::default()).await?;
    let apps = holdfast_view::apps(&objects);
    let mut observations = Vec::with_capacity(apps.len());
    for app in apps {
        let kubeconfig = cluster.kubeconfig(&context.environment.folder);
        let found = Found { cluster: connected.clone(), kubeconfig, objects: objects.clone(), app };
        observations.push(observe_one(context, &found).await);
    }
    Ok(observations)
}

async fn observe_one(context: &Context, found: &Found) -> Observation {
    let key = &found.app.reference.key;
    let name = format!("{}/{}/{}", key.namespace, holdfast_view::prefix(&key.group_kind()), key.name);
    match changes(context, found).await {
        Ok((objects, changes)) => Observation { name, objects, changes, unknown: None },
        Err(error) => Observation { name, objects: 0, changes: Vec::new(), unknown: Some(error.to_string()) },
    }
}

async fn changes(context: &Context, found: &Found) -> Result<(usize, Vec<String>), CliError> {
    if found.object()?.get(&["spec", "kubeConfig"]).is_some() {
        return Err(CliError::user("its objects are in another cluster, which is not looked at"));
    }
    let preview = preview(context, found, &SourceArguments::default()).await?;
    let (plan, live) = plan(context, found, &preview).await?;
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
    Ok((preview.desired.objects().len(), lines))
}

fn report(observations: &[Observation]) -> String {
    let mut out = String::new();
    for observation in observations {
        let what = match (&observation.unknown, observation.changes.len()) {
            (Some(why), _) => format!("cannot be told: {why}"),
            (None, 0) => format!("{} objects, nothing would change", observation.objects),
            (None, some) => format!("{} objects, {some} would change", observation.objects),
        };
        out.push_str(&format!("{}   {what}\n", observation.name));
        for line in &observation.changes {
            out.push_str(&format!("  {line}\n"));
        }
    }
    let changing: usize = observations.iter().map(|o| o.changes.len()).sum();
    let unknown = observations.iter().filter(|o| o.unknown.is_some()).count();
    out.push_str(&format!(
        "{} apps, {changing} objects would change, {unknown} cannot be told\n",
        observations.len()
    ));
    out
}
