//! The rules of single kinds, with the API server's messages.

mod cluster;
mod container;
mod network;
mod pod;
mod service;

use crate::field::FieldError;
use crate::names::{label_key_problem, label_problems, label_value_problem, subdomain_problems};
use crate::resource::Resource;
use crate::selector::LabelSelector;
use serde_json::{Map, Value};

/// What in an object breaks its kind's rules; `old` is its state before, on an update.
pub(super) fn check(resource: &Resource, old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "pods") => {
            pod::check_spec(&object["spec"], "spec", errors);
            if let Some(old) = old {
                pod::check_change(&old["spec"], &object["spec"], errors);
            }
        }
        ("", "services") => service::check(old, object, errors),
        ("", "configmaps") => config_map(old, object, errors),
        ("", "secrets") => secret(old, object, errors),
        ("", "persistentvolumeclaims") => claim(old, object, errors),
        ("apps", "deployments") => {
            workload(old, object, Selector::Immutable, errors);
            deployment_strategy(&object["spec"]["strategy"], errors);
            check_deadline(&object["spec"], errors);
        }
        ("", "resourcequotas") => cluster::quota(old, object, errors),
        ("", "limitranges") => cluster::limit_range(object, errors),
        ("", "persistentvolumes") => cluster::volume(object, errors),
        ("", "endpoints") => network::endpoints(object, errors),
        ("", "replicationcontrollers") => replication_controller(object, errors),
        ("apps", "controllerrevisions") => {
            if let Some(old) = old {
                immutable(&old["data"], &object["data"], "data", errors);
            }
        }
        ("apps", "replicasets" | "daemonsets") => workload(old, object, Selector::Immutable, errors),
        ("apps", "statefulsets") => {
            update_strategy(&object["spec"]["updateStrategy"], errors);
            workload(old, object, Selector::Free, errors);
            stateful_set(old, object, errors);
        }
        ("batch", "jobs") => job(old, object, errors),
        ("batch", "cronjobs") => cron_job(object, errors),
        ("networking.k8s.io", "ingresses") => ingress(object, errors),
        ("networking.k8s.io", "networkpolicies") => network::policy(object, errors),
        ("networking.k8s.io", "ingressclasses") => cluster::ingress_class(old, object, errors),
        ("discovery.k8s.io", "endpointslices") => network::slice(old, object, errors),
        ("policy", "poddisruptionbudgets") => cluster::budget(object, errors),
        ("scheduling.k8s.io", "priorityclasses") => cluster::priority_class(old, object, errors),
        ("node.k8s.io", "runtimeclasses") => cluster::runtime_class(old, object, errors),
        ("coordination.k8s.io", "leases") => cluster::lease(object, errors),
        (
            "admissionregistration.k8s.io",
            "validatingwebhookconfigurations" | "mutatingwebhookconfigurations",
        ) => {
            cluster::webhooks(object, errors);
        }
        ("autoscaling", "horizontalpodautoscalers") => autoscaler(object, errors),
        ("rbac.authorization.k8s.io", "roles" | "clusterroles") => role(resource, object, errors),
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => {
            role_binding(resource, old, object, errors);
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            crate::crd::check_definition(old, object, errors)
        }
        ("storage.k8s.io", "storageclasses") => storage_class(old, object, errors),
        _ => {}
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// A value that may not change after creation.
fn immutable(old: &Value, new: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if old != new {
        errors.push(FieldError::invalid(field, new, "field is immutable"));
    }
}

/// A number that may not be negative.
fn not_negative(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if value.as_i64().is_some_and(|n| n < 0) {
        errors.push(FieldError::invalid(field, value, "must be greater than or equal to 0"));
    }
}

#[derive(PartialEq, Eq)]
enum Selector {
    Immutable,
    /// Another rule guards it.
    Free,
}

