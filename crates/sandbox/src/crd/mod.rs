//! Custom resource definitions: what they add to the server, and the conditions they report.

mod custom;
mod establish;
mod shape;
mod structural;
mod validate;

pub(crate) use custom::{Rules, check, decode, published, reshape};
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
    /// The name of the version in which objects are stored.
    pub(crate) storage_version: String,
    /// That version's schema, where there are several versions.
    pub(crate) storage_schema: Option<Value>,
    /// `selectableFields`, as paths without the first dot.
    pub(crate) selectable: Vec<String>,
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
    let versions: Vec<&Value> = spec["versions"].as_array().into_iter().flatten().collect();
    let storage = versions.iter().copied().find(|v| v["storage"] == true);
    let scale = version["subresources"].get("scale").filter(|s| s.is_object());
    let api_version = format!("{}/{}", text(spec, "group"), text(version, "name"));
    let deprecation = (version["deprecated"] == true).then(|| match version["deprecationWarning"].as_str() {
        Some(warning) => warning.to_owned(),
        None => {
            let kind = text(names, "kind");
            let newer = newer_version(spec, text(version, "name"));
            let instead = newer.map(|newer| format!("; use {}/{newer} {kind}", text(spec, "group")));
            format!("{api_version} {kind} is deprecated{}", instead.unwrap_or_default())
        }
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
        storage_version: storage.map(|v| text(v, "name").to_owned()).unwrap_or_default(),
        storage_schema: storage
            .filter(|_| versions.len() > 1)
            .map(|v| v["schema"].get("openAPIV3Schema").cloned().unwrap_or_default()),
        selectable: version["selectableFields"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|field| text(field, "jsonPath").trim_start_matches('.').to_owned())
            .collect(),
        deprecation,
        preserve_unknown: spec["preserveUnknownFields"] == true,
    }
}

/// The best served version above another that is not deprecated itself.
fn newer_version<'a>(spec: &'a Value, version: &str) -> Option<&'a str> {
    use crate::resource::version_order;
    let versions = spec["versions"].as_array().into_iter().flatten();
    let fit = versions.filter(|v| v["served"] == true && v["deprecated"] != true).map(|v| text(v, "name"));
    fit.filter(|name| version_order(name) > version_order(version)).max_by_key(|name| version_order(name))
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

/// What a definition says, as far as the server that follows it has to know.
#[derive(Debug)]
pub(crate) struct Says {
    pub(crate) group: String,
    /// The names that it has, once they are accepted.
    pub(crate) accepted: Vec<String>,
    /// What it serves, once it is established.
    pub(crate) serves: Vec<Resource>,
    /// Its status follows from its spec already.
    pub(crate) is_settled: bool,
}

impl Says {
    pub(crate) fn of(definition: &Value) -> Self {
        let (spec, status) = (&definition["spec"], &definition["status"]);
        let (accepts, serves) =
            (has_condition(definition, "NamesAccepted"), has_condition(definition, "Established"));
        let stored = texts(status.get("storedVersions"));
        let is_settled = accepts
            && serves
            && status["acceptedNames"] == spec["names"]
            && storage_versions(definition).iter().all(|version| stored.contains(version));
        Self {
            group: text(spec, "group").to_owned(),
            accepted: if accepts { establish::all_names(&status["acceptedNames"]) } else { Vec::new() },
            serves: if serves { resources(definition) } else { Vec::new() },
            is_settled,
        }
    }
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
pub(crate) fn check_definition(old: Option<&Value>, definition: &Value, errors: &mut Vec<FieldError>) {
    let spec = &definition["spec"];
    if let Some(old) = old.filter(|old| has_condition(old, "Established")) {
        for (field, place) in [
            ("spec.group", "/group"),
            ("spec.scope", "/scope"),
            ("spec.names.plural", "/names/plural"),
            ("spec.names.kind", "/names/kind"),
        ] {
            let (before, after) = (old["spec"].pointer(place), spec.pointer(place));
            if before != after {
                errors.push(FieldError::invalid(field, after.unwrap_or(&Value::Null), "field is immutable"));
            }
        }
    }
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
    for (value, field) in
        [(plural, "spec.names.plural"), (text(&spec["names"], "singular"), "spec.names.singular")]
    {
        if !value.is_empty() {
            check_label(value, field, errors);
        }
    }
    if !matches!(text(spec, "scope"), "Namespaced" | "Cluster") {
        errors.push(FieldError::not_supported("spec.scope", &spec["scope"], &["Cluster", "Namespaced"]));
    }
    let versions: Vec<&Value> = spec["versions"].as_array().into_iter().flatten().collect();
    check_version_names(spec, &versions, errors);
    if versions.iter().filter(|v| v["storage"] == true).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid("spec.versions", &spec["versions"], why));
    }
    if spec["preserveUnknownFields"] == true {
        errors.push(FieldError::invalid("spec.preserveUnknownFields", &Value::Bool(true), "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"));
    }
    let strategy = &spec["conversion"]["strategy"];
    if !strategy.is_null() && !matches!(strategy.as_str(), Some("None" | "Webhook")) {
        errors.push(FieldError::not_supported("spec.conversion.strategy", strategy, &["None", "Webhook"]));
    }
    check_conversion(spec, errors);
    check_versions(&versions, errors);
    check_schemas(&versions, errors);
    if group.ends_with(".k8s.io") || group.ends_with(".kubernetes.io") {
        check_approval(definition, errors);
    }
}

