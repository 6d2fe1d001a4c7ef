//! A chart and values into manifests.

use crate::capabilities::Capabilities;
use crate::chart::{Chart, Missing};
use crate::engine::{self, Inputs, RenderedFile, TemplateError};
use crate::manifest::{self, Event, Hook, Manifest, ManifestError};
use crate::release::{NameError, Release, validate_name};
use crate::schema::{self, SchemaError};
use crate::tree::{self, Node, NodeRef};
use crate::values::{CoalesceError, Layers, LayersError, Nulls, coalesce_chart};
use bytes::Bytes;
use holdfast_gotemplate::{Limits, Map, MapType};
use holdfast_object::{Object, ObjectSet, Origin};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// All that a render depends on.
#[derive(Clone)]
pub struct RenderRequest<'a> {
    /// The chart, whose parsed templates and schema are kept for the next render.
    pub chart: &'a Arc<Chart>,
    /// The release to render for.
    pub release: &'a Release,
    /// What the user gives over the chart's values.
    pub values: Layers<'a>,
    /// What the cluster is said to be.
    pub capabilities: &'a Capabilities,
    /// What to do and to leave out.
    pub options: RenderOptions,
    /// What `lookup` answers.
    pub lookups: Lookups,
    /// Bounds on what the templates may do.
    pub limits: Limits,
    /// The time of `now`: nanoseconds since 1970-01-01T00:00:00Z.
    pub now: i128,
    /// The seed of the random functions. Passwords and keys come from it: take it from the operating system.
    pub seed: [u8; 32],
}

/// What to do and to leave out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RenderOptions {
    /// Do not check `values.schema.json`.
    pub skip_schema_validation: bool,
    /// Add the notes of subcharts to the chart's.
    pub subchart_notes: bool,
    /// What to do about declared dependencies that are not there.
    pub missing_dependencies: MissingDependencies,
    /// Render a library chart, which Helm refuses to install.
    pub allow_library: bool,
}

/// What to do about dependencies that the chart declares and does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingDependencies {
    /// Fail, as `helm template` does.
    #[default]
    Refuse,
    /// Ask the caller for them: [`Outcome::Needs`].
    Ask,
}

/// What `lookup` answers.
#[derive(Debug, Clone, Default)]
pub enum Lookups {
    /// Nothing, for every object: no cluster is asked.
    #[default]
    Offline,
    /// What the caller found so far; objects that are not in it become needs. `None` for one that does not exist.
    Answered(Arc<HashMap<Lookup, Option<Value>>>),
}

/// An object, or with an empty name all objects of a kind, that a template looks up.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lookup {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; empty for all or for objects that have none.
    pub namespace: String,
    /// The name; empty for a list.
    pub name: String,
}

/// Something that the caller must find before the render can go on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Need {
    /// A chart: give it with [`Chart::with_dependencies`].
    Dependency(Missing),
    /// An object of the cluster: give it in [`Lookups::Answered`].
    Lookup(Lookup),
}

/// What a render gives.
#[derive(Debug)]
pub enum Outcome {
    /// The manifests.
    Rendered(Rendered),
    /// What must be found first.
    Needs(Vec<Need>),
}

/// What the templates of a chart gave.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    /// The manifests in the order of installation.
    pub manifests: Vec<Manifest>,
    /// The hooks in the order of kinds.
    pub hooks: Vec<Hook>,
    /// The files of `crds/`, those of charts below after the chart's own.
    pub crds: Vec<Crd>,
    /// The text of NOTES.txt.
    pub notes: String,
    /// What Helm would warn of.
    pub warnings: Vec<String>,
}

/// A file of `crds/`: installed before all else, and not rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crd {
    /// `chart/crds/a.yaml`.
    pub source: Arc<str>,
    /// Its content.
    pub data: Bytes,
}

