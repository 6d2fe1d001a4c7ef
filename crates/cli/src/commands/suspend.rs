//! `suspend` and `resume`. What they mean differs with the API: see `docs/cli.md`.

use super::Context;
use crate::arguments::TargetArguments;
use crate::error::{CliError, Exit};
use crate::names::{self, Name};
use crate::reading;
use crate::writing::merge_patch;
use holdfast_object::{ObjectRef, Value, json};
use holdfast_view::Api;

/// Tells Argo CD's controller, and ours, to leave an Application alone.
const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The apps, or sources of Flux.
    #[arg(required = true, value_name = "NAME")]
    names: Vec<Name>,

    #[command(flatten)]
    target: TargetArguments,
}

pub(crate) async fn run(arguments: &Arguments, suspend: bool, context: &Context) -> Result<Exit, CliError> {
    let cluster = context.cluster(&arguments.target.cluster).await?;
    let objects = reading::apps_and_sources(&cluster, &arguments.target.scope()).await?;
    let (apps, sources) = (holdfast_view::apps(&objects), holdfast_view::sources(&objects));
    // All names are looked up before anything is changed.
    let mut targets = Vec::new();
    for name in &arguments.names {
        targets.push(match names::find_app(&apps, name) {
            Ok(app) => (app.name(), app.reference.clone(), app.api, app.suspended),
            Err(no_app) => match names::find_source(&sources, name) {
                Ok(source) => match &source.reference {
                    Some(reference) => (source.name.clone(), reference.clone(), Api::Flux, source.suspended),
                    None => {
                        return Err(CliError::user(format!(
                            "{} is no resource that can be suspended",
                            source.name
                        )));
                    }
                },
                Err(_) => return Err(no_app),
            },
        });
    }
    for (name, reference, api, is_suspended) in targets {
        let state = if suspend { "suspended" } else { "resumed" };
        let namespace = &reference.key.namespace;
        if is_suspended == suspend {
            let so = if suspend { "suspended already" } else { "not suspended" };
            context.output.line(format!("{namespace}/{name} is {so}"))?;
            continue;
        }
        merge_patch(&cluster, &reference, &patch(api, suspend)).await.map_err(|e| failed(&reference, e))?;
        context.output.line(format!("{namespace}/{name} {state}"))?;
    }
    Ok(Exit::Success)
}

fn failed(reference: &ObjectRef, error: holdfast_cluster::ApiError) -> CliError {
    CliError::from(error).while_doing(reference)
}

fn patch(api: Api, suspend: bool) -> Value {
    match api {
        Api::Flux => json!({"spec": {"suspend": suspend}}),
        Api::ArgoCd => {
            let mark = if suspend { json!("true") } else { Value::Null };
            json!({"metadata": {"annotations": {SKIP_RECONCILE: mark}}})
        }
    }
}
