//! What the API server fills in, by type: the table of constant defaults, and the few that look around.

use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::LazyLock;

/// `type` then the fields it gets when they are absent. OpenAPI tells only some of these.
const CONSTANT: &[(&str, &str)] = &[
    (
        "admissionregistration.v1.MutatingWebhook",
        r#"{"failurePolicy":"Fail","matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{},"timeoutSeconds":10,"reinvocationPolicy":"Never"}"#,
    ),
    ("admissionregistration.v1.ServiceReference", r#"{"port":443}"#),
    ("admissionregistration.v1.RuleWithOperations", r#"{"scope":"*"}"#),
    ("admissionregistration.v1.NamedRuleWithOperations", r#"{"scope":"*"}"#),
    (
        "admissionregistration.v1.MatchResources",
        r#"{"matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{}}"#,
    ),
    ("admissionregistration.v1.ValidatingAdmissionPolicySpec", r#"{"failurePolicy":"Fail"}"#),
    (
        "admissionregistration.v1.ValidatingWebhook",
        r#"{"failurePolicy":"Fail","matchPolicy":"Equivalent","namespaceSelector":{},"objectSelector":{},"timeoutSeconds":10}"#,
    ),
    ("apps.v1.DaemonSetSpec", r#"{"revisionHistoryLimit":10}"#),
    ("apps.v1.DeploymentSpec", r#"{"replicas":1,"revisionHistoryLimit":10,"progressDeadlineSeconds":600}"#),
    ("apps.v1.ReplicaSetSpec", r#"{"replicas":1}"#),
    (
        "apps.v1.StatefulSetSpec",
        r#"{"replicas":1,"revisionHistoryLimit":10,"podManagementPolicy":"OrderedReady","persistentVolumeClaimRetentionPolicy":{}}"#,
    ),
    (
        "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy",
        r#"{"whenDeleted":"Retain","whenScaled":"Retain"}"#,
    ),
    ("autoscaling.v1.HorizontalPodAutoscalerSpec", r#"{"minReplicas":1}"#),
    (
        "autoscaling.v2.HorizontalPodAutoscalerSpec",
        r#"{"minReplicas":1,"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]}"#,
    ),
    (
        "batch.v1.CronJobSpec",
        r#"{"concurrencyPolicy":"Allow","suspend":false,"successfulJobsHistoryLimit":3,"failedJobsHistoryLimit":1}"#,
    ),
    ("batch.v1.PodFailurePolicyOnPodConditionsPattern", r#"{"status":"True"}"#),
    ("core.v1.ConfigMapVolumeSource", r#"{"defaultMode":420}"#),
    (
        "core.v1.Container",
        r#"{"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}"#,
    ),
    ("core.v1.ContainerPort", r#"{"protocol":"TCP"}"#),
    ("core.v1.DownwardAPIVolumeSource", r#"{"defaultMode":420}"#),
    ("core.v1.EndpointPort", r#"{"protocol":"TCP"}"#),
    (
        "core.v1.EphemeralContainer",
        r#"{"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}"#,
    ),
    ("core.v1.HTTPGetAction", r#"{"path":"/","scheme":"HTTP"}"#),
    ("core.v1.HostPathVolumeSource", r#"{"type":""}"#),
    ("core.v1.NamespaceStatus", r#"{"phase":"Active"}"#),
    ("core.v1.ObjectFieldSelector", r#"{"apiVersion":"v1"}"#),
    ("core.v1.PersistentVolumeClaimSpec", r#"{"volumeMode":"Filesystem"}"#),
    ("core.v1.PersistentVolumeClaimStatus", r#"{"phase":"Pending"}"#),
    (
        "core.v1.PersistentVolumeSpec",
        r#"{"persistentVolumeReclaimPolicy":"Retain","volumeMode":"Filesystem"}"#,
    ),
    ("core.v1.PersistentVolumeStatus", r#"{"phase":"Pending"}"#),
    (
        "core.v1.PodSpec",
        r#"{"dnsPolicy":"ClusterFirst","restartPolicy":"Always","securityContext":{},"terminationGracePeriodSeconds":30,"schedulerName":"default-scheduler"}"#,
    ),
    ("core.v1.Probe", r#"{"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3}"#),
    ("core.v1.ProjectedVolumeSource", r#"{"defaultMode":420}"#),
    ("core.v1.ReplicationControllerSpec", r#"{"replicas":1}"#),
    ("core.v1.Secret", r#"{"type":"Opaque"}"#),
    ("core.v1.SecretVolumeSource", r#"{"defaultMode":420}"#),
    ("core.v1.ServiceAccountTokenProjection", r#"{"expirationSeconds":3600}"#),
    ("core.v1.ServicePort", r#"{"protocol":"TCP"}"#),
    ("core.v1.ServiceSpec", r#"{"type":"ClusterIP","sessionAffinity":"None"}"#),
    ("core.v1.ISCSIVolumeSource", r#"{"iscsiInterface":"default"}"#),
    ("core.v1.RBDVolumeSource", r#"{"pool":"rbd","user":"admin","keyring":"/etc/ceph/keyring"}"#),
    ("discovery.v1.EndpointPort", r#"{"name":"","protocol":"TCP"}"#),
    ("networking.v1.IngressClassParametersReference", r#"{"scope":"Cluster"}"#),
    ("networking.v1.NetworkPolicyPort", r#"{"protocol":"TCP"}"#),
    ("rbac.v1.RoleRef", r#"{"apiGroup":"rbac.authorization.k8s.io"}"#),
    ("scheduling.v1.PriorityClass", r#"{"preemptionPolicy":"PreemptLowerPriority"}"#),
    (
        "storage.v1.CSIDriverSpec",
        r#"{"attachRequired":true,"podInfoOnMount":false,"storageCapacity":false,"fsGroupPolicy":"ReadWriteOnceWithFSType","volumeLifecycleModes":["Persistent"],"requiresRepublish":false,"seLinuxMount":false}"#,
    ),
    ("storage.v1.StorageClass", r#"{"reclaimPolicy":"Delete","volumeBindingMode":"Immediate"}"#),
    ("apiextensions.v1.WebhookConversion", r#"{}"#),
    ("apiextensions.v1.ServiceReference", r#"{"port":443}"#),
    ("apiregistration.v1.ServiceReference", r#"{"port":443}"#),
];

/// How often a DaemonSet's template changed.
pub(super) const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

static TABLE: LazyLock<HashMap<&'static str, Map<String, Value>>> = LazyLock::new(|| {
    CONSTANT.iter().map(|(name, fields)| (*name, serde_json::from_str(fields).unwrap_or_default())).collect()
});

/// Fills an object of a type in. Inner objects were filled before.
pub(super) fn apply(name: &str, object: &mut Map<String, Value>) {
    if let Some(fields) = TABLE.get(name) {
        for (key, value) in fields {
            let empty = object.get(key).is_none_or(|v| v == "" && value != "");
            if empty {
                let value = value.clone();
                object.insert(key.clone(), value);
            }
        }
    }
    match name {
        "apps.v1.StatefulSetSpec" => {
            if let Some(Value::Object(policy)) = object.get_mut("persistentVolumeClaimRetentionPolicy") {
                apply("apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy", policy);
            }
            for claim in
                object.get_mut("volumeClaimTemplates").and_then(Value::as_array_mut).into_iter().flatten()
            {
                claim["apiVersion"] = "v1".into();
                claim["kind"] = "PersistentVolumeClaim".into();
            }
            // Parameters are only given where nothing is said about the strategy, or some of them are.
            let strategy = object.get("updateStrategy");
            let said = strategy.is_some_and(|s| s.get("type").is_some_and(|kind| kind != ""));
            if !said || strategy.is_some_and(|s| s["rollingUpdate"].is_object()) {
                rolling(object, "updateStrategy", json!({"partition": 0}));
            }
        }
        "apps.v1.DaemonSetSpec" => {
            rolling(object, "updateStrategy", json!({"maxUnavailable": 1, "maxSurge": 0}))
        }
        "apps.v1.DeploymentSpec" => {
            rolling(object, "strategy", json!({"maxUnavailable": "25%", "maxSurge": "25%"}))
        }
        "apps.v1.DaemonSet" => {
            // The first API of the kind counted changes of the template; its counter lives on in an annotation.
            let meta = object.entry("metadata").or_insert_with(|| json!({}));
            if meta["annotations"].get(TEMPLATE_GENERATION).is_none() {
                meta["annotations"][TEMPLATE_GENERATION] = "0".into();
            }
        }
        "autoscaling.v2.HorizontalPodAutoscalerBehavior" => scaling(object),
        // A template of Jobs gets its defaults when a Job is made of it.
        "batch.v1.Job" => {
            if let Some(Value::Object(spec)) = object.get_mut("spec") {
                job(spec);
            }
            labels_of_template(object);
        }
        "core.v1.ReplicationController" => replication_controller(object),
        "core.v1.Container" | "core.v1.EphemeralContainer" => {
            let image = object.get("image").and_then(Value::as_str).unwrap_or_default();
            set(object, "imagePullPolicy", pull_policy(image));
        }
        "core.v1.Volume" if object.keys().all(|k| k == "name") => {
            object.insert("emptyDir".into(), json!({}));
        }
        "core.v1.Namespace" => label_namespace(object),
        "core.v1.PodSpec" => {
            mirror_service_account(object);
            host_ports(object);
        }
        "core.v1.Pod" => pod(object),
        "core.v1.ServicePort" => {
            let target = object.get("targetPort");
            if target.is_none_or(|t| t == 0 || t == "")
                && let Some(port) = object.get("port").cloned()
            {
                object.insert("targetPort".into(), port);
            }
        }
        "core.v1.ServiceSpec" => service(object),
        "core.v1.LimitRangeItem" => limit_range(object),
        "networking.v1.NetworkPolicySpec" => policy_types(object),
        "rbac.v1.Subject" if matches!(object.get("kind").and_then(Value::as_str), Some("User" | "Group")) => {
            set(object, "apiGroup", "rbac.authorization.k8s.io");
        }
        _ => {}
    }
}

/// Sets a text that is absent or empty.
fn set(object: &mut Map<String, Value>, key: &str, value: &str) {
    if object.get(key).is_none_or(|v| v == "") {
        object.insert(key.into(), value.into());
    }
}

/// `Always` for the latest image, said or meant; else `IfNotPresent`.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or(image);
    if name.contains('@') {
        return "IfNotPresent";
    }
    match name.split_once(':') {
        None | Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
    }
}

/// A strategy is a rolling update unless it says otherwise, with these fields.
fn rolling(object: &mut Map<String, Value>, key: &str, fields: Value) {
    let strategy = object.entry(key).or_insert_with(|| json!({}));
    if strategy.get("type").is_none_or(|t| t == "") {
        strategy["type"] = "RollingUpdate".into();
    }
    if strategy["type"] != "RollingUpdate" {
        return;
    }
    for (field, value) in fields.as_object().into_iter().flatten() {
        if strategy["rollingUpdate"].get(field).is_none() {
            strategy["rollingUpdate"][field] = value.clone();
        }
    }
}

/// How fast an autoscaler goes up and down, where anything is said about it.
fn scaling(object: &mut Map<String, Value>) {
    let up = json!({"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]});
    let down =
        json!({"selectPolicy": "Max", "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]});
    for (key, defaults) in [("scaleUp", up), ("scaleDown", down)] {
        let rules = object.entry(key).or_insert_with(|| json!({}));
        for (field, value) in defaults.as_object().into_iter().flatten() {
            if rules.get(field).is_none_or(Value::is_null) {
                rules[field] = value.clone();
            }
        }
    }
}

fn job(object: &mut Map<String, Value>) {
    set(object, "completionMode", "NonIndexed");
    object.entry("suspend").or_insert(Value::Bool(false));
    object.entry("backoffLimit").or_insert(Value::from(6));
    if object.get("completions").is_none() && object.get("parallelism").is_none() {
        object.insert("completions".into(), 1.into());
    }
    object.entry("parallelism").or_insert(Value::from(1));
    let policy = if object.contains_key("podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    set(object, "podReplacementPolicy", policy);
    object.entry("manualSelector").or_insert(Value::Bool(false));
}

fn template_labels(object: &Map<String, Value>) -> Option<Value> {
    let labels = object.get("spec")?.get("template")?.get("metadata")?.get("labels")?;
    labels.as_object().filter(|l| !l.is_empty()).map(|l| Value::Object(l.clone()))
}

fn labels_of_template(object: &mut Map<String, Value>) {
    let Some(labels) = template_labels(object) else { return };
    let meta = object.entry("metadata").or_insert_with(|| json!({}));
    if meta.get("labels").and_then(Value::as_object).is_none_or(Map::is_empty) {
        meta["labels"] = labels;
    }
}

fn replication_controller(object: &mut Map<String, Value>) {
    labels_of_template(object);
    let labels = template_labels(object);
    if let (Some(labels), Some(spec)) = (labels, object.get_mut("spec"))
        && spec.get("selector").and_then(Value::as_object).is_none_or(Map::is_empty)
    {
        spec["selector"] = labels;
    }
}

/// On the node's network a container's port is the node's.
fn host_ports(object: &mut Map<String, Value>) {
    if object.get("hostNetwork") != Some(&Value::Bool(true)) {
        return;
    }
    for list in ["containers", "initContainers"] {
        for container in object.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
                if port.get("hostPort").is_none() {
                    port["hostPort"] = port["containerPort"].clone();
                }
            }
        }
    }
}

/// The old name of `serviceAccountName` always says the same.
fn mirror_service_account(object: &mut Map<String, Value>) {
    let of = |key: &str| object.get(key).and_then(Value::as_str).filter(|v| !v.is_empty()).map(str::to_owned);
    if let Some(name) = of("serviceAccountName").or_else(|| of("serviceAccount")) {
        object.insert("serviceAccountName".into(), name.as_str().into());
        object.insert("serviceAccount".into(), name.into());
    }
}

fn pod(object: &mut Map<String, Value>) {
    let Some(spec) = object.get_mut("spec") else { return };
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let limits = container["resources"].get("limits").and_then(Value::as_object).cloned();
            for (key, value) in limits.into_iter().flatten() {
                if container["resources"]["requests"].get(&key).is_none() {
                    container["resources"]["requests"][key] = value;
                }
            }
        }
    }
    if spec.get("enableServiceLinks").is_none() {
        spec["enableServiceLinks"] = true.into();
    }
}

fn service(object: &mut Map<String, Value>) {
    if object.get("sessionAffinity").is_some_and(|a| a == "ClientIP") {
        let config = object.entry("sessionAffinityConfig").or_insert_with(|| json!({}));
        if config["clientIP"].get("timeoutSeconds").is_none() {
            config["clientIP"]["timeoutSeconds"] = 10800.into();
        }
    } else {
        object.shift_remove("sessionAffinityConfig");
    }
    let kind = object.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let outside = object.get("externalIPs").and_then(Value::as_array).is_some_and(|e| !e.is_empty());
    if matches!(kind.as_str(), "NodePort" | "LoadBalancer") || (kind == "ClusterIP" && outside) {
        set(object, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
        set(object, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        object.entry("allocateLoadBalancerNodePorts").or_insert(Value::Bool(true));
    }
}

/// A namespace's name is one of its labels.
fn label_namespace(object: &mut Map<String, Value>) {
    let Some(meta) = object.get_mut("metadata") else { return };
    if let Some(name) = meta["name"].as_str().filter(|n| !n.is_empty()).map(str::to_owned) {
        meta["labels"]["kubernetes.io/metadata.name"] = name.into();
    }
}

/// A policy without types is of ingress, and of egress where it has such rules.
fn policy_types(object: &mut Map<String, Value>) {
    let some = |list: Option<&Value>| list.and_then(Value::as_array).is_some_and(|l| !l.is_empty());
    if !some(object.get("policyTypes")) {
        let types =
            if some(object.get("egress")) { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
        object.insert("policyTypes".into(), types);
    }
}

fn limit_range(object: &mut Map<String, Value>) {
    if object.get("type").is_none_or(|t| t != "Container") {
        return;
    }
    for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
        let values = object.get(from).and_then(Value::as_object).cloned().unwrap_or_default();
        for (key, value) in values {
            let place = object.entry(to).or_insert_with(|| json!({}));
            if place.get(&key).is_none() {
                place[key] = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_of_mappings() {
        for (name, fields) in CONSTANT {
            assert!(serde_json::from_str::<Map<String, Value>>(fields).is_ok(), "{name}");
        }
    }

    #[test]
    fn every_type_of_the_table_exists() {
        let known: std::collections::HashSet<&str> =
            holdfast_object::schema::Schemas::builtin().names().collect();
        let strangers: Vec<&str> =
            CONSTANT.iter().map(|(name, _)| *name).filter(|n| !known.contains(n)).collect();
        assert_eq!(strangers, Vec::<&str>::new());
    }

    #[test]
    fn images_are_pulled_by_their_tag() {
        for (image, expected) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1", "IfNotPresent"),
            ("host:5000/nginx", "Always"),
            ("nginx@sha256:0", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), expected, "{image}");
        }
    }
}
