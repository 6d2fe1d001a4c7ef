use super::{is_empty, label, port_number};
use crate::field::FieldError;
use holdfast_merge::quantity::Quantity;
use serde_json::Value;
use std::collections::HashSet;

/// The rules of a pod's spec, alone or in a template.
pub(super) fn check_spec(spec: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let volumes = names(&spec["volumes"], &format!("{field}.volumes"), errors);
    let containers = format!("{field}.containers");
    if is_empty(&spec["containers"]) {
        errors.push(FieldError::required(&containers, ""));
    }
    for (key, place) in [("initContainers", format!("{field}.initContainers")), ("containers", containers)] {
        let mut seen = HashSet::new();
        for (index, container) in spec[key].as_array().into_iter().flatten().enumerate() {
            check_container(container, &format!("{place}[{index}]"), &volumes, &mut seen, errors);
        }
    }
    let policy = &spec["restartPolicy"];
    if !matches!(policy.as_str(), Some("Always" | "OnFailure" | "Never")) && !spec.is_null() {
        let supported = ["Always", "OnFailure", "Never"];
        errors.push(FieldError::not_supported(&format!("{field}.restartPolicy"), policy, &supported));
    }
}

/// The names of a list, each a label and used once.
fn names<'v>(list: &'v Value, field: &str, errors: &mut Vec<FieldError>) -> HashSet<&'v str> {
    let mut seen = HashSet::new();
    for (index, item) in list.as_array().into_iter().flatten().enumerate() {
        let place = format!("{field}[{index}].name");
        match item["name"].as_str().unwrap_or_default() {
            "" => errors.push(FieldError::required(&place, "")),
            name => {
                label(name, &place, errors);
                if !seen.insert(name) {
                    errors.push(FieldError::duplicate(&place, &name.into()));
                }
            }
        }
    }
    seen
}

fn check_container<'v>(
    container: &'v Value,
    field: &str,
    volumes: &HashSet<&str>,
    seen: &mut HashSet<&'v str>,
    errors: &mut Vec<FieldError>,
) {
    match container["name"].as_str().unwrap_or_default() {
        "" => errors.push(FieldError::required(&format!("{field}.name"), "")),
        name => {
            label(name, &format!("{field}.name"), errors);
            if !seen.insert(name) {
                errors.push(FieldError::duplicate(&format!("{field}.name"), &name.into()));
            }
        }
    }
    if is_empty(&container["image"]) {
        errors.push(FieldError::required(&format!("{field}.image"), ""));
    }
    for (index, port) in container["ports"].as_array().into_iter().flatten().enumerate() {
        let place = format!("{field}.ports[{index}]");
        match port["containerPort"].as_i64() {
            None | Some(0) => errors.push(FieldError::required(&format!("{place}.containerPort"), "")),
            Some(_) => port_number(&port["containerPort"], &format!("{place}.containerPort"), errors),
        }
        if !matches!(port["protocol"].as_str(), Some("TCP" | "UDP" | "SCTP")) {
            let supported = ["SCTP", "TCP", "UDP"];
            errors.push(FieldError::not_supported(
                &format!("{place}.protocol"),
                &port["protocol"],
                &supported,
            ));
        }
    }
    for (index, variable) in container["env"].as_array().into_iter().flatten().enumerate() {
        let place = format!("{field}.env[{index}]");
        if is_empty(&variable["name"]) {
            errors.push(FieldError::required(&format!("{place}.name"), ""));
        }
        if !is_empty(&variable["value"]) && !variable["valueFrom"].is_null() {
            let why = "may not be specified when `value` is not empty";
            errors.push(FieldError::invalid_as(&format!("{place}.valueFrom"), "\"\"", why));
        }
    }
    for (index, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
        let place = format!("{field}.volumeMounts[{index}]");
        let name = mount["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            errors.push(FieldError::required(&format!("{place}.name"), ""));
        } else if !volumes.contains(name) {
            errors.push(FieldError::not_found(&format!("{place}.name"), &name.into()));
        }
        if is_empty(&mount["mountPath"]) {
            errors.push(FieldError::required(&format!("{place}.mountPath"), ""));
        }
    }
    let policy = &container["imagePullPolicy"];
    if !matches!(policy.as_str(), Some("Always" | "IfNotPresent" | "Never")) {
        let supported = ["Always", "IfNotPresent", "Never"];
        errors.push(FieldError::not_supported(&format!("{field}.imagePullPolicy"), policy, &supported));
    }
    check_resources(&container["resources"], &format!("{field}.resources"), errors);
}

/// Nobody may ask for more than the limit.
fn check_resources(resources: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let amount = |value: &Value| value.as_str().and_then(|text| text.parse::<Quantity>().ok());
    for (name, requested) in resources["requests"].as_object().into_iter().flatten() {
        let limit = &resources["limits"][name];
        if let (Some(wanted), Some(most)) = (amount(requested), amount(limit))
            && wanted > most
        {
            let why = format!(
                "must be less than or equal to {name} limit of {}",
                limit.as_str().unwrap_or_default()
            );
            errors.push(FieldError::invalid(&format!("{field}.requests"), requested, why));
        }
    }
}
