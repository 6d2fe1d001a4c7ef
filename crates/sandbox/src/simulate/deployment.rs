//! Deployments roll their ReplicaSets over, and say how far they are.

use super::hands::{
    CONTROLLER, DEPLOYMENTS, Hands, PODS, REPLICA_SETS, controller_reference, number, template_hash,
};
use crate::clock::parse_time;
use crate::store::Name;
use serde_json::{Value, json};
use time::Duration;
use tokio::time::Instant;

const REVISION: &str = "deployment.kubernetes.io/revision";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAX: &str = "deployment.kubernetes.io/max-replicas";

pub(super) fn sync(hands: &Hands<'_>, name: &Name) -> Option<Instant> {
    let deployment = hands.get(DEPLOYMENTS, name)?;
    let sets = hands.owned(REPLICA_SETS, &deployment);
    let current = sets.iter().find(|s| same_template(s, &deployment)).cloned();
    let paused = deployment["spec"]["paused"] == true;
    let current = match current {
        None if paused => None,
        None => Some(create_set(hands, &deployment, &sets)?),
        Some(set) => Some(set),
    };
    let old: Vec<Value> = sets
        .into_iter()
        .filter(|s| current.as_ref().is_none_or(|c| c["metadata"]["uid"] != s["metadata"]["uid"]))
        .collect();
    if let Some(current) = &current {
        let current = keep_revision(hands, &deployment, current, &old);
        if !paused {
            roll(hands, &deployment, &current, &old);
            forget(hands, &deployment, &current, &old);
        } else if old.iter().all(|s| number(&s["spec"]["replicas"]) == 0) {
            scale(hands, &deployment, &current, number(&deployment["spec"]["replicas"]));
        }
    }
    // The writes above are in the store: the status is of what is there now.
    let deployment = hands.get(DEPLOYMENTS, name)?;
    status(hands, &deployment)
}

fn same_template(set: &Value, deployment: &Value) -> bool {
    template_hash(&set["spec"]["template"], 0) == template_hash(&deployment["spec"]["template"], 0)
}

fn revision(object: &Value) -> i64 {
    object["metadata"]["annotations"][REVISION].as_str().and_then(|r| r.parse().ok()).unwrap_or_default()
}

fn create_set(hands: &Hands<'_>, deployment: &Value, sets: &[Value]) -> Option<Value> {
    let collisions = number(&deployment["status"]["collisionCount"]);
    let hash = template_hash(&deployment["spec"]["template"], collisions);
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"]["pod-template-hash"] = hash.as_str().into();
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"]["pod-template-hash"] = hash.as_str().into();
    let name = deployment["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = deployment["metadata"]["namespace"].as_str().unwrap_or_default();
    let next = sets.iter().map(revision).max().unwrap_or_default() + 1;
    let body = json!({
        "metadata": {
            "name": format!("{name}-{hash}"), "labels": template["metadata"]["labels"],
            "annotations": annotations(deployment, next), "ownerReferences": controller_reference(deployment),
        },
        "spec": {
            "replicas": first_size(deployment, sets), "selector": selector, "template": template,
            "minReadySeconds": number(&deployment["spec"]["minReadySeconds"]),
        },
    });
    hands.create(REPLICA_SETS, namespace, body)
}

/// How large a new set starts: what the surge leaves room for.
fn first_size(deployment: &Value, sets: &[Value]) -> i64 {
    let wanted = number(&deployment["spec"]["replicas"]);
    let existing: i64 = sets.iter().map(|s| number(&s["spec"]["replicas"])).sum();
    if deployment["spec"]["strategy"]["type"] == "Recreate" {
        return if existing == 0 { wanted } else { 0 };
    }
    (wanted + limits(deployment).0 - existing).clamp(0, wanted)
}

/// The annotations of a set: the deployment's, and how it is rolled.
fn annotations(deployment: &Value, revision: i64) -> Value {
    let mut all = json!({});
    for (key, value) in deployment["metadata"]["annotations"].as_object().into_iter().flatten() {
        if !matches!(
            key.as_str(),
            "kubectl.kubernetes.io/last-applied-configuration" | REVISION | DESIRED | MAX
        ) {
            all[key] = value.clone();
        }
    }
    let wanted = number(&deployment["spec"]["replicas"]);
    all[DESIRED] = wanted.to_string().into();
    all[MAX] = (wanted + limits(deployment).0).to_string().into();
    all[REVISION] = revision.to_string().into();
    all
}

/// Surge and unavailability as numbers of pods.
fn limits(deployment: &Value) -> (i64, i64) {
    let wanted = number(&deployment["spec"]["replicas"]);
    if deployment["spec"]["strategy"]["type"] == "Recreate" {
        return (0, wanted);
    }
    let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
    let surge = share(&rolling["maxSurge"], wanted, true);
    let unavailable = share(&rolling["maxUnavailable"], wanted, false);
    // With neither a rollout could not move.
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable.min(wanted)) }
}

