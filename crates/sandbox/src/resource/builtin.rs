//! The built-in resources, from the table of a real server.

use super::{Resource, Subresource};
use holdfast_object::schema;

/// Groups in the order in which the original lists them, which decides what an ambiguous short name means. The
/// rest follows by name.
const ORDER: &[&str] = &[
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "flowcontrol.apiserver.k8s.io",
];

/// Every built-in resource in the order of discovery.
pub(super) fn resources() -> Vec<Resource> {
    let mut all: Vec<Resource> = schema::Schemas::builtin().resources().map(resource).collect();
    all.sort_by_key(|r| ORDER.iter().position(|group| *group == r.group).unwrap_or(ORDER.len()));
    all
}

fn resource(known: &schema::Resource) -> Resource {
    let gvk = &known.gvk;
    // The two Event resources are one store.
    let bucket = match known.plural.as_str() {
        "events" => "events".to_owned(),
        plural => bucket(&gvk.group, plural),
    };
    Resource {
        group: gvk.group.clone(),
        version: gvk.version.clone(),
        kind: gvk.kind.clone(),
        plural: known.plural.clone(),
        singular: known.singular.clone(),
        namespaced: known.namespaced,
        short_names: known.short_names.clone(),
        categories: known.categories.clone(),
        verbs: known.verbs.clone(),
        subresources: known.subresources.iter().map(subresource).collect(),
        bucket: bucket.as_str().into(),
        custom: None,
    }
}

fn subresource(known: &schema::Subresource) -> Subresource {
    let gvk = &known.gvk;
    Subresource {
        name: known.name.clone(),
        body: (gvk.group.clone(), gvk.version.clone(), gvk.kind.clone()),
        verbs: known.verbs.clone(),
    }
}

/// The name of a resource's place in the store.
pub(crate) fn bucket(group: &str, plural: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}
