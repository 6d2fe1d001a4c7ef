//! A reconcile run ahead: what would be applied, without applying it.

use super::{Times, inventory, request, status};
use crate::resource::status_of;
use crate::{FluxOptions, Preview};
use holdfast_cluster::Cluster;
use holdfast_object::Object;
use holdfast_render::{RenderOutcome, render};
use holdfast_tree::FileTree;
use holdfast_types::flux::KustomizationSpec;

/// What a Kustomization makes of a source's files at a revision.
///
/// # Errors
/// What its `Ready` condition would say.
pub(crate) fn preview(
    cluster: &Cluster,
    object: &Object,
    tree: &dyn FileTree,
    revision: &str,
) -> Result<Preview, String> {
    let spec = object.as_map().get("spec").cloned().unwrap_or_default();
    let spec: KustomizationSpec = serde_json::from_value(spec).map_err(|e| format!("spec: {e}"))?;
    let request = request::render_request(&spec)?;
    let rendered = match render(tree, &request).map_err(|e| e.to_string())? {
        RenderOutcome::Rendered(rendered) => rendered,
        RenderOutcome::Needs(needs) => return Err(format!("remote bases are refused: {needs:?}")),
    };
    let previous = inventory::read(&status_of(object));
    let mut desired = request::desired(cluster, object, &spec, revision, rendered.objects, previous);
    let digest = status::digest(&desired);
    desired.applied_before = status::is_current(&status_of(object), &digest);
    let policy = request::policy(object, &spec, Times::of(&spec), &FluxOptions::default(), revision);
    Ok(Preview { desired, policy, diagnostics: rendered.diagnostics })
}
