use super::SchemaError;
use crate::GroupVersionKind;
use serde_json::Value;

/// A resource of the API: where a kind is served and what can be done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Group, version and kind of its objects.
    pub gvk: GroupVersionKind,
    /// Name in URLs: `deployments`.
    pub plural: String,
    /// Name of one: `deployment`.
    pub singular: String,
    /// Names for the command line: `deploy`.
    pub short_names: Vec<String>,
    /// True when objects live in namespaces.
    pub namespaced: bool,
    /// `get`, `list`, `create`…, sorted.
    pub verbs: Vec<String>,
    /// Groups for the command line: `all`.
    pub categories: Vec<String>,
    /// What lies below an object's URL, sorted by name.
    pub subresources: Vec<Subresource>,
}

/// A subresource such as `status` or `scale`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subresource {
    /// Last segment of the URL.
    pub name: String,
    /// Kind of what it answers; `Scale` for `scale`.
    pub gvk: GroupVersionKind,
    /// What can be done with it, sorted.
    pub verbs: Vec<String>,
}

impl Resource {
    /// True when it has the subresource.
    pub fn has_subresource(&self, name: &str) -> bool {
        self.subresources.iter().any(|s| s.name == name)
    }

    pub(super) fn sort_key(&self) -> (&str, &str, &str) {
        (&self.gvk.group, &self.gvk.version, &self.plural)
    }
}

/// The resources of an `APIGroupDiscoveryList` (aggregated discovery).
pub(super) fn from_aggregated(document: &Value, into: &mut Vec<Resource>) -> Result<(), SchemaError> {
    for group in list(document, "items") {
        let name = text(&group["metadata"], "name");
        for version in list(group, "versions") {
            for resource in list(version, "resources") {
                let parent = GroupVersionKind::new(name, text(version, "version"), "");
                let mut subresources = Vec::new();
                for sub in list(resource, "subresources") {
                    subresources.push(Subresource {
                        name: text(sub, "subresource").to_owned(),
                        gvk: response_kind(sub, &parent),
                        verbs: sorted(sub, "verbs"),
                    });
                }
                subresources.sort_by(|a, b| a.name.cmp(&b.name));
                into.push(Resource {
                    gvk: response_kind(resource, &parent),
                    plural: text(resource, "resource").to_owned(),
                    singular: text(resource, "singularResource").to_owned(),
                    short_names: texts(resource, "shortNames"),
                    namespaced: text(resource, "scope") == "Namespaced",
                    verbs: sorted(resource, "verbs"),
                    categories: texts(resource, "categories"),
                    subresources,
                });
            }
        }
    }
    Ok(())
}

/// The resources of an `APIResourceList`: one group and version, with subresources as `parent/name`.
pub(super) fn from_plain(document: &Value, into: &mut Vec<Resource>) -> Result<(), SchemaError> {
    let parent = GroupVersionKind::from_api_version(text(document, "groupVersion"), "");
    let kind_of = |entry: &Value| {
        let own = |field: &str, default: &str| match text(entry, field) {
            "" => default.to_owned(),
            own => own.to_owned(),
        };
        // An explicit version comes with the group it belongs to; the core group's name is empty.
        let group = if text(entry, "version").is_empty() {
            own("group", &parent.group)
        } else {
            text(entry, "group").to_owned()
        };
        GroupVersionKind::new(group, own("version", &parent.version), text(entry, "kind"))
    };
    let entries = list(document, "resources");
    for entry in entries.iter().filter(|e| !text(e, "name").contains('/')) {
        let plural = text(entry, "name");
        let mut subresources: Vec<_> = entries
            .iter()
            .filter_map(|sub| {
                let name = text(sub, "name").strip_prefix(plural)?.strip_prefix('/')?;
                Some(Subresource { name: name.to_owned(), gvk: kind_of(sub), verbs: sorted(sub, "verbs") })
            })
            .collect();
        subresources.sort_by(|a, b| a.name.cmp(&b.name));
        into.push(Resource {
            gvk: kind_of(entry),
            plural: plural.to_owned(),
            singular: text(entry, "singularName").to_owned(),
            short_names: texts(entry, "shortNames"),
            namespaced: entry["namespaced"] == true,
            verbs: sorted(entry, "verbs"),
            categories: texts(entry, "categories"),
            subresources,
        });
    }
    Ok(())
}

/// The resources of a `CustomResourceDefinition`, one for each served version.
pub(super) fn from_crd(crd: &Value, into: &mut Vec<Resource>) -> Result<(), SchemaError> {
    const VERBS: [&str; 8] =
        ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    let spec = &crd["spec"];
    let names = &spec["names"];
    for (holder, field) in [(spec, "group"), (names, "kind"), (names, "plural")] {
        if text(holder, field).is_empty() {
            return Err(SchemaError::at("spec", format!("'{field}' is missing")));
        }
    }
    let verbs = |v: &[&str]| v.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
    for version in list(spec, "versions").iter().filter(|v| v["served"] != false) {
        let gvk = GroupVersionKind::new(text(spec, "group"), text(version, "name"), text(names, "kind"));
        let mut subresources = Vec::new();
        if !version["subresources"]["scale"].is_null() {
            subresources.push(Subresource {
                name: "scale".into(),
                gvk: GroupVersionKind::new("autoscaling", "v1", "Scale"),
                verbs: verbs(&["get", "patch", "update"]),
            });
        }
        if !version["subresources"]["status"].is_null() {
            subresources.push(Subresource {
                name: "status".into(),
                gvk: gvk.clone(),
                verbs: verbs(&["get", "patch", "update"]),
            });
        }
        let singular = match text(names, "singular") {
            "" => text(names, "kind").to_lowercase(),
            given => given.to_owned(),
        };
        into.push(Resource {
            gvk,
            plural: text(names, "plural").to_owned(),
            singular,
            short_names: texts(names, "shortNames"),
            namespaced: text(spec, "scope") == "Namespaced",
            verbs: verbs(&VERBS),
            categories: texts(names, "categories"),
            subresources,
        });
    }
    Ok(())
}

fn response_kind(entry: &Value, parent: &GroupVersionKind) -> GroupVersionKind {
    let kind = &entry["responseKind"];
    if text(kind, "version").is_empty() {
        GroupVersionKind::new(&parent.group, &parent.version, text(kind, "kind"))
    } else {
        GroupVersionKind::new(text(kind, "group"), text(kind, "version"), text(kind, "kind"))
    }
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    list(value, field).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn sorted(value: &Value, field: &str) -> Vec<String> {
    let mut found = texts(value, field);
    found.sort();
    found
}
