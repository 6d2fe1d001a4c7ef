//! StatefulSets: numbered pods, one after the other, each with its claims.

use super::hands::{
    CONTROLLER, Hands, PODS, What, controller_reference, is_active, is_ready, number, pod_of, readiness,
    template_hash,
};
use crate::store::Name;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::time::Instant;

const SETS: What = What("apps", "statefulsets");
const REVISIONS: What = What("apps", "controllerrevisions");
const CLAIMS: What = What("", "persistentvolumeclaims");
const REVISION_LABEL: &str = "controller-revision-hash";

pub(super) fn sync(hands: &Hands<'_>, name: &Name) -> Option<Instant> {
    let set = hands.get(SETS, name)?;
    let hash = template_hash(&set["spec"]["template"], number(&set["status"]["collisionCount"]));
    let update = format!("{}-{hash}", name.name);
    keep_revision(hands, &set, &update, &hash, "controller.kubernetes.io/hash");
    let current = set["status"]["currentRevision"].as_str().unwrap_or(&update).to_owned();
    let pods = numbered(hands, &set);
    step(hands, &set, &pods, &current, &update);
    status(hands, &set, &current, &update)
}

/// Keeps the template's state under its revision, as `kubectl rollout` looks for it.
pub(super) fn keep_revision(hands: &Hands<'_>, owner: &Value, name: &str, hash: &str, label: &str) {
    let namespace = owner["metadata"]["namespace"].as_str().unwrap_or_default();
    if hands.get_any(REVISIONS, &Name::new(namespace, name)).is_some() {
        return;
    }
    let known = hands.owned(REVISIONS, owner);
    let revision = known.iter().map(|r| number(&r["revision"])).max().unwrap_or_default() + 1;
    let mut template = json!({"$patch": "replace"});
    for (key, value) in owner["spec"]["template"].as_object().into_iter().flatten() {
        template[key] = value.clone();
    }
    let mut labels = owner["spec"]["template"]["metadata"]["labels"].clone();
    labels[label] = hash.into();
    let body = json!({
        "metadata": {"name": name, "labels": labels, "ownerReferences": controller_reference(owner)},
        "data": {"spec": {"template": template}}, "revision": revision,
    });
    hands.create(REVISIONS, namespace, body);
}

/// The set's pods by number.
fn numbered(hands: &Hands<'_>, set: &Value) -> BTreeMap<i64, Value> {
    let pods = hands.owned(PODS, set).into_iter();
    pods.filter_map(|pod| {
        let (_, number) = pod["metadata"]["name"].as_str()?.rsplit_once('-')?;
        Some((number.parse().ok()?, pod))
    })
    .collect()
}

/// Does the next thing: create, replace or remove a pod, one at a time unless pods are managed in parallel.
fn step(hands: &Hands<'_>, set: &Value, pods: &BTreeMap<i64, Value>, current: &str, update: &str) {
    let start = number(&set["spec"]["ordinals"]["start"]);
    let end = start + number(&set["spec"]["replicas"]);
    let parallel = set["spec"]["podManagementPolicy"] == "Parallel";
    let rolling = &set["spec"]["updateStrategy"];
    let partition = number(&rolling["rollingUpdate"]["partition"]);
    for ordinal in start..end {
        match pods.get(&ordinal) {
            Some(pod) if !is_active(pod) && pod["metadata"].get("deletionTimestamp").is_none() => {
                hands.delete(PODS, pod, None);
                return;
            }
            Some(pod) if parallel || (is_active(pod) && is_ready(pod)) => {}
            Some(_) => return replace_broken(hands, pods, update, partition, rolling),
            None => {
                let revision = if ordinal < partition { current } else { update };
                create(hands, set, ordinal, revision);
                if !parallel {
                    return;
                }
            }
        }
    }
    let ending = |pod: &Value| pod["metadata"].get("deletionTimestamp").is_some();
    for (_, pod) in pods.range(end..).rev() {
        if !ending(pod) {
            hands.delete(PODS, pod, None);
        }
        if !parallel {
            return;
        }
    }
    if rolling["type"] != "RollingUpdate" {
        return;
    }
    // From the last to the first: an updated pod must be ready before the next is replaced.
    for (ordinal, pod) in pods.range(start..end).rev() {
        if *ordinal < partition {
            return;
        }
        if ending(pod) || !is_ready(pod) && pod["metadata"]["labels"][REVISION_LABEL] == update {
            return;
        }
        if pod["metadata"]["labels"][REVISION_LABEL] != update {
            hands.delete(PODS, pod, None);
            return;
        }
    }
}

