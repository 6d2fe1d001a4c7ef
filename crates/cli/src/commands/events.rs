use super::Context;
use crate::arguments::{ClusterArguments, Format, FormatArguments, ScopeArguments};
use crate::cell::{Cell, Table};
use crate::error::{CliError, Exit};
use crate::names::{self, Name};
use crate::reading;
use holdfast_cluster::Cluster;
use holdfast_object::{GroupKind, GroupVersionKind, Object, ObjectKey, Value, json};
use holdfast_view::line;
use jiff::Timestamp;
use std::collections::HashSet;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only events about this app, its sources and its objects.
    app: Option<Name>,

    #[command(flatten)]
    scope: ScopeArguments,
    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Groups whose resources are apps and sources: events about them are shown without a name, too.
const GROUPS: [&str; 4] =
    ["kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io", "argoproj.io"];

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let cluster = context.cluster(&arguments.cluster).await?;
    let about = match &arguments.app {
        Some(name) => Some(about(&cluster, arguments, name).await?),
        None => {
            cluster.refresh_discovery().await?;
            None
        }
    };
    let mut events = read(&cluster, arguments, about.as_ref()).await?;
    events.sort_by_key(last_seen);
    let output = &context.output;
    match arguments.format.output {
        Some(Format::Json) => output.json(&value(&events))?,
        Some(Format::Yaml) => output.yaml(&value(&events))?,
        Some(Format::Name) => {
            for event in &events {
                output.line(format!("event/{}", event.name()))?;
            }
        }
        Some(Format::Wide) | None if events.is_empty() => output.note("no events"),
        Some(Format::Wide) | None => {
            let table = table(&events, (context.environment.now)());
            output.bytes(table.render(output.has_color()).as_bytes())?;
        }
    }
    Ok(Exit::Success)
}

/// What events may be about: the app, its sources and its objects.
async fn about(
    cluster: &Cluster,
    arguments: &Arguments,
    name: &Name,
) -> Result<HashSet<ObjectKey>, CliError> {
    let objects = reading::apps_and_sources(cluster, &arguments.scope).await?;
    let apps = holdfast_view::apps(&objects);
    let app = names::find_app(&apps, name)?;
    let mut about: HashSet<ObjectKey> = app.objects.iter().map(|o| o.reference.key.clone()).collect();
    about.insert(app.reference.key.clone());
    for source in holdfast_view::sources(&objects) {
        let from = |namespace: &str| match namespace == app.namespace() {
            true => app.name(),
            false => format!("{}/{}", app.namespace(), app.name()),
        };
        if source.users.contains(&from(source.namespace())) {
            about.extend(source.reference.map(|reference| reference.key));
        }
    }
    Ok(about)
}

async fn read(
    cluster: &Cluster,
    arguments: &Arguments,
    about: Option<&HashSet<ObjectKey>>,
) -> Result<Vec<Object>, CliError> {
    let kind = cluster
        .discovery()
        .preferred(&GroupKind::new("", "Event"))
        .ok_or_else(|| CliError::user("the cluster serves no events"))?;
    // Events about an app's objects lie in those objects' namespaces.
    let namespace =
        if about.is_some() { "" } else { arguments.scope.namespace.as_deref().unwrap_or_default() };
    let mut events = reading::list(cluster, &kind, namespace, None, None).await?;
    events.retain(|event| {
        let subject = subject(event);
        about.map_or_else(|| GROUPS.contains(&subject.group.as_str()), |about| about.contains(&subject))
    });
    Ok(events)
}

fn text<'e>(event: &'e Object, path: &[&str]) -> &'e str {
    event.get(path).and_then(Value::as_str).unwrap_or_default()
}

/// The object that an event is about.
fn subject(event: &Object) -> ObjectKey {
    let of = |field: &str| text(event, &["involvedObject", field]);
    let gvk = GroupVersionKind::from_api_version(of("apiVersion"), of("kind"));
    ObjectKey {
        group: gvk.group,
        kind: gvk.kind,
        namespace: of("namespace").to_owned(),
        name: of("name").to_owned(),
    }
}

/// When an event was seen last; new events carry only `eventTime`.
fn last_seen(event: &Object) -> Option<Timestamp> {
    let paths: [&[&str]; 5] = [
        &["series", "lastObservedTime"],
        &["lastTimestamp"],
        &["eventTime"],
        &["firstTimestamp"],
        &["metadata", "creationTimestamp"],
    ];
    paths.iter().find_map(|path| event.get(path)?.as_str()?.parse().ok())
}

fn count(event: &Object) -> i64 {
    let paths: [&[&str]; 2] = [&["series", "count"], &["count"]];
    paths.iter().find_map(|path| event.get(path)?.as_i64()).unwrap_or(1)
}

fn named(key: &ObjectKey) -> String {
    format!("{}/{}/{}", key.namespace, holdfast_view::prefix(&key.group_kind()), key.name)
}

fn table(events: &[Object], now: Timestamp) -> Table {
    let mut table = Table::new(&["AGE", "TYPE", "ABOUT", "REASON", "COUNT", "MESSAGE"]);
    for event in events {
        let kind = text(event, &["type"]);
        table.row(vec![
            Cell::plain(line::age(last_seen(event), now)),
            if kind == "Warning" { Cell::busy(kind) } else { Cell::plain(kind) },
            Cell::plain(named(&subject(event))),
            Cell::plain(text(event, &["reason"])),
            Cell::plain(count(event).to_string()),
            Cell::plain(text(event, &["message"]).lines().collect::<Vec<_>>().join("; ")),
        ]);
    }
    table
}

fn value(events: &[Object]) -> Value {
    let one = |event: &Object| {
        json!({
            "at": last_seen(event).map(|at| at.to_string()),
            "type": text(event, &["type"]),
            "about": named(&subject(event)),
            "reason": text(event, &["reason"]),
            "message": text(event, &["message"]),
            "count": count(event),
        })
    };
    json!({"events": events.iter().map(one).collect::<Vec<Value>>()})
}
