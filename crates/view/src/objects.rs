//! The objects of an app, as its status lists them.

use crate::condition::text;
use crate::{AppObject, SyncState};
use holdfast_health::HealthStatus;
use holdfast_object::{GroupVersionKind, Object, ObjectRef, Value};

/// Of `status.inventory` (Flux): `<namespace>_<name>_<group>_<kind>`, with `__` for a `:` in the name.
pub(crate) fn of_inventory(object: &Object) -> Vec<AppObject> {
    let entries = object.get(&["status", "inventory", "entries"]).and_then(Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let (namespace, rest) = text(entry, "id").split_once('_')?;
            // The name may hold '__', so group and kind, which hold no '_', are read from the end.
            let (rest, kind) = rest.rsplit_once('_')?;
            let (name, group) = rest.rsplit_once('_')?;
            let gvk = GroupVersionKind::new(group, text(entry, "v"), kind);
            Some(AppObject {
                reference: ObjectRef::new(&gvk, namespace, name.replace("__", ":")),
                sync: None,
                health: None,
                message: String::new(),
                requires_pruning: false,
            })
        })
        .collect()
}

/// Of `status.resources` (Argo CD).
pub(crate) fn of_resources(object: &Object) -> Vec<AppObject> {
    let resources = object.get(&["status", "resources"]).and_then(Value::as_array);
    resources
        .into_iter()
        .flatten()
        .map(|entry| {
            let gvk =
                GroupVersionKind::new(text(entry, "group"), text(entry, "version"), text(entry, "kind"));
            let health = entry.get("health");
            AppObject {
                reference: ObjectRef::new(&gvk, text(entry, "namespace"), text(entry, "name")),
                sync: entry.get("status").and_then(Value::as_str).map(sync_state),
                health: health.map(|health| health_status(text(health, "status"))),
                message: health.map(|health| text(health, "message")).unwrap_or_default().to_owned(),
                requires_pruning: entry.get("requiresPruning").and_then(Value::as_bool).unwrap_or_default(),
            }
        })
        .collect()
}

/// Argo CD's sync codes.
pub(crate) fn sync_state(code: &str) -> SyncState {
    match code {
        "Synced" => SyncState::Synced,
        "OutOfSync" => SyncState::OutOfSync,
        _ => SyncState::Unknown,
    }
}

/// Argo CD's health codes.
pub(crate) fn health_status(code: &str) -> HealthStatus {
    match code {
        "Healthy" => HealthStatus::Healthy,
        "Progressing" => HealthStatus::Progressing,
        "Suspended" => HealthStatus::Suspended,
        "Degraded" => HealthStatus::Degraded,
        "Missing" => HealthStatus::Missing,
        _ => HealthStatus::Unknown,
    }
}

/// The objects that Flux lists in messages such as `timeout waiting for: [Deployment/shop/api status: 'InProgress']`
/// and `health check failed: failed: [Deployment/shop/api: …]`, each with what is said about it.
pub(crate) fn named_in(message: &str) -> Vec<(String, String)> {
    let Some(start) =
        message.find("for: [").map(|at| at + 6).or_else(|| message.find("failed: [").map(|at| at + 9))
    else {
        return Vec::new();
    };
    let list = &message[start..];
    let list = list.rfind(']').map_or(list, |end| &list[..end]);
    list.split(", ")
        .filter_map(|part| {
            let (object, status) = part.trim().split_once([' ', ':']).unwrap_or((part.trim(), ""));
            let status = status.trim().trim_start_matches("status:").trim().trim_matches('\'');
            object.contains('/').then(|| (object.to_owned(), status.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_out_of_flux_s_messages() {
        let check = |message: &str, expected: &[(&str, &str)]| {
            let found = named_in(message);
            let found: Vec<_> = found.iter().map(|(o, s)| (o.as_str(), s.as_str())).collect();
            assert_eq!(found, expected, "{message}");
        };
        check(
            "health check failed after 30s: timeout waiting for: [Deployment/a/b status: 'InProgress', Job/c status: 'NotFound']",
            &[("Deployment/a/b", "InProgress"), ("Job/c", "NotFound")],
        );
        check("health check failed: failed: [Deployment/a/b]", &[("Deployment/a/b", "")]);
        check("Applied revision: main", &[]);
    }

    #[test]
    fn inventories_name_objects_with_colons() {
        let object =
            Object::new(holdfast_object::json!({"apiVersion": "a/v1", "kind": "A", "status": {"inventory":
            {"entries": [{"id": "_system__node_rbac.authorization.k8s.io_ClusterRole", "v": "v1"},
                {"id": "default_podinfo_apps_Deployment", "v": "v1"}, {"id": "nonsense", "v": "v1"}]}}}))
            .unwrap();
        let names: Vec<_> = of_inventory(&object).iter().map(|o| o.reference.to_string()).collect();
        assert_eq!(names, ["ClusterRole/system:node", "Deployment/default/podinfo"]);
    }
}
