use super::container;
use super::{is_empty, label, list};
use crate::field::FieldError;
use crate::names::label_key_problem;
use serde_json::Value;
use std::collections::HashSet;

/// The rules of a pod's spec, alone or in a template.
pub(super) fn check_spec(spec: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let volumes = names(&spec["volumes"], &format!("{field}.volumes"), errors);
    for (index, volume) in list(&spec["volumes"]).enumerate() {
        check_volume(volume, &format!("{field}.volumes[{index}]"), errors);
    }
    check_containers(spec, field, &volumes, errors);
    let policy = &spec["restartPolicy"];
    if !matches!(policy.as_str(), Some("Always" | "OnFailure" | "Never")) && !spec.is_null() {
        let supported = ["Always", "OnFailure", "Never"];
        errors.push(FieldError::not_supported(&format!("{field}.restartPolicy"), policy, &supported));
    }
    check_dns(spec, field, errors);
    check_placement(spec, field, errors);
    let deadline = &spec["activeDeadlineSeconds"];
    if deadline.as_i64().is_some_and(|n| !(1..=2_147_483_647).contains(&n)) {
        let why = "must be between 1 and 2147483647, inclusive";
        errors.push(FieldError::invalid(&format!("{field}.activeDeadlineSeconds"), deadline, why));
    }
    if let Some(name) = spec["hostname"].as_str().filter(|name| !name.is_empty()) {
        label(name, &format!("{field}.hostname"), errors);
    }
}

/// Of a pod that is there only a few fields change; the scheduler's `nodeName` once.
pub(super) fn check_change(old: &Value, new: &Value, errors: &mut Vec<FieldError>) {
    let fixed = |spec: &Value| {
        let mut spec = spec.clone();
        if let Some(map) = spec.as_object_mut() {
            for key in [
                "activeDeadlineSeconds",
                "tolerations",
                "ephemeralContainers",
                "terminationGracePeriodSeconds",
            ] {
                map.shift_remove(key);
            }
            if old["nodeName"].is_null() {
                map.shift_remove("nodeName");
            }
        }
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                for key in ["image", "resources"] {
                    container[key] = Value::Null;
                }
            }
        }
        spec
    };
    if fixed(old) != fixed(new) {
        let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        errors.push(FieldError::forbidden("spec", why));
    }
}

fn check_containers(spec: &Value, field: &str, volumes: &HashSet<&str>, errors: &mut Vec<FieldError>) {
    let containers = format!("{field}.containers");
    if is_empty(&spec["containers"]) {
        errors.push(FieldError::required(&containers, ""));
    }
    let mut seen = HashSet::new();
    for (index, one) in list(&spec["containers"]).enumerate() {
        let place = format!("{containers}[{index}]");
        container::check_name(one, &place, &mut seen, errors);
        container::check(one, &place, volumes, errors);
        if spec["hostNetwork"] == true {
            check_host_ports(one, &place, errors);
        }
    }
    for (index, one) in list(&spec["initContainers"]).enumerate() {
        let place = format!("{field}.initContainers[{index}]");
        container::check_name(one, &place, &mut seen, errors);
        container::check(one, &place, volumes, errors);
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            if !one[probe].is_null() && one["restartPolicy"] != "Always" {
                let why = "may not be set for init containers without restartPolicy=Always";
                errors.push(FieldError::forbidden(&format!("{place}.{probe}"), why));
            }
        }
    }
}

/// On the node's network a port is the node's.
fn check_host_ports(container: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (index, port) in list(&container["ports"]).enumerate() {
        let host = &port["hostPort"];
        if host.as_i64().is_some_and(|n| n != 0) && *host != port["containerPort"] {
            let why = "must match `containerPort` when `hostNetwork` is true";
            errors.push(FieldError::invalid(&format!("{field}.ports[{index}].hostPort"), host, why));
        }
    }
}

fn check_dns(spec: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let policy = &spec["dnsPolicy"];
    let supported = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    match policy.as_str() {
        None => {}
        Some("None") if spec["dnsConfig"].is_null() => {
            let why = "must provide `dnsConfig` when `dnsPolicy` is None";
            errors.push(FieldError::required(&format!("{field}.dnsConfig"), why));
        }
        Some(policy) if supported.contains(&policy) => {}
        Some(_) => errors.push(FieldError::not_supported(&format!("{field}.dnsPolicy"), policy, &supported)),
    }
}

