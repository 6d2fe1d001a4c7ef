//! What can be done with objects. Requests and simulators come the same way.

mod create;
mod delete;
mod json_patch;
mod list;
mod patch;
mod scale;
mod update;
mod watch;

pub(crate) use create::create;
pub(crate) use delete::{
    DeleteOptions, Deleted, FOREGROUND, ORPHAN, change_raw, delete, delete_collection, delete_selected,
    deleted_details, finalize, finalize_namespace,
};
pub(crate) use json_patch::Operation;
pub(crate) use list::{ListOptions, Page, list};
pub(crate) use patch::{Patch, patch};
pub(crate) use scale::{apply_scale, read_scale, write_scale};
pub(crate) use update::update;
pub(crate) use watch::{WatchOptions, watch};

use crate::core::Core;
use crate::resource::Resource;
use crate::status::{ApiError, ApiResult};
use crate::store::{Name, Stored};
use serde_json::Value;
use std::sync::Arc;

/// What a verb is done to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) resource: Arc<Resource>,
    /// Empty for cluster-scoped resources and for all namespaces.
    pub(crate) namespace: String,
    /// Empty for a collection.
    pub(crate) name: String,
    /// Empty for the object itself.
    pub(crate) subresource: String,
}

impl Target {
    pub(crate) fn collection(resource: Arc<Resource>, namespace: &str) -> Self {
        Self { resource, namespace: namespace.into(), name: String::new(), subresource: String::new() }
    }

    pub(crate) fn object(resource: Arc<Resource>, namespace: &str, name: &str) -> Self {
        Self { resource, namespace: namespace.into(), name: name.into(), subresource: String::new() }
    }

    pub(crate) fn sub(mut self, subresource: &str) -> Self {
        self.subresource = subresource.into();
        self
    }

    pub(crate) fn key(&self) -> Name {
        Name::new(&self.namespace, &self.name)
    }

    pub(crate) fn not_found(&self) -> ApiError {
        ApiError::not_found(self.resource.named(), &self.name)
    }

    pub(crate) fn value(&self, stored: &Stored) -> Value {
        self.resource.show(stored)
    }
}

/// What to do about unknown and duplicate fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validation {
    Strict,
    Warn,
    Ignore,
}

/// How a write is done.
#[derive(Debug, Clone)]
pub(crate) struct WriteOptions {
    pub(crate) manager: String,
    pub(crate) validation: Validation,
    pub(crate) dry_run: bool,
    /// Server-side apply takes fields from other managers.
    pub(crate) force: bool,
    /// The fields that occur twice in the body.
    pub(crate) duplicates: Vec<String>,
}

impl WriteOptions {
    /// Options of the server's own parts.
    pub(crate) fn system(manager: &str) -> Self {
        Self {
            manager: manager.into(),
            validation: Validation::Ignore,
            dry_run: false,
            force: false,
            duplicates: Vec::new(),
        }
    }
}

/// What a write left.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) object: Shown,
    /// True when the object is new.
    pub(crate) created: bool,
    pub(crate) warnings: Vec<String>,
}

/// An object to show.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    Stored(Arc<Stored>),
    /// What would have been stored.
    Dry(Value),
}

impl Shown {
    pub(crate) fn value(&self, resource: &Resource) -> Value {
        match self {
            Self::Stored(stored) => resource.show(stored),
            Self::Dry(value) => value.clone(),
        }
    }
}

/// Reads one object.
pub(crate) fn get(core: &Core, target: &Target) -> ApiResult<Arc<Stored>> {
    core.store.get(&target.resource.bucket, &target.key()).ok_or_else(|| target.not_found())
}

/// How often a write that did not name a revision tries again when another writer is faster.
const TRIES: usize = 8;

/// A text field of `metadata`.
pub(crate) fn meta_text<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"][key].as_str().unwrap_or_default()
}

/// Applies a JSON patch.
///
/// # Errors
/// 422 where an operation does not apply.
pub(crate) fn apply_json_patch(object: &mut Value, operations: &[Operation]) -> ApiResult<()> {
    json_patch::apply(object, operations).map_err(|_| ApiError::rejected())
}

/// Removes an empty or null field of `metadata`.
pub(crate) fn drop_meta(object: &mut Value, key: &str) {
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.shift_remove(key);
    }
}

/// An empty list of managers asks for a reset, as one empty entry does.
pub(crate) fn reset_managers(object: &mut Value) {
    let managers = &mut object["metadata"]["managedFields"];
    if managers.as_array().is_some_and(Vec::is_empty) {
        *managers = serde_json::json!([{}]);
    } else if managers.is_null() {
        drop_meta(object, "managedFields");
    }
}

/// Copies a field of `metadata` from another object, or removes it.
pub(crate) fn keep_meta(object: &mut Value, from: &Value, key: &str) {
    match from["metadata"].get(key) {
        Some(value) => object["metadata"][key] = value.clone(),
        None => drop_meta(object, key),
    }
}

/// Checks that a body is an object of the target's version and kind, filling both in where they are empty.
pub(crate) fn check_kind(body: &mut Value, api_version: &str, kind: &str) -> ApiResult<()> {
    let Some(map) = body.as_object_mut() else {
        return Err(ApiError::bad_request("the object provided is unrecognized (must be an object)"));
    };
    for (key, expected) in [("kind", kind), ("apiVersion", api_version)] {
        if map.get(key).is_none_or(|v| v.as_str().is_none_or(str::is_empty)) {
            map.insert(key.into(), expected.into());
        }
    }
    let (got_version, got_kind) =
        (map["apiVersion"].as_str().unwrap_or(""), map["kind"].as_str().unwrap_or(""));
    if got_version != api_version || got_kind != kind {
        let (_, version) = got_version.split_once('/').unwrap_or(("", got_version));
        let known = holdfast_object::GroupVersionKind::from_api_version(got_version, got_kind);
        let builtin = holdfast_object::schema::Schemas::builtin();
        if builtin.resource(&known).is_some() {
            let (group, _) = api_version.split_once('/').unwrap_or(("core", ""));
            let group = group.split('.').next().unwrap_or(group);
            return Err(ApiError::bad_request(format!(
                "{got_kind} in version {version:?} cannot be handled as a {kind}: converting ({version}.{got_kind}) to ({group}.{kind}): unknown conversion"
            )));
        }
        // The scheme's name is the place in the original's code where it was made.
        return Err(ApiError::bad_request(format!(
            "{got_kind} in version {version:?} cannot be handled as a {kind}: no kind {got_kind:?} is registered for version {got_version:?} in scheme \"pkg/runtime/scheme.go:111\""
        )));
    }
    if !map.get("metadata").is_some_and(Value::is_object) {
        map.insert("metadata".into(), Value::Object(serde_json::Map::new()));
    }
    Ok(())
}
