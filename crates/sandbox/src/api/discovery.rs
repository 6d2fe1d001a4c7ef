//! Which groups, versions and resources there are: the lists of old, and the aggregated document.

use super::answer::Answer;
use crate::resource::{Group, GroupVersion, Registry, Resource};
use crate::status::{ApiError, ApiResult};
use serde_json::{Value, json};

pub(super) const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `/api`.
pub(super) fn legacy_versions() -> Value {
    json!({
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:443"}],
    })
}

/// `/apis`.
pub(super) fn groups(registry: &Registry) -> Value {
    let groups: Vec<Value> = registry
        .groups()
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, group)| group_value(name, group))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub(super) fn group(registry: &Registry, name: &str) -> ApiResult<Value> {
    let group = registry.group(name).filter(|_| !name.is_empty()).ok_or_else(ApiError::no_such_path)?;
    let mut value = group_value(name, group);
    value["kind"] = "APIGroup".into();
    value["apiVersion"] = "v1".into();
    Ok(value)
}

fn group_value(name: &str, group: &Group) -> Value {
    let versions: Vec<Value> = group
        .versions
        .iter()
        .map(|v| json!({"groupVersion": format!("{name}/{}", v.version), "version": v.version}))
        .collect();
    let preferred = versions.first().cloned().unwrap_or_default();
    json!({"name": name, "versions": versions, "preferredVersion": preferred})
}

/// `/api/v1` and `/apis/GROUP/VERSION`.
pub(super) fn resources(registry: &Registry, group: &str, version: &str) -> ApiResult<Value> {
    let found = registry.group_version(group, version).ok_or_else(ApiError::no_such_resource)?;
    let mut list = Vec::new();
    for resource in sorted(found) {
        list.push(resource_value(resource));
        for sub in &resource.subresources {
            let (g, v, kind) = &sub.body;
            let mut value = json!({
                "name": format!("{}/{}", resource.plural, sub.name), "singularName": "",
                "namespaced": resource.namespaced,
            });
            if (g, v) != (&resource.group, &resource.version) {
                value["group"] = g.as_str().into();
                value["version"] = v.as_str().into();
            }
            value["kind"] = kind.as_str().into();
            value["verbs"] = json!(sub.verbs);
            list.push(value);
        }
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut value = json!({"kind": "APIResourceList"});
    if !group.is_empty() {
        value["apiVersion"] = "v1".into();
    }
    value["groupVersion"] = group_version.into();
    value["resources"] = list.into();
    Ok(value)
}

fn sorted(version: &GroupVersion) -> Vec<&Resource> {
    let mut resources: Vec<&Resource> = version.resources.iter().map(AsRef::as_ref).collect();
    resources.sort_by(|a, b| a.plural.cmp(&b.plural));
    resources
}

fn resource_value(resource: &Resource) -> Value {
    let mut value = json!({
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": resource.verbs,
    });
    if !resource.short_names.is_empty() {
        value["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        value["categories"] = json!(resource.categories);
    }
    if resource.has_verb("create") && resource.has_storage() {
        value["storageVersionHash"] = version_hash(resource).into();
    }
    value
}

/// Tells clients when objects are stored in another form: a hash of where they are stored.
fn version_hash(resource: &Resource) -> String {
    use base64::Engine;
    use sha2::Digest;
    let (group, version) = match (resource.group.as_str(), resource.plural.as_str()) {
        ("autoscaling", "horizontalpodautoscalers") => ("autoscaling", "v2"),
        ("events.k8s.io", "events") => ("", "v1"),
        (group, _) => match &resource.custom {
            Some(custom) => (group, custom.storage_version.as_str()),
            None => (group, resource.version.as_str()),
        },
    };
    let hash = sha2::Sha256::digest(format!("{group}/{version}/{}", resource.kind));
    base64::engine::general_purpose::STANDARD.encode(&hash[..8])
}

/// The aggregated form of `/api` (`core`) or `/apis`.
pub(super) fn aggregated(registry: &Registry, core: bool) -> Answer {
    let items: Vec<Value> = registry
        .groups()
        .filter(|(name, _)| name.is_empty() == core)
        .map(|(name, group)| {
            let versions: Vec<Value> = group.versions.iter().map(aggregated_version).collect();
            let mut meta = json!({"creationTimestamp": null});
            if !core {
                meta = json!({"name": name, "creationTimestamp": null});
            }
            json!({"metadata": meta, "versions": versions})
        })
        .collect();
    let value = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items});
    Answer::json(200, &value).with_type(AGGREGATED)
}

/// Built-in resources leave out the group and version that they share with their list.
fn response_kind(resource: &Resource, group: &str, version: &str, kind: &str) -> Value {
    if resource.custom.is_none() && group == resource.group && version == resource.version {
        return json!({"group": "", "version": "", "kind": kind});
    }
    json!({"group": group, "version": version, "kind": kind})
}

fn aggregated_version(version: &GroupVersion) -> Value {
    let resources: Vec<Value> = sorted(version)
        .into_iter()
        .map(|resource| {
            let mut value = json!({
                "resource": resource.plural,
                "responseKind": response_kind(resource, &resource.group, &resource.version, &resource.kind),
                "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
                "singularResource": resource.singular,
                "verbs": resource.verbs,
            });
            if !resource.short_names.is_empty() {
                value["shortNames"] = json!(resource.short_names);
            }
            if !resource.categories.is_empty() {
                value["categories"] = json!(resource.categories);
            }
            if !resource.subresources.is_empty() {
                let subs: Vec<Value> = resource
                    .subresources
                    .iter()
                    .map(|sub| {
                        let (group, version, kind) = &sub.body;
                        json!({"subresource": sub.name, "responseKind": response_kind(resource, group, version, kind), "verbs": sub.verbs})
                    })
                    .collect();
                value["subresources"] = subs.into();
            }
            value
        })
        .collect();
    json!({"version": version.version, "resources": resources, "freshness": "Current"})
}
