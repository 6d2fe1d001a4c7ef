//! Argo CD's built-in checks (`gitops-engine/pkg/health`), with its own messages: they stand in `status.health` and
//! in `argocd app get`.

use crate::fields::{condition, conditions, count, flag, has_element, number, text};
use crate::{Health, HealthStatus};
use holdfast_object::{Object, Value};

/// The health of a kind that has a check.
pub(crate) fn assess(object: &Object) -> Option<Health> {
    let gvk = object.gvk();
    let check = match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("apps", "Deployment") => deployment,
        ("apps", "StatefulSet") => stateful_set,
        ("apps", "DaemonSet") => daemon_set,
        ("apps", "ReplicaSet") => replica_set,
        ("networking.k8s.io" | "extensions", "Ingress") => ingress,
        ("", "Service") => service,
        ("", "PersistentVolumeClaim") => claim,
        ("", "Pod") => pod,
        ("batch", "Job") => job,
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler,
        ("apiregistration.k8s.io", "APIService") => api_service,
        _ => no_check,
    };
    if object.is_deleting() && !object.as_map().contains_key("operation") {
        return Some(progressing("Pending deletion"));
    }
    check(object)
}

fn no_check(_: &Object) -> Option<Health> {
    None
}

fn progressing(message: impl Into<String>) -> Health {
    Health::new(HealthStatus::Progressing, message)
}

fn healthy(message: impl Into<String>) -> Health {
    Health::new(HealthStatus::Healthy, message)
}

fn degraded(message: impl Into<String>) -> Health {
    Health::new(HealthStatus::Degraded, message)
}

fn observed(object: &Object) -> i64 {
    count(object, &["status", "observedGeneration"])
}

fn deployment(object: &Object) -> Option<Health> {
    if flag(object, &["spec", "paused"]) {
        return Some(Health::new(HealthStatus::Suspended, "Deployment is paused"));
    }
    if object.generation() > observed(object) {
        return Some(progressing(
            "Waiting for rollout to finish: observed deployment generation less than desired generation",
        ));
    }
    if condition(object, "Progressing").is_some_and(|c| c.reason == "ProgressDeadlineExceeded") {
        return Some(degraded(format!("Deployment \"{}\" exceeded its progress deadline", object.name())));
    }
    let at = |field: &str| count(object, &["status", field]);
    let (replicas, updated, available) = (at("replicas"), at("updatedReplicas"), at("availableReplicas"));
    let waiting = |what: String| Some(progressing(format!("Waiting for rollout to finish: {what}")));
    match number(object, &["spec", "replicas"]) {
        Some(wanted) if updated < wanted => {
            waiting(format!("{updated} out of {wanted} new replicas have been updated..."))
        }
        _ if replicas > updated => {
            waiting(format!("{} old replicas are pending termination...", replicas - updated))
        }
        _ if available < updated => {
            waiting(format!("{available} of {updated} updated replicas are available..."))
        }
        _ => Some(healthy("")),
    }
}

fn stateful_set(object: &Object) -> Option<Health> {
    if observed(object) == 0 || object.generation() > observed(object) {
        return Some(progressing("Waiting for statefulset spec update to be observed..."));
    }
    let at = |field: &str| count(object, &["status", field]);
    let wanted = number(object, &["spec", "replicas"]);
    if let Some(wanted) = wanted.filter(|wanted| at("readyReplicas") < *wanted) {
        return Some(progressing(format!(
            "Waiting for {} pods to be ready...",
            wanted - at("readyReplicas")
        )));
    }
    let updated = at("updatedReplicas");
    let strategy = text(object, &["spec", "updateStrategy", "type"]);
    if strategy == "RollingUpdate" && object.get(&["spec", "updateStrategy", "rollingUpdate"]).is_some() {
        let partition = number(object, &["spec", "updateStrategy", "rollingUpdate", "partition"]);
        if let (Some(wanted), Some(partition)) = (wanted, partition)
            && updated < wanted - partition
        {
            return Some(progressing(format!(
                "Waiting for partitioned roll out to finish: {updated} out of {} new pods have been updated...",
                wanted - partition
            )));
        }
        return Some(healthy(format!(
            "partitioned roll out complete: {updated} new pods have been updated..."
        )));
    }
    if strategy == "OnDelete" {
        return Some(healthy(format!("statefulset has {} ready pods", at("readyReplicas"))));
    }
    let (current, update) =
        (text(object, &["status", "currentRevision"]), text(object, &["status", "updateRevision"]));
    if current != update {
        return Some(progressing(format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {update}..."
        )));
    }
    Some(healthy(format!(
        "statefulset rolling update complete {} pods at revision {current}...",
        at("currentReplicas")
    )))
}

