//! A reconcile run ahead: what would be applied, without applying it.

use super::build::Builder;
use super::{Times, inventory, request, status};
use crate::resource::status_of;
use crate::{FluxOptions, Preview};
use holdfast_cluster::Cluster;
use holdfast_object::Object;
use holdfast_render::RenderCache;
use holdfast_source::Sources;
use holdfast_tree::FileTree;
use holdfast_types::flux::KustomizationSpec;
use std::sync::Arc;
use std::time::Duration;

/// What a Kustomization makes of a source's files at a revision.
///
/// # Errors
/// What its `Ready` condition would say.
pub(crate) async fn preview(
    cluster: &Cluster,
    sources: &Sources,
    object: &Object,
    tree: Arc<dyn FileTree>,
    revision: &str,
) -> Result<Preview, String> {
    let spec = object.as_map().get("spec").cloned().unwrap_or_default();
    let spec: KustomizationSpec = serde_json::from_value(spec).map_err(|e| format!("spec: {e}"))?;
    let (options, renders) = (FluxOptions::default(), Arc::new(RenderCache::new(1)));
    let builder = Builder { cluster, sources, renders: &renders, options: &options, max_age: Duration::ZERO };
    let built = builder.build(object, &spec, &tree).await.map_err(|e| e.message)?;
    let previous = inventory::read(&status_of(object));
    let mut desired = request::desired(cluster, object, &spec, revision, built.objects, previous)?;
    desired.applied_before = status::is_current(object, &built.digest);
    let health = request::health_rules(&spec)?;
    let policy = request::policy(object, &spec, Times::of(&spec), &options, revision, health);
    Ok(Preview { desired, policy, diagnostics: built.diagnostics })
}
