use super::update::nothing_holds;
use super::{Shown, TRIES, Target, WriteOptions, get, meta_text};
use crate::core::Core;
use crate::selector::{FieldSelector, LabelSelector};
use crate::status::{ApiError, ApiResult};
use crate::store::{Bucket, Draft, Name, Stored};
use serde_json::{Value, json};
use std::sync::Arc;

/// Holds an object until its dependents are gone.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// Holds an object until its dependents are on their own.
pub(crate) const ORPHAN: &str = "orphan";

/// How an object is deleted.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    /// `Foreground`, `Background`, `Orphan`, or empty for the kind's default.
    pub(crate) propagation: String,
    pub(crate) grace_seconds: Option<i64>,
    pub(crate) dry_run: bool,
}

/// What a deletion left.
#[derive(Debug)]
pub(crate) enum Deleted {
    /// Gone; the object's last state.
    Gone(Shown),
    /// Marked; it waits for finalizers or its grace.
    Marked(Shown),
}

/// Deletes an object.
pub(crate) fn delete(core: &Core, target: &Target, options: &DeleteOptions) -> ApiResult<Deleted> {
    let immortal = matches!(target.name.as_str(), "default" | "kube-system" | "kube-public");
    if target.resource.is("", "namespaces") && immortal {
        return Err(ApiError::forbidden(
            target.resource.named(),
            &target.name,
            "this namespace may not be deleted",
        ));
    }
    for _ in 0..TRIES {
        let current = get(core, target)?;
        check_preconditions(target, &current, options)?;
        if let Some(deleted) = attempt(core, target, &current, options)? {
            return Ok(deleted);
        }
    }
    Err(ApiError::modified(target.resource.named(), &target.name))
}

fn check_preconditions(target: &Target, current: &Stored, options: &DeleteOptions) -> ApiResult<()> {
    let conflict = |what: &str, asked: &str, is: &str, how: &str| {
        let why = format!(
            "the {what} in the precondition ({asked}) does not match the {what} in record ({is}). The object might have been {how}"
        );
        ApiError::conflict(target.resource.named_kind(), &target.name, &why)
    };
    if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != current.uid()) {
        return Err(conflict("UID", uid, current.uid(), "deleted and then recreated"));
    }
    let revision = current.revision().to_string();
    if let Some(version) = options.resource_version.as_deref().filter(|v| *v != revision) {
        return Err(conflict("ResourceVersion", version, &revision, "modified"));
    }
    Ok(())
}

/// One try. `None` when another writer was faster.
fn attempt(
    core: &Core,
    target: &Target,
    current: &Arc<Stored>,
    options: &DeleteOptions,
) -> ApiResult<Option<Deleted>> {
    let resource = &target.resource;
    let old = target.value(current);
    let mut new = old.clone();
    let propagation = match options.propagation.as_str() {
        // The kinds whose dependents stay unless they are asked for.
        "" if resource.is("", "replicationcontrollers") || resource.is("batch", "jobs") => "Orphan",
        other => other,
    };
    set_finalizers(&mut new, propagation);
    let grace = grace(target, &old, options);
    if resource.is("", "namespaces") {
        new["status"]["phase"] = "Terminating".into();
    }
    if crate::crd::is_definition(resource) && old["metadata"].get("deletionTimestamp").is_none() {
        crate::crd::hold(&mut new);
    }
    mark(core, &mut new, grace);
    if nothing_holds(&new) {
        if options.dry_run {
            return Ok(Some(Deleted::Gone(Shown::Stored(current.clone()))));
        }
        let gone = core.store.remove(&resource.bucket, current.name(), current.revision());
        return Ok(gone.ok().map(|object| {
            if !resource.is("", "pods") {
                return Deleted::Gone(Shown::Stored(object));
            }
            // Kinds with a grace answer what they were marked as, however short it was.
            new["metadata"]["resourceVersion"] = object.revision().to_string().into();
            Deleted::Gone(Shown::Dry(new))
        }));
    }
    if new == old {
        return Ok(Some(Deleted::Marked(Shown::Stored(current.clone()))));
    }
    if options.dry_run {
        return Ok(Some(Deleted::Marked(Shown::Dry(new))));
    }
    let marked = core.store.put(&resource.bucket, resource.draft(&new), Some(current.revision()));
    Ok(marked.ok().map(|object| Deleted::Marked(Shown::Stored(object))))
}

/// Sets the deletion mark, or shortens the grace of one that is set.
fn mark(core: &Core, object: &mut Value, grace: i64) {
    let at = core.clock.now() + time::Duration::seconds(grace);
    let meta = &mut object["metadata"];
    if meta.get("deletionTimestamp").is_some() {
        if meta["deletionGracePeriodSeconds"].as_i64().unwrap_or_default() > grace {
            meta["deletionGracePeriodSeconds"] = grace.into();
            meta["deletionTimestamp"] = crate::clock::format_time(at).into();
        }
        return;
    }
    meta["deletionTimestamp"] = crate::clock::format_time(at).into();
    meta["deletionGracePeriodSeconds"] = grace.into();
    if let Some(generation) = meta["generation"].as_i64() {
        meta["generation"] = (generation + 1).into();
    }
}

