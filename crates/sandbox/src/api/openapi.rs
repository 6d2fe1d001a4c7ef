//! OpenAPI v3: an index, and a document for each group and version.

use super::openapi_types::{Components, published_name};
use crate::resource::{Registry, Resource};
use crate::status::{ApiError, ApiResult};
use holdfast_object::schema::Schemas;
use serde_json::{Map, Value, json};

/// `/openapi/v3`.
pub(super) fn index(registry: &Registry) -> Value {
    let mut paths = Map::new();
    for (group, found) in registry.groups() {
        for version in &found.versions {
            let path = group_path(group, &version.version);
            let names: Vec<String> = version.resources.iter().map(|r| format!("{r:?}")).collect();
            let hash = crate::random::stable_hash(names.concat().as_bytes());
            paths.insert(
                path.clone(),
                json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={hash:016X}")}),
            );
        }
    }
    json!({ "paths": paths })
}

fn group_path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// `/openapi/v3/api/v1` and `/openapi/v3/apis/GROUP/VERSION`.
pub(super) fn document(registry: &Registry, path: &str) -> ApiResult<Value> {
    let (group, version) = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["api", version] => (String::new(), (*version).to_owned()),
        ["apis", group, version] => ((*group).to_owned(), (*version).to_owned()),
        _ => return Err(ApiError::no_such_path()),
    };
    let found = registry.group_version(&group, &version).ok_or_else(ApiError::no_such_path)?;
    let (mut paths, mut components) = (Map::new(), Components::default());
    for resource in &found.resources {
        add_schema(&mut components, resource);
        add_paths(&mut paths, resource);
    }
    Ok(json!({
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": super::VERSION.2},
        "paths": paths,
        "components": {"schemas": components.schemas},
    }))
}

/// The type of what a patch sends: anything.
const PATCH: &str = "meta.v1.Patch";

fn reversed(group: &str) -> String {
    group.split('.').rev().collect::<Vec<_>>().join(".")
}

fn schema_name(resource: &Resource) -> String {
    if resource.custom.is_none() {
        return published_name(&resource.type_name());
    }
    format!("{}.{}.{}", reversed(&resource.group), resource.version, resource.kind)
}

fn gvk(resource: &Resource) -> Value {
    json!({"group": resource.group, "version": resource.version, "kind": resource.kind})
}

fn add_schema(components: &mut Components, resource: &Resource) {
    let name = schema_name(resource);
    match (&resource.custom, resource.builtin_type()) {
        (Some(custom), _) => {
            components.schemas.insert(name.clone(), crate::crd::published(custom));
            if let Some(meta) = Schemas::builtin().named("meta.v1.ObjectMeta") {
                let schema = components.inline(meta);
                components.schemas.insert(published_name("meta.v1.ObjectMeta"), schema);
            }
        }
        (None, Some(ty)) => {
            let schema = components.inline(ty);
            components.schemas.insert(name.clone(), schema);
        }
        (None, None) => return,
    }
    components.schemas.entry(published_name(PATCH)).or_insert_with(|| json!({"type": "object"}));
    components.schemas[&name]["x-kubernetes-group-version-kind"] = json!([gvk(resource)]);
}

/// The patches that a kind takes. kubectl looks here whether it may send a strategic merge patch, and computes it by this
/// document's merge keys then; otherwise it asks for OpenAPI v2.
fn patches(resource: &Resource) -> Value {
    let strategic = resource.custom.is_none().then_some("application/strategic-merge-patch+json");
    let types =
        ["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"];
    let schema = json!({"schema": {"$ref": format!("#/components/schemas/{}", published_name(PATCH))}});
    let content = types.into_iter().chain(strategic).map(|media| (media.to_owned(), schema.clone()));
    json!({"content": content.collect::<Map<_, _>>()})
}

fn add_paths(paths: &mut Map<String, Value>, resource: &Resource) {
    let base = format!("/{}", group_path(&resource.group, &resource.version));
    let scope = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
    let collection = format!("{base}{scope}/{}", resource.plural);
    let body = json!({"content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{}", schema_name(resource))}}}});
    let patches = patches(resource);
    let operation = |action: &str, params: &[&str], sent: Option<&Value>| {
        let parameters: Vec<Value> = params
            .iter()
            .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}))
            .collect();
        let mut operation = json!({
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk(resource),
            "parameters": parameters, "responses": {"200": body},
        });
        operation["responses"]["200"]["description"] = "OK".into();
        if let Some(sent) = sent {
            operation["requestBody"] = sent.clone();
        }
        operation
    };
    const WRITE: &[&str] = &["dryRun", "fieldManager", "fieldValidation"];
    const CHANGE: &[&str] = &["dryRun", "fieldManager", "fieldValidation", "force"];
    let (mut many, mut one) = (json!({}), json!({}));
    for (verb, place, method, action, params) in [
        ("list", 0, "get", "list", &["labelSelector", "fieldSelector", "limit", "continue", "watch"][..]),
        ("create", 0, "post", "post", WRITE),
        ("get", 1, "get", "get", &[]),
        ("update", 1, "put", "put", WRITE),
        ("patch", 1, "patch", "patch", CHANGE),
        ("delete", 1, "delete", "delete", &["dryRun", "propagationPolicy", "gracePeriodSeconds"]),
    ] {
        if resource.has_verb(verb) {
            let target = if place == 0 { &mut many } else { &mut one };
            let sent = match method {
                "post" | "put" => Some(&body),
                "patch" => Some(&patches),
                _ => None,
            };
            target[method] = operation(action, params, sent);
        }
    }
    paths.insert(collection.clone(), many);
    if resource.has_storage() {
        paths.insert(format!("{collection}/{{name}}"), one);
    }
}
