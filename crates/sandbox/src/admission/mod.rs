//! What happens to an object between its decoding and the store: defaults, rules, system fields, field ownership.

mod decode;
mod defaults;
mod kinds;
mod owners;
mod rules;
mod service_account;

pub(crate) use owners::{apply, changes, track};

use crate::core::Core;
use crate::field::FieldError;
use crate::names::{NameRule, check_metadata};
use crate::resource::Resource;
use crate::status::{ApiError, ApiResult};
use crate::verbs::{Target, Validation, WriteOptions, drop_meta, keep_meta, meta_text};
use holdfast_merge::strategic::PatchError;
use serde_json::{Value, json};

/// Reads an object as its type, drops unknown fields, sets defaults. Answers warnings. `patched` says that the object is
/// what a patch made, and not a request's body.
///
/// # Errors
/// What does not fit: a value of the wrong type, or unknown fields under strict validation.
pub(crate) fn decode(
    resource: &Resource,
    body: &mut Value,
    validation: Validation,
    duplicates: &[String],
    patched: bool,
) -> Result<Vec<String>, String> {
    if let Some(custom) = &resource.custom {
        let unknown = crate::crd::decode(custom, body, patched)?;
        return judge(&unknown, duplicates, validation);
    }
    let Some(root) = resource.builtin_type() else { return Ok(Vec::new()) };
    let (api_version, kind) = (body["apiVersion"].clone(), body["kind"].clone());
    let unknown = decode::typed(body, root, &resource.type_name())?;
    // An object's own version and kind come first.
    let mut ordered = json!({"apiVersion": api_version, "kind": kind});
    if let (Some(ordered), Value::Object(rest)) = (ordered.as_object_mut(), body.take()) {
        ordered.extend(rest.into_iter().filter(|(key, _)| key != "apiVersion" && key != "kind"));
    }
    *body = ordered;
    if crate::crd::is_definition(resource) {
        crate::crd::prepare(body);
    }
    judge(&unknown, duplicates, validation)
}

/// What to do about unknown and duplicate fields: refuse, warn, or nothing.
fn judge(unknown: &[String], duplicates: &[String], validation: Validation) -> Result<Vec<String>, String> {
    let twice = duplicates.iter().map(|path| format!("duplicate field {path:?}"));
    let texts: Vec<String> =
        twice.chain(unknown.iter().map(|path| format!("unknown field {path:?}"))).collect();
    match validation {
        Validation::Strict if !texts.is_empty() => {
            Err(format!("strict decoding error: {}", texts.join(", ")))
        }
        Validation::Warn => Ok(texts),
        Validation::Strict | Validation::Ignore => Ok(Vec::new()),
    }
}

/// Reads the metadata of a custom resource. Answers the unknown fields, by path.
pub(crate) fn decode_metadata(metadata: &mut Value) -> Result<Vec<String>, String> {
    let Some(ty) = holdfast_object::schema::Schemas::builtin().named("meta.v1.ObjectMeta") else {
        return Ok(Vec::new());
    };
    let unknown = decode::typed(metadata, ty, "meta.v1.ObjectMeta")?;
    Ok(unknown.into_iter().map(|path| format!("metadata.{path}")).collect())
}

/// What does not fit, as the failure of a request with an object.
pub(crate) fn refusal(resource: &Resource, why: &str) -> ApiError {
    let (kind, version) = (&resource.kind, &resource.version);
    ApiError::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
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
    core: &Core,
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
    kinds::prepare_new(core, resource, object)?;
    null_lists(resource, object);
    check(resource, None, object)
}

fn check(resource: &Resource, old: Option<&Value>, object: &Value) -> ApiResult<()> {
    let mut errors: Vec<FieldError> = Vec::new();
    if let Some(old) = old {
        check_new_finalizers(old, object, &mut errors);
    }
    check_metadata(object, NameRule::of(&resource.group, &resource.plural), &mut errors);
    match &resource.custom {
        Some(custom) => crate::crd::check(custom, old, object, &mut errors),
        None => rules::check(resource, old, object, &mut errors),
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(resource.named_kind(), meta_text(object, "name"), &errors))
}

