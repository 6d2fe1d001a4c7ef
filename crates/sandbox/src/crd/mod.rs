//! Custom resource definitions: what they add to the server, and the conditions they report.

mod custom;
mod establish;
mod shape;
mod validate;

pub(crate) use custom::{Rules, check, decode, published};
pub(crate) use establish::run;

use crate::field::FieldError;
use crate::resource::{Resource, Subresource};
use holdfast_object::GroupVersionKind;
use holdfast_object::schema::Schemas;
use serde_json::Value;
use std::sync::Arc;

/// The bucket of the definitions themselves.
pub(crate) const BUCKET: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// One version of a custom resource.
#[derive(Debug)]
pub(crate) struct CustomVersion {
    pub(crate) list_kind: String,
    /// The same as types, for merges.
    pub(crate) types: Option<Schemas>,
    /// `openAPIV3Schema`.
    pub(crate) schema: Option<Value>,
    /// The schema's `x-kubernetes-validations`.
    pub(crate) rules: Rules,
    /// Paths of the scale subresource: spec replicas, status replicas, label selector.
    pub(crate) scale: Option<ScalePaths>,
    /// `additionalPrinterColumns`.
    pub(crate) columns: Vec<Value>,
    /// `(warning)` when the version is deprecated.
    pub(crate) deprecation: Option<String>,
    /// Unknown fields are kept everywhere.
    pub(crate) preserve_unknown: bool,
}

/// Where a custom resource keeps what Scale shows.
#[derive(Debug, Clone)]
pub(crate) struct ScalePaths {
    pub(crate) spec_replicas: String,
    pub(crate) status_replicas: String,
    pub(crate) selector: Option<String>,
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

/// True when a condition of an object is `True`.
pub(crate) fn has_condition(object: &Value, name: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|c| c["type"] == name && c["status"] == "True")
}

/// The resources of an established definition, one for each served version.
pub(crate) fn resources(definition: &Value) -> Vec<Resource> {
    let spec = &definition["spec"];
    let names = &definition["status"]["acceptedNames"];
    let group = text(spec, "group");
    let (plural, kind) = (text(names, "plural"), text(names, "kind"));
    let versions = spec["versions"].as_array().into_iter().flatten();
    versions
        .filter(|version| version["served"] == true)
        .map(|version| {
            let name = text(version, "name");
            let subresources = subresources(group, name, kind, &version["subresources"]);
            Resource {
                group: group.into(),
                version: name.into(),
                kind: kind.into(),
                plural: plural.into(),
                singular: text(names, "singular").into(),
                namespaced: text(spec, "scope") == "Namespaced",
                short_names: texts(names.get("shortNames")),
                categories: texts(names.get("categories")),
                verbs: ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
                    .map(str::to_owned)
                    .to_vec(),
                subresources,
                bucket: crate::resource::bucket(group, plural).as_str().into(),
                custom: Some(Arc::new(custom_version(spec, names, version))),
            }
        })
        .collect()
}

fn custom_version(spec: &Value, names: &Value, version: &Value) -> CustomVersion {
    let scale = version["subresources"].get("scale").filter(|s| s.is_object());
    let api_version = format!("{}/{}", text(spec, "group"), text(version, "name"));
    let deprecation = (version["deprecated"] == true).then(|| match version["deprecationWarning"].as_str() {
        Some(warning) => warning.to_owned(),
        None => format!("{api_version} {} is deprecated", text(names, "kind")),
    });
    let schema = version["schema"].get("openAPIV3Schema").cloned();
    let gvk = GroupVersionKind::new(text(spec, "group"), text(version, "name"), text(names, "kind"));
    CustomVersion {
        // A schema that is not structural is refused when it is written; untyped merges are the answer to the rest.
        types: schema.as_ref().and_then(|schema| Schemas::from_crd_schema(gvk, schema).ok()),
        list_kind: text(names, "listKind").into(),
        schema,
        rules: Rules::default(),
        scale: scale.map(|s| ScalePaths {
            spec_replicas: text(s, "specReplicasPath").into(),
            status_replicas: text(s, "statusReplicasPath").into(),
            selector: s["labelSelectorPath"].as_str().map(str::to_owned),
        }),
        columns: version["additionalPrinterColumns"].as_array().cloned().unwrap_or_default(),
        deprecation,
        preserve_unknown: spec["preserveUnknownFields"] == true,
    }
}

