use super::{Shown, Target, WriteOptions, Written, check_kind, drop_meta, meta_text};
use crate::admission::{self, track};
use crate::core::Core;
use crate::status::{ApiError, ApiResult};
use serde_json::Value;

/// How often a generated name that is taken is generated again.
const NAME_TRIES: usize = 8;
/// The longest stem of a generated name.
const STEM: usize = 58;

/// Creates an object.
pub(crate) fn create(
    core: &Core,
    target: &Target,
    body: Value,
    options: &WriteOptions,
) -> ApiResult<Written> {
    let (mut object, warnings) = decode(target, body, options)?;
    track(core, target, None, &mut object, options);
    create_decoded(core, target, object, options, warnings)
}

/// Takes the body of a write apart: version and kind, unknown fields, types, namespace.
pub(super) fn decode(
    target: &Target,
    mut body: Value,
    options: &WriteOptions,
) -> ApiResult<(Value, Vec<String>)> {
    let resource = &target.resource;
    check_kind(&mut body, &resource.api_version(), &resource.kind)?;
    let warnings = admission::decode(resource, &mut body, options.validation, &options.duplicates, false)
        .map_err(|why| admission::refusal(resource, &why))?;
    set_namespace(target, &mut body)?;
    Ok((body, warnings))
}

/// An object is in the namespace of its URL.
pub(super) fn set_namespace(target: &Target, body: &mut Value) -> ApiResult<()> {
    if !target.resource.namespaced {
        drop_meta(body, "namespace");
        return Ok(());
    }
    let given = meta_text(body, "namespace");
    if given.is_empty() {
        body["metadata"]["namespace"] = target.namespace.as_str().into();
    } else if given != target.namespace {
        return Err(ApiError::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// Creates an object whose body was decoded.
pub(super) fn create_decoded(
    core: &Core,
    target: &Target,
    mut object: Value,
    options: &WriteOptions,
    warnings: Vec<String>,
) -> ApiResult<Written> {
    let resource = &target.resource;
    if !meta_text(&object, "resourceVersion").is_empty() {
        // The original's storage says so, and calls it an error of its own.
        return Err(ApiError::unnamed(
            "resourceVersion should not be set on objects to be created".to_owned(),
        ));
    }
    admission::namespace_open(core, resource, &target.namespace, &object)?;
    let generated = meta_text(&object, "name").is_empty() && !meta_text(&object, "generateName").is_empty();
    let mut tries = if generated { NAME_TRIES } else { 1 };
    for key in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
        drop_meta(&mut object, key);
    }
    object["metadata"]["uid"] = core.random.uid().into();
    object["metadata"]["creationTimestamp"] = core.clock.timestamp().into();
    loop {
        if generated {
            let stem: String = meta_text(&object, "generateName").chars().take(STEM).collect();
            object["metadata"]["name"] = format!("{stem}{}", core.random.suffix()).into();
        }
        let mut ready = object.clone();
        admission::before_create(core, resource, &mut ready, options)?;
        if options.dry_run {
            let name = crate::store::Name::new(&target.namespace, meta_text(&ready, "name"));
            if core.store.get(&resource.bucket, &name).is_some() {
                return Err(ApiError::already_exists(resource.named(), meta_text(&ready, "name")));
            }
            return Ok(Written { object: Shown::Dry(ready), created: true, warnings });
        }
        tries -= 1;
        match core.store.put(&resource.bucket, resource.draft(&ready), None) {
            Ok(stored) => return Ok(Written { object: Shown::Stored(stored), created: true, warnings }),
            Err(_) if tries > 0 => {}
            Err(_) => {
                let name = meta_text(&ready, "name");
                let held =
                    core.store.get(&resource.bucket, &crate::store::Name::new(&target.namespace, name));
                return Err(match held.is_some_and(|object| object.is_deleting()) {
                    true => ApiError::still_exists(resource.named(), name),
                    false => ApiError::already_exists(resource.named(), name),
                });
            }
        }
    }
}
