use crate::Engine;
use holdfast_cluster::{ApiError, ApiErrorKind, ApiRequest, PatchKind};
use holdfast_object::{Map, ObjectRef, Value};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// Writes statuses, and only those that changed.
///
/// It remembers what it wrote last, so that a watch that lags behind does not make it write again, and sends a JSON
/// merge patch of the difference.
#[derive(Debug)]
pub struct StatusWriter {
    manager: String,
    /// Whether the kind has a status subresource; Argo CD's Application has none.
    subresource: bool,
    written: Mutex<HashMap<ObjectRef, Written>>,
}

/// What was written last, and when.
#[derive(Debug, Clone)]
struct Written {
    /// As JSON: most are never needed again, and a tree of values takes several times as much.
    status: Box<str>,
    /// The object's resourceVersion after it; 0 where it is no number.
    version: u64,
    /// [`holdfast_cluster::LiveState::epoch`] at the time.
    epoch: u64,
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
        let (base, version) = self.base(engine, object).unwrap_or_else(|| (before.clone(), String::new()));
        let patch = merge_patch(&base, after);
        if patch.as_object().is_some_and(Map::is_empty) {
            return Ok(());
        }
        let epoch = engine.live().epoch();
        let mut body = holdfast_object::json!({ "status": patch });
        // A patch fits only what it was made for: after a restore from backup the object may be another.
        if !version.is_empty() {
            body["metadata"] = holdfast_object::json!({ "resourceVersion": version });
        }
        let body = body.to_string();
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
            Ok(version) => {
                let written = Written { status: after.to_string().into(), version, epoch };
                self.written().insert(object.clone(), written);
                Ok(())
            }
        }
    }

    /// The status now and the resourceVersion it has, as far as known: what was written last while the watch lags
    /// behind it, else what the watch brought. A memory from before the cluster went back in time is void.
    fn base(&self, engine: &Engine, object: &ObjectRef) -> Option<(Value, String)> {
        let live = engine.live().object(object)?;
        let written = self.written().get(object).cloned().filter(|w| w.epoch == engine.live().epoch());
        let seen = live.resource_version().parse::<u64>().unwrap_or(u64::MAX);
        let newer = written.filter(|written| seen < written.version);
        // What was written is JSON of ours, so it can be read.
        let newer = newer.and_then(|w| Some((serde_json::from_str(&w.status).ok()?, w.version.to_string())));
        match newer {
            Some(newer) => Some(newer),
            None => {
                let status =
                    live.as_map().get("status").filter(|s| s.is_object()).cloned().unwrap_or_default();
                Some((status, live.resource_version().to_owned()))
            }
        }
    }

    async fn send(&self, engine: &Engine, object: &ObjectRef, body: String) -> Result<u64, ApiError> {
        let resource = engine.cluster().resource(&object.gvk()).await?;
        let key = &object.key;
        let request = ApiRequest::patch(&resource, &key.namespace, &key.name, PatchKind::Merge, body)
            .query("fieldManager", self.manager.clone());
        let request = if self.subresource { request.subresource("status") } else { request };
        let answer = engine.cluster().request(request).await?;
        let answer: Value = serde_json::from_slice(&answer.body).map_err(|e| ApiError::unreadable(&e))?;
        let version = answer.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        Ok(version.and_then(|version| version.parse().ok()).unwrap_or_default())
    }

    /// The status now, as far as known: what was written last where the watch has not brought it yet.
    pub fn last(&self, engine: &Engine, object: &ObjectRef) -> Option<Value> {
        self.base(engine, object).map(|(status, _)| status)
    }

    fn written(&self) -> MutexGuard<'_, HashMap<ObjectRef, Written>> {
        self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Forgets what was written last, so that the next write starts from what is live: when the object is gone, or
    /// others wrote its status.
    pub fn forget(&self, object: &ObjectRef) {
        self.written().remove(object);
    }
}

/// The JSON merge patch (RFC 7386) that turns `before` into `after`: an empty mapping when they are equal. What is no
/// mapping counts as an empty one.
pub fn merge_patch(before: &Value, after: &Value) -> Value {
    let empty = Map::new();
    let map = |value| Value::as_object(value).unwrap_or(&empty);
    Value::Object(holdfast_merge::json_merge::create(map(before), map(after)))
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
