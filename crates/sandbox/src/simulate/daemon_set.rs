//! DaemonSets: one pod on every node.

use super::hands::{
    CONTROLLER, Hands, PODS, What, is_active, is_ready, number, pod_of, readiness, template_hash,
};
use crate::store::Name;
use serde_json::{Value, json};
use tokio::time::Instant;

const SETS: What = What("apps", "daemonsets");
const REVISION_LABEL: &str = "controller-revision-hash";

pub(super) fn sync(hands: &Hands<'_>, name: &Name) -> Option<Instant> {
    let set = hands.get(SETS, name)?;
    let hash = template_hash(&set["spec"]["template"], 0);
    super::stateful_set::keep_revision(hands, &set, &format!("{}-{hash}", name.name), &hash, REVISION_LABEL);
    let pods = hands.owned(PODS, &set);
    let ending = pods.iter().any(|p| p["metadata"].get("deletionTimestamp").is_some());
    let current = |p: &Value| p["metadata"]["labels"][REVISION_LABEL] == hash.as_str();
    let active: Vec<&Value> = pods.iter().filter(|p| is_active(p)).collect();
    match active.as_slice() {
        [] if !ending => {
            let mut pod = pod_of(&set["spec"]["template"], &set);
            pod["metadata"]["generateName"] = format!("{}-", name.name).into();
            pod["metadata"]["labels"][REVISION_LABEL] = hash.as_str().into();
            pod["metadata"]["labels"]["pod-template-generation"] =
                number(&set["metadata"]["generation"]).to_string().into();
            for pod in pods.iter().filter(|p| !is_active(p)) {
                hands.delete(PODS, pod, None);
            }
            hands.create(PODS, &name.namespace, pod);
        }
        [pod] if !current(pod) && set["spec"]["updateStrategy"]["type"] == "RollingUpdate" => {
            hands.delete(PODS, pod, None);
        }
        _ => {}
    }
    status(hands, &set, &hash)
}

fn status(hands: &Hands<'_>, set: &Value, hash: &str) -> Option<Instant> {
    let pods = hands.owned(PODS, set);
    let active: Vec<&Value> = pods.iter().filter(|p| is_active(p)).take(1).collect();
    let seen = readiness(active.iter().copied(), number(&set["spec"]["minReadySeconds"]), hands.now());
    let updated = active.iter().filter(|p| p["metadata"]["labels"][REVISION_LABEL] == hash).count();
    let mut next = json!({
        "currentNumberScheduled": active.len(), "numberMisscheduled": 0, "desiredNumberScheduled": 1,
        "numberReady": active.iter().filter(|p| is_ready(p)).count(),
        "observedGeneration": set["metadata"]["generation"],
    });
    for (key, count) in [
        ("updatedNumberScheduled", i64::try_from(updated).unwrap_or_default()),
        ("numberAvailable", seen.available),
        ("numberUnavailable", 1 - seen.available),
    ] {
        if count != 0 {
            next[key] = count.into();
        }
    }
    hands.update_status(SETS, set, next, CONTROLLER);
    seen.next.map(|at| hands.instant(at))
}