/// A pod of an old revision that does not become ready is replaced although the order says wait.
fn replace_broken(
    hands: &Hands<'_>,
    pods: &BTreeMap<i64, Value>,
    update: &str,
    partition: i64,
    strategy: &Value,
) {
    if strategy["type"] != "RollingUpdate" {
        return;
    }
    let ending = |pod: &Value| pod["metadata"].get("deletionTimestamp").is_some();
    if pods.values().any(ending) {
        return;
    }
    let broken = pods
        .range(partition..)
        .rev()
        .find(|(_, pod)| pod["metadata"]["labels"][REVISION_LABEL] != update && !is_ready(pod));
    if let Some((_, pod)) = broken {
        hands.delete(PODS, pod, None);
    }
}

fn create(hands: &Hands<'_>, set: &Value, ordinal: i64, revision: &str) {
    let set_name = set["metadata"]["name"].as_str().unwrap_or_default();
    let namespace = set["metadata"]["namespace"].as_str().unwrap_or_default();
    let name = format!("{set_name}-{ordinal}");
    let mut pod = pod_of(&set["spec"]["template"], set);
    pod["metadata"]["name"] = name.as_str().into();
    pod["metadata"]["generateName"] = format!("{set_name}-").into();
    for (key, value) in [
        ("statefulset.kubernetes.io/pod-name", name.as_str()),
        ("apps.kubernetes.io/pod-index", &ordinal.to_string()),
        (REVISION_LABEL, revision),
    ] {
        pod["metadata"]["labels"][key] = value.into();
    }
    pod["spec"]["hostname"] = name.as_str().into();
    pod["spec"]["subdomain"] = set["spec"]["serviceName"].clone();
    for claim in set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let template = claim["metadata"]["name"].as_str().unwrap_or_default();
        let claim_name = format!("{template}-{name}");
        if hands.get_any(CLAIMS, &Name::new(namespace, &claim_name)).is_none() {
            let mut metadata = claim["metadata"].clone();
            metadata["name"] = claim_name.as_str().into();
            for (key, value) in set["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten() {
                metadata["labels"][key] = value.clone();
            }
            hands.create(CLAIMS, namespace, json!({"metadata": metadata, "spec": claim["spec"]}));
        }
        let volume = json!({"name": template, "persistentVolumeClaim": {"claimName": claim_name}});
        match pod["spec"]["volumes"].as_array_mut() {
            Some(volumes) => volumes.push(volume),
            None => pod["spec"]["volumes"] = json!([volume]),
        }
    }
    hands.create(PODS, namespace, pod);
}

fn status(hands: &Hands<'_>, set: &Value, current: &str, update: &str) -> Option<Instant> {
    let pods = numbered(hands, set);
    let active: Vec<&Value> = pods.values().filter(|p| is_active(p)).collect();
    let of = |revision: &str| {
        active.iter().filter(|p| p["metadata"]["labels"][REVISION_LABEL] == revision).count()
    };
    let seen = readiness(active.iter().copied(), number(&set["spec"]["minReadySeconds"]), hands.now());
    let replicas = active.len();
    let wanted = usize::try_from(number(&set["spec"]["replicas"])).unwrap_or_default();
    let updated = of(update);
    let all_ready = usize::try_from(seen.ready).is_ok_and(|r| r == wanted);
    let over = updated == wanted && replicas == wanted && all_ready;
    let current = if over { update } else { current };
    let mut next = json!({"observedGeneration": set["metadata"]["generation"], "replicas": replicas});
    for (key, count) in [
        ("readyReplicas", seen.ready),
        ("currentReplicas", i64::try_from(of(current)).unwrap_or_default()),
        ("updatedReplicas", i64::try_from(updated).unwrap_or_default()),
    ] {
        if count != 0 {
            next[key] = count.into();
        }
    }
    next["availableReplicas"] = seen.available.into();
    next["currentRevision"] = current.into();
    next["updateRevision"] = update.into();
    next["collisionCount"] = number(&set["status"]["collisionCount"]).into();
    hands.update_status(SETS, set, next, CONTROLLER);
    seen.next.map(|at| hands.instant(at))
}