/// Pods that run on a node end gracefully; everything else at once.
fn grace(target: &Target, object: &Value, options: &DeleteOptions) -> i64 {
    if !target.resource.is("", "pods") {
        return 0;
    }
    let placed = object["spec"]["nodeName"].as_str().is_some_and(|n| !n.is_empty());
    let finished = matches!(object["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if !placed || finished {
        return 0;
    }
    options
        .grace_seconds
        .or_else(|| object["spec"]["terminationGracePeriodSeconds"].as_i64())
        .unwrap_or(30)
        .max(0)
}

/// Adds or removes the finalizers by which the garbage collector is asked to work first.
fn set_finalizers(object: &mut Value, propagation: &str) {
    let (wanted, unwanted): (Option<&str>, &[&str]) = match propagation {
        "Foreground" => (Some(FOREGROUND), &[ORPHAN]),
        "Orphan" => (Some(ORPHAN), &[FOREGROUND]),
        "Background" => (None, &[FOREGROUND, ORPHAN]),
        _ => return,
    };
    let mut list: Vec<Value> = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
    list.retain(|f| !unwanted.iter().any(|u| f == u));
    if let Some(wanted) = wanted
        && !list.iter().any(|f| f == wanted)
    {
        list.push(wanted.into());
    }
    if list.is_empty() {
        super::drop_meta(object, "finalizers");
    } else {
        object["metadata"]["finalizers"] = list.into();
    }
}

/// Deletes every object of a collection that the selectors take. Answers what was taken.
pub(crate) fn delete_selected(
    core: &Core,
    target: &Target,
    labels: &LabelSelector,
    fields: &FieldSelector,
    options: &DeleteOptions,
) -> ApiResult<Vec<Arc<Stored>>> {
    let mut taken = Vec::new();
    for object in core.store.list(&target.resource.bucket, &target.namespace) {
        if !labels.matches(|key| object.label(key)) || !fields.matches(&object) {
            continue;
        }
        let name = object.name();
        let one = Target::object(target.resource.clone(), &name.namespace, &name.name);
        match delete(core, &one, options) {
            Ok(_) => taken.push(object.clone()),
            Err(error) if error.code() == 404 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

/// Deletes a whole collection in the background.
pub(crate) fn delete_collection(core: &Core, target: &Target, options: &WriteOptions) -> ApiResult<()> {
    let delete = DeleteOptions {
        propagation: "Background".into(),
        dry_run: options.dry_run,
        ..DeleteOptions::default()
    };
    delete_selected(core, target, &LabelSelector::default(), &FieldSelector::default(), &delete).map(drop)
}

/// Takes a finalizer off an object, which goes away when it was the last.
pub(crate) fn finalize(core: &Core, bucket: &Bucket, name: &Name, finalizer: &str) {
    change_raw(core, bucket, name, |object| {
        let list = object["metadata"]["finalizers"].as_array()?;
        let left: Vec<Value> = list.iter().filter(|f| *f != finalizer).cloned().collect();
        if left.is_empty() {
            super::drop_meta(object, "finalizers");
        } else {
            object["metadata"]["finalizers"] = json!(left);
        }
        Some(())
    });
}

/// Lets a deleted namespace go.
pub(crate) fn finalize_namespace(core: &Core, namespace: &str) {
    change_raw(core, &"namespaces".into(), &Name::new("", namespace), |object| {
        object["spec"]["finalizers"] = json!([]);
        Some(())
    });
}

/// Changes an object below all rules, as the server's own parts do with finalizers and owners.
pub(crate) fn change_raw(
    core: &Core,
    bucket: &Bucket,
    name: &Name,
    change: impl Fn(&mut Value) -> Option<()>,
) {
    for _ in 0..TRIES {
        let Some(current) = core.store.get(bucket, name) else { return };
        let old = current.bare();
        let mut new = old.clone();
        if change(&mut new).is_none() || new == old {
            return;
        }
        // Namespaces are told apart by their bucket: the bare object has no kind.
        let mut held = new.clone();
        held["kind"] = if &**bucket == "namespaces" { "Namespace".into() } else { Value::Null };
        let done = if current.is_deleting() && nothing_holds(&held) {
            core.store.remove(bucket, name, current.revision())
        } else {
            core.store.put(bucket, Draft::new(&new), Some(current.revision()))
        };
        if done.is_ok() {
            return;
        }
    }
    tracing::debug!(bucket = &**bucket, name = &*name.name, "gave up after losing every race");
}

/// The name and uid of a deleted object, for the answer.
pub(crate) fn deleted_details(target: &Target, object: &Value) -> Value {
    let mut details = json!({"name": target.name});
    if !target.resource.group.is_empty() {
        details["group"] = target.resource.group.as_str().into();
    }
    details["kind"] = target.resource.plural.as_str().into();
    details["uid"] = meta_text(object, "uid").into();
    details
}