fn daemon_set(object: &Object) -> Option<Health> {
    if object.generation() > observed(object) {
        return Some(progressing(
            "Waiting for rollout to finish: observed daemon set generation less than desired generation",
        ));
    }
    let at = |field: &str| count(object, &["status", field]);
    let (updated, wanted, available) =
        (at("updatedNumberScheduled"), at("desiredNumberScheduled"), at("numberAvailable"));
    if text(object, &["spec", "updateStrategy", "type"]) == "OnDelete" {
        return Some(healthy(format!("daemon set {updated} out of {wanted} new pods have been updated")));
    }
    let waiting = |what: String| {
        Some(progressing(format!("Waiting for daemon set \"{}\" rollout to finish: {what}", object.name())))
    };
    if updated < wanted {
        return waiting(format!("{updated} out of {wanted} new pods have been updated..."));
    }
    if available < wanted {
        return waiting(format!("{available} of {wanted} updated pods are available..."));
    }
    Some(healthy(""))
}

fn replica_set(object: &Object) -> Option<Health> {
    if object.generation() > observed(object) {
        return Some(progressing(
            "Waiting for rollout to finish: observed replica set generation less than desired generation",
        ));
    }
    if let Some(failure) = condition(object, "ReplicaFailure").filter(|c| c.status == "True") {
        return Some(degraded(failure.message));
    }
    let available = count(object, &["status", "availableReplicas"]);
    match number(object, &["spec", "replicas"]) {
        Some(wanted) if available < wanted => Some(progressing(format!(
            "Waiting for rollout to finish: {available} out of {wanted} new replicas are available..."
        ))),
        _ => Some(healthy("")),
    }
}

fn by_load_balancer(object: &Object) -> Health {
    let has_address = has_element(object, &["status", "loadBalancer", "ingress"]);
    if has_address { healthy("") } else { progressing("") }
}

fn ingress(object: &Object) -> Option<Health> {
    Some(by_load_balancer(object))
}

fn service(object: &Object) -> Option<Health> {
    let is_balanced = text(object, &["spec", "type"]) == "LoadBalancer";
    Some(if is_balanced { by_load_balancer(object) } else { healthy("") })
}

fn claim(object: &Object) -> Option<Health> {
    let status = match text(object, &["status", "phase"]) {
        "Lost" => HealthStatus::Degraded,
        "Pending" => HealthStatus::Progressing,
        "Bound" => HealthStatus::Healthy,
        _ => HealthStatus::Unknown,
    };
    Some(Health::new(status, ""))
}

fn job(object: &Object) -> Option<Health> {
    let mut message = "";
    let (mut failed, mut complete, mut suspended) = (false, false, false);
    for found in conditions(object) {
        match found.kind {
            "Failed" => (failed, complete, message) = (true, true, found.message),
            "Complete" => (complete, message) = (true, found.message),
            "Suspended" => {
                (complete, message) = (true, found.message);
                suspended = found.status == "True";
            }
            _ => {}
        }
    }
    Some(match () {
        () if !complete => progressing(message),
        () if failed => degraded(message),
        () if suspended => Health::new(HealthStatus::Suspended, message),
        () => healthy(message),
    })
}

fn pod(object: &Object) -> Option<Health> {
    let containers: Vec<&Value> = ["initContainerStatuses", "containerStatuses"]
        .iter()
        .flat_map(|list| statuses(object, list))
        .collect();
    // Pods that are to be restarted, and whose container waits in an error, do not get better by themselves.
    if text(object, &["spec", "restartPolicy"]) == "Always" {
        let message: Vec<&str> = containers.iter().filter_map(|status| waiting_in_error(status)).collect();
        if let Some(first) = message.first() {
            return Some(degraded(*first));
        }
    }
    let message = text(object, &["status", "message"]);
    Some(match text(object, &["status", "phase"]) {
        "Pending" => progressing(message),
        "Succeeded" => healthy(message),
        "Failed" => failed_pod(object, message),
        "Running" => running_pod(object, message),
        _ => Health::new(HealthStatus::Unknown, message),
    })
}

fn statuses<'a>(object: &'a Object, list: &str) -> impl Iterator<Item = &'a Value> {
    object.get(&["status", list]).and_then(Value::as_array).into_iter().flatten()
}

fn waiting_in_error(status: &Value) -> Option<&str> {
    let waiting = status.pointer("/state/waiting")?;
    let reason = waiting.get("reason")?.as_str()?;
    let is_error = reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff");
    is_error.then(|| waiting.get("message").and_then(Value::as_str).unwrap_or_default())
}

fn failed_pod(object: &Object, message: &str) -> Health {
    if !message.is_empty() {
        return degraded(message);
    }
    for status in statuses(object, "initContainerStatuses").chain(statuses(object, "containerStatuses")) {
        let Some(terminated) = status.pointer("/state/terminated") else { continue };
        let text = |field: &str| terminated.get(field).and_then(Value::as_str).unwrap_or_default();
        let name = status.get("name").and_then(Value::as_str).unwrap_or_default();
        if !text("message").is_empty() {
            return degraded(text("message"));
        }
        if text("reason") == "OOMKilled" {
            return degraded("OOMKilled");
        }
        if let Some(code) = terminated.get("exitCode").and_then(Value::as_i64).filter(|code| *code != 0) {
            return degraded(format!("container \"{name}\" failed with exit code {code}"));
        }
    }
    degraded("")
}