/// A number, or a percentage of one.
pub(super) fn share(value: &Value, of: i64, up: bool) -> i64 {
    match value.as_str().and_then(|t| t.strip_suffix('%')).and_then(|p| p.parse::<i64>().ok()) {
        Some(percent) if up => (percent * of + 99) / 100,
        Some(percent) => percent * of / 100,
        None => number(value),
    }
}

/// The current set carries the highest revision, and the deployment shows it.
fn keep_revision(hands: &Hands<'_>, deployment: &Value, current: &Value, old: &[Value]) -> Value {
    let highest = old.iter().map(revision).max().unwrap_or_default();
    let own = if revision(current) > highest { revision(current) } else { highest + 1 };
    let mut next = current.clone();
    for (key, value) in annotations(deployment, own).as_object().into_iter().flatten() {
        next["metadata"]["annotations"][key] = value.clone();
    }
    if deployment["spec"].get("minReadySeconds").is_some() {
        next["spec"]["minReadySeconds"] = deployment["spec"]["minReadySeconds"].clone();
    }
    if next != *current {
        hands.update(REPLICA_SETS, next);
    }
    if revision(deployment) != own {
        let mut next = deployment.clone();
        next["metadata"]["annotations"][REVISION] = own.to_string().into();
        // As the original: through the status, so that the write counts as one of status.
        hands.write_status(DEPLOYMENTS, next);
    }
    hands.get(REPLICA_SETS, &super::hands::name_of(current)).unwrap_or_else(|| current.clone())
}

fn scale(hands: &Hands<'_>, deployment: &Value, set: &Value, size: i64) {
    if number(&set["spec"]["replicas"]) == size {
        return;
    }
    let mut next = hands.get(REPLICA_SETS, &super::hands::name_of(set)).unwrap_or_else(|| set.clone());
    next["spec"]["replicas"] = size.into();
    let wanted = number(&deployment["spec"]["replicas"]);
    next["metadata"]["annotations"][DESIRED] = wanted.to_string().into();
    next["metadata"]["annotations"][MAX] = (wanted + limits(deployment).0).to_string().into();
    hands.update(REPLICA_SETS, next);
}

fn spec_sum<'a>(sets: impl IntoIterator<Item = &'a Value>) -> i64 {
    sets.into_iter().map(|s| number(&s["spec"]["replicas"])).sum()
}

/// One step of the rollout.
fn roll(hands: &Hands<'_>, deployment: &Value, current: &Value, old: &[Value]) {
    let wanted = number(&deployment["spec"]["replicas"]);
    let own = number(&current["spec"]["replicas"]);
    if deployment["spec"]["strategy"]["type"] == "Recreate" {
        for set in old {
            scale(hands, deployment, set, 0);
        }
        let pods_left = old.iter().any(|s| !hands.owned(PODS, s).is_empty());
        if spec_sum(old) == 0 && !pods_left {
            scale(hands, deployment, current, wanted);
        }
        return;
    }
    let (surge, unavailable) = limits(deployment);
    let total = own + spec_sum(old);
    if own > wanted {
        scale(hands, deployment, current, wanted);
    } else if own < wanted {
        let room = (wanted + surge - total).max(0);
        scale(hands, deployment, current, own + room.min(wanted - own));
    }
    shrink_old(hands, deployment, current, old, wanted - unavailable);
}