/// What Deployments, ReplicaSets, StatefulSets and DaemonSets have in common.
fn workload(old: Option<&Value>, object: &Value, selector_rule: Selector, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    for field in ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        not_negative(&spec[field], &format!("spec.{field}"), errors);
    }
    let selector = &spec["selector"];
    let fixed = old.filter(|_| selector_rule == Selector::Immutable);
    let is_daemon = object["kind"] == "DaemonSet";
    if let Some(old) = fixed.filter(|_| is_daemon) {
        immutable(&old["spec"]["selector"], selector, "spec.selector", errors);
    }
    if !check_selector(selector, "spec.selector", errors) {
        return;
    }
    if selector.is_null() {
        if object["kind"] != "DaemonSet" {
            errors.push(FieldError::required("spec.selector", ""));
        }
    } else if is_empty(&selector["matchLabels"]) && is_empty(&selector["matchExpressions"]) {
        let why = "empty selector is invalid for deployment";
        errors.push(FieldError::invalid("spec.selector", selector, why));
    }
    let labels = &spec["template"]["metadata"]["labels"];
    let matches = !selector.is_null()
        && LabelSelector::from_value(selector).matches(|key| labels.get(key).and_then(Value::as_str));
    if !matches {
        let why = "`selector` does not match template `labels`";
        errors.push(FieldError::invalid("spec.template.metadata.labels", labels, why));
    }
    let pod = &spec["template"]["spec"];
    pod::check_spec(pod, "spec.template.spec", errors);
    if pod["restartPolicy"] != "Always" {
        let field = "spec.template.spec.restartPolicy";
        errors.push(FieldError::not_supported(field, &pod["restartPolicy"], &["Always"]));
    }
    if let Some(old) = fixed.filter(|_| !is_daemon) {
        immutable(&old["spec"]["selector"], selector, "spec.selector", errors);
    }
}

fn deployment_strategy(strategy: &Value, errors: &mut Vec<FieldError>) {
    let field = "spec.strategy.rollingUpdate";
    match strategy["type"].as_str() {
        Some("Recreate") => {
            if !strategy["rollingUpdate"].is_null() {
                let why = "may not be specified when strategy `type` is 'Recreate'";
                errors.push(FieldError::forbidden(field, why));
            }
        }
        Some("RollingUpdate") => {
            for key in ["maxUnavailable", "maxSurge"] {
                check_share(
                    &strategy["rollingUpdate"][key],
                    &format!("{field}.{key}"),
                    key == "maxUnavailable",
                    errors,
                );
            }
            let zero = |key: &str| {
                let value = &strategy["rollingUpdate"][key];
                value == 0 || value == "0%"
            };
            if zero("maxSurge") && zero("maxUnavailable") {
                let value = &strategy["rollingUpdate"]["maxUnavailable"];
                let why = "may not be 0 when `maxSurge` is 0";
                errors.push(FieldError::invalid(&format!("{field}.maxUnavailable"), value, why));
            }
        }
        _ => {
            let shown =
                format!("{{\"Type\":{},\"RollingUpdate\":{}}}", strategy["type"], strategy["rollingUpdate"]);
            let supported = ["Recreate", "RollingUpdate"];
            errors.push(FieldError::not_supported_as("spec.strategy", shown, &supported));
        }
    }
}

/// Only a rolling update has parameters.
fn update_strategy(strategy: &Value, errors: &mut Vec<FieldError>) {
    let rolling = &strategy["rollingUpdate"];
    if strategy["type"] == "OnDelete" && !rolling.is_null() {
        let partition = rolling["partition"].as_i64().unwrap_or_default();
        let shown = format!("{{\"Partition\":{partition},\"MaxUnavailable\":{}}}", rolling["maxUnavailable"]);
        let why = "only allowed for updateStrategy 'RollingUpdate'";
        errors.push(FieldError::invalid_as("spec.updateStrategy.rollingUpdate", shown, why));
    }
}

/// A rollout is given up only after its pods had the time to be ready.
fn check_deadline(spec: &Value, errors: &mut Vec<FieldError>) {
    let deadline = &spec["progressDeadlineSeconds"];
    let ready = spec["minReadySeconds"].as_i64().unwrap_or_default();
    if deadline.as_i64().is_some_and(|deadline| deadline <= ready) {
        errors.push(FieldError::invalid(
            "spec.progressDeadlineSeconds",
            deadline,
            "must be greater than minReadySeconds",
        ));
    }
}

