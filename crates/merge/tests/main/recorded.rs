//! Requests to a kube-apiserver 1.36.3 and its answers, one step a line in `recorded/ssa.jsonl`: the object before
//! (`true`: as the step before left it), the request, and the object after or the error. Every step must give the
//! same owners, and every apply the same object.

use holdfast_merge::fields::FieldSet;
use holdfast_merge::ssa::{self, ApplyError, ApplyRequest, KindRules, UpdateRequest};
use holdfast_object::GroupVersionKind;
use holdfast_object::schema::{Schemas, TypeRef};
use serde_json::{Value, json};

const NOW: &str = "2030-01-01T00:00:00Z";

/// The types of the recording's kinds, built-in and custom.
pub(crate) struct KindOf(Vec<Schemas>);

impl KindOf {
    pub(crate) fn recorded() -> Self {
        let crds: Value = serde_json::from_str(include_str!("recorded/crds.json")).unwrap();
        Self(crds.as_object().unwrap().values().map(|crd| Schemas::from_crd(crd).unwrap()).collect())
    }

    /// The type of an object, and what its main and status endpoints reset.
    pub(crate) fn of(&self, object: &Value) -> (TypeRef<'_>, FieldSet, FieldSet) {
        let text = |field: &str| object[field].as_str().unwrap();
        let gvk = GroupVersionKind::from_api_version(text("apiVersion"), text("kind"));
        let schemas =
            std::iter::once(Schemas::builtin()).chain(&self.0).find(|s| s.root(&gvk).is_some()).unwrap();
        let resource = schemas.resource(&gvk).unwrap();
        (schemas.root(&gvk).unwrap(), ssa::reset_fields(resource, ""), ssa::reset_fields(resource, "status"))
    }
}

struct Step {
    title: String,
    before: Option<Value>,
    step: Value,
}

fn steps() -> Vec<Step> {
    let mut last = None;
    let mut count = 0;
    include_str!("recorded/ssa.jsonl")
        .lines()
        .map(|line| {
            let step: Value = serde_json::from_str(line).unwrap();
            let before = match &step["before"] {
                Value::Null => None,
                Value::Bool(true) => last.clone(),
                other => Some(other.clone()),
            };
            if !step["after"].is_null() {
                last = Some(step["after"].clone());
            }
            count += 1;
            let text = |field: &str| step[field].as_str().unwrap();
            let title = format!("step {count}, {}: {} by {}", text("case"), text("verb"), text("manager"));
            Step { title, before, step }
        })
        .collect()
}

/// Owners with their time as "now", as it was before, or absent: the recording's clock is not ours.
fn owners(object: &Value, before: Option<&Value>) -> Vec<String> {
    let entries =
        |object: &Value| object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let known: Vec<String> =
        before.map(entries).unwrap_or_default().iter().map(|e| e["time"].to_string()).collect();
    let shown: Vec<String> = entries(object)
        .iter()
        // The controllers of the recorded cluster wrote between the steps.
        .filter(|entry| entry["manager"] != "kube-controller-manager")
        .map(|entry| {
            let time = match &entry["time"] {
                Value::Null => "never",
                time if known.contains(&time.to_string()) => "known",
                _ => "now",
            };
            let text = |field: &str| entry[field].as_str().unwrap_or_default();
            format!(
                "{} {} {} [{}] {time} {}",
                text("operation"),
                text("manager"),
                text("apiVersion"),
                text("subresource"),
                entry["fieldsV1"]
            )
        })
        .collect();
    shown
}

#[test]
fn owners_are_those_of_the_server() {
    let kinds = KindOf::recorded();
    let mut wrong = Vec::new();
    for Step { title, before, step } in steps() {
        if let Err(what) = check(before.as_ref(), &step, &kinds) {
            wrong.push(format!("{title}: {what}"));
        }
    }
    assert!(wrong.is_empty(), "{} steps differ\n{}", wrong.len(), wrong.join("\n"));
}

