//! A reconcile run ahead: what would be applied, without applying it.

use super::access::{self, Tokens};
use super::build::Builder;
use super::{Times, denied, inventory, request, status};
use crate::resource::status_of;
use crate::{FluxOptions, Preview, Reader};
use holdfast_cluster::{Cluster, ClusterHandle, Identity};
use holdfast_controller::connect;
use holdfast_object::Object;
use holdfast_render::RenderCache;
use holdfast_source::Sources;
use holdfast_tree::FileTree;
use holdfast_types::flux::KustomizationSpec;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// The cluster that a Kustomization's objects belong to, as who reads it.
///
/// # Errors
/// What its `Ready` condition would say.
pub(crate) async fn destination(
    cluster: &Cluster,
    object: &Object,
    options: &FluxOptions,
    reader: Reader,
) -> Result<Cluster, String> {
    let spec = spec(object)?;
    if let Some(why) = denied(options, object, &spec) {
        return Err(why);
    }
    let endpoint = access::endpoint(cluster, &Tokens::default(), object, &spec, Timestamp::now()).await?;
    let identity = match reader {
        Reader::Caller => Identity::Own,
        Reader::Controller => access::identity(options, object, &spec),
    };
    let connected = connect(cluster, &ClusterHandle { endpoint, identity }).await;
    connected.map_err(|error| format!("failed to build kube client: {error}"))
}

/// What a Kustomization makes of a source's files at a revision.
///
/// # Errors
/// What its `Ready` condition would say.
pub(crate) async fn preview(
    cluster: &Cluster,
    sources: &Sources,
    object: &Object,
    (tree, revision): (Arc<dyn FileTree>, String),
    (options, destination): (&FluxOptions, Cluster),
) -> Result<Preview, String> {
    let spec = spec(object)?;
    let renders = Arc::new(RenderCache::new(1));
    let builder = Builder { cluster, sources, renders: &renders, options, max_age: Duration::ZERO };
    let built = builder.build(object, &spec, &tree).await.map_err(|e| e.message)?;
    let previous = inventory::read(&status_of(object));
    let mut desired = request::desired(&destination, object, &spec, &revision, built.objects, previous)?;
    desired.applied_before = status::is_current(&status_of(object), object, &built.digest);
    let health = request::health_rules(&spec)?;
    let policy = request::policy(object, &spec, Times::of(&spec), options, &revision, health);
    Ok(Preview { desired, policy, diagnostics: built.diagnostics, files: tree, destination })
}

fn spec(object: &Object) -> Result<KustomizationSpec, String> {
    let spec = object.as_map().get("spec").cloned().unwrap_or_default();
    serde_json::from_value(spec).map_err(|e| format!("spec: {e}"))
}