/// A number of pods or a share of them.
fn check_share(value: &Value, field: &str, at_most_all: bool, errors: &mut Vec<FieldError>) {
    not_negative(value, field, errors);
    let Some(text) = value.as_str() else { return };
    let percent = text.strip_suffix('%').and_then(|number| number.parse::<u32>().ok());
    match percent {
        None => {
            let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
            errors.push(FieldError::invalid(field, value, why));
        }
        Some(percent) if at_most_all && percent > 100 => {
            errors.push(FieldError::invalid(field, value, "must not be greater than 100%"));
        }
        Some(_) => {}
    }
}

/// The form of a label selector; false where it is broken.
fn check_selector(selector: &Value, field: &str, errors: &mut Vec<FieldError>) -> bool {
    let before = errors.len();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        if let Some(problem) = label_key_problem(key) {
            errors.push(FieldError::invalid_text(&format!("{field}.matchLabels"), key, problem));
        }
        let value = value.as_str().unwrap_or_default();
        if let Some(problem) = label_value_problem(value) {
            errors.push(FieldError::invalid_text(&format!("{field}.matchLabels"), value, problem));
        }
    }
    for (index, expression) in list(&selector["matchExpressions"]).enumerate() {
        let place = format!("{field}.matchExpressions[{index}]");
        match expression["operator"].as_str().unwrap_or_default() {
            "In" | "NotIn" if is_empty(&expression["values"]) => {
                let why = "must be specified when `operator` is 'In' or 'NotIn'";
                errors.push(FieldError::required(&format!("{place}.values"), why));
            }
            "Exists" | "DoesNotExist" if !is_empty(&expression["values"]) => {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.push(FieldError::forbidden(&format!("{place}.values"), why));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            other => {
                let why = "not a valid selector operator";
                errors.push(FieldError::invalid_text(&format!("{place}.operator"), other, why));
            }
        }
    }
    if errors.len() > before {
        errors.push(FieldError::invalid(field, selector, "invalid label selector"));
    }
    errors.len() == before
}

fn stateful_set(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    const FREE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let Some(old) = old else { return };
    let fixed = |object: &Value| {
        let mut spec = object["spec"].as_object().cloned().unwrap_or_default();
        spec.retain(|key, _| !FREE.contains(&key.as_str()));
        spec
    };
    if fixed(old) != fixed(object) {
        errors.push(FieldError::forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ));
    }
}

/// The restart policies of pods that end.
fn ending_policy(pod: &Value, given: bool, field: &str, errors: &mut Vec<FieldError>) {
    let field = format!("{field}.restartPolicy");
    match pod["restartPolicy"].as_str() {
        Some("OnFailure" | "Never") => {}
        Some("Always") if !given => {
            errors.push(FieldError::required(&field, "valid values: \"OnFailure\", \"Never\""));
        }
        _ => errors.push(FieldError::required(&field, "valid values: \"OnFailure\", \"Never\"")),
    }
}

fn job(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    for field in
        ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"]
    {
        not_negative(&spec[field], &format!("spec.{field}"), errors);
    }
    let pod = &spec["template"]["spec"];
    pod::check_spec(pod, "spec.template.spec", errors);
    ending_policy(pod, false, "spec.template.spec", errors);
    let Some(old) = old else { return };
    let resumable = old["spec"]["suspend"] == true && old["status"].get("startTime").is_none();
    for field in ["completions", "selector", "completionMode", "template"] {
        if field != "template" || !resumable {
            immutable(&old["spec"][field], &spec[field], &format!("spec.{field}"), errors);
        }
    }
}

fn cron_job(object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    let schedule = spec["schedule"].as_str().unwrap_or_default();
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if schedule.is_empty() {
        errors.push(FieldError::required("spec.schedule", ""));
    } else if !schedule.starts_with('@') && fields.len() != 5 {
        let why = format!("expected exactly 5 fields, found {}: [{}]", fields.len(), fields.join(" "));
        errors.push(FieldError::invalid_text("spec.schedule", schedule, why));
    }
    let policy = &spec["concurrencyPolicy"];
    let supported = ["Allow", "Forbid", "Replace"];
    if !policy.as_str().is_none_or(|policy| supported.contains(&policy)) {
        errors.push(FieldError::not_supported("spec.concurrencyPolicy", policy, &supported));
    }
    let field = "spec.jobTemplate.spec.template.spec";
    let pod = &spec["jobTemplate"]["spec"]["template"]["spec"];
    pod::check_spec(pod, field, errors);
    ending_policy(pod, false, field, errors);
}