fn check(before: Option<&Value>, step: &Value, kinds: &KindOf) -> Result<(), String> {
    let (request, after) = (&step["request"], &step["after"]);
    let text = |field: &str| step[field].as_str().unwrap();
    // Validation and preconditions are the server's own.
    let error = &step["error"];
    let refused_elsewhere = error["code"] == 422 || (error["code"] == 409 && error["causes"].is_null());
    // The answer holds what the server allocates or injects after it has recorded the owners, or is no such object.
    let answer_is_more =
        text("verb") == "create" && ["Service", "Pod"].contains(&request["kind"].as_str().unwrap());
    if refused_elsewhere || answer_is_more || after["kind"] == "Scale" {
        return Ok(());
    }
    let of = if after.is_null() { request } else { after };
    let (schema, main, status) = kinds.of(of);
    let reset = if text("subresource") == "status" { &status } else { &main };
    let kind = KindRules { schema, reset, convert: &autoscaling };
    let (manager, subresource) = (text("manager"), text("subresource"));
    let object = if text("verb") == "apply" {
        let force = step["force"] == true;
        let apply =
            ApplyRequest { live: before, config: request, manager, force, subresource, kind, now: NOW };
        match ssa::apply(&apply) {
            Ok(outcome) => outcome.object,
            Err(error) => return same_error(&error, &step["error"]),
        }
    } else {
        let mut new = after.clone();
        let metadata = new["metadata"].as_object_mut().unwrap();
        match request["metadata"].get("managedFields") {
            Some(sent) => drop(metadata.insert("managedFields".into(), sent.clone())),
            None => drop(metadata.shift_remove("managedFields")),
        }
        ssa::track_update(&UpdateRequest { old: before, manager, subresource, kind, now: NOW }, &mut new);
        new
    };
    if after.is_null() {
        return Err(format!("should fail: {}", step["error"]));
    }
    let (ours, theirs) = (owners(&object, before), owners(after, before));
    if ours != theirs {
        let lines = |owners: Vec<String>| owners.join("\n         ");
        return Err(format!("owners\n  ours   {}\n  theirs {}", lines(ours), lines(theirs)));
    }
    // What a status write may not change, and what Secrets do with stringData, is the server's own business.
    let is_whole = subresource.is_empty() && object.get("stringData").is_none();
    if before.is_some() && is_whole && !is_within(&body(&object), &body(after)) {
        return Err(format!("object\n  ours   {}\n  theirs {}", body(&object), body(after)));
    }
    Ok(())
}

/// The recording's autoscalers at the other version: the target that v1 has is a metric in v2.
fn autoscaling<'a>(object: &Value, version: &str) -> Option<(Value, TypeRef<'a>)> {
    let gvk = GroupVersionKind::from_api_version(version, object["kind"].as_str()?);
    let schema = Schemas::builtin().root(&gvk)?;
    let mut object = object.clone();
    object["apiVersion"] = version.into();
    let spec = object["spec"].as_object_mut()?;
    if version == "autoscaling/v1" {
        if let Some(metrics) = spec.shift_remove("metrics") {
            let target = metrics[0]["resource"]["target"]["averageUtilization"].clone();
            spec.insert("targetCPUUtilizationPercentage".into(), target);
        }
    } else if let Some(target) = spec.shift_remove("targetCPUUtilizationPercentage") {
        let metric = json!({"type": "Resource", "resource": {
            "name": "cpu", "target": {"type": "Utilization", "averageUtilization": target}}});
        spec.insert("metrics".into(), json!([metric]));
    }
    Some((object, schema))
}

fn same_error(error: &ApplyError, expected: &Value) -> Result<(), String> {
    let (code, reason) = match error {
        ApplyError::Conflict(_) => (409, json!("Conflict")),
        ApplyError::BadRequest(_) => (400, json!("BadRequest")),
        ApplyError::BadType(_) => (500, Value::Null),
    };
    let ours = json!({"code": code, "reason": reason, "message": error.to_string()});
    let theirs =
        json!({"code": expected["code"], "reason": expected["reason"], "message": expected["message"]});
    if ours == theirs { Ok(()) } else { Err(format!("error\n  ours   {ours}\n  theirs {theirs}")) }
}

/// An object without what the server itself writes.
pub(crate) fn body(object: &Value) -> Value {
    let mut object = object.clone();
    for field in ["managedFields", "resourceVersion", "generation", "creationTimestamp"] {
        object["metadata"].as_object_mut().unwrap().shift_remove(field);
    }
    object.as_object_mut().unwrap().shift_remove("status");
    object
}

/// True when theirs is ours plus fields, which the server defaults. Items and their order must be the same.
pub(crate) fn is_within(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.iter().all(|(key, value)| theirs.get(key).is_some_and(|other| is_within(value, other)))
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| is_within(a, b))
        }
        (a, b) => a == b,
    }
}
