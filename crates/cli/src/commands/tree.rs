use super::Context;
use crate::arguments::{Format, FormatArguments, TargetArguments};
use crate::cell::{Cell, Table};
use crate::error::{CliError, Exit};
use crate::names::Name;
use crate::{paint, reading};
use futures::future::join_all;
use holdfast_cluster::{ApiErrorKind, ApiResource, Cluster};
use holdfast_health::RuleSet;
use holdfast_object::{GroupKind, Object, Value, json};
use holdfast_view::tree::{Node, trees};
use holdfast_view::{Api, App, AppObject, json as as_json, line};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The app.
    app: Name,

    #[command(flatten)]
    format: FormatArguments,
    #[command(flatten)]
    target: TargetArguments,
}

/// Kinds that built-in workloads own.
const OWNED: [(&str, &str); 6] = [
    ("apps", "ReplicaSet"),
    ("apps", "ControllerRevision"),
    ("", "Pod"),
    ("", "PersistentVolumeClaim"),
    ("batch", "Job"),
    ("discovery.k8s.io", "EndpointSlice"),
];

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let found = context.find(&arguments.app, &arguments.target).await?;
    let app = &found.app;
    let references: Vec<_> = app.objects.iter().map(|object| object.reference.clone()).collect();
    let roots = reading::get_all(&found.cluster, &references).await?;
    let candidates = owned(&found.cluster, &roots).await?;
    let rules = match app.api {
        Api::Flux => RuleSet::Kstatus,
        Api::ArgoCd => RuleSet::ArgoCd,
    };
    let nodes = trees(&roots.iter().collect::<Vec<_>>(), &candidates, rules);
    let output = &context.output;
    match arguments.format.output {
        Some(Format::Json) => output.json(&value(app, &nodes))?,
        Some(Format::Yaml) => output.yaml(&value(app, &nodes))?,
        Some(Format::Name) => {
            for object in &app.objects {
                output.line(object.reference.to_string())?;
            }
        }
        Some(Format::Wide) | None => output.bytes(draw(app, &nodes).render(output.has_color()).as_bytes())?,
    }
    Ok(Exit::Success)
}

/// Whatever may be owned by these objects: the kinds that workloads own, and for custom resources the other kinds of
/// their group.
async fn owned(cluster: &Cluster, roots: &[Object]) -> Result<Vec<Object>, CliError> {
    let discovery = cluster.discovery();
    let mut kinds: BTreeSet<(String, String)> =
        OWNED.iter().map(|(group, kind)| ((*group).to_owned(), (*kind).to_owned())).collect();
    let groups: BTreeSet<String> =
        roots.iter().map(|root| root.gvk().group).filter(|g| g.contains('.')).collect();
    for resource in discovery.all() {
        let gvk = &resource.gvk;
        if resource.watchable
            && resource.namespaced
            && groups.contains(&gvk.group)
            && !gvk.group.ends_with("k8s.io")
        {
            kinds.insert((gvk.group.clone(), gvk.kind.clone()));
        }
    }
    let namespaces: BTreeSet<&str> = roots.iter().map(Object::namespace).filter(|n| !n.is_empty()).collect();
    let resources: Vec<Arc<ApiResource>> = kinds
        .iter()
        .filter_map(|(group, kind)| discovery.preferred(&GroupKind::new(group, kind)))
        .filter(|resource| resource.watchable)
        .collect();
    let lists = namespaces.iter().flat_map(|namespace| {
        resources.iter().map(move |resource| reading::list(cluster, resource, namespace, None, None))
    });
    let mut objects = Vec::new();
    for listed in join_all(lists).await {
        match listed {
            Ok(listed) => objects.extend(listed),
            // What may not be read is left out of the tree.
            Err(error) if error.kind == ApiErrorKind::Forbidden => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(objects)
}

fn draw(app: &App, nodes: &[Node<'_>]) -> Table {
    let mut table = Table::new(&["OBJECT", "SYNC", "HEALTH", "MESSAGE"]);
    table.row(vec![
        Cell::strong(format!("{}/{}", app.namespace(), app.name())),
        paint::sync(app.sync),
        paint::app_health(app),
        Cell::plain(line::remark(app)),
    ]);
    for (number, object) in app.objects.iter().enumerate() {
        let is_last = number + 1 == app.objects.len();
        let node = nodes.iter().find(|node| node.object.key() == object.reference.key);
        draw_root(&mut table, object, node, is_last);
    }
    table
}

fn draw_root(table: &mut Table, object: &AppObject, node: Option<&Node<'_>>, is_last: bool) {
    let (branch, below) = branches(is_last);
    let health = match (node.and_then(|node| node.health.as_ref()), node) {
        (Some(health), _) => paint::health(health.status),
        (None, Some(_)) => object.health.map(paint::health).unwrap_or_else(|| Cell::plain("")),
        (None, None) => Cell::bad("Missing"),
    };
    let message = match node.and_then(|node| node.health.as_ref()) {
        Some(health) if health.status != holdfast_health::HealthStatus::Healthy => health.message.as_str(),
        _ => &object.message,
    };
    let sync = object.sync.map_or_else(|| Cell::plain(""), paint::sync);
    let message = match (object.requires_pruning, message) {
        (true, "") => "no longer in the source".to_owned(),
        (true, message) => format!("no longer in the source; {message}"),
        (false, message) => message.to_owned(),
    };
    table.row(vec![Cell::plain(format!("{branch}{}", object.reference)), sync, health, Cell::plain(message)]);
    draw_children(table, node.map(|node| node.children.as_slice()).unwrap_or_default(), below);
}

fn draw_children(table: &mut Table, children: &[Node<'_>], before: &str) {
    for (number, node) in children.iter().enumerate() {
        let (branch, below) = branches(number + 1 == children.len());
        let health = node.health.as_ref();
        table.row(vec![
            Cell::plain(format!("{before}{branch}{}", node.object.reference())),
            Cell::plain(""),
            health.map_or_else(|| Cell::plain(""), |health| paint::health(health.status)),
            Cell::plain(match health {
                Some(health) if health.status != holdfast_health::HealthStatus::Healthy => &health.message,
                _ => "",
            }),
        ]);
        draw_children(table, &node.children, &format!("{before}{below}"));
    }
}

fn branches(is_last: bool) -> (&'static str, &'static str) {
    if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") }
}

fn value(app: &App, nodes: &[Node<'_>]) -> Value {
    let objects: Vec<Value> = app
        .objects
        .iter()
        .map(|object| match nodes.iter().find(|node| node.object.key() == object.reference.key) {
            Some(node) => node_value(node),
            None => {
                let mut value = as_json::reference(&object.reference);
                value["health"] = json!("Missing");
                value
            }
        })
        .collect();
    json!({"app": format!("{}/{}", app.namespace(), app.name()), "objects": objects})
}

fn node_value(node: &Node<'_>) -> Value {
    let mut value = as_json::reference(&node.object.reference());
    if let Some(health) = &node.health {
        value["health"] = json!(health.status.to_string());
        if !health.message.is_empty() {
            value["message"] = json!(health.message);
        }
    }
    if !node.children.is_empty() {
        value["owns"] = node.children.iter().map(node_value).collect();
    }
    value
}
