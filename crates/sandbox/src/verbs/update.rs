use super::create::{create_decoded, decode};
use super::{Shown, TRIES, Target, WriteOptions, Written, drop_meta, get, keep_meta, meta_text};
use crate::admission;
use crate::core::Core;
use crate::status::{ApiError, ApiResult};
use crate::store::Stored;
use serde_json::Value;
use std::sync::Arc;

/// Replaces an object, or the part of it that a subresource shows.
pub(crate) fn update(
    core: &Core,
    target: &Target,
    body: Value,
    options: &WriteOptions,
) -> ApiResult<Written> {
    let (body, warnings) = decode(target, body, options)?;
    let given = meta_text(&body, "name");
    if given.is_empty() {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({} based on URL) was undeterminable: name must be provided",
            target.name
        )));
    }
    if given != target.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({})",
            target.name
        )));
    }
    if target.subresource.is_empty() && creates_on_update(target) && get(core, target).is_err() {
        let mut body = body;
        admission::track(core, target, None, &mut body, options);
        return create_decoded(core, target, body, options, warnings);
    }
    let mut written = replace(core, target, options, Tracking::Update, |_| Ok(body.clone()))?;
    written.warnings.extend(warnings);
    Ok(written)
}

/// The kinds whose PUT creates what is not there.
fn creates_on_update(target: &Target) -> bool {
    matches!(
        (target.resource.group.as_str(), target.resource.plural.as_str()),
        ("", "endpoints" | "events" | "limitranges" | "services")
            | ("events.k8s.io", "events")
            | ("coordination.k8s.io", "leases")
            | ("rbac.authorization.k8s.io", _)
    )
}

/// True for resources that take a PUT without a resourceVersion.
fn unconditional(target: &Target) -> bool {
    let strict = matches!(
        (target.resource.group.as_str(), target.resource.plural.as_str()),
        ("policy", "poddisruptionbudgets")
            | ("coordination.k8s.io", "leases")
            | ("node.k8s.io", "runtimeclasses")
            | ("storage.k8s.io", "csidrivers" | "csinodes" | "volumeattachments")
            | ("admissionregistration.k8s.io", _)
    );
    target.resource.custom.is_none() && !crate::crd::is_definition(&target.resource) && !strict
}

/// Whether a write's owners are still to be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tracking {
    /// The writer owns what it changes.
    Update,
    /// A server-side apply has said who owns what.
    Done,
}

/// Changes an object: `make` gives the new state for the current one and is asked again when another writer was
/// faster, unless the new state names the revision it was made from.
pub(super) fn replace(
    core: &Core,
    target: &Target,
    options: &WriteOptions,
    how: Tracking,
    make: impl Fn(&Value) -> ApiResult<Value>,
) -> ApiResult<Written> {
    let mut tries = TRIES;
    loop {
        let current = get(core, target)?;
        let old = target.value(&current);
        let new = make(&old)?;
        match attempt(core, target, options, how, &current, &old, new)? {
            Some(object) => return Ok(Written { object, created: false, warnings: Vec::new() }),
            None if tries == 0 => return Err(ApiError::modified(target.resource.named(), &target.name)),
            None => tries -= 1,
        }
    }
}

/// One try. `None` when another writer was faster.
fn attempt(
    core: &Core,
    target: &Target,
    options: &WriteOptions,
    how: Tracking,
    current: &Arc<Stored>,
    old: &Value,
    mut new: Value,
) -> ApiResult<Option<Shown>> {
    let resource = &target.resource;
    check_preconditions(target, current, &new)?;
    for key in ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"] {
        keep_meta(&mut new, old, key);
    }
    drop_meta(&mut new, "selfLink");
    new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
    if how == Tracking::Update {
        admission::track(core, target, Some(old), &mut new, options);
    }
    admission::before_update(core, target, old, &mut new, options)?;
    if !admission::changes(old, &mut new) {
        return Ok(Some(Shown::Stored(current.clone())));
    }
    if options.dry_run {
        return Ok(Some(Shown::Dry(new)));
    }
    if current.is_deleting() && nothing_holds(&new) {
        // It goes with this write, which answers what would have been left of it.
        let gone = core.store.remove(&resource.bucket, current.name(), current.revision());
        return Ok(gone.ok().map(|_| Shown::Dry(new)));
    }
    let written = core.store.put(&resource.bucket, resource.draft(&new), Some(current.revision()));
    Ok(written.ok().map(Shown::Stored))
}

/// True when a deleted object has no finalizer left and no grace to wait for.
pub(super) fn nothing_holds(object: &Value) -> bool {
    let finalizers = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    finalizers(&object["metadata"]["finalizers"])
        && (object["kind"] != "Namespace" || finalizers(&object["spec"]["finalizers"]))
        && object["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or_default() == 0
}

fn check_preconditions(target: &Target, current: &Stored, new: &Value) -> ApiResult<()> {
    let resource = &target.resource;
    let given_uid = meta_text(new, "uid");
    if !given_uid.is_empty() && given_uid != current.uid() {
        let name = current.name();
        // The key is etcd's, and the zero is the version that the original's storage did not look at.
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}/{}{}{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {given_uid}, UID in object meta: {}",
            resource.plural,
            name.namespace,
            if name.namespace.is_empty() { "" } else { "/" },
            name.name,
            current.uid()
        );
        return Err(ApiError::conflict(resource.named(), &target.name, &why));
    }
    let given = meta_text(new, "resourceVersion");
    if matches!(given, "" | "0") {
        if unconditional(target) {
            return Ok(());
        }
        let error = crate::field::FieldError::invalid_as(
            "metadata.resourceVersion",
            "0",
            "must be specified for an update",
        );
        return Err(ApiError::invalid(resource.named(), &target.name, &[error]));
    }
    match given.parse::<u64>() {
        Ok(revision) if revision == current.revision() => Ok(()),
        Ok(_) => Err(ApiError::modified(resource.named(), &target.name)),
        Err(_) => Err(ApiError::unnamed(format!("strconv.ParseUint: parsing {given:?}: invalid syntax"))),
    }
}
