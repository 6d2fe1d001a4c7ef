//! What single kinds need beyond defaults: addresses, ports, selectors, system fields.

use super::defaults::TEMPLATE_GENERATION;
use super::keep_or_drop;
use crate::core::Core;
use crate::field::FieldError;
use crate::resource::Resource;
use crate::status::{ApiError, ApiResult};
use crate::verbs::meta_text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Cluster addresses are given from 10.0.0.0/16 …
const ADDRESSES: u64 = 65_000;
/// … and node ports from this range.
const NODE_PORTS: std::ops::Range<u64> = 30_000..32_768;

/// Prepares a new object.
pub(super) fn prepare_new(core: &Core, resource: &Resource, object: &mut Value) -> ApiResult<()> {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => {
            object["spec"]["finalizers"] = json!(["kubernetes"]);
            object["status"] = json!({"phase": "Active"});
            label_namespace(object);
        }
        ("", "pods") => {
            new_pod(core, object)?;
            super::service_account::apply(core, object)?;
        }
        ("", "secrets") => merge_string_data(object),
        ("", "services") => {
            object["status"] = json!({"loadBalancer": {}});
            let families = object["spec"].get("ipFamilies").cloned();
            one_family(object, families.as_ref())?;
            allocate(core, object, None)?;
        }
        ("", "persistentvolumeclaims") => {
            object["status"] = json!({"phase": "Pending"});
            protect(core, object, "kubernetes.io/pvc-protection");
        }
        ("", "persistentvolumes") => {
            object["status"] = json!({"phase": "Pending", "lastPhaseTransitionTime": core.clock.timestamp()});
            protect(core, object, "kubernetes.io/pv-protection");
        }
        ("", "replicationcontrollers") => object["status"] = json!({"replicas": 0}),
        ("", "resourcequotas")
        | ("flowcontrol.apiserver.k8s.io", _)
        | ("admissionregistration.k8s.io", "validatingadmissionpolicies") => object["status"] = json!({}),
        ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets") => {
            if resource.plural == "daemonsets" {
                object["metadata"]["annotations"][TEMPLATE_GENERATION] = "1".into();
            }
            object["status"] = empty_status(&resource.plural);
        }
        ("batch", "jobs") => new_job(object),
        ("batch", "cronjobs") | ("autoscaling", _) | ("policy", "poddisruptionbudgets") => {
            object["status"] = empty_status(&resource.plural);
        }
        ("networking.k8s.io", "ingresses") => object["status"] = json!({"loadBalancer": {}}),
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            crate::crd::prepare(object);
            object["status"] = json!({"conditions": null, "acceptedNames": {"plural": "", "kind": ""},
                "storedVersions": crate::crd::storage_versions(object)});
        }
        _ => {}
    }
    Ok(())
}

/// Volumes and claims are held while they are in use; without simulators nobody would let them go.
fn protect(core: &Core, object: &mut Value, finalizer: &str) {
    if core.options.simulate_workloads {
        let mut list = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        list.push(finalizer.into());
        object["metadata"]["finalizers"] = list.into();
    }
}

/// The status of an object that no controller has seen: what Go's zero value is written as.
fn empty_status(plural: &str) -> Value {
    match plural {
        "replicasets" => json!({"replicas": 0}),
        "statefulsets" => json!({"replicas": 0, "availableReplicas": 0}),
        "daemonsets" => {
            json!({"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0})
        }
        "horizontalpodautoscalers" => json!({"desiredReplicas": 0, "currentMetrics": null}),
        "poddisruptionbudgets" => {
            json!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0})
        }
        _ => json!({}),
    }
}