fn check_label(value: &str, field: &str, errors: &mut Vec<FieldError>) {
    let problems = crate::names::dns_1035_problems(value);
    errors.extend(problems.into_iter().map(|problem| FieldError::invalid_text(field, value, problem)));
}

/// The versions' names: labels, each once. The original keeps the first one in a field of its own, and names that, too.
fn check_version_names(spec: &Value, versions: &[&Value], errors: &mut Vec<FieldError>) {
    let names: Vec<&str> = versions.iter().map(|version| text(version, "name")).collect();
    for (index, name) in names.iter().enumerate() {
        check_label(name, &format!("spec.versions[{index}].name"), errors);
    }
    if let Some(first) = names.first() {
        check_label(first, "spec.version", errors);
    }
    let distinct: std::collections::HashSet<&str> = names.iter().copied().collect();
    if distinct.len() < names.len() {
        errors.push(FieldError::invalid(
            "spec.versions",
            &spec["versions"],
            "must contain unique version names",
        ));
    }
}

/// Groups of the project itself need its word.
fn check_approval(definition: &Value, errors: &mut Vec<FieldError>) {
    const APPROVAL: &str = "api-approved.kubernetes.io";
    if definition["metadata"]["annotations"].get(APPROVAL).is_none() {
        let why = format!(
            "protected groups must have approval annotation \"{APPROVAL}\", see https://github.com/kubernetes/enhancements/pull/1111"
        );
        errors.push(FieldError::required(&format!("metadata.annotations[{APPROVAL}]"), why));
    }
}

fn check_conversion(spec: &Value, errors: &mut Vec<FieldError>) {
    let conversion = &spec["conversion"];
    if conversion["strategy"] == "Webhook" {
        if conversion["webhook"]["clientConfig"].is_null() {
            let why = "required when strategy is set to Webhook";
            errors.push(FieldError::required("spec.conversion.webhookClientConfig", why));
        }
        if texts(conversion["webhook"].get("conversionReviewVersions")).is_empty() {
            errors.push(FieldError::required("spec.conversion.conversionReviewVersions", ""));
        }
    }
}

/// Where the versions' own fields are told: what all of them share, the original keeps and names in one place.
fn place_of(versions: &[&Value], index: usize, key: &str) -> String {
    let shared = versions.iter().all(|version| version[key] == versions[0][key]);
    if shared { format!("spec.{key}") } else { format!("spec.versions[{index}].{key}") }
}

const SIMPLE_PATH: &str = "must be a simple json path starting with .";

/// Columns and places of replicas.
fn check_versions(versions: &[&Value], errors: &mut Vec<FieldError>) {
    for (index, version) in versions.iter().enumerate() {
        let columns = version["additionalPrinterColumns"].as_array();
        for (at, column) in columns.into_iter().flatten().enumerate() {
            let field = format!("{}[{at}]", place_of(versions, index, "additionalPrinterColumns"));
            let kind = text(column, "type");
            if !matches!(kind, "boolean" | "date" | "integer" | "number" | "string") {
                let why = "must be one of boolean,date,integer,number,string";
                errors.push(FieldError::invalid_text(&format!("{field}.type"), kind, why));
            }
            let path = text(column, "jsonPath");
            if !path.starts_with('.') {
                errors.push(FieldError::invalid_text(&format!("{field}.JSONPath"), path, SIMPLE_PATH));
            }
        }
        let scale = &version["subresources"]["scale"];
        for key in ["specReplicasPath", "statusReplicasPath"] {
            if let Some(path) = scale[key].as_str().filter(|path| !path.starts_with('.')) {
                let field = format!("{}.scale.{key}", place_of(versions, index, "subresources"));
                errors.push(FieldError::invalid_text(&field, path, SIMPLE_PATH));
            }
        }
    }
}

/// The rules of the versions' schemas. The original keeps what all versions share in one place, and names that.
fn check_schemas(versions: &[&Value], errors: &mut Vec<FieldError>) {
    let schema = |version: &Value| version["schema"].get("openAPIV3Schema").cloned();
    for (index, version) in versions.iter().enumerate() {
        if schema(version).is_none() {
            let field = format!("spec.versions[{index}].schema.openAPIV3Schema");
            errors.push(FieldError::required(&field, ""));
        }
    }
    let first = versions.first().and_then(|version| schema(version));
    if let Some(shared) = first.filter(|first| versions.iter().all(|v| schema(v).as_ref() == Some(first))) {
        structural::check(&shared, "spec.validation.openAPIV3Schema", errors);
        return;
    }
    for (index, version) in versions.iter().enumerate() {
        if let Some(schema) = schema(version) {
            structural::check(&schema, &format!("spec.versions[{index}].schema.openAPIV3Schema"), errors);
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