const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

fn config_keys(object: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for key in object[field].as_object().into_iter().flat_map(Map::keys) {
        let fits = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        if !fits {
            errors.push(FieldError::invalid_text(&format!("{field}[{key}]"), key, CONFIG_KEY));
        }
    }
}

/// ConfigMaps and Secrets that are marked immutable.
fn frozen(old: Option<&Value>, object: &Value, fields: &[&str], errors: &mut Vec<FieldError>) {
    const WHY: &str = "field is immutable when `immutable` is set";
    let Some(old) = old.filter(|old| old["immutable"] == true) else { return };
    if object["immutable"] != true {
        errors.push(FieldError::forbidden("immutable", WHY));
    }
    for field in fields.iter().filter(|field| object[**field] != old[**field]) {
        errors.push(FieldError::forbidden(field, WHY));
    }
}

fn config_map(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    frozen(old, object, &["data", "binaryData"], errors);
    config_keys(object, "data", errors);
    config_keys(object, "binaryData", errors);
    too_large(object, &["data", "binaryData"], errors);
}

/// What ConfigMaps and Secrets may hold: 1 MiB.
fn too_large(object: &Value, fields: &[&str], errors: &mut Vec<FieldError>) {
    const MAX: usize = 1024 * 1024;
    let values = fields.iter().flat_map(|f| object[*f].as_object().into_iter().flat_map(Map::values));
    let total: usize = values.filter_map(Value::as_str).map(str::len).sum();
    if total > MAX {
        errors.push(FieldError::too_long("", MAX));
    }
}

fn secret(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    if let Some(old) = old {
        immutable(&old["type"], &object["type"], "type", errors);
    }
    frozen(old, object, &["data"], errors);
    config_keys(object, "data", errors);
    too_large(object, &["data"], errors);
    let required: &[&str] = match object["type"].as_str() {
        Some("kubernetes.io/tls") => &["tls.crt", "tls.key"],
        Some("kubernetes.io/dockerconfigjson") => &[".dockerconfigjson"],
        Some("kubernetes.io/dockercfg") => &[".dockercfg"],
        Some("kubernetes.io/ssh-auth") => &["ssh-privatekey"],
        _ => &[],
    };
    for key in required.iter().filter(|key| object["data"].get(**key).is_none()) {
        errors.push(FieldError::required(&format!("data[{key}]"), ""));
    }
}

fn claim(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    if let Some(old) = old {
        // A bound claim may grow; what binds it sets its volume.
        let bound = old["status"]["phase"] == "Bound";
        let fixed = |object: &Value| {
            let mut spec = object["spec"].as_object().cloned().unwrap_or_default();
            spec.shift_remove("volumeName");
            if bound {
                spec.shift_remove("resources");
                spec.shift_remove("volumeAttributesClassName");
            }
            spec
        };
        if fixed(old) != fixed(object) {
            let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
            errors.push(FieldError::forbidden("spec", why));
        }
    }
    if is_empty(&spec["accessModes"]) {
        errors.push(FieldError::required("spec.accessModes", "at least 1 access mode is required"));
    }
    let supported = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
    for mode in
        list(&spec["accessModes"]).filter(|mode| !mode.as_str().is_some_and(|m| supported.contains(&m)))
    {
        errors.push(FieldError::not_supported("spec.accessModes", mode, &supported));
    }
    match spec["resources"]["requests"].get("storage") {
        None => errors.push(FieldError::required("spec.resources[storage]", "")),
        Some(size) if size == "0" => {
            errors.push(FieldError::invalid("spec.resources[storage]", size, "must be greater than zero"));
        }
        Some(_) => {}
    }
}

