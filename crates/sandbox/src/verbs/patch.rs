use super::check_kind;
use super::create::{create_decoded, set_namespace};
use super::update::{Tracking, replace};
use super::{Operation, Target, WriteOptions, Written, apply_json_patch, get, reset_managers};
use crate::admission;
use crate::core::Core;
use crate::status::{ApiError, ApiResult};
use serde_json::Value;

/// The most operations that a JSON patch may have.
const JSON_PATCH_MAX: usize = 10_000;

/// A patch of one of the four types.
#[derive(Debug, Clone)]
pub(crate) enum Patch {
    Json(Vec<Operation>),
    Merge(Value),
    Strategic(Value),
    Apply(Value),
}

impl Patch {
    /// True for the media type of a patch.
    pub(crate) fn is_known(media: &str) -> bool {
        matches!(
            media,
            "application/json-patch+json"
                | "application/merge-patch+json"
                | "application/strategic-merge-patch+json"
                | "application/apply-patch+yaml"
        )
    }

    /// Reads a patch of a media type.
    pub(crate) fn read(media: &str, body: &[u8]) -> ApiResult<Self> {
        let broken =
            |error: serde_json::Error| ApiError::bad_request(format!("error decoding patch: {error}"));
        match media {
            "application/json-patch+json" => {
                let value: Value = serde_json::from_slice(body).map_err(broken)?;
                if !value.is_array() {
                    return Err(not_of(&value, "[]handlers.jsonPatchOp"));
                }
                let patch: Vec<Operation> = serde_json::from_value(value).map_err(broken)?;
                if patch.len() > JSON_PATCH_MAX {
                    return Err(ApiError::too_large(JSON_PATCH_MAX));
                }
                Ok(Self::Json(patch))
            }
            "application/merge-patch+json" => {
                let value: Value = serde_json::from_slice(body).map_err(broken)?;
                match value {
                    Value::Object(_) => Ok(Self::Merge(value)),
                    Value::Null => Ok(Self::Merge(Value::Object(serde_json::Map::new()))),
                    other => Err(not_of(&other, "map[string]interface {}")),
                }
            }
            "application/strategic-merge-patch+json" => {
                Ok(Self::Strategic(serde_json::from_slice(body).map_err(broken)?))
            }
            // Most clients send JSON, which is YAML and read faster as what it is.
            "application/apply-patch+yaml" => serde_json::from_slice(body)
                .or_else(|_| holdfast_yaml::parse(body, &holdfast_yaml::Options::v2()))
                .map(Self::Apply)
                .map_err(|error| ApiError::bad_request(format!("error decoding YAML: {error}"))),
            _ => Err(ApiError::unsupported_patch()),
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
    let warnings = std::cell::RefCell::new(Vec::new());
    let mut written = replace(core, target, options, Tracking::Update, |old| {
        let mut new = old.clone();
        match patch {
            Patch::Json(patch) => apply_json_patch(&mut new, patch)?,
            Patch::Merge(patch) => json_patch::merge(&mut new, patch),
            Patch::Strategic(patch) | Patch::Apply(patch) => {
                new = admission::strategic(&target.resource, &new, patch)?;
            }
        }
        check_identity(target, old, &new)?;
        reset_managers(&mut new);
        warnings.replace(decode(target, &mut new, options)?);
        Ok(new)
    })?;
    written.warnings.extend(warnings.into_inner());
    Ok(written)
}

/// A patch of another form than its type has.
fn not_of(value: &Value, wanted: &str) -> ApiError {
    let kind = match value {
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        _ => "object",
    };
    ApiError::bad_request(format!(
        "error decoding patch: json: cannot unmarshal {kind} into Go value of type {wanted}"
    ))
}

fn check_identity(target: &Target, old: &Value, new: &Value) -> ApiResult<()> {
    for key in ["apiVersion", "kind"] {
        if new[key] != old[key] {
            let why = format!(
                "no kind {} is registered for version {} in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
                new["kind"], new["apiVersion"]
            );
            return Err(ApiError::bad_patch(&new.to_string(), &why));
        }
    }
    if new["metadata"]["name"] != old["metadata"]["name"] {
        return match new["metadata"]["name"].as_str() {
            None | Some("") => Err(ApiError::bad_request(format!(
                "the name of the object ({} based on URL) was undeterminable: name must be provided",
                target.name
            ))),
            Some(name) => check_name(target, name),
        };
    }
    let uid = super::meta_text(new, "uid");
    if !uid.is_empty() && uid != super::meta_text(old, "uid") {
        let error = crate::field::FieldError::invalid_text("metadata.uid", uid, "field is immutable");
        return Err(ApiError::invalid(target.resource.named_kind(), &target.name, &[error]));
    }
    if new["metadata"]["namespace"] != old["metadata"]["namespace"] {
        set_namespace(target, &mut new.clone())?;
    }
    Ok(())
}

/// Reads what a patch made as its kind.
fn decode(target: &Target, object: &mut Value, options: &WriteOptions) -> ApiResult<Vec<String>> {
    let before = object.clone();
    admission::decode(&target.resource, object, options.validation, &[], true)
        .map_err(|why| ApiError::bad_patch(&before.to_string(), &why))
}

/// Reads what an apply made as its kind; the original converts it, and words what does not fit so.
fn decode_applied(target: &Target, object: &mut Value, options: &WriteOptions) -> ApiResult<Vec<String>> {
    let resource = &target.resource;
    let before = object.clone();
    admission::decode(resource, object, options.validation, &[], true).map_err(|why| {
        if resource.custom.is_some() || why.starts_with("strict") {
            return ApiError::bad_patch(&before.to_string(), &why);
        }
        let of = format!("{}, Kind={}", resource.api_version(), resource.kind);
        let slash = if resource.group.is_empty() { "/" } else { "" };
        ApiError::unnamed(format!(
            "failed to convert new object ({}/{}; {slash}{of}) to proper version: unable to convert unstructured object to {slash}{of}: {why}",
            target.namespace, target.name
        ))
    })
}

/// Server-side apply: creates what is not there.
fn apply(core: &Core, target: &Target, config: &Value, options: &WriteOptions) -> ApiResult<Written> {
    let mut config = config.clone();
    check_config(target, &mut config)?;
    // The configuration is merged as it was sent: only the check is wanted here.
    set_namespace(target, &mut config.clone())?;
    if super::meta_text(&config, "name").is_empty() {
        config["metadata"]["name"] = target.name.as_str().into();
    }
    check_name(target, super::meta_text(&config, "name"))?;
    if get(core, target).is_err() && target.subresource.is_empty() {
        let mut object = admission::apply(core, target, None, &config, options)?;
        set_namespace(target, &mut object)?;
        let warnings = decode_applied(target, &mut object, options)?;
        let uid = super::meta_text(&object, "uid");
        if !uid.is_empty() {
            let error = crate::field::FieldError::invalid_text("metadata.uid", uid, "field is immutable");
            let errors = [error.clone(), error];
            return Err(ApiError::invalid(target.resource.named_kind(), &target.name, &errors));
        }
        super::drop_meta(&mut object, "resourceVersion");
        match create_decoded(core, target, object, options, warnings) {
            Err(error) if error.reason() == "AlreadyExists" && !options.dry_run => {}
            result => return result,
        }
    }
    let warnings = std::cell::RefCell::new(Vec::new());
    let mut written = replace(core, target, options, Tracking::Done, |old| {
        let mut object = admission::apply(core, target, Some(old), &config, options)?;
        check_identity(target, old, &object)?;
        warnings.replace(decode_applied(target, &mut object, options)?);
        Ok(object)
    })?;
    written.warnings.extend(warnings.into_inner());
    Ok(written)
}

/// A configuration names its version and kind.
fn check_config(target: &Target, config: &mut Value) -> ApiResult<()> {
    let resource = &target.resource;
    let text = |key: &str| config[key].as_str().unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if api_version != resource.api_version() || kind != resource.kind {
        let slash = if api_version.contains('/') { "" } else { "/" };
        return Err(ApiError::bad_request(format!("invalid object type: {slash}{api_version}, Kind={kind}")));
    }
    check_kind(config, &resource.api_version(), &resource.kind)
}

fn check_name(target: &Target, given: &str) -> ApiResult<()> {
    if given == target.name {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "the name of the object ({given}) does not match the name on the URL ({})",
        target.name
    )))
}
