//! What a Kustomization would do, for `diff`, `build` and `why`.

use crate::{git_repository, kustomization};
use holdfast_cluster::Cluster;
use holdfast_object::Object;
use holdfast_render::Diagnostic;
use holdfast_source::Sources;
use holdfast_sync::{Desired, SyncPolicy};
use holdfast_types::flux::GitRepositorySpec;
use std::time::Duration;

/// What would be applied, and how.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The objects, marked as owned and with their namespaces.
    pub desired: Desired,
    /// How they would be written and compared.
    pub policy: SyncPolicy,
    /// What is worth saying about the source's files.
    pub diagnostics: Vec<Diagnostic>,
}

/// Renders a Kustomization at the newest revision of its `GitRepository`. The cluster is asked for kinds and for the
/// Secret with the repository's credentials, and nothing is written to it.
///
/// # Errors
/// Why it cannot be rendered, in a sentence.
pub async fn preview(
    cluster: &Cluster,
    sources: &Sources,
    kustomization: &Object,
    source: &Object,
) -> Result<Preview, String> {
    let spec = source.as_map().get("spec").cloned().unwrap_or_default();
    let spec: GitRepositorySpec =
        serde_json::from_value(spec).map_err(|e| format!("{}: spec: {e}", source.key()))?;
    let explain = |error: holdfast_source::SourceError| format!("{error} ({})", error.hint());
    let request = git_repository::request::read(cluster, source, &spec).await.map_err(explain)?;
    let artifact = sources.git(&spec.url, &request.wanted, &request.access, Duration::ZERO).await;
    let artifact = artifact.map_err(explain)?;
    let tree = git_repository::request::filter(&artifact, &spec).map_err(explain)?;
    kustomization::preview(cluster, kustomization, &*tree, &artifact.revision.to_string())
}