fn running_pod(object: &Object, message: &str) -> Health {
    if text(object, &["spec", "restartPolicy"]) != "Always" {
        // Such a pod runs to its end: hooks and jobs are not healthy before.
        return progressing(message);
    }
    if condition(object, "Ready").is_some_and(|c| c.status == "True") {
        return healthy(message);
    }
    // Not ready, and a container was terminated before: it is restarting.
    if statuses(object, "containerStatuses").any(|s| s.pointer("/lastState/terminated").is_some()) {
        return degraded(message);
    }
    progressing(message)
}

fn autoscaler(object: &Object) -> Option<Health> {
    let found: Vec<(String, String, String, String)> = if object.api_version() == "autoscaling/v1" {
        v1_conditions(object)?
    } else {
        conditions(object)
            .map(|c| (c.kind.to_owned(), c.status.to_owned(), c.reason.to_owned(), c.message.to_owned()))
            .collect()
    };
    for (kind, status, reason, message) in &found {
        let is_failure = matches!(
            reason.as_str(),
            "FailedGetScale"
                | "FailedUpdateScale"
                | "FailedGetResourceMetric"
                | "InvalidSelector"
                | "FailedGetObjectMetric"
                | "FailedGetPodsMetric"
                | "FailedGetExternalMetric"
                | "InvalidMetricSourceType"
        );
        if is_failure && status == "False" {
            return Some(degraded(message.clone()));
        }
        let is_settled = status == "True" && matches!(kind.as_str(), "AbleToScale" | "ScalingLimited");
        if is_settled {
            return Some(healthy(message.clone()));
        }
    }
    Some(progressing("Waiting to Autoscale"))
}

/// autoscaling/v1 carries the conditions of v2 in an annotation.
fn v1_conditions(object: &Object) -> Option<Vec<(String, String, String, String)>> {
    let Some(annotation) = object.annotation("autoscaling.alpha.kubernetes.io/conditions") else {
        return Some(Vec::new());
    };
    let list: Vec<Value> = serde_json::from_str(annotation).ok()?;
    let text =
        |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    Some(
        list.iter()
            .map(|c| (text(c, "type"), text(c, "status"), text(c, "reason"), text(c, "message")))
            .collect(),
    )
}

fn api_service(object: &Object) -> Option<Health> {
    let Some(available) = condition(object, "Available") else {
        return Some(progressing("Waiting to be processed"));
    };
    let message = format!("{}: {}", available.reason, available.message);
    Some(if available.status == "True" { healthy(message) } else { progressing(message) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn check(api_version: &str, kind: &str, body: Value, expected: Option<(HealthStatus, &str)>) {
        let mut value =
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "web", "generation": 2}});
        for (key, part) in body.as_object().unwrap() {
            value[key] = part.clone();
        }
        let health = assess(&Object::new(value).unwrap());
        assert_eq!(health.as_ref().map(|h| (h.status, h.message.as_str())), expected, "{kind}");
    }

    #[test]
    fn kinds_without_a_check_have_no_health() {
        check("v1", "ConfigMap", json!({}), None);
        check("example.com/v1", "Widget", json!({}), None);
    }

    #[test]
    fn a_deployment_rolls_out() {
        let with = |replicas: i64, updated: i64, available: i64| {
            json!({"spec": {"replicas": 3}, "status": {"observedGeneration": 2, "replicas": replicas,
                "updatedReplicas": updated, "availableReplicas": available}})
        };
        let check =
            |body: Value, status, message| check("apps/v1", "Deployment", body, Some((status, message)));
        let progressing = HealthStatus::Progressing;
        check(with(3, 3, 3), HealthStatus::Healthy, "");
        check(
            with(3, 1, 1),
            progressing,
            "Waiting for rollout to finish: 1 out of 3 new replicas have been updated...",
        );
        check(
            with(4, 3, 3),
            progressing,
            "Waiting for rollout to finish: 1 old replicas are pending termination...",
        );
        check(
            with(3, 3, 2),
            progressing,
            "Waiting for rollout to finish: 2 of 3 updated replicas are available...",
        );
        check(json!({"spec": {"paused": true}}), HealthStatus::Suspended, "Deployment is paused");
    }

    #[test]
    fn a_load_balancer_needs_an_address() {
        let balanced = |status: Value| json!({"spec": {"type": "LoadBalancer"}, "status": status});
        check("v1", "Service", balanced(json!({})), Some((HealthStatus::Progressing, "")));
        check(
            "v1",
            "Service",
            balanced(json!({"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}})),
            Some((HealthStatus::Healthy, "")),
        );
        check("v1", "Service", json!({"spec": {"type": "ClusterIP"}}), Some((HealthStatus::Healthy, "")));
    }

    #[test]
    fn a_pod_waiting_in_an_error_is_degraded() {
        let body = json!({"spec": {"restartPolicy": "Always"}, "status": {"phase": "Pending", "containerStatuses": [
            {"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]}});
        check("v1", "Pod", body, Some((HealthStatus::Degraded, "no such image")));
    }

    #[test]
    fn deletion_is_progress() {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
        let health = assess(&Object::new(object).unwrap()).unwrap();
        assert_eq!((health.status, health.message.as_str()), (HealthStatus::Progressing, "Pending deletion"));
    }
}
