//! Flux' rules: the status that `cli-utils/pkg/kstatus` computes.

use crate::fields::{condition, conditions, count, flag, number, text};
use crate::{Health, HealthStatus};
use holdfast_object::Object;

pub(crate) fn assess(object: &Object) -> Health {
    if let Some(health) = generic(object) {
        return health;
    }
    let gvk = object.gvk();
    match (gvk.group.as_str(), gvk.kind.as_str()) {
        ("", "Service") => service(object),
        ("", "Pod") => pod(object),
        ("", "PersistentVolumeClaim") => claim(object),
        ("", "Secret" | "ConfigMap") | ("batch", "CronJob") => current("Resource is always ready"),
        ("apps", "Deployment") => deployment(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "ReplicaSet") => replica_set(object),
        ("policy", "PodDisruptionBudget") => current("AllowedDisruptions has been computed."),
        ("batch", "Job") => job(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        _ => by_ready_condition(object),
    }
}

fn current(message: impl Into<String>) -> Health {
    Health::new(HealthStatus::Healthy, message)
}

fn in_progress(message: impl Into<String>) -> Health {
    Health::new(HealthStatus::Progressing, message)
}

fn failed(message: impl Into<String>) -> Health {
    Health::new(HealthStatus::Degraded, message)
}

/// What holds for every kind: deletion, an unobserved generation, and the two conditions of the standard.
fn generic(object: &Object) -> Option<Health> {
    if object.is_deleting() {
        return Some(Health::new(HealthStatus::Terminating, "Resource scheduled for deletion"));
    }
    let observed = number(object, &["status", "observedGeneration"]);
    if let Some(observed) = observed.filter(|observed| *observed != object.generation()) {
        let message = format!(
            "{} generation is {}, but latest observed generation is {observed}",
            object.kind(),
            object.generation()
        );
        return Some(in_progress(message));
    }
    for found in conditions(object) {
        match (found.kind, found.status) {
            ("Reconciling", "True") => return Some(in_progress(found.message)),
            ("Stalled", "True") => return Some(failed(found.message)),
            _ => {}
        }
    }
    None
}

fn by_ready_condition(object: &Object) -> Health {
    match condition(object, "Ready") {
        Some(ready) if ready.status == "True" => current("Resource is Ready"),
        Some(ready) if ready.status == "False" => in_progress(ready.message),
        Some(_) => in_progress("Ready condition is unknown"),
        None => current("Resource is current"),
    }
}

fn service(object: &Object) -> Health {
    let is_balanced = text(object, &["spec", "type"]) == "LoadBalancer";
    if is_balanced && text(object, &["spec", "clusterIP"]).is_empty() {
        return in_progress("ClusterIP not set. Service type: LoadBalancer");
    }
    current("Service is ready")
}

fn claim(object: &Object) -> Health {
    match text(object, &["status", "phase"]) {
        "Bound" => current("PVC is Bound"),
        phase => in_progress(format!("PVC is not Bound. phase: {phase}")),
    }
}

fn deployment(object: &Object) -> Health {
    let deadline = number(object, &["spec", "progressDeadlineSeconds"]);
    // Without a deadline the controller reports no progress.
    let mut is_progressing = deadline.is_none_or(|seconds| seconds == i64::from(i32::MAX));
    let mut is_available = false;
    for found in conditions(object) {
        match (found.kind, found.status, found.reason) {
            ("Progressing", _, "ProgressDeadlineExceeded") => return failed("Progress deadline exceeded"),
            ("Progressing", "True", "NewReplicaSetAvailable") => is_progressing = true,
            ("Available", "True", _) => is_available = true,
            _ => {}
        }
    }
    let wanted = number(object, &["spec", "replicas"]).unwrap_or(1);
    let at = |field: &str| count(object, &["status", field]);
    let (replicas, updated) = (at("replicas"), at("updatedReplicas"));
    let (available, ready) = (at("availableReplicas"), at("readyReplicas"));
    match () {
        () if wanted > replicas => in_progress(format!("replicas: {replicas}/{wanted}")),
        () if wanted > updated => in_progress(format!("Updated: {updated}/{wanted}")),
        () if replicas > wanted => in_progress(format!("Pending termination: {}", replicas - wanted)),
        () if updated > available => in_progress(format!("Available: {available}/{updated}")),
        () if wanted > ready => in_progress(format!("Ready: {ready}/{wanted}")),
        () if !is_progressing => in_progress("ReplicaSet not Available"),
        () if !is_available => in_progress("Deployment not Available"),
        () => current(format!("Deployment is available. Replicas: {replicas}")),
    }
}

fn replica_set(object: &Object) -> Health {
    if condition(object, "ReplicaFailure").is_some_and(|c| c.status == "True") {
        return in_progress("Replica Failure condition. Check Pods");
    }
    let wanted = number(object, &["spec", "replicas"]).unwrap_or(1);
    let at = |field: &str| count(object, &["status", field]);
    let (replicas, labelled) = (at("replicas"), at("fullyLabeledReplicas"));
    let (available, ready) = (at("availableReplicas"), at("readyReplicas"));
    match () {
        () if wanted > labelled => in_progress(format!("Labelled: {labelled}/{wanted}")),
        () if wanted > available => in_progress(format!("Available: {available}/{wanted}")),
        () if wanted > ready => in_progress(format!("Ready: {ready}/{wanted}")),
        () if replicas > wanted => in_progress(format!("Pending termination: {}", replicas - wanted)),
        () => current(format!("ReplicaSet is available. Replicas: {replicas}")),
    }
}

fn stateful_set(object: &Object) -> Health {
    if text(object, &["spec", "updateStrategy", "type"]) == "OnDelete" {
        return current("StatefulSet is using the ondelete update strategy");
    }
    let wanted = number(object, &["spec", "replicas"]).unwrap_or(1);
    let at = |field: &str| count(object, &["status", field]);
    let (replicas, ready, present, updated) =
        (at("replicas"), at("readyReplicas"), at("currentReplicas"), at("updatedReplicas"));
    if wanted > replicas {
        return in_progress(format!("Replicas: {replicas}/{wanted}"));
    }
    if wanted > ready {
        return in_progress(format!("Ready: {ready}/{wanted}"));
    }
    if replicas > wanted {
        return in_progress(format!("Pending termination: {}", replicas - wanted));
    }
    if let Some(partition) =
        number(object, &["spec", "updateStrategy", "rollingUpdate", "partition"]).filter(|p| *p > 0)
    {
        if updated < wanted - partition {
            return in_progress(format!("updated: {updated}/{}", wanted - partition));
        }
        return current(format!("Partition rollout complete. updated: {updated}"));
    }
    if wanted > present {
        return in_progress(format!("current: {present}/{wanted}"));
    }
    let revision = |field: &str| text(object, &["status", field]);
    if revision("currentRevision") != revision("updateRevision") {
        return in_progress("Waiting for updated revision to match current");
    }
    current(format!("All replicas scheduled as expected. Replicas: {replicas}"))
}

fn daemon_set(object: &Object) -> Health {
    // A DaemonSet without any status has not been seen by its controller: an empty one would look complete.
    if number(object, &["status", "observedGeneration"]).is_none() {
        return in_progress("Missing .status.observedGeneration");
    }
    let at = |field: &str| count(object, &["status", field]);
    let wanted = at("desiredNumberScheduled");
    let (present, updated) = (at("currentNumberScheduled"), at("updatedNumberScheduled"));
    let (available, ready) = (at("numberAvailable"), at("numberReady"));
    match () {
        () if wanted > present => in_progress(format!("Current: {present}/{wanted}")),
        () if wanted > updated => in_progress(format!("Updated: {updated}/{wanted}")),
        () if wanted > available => in_progress(format!("Available: {available}/{wanted}")),
        () if wanted > ready => in_progress(format!("Ready: {ready}/{wanted}")),
        () => current(format!("All replicas scheduled as expected. Replicas: {wanted}")),
    }
}

fn job(object: &Object) -> Health {
    let suspended = flag(object, &["spec", "suspend"]);
    let parallelism = number(object, &["spec", "parallelism"]).unwrap_or(1);
    let completions = number(object, &["spec", "completions"]).unwrap_or(parallelism);
    let at = |field: &str| count(object, &["status", field]);
    for found in conditions(object) {
        match (found.kind, found.status) {
            ("Complete", "True") => {
                return current(format!("Job Completed. succeeded: {}/{completions}", at("succeeded")));
            }
            ("Failed", "True") => {
                return failed(format!("Job Failed. failed: {}/{completions}", at("failed")));
            }
            ("Suspended", "True") if suspended => return current("Job is suspended"),
            _ => {}
        }
    }
    if text(object, &["status", "startTime"]).is_empty() {
        return in_progress("Job not started");
    }
    in_progress(format!(
        "Job in progress. success:{}, active: {}, failed: {}",
        at("succeeded"),
        at("active"),
        at("failed")
    ))
}

fn definition(object: &Object) -> Health {
    for found in conditions(object) {
        match (found.kind, found.status) {
            ("NamesAccepted", "False") => return failed(found.message),
            ("Established", "False") if found.reason != "Installing" => return failed(found.message),
            ("Established", "True") => return current("CRD is established"),
            _ => {}
        }
    }
    in_progress("Install in progress")
}

fn pod(object: &Object) -> Health {
    let ready = condition(object, "Ready");
    match text(object, &["status", "phase"]) {
        "Succeeded" => current("Pod has completed successfully"),
        "Failed" => failed("Pod has completed, but not successfully"),
        "Running" if ready.is_some_and(|c| c.status == "True") => current("Pod is Ready"),
        "Running" => match waiting_reason(object, "CrashLoopBackOff") {
            Some(name) => failed(format!("Container is in CrashLoop: {name}")),
            None => in_progress("Pod is running but is not Ready"),
        },
        "Pending" => {
            let scheduled = condition(object, "PodScheduled");
            if scheduled.is_some_and(|c| c.status == "False" && c.reason == "Unschedulable") {
                return failed("Pod could not be scheduled");
            }
            in_progress("Pod is in the Pending phase")
        }
        _ => in_progress("Pod phase not available"),
    }
}

/// The first container that waits for this reason.
fn waiting_reason<'a>(object: &'a Object, reason: &str) -> Option<&'a str> {
    let statuses = object.get(&["status", "containerStatuses"])?.as_array()?;
    let found = statuses
        .iter()
        .find(|status| status.pointer("/state/waiting/reason").and_then(|r| r.as_str()) == Some(reason))?;
    found.get("name")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::{Value, json};

    fn check(api_version: &str, kind: &str, body: Value, expected: (HealthStatus, &str)) {
        let mut value =
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a", "generation": 2}});
        for (key, part) in body.as_object().unwrap() {
            value[key] = part.clone();
        }
        let health = assess(&Object::new(value).unwrap());
        assert_eq!((health.status, health.message.as_str()), expected, "{kind}");
    }

    #[test]
    fn an_unobserved_generation_is_in_progress_for_every_kind() {
        check(
            "example.com/v1",
            "Widget",
            json!({"status": {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}}),
            (HealthStatus::Progressing, "Widget generation is 2, but latest observed generation is 1"),
        );
    }

    #[test]
    fn custom_resources_follow_the_standard_conditions() {
        let with = |conditions: Value| json!({"status": {"observedGeneration": 2, "conditions": conditions}});
        let check =
            |conditions: Value, expected| check("example.com/v1", "Widget", with(conditions), expected);
        check(json!([]), (HealthStatus::Healthy, "Resource is current"));
        check(json!([{"type": "Ready", "status": "True"}]), (HealthStatus::Healthy, "Resource is Ready"));
        check(
            json!([{"type": "Ready", "status": "False", "message": "no"}]),
            (HealthStatus::Progressing, "no"),
        );
        check(
            json!([{"type": "Ready", "status": "False"}, {"type": "Stalled", "status": "True", "message": "bad"}]),
            (HealthStatus::Degraded, "bad"),
        );
        check(
            json!([{"type": "Ready", "status": "True"}, {"type": "Reconciling", "status": "True", "message": "on"}]),
            (HealthStatus::Progressing, "on"),
        );
    }

    #[test]
    fn a_deployment_is_current_when_rolled_out_and_available() {
        let status = |extra: Value| {
            let mut status = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2,
                "availableReplicas": 2, "readyReplicas": 2, "conditions": [
                    {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
                    {"type": "Available", "status": "True"}]});
            for (key, value) in extra.as_object().unwrap() {
                status[key] = value.clone();
            }
            json!({"spec": {"replicas": 2, "progressDeadlineSeconds": 600}, "status": status})
        };
        let check = |extra: Value, expected| check("apps/v1", "Deployment", status(extra), expected);
        check(json!({}), (HealthStatus::Healthy, "Deployment is available. Replicas: 2"));
        check(json!({"updatedReplicas": 1}), (HealthStatus::Progressing, "Updated: 1/2"));
        check(json!({"replicas": 3}), (HealthStatus::Progressing, "Pending termination: 1"));
        check(json!({"availableReplicas": 1}), (HealthStatus::Progressing, "Available: 1/2"));
        check(
            json!({"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}),
            (HealthStatus::Degraded, "Progress deadline exceeded"),
        );
        check(json!({"conditions": []}), (HealthStatus::Progressing, "ReplicaSet not Available"));
    }

    #[test]
    fn a_definition_is_current_once_established() {
        let with = |kind: &str, status: &str| json!({"status": {"conditions": [{"type": kind, "status": status, "reason": "x", "message": "m"}]}});
        let check = |body: Value, expected| {
            check("apiextensions.k8s.io/v1", "CustomResourceDefinition", body, expected)
        };
        check(json!({}), (HealthStatus::Progressing, "Install in progress"));
        check(with("Established", "True"), (HealthStatus::Healthy, "CRD is established"));
        check(with("NamesAccepted", "False"), (HealthStatus::Degraded, "m"));
    }

    #[test]
    fn a_crash_loop_is_a_failure() {
        let body = json!({"status": {"phase": "Running", "containerStatuses": [
            {"name": "main", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}});
        check("v1", "Pod", body, (HealthStatus::Degraded, "Container is in CrashLoop: main"));
    }

    #[test]
    fn a_daemon_set_without_status_is_not_complete() {
        check(
            "apps/v1",
            "DaemonSet",
            json!({}),
            (HealthStatus::Progressing, "Missing .status.observedGeneration"),
        );
    }
}
