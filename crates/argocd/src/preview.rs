//! What an Application would do, for `diff`, `build` and `why`.

use crate::{ArgoOptions, Hook, application};
use holdfast_cluster::Cluster;
use holdfast_object::Object;
use holdfast_render::Diagnostic;
use holdfast_source::Sources;
use holdfast_sync::{Desired, SyncPolicy};
use holdfast_tree::FileTree;
use jiff::Timestamp;
use std::sync::Arc;

/// What would be applied, and how.
#[derive(Clone)]
pub struct Preview {
    /// The objects, with their tracking ids and namespaces.
    pub desired: Desired,
    /// How they would be written and compared, and that everything is pruned that is no longer in the source.
    pub policy: SyncPolicy,
    /// The hooks among what was rendered: they are not run, and not part of what would be applied.
    pub hooks: Vec<Hook>,
    /// What is worth saying about the source's files.
    pub diagnostics: Vec<Diagnostic>,
    /// The files of each source.
    pub files: Vec<Arc<dyn FileTree>>,
}

/// Renders an Application at the newest revision of its source. The cluster is asked for kinds and for the Secrets
/// with the repository's credentials, and nothing is written to it. Charts see `now` as their time.
///
/// # Errors
/// Why it cannot be rendered, in a sentence.
pub async fn preview(
    cluster: &Cluster,
    sources: &Sources,
    application: &Object,
    options: &ArgoOptions,
    now: Timestamp,
) -> Result<Preview, String> {
    application::preview(cluster, sources, application, options, now).await
}

/// Why a resource of Argo CD is refused: each field that is not acted on, or what cannot be read. Empty when it is
/// taken.
pub fn unsupported(object: &Object) -> Vec<String> {
    application::unsupported(object)
}
