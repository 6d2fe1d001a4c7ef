//! Who owns which field: server-side apply, and the tracking of all other writes.

use crate::core::Core;
use crate::resource::Resource;
use crate::status::{ApiError, ApiResult};
use crate::verbs::{Target, WriteOptions};
use holdfast_merge::ssa::{
    ApplyError, ApplyRequest, KindRules, UpdateRequest, apply as merge, no_other_version, reset_fields,
    settle, track_update,
};
use serde_json::Value;

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
    let request = ApplyRequest {
        live,
        config,
        manager: &options.manager,
        force: options.force,
        subresource: &target.subresource,
        kind: KindRules { schema: resource.schema(), reset: &reset, convert: &no_other_version },
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
    let reset = reset_fields(&resource.known(), &target.subresource);
    let request = UpdateRequest {
        old,
        manager: &options.manager,
        subresource: &target.subresource,
        kind: KindRules { schema: resource.schema(), reset: &reset, convert: &no_other_version },
        now: &core.clock.timestamp(),
    };
    track_update(&request, new);
}

/// True when a write changes an object at all. Where only the times of owners differ they are put back.
pub(crate) fn changes(old: &Value, new: &mut Value) -> bool {
    settle(old, new)
}