fn subresources(group: &str, version: &str, kind: &str, wanted: &Value) -> Vec<Subresource> {
    let verbs = || ["get", "patch", "update"].map(str::to_owned).to_vec();
    let mut out = Vec::new();
    if wanted.get("status").is_some_and(|s| !s.is_null()) {
        let body = (group.to_owned(), version.to_owned(), kind.to_owned());
        out.push(Subresource { name: "status".into(), body, verbs: verbs() });
    }
    if wanted.get("scale").is_some_and(|s| !s.is_null()) {
        let body = ("autoscaling".to_owned(), "v1".to_owned(), "Scale".to_owned());
        out.push(Subresource { name: "scale".into(), body, verbs: verbs() });
    }
    out
}

/// True for the resource of the definitions themselves.
pub(crate) fn is_definition(resource: &Resource) -> bool {
    resource.is("apiextensions.k8s.io", "customresourcedefinitions")
}

/// Keeps a definition that is being deleted until its objects are gone.
pub(crate) fn hold(definition: &mut Value) {
    let mut finalizers = texts(definition["metadata"].get("finalizers"));
    if !finalizers.iter().any(|f| f == establish::FINALIZER) {
        finalizers.push(establish::FINALIZER.to_owned());
    }
    definition["metadata"]["finalizers"] = serde_json::json!(finalizers);
}

/// The versions in which a definition's objects are stored.
pub(crate) fn storage_versions(definition: &Value) -> Vec<String> {
    let versions = definition["spec"]["versions"].as_array().into_iter().flatten();
    versions.filter(|v| v["storage"] == true).filter_map(|v| v["name"].as_str()).map(str::to_owned).collect()
}

/// The rules of a definition.
pub(crate) fn check_definition(definition: &Value, errors: &mut Vec<FieldError>) {
    let spec = &definition["spec"];
    let (group, plural) = (text(spec, "group"), text(&spec["names"], "plural"));
    let name = text(&definition["metadata"], "name");
    let wanted = format!("{plural}.{group}");
    if name != wanted {
        let why = "must be spec.names.plural+\".\"+spec.group".to_owned();
        errors.push(FieldError::invalid_text("metadata.name", name, why));
    }
    for (value, field) in [
        (group, "spec.group"),
        (plural, "spec.names.plural"),
        (text(&spec["names"], "kind"), "spec.names.kind"),
    ] {
        if value.is_empty() {
            errors.push(FieldError::required(field, ""));
        }
    }
    if !matches!(text(spec, "scope"), "Namespaced" | "Cluster") {
        errors.push(FieldError::not_supported("spec.scope", &spec["scope"], &["Cluster", "Namespaced"]));
    }
    let versions: Vec<&Value> = spec["versions"].as_array().into_iter().flatten().collect();
    if versions.iter().filter(|v| v["storage"] == true).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid("spec.versions", &spec["versions"], why));
    }
    for (index, version) in versions.iter().enumerate() {
        if version["schema"].get("openAPIV3Schema").is_none() {
            let field = format!("spec.versions[{index}].schema.openAPIV3Schema");
            errors.push(FieldError::required(&field, ""));
        }
    }
}

/// Fills in what a new definition leaves out.
pub(crate) fn prepare(definition: &mut Value) {
    let names = &mut definition["spec"]["names"];
    let kind = text(names, "kind").to_owned();
    if text(names, "singular").is_empty() {
        names["singular"] = kind.to_lowercase().into();
    }
    if text(names, "listKind").is_empty() && !kind.is_empty() {
        names["listKind"] = format!("{kind}List").into();
    }
    if text(&definition["spec"]["conversion"], "strategy").is_empty() {
        definition["spec"]["conversion"] = serde_json::json!({"strategy": "None"});
    }
}
