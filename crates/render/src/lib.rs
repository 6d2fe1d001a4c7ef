//! From an artifact to an object set.
//!
//! [`render`] chooses the renderer, runs it over a file tree and applies the ordered [`Transform`]s. It is pure: what
//! it cannot know (a remote base, a chart's dependency) it answers as [`RenderOutcome::Needs`], and is asked again
//! with the answers ([`Provided`]). [`RenderCache`] remembers what a render read and was given, so that a commit which
//! touches none of it costs a comparison of hashes.
//!
//! It fetches nothing, decrypts nothing by itself and never sees a cluster.

mod cache;
mod charts;
mod directory;
mod helm;
mod kustomize;
mod needs;
mod recording;
mod substitute;
mod transform;

pub use cache::{CacheStats, CachedOutcome, RenderCache};
pub use charts::HelmCharts;
pub use directory::DirectoryOptions;
pub use helm::{HelmOptions, HelmParameter, ValueFile};
pub use holdfast_kustomize as kustomization;
pub use kustomize::KustomizeOptions;
pub use needs::{Answer, Content, Need, Provided, chart_folder};
pub use substitute::{InvalidVariable, Substitution};
pub use transform::{NamespaceRule, Scope, Transform, set_namespaces};

use holdfast_object::{ObjectSet, Origin};
use holdfast_tree::{FileTree, TreeError};
use std::fmt;

/// What is to be rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderRequest {
    /// The folder inside the tree, normalised; `""` is the root.
    pub path: String,
    /// How its files become objects.
    pub renderer: Renderer,
    /// The most that may be read and come out.
    pub limits: RenderLimits,
}

/// How files become objects.
#[derive(Debug, Clone, PartialEq)]
pub enum Renderer {
    /// Plain YAML and JSON files.
    Directory(DirectoryOptions),
    /// A kustomization, or for Flux any folder.
    Kustomize(Box<KustomizeOptions>),
    /// A Helm chart.
    Helm(Box<HelmOptions>),
}

/// The most that one render may read and give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderLimits {
    /// Bytes of all files read.
    pub bytes: u64,
    /// Files read.
    pub files: usize,
    /// Objects given.
    pub objects: usize,
    /// Folders below each other.
    pub depth: usize,
}

impl Default for RenderLimits {
    /// 64 MiB in 20,000 files, 50,000 objects, 64 folders deep: far beyond any repository that is written by hand.
    fn default() -> Self {
        Self { bytes: 64 << 20, files: 20_000, objects: 50_000, depth: 64 }
    }
}

/// What a render comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum RenderOutcome {
    /// The objects, and what is to be said about them.
    Rendered(Rendered),
    /// What must be had first.
    Needs(Vec<Need>),
}

/// Rendered objects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rendered {
    /// The objects with their origins.
    pub objects: ObjectSet,
    /// What is worth saying though it stops nothing.
    pub diagnostics: Vec<Diagnostic>,
    /// The needs whose answers it was made with.
    pub answered: Vec<Need>,
}

/// A remark about one place of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where, if it is about one place.
    pub origin: Option<Origin>,
    /// What.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Why nothing was rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The folder is not there.
    #[error("path '{0}' not found in the source")]
    PathNotFound(String),
    /// The path or a link on it leads out of the source.
    #[error("path '{0}' leads outside of the source")]
    PathEscapes(String),
    /// Documents that are no objects, all of them.
    #[error("{}", list(.0))]
    Broken(Vec<Diagnostic>),
    /// A limit was passed.
    #[error("{what} exceeds the limit of {limit} ({name})")]
    Limit {
        /// What is too large.
        what: String,
        /// The limit's name in the configuration.
        name: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The source cannot be read.
    #[error("{0}")]
    Tree(TreeError),
}

impl From<TreeError> for RenderError {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::NotFound(path) => Self::PathNotFound(path),
            TreeError::Escapes(path) => Self::PathEscapes(path),
            TreeError::TooLarge { path, size, limit } => {
                Self::Limit { what: format!("{path}: {size} bytes"), name: "file size", limit }
            }
            other => Self::Tree(other),
        }
    }
}

fn list(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
}

/// Renders a folder of a tree, with the answers there are to what it asked for before.
///
/// # Errors
/// [`RenderError`] with everything that is wrong, not only the first.
pub fn render(
    tree: &dyn FileTree,
    request: &RenderRequest,
    provided: &Provided,
) -> Result<RenderOutcome, RenderError> {
    match &request.renderer {
        Renderer::Directory(options) => {
            directory::render(tree, &request.path, options, &request.limits).map(RenderOutcome::Rendered)
        }
        Renderer::Helm(options) => helm::render(tree, &request.path, options, provided),
        Renderer::Kustomize(options) => {
            kustomize::render(tree, &request.path, options, &request.limits, provided)
        }
    }
}