/// Takes from the old sets what may go while enough pods stay available: first what is of no use anyway.
fn shrink_old(hands: &Hands<'_>, deployment: &Value, current: &Value, old: &[Value], min_available: i64) {
    let own = number(&current["spec"]["replicas"]);
    let available = |s: &Value| number(&s["status"]["availableReplicas"]);
    let unready = own - available(current);
    let mut budget = own + spec_sum(old) - min_available - unready;
    if budget <= 0 {
        return;
    }
    let mut sizes: Vec<i64> = old.iter().map(|s| number(&s["spec"]["replicas"])).collect();
    for (set, size) in old.iter().zip(&mut sizes) {
        let useless = (*size - available(set)).clamp(0, budget);
        *size -= useless;
        budget -= useless;
    }
    let mut spare = available(current) + old.iter().map(available).sum::<i64>() - min_available;
    for size in &mut sizes {
        let take = (*size).clamp(0, spare.max(0));
        *size -= take;
        spare -= take;
    }
    for (set, size) in old.iter().zip(sizes) {
        scale(hands, deployment, set, size);
    }
}

/// Deletes empty old sets beyond the history's limit once the rollout is over.
fn forget(hands: &Hands<'_>, deployment: &Value, current: &Value, old: &[Value]) {
    let limit = usize::try_from(deployment["spec"]["revisionHistoryLimit"].as_i64().unwrap_or(10))
        .unwrap_or_default();
    if number(&current["status"]["availableReplicas"]) < number(&deployment["spec"]["replicas"]) {
        return;
    }
    let is_empty = |s: &&Value| number(&s["spec"]["replicas"]) == 0 && number(&s["status"]["replicas"]) == 0;
    let mut empty: Vec<&Value> = old.iter().filter(is_empty).collect();
    empty.sort_by_key(|s| revision(s));
    for set in empty.iter().take(old.len().saturating_sub(limit).min(empty.len())) {
        hands.delete(REPLICA_SETS, set, None);
    }
}

fn status(hands: &Hands<'_>, deployment: &Value) -> Option<Instant> {
    let sets = hands.owned(REPLICA_SETS, deployment);
    let current = sets.iter().find(|s| same_template(s, deployment));
    let wanted = number(&deployment["spec"]["replicas"]);
    let sum = |key: &str| sets.iter().map(|s| number(&s["status"][key])).sum::<i64>();
    let (replicas, available) = (sum("replicas"), sum("availableReplicas"));
    let updated = current.map_or(0, |s| number(&s["status"]["replicas"]));
    let mut next = json!({"observedGeneration": deployment["metadata"]["generation"]});
    for (key, count) in [
        ("replicas", replicas),
        ("updatedReplicas", updated),
        ("readyReplicas", sum("readyReplicas")),
        ("availableReplicas", available),
        ("unavailableReplicas", (spec_sum(&sets) - available).max(0)),
    ] {
        if count != 0 {
            next[key] = count.into();
        }
    }
    next["terminatingReplicas"] = sum("terminatingReplicas").into();
    let old = &deployment["status"];
    if let Some(collisions) = old.get("collisionCount") {
        next["collisionCount"] = collisions.clone();
    }
    let enough = available >= wanted - limits(deployment).1;
    let mut conditions: Vec<Value> = old["conditions"].as_array().cloned().unwrap_or_default();
    let at = hands.timestamp();
    let (status, reason, message) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    put(&mut conditions, "Available", status, reason, message, &at, false);
    let wake = progress(hands, deployment, current, &next, old, &mut conditions);
    next["conditions"] = conditions.into();
    hands.update_status(DEPLOYMENTS, deployment, next, CONTROLLER);
    wake
}