/// Prepares the new state of an object.
pub(super) fn prepare_changed(
    core: &Core,
    resource: &Resource,
    old: &Value,
    new: &mut Value,
) -> ApiResult<()> {
    match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "namespaces") => {
            new["spec"]["finalizers"] = old["spec"]["finalizers"].clone();
            label_namespace(new);
        }
        ("", "secrets") => {
            merge_string_data(new);
        }
        ("", "services") => {
            let address = |o: &Value| o["spec"]["clusterIP"].as_str().unwrap_or_default().to_owned();
            if address(new).is_empty() && new["spec"]["type"] != "ExternalName" {
                keep_or_drop(&mut new["spec"], &old["spec"], "clusterIP");
                keep_or_drop(&mut new["spec"], &old["spec"], "clusterIPs");
            }
            let families = new["spec"].get("ipFamilies").cloned();
            for key in ["ipFamilies", "ipFamilyPolicy"] {
                if new["spec"].get(key).is_none() && new["spec"]["type"] != "ExternalName" {
                    keep_or_drop(&mut new["spec"], &old["spec"], key);
                }
            }
            one_family(new, families.as_ref())?;
            if new["spec"].get("healthCheckNodePort").is_none()
                && new["spec"]["externalTrafficPolicy"] == "Local"
            {
                keep_or_drop(&mut new["spec"], &old["spec"], "healthCheckNodePort");
            }
            if !is_external(new) && is_external(old) {
                // What only a Service that is reached from outside has goes with that.
                for key in ["externalTrafficPolicy", "healthCheckNodePort", "allocateLoadBalancerNodePorts"] {
                    if new["spec"].get(key) == old["spec"].get(key)
                        && let Some(spec) = new["spec"].as_object_mut()
                    {
                        spec.shift_remove(key);
                    }
                }
            }
            keep_node_ports(old, new);
            allocate(core, new, Some(old))?;
        }
        ("", "persistentvolumeclaims") if new["spec"].get("volumeName").is_none() => {
            keep_or_drop(&mut new["spec"], &old["spec"], "volumeName");
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => crate::crd::prepare(new),
        ("apps", "daemonsets") => count_template(old, new),
        ("", "pods") => tolerate(&mut new["spec"]),
        _ => {}
    }
    Ok(())
}

fn count_template(old: &Value, new: &mut Value) {
    let count =
        old["metadata"]["annotations"][TEMPLATE_GENERATION].as_str().and_then(|c| c.parse::<i64>().ok());
    let changed = old["spec"]["template"] != new["spec"]["template"];
    let count = count.unwrap_or_default() + i64::from(changed);
    new["metadata"]["annotations"][TEMPLATE_GENERATION] = count.to_string().into();
}

fn label_namespace(object: &mut Value) {
    let name = object["metadata"]["name"].clone();
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
}

/// `stringData` is a way to write `data`, never read back.
pub(super) fn merge_string_data(object: &mut Value) {
    let Some(Value::Object(texts)) = object.as_object_mut().and_then(|o| o.shift_remove("stringData")) else {
        return;
    };
    for (key, text) in texts {
        object["data"][key] = STANDARD.encode(text.as_str().unwrap_or_default()).into();
    }
}

fn new_pod(core: &Core, object: &mut Value) -> ApiResult<()> {
    let name = meta_text(object, "name").to_owned();
    let spec = &mut object["spec"];
    if spec["serviceAccountName"].as_str().is_none_or(str::is_empty) {
        spec["serviceAccountName"] = "default".into();
        spec["serviceAccount"] = "default".into();
    }
    if spec.get("priority").is_none() {
        let class = spec["priorityClassName"].as_str().unwrap_or_default();
        spec["priority"] = priority(core, class)
            .ok_or_else(|| {
                let why = format!("no PriorityClass with name {class} was found");
                ApiError::forbidden(crate::status::Named { group: "", what: "pods" }, &name, why)
            })?
            .into();
        spec["preemptionPolicy"] = "PreemptLowerPriority".into();
    }
    tolerate(spec);
    object["status"] = json!({"phase": "Pending", "qosClass": quality(&object["spec"])});
    Ok(())
}

/// Every pod outlives a node that is away for a moment.
fn tolerate(spec: &mut Value) {
    let tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    let mut all = tolerations.clone();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        if !tolerations.iter().any(|t| t["key"] == key) {
            all.push(
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
            );
        }
    }
    spec["tolerations"] = all.into();
}

/// The priority of a class; `None` where there is no such class.
fn priority(core: &Core, class: &str) -> Option<i64> {
    match class {
        "" => return Some(0),
        "system-cluster-critical" => return Some(2_000_000_000),
        "system-node-critical" => return Some(2_000_001_000),
        _ => {}
    }
    let name = crate::store::Name::new("", class);
    let stored = core.store.get("priorityclasses.scheduling.k8s.io", &name);
    stored.and_then(|s| s.bare()["value"].as_i64())
}

