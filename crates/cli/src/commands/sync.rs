use super::Context;
use super::wait::{Progress, until};
use crate::arguments::{ScopeArguments, TargetArguments, duration};
use crate::error::{CliError, Exit};
use crate::names::{self, Name};
use crate::reading;
use crate::watching::Watched;
use crate::writing::merge_patch;
use holdfast_cluster::{ApiErrorKind, Cluster};
use holdfast_object::{Object, ObjectRef, Value, json};
use holdfast_types::argocd::DELETION_APPROVED;
use holdfast_types::flux::{APPROVE_PRUNE, REQUESTED_AT};
use holdfast_view::{Api, App, Waiting, line};
use std::time::Duration;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  holdfast sync app/web\n  holdfast sync ks/shop --with-source --wait\n  holdfast sync app/web --prune --revision v1.2.3\n  holdfast sync ks/shop --approve-prune"
)]
pub(crate) struct Arguments {
    /// The apps.
    #[arg(required = true, value_name = "APP")]
    apps: Vec<Name>,

    /// Look at the source first: Flux's source is reconciled before, Argo CD reads the repository anew.
    #[arg(long)]
    with_source: bool,

    /// Change nothing: Argo CD's operation is a dry run, for Flux see `holdfast diff`.
    #[arg(long)]
    dry_run: bool,

    /// Delete what is no longer in the source. For Flux the Kustomization's spec says whether.
    #[arg(long)]
    prune: bool,

    /// Pass the hooks over, as Argo CD's strategy `apply` does; they are not run yet, and a sync with them is refused.
    #[arg(long)]
    without_hooks: bool,

    /// Say yes to a prune that is held back (`--prune-limit`): only what is held now may go.
    #[arg(long, conflicts_with_all = ["dry_run", "prune", "revision", "with_source", "without_hooks"])]
    approve_prune: bool,

    /// Sync another revision than the one that is followed (Argo CD).
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,

    /// Wait until it is done.
    #[arg(long)]
    wait: bool,

    /// How long.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    timeout: Duration,

    #[command(flatten)]
    target: TargetArguments,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let cluster = context.cluster(&arguments.target.cluster).await?;
    let scope = arguments.target.scope();
    let objects = reading::apps_and_sources(&cluster, &scope).await?;
    let all = holdfast_view::apps(&objects);
    let apps: Vec<&App> =
        arguments.apps.iter().map(|name| names::find_app(&all, name)).collect::<Result<_, _>>()?;
    // Nothing is asked of any app before it is known that it can be asked of all.
    apps.iter().try_for_each(|app| check(arguments, app))?;
    let mut exit = Exit::Success;
    for app in apps {
        if arguments.approve_prune {
            approve_prune(context, &cluster, app).await?;
            continue;
        }
        let done = match app.api {
            Api::Flux => sync_flux(arguments, context, &cluster, app, &objects).await?,
            Api::ArgoCd => sync_argocd(arguments, context, &cluster, app).await?,
        };
        if done == Exit::Negative {
            exit = Exit::Negative;
        }
    }
    Ok(exit)
}

fn check(arguments: &Arguments, app: &App) -> Result<(), CliError> {
    let name = format!("{}/{}", app.namespace(), app.name());
    let is_held = app.waiting.iter().any(|waiting| matches!(waiting, Waiting::Approval { .. }));
    if arguments.approve_prune && !is_held {
        return Err(CliError::user(format!("{name} holds no prune back")));
    }
    if app.suspended {
        return Err(CliError::user(format!("{name} is suspended"))
            .hint(format!("`holdfast resume {name}` lets it run again")));
    }
    if app.api == Api::ArgoCd {
        return Ok(());
    }
    let refused = [
        (arguments.dry_run, "--dry-run", "`holdfast diff` shows what a sync would change"),
        (arguments.prune, "--prune", "whether it prunes stands in spec.prune"),
        (arguments.without_hooks, "--without-hooks", "a Kustomization runs every object as it is"),
        (arguments.revision.is_some(), "--revision", "the revision stands in the source's spec.ref"),
    ];
    match refused.iter().find(|(is_given, ..)| *is_given) {
        Some((_, option, hint)) => {
            Err(CliError::user(format!("{option} cannot be asked of {name}: Flux has no such thing"))
                .hint(*hint))
        }
        None => Ok(()),
    }
}

