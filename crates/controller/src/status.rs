use crate::Engine;
use holdfast_cluster::{ApiError, ApiErrorKind, ApiRequest, PatchKind};
use holdfast_object::{Map, ObjectRef, Value};
use std::collections::HashMap;
use std::sync::Mutex;

/// Writes statuses, and only those that changed.
///
/// It remembers what it wrote last, so that a watch that lags behind does not make it write again, and sends a JSON
/// merge patch of the difference.
#[derive(Debug)]
pub struct StatusWriter {
    manager: String,
    /// Whether the kind has a status subresource; Argo CD's Application has none.
    subresource: bool,
    written: Mutex<HashMap<ObjectRef, Value>>,
}

impl StatusWriter {
    /// A writer under a field manager.
    pub fn new(manager: &str, subresource: bool) -> Self {
        Self { manager: manager.to_owned(), subresource, written: Mutex::default() }
    }

    /// Brings the status of an object from `before` (as live) to `after`. Nothing is sent when they are equal, or
    /// when `after` is what was written last.
    ///
    /// # Errors
    /// [`ApiError`] of the request. An object that is gone needs no status: that is no error.
    pub async fn write(
        &self,
        engine: &Engine,
        object: &ObjectRef,
        before: &Value,
        after: &Value,
    ) -> Result<(), ApiError> {
        let last = self.remembered(object);
        let patch = merge_patch(last.as_ref().unwrap_or(before), after);
        if patch.as_object().is_some_and(Map::is_empty) {
            return Ok(());
        }
        self.remember(object, after.clone());
        let body = holdfast_object::json!({ "status": patch }).to_string();
        let result = self.send(engine, object, body).await;
        match result {
            Err(error) if error.kind == ApiErrorKind::NotFound => {
                self.forget(object);
                Ok(())
            }
            Err(error) => {
                self.forget(object);
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    async fn send(&self, engine: &Engine, object: &ObjectRef, body: String) -> Result<(), ApiError> {
        let resource = engine.cluster().resource(&object.gvk()).await?;
        let key = &object.key;
        let request = ApiRequest::patch(&resource, &key.namespace, &key.name, PatchKind::Merge, body)
            .query("fieldManager", self.manager.clone());
        let request = if self.subresource { request.subresource("status") } else { request };
        engine.cluster().request(request).await.map(|_| ())
    }

    /// What was written last, which a watch may not have brought yet.
    pub fn last(&self, object: &ObjectRef) -> Option<Value> {
        self.remembered(object)
    }

    fn remembered(&self, object: &ObjectRef) -> Option<Value> {
        self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(object).cloned()
    }

    fn remember(&self, object: &ObjectRef, status: Value) {
        self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(object.clone(), status);
    }

    /// Forgets what was written last, so that the next write starts from what is live: when the object is gone, or
    /// others wrote its status.
    pub fn forget(&self, object: &ObjectRef) {
        self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(object);
    }
}

/// The JSON merge patch (RFC 7386) that turns `before` into `after`: an empty mapping when they are equal.
pub fn merge_patch(before: &Value, after: &Value) -> Value {
    let empty = Map::new();
    let before = before.as_object().unwrap_or(&empty);
    let mut patch = Map::new();
    for (key, value) in after.as_object().unwrap_or(&empty) {
        match (before.get(key), value) {
            (Some(old), new) if old == new => {}
            (Some(old @ Value::Object(_)), Value::Object(_)) => {
                patch.insert(key.clone(), merge_patch(old, value));
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in before.keys().filter(|key| !after.as_object().unwrap_or(&empty).contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    #[test]
    fn a_patch_holds_only_what_changes() {
        let check =
            |before: Value, after: Value, expected: Value| assert_eq!(merge_patch(&before, &after), expected);
        check(json!({"a": 1}), json!({"a": 1}), json!({}));
        check(json!({"a": 1, "b": 2}), json!({"a": 1}), json!({"b": null}));
        check(json!({"a": {"x": 1, "y": 2}}), json!({"a": {"x": 1, "y": 3}}), json!({"a": {"y": 3}}));
        check(json!({"a": [1]}), json!({"a": [1, 2]}), json!({"a": [1, 2]}));
        check(Value::Null, json!({"a": {}}), json!({"a": {}}));
    }
}
