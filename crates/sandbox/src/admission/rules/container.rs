//! The rules of one container.

use super::{is_empty, label, list, not_negative, port_number};
use crate::field::FieldError;
use holdfast_merge::quantity::Quantity;
use serde_json::Value;
use std::collections::HashSet;

/// The actions of probes and of hooks, with what each needs.
const HANDLERS: [&str; 5] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];

/// What a container breaks; `volumes` are the names that it may mount.
pub(super) fn check(container: &Value, field: &str, volumes: &HashSet<&str>, errors: &mut Vec<FieldError>) {
    match container["image"].as_str().unwrap_or_default() {
        "" => errors.push(FieldError::required(&format!("{field}.image"), "")),
        image if image.trim() != image => {
            let why = "must not have leading or trailing whitespace";
            errors.push(FieldError::invalid_text(&format!("{field}.image"), image, why));
        }
        _ => {}
    }
    check_ports(&container["ports"], field, errors);
    check_environment(container, field, errors);
    check_mounts(&container["volumeMounts"], field, volumes, errors);
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if !container[probe].is_null() {
            check_probe(&container[probe], &format!("{field}.{probe}"), probe != "readinessProbe", errors);
        }
    }
    for hook in ["postStart", "preStop"] {
        if !container["lifecycle"][hook].is_null() {
            check_handler(&container["lifecycle"][hook], &format!("{field}.lifecycle.{hook}"), errors);
        }
    }
    let policy = &container["terminationMessagePolicy"];
    if !matches!(policy.as_str(), None | Some("File" | "FallbackToLogsOnError")) {
        let supported = ["File", "FallbackToLogsOnError"];
        errors.push(FieldError::not_supported(
            &format!("{field}.terminationMessagePolicy"),
            policy,
            &supported,
        ));
    }
    let policy = &container["imagePullPolicy"];
    if !matches!(policy.as_str(), Some("Always" | "IfNotPresent" | "Never")) {
        let supported = ["Always", "IfNotPresent", "Never"];
        errors.push(FieldError::not_supported(&format!("{field}.imagePullPolicy"), policy, &supported));
    }
    check_resources(&container["resources"], &format!("{field}.resources"), errors);
    for id in ["runAsUser", "runAsGroup"] {
        let value = &container["securityContext"][id];
        if value.as_i64().is_some_and(|id| !(0..=2_147_483_647).contains(&id)) {
            let why = "must be between 0 and 2147483647, inclusive";
            errors.push(FieldError::invalid(&format!("{field}.securityContext.{id}"), value, why));
        }
    }
}

/// What is wrong with the name of a port (an IANA service name).
pub(super) fn port_name_problems(name: &str) -> Vec<&'static str> {
    let mut problems = Vec::new();
    if name.len() > 15 {
        problems.push("must be no more than 15 characters");
    }
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !name.bytes().any(|b| b.is_ascii_lowercase()) {
        problems.push("must contain at least one letter (a-z)");
    }
    if name.contains("--") {
        problems.push("must not contain consecutive hyphens");
    }
    if name.starts_with('-') || name.ends_with('-') {
        problems.push("must not begin or end with a hyphen");
    }
    problems
}

fn check_ports(ports: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let mut names = HashSet::new();
    for (index, port) in list(ports).enumerate() {
        let place = format!("{field}.ports[{index}]");
        if let Some(name) = port["name"].as_str().filter(|name| !name.is_empty()) {
            // Where the original finds several problems with a name it tells the first.
            match port_name_problems(name).first() {
                Some(problem) => {
                    errors.push(FieldError::invalid_text(&format!("{place}.name"), name, *problem))
                }
                None if !names.insert(name) => {
                    errors.push(FieldError::duplicate(&format!("{place}.name"), &name.into()));
                }
                None => {}
            }
        }
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
}

/// The kinds of sources of one variable.
const SOURCES: [&str; 5] = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];