/// Says yes to the prune that an app holds back, in the way its front-end asks for: for a revision, or from now on for
/// the sync that waits.
async fn approve_prune(context: &Context, cluster: &Cluster, app: &App) -> Result<(), CliError> {
    let now = (context.environment.now)().to_string();
    let (key, value) = match app.api {
        Api::Flux => (APPROVE_PRUNE, app.attempted.clone().unwrap_or_else(|| app.revision.clone())),
        Api::ArgoCd => (DELETION_APPROVED, now),
    };
    let patch = json!({"metadata": {"annotations": {key: value}}});
    let reference = &app.reference;
    merge_patch(cluster, reference, &patch).await.map_err(|e| CliError::from(e).while_doing(reference))?;
    context.output.line(format!("{}: the prune that was held back may go on", named(reference)))
}

/// Asks for a reconcile with an annotation, as `flux reconcile` does.
async fn sync_flux(
    arguments: &Arguments,
    context: &Context,
    cluster: &Cluster,
    app: &App,
    objects: &[Object],
) -> Result<Exit, CliError> {
    if arguments.with_source {
        for source in sources_of(app, objects) {
            let token = request(context, cluster, &source).await?;
            if until_handled(arguments, context, cluster, &source, &token).await? == Exit::Negative {
                return Ok(Exit::Negative);
            }
        }
    }
    let token = request(context, cluster, &app.reference).await?;
    match arguments.wait {
        true => until_handled(arguments, context, cluster, &app.reference, &token).await,
        false => Ok(Exit::Success),
    }
}

/// The sources of an app that are resources, the farthest first: a chart's repository before the chart. Those that
/// other controllers make answer no requests.
fn sources_of(app: &App, objects: &[Object]) -> Vec<ObjectRef> {
    let user = |source: &holdfast_view::Source| {
        let name = app.name();
        let wanted =
            if source.namespace() == app.namespace() { name } else { format!("{}/{name}", app.namespace()) };
        source.users.contains(&wanted)
    };
    let sources = holdfast_view::sources(objects);
    let references = sources.into_iter().filter(user).filter_map(|source| source.reference);
    references.filter(|reference| reference.key.kind != "ExternalArtifact").collect()
}

async fn request(context: &Context, cluster: &Cluster, reference: &ObjectRef) -> Result<String, CliError> {
    let token = (context.environment.now)().to_string();
    let patch = json!({"metadata": {"annotations": {REQUESTED_AT: token}}});
    merge_patch(cluster, reference, &patch).await.map_err(|e| CliError::from(e).while_doing(reference))?;
    context.output.line(format!("{}: reconcile requested", named(reference)))?;
    Ok(token)
}

fn named(reference: &ObjectRef) -> String {
    let key = &reference.key;
    format!("{}/{}/{}", key.namespace, holdfast_view::prefix(&key.group_kind()), key.name)
}

/// Waits until a request was handled, and says how it ended.
async fn until_handled(
    arguments: &Arguments,
    context: &Context,
    cluster: &Cluster,
    reference: &ObjectRef,
    token: &str,
) -> Result<Exit, CliError> {
    let kind = cluster.resource(&reference.gvk()).await?;
    let mut watched = Watched::start(cluster, &[kind]).await?;
    let judge = |objects: &[Object]| {
        let name = named(reference);
        let Some(object) = objects.iter().find(|object| object.key() == reference.key) else {
            return Ok(Progress::Failed(format!("{name} is gone")));
        };
        let handled =
            object.get(&["status", "lastHandledReconcileAt"]).and_then(Value::as_str) == Some(token);
        let ready = ready(object);
        Ok(match ready {
            Some((status, message)) if handled && status == "True" => {
                Progress::Done(format!("{name}: {message}"))
            }
            Some((status, message)) if handled && status == "False" => {
                Progress::Failed(format!("{name}: {message}"))
            }
            Some((_, message)) => Progress::Waits(format!("{name}: {message}")),
            None => Progress::Waits(format!("{name}: no controller has taken it up yet")),
        })
    };
    until(&mut watched, context, arguments.timeout, judge, &ScopeArguments::default()).await
}

