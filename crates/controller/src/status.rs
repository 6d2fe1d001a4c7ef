use crate::Engine;
use holdfast_cluster::{ApiError, ApiErrorKind, ApiRequest, PatchKind};
use holdfast_object::{Map, Object, ObjectRef, Value};
use std::collections::{HashMap, VecDeque};
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
    written: Mutex<Writes>,
}

/// What was written last and the watch has not brought yet; also some of what it has brought since.
#[derive(Debug, Default)]
struct Writes {
    of: HashMap<ObjectRef, Written>,
    /// In the order of the writes, with the version of each.
    order: VecDeque<(ObjectRef, u64)>,
}

impl Writes {
    fn insert(&mut self, object: &ObjectRef, written: Written) {
        self.order.push_back((object.clone(), written.version));
        self.of.insert(object.clone(), written);
    }

    /// Drops the oldest as far as the watch has brought them: a status that nobody needs is not to be held as long as
    /// its object lives. `seen` tells which version of an object the watch brought last, if it has it.
    fn drop_brought(&mut self, seen: impl Fn(&ObjectRef) -> Option<u64>) {
        while let Some((object, version)) = self.order.front() {
            let is_newest = self.of.get(object).is_some_and(|written| written.version == *version);
            if is_newest && seen(object).is_some_and(|seen| seen < *version) {
                return;
            }
            if is_newest {
                self.of.remove(object);
            }
            self.order.pop_front();
        }
    }
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
                let mut writes = self.written();
                writes.insert(object, written);
                writes.drop_brought(|object| engine.live().version(object));
                Ok(())
            }
        }
    }

    /// The status now and the resourceVersion it has, as far as known: what was written last while the watch lags
    /// behind it, else what the watch brought. A memory from before the cluster went back in time is void.
    fn base(&self, engine: &Engine, object: &ObjectRef) -> Option<(Value, String)> {
        if let Some((status, version)) = self.unseen(engine, object) {
            return Some((status, version.to_string()));
        }
        let live = engine.live().object(object)?;
        Some((status_of(&live), live.resource_version().to_owned()))
    }

    /// What was written last, while the watch lags behind it, with its version.
    fn unseen(&self, engine: &Engine, object: &ObjectRef) -> Option<(Value, u64)> {
        let written = self.written().of.get(object).cloned()?;
        let seen = engine.live().version(object)?;
        let is_unseen = written.epoch == engine.live().epoch() && seen < written.version;
        // What was written is JSON of ours, so it can be read.
        is_unseen.then(|| Some((serde_json::from_str(&written.status).ok()?, written.version))).flatten()
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

    /// The status of an object now, as far as known: what was written last where the watch has not brought it yet, or
    /// what the watch has brought since the object was read as it is given.
    pub fn current(&self, engine: &Engine, read: &Object) -> Value {
        let object = read.reference();
        if let Some((status, _)) = self.unseen(engine, &object) {
            return status;
        }
        let is_newest = || engine.live().version(&object) == read.resource_version().parse().ok();
        let newer = if is_newest() { None } else { engine.live().object(&object) };
        status_of(newer.as_deref().unwrap_or(read))
    }

    fn written(&self) -> MutexGuard<'_, Writes> {
        self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Forgets what was written last, so that the next write starts from what is live: when the object is gone, or
    /// others wrote its status.
    pub fn forget(&self, object: &ObjectRef) {
        self.written().of.remove(object);
    }
}

/// The status of an object; an empty mapping when it has none.
pub fn status_of(object: &Object) -> Value {
    let status = object.as_map().get("status").filter(|status| status.is_object());
    status.cloned().unwrap_or_else(|| Value::Object(Map::new()))
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
    fn what_the_watch_has_brought_is_dropped() {
        let object = |name: &str| {
            ObjectRef::new(&holdfast_object::GroupVersionKind::new("", "v1", "ConfigMap"), "n", name)
        };
        let mut writes = Writes::default();
        let write = |writes: &mut Writes, name: &str, version: u64| {
            writes.insert(&object(name), Written { status: "{}".into(), version, epoch: 0 });
        };
        let held = |writes: &mut Writes, seen: &[(&str, u64)]| {
            writes.drop_brought(|of| seen.iter().find(|(name, _)| of.key.name == *name).map(|(_, at)| *at));
            let mut names: Vec<String> = writes.of.keys().map(|object| object.key.name.clone()).collect();
            names.sort();
            (names.concat(), writes.order.len())
        };
        write(&mut writes, "a", 5);
        write(&mut writes, "b", 6);
        assert_eq!(held(&mut writes, &[("a", 4), ("b", 5)]), ("ab".into(), 2));
        write(&mut writes, "a", 7);
        assert_eq!(held(&mut writes, &[("a", 5), ("b", 5)]), ("ab".into(), 2), "the newer one of a counts");
        assert_eq!(held(&mut writes, &[("a", 6), ("b", 6)]), ("a".into(), 1));
        assert_eq!(held(&mut writes, &[]), (String::new(), 0), "what is gone needs no status");
    }

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
