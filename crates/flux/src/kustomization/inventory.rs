//! Flux' inventory: what a Kustomization applied, in its status.
//!
//! An id is `<namespace>_<name>_<group>_<kind>`; a `:` in a name (RBAC allows it) is written `__`
//! (`cli-utils/pkg/object`, metadata).

use holdfast_object::{GroupVersionKind, ObjectRef, Value, json};

/// Reads `status.inventory`; entries that cannot be read are passed over, and so never pruned.
pub(super) fn read(status: &Value) -> Vec<ObjectRef> {
    let entries = status.pointer("/inventory/entries").and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(read_entry).collect()
}

fn read_entry(entry: &Value) -> Option<ObjectRef> {
    let id = entry.get("id")?.as_str()?;
    let version = entry.get("v")?.as_str()?;
    let (namespace, rest) = id.split_once('_')?;
    // The name may hold '__' for ':', so group and kind, which hold no '_', are read from the end.
    let (rest, kind) = rest.rsplit_once('_')?;
    let (name, group) = rest.rsplit_once('_')?;
    Some(ObjectRef::new(&GroupVersionKind::new(group, version, kind), namespace, name.replace("__", ":")))
}

/// Writes an inventory, sorted as Flux sorts it: by id.
pub(super) fn write(objects: &[ObjectRef]) -> Value {
    let mut entries: Vec<(String, &str)> = objects
        .iter()
        .map(|object| {
            let key = &object.key;
            let name = key.name.replace(':', "__");
            (format!("{}_{name}_{}_{}", key.namespace, key.group, key.kind), object.version.as_str())
        })
        .collect();
    entries.sort();
    entries.dedup();
    json!({"entries": entries.into_iter().map(|(id, v)| json!({"id": id, "v": v})).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_written_back() {
        let ids = [
            ("default_podinfo_apps_Deployment", "v1"),
            ("_podinfo__Namespace", "v1"),
            ("_system__node_rbac.authorization.k8s.io_ClusterRole", "v1"),
        ];
        let entries: Vec<_> = ids.iter().map(|(id, v)| json!({"id": id, "v": v})).collect();
        let status = json!({"inventory": {"entries": entries}});
        let read = read(&status);
        assert_eq!(read[0].to_string(), "Deployment/default/podinfo");
        assert_eq!(read[1].to_string(), "Namespace/podinfo");
        assert_eq!(read[2].key.name, "system:node");
        let written = write(&read);
        assert_eq!(written["entries"].as_array().unwrap().len(), 3);
        assert_eq!(super::read(&json!({"inventory": written})).len(), 3);
    }

    #[test]
    fn broken_entries_are_never_pruned() {
        assert_eq!(
            read(&json!({"inventory": {"entries": [{"id": "nonsense", "v": "v1"}, {"v": "v1"}]}})),
            []
        );
    }
}
