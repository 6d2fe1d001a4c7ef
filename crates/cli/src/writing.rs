//! The few things that commands write: annotations, suspension, an operation.

use holdfast_cluster::{ApiError, ApiRequest, Cluster, PatchKind};
use holdfast_object::{Object, ObjectRef, Value};

/// The field manager of what a person's command changes.
const MANAGER: &str = "holdfast-cli";

/// Changes an object by an RFC 7386 patch, and returns what it became.
///
/// # Errors
/// [`ApiError`] of the server; `Conflict` when the patch names a resourceVersion that is over.
pub(crate) async fn merge_patch(
    cluster: &Cluster,
    reference: &ObjectRef,
    patch: &Value,
) -> Result<Option<Object>, ApiError> {
    let resource = cluster.resource(&reference.gvk()).await?;
    let (namespace, name) = (&reference.key.namespace, &reference.key.name);
    let request = ApiRequest::patch(&resource, namespace, name, PatchKind::Merge, patch.to_string())
        .query("fieldManager", MANAGER);
    let answer = cluster.request(request).await?;
    let value: Value = serde_json::from_slice(&answer.body).map_err(|e| ApiError::unreadable(&e))?;
    Ok(Object::new(value).ok())
}
