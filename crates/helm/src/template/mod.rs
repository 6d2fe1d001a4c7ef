//! `helm template`, but for the process around it: arguments in, text and files out.

mod args;
mod output;

pub use args::{TemplateArgs, UsageError};
pub use output::{OutputFile, TemplateOutput};

use crate::capabilities::{Capabilities, KubeVersion, KubeVersionError};
use crate::chart::{Chart, Limits as ChartLimits, LoadError, Missing};
use crate::engine::functions;
use crate::release::Release;
use crate::render::{
    Lookups, MissingDependencies, Need, Outcome, RenderError, RenderOptions, RenderRequest, render,
};
use crate::values::{Document, Layers};
use holdfast_gotemplate::{Limits, MissingKey, Options, ParseOptions, Session, TemplateSet, Value, parse};
use holdfast_tree::{FileTree, TreeError, join, resolve};
use std::sync::Arc;

/// Where the command runs and what it was given beside its arguments.
pub struct Surroundings<'a> {
    /// The file system, from its root.
    pub tree: &'a dyn FileTree,
    /// The working folder's path in the tree.
    pub folder: &'a str,
    /// Standard input, for `--values -`.
    pub stdin: Option<&'a [u8]>,
    /// The chart, where the caller fetched it: [`TemplateNeed::Chart`].
    pub chart: Option<Arc<Chart>>,
    /// Charts that the caller fetched: [`TemplateNeed::Dependencies`].
    pub dependencies: Vec<Arc<Chart>>,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub now: i128,
    /// Seed of random functions, from the operating system.
    pub seed: [u8; 32],
    /// Bounds on templates.
    pub limits: Limits,
}

/// What the command leads to.
#[derive(Debug)]
pub enum TemplateOutcome {
    /// It is done.
    Done(TemplateOutput),
    /// Something must be fetched first.
    Needs(TemplateNeed),
}

/// What must be fetched before the command can go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateNeed {
    /// The chart itself.
    Chart {
        /// A name in `repository`, `repo/name`, or an `oci://` or `https://` address.
        reference: String,
        /// `--repo`, or empty.
        repository: String,
        /// `--version`, or with `--devel` any version, or empty.
        version: String,
    },
    /// Charts below it, with `--dependency-update`.
    Dependencies(Vec<Missing>),
}

/// Why the command fails. The texts are Helm's.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A flag or argument is wrong or not supported.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// `--kube-version` is no version.
    #[error("invalid kube version '{0}': {1}")]
    KubeVersion(String, KubeVersionError),
    /// `--name-template` is no template, or fails.
    #[error("{0}")]
    NameTemplate(String),
    /// A values file cannot be read.
    #[error("{0}")]
    File(String),
    /// The chart's path leads nowhere.
    #[error("path {0:?} not found")]
    NoChart(String),
    /// The chart cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file is given as a chart that is none.
    #[error("file '{path}' does not appear to be a valid chart file (details: {error})")]
    NoArchive {
        /// The path as given.
        path: String,
        /// Why.
        error: LoadError,
    },
    /// The chart cannot be rendered.
    #[error("{0}{hint}", hint = if .0.came_from_templates() { "\n\nUse --debug flag to render out invalid YAML" } else { "" })]
    Render(#[from] RenderError),
    /// `--show-only` names what the chart does not have.
    #[error("could not find template {0} in chart")]
    NoTemplate(String),
}

/// Runs `helm template` with parsed arguments.
///
/// # Errors
/// [`TemplateError`].
pub fn template(args: &TemplateArgs, around: &Surroundings<'_>) -> Result<TemplateOutcome, TemplateError> {
    let mut capabilities = Capabilities::offline();
    if !args.kube_version.is_empty() {
        capabilities.kube_version = KubeVersion::parse(&args.kube_version)
            .map_err(|error| TemplateError::KubeVersion(args.kube_version.clone(), error))?;
    }
    capabilities.api_versions.extend(args.api_versions.iter().cloned());
    let name = release_name(args, around)?;
    let texts = args.values.iter().map(|path| read_values(path, around)).collect::<Result<Vec<_>, _>>()?;
    let chart = match chart(args, around)? {
        Found::Chart(chart) => chart,
        Found::Remote => {
            return Ok(TemplateOutcome::Needs(TemplateNeed::Chart {
                reference: args.chart.clone(),
                repository: args.repository.clone(),
                version: args.wanted_version(),
            }));
        }
    };
    let mut release = Release::install(&name, &args.namespace);
    release.is_upgrade = args.is_upgrade;
    let read_file = |path: &str| read_file(path, around);
    let request = RenderRequest {
        chart: &chart,
        release: &release,
        values: layers(args, &texts, &read_file),
        capabilities: &capabilities,
        options: RenderOptions {
            skip_schema_validation: args.skip_schema_validation,
            subchart_notes: args.subchart_notes,
            missing_dependencies: if args.dependency_update {
                MissingDependencies::Ask
            } else {
                MissingDependencies::Refuse
            },
            allow_library: false,
        },
        lookups: Lookups::Offline,
        limits: around.limits,
        now: around.now,
        seed: around.seed,
    };
    match render(&request)? {
        Outcome::Rendered(mut rendered) => {
            if chart.metadata.deprecated {
                rendered.warnings.insert(0, "This chart is deprecated".to_owned());
            }
            output::write(&rendered, args, &name).map(TemplateOutcome::Done)
        }
        Outcome::Needs(needs) => {
            let missing = needs.into_iter().filter_map(|need| match need {
                Need::Dependency(missing) => Some(missing),
                Need::Lookup(_) => None,
            });
            Ok(TemplateOutcome::Needs(TemplateNeed::Dependencies(missing.collect())))
        }
    }
}

