//! Objects that another Kustomization claims, too.
//!
//! With Flux the last one to apply such an object has it, and its labels with it, until the other's next interval.
//! Where drift is healed as soon as it is seen, two Kustomizations would take an object from each other without end;
//! so between intervals each leaves it to the other.

use holdfast_object::{Object, ObjectKey, ObjectRef};
use holdfast_types::flux::{KUSTOMIZE_GROUP, kustomization};

/// The Kustomization whose labels an object carries, when that is not this one.
pub(super) fn claimant(live: &Object, own: &ObjectKey) -> Option<ObjectKey> {
    let label = |name: &str| live.label(&format!("{KUSTOMIZE_GROUP}/{name}"));
    let (name, namespace) = (label("name")?, label("namespace")?);
    let is_own = name == own.name && namespace == own.namespace;
    (!is_own).then(|| ObjectRef::new(&kustomization(), namespace, name).key)
}

/// What is said about objects that others claim: a line for each.
pub(super) fn warning(own: &ObjectKey, claims: &[(ObjectKey, ObjectKey)]) -> String {
    let lines = claims.iter().map(|(object, other)| {
        format!(
            "{object} is applied by Kustomization {}/{} and by {}/{}; it belongs to the last one that applied it",
            own.namespace, own.name, other.namespace, other.name
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::{Value, json};

    #[test]
    fn another_kustomization_is_told_by_its_labels() {
        let own = ObjectRef::new(&kustomization(), "n", "a").key;
        let of = |labels: Value| {
            let object =
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": labels}});
            claimant(&Object::new(object).unwrap(), &own).map(|key| format!("{}/{}", key.namespace, key.name))
        };
        let labels = |name: &str, namespace: &str| json!({"kustomize.toolkit.fluxcd.io/name": name, "kustomize.toolkit.fluxcd.io/namespace": namespace});
        assert_eq!(of(json!({})), None);
        assert_eq!(of(json!({"kustomize.toolkit.fluxcd.io/name": "b"})), None);
        assert_eq!(of(labels("a", "n")), None);
        assert_eq!(of(labels("b", "n")), Some("n/b".into()));
        assert_eq!(of(labels("a", "m")), Some("m/a".into()));
    }
}
