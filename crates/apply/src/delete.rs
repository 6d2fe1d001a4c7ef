use crate::{Applier, Written};
use holdfast_cluster::{ApiError, ApiErrorKind, ApiRequest};
use holdfast_object::json;
use holdfast_sync::{Bug, Change, Op, OpResult, Propagation, planted};

impl Applier {
    /// Deletes the object as it was seen. `None` when it has changed since: whoever decided looks again.
    pub(crate) async fn delete(
        &self,
        op: &Op,
        propagation: Propagation,
    ) -> Result<Option<Written>, ApiError> {
        let deleted = Some(Written { change: Change::Deleted, resource_version: String::new() });
        let resource = match self.cluster.resource(&op.object.gvk()).await {
            // A kind that is gone has no objects.
            Err(error) if error.kind == ApiErrorKind::NoSuchKind => return Ok(deleted),
            other => other?,
        };
        let mut options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation.as_str(),
        });
        if let Some((uid, version)) = &op.precondition
            && !planted(Bug::DeleteWithoutPrecondition)
        {
            options["preconditions"] = json!({"uid": uid, "resourceVersion": version});
        }
        if self.dry_run {
            options["dryRun"] = json!(["All"]);
        }
        let key = &op.object.key;
        let request = ApiRequest::delete(&resource, &key.namespace, &key.name, options.to_string());
        match self.cluster.request(request).await {
            Ok(_) => Ok(deleted),
            Err(error) if error.kind == ApiErrorKind::NotFound => Ok(deleted),
            Err(error) if error.kind == ApiErrorKind::Conflict => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The first half of a re-creation: the object is deleted; it is made anew once it is gone, which the live view
    /// tells.
    pub(crate) async fn begin_recreation(&self, op: &Op) -> OpResult {
        match self.delete(op, Propagation::Background).await {
            Ok(Some(_)) => OpResult::Recreating,
            Ok(None) => OpResult::Stale,
            Err(error) => crate::explain::failure(op, error),
        }
    }
}