fn layers<'a>(
    args: &'a TemplateArgs,
    texts: &'a [Vec<u8>],
    read_file: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> Layers<'a> {
    let documents = args.values.iter().zip(texts);
    let all = |texts: &'a [String]| texts.iter().map(String::as_str).collect();
    Layers {
        documents: documents.map(|(name, text)| Document::Text { name, text }).collect(),
        set_json: all(&args.set_json),
        set: all(&args.set),
        set_string: all(&args.set_string),
        set_file: all(&args.set_file),
        set_literal: all(&args.set_literal),
        read_file: Some(read_file),
    }
}

fn release_name(args: &TemplateArgs, around: &Surroundings<'_>) -> Result<String, TemplateError> {
    if let Some(name) = &args.name {
        return Ok(name.clone());
    }
    if !args.name_template.is_empty() {
        return name_from_template(&args.name_template, around);
    }
    // `helm template` fills in this name before it looks at `--generate-name`, which hence has no effect.
    Ok("release-name".to_owned())
}

fn name_from_template(text: &str, around: &Surroundings<'_>) -> Result<String, TemplateError> {
    const NAME: &str = "name-template";
    let fail = |error: String| TemplateError::NameTemplate(error);
    let parsed =
        parse(NAME, text.as_bytes(), &ParseOptions::new(functions())).map_err(|e| fail(e.to_string()))?;
    let mut set = TemplateSet::new();
    set.add(&parsed);
    let mut session = Session::new(Options {
        missing_key: MissingKey::Invalid,
        limits: around.limits,
        now: around.now,
        seed: around.seed,
    });
    let name = session.execute(&set, NAME.as_bytes(), &Value::Nil).map_err(|e| fail(e.to_string()))?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}

/// The path of an argument in the tree.
fn place(path: &str, around: &Surroundings<'_>) -> Option<String> {
    join(around.folder, path)
}

fn read_values(path: &str, around: &Surroundings<'_>) -> Result<Vec<u8>, TemplateError> {
    if path.trim() == "-" {
        let none = || TemplateError::File("standard input is not available".to_owned());
        return around.stdin.map(<[u8]>::to_vec).ok_or_else(none);
    }
    if ["http://", "https://", "oci://"].iter().any(|scheme| path.starts_with(scheme)) {
        return Err(TemplateError::File(format!(
            "{path}: values files are not fetched from the network; download it first"
        )));
    }
    read_file(path, around).map_err(TemplateError::File)
}

fn read_file(path: &str, around: &Surroundings<'_>) -> Result<Vec<u8>, String> {
    let missing = || format!("open {path}: no such file or directory");
    let place = place(path, around).ok_or_else(missing)?;
    let read = resolve(around.tree, &place).and_then(|found| around.tree.read(&found.path));
    read.map(|data| data.to_vec()).map_err(|error| match error {
        TreeError::NotFound(_) | TreeError::NotAFolder(_) => missing(),
        TreeError::NotAFile(_) => format!("read {path}: is a directory"),
        other => other.to_string(),
    })
}

enum Found {
    Chart(Arc<Chart>),
    Remote,
}

fn chart(args: &TemplateArgs, around: &Surroundings<'_>) -> Result<Found, TemplateError> {
    let name = args.chart.trim();
    let chart = match &around.chart {
        Some(chart) => chart.clone(),
        None => {
            let place = place(name, around);
            let exists = place.as_ref().is_some_and(|place| resolve(around.tree, place).is_ok());
            match place {
                Some(place) if exists => load(name, &place, around)?,
                _ if name.starts_with(['/', '.']) => return Err(TemplateError::NoChart(name.to_owned())),
                _ => return Ok(Found::Remote),
            }
        }
    };
    let mut fetched = around.dependencies.clone();
    if args.dependency_update && fetched.is_empty() {
        fetched = local_dependencies(&chart, name, around)?;
    }
    Ok(Found::Chart(if fetched.is_empty() { chart } else { Arc::new(chart.with_dependencies(fetched)) }))
}

fn load(name: &str, place: &str, around: &Surroundings<'_>) -> Result<Arc<Chart>, TemplateError> {
    match Chart::load(around.tree, place, ChartLimits::helm()) {
        Ok(chart) => Ok(Arc::new(chart)),
        Err(error @ LoadError::Archive(_)) => Err(TemplateError::NoArchive { path: name.to_owned(), error }),
        Err(error) => Err(error.into()),
    }
}

/// The missing dependencies that `file://` addresses name.
fn local_dependencies(
    chart: &Chart,
    path: &str,
    around: &Surroundings<'_>,
) -> Result<Vec<Arc<Chart>>, TemplateError> {
    let mut found = Vec::new();
    for missing in chart.missing_dependencies() {
        if let Some(below) = missing.repository.strip_prefix("file://") {
            let place = place(path, around).and_then(|chart| join(&chart, below));
            let place = place.ok_or_else(|| TemplateError::NoChart(below.to_owned()))?;
            found.push(load(below, &place, around)?);
        }
    }
    Ok(found)
}