fn ingress(object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    if is_empty(&spec["rules"]) && spec["defaultBackend"].is_null() {
        let why = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid("spec", &Value::Null, why));
    }
    if !spec["defaultBackend"].is_null() {
        ingress_backend(&spec["defaultBackend"], "spec.defaultBackend", errors);
    }
    for (index, rule) in spec["rules"].as_array().into_iter().flatten().enumerate() {
        let field = format!("spec.rules[{index}]");
        if let Some(host) = rule["host"].as_str().filter(|h| !h.is_empty()) {
            for problem in subdomain_problems(host.strip_prefix("*.").unwrap_or(host)) {
                errors.push(FieldError::invalid_text(&format!("{field}.host"), host, problem));
            }
        }
        for (index, path) in rule["http"]["paths"].as_array().into_iter().flatten().enumerate() {
            ingress_path(path, &format!("{field}.http.paths[{index}]"), errors);
        }
    }
}

fn ingress_path(path: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let kind = format!("{field}.pathType");
    match path["pathType"].as_str() {
        Some("Exact" | "Prefix") => {
            let text = path["path"].as_str().unwrap_or_default();
            if !text.starts_with('/') {
                errors.push(FieldError::invalid_text(
                    &format!("{field}.path"),
                    text,
                    "must be an absolute path",
                ));
            }
        }
        Some("ImplementationSpecific") => {}
        Some(_) => {
            let supported = ["Exact", "ImplementationSpecific", "Prefix"];
            errors.push(FieldError::not_supported(&kind, &path["pathType"], &supported));
        }
        None => errors.push(FieldError::required(&kind, "pathType must be specified")),
    }
    ingress_backend(&path["backend"], &format!("{field}.backend"), errors);
}

fn ingress_backend(backend: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if backend["service"].is_null() && backend["resource"].is_null() {
        let why = "resource or service backend is required";
        errors.push(FieldError::invalid_as(field, "\"\"", why));
    }
    if backend["service"].is_object() && is_empty(&backend["service"]["name"]) {
        errors.push(FieldError::required(&format!("{field}.service.name"), ""));
    }
    let port = &backend["service"]["port"];
    if backend["service"].is_object()
        && is_empty(&port["name"])
        && port["number"].as_i64().unwrap_or_default() == 0
    {
        errors.push(FieldError::required(field, "port name or number is required"));
    }
}

fn replication_controller(object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    if is_empty(&spec["selector"]) {
        errors.push(FieldError::required("spec.selector", ""));
    }
    not_negative(&spec["replicas"], "spec.replicas", errors);
    if spec["template"].is_null() {
        errors.push(FieldError::required("spec.template", ""));
    } else {
        pod::check_spec(&spec["template"]["spec"], "spec.template.spec", errors);
    }
}

fn autoscaler(object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    let (min, max) =
        (spec["minReplicas"].as_i64().unwrap_or(1), spec["maxReplicas"].as_i64().unwrap_or_default());
    if min < 1 {
        errors.push(FieldError::invalid(
            "spec.minReplicas",
            &min.into(),
            "must be greater than or equal to 1",
        ));
    }
    if max < 1 {
        errors.push(FieldError::required("spec.maxReplicas", "must be set and greater than 0"));
    }
    if max < min {
        let why = "must be greater than or equal to `minReplicas`";
        errors.push(FieldError::invalid("spec.maxReplicas", &max.into(), why));
    }
    for key in ["kind", "name"] {
        if is_empty(&spec["scaleTargetRef"][key]) {
            errors.push(FieldError::required(&format!("spec.scaleTargetRef.{key}"), ""));
        }
    }
    if is_empty(&spec["scaleTargetRef"]["apiVersion"]) {
        let why = "apiVersion must specify API group";
        errors.push(FieldError::invalid_text("spec.scaleTargetRef.apiVersion", "", why));
    }
    for (index, metric) in list(&spec["metrics"]).enumerate() {
        let source = match metric["type"].as_str() {
            Some("Resource") => "resource",
            Some("Pods") => "pods",
            Some("Object") => "object",
            Some("External") => "external",
            Some("ContainerResource") => "containerResource",
            _ => continue,
        };
        if metric[source].is_null() {
            let why = "must populate information for the given metric source";
            errors.push(FieldError::required(&format!("spec.metrics[{index}].{source}"), why));
        }
        let target = &metric[source]["target"];
        if !target["averageUtilization"].is_null() && !target["averageValue"].is_null() {
            let field = format!("spec.metrics[{index}].{source}.target.averageValue");
            errors.push(FieldError::forbidden(
                &field,
                "may not set both a target raw value and a target utilization",
            ));
        }
    }
}

