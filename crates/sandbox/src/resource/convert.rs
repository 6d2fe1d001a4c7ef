//! Resources whose versions differ in more than their name: an object is stored in one form and shown in another.
//!
//! Custom resources convert by name only (strategy `None`), and so do all other built-in kinds.

use serde_json::{Map, Value, json};

/// How a version's objects differ from the stored ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// `autoscaling/v1`, stored as `v2`.
    AutoscalerV1,
    /// `events.k8s.io/v1`, stored as the core group's.
    EventsV1,
}

impl Conversion {
    /// The conversion of a resource at a version, `None` where it is shown as it is stored.
    pub(super) fn of(group: &str, version: &str, plural: &str) -> Option<Self> {
        match (group, version, plural) {
            ("autoscaling", "v1", "horizontalpodautoscalers") => Some(Self::AutoscalerV1),
            ("events.k8s.io", "v1", "events") => Some(Self::EventsV1),
            _ => None,
        }
    }

    /// Turns what is stored into what this version shows.
    pub(crate) fn show(self, object: &mut Value) {
        match self {
            Self::AutoscalerV1 => show_autoscaler(object),
            Self::EventsV1 => rename(object, EVENT_FIELDS, true),
        }
    }

    /// Turns what this version wrote into what is stored.
    pub(crate) fn store(self, object: &mut Value) {
        match self {
            Self::AutoscalerV1 => store_autoscaler(object),
            Self::EventsV1 => rename(object, EVENT_FIELDS, false),
        }
    }
}

/// The fields of an Event in the core group and in its own.
const EVENT_FIELDS: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

fn rename(object: &mut Value, fields: &[(&str, &str)], forward: bool) {
    let Some(map) = object.as_object_mut() else { return };
    let renamed = |key: String| {
        let found = fields.iter().find(|(a, b)| key == if forward { *a } else { *b });
        found.map_or(key, |(a, b)| (if forward { *b } else { *a }).to_owned())
    };
    *map = std::mem::take(map).into_iter().map(|(key, value)| (renamed(key), value)).collect();
}

/// Where `autoscaling/v1` keeps what it has no fields for: annotation, section of the object, field.
const ANNOTATIONS: &[(&str, &str, &str)] = &[
    ("autoscaling.alpha.kubernetes.io/metrics", "spec", "metrics"),
    ("autoscaling.alpha.kubernetes.io/behavior", "spec", "behavior"),
    ("autoscaling.alpha.kubernetes.io/current-metrics", "status", "currentMetrics"),
    ("autoscaling.alpha.kubernetes.io/conditions", "status", "conditions"),
];

/// The kinds of metrics with the place of the field that v1 writes flat.
const METRICS: &[&str] = &["resource", "pods", "object", "external", "containerResource"];

fn is_cpu(metric: &Value, side: &str) -> bool {
    metric["type"] == "Resource"
        && metric["resource"]["name"] == "cpu"
        && metric["resource"][side]["averageUtilization"].is_number()
}

fn take(object: &mut Value, section: &str, field: &str) -> Option<Value> {
    let map = object.get_mut(section)?.as_object_mut()?;
    map.shift_remove(field).filter(|value| !value.is_null())
}

fn show_autoscaler(object: &mut Value) {
    let mut annotations = Map::new();
    for (section, field, side, flat) in [
        ("spec", "metrics", "target", "targetCPUUtilizationPercentage"),
        ("status", "currentMetrics", "current", "currentCPUUtilizationPercentage"),
    ] {
        let Some(Value::Array(mut metrics)) = take(object, section, field) else { continue };
        if let Some(at) = metrics.iter().position(|metric| is_cpu(metric, side)) {
            let cpu = metrics.remove(at);
            object[section][flat] = cpu["resource"][side]["averageUtilization"].clone();
        }
        if !metrics.is_empty() {
            let metrics: Vec<Value> = metrics.iter().map(|metric| flat_metric(metric, side)).collect();
            if let Some((annotation, ..)) = ANNOTATIONS.iter().find(|(_, _, f)| *f == field) {
                annotations.insert((*annotation).to_owned(), Value::from(metrics).to_string().into());
            }
        }
    }
    for (annotation, section, field) in
        ANNOTATIONS.iter().filter(|(_, _, f)| matches!(*f, "behavior" | "conditions"))
    {
        if let Some(value) = take(object, section, field) {
            annotations.insert((*annotation).to_owned(), value.to_string().into());
        }
    }
    for (annotation, text) in annotations {
        object["metadata"]["annotations"][annotation] = text;
    }
}

fn store_autoscaler(object: &mut Value) {
    let mut parts: Vec<(&str, &str, Value)> = Vec::new();
    if let Some(annotations) = object["metadata"].get_mut("annotations").and_then(Value::as_object_mut) {
        for (annotation, section, field) in ANNOTATIONS {
            let text = annotations.shift_remove(*annotation);
            let value =
                text.as_ref().and_then(Value::as_str).and_then(|text| serde_json::from_str(text).ok());
            if let Some(value) = value {
                parts.push((section, field, value));
            }
        }
        if annotations.is_empty()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.shift_remove("annotations");
        }
    }
    for (section, field, value) in parts {
        let side = if section == "spec" { "target" } else { "current" };
        object[section][field] = match value {
            Value::Array(metrics) if field != "conditions" => {
                metrics.iter().map(|metric| deep_metric(metric, side)).collect()
            }
            other => other,
        };
    }
    for (section, field, side, flat) in [
        ("spec", "metrics", "target", "targetCPUUtilizationPercentage"),
        ("status", "currentMetrics", "current", "currentCPUUtilizationPercentage"),
    ] {
        let Some(percent) = take(object, section, flat) else { continue };
        let mut values = json!({"averageUtilization": percent});
        if side == "target" {
            values["type"] = "Utilization".into();
        }
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu", side: values}});
        let mut metrics = vec![cpu];
        metrics.extend(object[section][field].as_array().cloned().unwrap_or_default());
        object[section][field] = metrics.into();
    }
}