/// Why a chart cannot be rendered. The texts are Helm's.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The release's name is refused.
    #[error("release name {0:?}: {1}")]
    Name(String, NameError),
    /// The chart is a library.
    #[error("{0} charts are not installable")]
    NotInstallable(String),
    /// Dependencies are missing.
    #[error(
        "An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: {0}"
    )]
    MissingDependencies(String),
    /// The values cannot be read.
    #[error(transparent)]
    Values(#[from] LayersError),
    /// The values do not fit the charts.
    #[error(transparent)]
    Coalesce(#[from] CoalesceError),
    /// The values do not fit the schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The chart does not support the version of Kubernetes.
    #[error("chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {found}")]
    KubeVersion {
        /// The constraint.
        wanted: String,
        /// The version.
        found: String,
    },
    /// A template fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A template wrote what is no manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl RenderError {
    /// Whether Helm would offer `--debug` to see the output: the fault came after loading and values.
    pub fn came_from_templates(&self) -> bool {
        matches!(self, Self::KubeVersion { .. } | Self::Template(_) | Self::Manifest(_))
    }
}

/// Renders a chart.
///
/// # Errors
/// [`RenderError`] for the first fault. A render that still needs answers reports them rather than faults that may
/// come from their absence.
pub fn render(request: &RenderRequest<'_>) -> Result<Outcome, RenderError> {
    let chart = request.chart;
    let kind = &chart.metadata.kind;
    if !matches!(kind.as_str(), "" | "application") && !request.options.allow_library {
        return Err(RenderError::NotInstallable(kind.clone()));
    }
    let user = request.values.combine(chart.helm)?;
    let missing = chart.missing_dependencies();
    if !missing.is_empty() {
        return match request.options.missing_dependencies {
            MissingDependencies::Ask => {
                Ok(Outcome::Needs(missing.into_iter().map(Need::Dependency).collect()))
            }
            MissingDependencies::Refuse => {
                let names: Vec<String> = missing.into_iter().map(|m| m.name).collect();
                Err(RenderError::MissingDependencies(names.join(", ")))
            }
        };
    }
    let name = &request.release.name;
    validate_name(name).map_err(|error| RenderError::Name(name.clone(), error))?;
    let mut warnings = chart.warnings.clone();
    let root = Node::new(chart);
    tree::process_dependencies(&root, &user, &mut warnings)?;
    let values = render_values(&root, &user, &mut warnings)?;
    if !request.options.skip_schema_validation {
        schema::validate(&root, &values)?;
    }
    check_kube_version(request)?;
    let inputs = Inputs {
        release: request.release,
        capabilities: request.capabilities,
        lookups: &request.lookups,
        limits: request.limits,
        now: request.now,
        seed: request.seed,
    };
    let output = engine::render(&root, values, &inputs)?;
    if !output.needs.is_empty() {
        return Ok(Outcome::Needs(output.needs.into_iter().map(Need::Lookup).collect()));
    }
    let mut crds = Vec::new();
    collect_crds(&root, &mut crds);
    rendered(output.files, crds, warnings, request).map(Outcome::Rendered)
}

/// The user's values over the charts': what templates see as `.Values`.
fn render_values(root: &NodeRef, user: &Map, warnings: &mut Vec<String>) -> Result<Map, RenderError> {
    let entries = crate::values::copy(user)?.take();
    let helm = root.borrow().chart.helm;
    let values = Map::of(MapType::Named(helm.types().values), entries);
    coalesce_chart(root, &values, Nulls::Delete, warnings)?;
    Ok(values)
}

fn check_kube_version(request: &RenderRequest<'_>) -> Result<(), RenderError> {
    let wanted = &request.chart.metadata.kube_version;
    let found = &request.capabilities.kube_version;
    if wanted.is_empty() || tree::in_range(wanted, &found.version) {
        return Ok(());
    }
    let found = found.shown(request.chart.helm).to_owned();
    Err(RenderError::KubeVersion { wanted: wanted.clone(), found })
}

fn collect_crds(node: &NodeRef, crds: &mut Vec<Crd>) {
    let node = node.borrow();
    let path = node.full_path();
    for file in node.chart.crds() {
        crds.push(Crd { source: format!("{path}/{}", file.name).into(), data: file.data.clone() });
    }
    for below in &node.below {
        collect_crds(below, crds);
    }
}

fn rendered(
    files: Vec<RenderedFile>,
    crds: Vec<Crd>,
    mut warnings: Vec<String>,
    request: &RenderRequest<'_>,
) -> Result<Rendered, RenderError> {
    let own_notes = format!("{}/templates/NOTES.txt", request.chart.name());
    let mut notes = String::new();
    let mut documents = Vec::with_capacity(files.len());
    for file in files {
        if file.source.ends_with("NOTES.txt") {
            if request.options.subchart_notes || *file.source == *own_notes {
                if !notes.is_empty() {
                    notes.push('\n');
                }
                notes.push_str(&String::from_utf8_lossy(&file.content));
            }
            continue;
        }
        documents.push(file);
    }
    let sorted = manifest::sort(&documents, request.chart.helm)?;
    warnings.extend(sorted.warnings);
    Ok(Rendered { manifests: sorted.manifests, hooks: sorted.hooks, crds, notes, warnings })
}

impl Rendered {
    /// The objects of the manifests, in order, each with its template; hooks and CRDs are not among them. Lists are
    /// taken apart, documents without an object (comments) left out.
    ///
    /// # Errors
    /// [`ObjectError`] for the first document that is no Kubernetes object.
    pub fn objects(&self) -> Result<ObjectSet, ObjectError> {
        objects(self.manifests.iter())
    }

    /// The objects of the hooks, in order, without those of `helm test` where `skip_tests` is set.
    ///
    /// # Errors
    /// [`ObjectError`] for the first document that is no Kubernetes object.
    pub fn hook_objects(&self, skip_tests: bool) -> Result<ObjectSet, ObjectError> {
        let hooks = self.hooks.iter().filter(|hook| !(skip_tests && hook.events.contains(&Event::Test)));
        objects(hooks.map(|hook| &hook.manifest))
    }

    /// The objects of `crds/`.
    ///
    /// # Errors
    /// [`ObjectError`] for the first document that is no Kubernetes object.
    pub fn crd_objects(&self) -> Result<ObjectSet, ObjectError> {
        let mut set = ObjectSet::new();
        for crd in &self.crds {
            let origin = |line, document| Origin { file: crd.source.clone(), line, document };
            add_objects(&mut set, &crd.data, origin)?;
        }
        Ok(set)
    }
}

/// A rendered document that is no Kubernetes object.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct ObjectError {
    /// The template and its line.
    pub origin: Origin,
    /// What is wrong.
    pub message: String,
}