fn ready(object: &Object) -> Option<(&str, &str)> {
    let conditions = object.get(&["status", "conditions"])?.as_array()?;
    let ready = conditions.iter().find(|c| c.get("type").and_then(Value::as_str) == Some("Ready"))?;
    let text = |field: &str| ready.get(field).and_then(Value::as_str).unwrap_or_default();
    Some((text("status"), text("message")))
}

/// Sets the operation, as Argo CD's API server does when a person syncs.
async fn sync_argocd(
    arguments: &Arguments,
    context: &Context,
    cluster: &Cluster,
    app: &App,
) -> Result<Exit, CliError> {
    let reference = &app.reference;
    let name = named(reference);
    let live =
        reading::get(cluster, reference).await?.ok_or_else(|| CliError::user(format!("{name} is gone")))?;
    if live.get(&["operation"]).is_some_and(|operation| !operation.is_null()) {
        return Err(CliError::user(format!("{name}: another operation is already in progress"))
            .hint(format!("`holdfast wait {name}` waits for its end")));
    }
    let mut patch = json!({
        // A sync that someone else began in between is not overwritten.
        "metadata": {"resourceVersion": live.resource_version()},
        "operation": operation(arguments, context, &live),
        "status": {"operationState": null},
    });
    if arguments.with_source {
        patch["metadata"]["annotations"] = json!({holdfast_types::argocd::REFRESH: "hard"});
    }
    merge_patch(cluster, reference, &patch).await.map_err(|error| match error.kind {
        ApiErrorKind::Conflict => CliError::user(format!("{name} changed in between")).hint("try again"),
        _ => CliError::from(error).while_doing(&name),
    })?;
    let what = if arguments.dry_run { "dry run" } else { "sync" };
    context.output.line(format!("{name}: {what} requested"))?;
    match arguments.wait {
        true => until_operated(arguments, context, cluster, reference).await,
        false => Ok(Exit::Success),
    }
}

fn operation(arguments: &Arguments, context: &Context, live: &Object) -> Value {
    let strategy = if arguments.without_hooks { "apply" } else { "hook" };
    let mut sync = json!({"syncStrategy": {strategy: {}}});
    if let Some(revision) = &arguments.revision {
        sync["revision"] = json!(revision);
    }
    for (name, is_asked) in [("prune", arguments.prune), ("dryRun", arguments.dry_run)] {
        if is_asked {
            sync[name] = json!(true);
        }
    }
    let policy = live.get(&["spec", "syncPolicy"]);
    if let Some(options) = policy.and_then(|policy| policy.get("syncOptions")) {
        sync["syncOptions"] = options.clone();
    }
    let user = context.environment.variable("USER").unwrap_or("holdfast");
    let mut operation = json!({"initiatedBy": {"username": user}, "sync": sync});
    // A dry run is not tried again.
    if let Some(retry) = policy.and_then(|policy| policy.get("retry")).filter(|_| !arguments.dry_run) {
        operation["retry"] = retry.clone();
    }
    operation
}

/// Waits until the operation is over, and says how it ended.
async fn until_operated(
    arguments: &Arguments,
    context: &Context,
    cluster: &Cluster,
    reference: &ObjectRef,
) -> Result<Exit, CliError> {
    let kind = cluster.resource(&reference.gvk()).await?;
    let mut watched = Watched::start(cluster, &[kind]).await?;
    let judge = |objects: &[Object]| {
        let name = named(reference);
        let apps = holdfast_view::apps(objects);
        let Some(app) = apps.iter().find(|app| app.reference.key == reference.key) else {
            return Ok(Progress::Failed(format!("{name} is gone")));
        };
        let asked = objects
            .iter()
            .any(|o| o.key() == reference.key && o.get(&["operation"]).is_some_and(|v| !v.is_null()));
        Ok(match &app.operation {
            Some(operation) if !asked => match operation.phase.as_str() {
                "Succeeded" => Progress::Done(format!("{name}: {}", operation.message)),
                "Failed" | "Error" => Progress::Failed(format!("{name}: {}", operation.message)),
                _ => Progress::Waits(line::line(app)),
            },
            _ => Progress::Waits(line::line(app)),
        })
    };
    until(&mut watched, context, arguments.timeout, judge, &ScopeArguments::default()).await
}