fn role(resource: &Resource, object: &Value, errors: &mut Vec<FieldError>) {
    for (index, rule) in object["rules"].as_array().into_iter().flatten().enumerate() {
        let mut require = |key: &str, why: &str| {
            if is_empty(&rule[key]) {
                errors.push(FieldError::required(&format!("rules[{index}].{key}"), why));
            }
        };
        require("verbs", "verbs must contain at least one value");
        let paths = &rule["nonResourceURLs"];
        if !is_empty(paths) {
            let field = format!("rules[{index}].nonResourceURLs");
            let mixed = !is_empty(&rule["apiGroups"]) || !is_empty(&rule["resources"]);
            if resource.namespaced {
                let why = "namespaced rules cannot apply to non-resource URLs";
                errors.push(FieldError::invalid(&field, paths, why));
            } else if mixed {
                let why = "rules cannot apply to both regular resources and non-resource URLs";
                errors.push(FieldError::invalid(&field, paths, why));
            }
        } else {
            require("apiGroups", "resource rules must supply at least one api group");
            require("resources", "resource rules must supply at least one resource");
        }
    }
}

fn role_binding(resource: &Resource, old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    let role = &object["roleRef"];
    let kinds: &[&str] = if resource.namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if role["apiGroup"] != "rbac.authorization.k8s.io" {
        errors.push(FieldError::not_supported(
            "roleRef.apiGroup",
            &role["apiGroup"],
            &["rbac.authorization.k8s.io"],
        ));
    }
    if !role["kind"].as_str().is_some_and(|kind| kinds.contains(&kind)) {
        errors.push(FieldError::not_supported("roleRef.kind", &role["kind"], kinds));
    }
    if is_empty(&role["name"]) {
        errors.push(FieldError::required("roleRef.name", ""));
    }
    for (index, subject) in object["subjects"].as_array().into_iter().flatten().enumerate() {
        let field = format!("subjects[{index}]");
        if is_empty(&subject["name"]) {
            errors.push(FieldError::required(&format!("{field}.name"), ""));
        }
        let kinds = ["ServiceAccount", "User", "Group"];
        if !subject["kind"].as_str().is_some_and(|kind| kinds.contains(&kind)) {
            errors.push(FieldError::not_supported(&format!("{field}.kind"), &subject["kind"], &kinds));
        }
        if subject["kind"] == "ServiceAccount" && is_empty(&subject["namespace"]) && !resource.namespaced {
            errors.push(FieldError::required(&format!("{field}.namespace"), ""));
        }
    }
    if old.is_some_and(|old| old["roleRef"] != *role) {
        let text = |key: &str| role[key].to_string();
        let shown = format!(
            "{{\"APIGroup\":{},\"Kind\":{},\"Name\":{}}}",
            text("apiGroup"),
            text("kind"),
            text("name")
        );
        errors.push(FieldError::invalid_as("roleRef", shown, "cannot change roleRef"));
    }
}

fn storage_class(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    if is_empty(&object["provisioner"]) {
        errors.push(FieldError::required("provisioner", ""));
    }
    let Some(old) = old else { return };
    for field in ["provisioner", "parameters", "reclaimPolicy"] {
        immutable(&old[field], &object[field], field, errors);
    }
    immutable(&old["volumeBindingMode"], &object["volumeBindingMode"], "volumeBindingMode", errors);
}

/// A port number.
fn port_number(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if !value.as_i64().is_some_and(|n| (1..=65_535).contains(&n)) {
        errors.push(FieldError::invalid(field, value, "must be between 1 and 65535, inclusive"));
    }
}

/// A DNS label.
fn label(text: &str, field: &str, errors: &mut Vec<FieldError>) {
    for problem in label_problems(text) {
        errors.push(FieldError::invalid_text(field, text, problem));
    }
}
