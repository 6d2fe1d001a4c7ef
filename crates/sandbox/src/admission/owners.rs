//! Who owns which field: server-side apply, and the tracking of all other writes.

use crate::core::Core;
use crate::resource::Resource;
use crate::status::{ApiError, ApiResult};
use crate::verbs::{Target, WriteOptions, keep_meta};
use holdfast_merge::ssa::{
    ApplyError, ApplyRequest, KindRules, UpdateRequest, apply as merge, reset_fields, settle, track_update,
};
use holdfast_object::schema::TypeRef;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// Applies a configuration to a live object, or to nothing.
///
/// # Errors
/// 409 with the conflicts, 400 and 500 for configurations that cannot be applied.
pub(crate) fn apply(
    core: &Core,
    target: &Target,
    live: Option<&Value>,
    config: &Value,
    options: &WriteOptions,
) -> ApiResult<Value> {
    let resource = &target.resource;
    let reset = reset_fields(&resource.known(), &target.subresource);
    let versions = core.registry().versions_of(resource);
    let convert = |object: &Value, version: &str| shown_at(resource, &versions, object, version);
    let live = live.map(without_null_lists);
    let request = ApplyRequest {
        live: live.as_deref(),
        config,
        manager: &options.manager,
        force: options.force,
        subresource: &target.subresource,
        kind: KindRules { schema: resource.schema(), reset: &reset, convert: &convert },
        now: &core.clock.timestamp(),
    };
    match merge(&request) {
        Ok(outcome) => Ok(outcome.object),
        Err(ApplyError::Conflict(conflicts)) => {
            Err(ApiError::apply_conflict(conflicts.to_string(), conflicts.causes()))
        }
        Err(ApplyError::BadRequest(message)) => Err(ApiError::bad_request(message)),
        Err(ApplyError::BadType(message)) => Err(ApiError::unnamed(message)),
    }
}

/// Records who wrote what differs between two states of an object.
pub(crate) fn track(
    core: &Core,
    target: &Target,
    old: Option<&Value>,
    new: &mut Value,
    options: &WriteOptions,
) {
    let resource: &Resource = &target.resource;
    if resource.is("", "secrets") {
        super::kinds::merge_string_data(new);
    }
    if let Some(old) = old.filter(|_| target.subresource == "status" && resource.group == "apps") {
        // A workload's status changes no labels, so nobody comes to own them by it.
        keep_meta(new, old, "labels");
    }
    if let (Some(old), "roles" | "clusterroles") = (old, resource.plural.as_str())
        && old["rules"].is_array()
        && new.get("rules").is_none()
    {
        // Whoever takes the last rule away owns that there is none.
        new["rules"] = Value::Null;
    }
    let reset = reset_fields(&resource.known(), &target.subresource);
    let versions = core.registry().versions_of(resource);
    let convert = |object: &Value, version: &str| shown_at(resource, &versions, object, version);
    let old = old.map(without_null_lists);
    let request = UpdateRequest {
        old: old.as_deref(),
        manager: &options.manager,
        subresource: &target.subresource,
        kind: KindRules { schema: resource.schema(), reset: &reset, convert: &convert },
        now: &core.clock.timestamp(),
    };
    track_update(&request, new);
}

/// A list that is null is as good as none.
fn without_null_lists(object: &Value) -> Cow<'_, Value> {
    let is_null = |key: &str| object.get(key).is_some_and(Value::is_null);
    let null: Vec<&str> = ["rules", "endpoints"].into_iter().filter(|key| is_null(key)).collect();
    if null.is_empty() {
        return Cow::Borrowed(object);
    }
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.retain(|key, _| !null.contains(&key.as_str()));
    }
    Cow::Owned(object)
}

/// An object at another version, where that is served.
fn shown_at<'a>(
    resource: &Resource,
    versions: &'a [Arc<Resource>],
    object: &Value,
    version: &str,
) -> Option<(Value, TypeRef<'a>)> {
    let other = versions.iter().find(|other| other.api_version() == version)?;
    Some((resource.show_as(object, other), other.schema()))
}

/// True when a write changes an object at all. Where only the times of owners differ they are put back.
pub(crate) fn changes(old: &Value, new: &mut Value) -> bool {
    settle(old, new)
}
