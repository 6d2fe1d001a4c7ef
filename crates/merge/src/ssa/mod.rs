//! Server-side apply, and the tracking of owners on all other writes, as the API server does them
//! (structured-merge-diff and apimachinery's `managedfields`).
//!
//! The caller brings the live object at the request's version, the kind's schema, and the time. It does what belongs
//! to a server: defaulting, validation, admission, system metadata. After defaulting, [`settle`] says whether
//! anything changed at all.

mod cap;
mod conflict;
mod engine;
mod last_applied;
mod new_object;

use crate::canonical::canonicalize;
use crate::fields::FieldSet;
use crate::managers::{Manager, Managers, Operation, take_managed_fields};
use crate::values;
pub(crate) use engine::owned_by_applying;
use engine::{Engine, State};
use holdfast_object::schema::{Resource, Schemas, TypeRef};
use new_object::new_object;
use serde_json::{Map, Value};

pub use conflict::{Conflict, Conflicts};
pub use last_applied::ANNOTATION as ANNOTATION_LAST_APPLIED;

/// How to show an object at another version of its kind: the object and its type there, or `None` for a version
/// that is not served. Owners' fields are named in the version they wrote.
pub type Convert<'a> = dyn Fn(&Value, &str) -> Option<(Value, TypeRef<'a>)> + 'a;

/// The answer of a [`Convert`] for kinds served at one version only.
pub fn no_other_version<'a>(_: &Value, _: &str) -> Option<(Value, TypeRef<'a>)> {
    None
}

/// What the merge must know of the object's kind.
#[derive(Clone, Copy)]
pub struct KindRules<'a> {
    /// The type of the objects at the request's version; [`TypeRef::untyped`] where nothing is known.
    pub schema: TypeRef<'a>,
    /// Fields that this endpoint resets, so that nobody can own them through it; see [`reset_fields`].
    pub reset: &'a FieldSet,
    /// Other versions.
    pub convert: &'a Convert<'a>,
}

/// A server-side apply request.
#[derive(Clone, Copy)]
pub struct ApplyRequest<'a, 'k> {
    /// The live object at the request's version, or `None` when the apply creates it.
    pub live: Option<&'a Value>,
    /// The configuration as the client sent it.
    pub config: &'a Value,
    /// Who applies.
    pub manager: &'a str,
    /// Take fields from other managers instead of failing.
    pub force: bool,
    /// Subresource of the request; empty for the object itself.
    pub subresource: &'a str,
    /// The kind.
    pub kind: KindRules<'k>,
    /// The time, RFC 3339 in UTC with seconds: `2026-11-21T09:30:00Z`.
    pub now: &'a str,
}

/// What an apply gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The object to store, after defaulting; with `managedFields`.
    pub object: Value,
    /// False when nothing would be written: object and owners are as they were.
    pub changed: bool,
}

/// Why an apply is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Other managers own fields with another value (409, reason `Conflict`).
    #[error("{0}")]
    Conflict(Conflicts),
    /// The request is wrong (400, reason `BadRequest`).
    #[error("{0}")]
    BadRequest(String),
    /// The configuration or the live object does not have the form of its kind (500, no reason), in the API server's
    /// words. Client-side apply accepts some of these, such as the same environment variable twice.
    #[error("{0}")]
    BadType(String),
}

/// A write that is no apply.
#[derive(Clone, Copy)]
pub struct UpdateRequest<'a, 'k> {
    /// The object before, at the request's version; `None` when it is created.
    pub old: Option<&'a Value>,
    /// Who writes.
    pub manager: &'a str,
    /// Subresource of the request; empty for the object itself.
    pub subresource: &'a str,
    /// The kind.
    pub kind: KindRules<'k>,
    /// The time, as for [`ApplyRequest`].
    pub now: &'a str,
}

/// Applies a configuration: what it names is set and owned, what its manager applied before and no longer names is
/// removed unless others own it, and fields of others are a conflict unless `force`.
///
/// # Errors
/// [`ApplyError`], with the API server's messages.
pub fn apply(request: &ApplyRequest<'_, '_>) -> Result<Outcome, ApplyError> {
    check_config(request)?;
    let ApplyRequest { config, manager, subresource, kind, now, .. } = *request;
    let mut live = request.live.cloned().unwrap_or_else(|| new_object(config, kind.schema));
    let managers = Managers::of(&live)
        .map_err(|e| ApplyError::BadType(format!("failed to decode managed fields: {e}")))?;
    take_managed_fields(&mut live);
    let engine = Engine { kind, subresource, now };
    let before = if managers.0.is_empty() { engine.adopt(&live, config) } else { managers };
    let me = Manager {
        name: named_or_unknown(manager),
        operation: Operation::Apply,
        api_version: version_of(config).to_owned(),
        subresource: subresource.to_owned(),
        time: None,
        fields: FieldSet::EMPTY,
    };
    engine.check(&live, config)?;
    let state = State { live: &live, managers: &before };
    let applied = match engine.apply(state, config, &me, request.force) {
        Err(conflicts) if manager == last_applied::KUBECTL => {
            let rest = last_applied::remaining(conflicts, &live, kind.schema);
            if rest.0.is_empty() { engine.apply(state, config, &me, true) } else { Err(rest) }
        }
        other => other,
    };
    let (new, managers) = applied.map_err(ApplyError::Conflict)?;
    let mut object = new.unwrap_or(live);
    canonicalize(&mut object, kind.schema);
    if manager == last_applied::KUBECTL {
        last_applied::sync(&mut object, config);
    }
    managers.write_to(&mut object);
    let changed = request.live.is_none_or(|live| settle(live, &mut object));
    Ok(Outcome { object, changed })
}

