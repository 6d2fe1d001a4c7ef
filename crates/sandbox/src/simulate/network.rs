//! Services know their pods, and get an address from outside where they ask for one.

use super::hands::{CONTROLLER, Hands, What, controller_reference, is_active, is_ready, name_of};
use crate::random::stable_hash;
use crate::selector::LabelSelector;
use crate::store::Name;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

const SERVICES: What = What("", "services");
const ENDPOINTS: What = What("", "endpoints");
const SLICES: What = What("discovery.k8s.io", "endpointslices");
const INGRESSES: What = What("networking.k8s.io", "ingresses");
const BUDGETS: What = What("policy", "poddisruptionbudgets");

/// An address for the outside, from the range that documentation uses.
fn outside(uid: &str) -> String {
    format!("203.0.113.{}", stable_hash(uid.as_bytes()) % 253 + 1)
}

pub(super) fn sync_service(hands: &Hands<'_>, name: &Name) -> Option<Instant> {
    let service = hands.get(SERVICES, name)?;
    let uid = service["metadata"]["uid"].as_str().unwrap_or_default();
    let mut status = service["status"].clone();
    status["loadBalancer"] = if service["spec"]["type"] == "LoadBalancer" {
        json!({"ingress": [{"ip": outside(uid), "ipMode": "VIP"}]})
    } else {
        json!({})
    };
    hands.update_status(SERVICES, &service, status, CONTROLLER);
    let selector = service["spec"]["selector"].as_object().filter(|s| !s.is_empty())?;
    let service = hands.get(SERVICES, name)?;
    let pods = selected(hands, &name.namespace, selector);
    write_endpoints(hands, &service, &pods);
    write_slice(hands, &service, &pods);
    None
}

/// The pods of a selector that have an address.
fn selected(hands: &Hands<'_>, namespace: &str, selector: &Map<String, Value>) -> Vec<Value> {
    let selector = LabelSelector::equal(&Value::Object(selector.clone()));
    let stored = hands.core.store.list("pods", namespace);
    stored
        .iter()
        .filter(|pod| selector.matches(|key| pod.label(key)))
        .map(|pod| pod.value("v1", "Pod"))
        .filter(|pod| is_active(pod) && pod["status"]["podIP"].is_string())
        .collect()
}