/// The `Progressing` condition: what moved last, and when it will have taken too long.
fn progress(
    hands: &Hands<'_>,
    deployment: &Value,
    current: Option<&Value>,
    next: &Value,
    old: &Value,
    conditions: &mut Vec<Value>,
) -> Option<Instant> {
    let at = hands.timestamp();
    let deadline = deployment["spec"]["progressDeadlineSeconds"].as_i64()?;
    if deployment["spec"]["paused"] == true {
        put(conditions, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", &at, true);
        return None;
    }
    let name = current.and_then(|s| s["metadata"]["name"].as_str()).unwrap_or_default();
    let wanted = number(&deployment["spec"]["replicas"]);
    let count = |status: &Value, key: &str| number(&status[key]);
    let complete = count(next, "updatedReplicas") == wanted
        && count(next, "replicas") == wanted
        && count(next, "availableReplicas") == wanted;
    if complete {
        let message = format!("ReplicaSet {name:?} has successfully progressed.");
        put(conditions, "Progressing", "True", "NewReplicaSetAvailable", &message, &at, false);
        return None;
    }
    let known = conditions.iter().find(|c| c["type"] == "Progressing").cloned();
    let moved = count(next, "updatedReplicas") > count(old, "updatedReplicas")
        || count(next, "availableReplicas") > count(old, "availableReplicas")
        || count(next, "readyReplicas") > count(old, "readyReplicas")
        || count(next, "replicas") - count(next, "updatedReplicas")
            < count(old, "replicas") - count(old, "updatedReplicas");
    let changed = next["observedGeneration"] != old["observedGeneration"];
    match &known {
        None => {
            let message = format!("Created new replica set {name:?}");
            put(conditions, "Progressing", "True", "NewReplicaSetCreated", &message, &at, true);
        }
        Some(known) if moved || (changed && known["reason"] == "NewReplicaSetAvailable") => {
            let message = format!("ReplicaSet {name:?} is progressing.");
            put(conditions, "Progressing", "True", "ReplicaSetUpdated", &message, &at, true);
        }
        Some(_) => {}
    }
    let known = conditions.iter().find(|c| c["type"] == "Progressing")?;
    // A finished rollout that loses pods later has no deadline.
    if known["reason"] == "NewReplicaSetAvailable" || known["reason"] == "ProgressDeadlineExceeded" {
        return None;
    }
    let since = known["lastUpdateTime"].as_str().and_then(parse_time)?;
    let late = since + Duration::seconds(deadline);
    if hands.now() < late {
        return Some(hands.instant(late));
    }
    let message = format!("ReplicaSet {name:?} has timed out progressing.");
    put(conditions, "Progressing", "False", "ProgressDeadlineExceeded", &message, &at, true);
    None
}

/// Sets a condition; `touch` moves its update time although status and reason stay.
fn put(
    conditions: &mut Vec<Value>,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    at: &str,
    touch: bool,
) {
    let found = conditions.iter().position(|c| c["type"] == kind);
    let old = found.map(|i| conditions[i].clone()).unwrap_or_default();
    let same = old["status"] == status && old["reason"] == reason;
    if same && !touch && old["message"] == message {
        return;
    }
    let since = if old["status"] == status { old["lastTransitionTime"].clone() } else { at.into() };
    let condition = json!({"type": kind, "status": status, "lastUpdateTime": at, "lastTransitionTime": since,
        "reason": reason, "message": message});
    match found {
        Some(index) => conditions[index] = condition,
        None => conditions.push(condition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_a_rollout() {
        let check = |surge: Value, unavailable: Value, replicas: i64, expected: (i64, i64)| {
            let deployment = json!({"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}});
            assert_eq!(limits(&deployment), expected);
        };
        check(json!("25%"), json!("25%"), 3, (1, 0));
        check(json!("25%"), json!("25%"), 10, (3, 2));
        check(json!(0), json!("25%"), 1, (0, 1));
        check(json!(2), json!(1), 4, (2, 1));
    }
}