/// How a pod is treated when its node runs short.
fn quality(spec: &Value) -> &'static str {
    let all = ["containers", "initContainers"].into_iter();
    let containers: Vec<&Value> = all.flat_map(|list| spec[list].as_array().into_iter().flatten()).collect();
    let empty = |v: &Value| v.as_object().is_none_or(Map::is_empty);
    if containers.iter().all(|c| empty(&c["resources"]["requests"]) && empty(&c["resources"]["limits"])) {
        return "BestEffort";
    }
    let guaranteed = containers.iter().all(|c| {
        ["cpu", "memory"].iter().all(|r| {
            c["resources"]["limits"].get(r).is_some()
                && c["resources"]["limits"][r] == c["resources"]["requests"][r]
        })
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}

fn new_job(object: &mut Value) {
    object["status"] = json!({});
    if object["spec"]["manualSelector"] == true {
        return;
    }
    let uid = object["metadata"]["uid"].clone();
    let name = object["metadata"]["name"].clone();
    object["spec"]["selector"] = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": uid}});
    let labels = &mut object["spec"]["template"]["metadata"]["labels"];
    for (key, value) in [
        ("batch.kubernetes.io/controller-uid", &uid),
        ("batch.kubernetes.io/job-name", &name),
        ("controller-uid", &uid),
        ("job-name", &name),
    ] {
        labels[key] = value.clone();
    }
    let labels = labels.clone();
    if object["metadata"]["labels"].as_object().is_none_or(Map::is_empty) {
        object["metadata"]["labels"] = labels;
    }
}

/// Ports keep their node port through a write that does not name it.
fn keep_node_ports(old: &Value, new: &mut Value) {
    if !wants_node_ports(new) {
        return;
    }
    let known: Vec<Value> = old["spec"]["ports"].as_array().cloned().unwrap_or_default();
    for port in new["spec"].get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if port.get("nodePort").is_none()
            && let Some(same) =
                known.iter().find(|k| k["port"] == port["port"] && k["protocol"] == port["protocol"])
            && let Some(number) = same.get("nodePort")
        {
            port["nodePort"] = number.clone();
        }
    }
}

/// A balancer that only asks nodes with pods of their own asks on one more port.
fn check_health(service: &mut Value, taken: &mut HashSet<u64>) {
    let spec = &service["spec"];
    let local = spec["type"] == "LoadBalancer" && spec["externalTrafficPolicy"] == "Local";
    if !local || spec["healthCheckNodePort"].as_u64().is_some_and(|port| port != 0) {
        return;
    }
    let count = NODE_PORTS.end - NODE_PORTS.start;
    let start = crate::random::stable_hash(format!("{}/health", meta_text(service, "uid")).as_bytes());
    let mut free = (0..count).map(|i| NODE_PORTS.start + (start.wrapping_add(i)) % count);
    if let Some(port) = free.find(|port| !taken.contains(port)) {
        taken.insert(port);
        service["spec"]["healthCheckNodePort"] = port.into();
    }
}

/// The cluster has addresses of one family; `given` are the families that the writer named.
fn one_family(service: &Value, given: Option<&Value>) -> ApiResult<()> {
    let spec = &service["spec"];
    let headless = spec["clusterIP"] == "None" && spec["selector"].as_object().is_none_or(Map::is_empty);
    if headless || spec["type"] == "ExternalName" {
        return Ok(());
    }
    let mut errors = Vec::new();
    if spec["ipFamilyPolicy"] == "RequireDualStack" {
        let why = "this cluster is not configured for dual-stack services";
        errors.push(FieldError::invalid("spec.ipFamilyPolicy", &spec["ipFamilyPolicy"], why));
    }
    for (index, family) in given.and_then(Value::as_array).into_iter().flatten().enumerate() {
        if family == "IPv6" {
            let why = "not configured on this cluster";
            errors.push(FieldError::invalid(&format!("spec.ipFamilies[{index}]"), family, why));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    let named = crate::status::Named { group: "", what: "Service" };
    Err(ApiError::invalid(named, meta_text(service, "name"), &errors))
}

/// True for a Service that is reached from outside of the cluster.
fn is_external(service: &Value) -> bool {
    matches!(service["spec"]["type"].as_str(), Some("NodePort" | "LoadBalancer"))
}

fn wants_node_ports(service: &Value) -> bool {
    match service["spec"]["type"].as_str() {
        Some("NodePort") => true,
        Some("LoadBalancer") => service["spec"]["allocateLoadBalancerNodePorts"] != false,
        _ => false,
    }
}

/// Gives a Service its cluster address and node ports.
fn allocate(core: &Core, service: &mut Value, old: Option<&Value>) -> ApiResult<()> {
    let (own, name) = (meta_text(service, "uid").to_owned(), meta_text(service, "name").to_owned());
    let spec = &mut service["spec"];
    if spec["type"] == "ExternalName" {
        for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
            if let Some(map) = spec.as_object_mut() {
                map.shift_remove(key);
            }
        }
        return Ok(());
    }
    let headless = spec["clusterIP"] == "None" && spec["selector"].as_object().is_none_or(Map::is_empty);
    if headless && old.is_none() && spec.get("ipFamilyPolicy").is_none() && spec.get("ipFamilies").is_none() {
        // Whoever makes the endpoints of such a Service decides, so it may have both families.
        spec["ipFamilies"] = json!(["IPv4", "IPv6"]);
        spec["ipFamilyPolicy"] = "RequireDualStack".into();
    }
    let (addresses, ports) = taken(core, &own);
    let asked = spec["clusterIP"].as_str().unwrap_or_default().to_owned();
    if asked.is_empty() {
        spec["clusterIP"] = free_address(&own, &addresses).into();
    } else if addresses.contains(&asked) && asked != "None" {
        let error = FieldError::invalid(
            "spec.clusterIPs",
            &json!([asked]),
            format!("failed to allocate IP {asked}: provided IP is already allocated"),
        );
        return Err(invalid_service(&name, error));
    }
    let outside = asked.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.octets()[..2] != [10, 0]);
    if outside {
        let why = format!(
            "failed to allocate IP {asked}: the provided IP ({asked}) is not in the valid range. The range of valid IPs is 10.0.0.0/16"
        );
        let error = FieldError::invalid("spec.clusterIPs", &json!([asked]), why);
        return Err(invalid_service(&name, error));
    }
    spec["clusterIPs"] = json!([spec["clusterIP"]]);
    if spec.get("ipFamilies").is_none() {
        spec["ipFamilies"] = json!(["IPv4"]);
    }
    if spec.get("ipFamilyPolicy").is_none() {
        spec["ipFamilyPolicy"] = "SingleStack".into();
    }
    allocate_ports(service, old, ports).map_err(|error| invalid_service(&name, error))
}

