use super::Context;
use crate::arguments::{TargetArguments, duration};
use crate::error::{CliError, Exit};
use crate::names::{self, Name};
use crate::reading;
use crate::watching::Watched;
use holdfast_health::HealthStatus;
use holdfast_view::{App, SyncState, line};
use std::time::Duration;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  holdfast wait ks/shop\n  holdfast wait app/web --for=synced --timeout=2m\n  holdfast wait app/web --for=deleted\n\nExit status: 0 when it is so, 1 when the time is over before."
)]
pub(crate) struct Arguments {
    /// The app.
    app: Name,

    /// What to wait for; without it both that it is synced and that it is healthy.
    #[arg(long = "for", value_enum, value_name = "STATE")]
    states: Vec<State>,

    /// How long.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    timeout: Duration,

    #[command(flatten)]
    target: TargetArguments,
}

/// A state of an app to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum State {
    /// The cluster holds what the source says.
    Synced,
    /// Its objects do what they are for.
    Healthy,
    /// It is gone.
    Deleted,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let cluster = context.cluster(&arguments.target.cluster).await?;
    let kinds = reading::kinds(&cluster).await?;
    let mut watched = Watched::start(&cluster, &kinds).await?;
    let states = match arguments.states.as_slice() {
        [] => &[State::Synced, State::Healthy],
        states => states,
    };
    let scope = arguments.target.scope();
    let waiting = until(
        &mut watched,
        context,
        arguments.timeout,
        |objects| {
            let apps = holdfast_view::apps(objects);
            match names::find_app(&apps, &arguments.app) {
                Ok(app) if states.iter().all(|state| is_in(app, *state)) => Ok(Progress::Done(said(app))),
                Ok(app) => Ok(Progress::Waits(line::line(app))),
                Err(_) if states == [State::Deleted] => {
                    Ok(Progress::Done(format!("{} is gone", arguments.app)))
                }
                Err(error) => Err(error),
            }
        },
        &scope,
    );
    waiting.await
}

fn is_in(app: &App, state: State) -> bool {
    match state {
        State::Synced => app.sync == SyncState::Synced,
        State::Healthy => app.health == HealthStatus::Healthy,
        State::Deleted => false,
    }
}

fn said(app: &App) -> String {
    format!("{}/{} is {} and {}", app.namespace(), app.name(), app.sync, app.health)
}

/// How far what is waited for has come.
pub(crate) enum Progress {
    /// It is so; this is said about it.
    Done(String),
    /// It is not so yet; this is how it looks.
    Waits(String),
    /// It will not be so; this is said about it.
    Failed(String),
}

/// Watches until a judgement of everything there is says that it is done or failed, or the time is over.
pub(crate) async fn until(
    watched: &mut Watched,
    context: &Context,
    timeout: Duration,
    judge: impl Fn(&[holdfast_object::Object]) -> Result<Progress, CliError>,
    scope: &crate::arguments::ScopeArguments,
) -> Result<Exit, CliError> {
    let deadline = tokio::time::Instant::now() + timeout;
    let mut last = String::new();
    loop {
        match judge(&watched.objects(scope)?)? {
            Progress::Done(said) => {
                context.output.line(said)?;
                return Ok(Exit::Success);
            }
            Progress::Failed(said) => {
                context.output.note(said);
                return Ok(Exit::Negative);
            }
            Progress::Waits(how) => {
                if how != last {
                    context.output.note(&how);
                    last = how;
                }
            }
        }
        tokio::select! {
            () = context.environment.stop.cancelled() => return Ok(Exit::Negative),
            () = tokio::time::sleep_until(deadline) => {
                context.output.note(format!("not so after {}", line::duration(timeout.as_secs().try_into().unwrap_or(i64::MAX))));
                return Ok(Exit::Negative);
            }
            changed = watched.changed() => changed?,
        }
    }
}
