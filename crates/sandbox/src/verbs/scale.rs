use super::update::{Tracking, replace};
use super::{Shown, Target, Validation, WriteOptions, Written, check_kind, get, meta_text};
use crate::core::Core;
use crate::selector::LabelSelector;
use crate::status::{ApiError, ApiResult};
use serde_json::{Value, json};

/// Where a kind keeps its replicas and selector.
struct Places {
    spec: Vec<String>,
    status: Vec<String>,
    selector: Option<Vec<String>>,
}

fn path(text: &str) -> Vec<String> {
    text.split('.').filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

fn places(target: &Target) -> Places {
    match target.resource.custom.as_ref().and_then(|c| c.scale.as_ref()) {
        Some(scale) => Places {
            spec: path(&scale.spec_replicas),
            status: path(&scale.status_replicas),
            selector: scale.selector.as_deref().map(path),
        },
        None => Places {
            spec: path(".spec.replicas"),
            status: path(".status.replicas"),
            selector: Some(path(".spec.selector")),
        },
    }
}

fn at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, key| value.get(key))
}

fn put(object: &mut Value, path: &[String], new: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut place = object;
    for key in parents {
        if !place[key].is_object() {
            place[key] = json!({});
        }
        place = &mut place[key];
    }
    place[last] = new;
}

/// A selector as text: a text stays, a label selector is written out.
fn selector_text(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        return text.to_owned();
    }
    if value.get("matchLabels").is_some() || value.get("matchExpressions").is_some() {
        return LabelSelector::from_value(value).to_string();
    }
    LabelSelector::equal(value).to_string()
}

/// An object's Scale.
pub(crate) fn read_scale(target: &Target, object: &Value) -> Value {
    let places = places(target);
    let replicas = |p: &[String]| at(object, p).and_then(Value::as_i64).unwrap_or_default();
    let mut meta = json!({ "name": object["metadata"]["name"] });
    for key in ["namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(key) {
            meta[key] = value.clone();
        }
    }
    let mut spec = json!({});
    if replicas(&places.spec) != 0 {
        spec["replicas"] = replicas(&places.spec).into();
    }
    let mut status = json!({"replicas": replicas(&places.status)});
    let selector =
        places.selector.as_deref().and_then(|p| at(object, p)).map(selector_text).unwrap_or_default();
    if !selector.is_empty() {
        status["selector"] = selector.into();
    }
    json!({"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec, "status": status})
}

/// Sets an object's replicas through its Scale, which `make` changes.
pub(crate) fn write_scale(
    core: &Core,
    target: &Target,
    options: &WriteOptions,
    make: impl Fn(Value) -> ApiResult<Value>,
) -> ApiResult<Written> {
    get(core, target)?;
    let places = places(target);
    let mut parent = target.clone();
    parent.subresource = "scale".into();
    let mut written = replace(core, &parent, options, Tracking::Done, |old| {
        let mut scale = make(read_scale(target, old))?;
        check_kind(&mut scale, SCALE.0, SCALE.1)?;
        let given = meta_text(&scale, "resourceVersion");
        if !given.is_empty() && given != meta_text(old, "resourceVersion") {
            return Err(ApiError::modified(target.resource.named(), &target.name));
        }
        let replicas = scale["spec"]["replicas"].as_i64().unwrap_or_default();
        if replicas < 0 {
            let error = crate::field::FieldError::invalid(
                "spec.replicas",
                &replicas.into(),
                "must be greater than or equal to 0",
            );
            let named = crate::status::Named { group: "autoscaling", what: "Scale" };
            return Err(ApiError::invalid(named, &target.name, &[error]));
        }
        let mut new = old.clone();
        put(&mut new, &places.spec, replicas.into());
        complete(target, &mut new)?;
        if owns(old, &places.spec) {
            crate::admission::track(core, &parent, Some(old), &mut new, options);
            forget_times(&mut new);
        }
        Ok(new)
    })?;
    show_scale(target, &mut written);
    Ok(written)
}

/// Server-side apply of a Scale: of the one field of the object that it stands for.
pub(crate) fn apply_scale(
    core: &Core,
    target: &Target,
    scale: &Value,
    options: &WriteOptions,
) -> ApiResult<Written> {
    get(core, target)?;
    let text = |key: &str| scale[key].as_str().unwrap_or_default();
    if (text("apiVersion"), text("kind")) != SCALE {
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let slash = if api_version.contains('/') { "" } else { "/" };
        return Err(ApiError::bad_request(format!("invalid object type: {slash}{api_version}, Kind={kind}")));
    }
    let mut config = json!({
        "apiVersion": target.resource.api_version(), "kind": target.resource.kind, "metadata": {"name": target.name},
    });
    if let Some(replicas) = scale["spec"].get("replicas") {
        put(&mut config, &places(target).spec, replicas.clone());
    }
    let mut written = replace(core, target, options, Tracking::Done, |old| {
        let mut new = crate::admission::apply(core, target, Some(old), &config, options)?;
        forget_times(&mut new);
        Ok(new)
    })?;
    show_scale(target, &mut written);
    Ok(written)
}

/// Fills in what a custom resource's schema gives to the place of its replicas.
fn complete(target: &Target, object: &mut Value) -> ApiResult<()> {
    if target.resource.custom.is_none() {
        return Ok(());
    }
    crate::admission::decode(&target.resource, object, Validation::Ignore, &[], true)
        .map(drop)
        .map_err(|why| crate::admission::refusal(&target.resource, &why))
}

/// True when a manager owns a field of an object. The original tracks no write through a scale that nobody owned.
fn owns(object: &Value, path: &[String]) -> bool {
    object["metadata"]["managedFields"].as_array().into_iter().flatten().any(|manager| {
        path.iter().try_fold(&manager["fieldsV1"], |fields, key| fields.get(format!("f:{key}"))).is_some()
    })
}

/// Entries that came through the scale have no time: it is lost on their way to the object.
fn forget_times(object: &mut Value) {
    let managers = object["metadata"]["managedFields"].as_array_mut().into_iter().flatten();
    for manager in managers.filter(|m| m["subresource"] == "scale") {
        if let Some(entry) = manager.as_object_mut() {
            entry.shift_remove("time");
        }
    }
    if let Some(managers) = object["metadata"]["managedFields"].as_array_mut() {
        let rank = |m: &Value| (m["operation"] != "Apply", m["time"].as_str().unwrap_or_default().to_owned());
        managers.sort_by_key(rank);
    }
}

/// Version and kind of a Scale.
const SCALE: (&str, &str) = ("autoscaling/v1", "Scale");

fn show_scale(target: &Target, written: &mut Written) {
    let object = written.object.value(&target.resource);
    written.object = Shown::Dry(read_scale(target, &object));
}
