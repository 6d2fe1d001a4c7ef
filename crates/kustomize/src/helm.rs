//! `helmCharts`: charts among the resources. Rendering them is somebody else's work ([`ChartInflator`]).

use crate::error::{BuildError, Result};
use crate::kustomization::{HelmChart, HelmGlobals};
use crate::loader::{Context, Loader};
use crate::node::{Dialect, Node, read_documents};
use crate::patch::merge;
use crate::read::read_resources;
use crate::remote::{ChartSource, without_password};
use crate::resource::Resource;
use crate::schema::Schemas;
use holdfast_object::Value;
use holdfast_tree::FileTree;

/// A chart to render as `helm template` does.
#[derive(Clone, Copy)]
pub struct ChartRequest<'r> {
    /// The tree that holds the chart.
    pub tree: &'r dyn FileTree,
    /// The chart's folder in the tree.
    pub path: &'r str,
    /// Release name; empty when Helm is to make one up.
    pub release_name: &'r str,
    /// `--name-template`.
    pub name_template: &'r str,
    /// Namespace of the release; empty for the default one.
    pub namespace: &'r str,
    /// Values in order of rising precedence.
    pub values: &'r [Value],
    /// `--include-crds`.
    pub include_crds: bool,
    /// `--no-hooks`.
    pub skip_hooks: bool,
    /// `--skip-tests`.
    pub skip_tests: bool,
    /// `--api-versions`.
    pub api_versions: &'r [String],
    /// `--kube-version`; empty for the default one.
    pub kube_version: &'r str,
}

impl std::fmt::Debug for ChartRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may hold secrets.
        f.debug_struct("ChartRequest")
            .field("path", &self.path)
            .field("release_name", &self.release_name)
            .finish()
    }
}

/// Renders charts for `helmCharts`.
pub trait ChartInflator: Send + Sync {
    /// The chart's manifests as YAML documents.
    ///
    /// # Errors
    /// A message for the user when the chart cannot be rendered.
    fn inflate(&self, request: &ChartRequest<'_>) -> std::result::Result<String, String>;
}

const DEFAULT_HOME: &str = "charts";

/// Renders one entry of `helmCharts`.
pub(crate) fn inflate<'a>(
    globals: &HelmGlobals,
    chart: &HelmChart,
    loader: &Loader<'a>,
    at: &str,
    context: &mut Context<'a>,
) -> Result<Vec<Resource>> {
    if !context.options.enable_helm {
        return Err(BuildError::new("must specify --enable-helm to render charts").of_field("helmCharts"));
    }
    let Some(inflator) = context.options.helm else {
        let message = "this build has no Helm renderer, so charts cannot be rendered";
        return Err(BuildError::new(message).of_field("helmCharts"));
    };
    if chart.name.is_empty() {
        return Err(BuildError::new("chart name cannot be empty").of_field("helmCharts"));
    }
    let (tree, path) = find_chart(globals, chart, loader, context)?;
    let mut values = vec![base_values(chart, tree, &path, loader, context)?];
    for file in &chart.additional_values_files {
        let text = loader.load_text(file, context).map_err(|e| BuildError {
            message: format!("could not load additionalValuesFile: {}", e.message),
            ..e
        })?;
        values.push(to_value(read_values(&text, &loader.display(file), context)?)?);
    }
    let request = ChartRequest {
        tree,
        path: &path,
        release_name: &chart.release_name,
        name_template: &chart.name_template,
        namespace: &chart.namespace,
        values: &values,
        include_crds: chart.include_crds,
        skip_hooks: chart.skip_hooks,
        skip_tests: chart.skip_tests,
        api_versions: &chart.api_versions,
        kube_version: &chart.kube_version,
    };
    let text =
        inflator.inflate(&request).map_err(|e| BuildError::new(format!("chart '{}': {e}", chart.name)))?;
    let mut resources = read_resources(&text, at, context)?;
    for resource in &mut resources {
        resource.from_helm = true;
    }
    Ok(resources)
}

fn find_chart<'a>(
    globals: &HelmGlobals,
    chart: &HelmChart,
    loader: &Loader<'a>,
    context: &mut Context<'a>,
) -> Result<(&'a dyn FileTree, String)> {
    let home = if globals.chart_home.is_empty() { DEFAULT_HOME } else { &globals.chart_home };
    let local = if chart.version.is_empty() || chart.repo.is_empty() {
        format!("{home}/{}", chart.name)
    } else {
        format!("{home}/{0}-{1}/{0}", chart.name, chart.version)
    };
    if let Some(path) = loader.folder(&local) {
        return Ok((loader.tree(), path));
    }
    if chart.repo.is_empty() {
        let message = format!("no repo specified for pull, no chart found at '{local}'");
        return Err(BuildError::new(message).of_field("helmCharts"));
    }
    let source =
        ChartSource { repo: chart.repo.clone(), name: chart.name.clone(), version: chart.version.clone() };
    match context.chart_tree(source)? {
        Ok(tree) => Ok((tree, String::new())),
        Err(why) => {
            Err(format!("cannot pull chart '{}' from '{}': {why}", chart.name, without_password(&chart.repo))
                .into())
        }
    }
}

/// The values file with `valuesInline` over it, under it or in its place.
fn base_values<'a>(
    chart: &HelmChart,
    tree: &dyn FileTree,
    path: &str,
    loader: &Loader<'a>,
    context: &mut Context<'a>,
) -> Result<Value> {
    let inline = chart.values_inline.clone().filter(|v| !v.is_nothing());
    let mode = chart.values_merge.as_str();
    if !matches!(mode, "" | "override" | "merge" | "replace") {
        return Err(
            BuildError::new("valuesMerge must be one of [merge override replace]").of_field("helmCharts")
        );
    }
    let file = if mode == "replace" && inline.is_some() {
        Node::empty_map()
    } else if chart.values_file.is_empty() {
        let file = holdfast_tree::join(path, "values.yaml").unwrap_or_default();
        let text = tree.read(&file).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
        read_values(&text, &file, context)?
    } else {
        let text = loader.load_text(&chart.values_file, context)?;
        read_values(&text, &loader.display(&chart.values_file), context)?
    };
    let Some(inline) = inline else { return to_value(file) };
    let (below, above) = if mode == "merge" { (inline, file) } else { (file, inline) };
    let merged = merge(below, above, &Schemas::default())
        .map_err(|e| BuildError::new(format!("could not merge values: {}", e.message)).of_field(&e.path))?;
    to_value(merged.unwrap_or_else(Node::empty_map))
}

fn read_values(text: &str, file: &str, context: &Context<'_>) -> Result<Node> {
    let documents = read_documents(text, Dialect::V2, context.read_limits())
        .map_err(|e| BuildError::new(e.message).in_file(file).at_line(e.line))?;
    Ok(documents.into_iter().next().map_or_else(Node::empty_map, |d| d.node))
}

fn to_value(node: Node) -> Result<Value> {
    node.into_value().map_err(|e| BuildError::new(e.why.to_string()).of_field(&e.path))
}