fn target(pod: &Value) -> Value {
    let meta = &pod["metadata"];
    json!({"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]})
}

/// A Service's ports as its pods know them.
fn ports(service: &Value, pods: &[Value]) -> Vec<Value> {
    let list = service["spec"]["ports"].as_array().into_iter().flatten();
    list.filter_map(|port| {
        let number = match port["targetPort"].as_str() {
            None => port["targetPort"].clone(),
            Some(named) => container_port(pods.first()?, named)?,
        };
        let mut out = json!({"port": number, "protocol": port["protocol"]});
        if let Some(name) = port.get("name") {
            out["name"] = name.clone();
        }
        Some(out)
    })
    .collect()
}

fn container_port(pod: &Value, name: &str) -> Option<Value> {
    let containers = pod["spec"]["containers"].as_array()?;
    let mut ports = containers.iter().flat_map(|c| c["ports"].as_array().into_iter().flatten());
    ports.find(|p| p["name"] == name).map(|p| p["containerPort"].clone())
}

/// Creates an object, or brings the given fields of the one that is there up to date.
fn keep(hands: &Hands<'_>, what: What, name: &Name, body: Value, fields: &[&str]) {
    match hands.get_any(what, name) {
        None => {
            hands.create(what, &name.namespace, body);
        }
        Some(live) => {
            let mut next = live.clone();
            for field in fields {
                match body.get(field) {
                    Some(value) => next[*field] = value.clone(),
                    None => {
                        if let Some(map) = next.as_object_mut() {
                            map.shift_remove(*field);
                        }
                    }
                }
            }
            if next != live {
                hands.update(what, next);
            }
        }
    }
}

fn write_endpoints(hands: &Hands<'_>, service: &Value, pods: &[Value]) {
    let name = name_of(service);
    let address = |pod: &Value| json!({"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": target(pod)});
    let of =
        |ready: bool| -> Vec<Value> { pods.iter().filter(|p| is_ready(p) == ready).map(address).collect() };
    let mut labels = service["metadata"]["labels"].clone();
    labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller".into();
    let mut body = json!({"metadata": {"name": &*name.name, "labels": labels}});
    if !pods.is_empty() {
        let mut subset = json!({"ports": ports(service, pods)});
        for (key, addresses) in [("addresses", of(true)), ("notReadyAddresses", of(false))] {
            if !addresses.is_empty() {
                subset[key] = addresses.into();
            }
        }
        body["subsets"] = json!([subset]);
    }
    keep(hands, ENDPOINTS, &name, body, &["subsets"]);
}

fn write_slice(hands: &Hands<'_>, service: &Value, pods: &[Value]) {
    let name = name_of(service);
    let uid = service["metadata"]["uid"].as_str().unwrap_or_default();
    let slice = format!("{}-{}", name.name, crate::random::letters(stable_hash(uid.as_bytes()), 5));
    let endpoints: Vec<Value> = pods
        .iter()
        .map(|pod| {
            let ready = is_ready(pod);
            json!({"addresses": [pod["status"]["podIP"]], "conditions": {"ready": ready, "serving": ready, "terminating": false},
                "nodeName": pod["spec"]["nodeName"], "targetRef": target(pod)})
        })
        .collect();
    let mut slice_ports = ports(service, pods);
    for port in &mut slice_ports {
        if port.get("name").is_none() {
            port["name"] = "".into();
        }
    }
    let mut labels = service["metadata"]["labels"].clone();
    labels["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io".into();
    labels["kubernetes.io/service-name"] = (&*name.name).into();
    let body = json!({
        "metadata": {"name": slice, "generateName": format!("{}-", name.name), "labels": labels,
            "ownerReferences": controller_reference(service)},
        "addressType": "IPv4", "endpoints": endpoints, "ports": slice_ports,
    });
    keep(hands, SLICES, &Name::new(&name.namespace, &slice), body, &["endpoints", "ports"]);
}

pub(super) fn sync_ingress(hands: &Hands<'_>, name: &Name) -> Option<Instant> {
    let ingress = hands.get(INGRESSES, name)?;
    let uid = ingress["metadata"]["uid"].as_str().unwrap_or_default();
    let status = json!({"loadBalancer": {"ingress": [{"ip": outside(uid)}]}});
    hands.update_status(INGRESSES, &ingress, status, CONTROLLER);
    None
}

pub(super) fn sync_budget(hands: &Hands<'_>, name: &Name) -> Option<Instant> {
    let budget = hands.get(BUDGETS, name)?;
    let selector = LabelSelector::from_value(&budget["spec"]["selector"]);
    let stored = hands.core.store.list("pods", &name.namespace);
    let pods: Vec<Value> = stored
        .iter()
        .filter(|pod| selector.matches(|key| pod.label(key)))
        .map(|pod| pod.value("v1", "Pod"))
        .filter(is_active)
        .collect();
    let expected = i64::try_from(pods.len()).unwrap_or_default();
    let healthy = i64::try_from(pods.iter().filter(|p| is_ready(p)).count()).unwrap_or_default();
    let share = |key: &str| super::deployment::share(&budget["spec"][key], expected, true);
    let desired = match budget["spec"].get("maxUnavailable") {
        Some(_) => expected - share("maxUnavailable"),
        None => share("minAvailable"),
    }
    .max(0);
    let allowed = (healthy - desired).max(0);
    let (is, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
    let old = super::hands::condition(&budget, "DisruptionAllowed");
    let since = match old.filter(|c| c["status"] == is) {
        Some(old) => old["lastTransitionTime"].clone(),
        None => hands.timestamp().into(),
    };
    let status = json!({
        "conditions": [{"type": "DisruptionAllowed", "status": is, "reason": reason, "message": "",
            "lastTransitionTime": since, "observedGeneration": budget["metadata"]["generation"]}],
        "currentHealthy": healthy, "desiredHealthy": desired, "disruptionsAllowed": allowed,
        "expectedPods": expected, "observedGeneration": budget["metadata"]["generation"],
    });
    hands.update_status(BUDGETS, &budget, status, CONTROLLER);
    None
}
