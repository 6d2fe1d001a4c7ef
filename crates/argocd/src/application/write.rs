//! Writes to Applications. Argo CD keeps operation and status in one resource without subresources, so one merge patch
//! changes both at once; it names the version it was made on, so that nobody's change is lost.

use super::operation::Operation;
use super::status::{Status, requested_operation};
use holdfast_cluster::{ApiError, ApiRequest, PatchKind};
use holdfast_controller::{Engine, merge_patch};
use holdfast_object::{Map, Object, ObjectRef, Value, json};
use holdfast_types::argocd::REFRESH;
use std::sync::Arc;

/// What an Application is to become.
pub(super) struct Change<'a> {
    /// The Application the change was made on.
    pub(super) app: &'a Object,
    /// Its status.
    pub(super) status: &'a Status,
    /// Its operation.
    pub(super) operation: Option<&'a Operation>,
    /// The refresh that was asked for is done.
    pub(super) refreshed: bool,
}

impl Change<'_> {
    /// The merge patch; `None` when nothing changes.
    pub(super) fn patch(&self) -> Option<Value> {
        let mut patch = Map::new();
        let before = self.app.get(&["status"]).cloned().unwrap_or_else(|| json!({}));
        let status = merge_patch(&before, &self.status.to_value());
        if status.as_object().is_some_and(|map| !map.is_empty()) {
            patch.insert("status".into(), status);
        }
        match self.operation {
            None if self.app.get(&["operation"]).is_some_and(|v| !v.is_null()) => {
                patch.insert("operation".into(), Value::Null);
            }
            Some(operation) if requested_operation(self.app).is_none() => {
                patch.insert("operation".into(), serde_json::to_value(operation).ok()?);
            }
            _ => {}
        }
        let mut metadata = Map::new();
        if self.refreshed && self.app.annotation(REFRESH).is_some() {
            let timestamp = "argocd.argoproj.io/refresh-timestamp";
            let mut annotations = json!({REFRESH: null});
            if self.app.annotation(timestamp).is_some() {
                annotations[timestamp] = Value::Null;
            }
            metadata.insert("annotations".into(), annotations);
        }
        if patch.is_empty() && metadata.is_empty() {
            return None;
        }
        metadata.insert("resourceVersion".into(), self.app.resource_version().into());
        patch.insert("metadata".into(), Value::Object(metadata));
        Some(Value::Object(patch))
    }
}

/// Sends a merge patch of an Application and returns what it is then.
///
/// # Errors
/// [`ApiError`]; of the kind `Conflict` when the Application changed since.
pub(super) async fn send(engine: &Engine, app: &ObjectRef, patch: &Value) -> Result<Arc<Object>, ApiError> {
    let resource = engine.cluster().resource(&app.gvk()).await?;
    let key = &app.key;
    let request =
        ApiRequest::patch(&resource, &key.namespace, &key.name, PatchKind::Merge, patch.to_string())
            .query("fieldManager", super::request::MANAGER);
    let answer = engine.cluster().request(request).await?;
    let value: Value = serde_json::from_slice(&answer.body).map_err(|e| ApiError::unreadable(&e))?;
    let object = Object::new(value).map_err(|_| ApiError::no_such_kind(&app.gvk()))?;
    Ok(Arc::new(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(extra: Value) -> Object {
        let mut value = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "a", "resourceVersion": "7"}});
        for (key, part) in extra.as_object().unwrap() {
            value[key] = part.clone();
        }
        Object::new(value).unwrap()
    }

    #[test]
    fn only_what_changes_is_written() {
        let base = app(json!({"status": Status::default().to_value()}));
        let change = |app: &Object, operation: Option<&Operation>, refreshed: bool| {
            Change { app, status: &Status::of(app), operation, refreshed }.patch()
        };
        assert_eq!(change(&base, None, true), None);
        let asked = app(json!({"status": Status::default().to_value(), "operation": {"sync": {}}}));
        assert_eq!(
            change(&asked, None, false),
            Some(json!({"operation": null, "metadata": {"resourceVersion": "7"}}))
        );
        let operation = Operation::default();
        assert_eq!(change(&asked, Some(&operation), false), None, "it is there already");
        assert_eq!(
            change(&base, Some(&operation), false).unwrap()["operation"],
            json!({"initiatedBy": {}, "retry": {"limit": 0}})
        );
    }

    #[test]
    fn a_refresh_that_is_done_is_taken_off() {
        let mut asked = app(json!({"status": Status::default().to_value()}));
        asked.set_annotation(REFRESH, "normal");
        let change = Change { app: &asked, status: &Status::of(&asked), operation: None, refreshed: true };
        assert_eq!(
            change.patch(),
            Some(json!({"metadata": {"annotations": {REFRESH: null}, "resourceVersion": "7"}}))
        );
    }
}
