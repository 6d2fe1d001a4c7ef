use super::Context;
use crate::arguments::{ClusterArguments, Format, FormatArguments, ScopeArguments};
use crate::cell::{Cell, Table};
use crate::error::{CliError, Exit};
use crate::names::{self, Name};
use crate::paint;
use crate::reading;
use crate::watching::Watched;
use holdfast_object::{Object, Value, json};
use holdfast_view::{App, Source, json as as_json, line};
use jiff::Timestamp;
use std::collections::HashMap;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  holdfast get\n  holdfast get -n flux-system -o wide\n  holdfast get sources\n  holdfast get ks/shop -o yaml\n  holdfast get -w"
)]
pub(crate) struct Arguments {
    /// `apps`, `sources` or `all`, or the name of one app or source.
    #[arg(value_name = "WHAT")]
    what: Option<String>,

    /// One of them, as `ks/NAME`, or by its name alone.
    #[arg(value_name = "NAME")]
    name: Option<Name>,

    /// Go on, and print what changes.
    #[arg(short, long)]
    watch: bool,

    #[command(flatten)]
    scope: ScopeArguments,
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Apps,
    Sources,
    All,
}

impl Arguments {
    /// The kind of thing and the name: a first word that is no kind of thing is a name.
    fn wanted(&self) -> Result<(What, Option<Name>), CliError> {
        let name = |text: &str| text.parse::<Name>().map_err(|e| CliError::user(format!("'{text}': {e}")));
        match (self.what.as_deref(), &self.name) {
            (None, _) => Ok((What::Apps, None)),
            (Some("apps" | "app"), name) => Ok((What::Apps, name.clone())),
            (Some("sources" | "source"), name) => Ok((What::Sources, name.clone())),
            (Some("all"), None) => Ok((What::All, None)),
            (Some("all"), Some(_)) => Err(CliError::user("`get all` takes no name")),
            (Some(text), None) => Ok((What::All, Some(name(text)?))),
            (Some(text), Some(found)) => Ok((What::All, Some(name(&format!("{text}/{found}"))?))),
        }
    }
}

/// What is shown.
#[derive(Default)]
struct Shown {
    apps: Vec<App>,
    sources: Vec<Source>,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let (what, name) = arguments.wanted()?;
    let cluster = context.cluster(&arguments.cluster).await?;
    if arguments.watch {
        let kinds = reading::kinds(&cluster).await?;
        let watched = Watched::start(&cluster, &kinds).await?;
        return follow(arguments, context, what, name.as_ref(), watched).await;
    }
    let objects = reading::apps_and_sources(&cluster, &arguments.scope).await?;
    let shown = select(arguments, &objects, what, name.as_ref())?;
    print(arguments, context, &shown, name.is_some(), Headings::default())?;
    Ok(Exit::Success)
}

/// Which tables have had their heading already: of something that is followed it is printed once.
#[derive(Debug, Clone, Copy, Default)]
struct Headings {
    apps: bool,
    sources: bool,
}

fn select(
    arguments: &Arguments,
    objects: &[Object],
    what: What,
    name: Option<&Name>,
) -> Result<Shown, CliError> {
    let namespace = arguments.scope.namespace.as_deref();
    let is_in_scope = |of: &str| namespace.is_none_or(|wanted| of.is_empty() || of == wanted);
    let mut shown = Shown::default();
    if what != What::Sources {
        shown.apps = holdfast_view::apps(objects);
        shown.apps.retain(|app| is_in_scope(app.namespace()));
    }
    if what != What::Apps {
        shown.sources = holdfast_view::sources(objects);
        shown.sources.retain(|source| is_in_scope(source.namespace()));
    }
    let Some(name) = name else { return Ok(shown) };
    match what {
        What::Sources => shown.sources = vec![names::find_source(&shown.sources, name)?.clone()],
        What::Apps => shown.apps = vec![names::find_app(&shown.apps, name)?.clone()],
        // A name alone is an app's before it is a source's.
        What::All => match names::find_app(&shown.apps, name) {
            Ok(app) => shown = Shown { apps: vec![app.clone()], sources: Vec::new() },
            Err(no_app) => match names::find_source(&shown.sources, name) {
                Ok(source) => shown = Shown { apps: Vec::new(), sources: vec![source.clone()] },
                Err(_) => return Err(no_app),
            },
        },
    }
    Ok(shown)
}

fn print(
    arguments: &Arguments,
    context: &Context,
    shown: &Shown,
    is_one: bool,
    printed: Headings,
) -> Result<(), CliError> {
    let output = &context.output;
    match arguments.format.output {
        Some(Format::Json) => output.json(&value(shown, is_one)),
        Some(Format::Yaml) => output.yaml(&value(shown, is_one)),
        Some(Format::Name) => {
            let apps = shown.apps.iter().map(App::name);
            let names: Vec<String> = apps.chain(shown.sources.iter().map(|s| s.name.clone())).collect();
            names.iter().try_for_each(|name| output.line(name))
        }
        format => {
            if shown.apps.is_empty() && shown.sources.is_empty() {
                context.output.note(match &arguments.scope.namespace {
                    Some(namespace) => format!("nothing found in namespace {namespace}"),
                    None => "nothing found".to_owned(),
                });
                return Ok(());
            }
            let (wide, now) = (format == Some(Format::Wide), (context.environment.now)());
            let mut text = String::new();
            if !shown.apps.is_empty() {
                text += &apps_table(&shown.apps, wide, now, !printed.apps).render(output.has_color());
            }
            if !shown.sources.is_empty() {
                if !text.is_empty() && !printed.sources {
                    text.push('\n');
                }
                text +=
                    &sources_table(&shown.sources, wide, now, !printed.sources).render(output.has_color());
            }
            output.bytes(text.as_bytes())
        }
    }
}