/// Records in `new` who owns what after a write that is no apply: the manager owns what differs from before, and
/// everybody loses what was removed or changed under them. `managedFields` that the client sent in `new` replace the
/// stored ones; an empty list resets them. An object that was stored without owners stays so, and what does not have
/// its type's form is not tracked.
pub fn track_update(request: &UpdateRequest<'_, '_>, new: &mut Value) {
    let sent = take_managed_fields(new);
    let managers = managers_before(request, sent);
    let exists =
        request.old.is_some_and(|old| old["metadata"]["uid"].as_str().is_some_and(|uid| !uid.is_empty()));
    if managers.0.is_empty() && exists {
        return;
    }
    let mut old = request.old.cloned().unwrap_or_else(|| new_object(new, request.kind.schema));
    take_managed_fields(&mut old);
    let me = Manager {
        name: named_or_unknown(request.manager),
        operation: Operation::Update,
        api_version: version_of(new).to_owned(),
        subresource: request.subresource.to_owned(),
        time: Some(request.now.to_owned()),
        fields: FieldSet::EMPTY,
    };
    let engine = Engine { kind: request.kind, subresource: request.subresource, now: request.now };
    let tracked = engine.update(State { live: &old, managers: &managers }, new, me);
    tracked.unwrap_or(managers).write_to(new);
}

/// Decides, after defaulting, whether an object differs from what is stored. Where only the times of owners differ,
/// they are put back, so that writing the same again does not change the resourceVersion. Returns true when the
/// object changed.
pub fn settle(live: &Value, object: &mut Value) -> bool {
    if !same_but_owners(live, object) {
        return true;
    }
    let (before, after) = (owners(live), owners(object));
    let same = before.len() == after.len()
        && before.iter().zip(after).all(|(before, after)| same_but(before, after, "time"));
    if same && !before.is_empty() {
        object["metadata"]["managedFields"] = Value::Array(before.to_vec());
    }
    !same
}

fn owners(object: &Value) -> &[Value] {
    let owners = object.get("metadata").and_then(|metadata| metadata.get("managedFields"));
    owners.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn same_but_owners(a: &Value, b: &Value) -> bool {
    let none = Value::Object(Map::new());
    let metadata = |object| Value::get(object, "metadata").filter(|m| m.is_object()).unwrap_or(&none);
    same_but(metadata(a), metadata(b), "managedFields") && same_but(a, b, "metadata")
}

/// Whether two objects have the same entries, one of which is not looked at.
fn same_but(a: &Value, b: &Value, but: &str) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return values::equal(a, b) };
    let count = |map: &Map<String, Value>| map.len() - usize::from(map.contains_key(but));
    count(a) == count(b)
        && a.iter()
            .filter(|(key, _)| *key != but)
            .all(|(key, a)| b.get(key).is_some_and(|b| values::equal(a, b)))
}

/// The fields that an endpoint of a resource resets: `status` through the object itself where it has a status
/// subresource, `spec` and more through `status`.
pub fn reset_fields(resource: &Resource, subresource: &str) -> FieldSet {
    let compiled = Schemas::builtin().resource(&resource.gvk).is_some();
    match subresource {
        "" if resource.has_subresource("status") => FieldSet::of(&[&["status"]]),
        "status" if compiled => FieldSet::of(&[&["spec"]]),
        "status" => FieldSet::of(&[&["spec"], &["metadata"]]),
        _ => FieldSet::EMPTY,
    }
}

fn check_config(request: &ApplyRequest<'_, '_>) -> Result<(), ApplyError> {
    let bad = |what: String| Err(ApplyError::BadRequest(what));
    if !request.config.is_object() {
        return bad("the applied configuration must be an object".into());
    }
    if let Some(live) = request.live
        && kind_of(live) != kind_of(request.config)
    {
        return bad(format!("invalid object type: {}", kind_of(request.config)));
    }
    if !request.config["metadata"]["managedFields"].is_null() {
        return bad("metadata.managedFields must be nil".into());
    }
    Ok(())
}

fn version_of(object: &Value) -> &str {
    object["apiVersion"].as_str().unwrap_or_default()
}

/// `apps/v1, Kind=Deployment`, or `/v1, Kind=Pod` in the core group.
fn kind_of(object: &Value) -> String {
    let version = version_of(object);
    // The core group is empty, and so is what stands before its slash.
    let slash = if version.contains('/') { "" } else { "/" };
    format!("{slash}{version}, Kind={}", object["kind"].as_str().unwrap_or_default())
}

fn named_or_unknown(manager: &str) -> String {
    if manager.is_empty() { "unknown".into() } else { manager.into() }
}

/// The owners before an update: what the client sent counts unless it is unreadable, nothing, or sent through a
/// subresource; an empty list or one empty entry resets.
fn managers_before(request: &UpdateRequest<'_, '_>, sent: Option<Value>) -> Managers {
    let stored = || request.old.map(|old| Managers::of(old).unwrap_or_default()).unwrap_or_default();
    let Some(sent) = sent.filter(|sent| request.subresource.is_empty() && sent.is_array()) else {
        return stored();
    };
    let resets = match sent.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([only]) => only.as_object().is_some_and(Map::is_empty),
        _ => false,
    };
    if resets {
        return Managers::default();
    }
    match Managers::of(&serde_json::json!({"metadata": {"managedFields": sent}})) {
        Ok(managers) if !managers.0.is_empty() => managers,
        _ => stored(),
    }
}

#[cfg(test)]
mod tests;
