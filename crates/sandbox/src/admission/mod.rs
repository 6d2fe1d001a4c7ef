//! What happens to an object between its decoding and the store: defaults, rules, system fields, field ownership.

use crate::core::Core;
use crate::field::FieldError;
use crate::names::{NameRule, check_metadata};
use crate::resource::Resource;
use crate::status::{ApiError, ApiResult};
use crate::verbs::{Target, Validation, WriteOptions, drop_meta, keep_meta, meta_text};
use serde_json::{Value, json};

/// Checks types, drops or reports unknown fields, sets defaults. Answers warnings.
pub(crate) fn decode(
    _core: &Core,
    _resource: &Resource,
    _body: &mut Value,
    _validation: Validation,
) -> ApiResult<Vec<String>> {
    Ok(Vec::new())
}

/// Nothing is created in a namespace that is not there or is going away.
pub(crate) fn namespace_open(
    core: &Core,
    resource: &Resource,
    namespace: &str,
    object: &Value,
) -> ApiResult<()> {
    if !resource.namespaced {
        return Ok(());
    }
    let stored = core.store.get("namespaces", &crate::store::Name::new("", namespace)).ok_or_else(|| {
        ApiError::not_found(crate::status::Named { group: "", what: "namespaces" }, namespace)
    })?;
    if stored.is_deleting() {
        let name = meta_text(object, "name");
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let cause = json!({"reason": "NamespaceTerminating", "message": format!("namespace {namespace} is being terminated"), "field": "metadata.namespace"});
        return Err(ApiError::forbidden_because(resource.named(), name, &why, cause));
    }
    Ok(())
}

/// Prepares a new object and checks it.
pub(crate) fn before_create(
    _core: &Core,
    resource: &Resource,
    object: &mut Value,
    _options: &WriteOptions,
) -> ApiResult<()> {
    if has_generation(resource) {
        object["metadata"]["generation"] = 1.into();
    } else {
        drop_meta(object, "generation");
    }
    if resource.has_status()
        && let Some(map) = object.as_object_mut()
    {
        map.shift_remove("status");
    }
    if resource.is("", "namespaces") {
        object["spec"]["finalizers"] = json!(["kubernetes"]);
        object["status"] = json!({"phase": "Active"});
        let name = object["metadata"]["name"].clone();
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
    }
    if crate::crd::is_definition(resource) {
        crate::crd::prepare(object);
    }
    check(resource, object)
}

fn check(resource: &Resource, object: &Value) -> ApiResult<()> {
    let mut errors: Vec<FieldError> = Vec::new();
    check_metadata(object, NameRule::of(&resource.group, &resource.plural), &mut errors);
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(resource.named_kind(), meta_text(object, "name"), &errors))
}

/// Prepares the new state of an object and checks it: keeps what the writer may not change, counts generations.
pub(crate) fn before_update(
    _core: &Core,
    target: &Target,
    old: &Value,
    new: &mut Value,
    _options: &WriteOptions,
) -> ApiResult<()> {
    let resource = &target.resource;
    let keep = |new: &mut Value, key: &str| match old.get(key) {
        Some(value) => new[key] = value.clone(),
        None => {
            if let Some(map) = new.as_object_mut() {
                map.shift_remove(key);
            }
        }
    };
    if target.subresource == "status" {
        let status = new.get("status").cloned();
        let version = new["metadata"]["resourceVersion"].clone();
        let managed = new["metadata"].get("managedFields").cloned();
        let mut next = old.clone();
        match status {
            Some(status) => next["status"] = status,
            None => {
                if let Some(map) = next.as_object_mut() {
                    map.shift_remove("status");
                }
            }
        }
        next["metadata"]["resourceVersion"] = version;
        if let Some(managed) = managed {
            next["metadata"]["managedFields"] = managed;
        }
        *new = next;
    } else {
        if resource.has_status() {
            keep(new, "status");
        }
        if resource.is("", "namespaces") && target.subresource != "finalize" {
            new["spec"]["finalizers"] = old["spec"]["finalizers"].clone();
        }
        if has_generation(resource) && rest_differs(old, new) {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or_default();
            new["metadata"]["generation"] = (generation + 1).into();
        } else {
            keep_meta(new, old, "generation");
        }
    }
    check(resource, new)
}

/// True when anything but metadata and status differs.
fn rest_differs(old: &Value, new: &Value) -> bool {
    let rest = |value: &Value| -> Vec<(String, Value)> {
        let mut rest: Vec<_> = value
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| !matches!(key.as_str(), "metadata" | "status" | "apiVersion" | "kind"))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        rest.sort_by(|a, b| a.0.cmp(&b.0));
        rest
    };
    rest(old) != rest(new)
}

fn has_generation(resource: &Resource) -> bool {
    resource.custom.is_some()
        || matches!(
            resource.group.as_str(),
            "apps" | "batch" | "networking.k8s.io" | "policy" | "apiextensions.k8s.io"
        )
}

/// A strategic merge patch.
pub(crate) fn strategic(_resource: &Resource, old: &Value, patch: &Value) -> ApiResult<Value> {
    let mut new = old.clone();
    json_patch::merge(&mut new, patch);
    Ok(new)
}

/// The object that a server-side apply creates.
pub(crate) fn apply_new(
    _core: &Core,
    _resource: &Resource,
    body: Value,
    _options: &WriteOptions,
) -> ApiResult<Value> {
    Ok(body)
}

/// The object that a server-side apply makes of a live one.
pub(crate) fn apply(
    _core: &Core,
    _target: &Target,
    old: &Value,
    body: &Value,
    _options: &WriteOptions,
) -> ApiResult<Value> {
    let mut new = old.clone();
    json_patch::merge(&mut new, body);
    Ok(new)
}
