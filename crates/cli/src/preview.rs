//! Running an app ahead: render its source, read what is live, and plan.

use crate::commands::{Context, Found};
use crate::error::CliError;
use crate::reading;
use crate::served::Served;
use holdfast_argocd::{ArgoOptions, Hook};
use holdfast_cluster::{Cluster, Kubeconfig};
use holdfast_flux::{FluxOptions, Reader};
use holdfast_object::{Object, ObjectRef};
use holdfast_platform::Workspace;
use holdfast_render::Diagnostic;
use holdfast_source::{GitCache, Limits, Sources};
use holdfast_sync::{Desired, MapView, Plan, SyncPolicy};
use holdfast_tree::FileTree;
use holdfast_view::Api;
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the source is read from.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Source")]
pub(crate) struct SourceArguments {
    /// Read this folder as it lies there in place of the repository it is a checkout of.
    #[arg(long, value_name = "PATH")]
    pub(crate) working_tree: Option<PathBuf>,

    /// Read a repository from a folder on this machine.
    #[arg(long = "source", value_name = "URL=PATH", value_parser = mapping)]
    pub(crate) sources: Vec<(String, PathBuf)>,
}

fn mapping(text: &str) -> Result<(String, PathBuf), String> {
    let (url, path) = text.rsplit_once('=').ok_or("write URL=PATH")?;
    Ok((url.to_owned(), PathBuf::from(path)))
}

/// What an app would apply, and how.
pub(crate) struct Preview {
    pub(crate) desired: Desired,
    pub(crate) policy: SyncPolicy,
    /// Argo CD's hooks among what was rendered, which are not applied.
    pub(crate) hooks: Vec<Hook>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The files of each source.
    pub(crate) files: Vec<Arc<dyn FileTree>>,
    /// The cluster that the objects belong to.
    pub(crate) destination: Cluster,
}

/// As what an app is run ahead.
#[derive(Debug, Clone)]
pub(crate) struct PreviewOptions {
    pub(crate) flux: FluxOptions,
    /// In whose name what is live is read.
    pub(crate) reader: Reader,
}

impl Default for PreviewOptions {
    /// As the caller, with the controllers' defaults.
    fn default() -> Self {
        Self { flux: FluxOptions::default(), reader: Reader::Caller }
    }
}

/// Renders an app at the newest revision of its source.
///
/// # Errors
/// Of the user's when it cannot be rendered, with the reason.
pub(crate) async fn preview(
    context: &Context,
    found: &Found,
    arguments: &SourceArguments,
    options: &PreviewOptions,
) -> Result<Preview, CliError> {
    let sources = sources(context, &found.kubeconfig, arguments)?;
    let name = format!("{}/{}", found.app.namespace(), found.app.name());
    let object = found.object()?;
    let cannot = |why: String| {
        CliError::user(format!("{name} cannot be rendered: {why}"))
            .hint("`--working-tree PATH` reads a checkout in place of the repository")
    };
    match found.app.api {
        Api::ArgoCd => {
            let options = ArgoOptions::default();
            let preview =
                holdfast_argocd::preview(&found.cluster, &sources, object, &options, Timestamp::now()).await;
            let holdfast_argocd::Preview { desired, policy, hooks, diagnostics, files } =
                preview.map_err(cannot)?;
            Ok(Preview { desired, policy, hooks, diagnostics, files, destination: found.cluster.clone() })
        }
        Api::Flux => {
            let refused = holdfast_flux::unsupported(object);
            if !refused.is_empty() {
                return Err(CliError::user(format!("{name} is refused: {}", refused.join(", "))));
            }
            let source = found.flux_source().ok_or_else(|| cannot("its source does not exist".into()))?;
            let preview = holdfast_flux::preview(
                &found.cluster,
                &sources,
                object,
                source,
                (&options.flux, options.reader),
            )
            .await;
            let holdfast_flux::Preview { desired, policy, diagnostics, files, destination } =
                preview.map_err(cannot)?;
            Ok(Preview { desired, policy, hooks: Vec::new(), diagnostics, files: vec![files], destination })
        }
    }
}

/// The sources as this command sees them: repositories over the network, and in their place what the kubeconfig notes,
/// the checkout that the command was called in, and the folders that were named; the later win.
fn sources(
    context: &Context,
    kubeconfig: &Kubeconfig,
    arguments: &SourceArguments,
) -> Result<Sources, CliError> {
    let limits = Limits::default();
    let sources = Sources::new(GitCache::new(crate::remote::cache_folder(context), limits.clone()));
    if let Some(workspace) = Served::read_from(kubeconfig).and_then(|served| served.workspace(&limits)) {
        workspace.stand_in(&sources);
    }
    let mappings: Vec<(String, PathBuf)> =
        arguments.sources.iter().map(|(url, path)| (url.clone(), context.path(path))).collect();
    let (folder, as_it_lies) = match &arguments.working_tree {
        Some(folder) => (context.path(folder), true),
        None => (context.environment.folder.clone(), false),
    };
    match Workspace::open(&folder, as_it_lies, &mappings, &limits) {
        Ok(workspace) => workspace.stand_in(&sources),
        // A folder that no one named need not be one to work from.
        Err(_) if !as_it_lies && mappings.is_empty() => {}
        Err(error) => return Err(CliError::user(error.to_string())),
    }
    Ok(sources)
}

/// What a sync would do now.
pub(crate) async fn plan(context: &Context, preview: &Preview) -> Result<(Plan, MapView), CliError> {
    let desired = &preview.desired;
    let references: Vec<ObjectRef> = desired
        .objects()
        .iter()
        .map(|object| object.reference.clone())
        .chain(desired.previous.iter().cloned())
        .collect();
    let live: Vec<Object> = reading::get_all(&preview.destination, &references).await?;
    let view: MapView = live.into_iter().collect();
    let plan = holdfast_sync::plan(desired, &view, &preview.policy, (context.environment.now)());
    Ok((plan, view))
}
