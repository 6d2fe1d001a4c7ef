use super::Context;
use crate::arguments::{Format, FormatArguments, TargetArguments};
use crate::cell::Cell;
use crate::error::{CliError, Exit};
use crate::names::Name;
use crate::preview::{SourceArguments, plan, preview};
use crate::support;
use holdfast_merge::drift::Difference;
use holdfast_object::{Value, json};
use holdfast_sync::{PlannedChange, Reason};
use holdfast_view::{App, json as as_json, line};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The app.
    app: Name,

    /// Only what the status says: do not render the source and compare.
    #[arg(long)]
    status_only: bool,

    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    target: TargetArguments,
}

/// Everything that holds an app back.
struct Story {
    app: App,
    /// Why it is not run at all.
    refused: Vec<String>,
    /// What a sync would change now; `Err` with the reason why that cannot be told.
    changes: Option<Result<Vec<PlannedChange>, String>>,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let found = context.find(&arguments.app, &arguments.target).await?;
    let refused = support::unsupported(found.object()?);
    let changes = if arguments.status_only || !refused.is_empty() {
        None
    } else {
        let planned = async {
            let preview = preview(context, &found, &arguments.source).await?;
            Ok::<_, CliError>(plan(context, &found, &preview).await?.0)
        };
        Some(planned.await.map(|plan| plan.changes).map_err(|error| error.message))
    };
    let story = Story { app: found.app, refused, changes };
    let output = &context.output;
    match arguments.format.output {
        Some(Format::Json) => output.json(&value(&story))?,
        Some(Format::Yaml) => output.yaml(&value(&story))?,
        Some(Format::Name) => output.line(story.app.name())?,
        Some(Format::Wide) | None => tell(&story, context)?,
    }
    Ok(Exit::Success)
}

fn tell(story: &Story, context: &Context) -> Result<(), CliError> {
    let (app, output) = (&story.app, &context.output);
    let color = output.has_color();
    let name = Cell::strong(format!("{}/{}", app.namespace(), app.name())).painted(color);
    output.line(format!("{name} is {} and {}", app.sync, line::health(app)))?;
    for line in lines(story, (context.environment.now)()) {
        output.line(format!("  {line}"))?;
    }
    Ok(())
}

/// The story in words, the nearest cause first.
fn lines(story: &Story, now: jiff::Timestamp) -> Vec<String> {
    let app = &story.app;
    let mut lines = Vec::new();
    if app.suspended {
        lines.push(format!("it is suspended: `holdfast resume {}` lets it run again", app.name()));
    }
    lines.extend(story.refused.iter().map(|reason| format!("it is refused: {reason}")));
    lines.extend(app.waiting.iter().map(|waiting| format!("it waits for {waiting}")));
    if let Some(attempted) = &app.attempted {
        lines.push(format!(
            "it tried {} and has {} in force",
            line::short_revision(attempted),
            match app.revision.as_str() {
                "" => "nothing".to_owned(),
                revision => line::short_revision(revision),
            }
        ));
    }
    for condition in app.conditions.iter().filter(|c| is_telling(c)) {
        let since = line::age(condition.since, now);
        let since = if since.is_empty() { String::new() } else { format!(" for {since}") };
        let reason =
            if condition.reason.is_empty() { String::new() } else { format!(" ({})", condition.reason) };
        lines.push(format!(
            "{} is {}{since}{reason}: {}",
            condition.kind, condition.status, condition.message
        ));
    }
    if let Some(operation) = app.operation.as_ref().filter(|o| o.phase != "Succeeded") {
        let retries = match operation.retries {
            0 => String::new(),
            retries => format!(", tried again {retries} times"),
        };
        lines.push(format!("its sync is {}{retries}: {}", operation.phase, operation.message));
    }
    match &story.changes {
        Some(Ok(changes)) => lines.extend(changes.iter().flat_map(change_lines)),
        Some(Err(why)) => lines.push(format!("what a sync would change cannot be told: {why}")),
        None => {}
    }
    if lines.is_empty() {
        lines.push("nothing holds it back".to_owned());
    }
    lines
}

/// Whether a condition says more than that all is well.
fn is_telling(condition: &holdfast_view::Condition) -> bool {
    match condition.kind.as_str() {
        // These two only repeat what Ready says.
        "Reconciling" | "Stalled" => false,
        "Ready" | "Healthy" => condition.status != "True",
        _ => condition.status == "True" && condition.reason.is_empty(),
    }
}

fn change_lines(change: &PlannedChange) -> Vec<String> {
    let op = &change.op;
    let origin = op.origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default();
    let object = format!("{}{origin}", op.object);
    match &op.why {
        Reason::Differs(differences) => differences.iter().map(|d| difference_line(&object, d)).collect(),
        why => vec![format!("{object} {why}")],
    }
}

fn difference_line(object: &str, difference: &Difference) -> String {
    let is_secret = object.starts_with("Secret/");
    let shown = |value: &Option<Value>| match value {
        None => "absent".to_owned(),
        Some(_) if is_secret => "a value that is not shown".to_owned(),
        Some(value) => shorten(&value.to_string()),
    };
    let taken = difference.taken_by.as_ref().map(|taker| {
        let when = taker.time.as_deref().map(|time| format!(" at {time}")).unwrap_or_default();
        format!(", set by {taker}{when}")
    });
    format!(
        "{object}: {} is {}, wanted {}{}",
        difference.path,
        shown(&difference.live),
        shown(&difference.desired),
        taken.unwrap_or_default()
    )
}

/// At most this many characters of a value.
const SHOWN: usize = 80;

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn value(story: &Story) -> Value {
    let app = &story.app;
    let conditions = app.conditions.iter().filter(|c| is_telling(c));
    let mut value = json!({
        "app": format!("{}/{}", app.namespace(), app.name()),
        "sync": app.sync.to_string(),
        "health": app.health.to_string(),
        "suspended": app.suspended,
        "refused": story.refused,
        "waiting": app.waiting.iter().map(as_json::waiting).collect::<Vec<_>>(),
        "conditions": conditions.map(as_json::condition).collect::<Vec<_>>(),
        "message": app.message,
    });
    match &story.changes {
        Some(Ok(changes)) => value["changes"] = changes.iter().map(change_value).collect(),
        Some(Err(why)) => value["changesUnknown"] = json!(why),
        None => {}
    }
    value
}

fn change_value(change: &PlannedChange) -> Value {
    let op = &change.op;
    let mut value = as_json::reference(&op.object);
    let is_secret = op.object.key.kind == "Secret" && op.object.key.group.is_empty();
    value["why"] = json!(op.why.to_string());
    if let Some(origin) = &op.origin {
        value["origin"] = json!(origin.to_string());
    }
    if let Reason::Differs(differences) = &op.why {
        let one = |d: &Difference| {
            let shown = |value: &Option<Value>| if is_secret { Value::Null } else { json!(value) };
            json!({
                "field": d.path.to_string(),
                "live": shown(&d.live),
                "wanted": shown(&d.desired),
                "manager": d.taken_by.as_ref().map(ToString::to_string),
            })
        };
        value["differences"] = differences.iter().map(one).collect();
    }
    value
}
