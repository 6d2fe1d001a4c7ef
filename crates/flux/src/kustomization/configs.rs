//! ConfigMaps and Secrets that a Kustomization takes variables, keys and kubeconfigs from.
//!
//! As with Flux a change of one counts at the next reconcile, and at once where it carries the label
//! `reconcile.fluxcd.io/watch: Enabled` (`--watch-configs-label-selector`).

use crate::Shared;
use holdfast_object::{GroupVersionKind, ObjectKey, ObjectRef};
use holdfast_sync::{Live, LiveView};
use holdfast_types::flux::KustomizationSpec;

/// The versions of those whose change is news, in the order in which the spec names them.
pub(super) type Versions = Vec<(ObjectKey, String)>;

/// Everything that a spec takes something from.
pub(super) fn references(namespace: &str, spec: &KustomizationSpec) -> Vec<ObjectRef> {
    let part =
        |kind: &str, name: &str| ObjectRef::new(&GroupVersionKind::new("", "v1", kind), namespace, name);
    let from = spec.post_build.iter().flat_map(|post_build| &post_build.substitute_from);
    let decryption = spec.decryption.iter().filter_map(|decryption| decryption.secret_ref.as_ref());
    let (secrets, maps) = (
        spec.kube_config.iter().filter_map(|k| k.secret_ref.as_ref()),
        spec.kube_config.iter().filter_map(|k| k.config_map_ref.as_ref()),
    );
    from.map(|reference| part(&reference.kind, &reference.name))
        .chain(decryption.map(|secret| part("Secret", &secret.name)))
        .chain(secrets.map(|secret| part("Secret", &secret.name)))
        .chain(maps.map(|map| part("ConfigMap", &map.name)))
        .collect()
}

/// The versions of those whose change is news; `None` while they are on their way. Where rights do not allow to watch
/// them, no change of them is news.
pub(super) async fn versions(shared: &Shared, parts: &[ObjectRef]) -> Option<Versions> {
    let Some(selector) = shared.options.watch_configs.as_ref().filter(|_| !parts.is_empty()) else {
        return Some(Versions::new());
    };
    let live = shared.engine.live();
    if let Err(error) = live.ensure_objects(parts).await {
        tracing::debug!(%error, "changes of what variables and keys come from are not seen");
        return Some(Versions::new());
    }
    let mut versions = Versions::new();
    for part in parts {
        match live.get(part) {
            Live::Present(found) if selector.selects(&found.object) => {
                let version = format!("{}/{}", found.object.uid(), found.object.resource_version());
                versions.push((part.key.clone(), version));
            }
            Live::Unknown if live.failure(&part.gvk()).is_none() => return None,
            _ => {}
        }
    }
    Some(versions)
}
