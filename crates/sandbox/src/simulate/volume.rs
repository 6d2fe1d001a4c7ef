//! Claims get a volume of their own.

use super::hands::{CONTROLLER, Hands, What};
use crate::store::Name;
use crate::verbs::finalize;
use serde_json::json;
use tokio::time::Instant;

const CLAIMS: What = What("", "persistentvolumeclaims");
const VOLUMES: What = What("", "persistentvolumes");

pub(super) fn sync(hands: &Hands<'_>, name: &Name) -> Option<Instant> {
    let claim = hands.get_any(CLAIMS, name)?;
    if claim["metadata"].get("deletionTimestamp").is_some() {
        release(hands, name, &claim);
        return None;
    }
    if claim["status"]["phase"] == "Bound" {
        return None;
    }
    let uid = claim["metadata"]["uid"].as_str().unwrap_or_default();
    let volume = match claim["spec"]["volumeName"].as_str().filter(|v| !v.is_empty()) {
        Some(named) => named.to_owned(),
        None => format!("pvc-{uid}"),
    };
    let reference = json!({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": &*name.namespace,
        "name": &*name.name, "uid": uid});
    if hands.get_any(VOLUMES, &Name::new("", &volume)).is_none() {
        let body = json!({
            "metadata": {"name": volume, "annotations": {"pv.kubernetes.io/provisioned-by": "sandbox.simulated"}},
            "spec": {
                "capacity": claim["spec"]["resources"]["requests"], "accessModes": claim["spec"]["accessModes"],
                "persistentVolumeReclaimPolicy": "Delete", "storageClassName": claim["spec"]["storageClassName"],
                "claimRef": reference, "hostPath": {"path": format!("/simulated/{volume}")},
            },
        });
        hands.create(VOLUMES, "", body);
    }
    if let Some(volume) = hands.get(VOLUMES, &Name::new("", &volume)) {
        hands.update_status(VOLUMES, &volume, json!({"phase": "Bound"}), CONTROLLER);
    }
    if claim["spec"]["volumeName"] != volume.as_str() {
        let mut next = claim.clone();
        next["spec"]["volumeName"] = volume.into();
        hands.update(CLAIMS, next);
    }
    let claim = hands.get(CLAIMS, name)?;
    let status = json!({"phase": "Bound", "accessModes": claim["spec"]["accessModes"],
        "capacity": claim["spec"]["resources"]["requests"]});
    hands.update_status(CLAIMS, &claim, status, CONTROLLER);
    None
}

/// Lets a deleted claim go, and its volume with it.
fn release(hands: &Hands<'_>, name: &Name, claim: &serde_json::Value) {
    let volume = Name::new("", claim["spec"]["volumeName"].as_str().unwrap_or_default());
    finalize(hands.core, &"persistentvolumeclaims".into(), name, "kubernetes.io/pvc-protection");
    if let Some(volume) = hands.get(VOLUMES, &volume)
        && volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    {
        hands.delete(VOLUMES, &volume, None);
    }
}

/// Lets a deleted volume go.
pub(super) fn sync_volume(hands: &Hands<'_>, name: &Name) -> Option<Instant> {
    let volume = hands.get_any(VOLUMES, name)?;
    if volume["metadata"].get("deletionTimestamp").is_some() {
        finalize(hands.core, &"persistentvolumes".into(), name, "kubernetes.io/pv-protection");
    }
    None
}