fn value(shown: &Shown, is_one: bool) -> Value {
    let mut items: Vec<Value> = shown.apps.iter().map(as_json::app).collect();
    let mut sources: Vec<Value> = shown.sources.iter().map(as_json::source).collect();
    if is_one && items.len() + sources.len() == 1 {
        return items.pop().or_else(|| sources.pop()).unwrap_or_default();
    }
    json!({"apps": items, "sources": sources})
}

fn apps_table(apps: &[App], wide: bool, now: Timestamp, has_heading: bool) -> Table {
    let mut heading = vec!["NAMESPACE", "NAME", "SOURCE", "REVISION", "SYNC", "HEALTH", "AGE"];
    if wide {
        heading.extend(["CHANGED", "OBJECTS"]);
    }
    heading.push("MESSAGE");
    let mut table = if has_heading { Table::new(&heading) } else { Table::bare() };
    for app in apps {
        table.row(app_row(app, wide, now));
    }
    table
}

fn app_row(app: &App, wide: bool, now: Timestamp) -> Vec<Cell> {
    let sources: Vec<String> = app.sources.iter().map(line::source).collect();
    let mut row = vec![
        Cell::plain(app.namespace()),
        Cell::plain(app.name()),
        Cell::plain(sources.join(" + ")),
        Cell::plain(line::short_revision(&app.revision)),
        paint::sync(app.sync),
        paint::app_health(app),
        Cell::plain(line::age(app.created, now)),
    ];
    if wide {
        row.push(Cell::plain(line::age(app.last_change, now)));
        row.push(Cell::plain(app.objects.len().to_string()));
    }
    row.push(Cell::plain(line::remark(app)));
    row
}

fn sources_table(sources: &[Source], wide: bool, now: Timestamp, has_heading: bool) -> Table {
    let mut heading = vec!["NAMESPACE", "NAME", "FOLLOWS", "REVISION", "READY", "AGE"];
    if wide {
        heading.extend(["URL", "USERS"]);
    }
    heading.push("MESSAGE");
    let mut table = if has_heading { Table::new(&heading) } else { Table::bare() };
    for source in sources {
        table.row(source_row(source, wide, now));
    }
    table
}

fn source_row(source: &Source, wide: bool, now: Timestamp) -> Vec<Cell> {
    let ready = match (source.suspended, source.ready) {
        (true, _) => Cell::busy("Suspended"),
        (_, Some(true)) => Cell::good("True"),
        (_, Some(false)) => Cell::bad("False"),
        (_, None) => Cell::busy("Unknown"),
    };
    let mut row = vec![
        Cell::plain(source.namespace()),
        Cell::plain(&source.name),
        Cell::plain(&source.follows),
        Cell::plain(line::short_revision(&source.revision)),
        ready,
        Cell::plain(line::age(source.created, now)),
    ];
    if wide {
        row.push(Cell::plain(&source.url));
        row.push(Cell::plain(source.users.join(", ")));
    }
    // What a ready source says only repeats its revision.
    let message =
        if source.ready == Some(true) { "" } else { source.message.lines().next().unwrap_or_default() };
    row.push(Cell::plain(message));
    row
}

/// Prints everything, then a line for each app or source that looks different from when it was printed last.
async fn follow(
    arguments: &Arguments,
    context: &Context,
    what: What,
    name: Option<&Name>,
    mut watched: Watched,
) -> Result<Exit, CliError> {
    let mut printed: HashMap<String, String> = HashMap::new();
    let mut headings = Headings::default();
    loop {
        let objects = watched.objects(&arguments.scope)?;
        // Something that is named may come yet.
        let shown = select(arguments, &objects, what, name).unwrap_or_default();
        let mut news = Shown::default();
        let mut is_news = |key: String, state: String| printed.insert(key, state.clone()) != Some(state);
        for app in shown.apps {
            let state = format!("{}{:?}", line::line(&app), app.message);
            if is_news(format!("{}/{}", app.namespace(), app.name()), state) {
                news.apps.push(app);
            }
        }
        for source in shown.sources {
            let state = format!("{}{:?}{}", source.revision, source.ready, source.message);
            if is_news(format!("{}/{}/{}", source.namespace(), source.name, source.follows), state) {
                news.sources.push(source);
            }
        }
        if !news.apps.is_empty() || !news.sources.is_empty() {
            print(arguments, context, &news, false, headings)?;
            headings.apps |= !news.apps.is_empty();
            headings.sources |= !news.sources.is_empty();
        }
        tokio::select! {
            () = context.environment.stop.cancelled() => return Ok(Exit::Success),
            changed = watched.changed() => changed?,
        }
    }
}
