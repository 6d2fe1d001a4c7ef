use super::create::{create_decoded, decode};
use super::update::replace;
use super::{Target, WriteOptions, Written, get};
use crate::admission;
use crate::core::Core;
use crate::status::{ApiError, ApiResult};
use serde_json::Value;

/// The most operations that a JSON patch may have.
const JSON_PATCH_MAX: usize = 10_000;

/// A patch of one of the four types.
#[derive(Debug, Clone)]
pub(crate) enum Patch {
    Json(json_patch::Patch),
    Merge(Value),
    Strategic(Value),
    Apply(Value),
}

impl Patch {
    /// Reads a patch of a media type.
    pub(crate) fn read(media: &str, body: &[u8]) -> ApiResult<Self> {
        let broken =
            |error: serde_json::Error| ApiError::bad_request(format!("error decoding patch: {error}"));
        match media {
            "application/json-patch+json" => {
                let patch: json_patch::Patch = serde_json::from_slice(body).map_err(broken)?;
                if patch.len() > JSON_PATCH_MAX {
                    return Err(ApiError::too_large(JSON_PATCH_MAX));
                }
                Ok(Self::Json(patch))
            }
            "application/merge-patch+json" => Ok(Self::Merge(serde_json::from_slice(body).map_err(broken)?)),
            "application/strategic-merge-patch+json" => {
                Ok(Self::Strategic(serde_json::from_slice(body).map_err(broken)?))
            }
            "application/apply-patch+yaml" => serde_json::from_slice(body)
                .map(Self::Apply)
                .map_err(|error| ApiError::bad_request(format!("error decoding YAML: {error}"))),
            _ => Err(ApiError::unsupported_media_type(
                "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml, application/apply-patch+cbor",
            )),
        }
    }
}

/// Patches an object, or the part of it that a subresource shows.
pub(crate) fn patch(
    core: &Core,
    target: &Target,
    patch: &Patch,
    options: &WriteOptions,
) -> ApiResult<Written> {
    if let Patch::Apply(body) = patch {
        return apply(core, target, body, options);
    }
    if matches!(patch, Patch::Strategic(_)) && target.resource.custom.is_some() {
        return Err(ApiError::unsupported_media_type(
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        ));
    }
    let warnings = std::cell::RefCell::new(Vec::new());
    let mut written = replace(core, target, options, |old| {
        let mut new = old.clone();
        match patch {
            Patch::Json(patch) => json_patch::patch(&mut new, patch).map_err(|_| ApiError::rejected())?,
            Patch::Merge(patch) => json_patch::merge(&mut new, patch),
            Patch::Strategic(patch) | Patch::Apply(patch) => {
                new = admission::strategic(&target.resource, &new, patch)?;
            }
        }
        let (new, found) = decode(target, new, options)?;
        warnings.replace(found);
        check_identity(target, old, &new)?;
        Ok(new)
    })?;
    written.warnings.extend(warnings.into_inner());
    Ok(written)
}

fn check_identity(target: &Target, old: &Value, new: &Value) -> ApiResult<()> {
    if new["metadata"]["name"] != old["metadata"]["name"] {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            new["metadata"]["name"].as_str().unwrap_or_default(),
            target.name
        )));
    }
    Ok(())
}

/// Server-side apply: creates what is not there.
fn apply(core: &Core, target: &Target, body: &Value, options: &WriteOptions) -> ApiResult<Written> {
    let (mut body, warnings) = decode(target, body.clone(), options)?;
    if super::meta_text(&body, "name").is_empty() {
        body["metadata"]["name"] = target.name.as_str().into();
    }
    let given = super::meta_text(&body, "name");
    if given != target.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({})",
            target.name
        )));
    }
    if body["metadata"].get("managedFields").is_some_and(|m| !m.is_null()) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    if get(core, target).is_err() && target.subresource.is_empty() {
        let created = admission::apply_new(core, &target.resource, body.clone(), options)?;
        match create_decoded(core, target, created, options, warnings.clone()) {
            Err(error) if error.reason() == "AlreadyExists" && !options.dry_run => {}
            result => return result,
        }
    }
    let mut written =
        replace(core, target, options, |old| admission::apply(core, target, old, &body, options))?;
    written.warnings.extend(warnings);
    Ok(written)
}