fn check_environment(container: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (index, variable) in list(&container["env"]).enumerate() {
        let place = format!("{field}.env[{index}]");
        if is_empty(&variable["name"]) {
            errors.push(FieldError::required(&format!("{place}.name"), ""));
        }
        let from = &variable["valueFrom"];
        if from.is_null() {
            continue;
        }
        let place = format!("{place}.valueFrom");
        if !is_empty(&variable["value"]) {
            let why = "may not be specified when `value` is not empty";
            errors.push(FieldError::invalid_as(&place, "\"\"", why));
        }
        if SOURCES.iter().all(|source| from[*source].is_null()) {
            let why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
            errors.push(FieldError::invalid_as(&place, "\"\"", why));
        }
        for source in ["configMapKeyRef", "secretKeyRef"] {
            if !from[source].is_null() && is_empty(&from[source]["key"]) {
                errors.push(FieldError::required(&format!("{place}.{source}.key"), ""));
            }
        }
    }
    for source in list(&container["envFrom"]) {
        if source["configMapRef"].is_null() && source["secretRef"].is_null() {
            let why = "must specify one of: `configMapRef` or `secretRef`";
            errors.push(FieldError::invalid_as(&format!("{field}.envFrom"), "\"\"", why));
        }
    }
}

fn check_mounts(mounts: &Value, field: &str, volumes: &HashSet<&str>, errors: &mut Vec<FieldError>) {
    let mut paths = HashSet::new();
    for (index, mount) in list(mounts).enumerate() {
        let place = format!("{field}.volumeMounts[{index}]");
        let name = mount["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            errors.push(FieldError::required(&format!("{place}.name"), ""));
        } else if !volumes.contains(name) {
            errors.push(FieldError::not_found(&format!("{place}.name"), &name.into()));
        }
        match mount["mountPath"].as_str().unwrap_or_default() {
            "" => errors.push(FieldError::required(&format!("{place}.mountPath"), "")),
            path if !paths.insert(path) => {
                errors.push(FieldError::invalid_text(&format!("{place}.mountPath"), path, "must be unique"));
            }
            _ => {}
        }
        if let Some(path) = mount["subPath"].as_str().filter(|path| path.split('/').any(|part| part == ".."))
        {
            let why = "must not contain '..'";
            errors.push(FieldError::invalid_text(&format!("{field}.volumeMounts.subPath"), path, why));
        }
    }
}

fn check_probe(probe: &Value, field: &str, succeeds_once: bool, errors: &mut Vec<FieldError>) {
    check_handler(probe, field, errors);
    for key in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        not_negative(&probe[key], &format!("{field}.{key}"), errors);
    }
    let threshold = &probe["successThreshold"];
    if succeeds_once && threshold.as_i64().is_some_and(|n| n != 1) {
        errors.push(FieldError::invalid(&format!("{field}.successThreshold"), threshold, "must be 1"));
    }
}

/// Exactly one action.
fn check_handler(handler: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let given: Vec<&str> = HANDLERS.into_iter().filter(|kind| !handler[*kind].is_null()).collect();
    if given.is_empty() {
        errors.push(FieldError::required(field, "must specify a handler type"));
    }
    for kind in given.iter().skip(1) {
        let why = "may not specify more than 1 handler type";
        errors.push(FieldError::forbidden(&format!("{field}.{kind}"), why));
    }
    if let Some(kind @ ("httpGet" | "tcpSocket")) = given.first().copied() {
        let port = &handler[kind]["port"];
        let place = format!("{field}.{kind}.port");
        match port.as_str() {
            None => port_number(port, &place, errors),
            Some(name) => {
                if let Some(problem) = port_name_problems(name).first() {
                    errors.push(FieldError::invalid_text(&place, name, *problem));
                }
            }
        }
    }
}

/// Amounts are not negative, named as resources are, and nobody may ask for more than the limit.
fn check_resources(resources: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let amount = |value: &Value| value.as_str().and_then(|text| text.parse::<Quantity>().ok());
    for part in ["limits", "requests"] {
        for (name, value) in resources[part].as_object().into_iter().flatten() {
            let place = format!("{field}.{part}[{name}]");
            if value.as_str().is_some_and(|text| text.starts_with('-')) {
                errors.push(FieldError::invalid(&place, value, "must be greater than or equal to 0"));
            }
            let standard = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage")
                || name.starts_with("hugepages-");
            if !standard && !name.contains('/') {
                for why in [
                    "must be a standard resource type or fully qualified",
                    "must be a standard resource for containers",
                ] {
                    errors.push(FieldError::invalid(&place, &name.as_str().into(), why));
                }
            }
            if name.contains('/') && value.as_str().is_some_and(|text| text.ends_with('m')) {
                errors.push(FieldError::invalid(&place, value, "must be an integer"));
            }
        }
    }
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

/// A container's name: a label, used once.
pub(super) fn check_name<'v>(
    container: &'v Value,
    field: &str,
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
}
