use super::difference::{differences, is_empty_value, is_part_of};
use super::refill::refill;
use super::{Defaults, Difference, DifferenceKind};
use crate::canonical::canonicalize;
use crate::json_merge;
use crate::json_patch;
use crate::managers::Managers;
use crate::normal::normalize;
use crate::ssa::ANNOTATION_LAST_APPLIED;
use crate::strategic::{self, PatchError};
use crate::typed;
use holdfast_object::GroupVersionKind;
use holdfast_object::schema::{Schemas, TypeRef};
use serde_json::{Map, Value};

/// What to compare.
#[derive(Clone, Copy)]
pub struct ArgocdRequest<'a> {
    /// The object as rendered.
    pub desired: &'a Value,
    /// The live object.
    pub live: &'a Value,
    /// JSON pointers to what does not count, on both sides. `/status` is for the caller to add.
    pub ignore: &'a [String],
    /// The manager that applies; others are named as those who took a field.
    pub manager: &'a str,
    /// The kind's defaulting, for built-in kinds.
    pub defaults: Option<&'a Defaults<'a>>,
}

/// A comparison under Argo CD's rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// What an apply would change.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// True when the object is out of sync.
    pub fn modified(&self) -> bool {
        !self.differences.is_empty()
    }
}

/// Compares under Argo CD's rule: the patch between what was applied last (the annotation), what is wanted and what
/// is live, laid over the live object; what it changes is a difference. Built-in kinds merge strategically, others
/// as JSON. Without the annotation, what is wanted stands for what was applied last.
pub fn argocd(request: &ArgocdRequest<'_>) -> Comparison {
    let prepare = |object: &Value| {
        let mut object = object.clone();
        normalize(&mut object);
        request.ignore.iter().for_each(|pointer| json_patch::remove(&mut object, pointer));
        object
    };
    let (desired, live) = (prepare(request.desired), prepare(request.live));
    let text = |field: &str| live[field].as_str().unwrap_or_default();
    let gvk = GroupVersionKind::from_api_version(text("apiVersion"), text("kind"));
    let schema = Schemas::builtin().root(&gvk);
    let last = last_applied(&live).map(|last| prepare(&last));
    let (last, desired) =
        (without_namespace(last.unwrap_or_else(|| desired.clone())), without_namespace(desired));
    // Nothing to change and nothing to remove: most objects are so.
    if last == desired && typed::covers(&live, &desired, schema.unwrap_or(TypeRef::untyped())) {
        return Comparison { differences: Vec::new() };
    }
    let predicted = match schema {
        Some(schema) => predict_strategic(&last, &desired, &live, schema, request.defaults)
            .or_else(|_| predict_strategic(&desired, &desired, &live, schema, request.defaults)),
        None => Ok(predict_json(&last, &desired, &live)),
    };
    // A patch that cannot be made (an item without its key) is left to the apply, which will say so.
    let predicted = predicted.unwrap_or_else(|_| desired.clone());
    let managers = Managers::of(request.live).unwrap_or_default();
    let ty = schema.unwrap_or(TypeRef::untyped());
    let (mut live_part, mut new_part) = (live, predicted);
    for part in [&mut live_part, &mut new_part] {
        if let Some(metadata) = part.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.shift_remove("managedFields");
        }
    }
    let mut found = differences(&live_part, &new_part, ty, &managers, request.manager);
    found.retain(|difference| !is_server_form(difference, &last, &desired, schema.is_some()));
    Comparison { differences: found }
}

/// True when a difference is only how the server writes what was applied: empty values left out, and defaults inside
/// of lists that are replaced whole, where Git has not changed since the last apply.
fn is_server_form(difference: &Difference, last: &Value, desired: &Value, compiled: bool) -> bool {
    match (difference.kind, &difference.desired, &difference.live) {
        (DifferenceKind::Missing, Some(wanted), None) => compiled && is_empty_value(wanted),
        (DifferenceKind::Changed, Some(wanted @ (Value::Array(_) | Value::Object(_))), Some(live)) => {
            let unchanged = difference.path.find(last) == difference.path.find(desired);
            compiled && unchanged && is_part_of(wanted, live)
        }
        _ => false,
    }
}

fn last_applied(live: &Value) -> Option<Value> {
    let text = live["metadata"]["annotations"][ANNOTATION_LAST_APPLIED].as_str()?;
    serde_json::from_str(text).ok().filter(Value::is_object)
}

/// Live objects have a namespace, rendered ones may not; and an empty map of annotations is none.
fn without_namespace(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("namespace");
        if metadata
            .get("annotations")
            .is_some_and(|a| a.is_null() || a.as_object().is_some_and(Map::is_empty))
        {
            metadata.shift_remove("annotations");
        }
    }
    object
}

fn predict_strategic(
    last: &Value,
    desired: &Value,
    live: &Value,
    schema: TypeRef<'_>,
    defaults: Option<&Defaults<'_>>,
) -> Result<Value, PatchError> {
    let mut current = live.clone();
    if live["kind"] == "StatefulSet"
        && let (Some(applied), Some(claims)) =
            (last["spec"].get("volumeClaimTemplates"), current["spec"].get_mut("volumeClaimTemplates"))
    {
        // The claims inside hold defaults that nobody else computes.
        *claims = common_fields(applied, claims);
    }
    let patch = strategic::three_way(last, desired, &current, schema, true)?;
    let mut predicted = strategic::apply(live, &patch, schema)?;
    refill(&mut predicted);
    if let Some(defaults) = defaults {
        defaults(&mut predicted);
    }
    canonicalize(&mut predicted, schema);
    Ok(predicted)
}

fn predict_json(last: &Value, desired: &Value, live: &Value) -> Value {
    let nothing = Map::new();
    let map = |value: &'_ Value| value.as_object().unwrap_or(&nothing).clone();
    let current = common_fields(last, live);
    let patch = json_merge::three_way(&map(last), &map(desired), &map(&current));
    json_merge::apply(live, &Value::Object(patch))
}

/// The live value without the fields that the applied one does not have; items beyond the applied ones stay.
fn common_fields(applied: &Value, live: &Value) -> Value {
    match (applied, live) {
        (Value::Object(applied), Value::Object(live)) => applied
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), common_fields(value, live.get(key)?))))
            .collect(),
        (Value::Array(applied), Value::Array(live)) => live
            .iter()
            .enumerate()
            .map(|(index, item)| applied.get(index).map_or_else(|| item.clone(), |a| common_fields(a, item)))
            .collect(),
        (_, live) => live.clone(),
    }
}