/// `(v1's field, v2's field)` of a target or a current value.
fn flat_name(kind: &str, side: &str, deep: &str) -> Option<&'static str> {
    Some(match (kind, side, deep) {
        ("resource" | "containerResource", "target", "averageUtilization") => "targetAverageUtilization",
        ("resource" | "containerResource" | "pods" | "external", "target", "averageValue") => {
            "targetAverageValue"
        }
        ("resource" | "containerResource", "current", "averageUtilization") => "currentAverageUtilization",
        ("resource" | "containerResource" | "pods" | "external", "current", "averageValue") => {
            "currentAverageValue"
        }
        ("external" | "object", "target", "value") => "targetValue",
        ("external" | "object", "current", "value") => "currentValue",
        ("object", _, "averageValue") => "averageValue",
        _ => return None,
    })
}

const DEEP: [&str; 3] = ["averageUtilization", "averageValue", "value"];

/// A metric of v2 as v1's annotation has it.
fn flat_metric(metric: &Value, side: &str) -> Value {
    let mut out = json!({"type": metric["type"]});
    for kind in METRICS.iter().filter(|kind| metric[**kind].is_object()) {
        let source = &metric[*kind];
        let mut flat = Map::new();
        for (key, value) in source.as_object().into_iter().flatten() {
            match key.as_str() {
                "metric" => {
                    flat.insert("metricName".into(), value["name"].clone());
                    if let Some(selector) = value.get("selector") {
                        let key = if *kind == "external" { "metricSelector" } else { "selector" };
                        flat.insert(key.into(), selector.clone());
                    }
                }
                "describedObject" => {
                    flat.insert("target".into(), value.clone());
                }
                key if key == side => {
                    for deep in DEEP {
                        if let (Some(name), Some(value)) = (flat_name(kind, side, deep), value.get(deep)) {
                            flat.insert(name.into(), value.clone());
                        }
                    }
                }
                _ => {
                    flat.insert(key.clone(), value.clone());
                }
            }
        }
        out[*kind] = Value::Object(flat);
    }
    out
}

/// The way back.
fn deep_metric(metric: &Value, side: &str) -> Value {
    let mut out = json!({"type": metric["type"]});
    for kind in METRICS.iter().filter(|kind| metric[**kind].is_object()) {
        let mut deep = Map::new();
        let mut values = Map::new();
        for (key, value) in metric[*kind].as_object().into_iter().flatten() {
            let name = DEEP.iter().find(|deep| flat_name(kind, side, deep) == Some(key.as_str()));
            match (key.as_str(), name) {
                (_, Some(name)) => {
                    values.insert((*name).to_owned(), value.clone());
                }
                ("metricName", _) => {
                    deep.entry("metric").or_insert_with(|| json!({}))["name"] = value.clone();
                }
                ("selector" | "metricSelector", _) => {
                    deep.entry("metric").or_insert_with(|| json!({}))["selector"] = value.clone();
                }
                ("target", _) => {
                    deep.insert("describedObject".into(), value.clone());
                }
                (key, _) => {
                    deep.insert(key.to_owned(), value.clone());
                }
            }
        }
        if side == "target" {
            let kind = match values.keys().map(String::as_str).next() {
                Some("averageUtilization") => "Utilization",
                Some("value") => "Value",
                _ => "AverageValue",
            };
            values.insert("type".into(), kind.into());
        }
        deep.insert(side.to_owned(), Value::Object(values));
        out[*kind] = Value::Object(deep);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_v1_cannot_say_survives_it() {
        let stored = json!({
            "metadata": {"name": "a", "annotations": {"own": "x"}},
            "spec": {"maxReplicas": 3, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 1}}, "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 60, "type": "Utilization"}}},
                {"type": "Resource", "resource": {"name": "memory", "target": {"averageValue": "1Gi", "type": "AverageValue"}}},
                {"type": "Pods", "pods": {"metric": {"name": "q"}, "target": {"averageValue": "5", "type": "AverageValue"}}},
            ]},
        });
        let mut object = stored.clone();
        Conversion::AutoscalerV1.show(&mut object);
        assert_eq!(object["spec"], json!({"maxReplicas": 3, "targetCPUUtilizationPercentage": 60}));
        assert_eq!(
            object["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"],
            r#"[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}},{"type":"Pods","pods":{"metricName":"q","targetAverageValue":"5"}}]"#
        );
        Conversion::AutoscalerV1.store(&mut object);
        assert_eq!(object, stored);
    }

    #[test]
    fn an_event_has_two_names_for_its_fields() {
        let stored = json!({"involvedObject": {"name": "p"}, "message": "m", "reason": "r", "count": 2});
        let mut object = stored.clone();
        Conversion::EventsV1.show(&mut object);
        assert_eq!(
            object,
            json!({"regarding": {"name": "p"}, "note": "m", "reason": "r", "deprecatedCount": 2})
        );
        Conversion::EventsV1.store(&mut object);
        assert_eq!(object, stored);
    }
}