fn invalid_service(name: &str, error: FieldError) -> ApiError {
    ApiError::invalid(crate::status::Named { group: "", what: "Service" }, name, &[error])
}

fn allocate_ports(
    service: &mut Value,
    old: Option<&Value>,
    mut taken: HashSet<u64>,
) -> Result<(), FieldError> {
    let wanted = wants_node_ports(service);
    check_health(service, &mut taken);
    let was_node_port = old.is_some_and(wants_node_ports);
    let count = NODE_PORTS.end - NODE_PORTS.start;
    let own = meta_text(service, "uid").to_owned();
    for (index, port) in
        service["spec"].get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten().enumerate()
    {
        if !wanted {
            // A Service that stops being reachable from outside gives its ports back.
            if was_node_port && let Some(map) = port.as_object_mut() {
                map.shift_remove("nodePort");
            }
            continue;
        }
        match port["nodePort"].as_u64().filter(|p| *p != 0) {
            Some(asked) if !NODE_PORTS.contains(&asked) => {
                let field = format!("spec.ports[{index}].nodePort");
                let why = "provided port is not in the valid range. The range of valid ports is 30000-32767";
                return Err(FieldError::invalid(&field, &asked.into(), why));
            }
            Some(asked) if taken.contains(&asked) => {
                let field = format!("spec.ports[{index}].nodePort");
                return Err(FieldError::invalid(&field, &asked.into(), "provided port is already allocated"));
            }
            Some(asked) => {
                taken.insert(asked);
            }
            None => {
                let start = crate::random::stable_hash(format!("{own}/{index}").as_bytes());
                let free = (0..count)
                    .map(|i| NODE_PORTS.start + (start.wrapping_add(i)) % count)
                    .find(|p| !taken.contains(p));
                let Some(free) = free else {
                    return Err(FieldError::forbidden("spec.ports", "no node port is free"));
                };
                port["nodePort"] = free.into();
                taken.insert(free);
            }
        }
    }
    Ok(())
}

/// The addresses and node ports of all Services but one.
fn taken(core: &Core, but: &str) -> (HashSet<String>, HashSet<u64>) {
    let (mut addresses, mut ports) = (HashSet::from(["10.0.0.1".to_owned()]), HashSet::new());
    for stored in core.store.list("services", "").iter().filter(|s| s.uid() != but) {
        let spec = &stored.bare()["spec"];
        addresses.extend(spec["clusterIP"].as_str().map(str::to_owned));
        let list = spec["ports"].as_array().into_iter().flatten();
        ports.extend(list.filter_map(|p| p["nodePort"].as_u64()).filter(|p| *p != 0));
    }
    (addresses, ports)
}

fn free_address(uid: &str, taken: &HashSet<String>) -> String {
    let start = crate::random::stable_hash(uid.as_bytes());
    let text = |n: u64| format!("10.0.{}.{}", n / 250, n % 250 + 2);
    (0..ADDRESSES / 2)
        .map(|i| text((start.wrapping_add(i)) % ADDRESSES / 2))
        .find(|a| !taken.contains(a))
        .unwrap_or_default()
}