/// Where the pod may run.
fn check_placement(spec: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (key, _) in spec["nodeSelector"].as_object().into_iter().flatten() {
        if let Some(problem) = label_key_problem(key) {
            errors.push(FieldError::invalid_text(&format!("{field}.nodeSelector"), key, problem));
        }
    }
    for (index, toleration) in list(&spec["tolerations"]).enumerate() {
        let place = format!("{field}.tolerations[{index}]");
        if toleration["operator"] == "Exists" && !is_empty(&toleration["value"]) {
            let why = "value must be empty when `operator` is 'Exists'";
            errors.push(FieldError::invalid(&format!("{place}.operator"), &toleration["value"], why));
        }
        if !toleration["tolerationSeconds"].is_null() && toleration["effect"] != "NoExecute" {
            let effect = toleration["effect"].as_str().unwrap_or_default();
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(FieldError::invalid_text(&format!("{place}.effect"), effect, why));
        }
    }
    for (index, constraint) in list(&spec["topologySpreadConstraints"]).enumerate() {
        check_spread(constraint, &format!("{field}.topologySpreadConstraints[{index}]"), errors);
    }
    let required = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    if !required.is_null() && is_empty(&required["nodeSelectorTerms"]) {
        let place = format!(
            "{field}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
        );
        errors.push(FieldError::required(&place, "must have at least one node selector term"));
    }
}

fn check_spread(constraint: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let skew = &constraint["maxSkew"];
    if skew.as_i64().unwrap_or_default() <= 0 {
        errors.push(FieldError::invalid(&format!("{field}.maxSkew"), skew, "must be greater than zero"));
    }
    if is_empty(&constraint["topologyKey"]) {
        errors.push(FieldError::required(&format!("{field}.topologyKey"), "can not be empty"));
    }
    let action = &constraint["whenUnsatisfiable"];
    let supported = ["DoNotSchedule", "ScheduleAnyway"];
    if !action.as_str().is_some_and(|action| supported.contains(&action)) {
        errors.push(FieldError::not_supported(&format!("{field}.whenUnsatisfiable"), action, &supported));
    }
}

/// The kinds of volumes in the order in which the original looks at them.
const SOURCES: [&str; 12] = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "persistentVolumeClaim",
    "downwardAPI",
    "configMap",
    "projected",
];

/// One source, and what it cannot do without.
fn check_volume(volume: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let mut sources: Vec<&str> = volume
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .filter(|key| *key != "name")
        .collect();
    sources.sort_by_key(|source| SOURCES.iter().position(|known| known == source).unwrap_or(SOURCES.len()));
    for second in sources.iter().skip(1) {
        errors.push(FieldError::forbidden(
            &format!("{field}.{second}"),
            "may not specify more than 1 volume type",
        ));
    }
    for (source, key) in [
        ("secret", "secretName"),
        ("persistentVolumeClaim", "claimName"),
        ("hostPath", "path"),
        ("nfs", "server"),
        ("csi", "driver"),
    ] {
        if volume[source].is_object() && is_empty(&volume[source][key]) {
            errors.push(FieldError::required(&format!("{field}.{source}.{key}"), ""));
        }
    }
    for source in ["configMap", "secret", "projected", "downwardAPI"] {
        let place = format!("{field}.{source}");
        let mode = &volume[source]["defaultMode"];
        if mode.as_i64().is_some_and(|mode| !(0..=0o777).contains(&mode)) {
            let why = "must be a number between 0 and 0777 (octal), both inclusive";
            errors.push(FieldError::invalid(&format!("{place}.defaultMode"), mode, why));
        }
        for (index, item) in list(&volume[source]["items"]).enumerate() {
            if let Some(path) = item["path"].as_str().filter(|path| path.split('/').any(|part| part == ".."))
            {
                let place = format!("{place}.items[{index}].path");
                errors.push(FieldError::invalid_text(&place, path, "must not contain '..'"));
            }
        }
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