fn objects<'a>(manifests: impl Iterator<Item = &'a Manifest>) -> Result<ObjectSet, ObjectError> {
    let mut set = ObjectSet::new();
    for manifest in manifests {
        let origin =
            Origin { file: manifest.source.clone(), line: manifest.line, document: manifest.document };
        add_objects(&mut set, manifest.content.as_bytes(), |_, _| origin.clone())?;
    }
    Ok(set)
}

/// Adds the objects of a text; `origin` says where a document at a line of the text comes from.
fn add_objects(
    set: &mut ObjectSet,
    text: &[u8],
    origin: impl Fn(u32, u32) -> Origin,
) -> Result<(), ObjectError> {
    for document in holdfast_yaml::documents(text, &holdfast_yaml::Options::v2()) {
        let document = document.map_err(|error| ObjectError {
            origin: origin(error.line(), error.document()),
            message: error.to_string(),
        })?;
        let origin = origin(document.line, document.index);
        let mut pending = vec![document.value];
        while let Some(value) = pending.pop() {
            match value {
                Value::Null => {}
                Value::Object(mut map) if is_list(&map) => {
                    if let Some(Value::Array(items)) = map.shift_remove("items") {
                        pending.extend(items.into_iter().rev());
                    }
                }
                value => {
                    let object = Object::new(value).map_err(|error| ObjectError {
                        origin: origin.clone(),
                        message: error.to_string(),
                    })?;
                    set.push(object, Some(origin.clone()));
                }
            }
        }
    }
    Ok(())
}

fn is_list(map: &serde_json::Map<String, Value>) -> bool {
    map.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"))
        && map.get("items").is_some_and(Value::is_array)
}