/// What is being deleted is held by nobody else. (The original checks twice.)
fn check_new_finalizers(old: &Value, object: &Value, errors: &mut Vec<FieldError>) {
    if old["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    let list = |object: &Value| object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    let known = list(old);
    let strangers: Vec<String> =
        list(object).iter().filter(|f| !known.contains(f)).map(ToString::to_string).collect();
    if !strangers.is_empty() {
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            strangers.join(", ")
        );
        errors.extend([(); 2].map(|()| FieldError::forbidden("metadata.finalizers", why.clone())));
    }
}

/// Prepares the new state of an object and checks it: keeps what the writer may not change, counts generations.
pub(crate) fn before_update(
    core: &Core,
    target: &Target,
    old: &Value,
    new: &mut Value,
    _options: &WriteOptions,
) -> ApiResult<()> {
    let resource = &target.resource;
    if target.subresource == "status" {
        let mut next = old.clone();
        keep_or_drop(&mut next, new, "status");
        if resource.custom.is_some() {
            for key in ["resourceVersion", "managedFields"] {
                keep_meta(&mut next, new, key);
            }
        } else {
            // Built-in kinds take changes of metadata through their status; workloads not of labels.
            next["metadata"] = new["metadata"].clone();
            if resource.group == "apps" {
                keep_meta(&mut next, old, "labels");
            }
        }
        *new = next;
    } else {
        if resource.has_status() {
            keep_or_drop(new, old, "status");
        }
        if target.subresource != "finalize" {
            kinds::prepare_changed(core, resource, old, new)?;
        }
        if has_generation(resource) && rest_differs(old, new) {
            let generation = old["metadata"]["generation"].as_i64().unwrap_or_default();
            new["metadata"]["generation"] = (generation + 1).into();
        } else {
            keep_meta(new, old, "generation");
        }
    }
    null_lists(resource, new);
    check(resource, Some(old), new)
}

/// Lists that Go never leaves out are null where they are empty.
fn null_lists(resource: &Resource, object: &mut Value) {
    let (holder, key) = match &*resource.bucket {
        "roles.rbac.authorization.k8s.io" | "clusterroles.rbac.authorization.k8s.io" => (object, "rules"),
        "endpointslices.discovery.k8s.io" => (object, "endpoints"),
        "limitranges" => (&mut object["spec"], "limits"),
        "csinodes.storage.k8s.io" => (&mut object["spec"], "drivers"),
        _ => return,
    };
    if holder[key].as_array().is_none_or(Vec::is_empty) {
        holder[key] = Value::Null;
    }
}

/// Copies a field from another object, or removes it.
fn keep_or_drop(object: &mut Value, from: &Value, key: &str) {
    match from.get(key) {
        Some(value) => object[key] = value.clone(),
        None => {
            if let Some(map) = object.as_object_mut() {
                map.shift_remove(key);
            }
        }
    }
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

/// The kinds whose changes are counted; read from a 1.36.3 server.
fn has_generation(resource: &Resource) -> bool {
    if resource.custom.is_some() {
        return true;
    }
    match resource.group.as_str() {
        "" => matches!(resource.plural.as_str(), "pods" | "podtemplates" | "replicationcontrollers"),
        "apps" => resource.plural != "controllerrevisions",
        "admissionregistration.k8s.io"
        | "apiextensions.k8s.io"
        | "batch"
        | "discovery.k8s.io"
        | "flowcontrol.apiserver.k8s.io"
        | "networking.k8s.io"
        | "policy"
        | "resource.k8s.io"
        | "scheduling.k8s.io" => true,
        _ => false,
    }
}

/// A strategic merge patch.
pub(crate) fn strategic(resource: &Resource, old: &Value, patch: &Value) -> ApiResult<Value> {
    holdfast_merge::strategic::apply(old, patch, resource.schema()).map_err(|error| match error {
        PatchError::WrongForm { .. } => ApiError::bad_patch(&patch.to_string(), &error.to_string()),
        error => ApiError::unnamed(error.to_string()),
    })
}
