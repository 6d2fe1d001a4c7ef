//! ReplicaSets keep as many pods as they should.

use super::hands::{CONTROLLER, Hands, PODS, REPLICA_SETS, is_active, is_ready, number, pod_of, readiness};
use crate::store::Name;
use serde_json::{Value, json};
use tokio::time::Instant;

pub(super) fn sync(hands: &Hands<'_>, name: &Name) -> Option<Instant> {
    let set = hands.get(REPLICA_SETS, name)?;
    let all = hands.owned(PODS, &set);
    let mut pods: Vec<&Value> = all.iter().filter(|p| is_active(p)).collect();
    let wanted = usize::try_from(number(&set["spec"]["replicas"])).unwrap_or_default();
    if pods.len() < wanted {
        for _ in pods.len()..wanted {
            let mut pod = pod_of(&set["spec"]["template"], &set);
            pod["metadata"]["generateName"] = format!("{}-", name.name).into();
            if hands.create(PODS, &name.namespace, pod).is_none() {
                break;
            }
        }
        return status(hands, &set);
    }
    // The least useful go first: not ready, then the youngest.
    pods.sort_by_key(|p| (is_ready(p), std::cmp::Reverse(number_of(p))));
    for pod in pods.iter().take(pods.len() - wanted) {
        hands.delete(PODS, pod, None);
    }
    status(hands, &set)
}

/// A pod's age by the revision in which it was last written; close enough to the order of creation.
fn number_of(pod: &Value) -> (String, u64) {
    let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default().to_owned();
    (text("creationTimestamp"), text("resourceVersion").parse().unwrap_or_default())
}

fn status(hands: &Hands<'_>, set: &Value) -> Option<Instant> {
    let all = hands.owned(PODS, set);
    let active: Vec<&Value> = all.iter().filter(|p| is_active(p)).collect();
    let seen = readiness(active.iter().copied(), number(&set["spec"]["minReadySeconds"]), hands.now());
    let mut status = json!({"replicas": active.len()});
    for (key, count) in [
        ("fullyLabeledReplicas", i64::try_from(active.len()).unwrap_or_default()),
        ("readyReplicas", seen.ready),
        ("availableReplicas", seen.available),
    ] {
        if count != 0 {
            status[key] = count.into();
        }
    }
    status["terminatingReplicas"] =
        all.iter().filter(|p| p["metadata"].get("deletionTimestamp").is_some()).count().into();
    status["observedGeneration"] = set["metadata"]["generation"].clone();
    if let Some(conditions) = set["status"].get("conditions") {
        status["conditions"] = conditions.clone();
    }
    hands.update_status(REPLICA_SETS, set, status, CONTROLLER);
    seen.next.map(|at| hands.instant(at))
}
