//! What a Kustomization would do, for `diff`, `build` and `why`.

use crate::{FluxOptions, external_artifact, git_repository, kustomization, oci_repository};
use holdfast_cluster::Cluster;
use holdfast_object::Object;
use holdfast_render::Diagnostic;
use holdfast_source::Sources;
use holdfast_sync::{Desired, SyncPolicy};
use holdfast_tree::FileTree;
use holdfast_types::flux::{GitRepositorySpec, OciRepositorySpec, external_artifact, oci_repository};
use std::sync::Arc;
use std::time::Duration;

/// What would be applied, and how.
#[derive(Clone)]
pub struct Preview {
    /// The objects, marked as owned and with their namespaces.
    pub desired: Desired,
    /// How they would be written and compared.
    pub policy: SyncPolicy,
    /// What is worth saying about the source's files.
    pub diagnostics: Vec<Diagnostic>,
    /// The source's files.
    pub files: Arc<dyn FileTree>,
    /// The cluster that they would be applied to, as who reads it.
    pub destination: Cluster,
}

/// In whose name a preview reads what is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Whoever asks for it.
    Caller,
    /// Whoever would apply it: the ServiceAccount of the Kustomization, where it has one.
    Controller,
}

/// Renders a Kustomization at the newest revision of its source, as a controller with these options would. The cluster
/// is asked for kinds and for the Secrets with the source's credentials, and nothing is written to it.
///
/// # Errors
/// Why it cannot be rendered, in a sentence.
pub async fn preview(
    cluster: &Cluster,
    sources: &Sources,
    kustomization: &Object,
    source: &Object,
    (options, reader): (&FluxOptions, Reader),
) -> Result<Preview, String> {
    // Where it would go is the cheaper question: no repository is asked for what goes nowhere.
    let destination = kustomization::destination(cluster, kustomization, options, reader).await?;
    let files = files(cluster, sources, source).await?;
    kustomization::preview(cluster, sources, kustomization, files, (options, destination)).await
}

/// A source's files as they are now, and their revision.
async fn files(
    cluster: &Cluster,
    sources: &Sources,
    source: &Object,
) -> Result<(Arc<dyn FileTree>, String), String> {
    let spec = source.as_map().get("spec").cloned().unwrap_or_default();
    let unreadable = |e: serde_json::Error| format!("{}: spec: {e}", source.key());
    if source.gvk() == oci_repository() {
        let spec: OciRepositorySpec = serde_json::from_value(spec).map_err(unreadable)?;
        let files = oci_repository::files(cluster, sources, source.namespace(), &spec).await;
        return files.map_err(|failure| failure.message);
    }
    if source.gvk() == external_artifact() {
        return external_artifact::files(sources, source).await.map_err(|e| format!("{e} ({})", e.hint()));
    }
    let spec: GitRepositorySpec = serde_json::from_value(spec).map_err(unreadable)?;
    let request = git_repository::request::read(cluster, source, &spec).await;
    let request = request.map_err(|failure| failure.message)?;
    let artifact = sources.git(&spec.url, &request.wanted, &request.access, Duration::ZERO).await;
    let explain = |error: holdfast_source::SourceError| format!("{error} ({})", error.hint());
    let artifact = artifact.map_err(explain)?;
    let tree = git_repository::files(&artifact, &spec).map_err(explain)?;
    Ok((tree, artifact.revision.to_string()))
}
