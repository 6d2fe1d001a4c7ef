//! `helm template`, but for the process around it: arguments in, text and files out.

mod args;
mod inputs;
mod output;
mod validate;

use inputs::Inputs;

pub use args::{TemplateArgs, UsageError};
pub use output::{OutputFile, TemplateOutput};

use crate::capabilities::{Capabilities, KubeVersion, KubeVersionError};
use crate::chart::{Chart, LoadError, Missing};
use crate::engine::name_functions;
use crate::release::Release;
use crate::render::{
    Lookups, MissingDependencies, ObjectError, Outcome, RenderError, RenderOptions, RenderRequest, render,
};
use crate::values::{Document, Layers};
use bytes::Bytes;
use holdfast_gotemplate::{Limits, MissingKey, Options, ParseOptions, Session, TemplateSet, Value, parse};
use holdfast_tree::FileTree;
use std::collections::BTreeMap;
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
    /// Files that the caller fetched, by their addresses: [`TemplateNeed::Files`].
    pub files: BTreeMap<String, Bytes>,
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
    /// Files that `--values` or `--set-file` name by their http or https address.
    Files(Vec<String>),
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
    /// A dependency with a `file://` address has another version than the chart wants.
    #[error(
        "can't get a valid version for 1 subchart(s): {name:?} (repository {repository:?}, version {version:?}). Make sure a matching chart version exists in the repo, or change the version constraint in Chart.yaml"
    )]
    WrongVersion {
        /// The dependency.
        name: String,
        /// Its address.
        repository: String,
        /// The range that is wanted.
        version: String,
    },
    /// The chart's path leads nowhere.
    #[error("path {0:?} not found")]
    NoChart(String),
    /// The chart cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Values are given as a chart.
    #[error("file '{0}' seems to be a YAML file, but expected a gzipped archive")]
    YamlFile(String),
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
    /// `--validate` found something wrong.
    #[error("the result does not fit the schemas of Kubernetes {version}:\n  {}", .problems.join("\n  "))]
    Invalid {
        /// The version of the built-in kinds.
        version: String,
        /// Each with template, line, object and field.
        problems: Vec<String>,
    },
    /// `--validate` met a document that is no object.
    #[error(transparent)]
    NoObject(#[from] ObjectError),
    /// `--show-only` names what the chart does not have.
    #[error("could not find template {0} in chart")]
    NoTemplate(String),
}

/// Runs `helm template` with parsed arguments.
///
/// # Errors
/// [`TemplateError`].
pub fn template(args: &TemplateArgs, around: &Surroundings<'_>) -> Result<TemplateOutcome, TemplateError> {
    let mut capabilities = Capabilities::of(args.helm);
    if !args.kube_version.is_empty() {
        capabilities.kube_version = KubeVersion::parse(&args.kube_version)
            .map_err(|error| TemplateError::KubeVersion(args.kube_version.clone(), error))?;
    }
    capabilities.add_api_versions(&args.api_versions);
    let name = release_name(args, around)?;
    let inputs = Inputs::new(args, around);
    let chart = match inputs.chart()? {
        Ok(chart) => chart,
        Err(need) => return Ok(TemplateOutcome::Needs(need)),
    };
    let texts = args.values.iter().map(|path| inputs.values(path)).collect::<Result<Vec<_>, _>>();
    if let Some(need) = inputs.missing_files() {
        return Ok(TemplateOutcome::Needs(need));
    }
    let texts = texts?;
    let mut release = Release::install(&name, &args.namespace);
    release.is_upgrade = args.is_upgrade;
    let read_file = |path: &str| inputs.file(path);
    let request = RenderRequest {
        chart: &chart,
        release: &release,
        values: layers(args, &texts, &read_file),
        capabilities: &capabilities,
        options: RenderOptions {
            skip_schema_validation: args.skip_schema_validation,
            subchart_notes: args.subchart_notes,
            missing_dependencies: MissingDependencies::Refuse,
            allow_library: false,
        },
        lookups: Lookups::Offline,
        limits: around.limits,
        now: around.now,
        seed: around.seed,
    };
    let outcome = render(&request);
    // A file of `--set-file` that is not here yet makes the render fail; it is run again with it.
    if let Some(need) = inputs.missing_files() {
        return Ok(TemplateOutcome::Needs(need));
    }
    let Outcome::Rendered(mut rendered) = outcome? else {
        // Nothing is looked up offline, and missing dependencies are refused.
        return Err(TemplateError::File("the render needs what is not asked for".to_owned()));
    };
    if chart.metadata.deprecated {
        rendered.warnings.insert(0, "This chart is deprecated".to_owned());
    }
    if args.validate {
        let unknown = validate::check(&rendered, args)?;
        rendered.warnings.extend(unknown);
    }
    output::write(&rendered, args, &name, args.helm).map(TemplateOutcome::Done)
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
    let options = ParseOptions::new(name_functions());
    let parsed = parse(NAME, text.as_bytes(), &options).map_err(|e| fail(e.to_string()))?;
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
