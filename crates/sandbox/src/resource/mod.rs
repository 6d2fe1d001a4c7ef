//! What the server serves: the built-in resources and those that custom resource definitions add.

mod builtin;
mod convert;

pub(crate) use builtin::bucket;

use crate::crd::CustomVersion;
use crate::status::Named;
use crate::store::{Bucket, Draft, Stored};
use convert::Conversion;
use holdfast_object::GroupVersionKind;
use holdfast_object::schema::{self, Schemas, TypeRef};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One resource at one version.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) namespaced: bool,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) verbs: Vec<String>,
    pub(crate) subresources: Vec<Subresource>,
    /// Where its objects are, whatever the version.
    pub(crate) bucket: Bucket,
    /// The definition's version, for a custom resource.
    pub(crate) custom: Option<Arc<CustomVersion>>,
}

/// A subresource as discovery lists it.
#[derive(Debug, Clone)]
pub(crate) struct Subresource {
    pub(crate) name: String,
    /// `(group, version, kind)` of its body.
    pub(crate) body: (String, String, String),
    pub(crate) verbs: Vec<String>,
}

impl Resource {
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Group and plural, as messages about objects name it.
    pub(crate) fn named(&self) -> Named<'_> {
        Named { group: &self.group, what: &self.plural }
    }

    /// Group and kind, as messages about fields name it.
    pub(crate) fn named_kind(&self) -> Named<'_> {
        Named { group: &self.group, what: &self.kind }
    }

    pub(crate) fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|v| v == verb)
    }

    pub(crate) fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }

    pub(crate) fn has_status(&self) -> bool {
        self.subresource("status").is_some()
    }

    pub(crate) fn list_kind(&self) -> String {
        match &self.custom {
            Some(custom) => custom.list_kind.clone(),
            None => format!("{}List", self.kind),
        }
    }

    /// The type of a built-in resource's objects.
    pub(crate) fn builtin_type(&self) -> Option<TypeRef<'static>> {
        if self.custom.is_some() {
            return None;
        }
        Schemas::builtin().root(&GroupVersionKind::new(&*self.group, &*self.version, &*self.kind))
    }

    /// How its objects differ from what is stored.
    pub(crate) fn conversion(&self) -> Option<Conversion> {
        Conversion::of(&self.group, &self.version, &self.plural)
    }

    /// True when objects are shown in another form than they are stored in.
    pub(crate) fn reshapes(&self) -> bool {
        self.conversion().is_some() || self.custom.as_ref().is_some_and(|c| c.storage_schema.is_some())
    }

    /// A stored object as this resource shows it.
    pub(crate) fn show(&self, stored: &Stored) -> Value {
        let mut value = stored.value(&self.api_version(), &self.kind);
        self.reshape_shown(&mut value);
        value
    }

    fn reshape_shown(&self, value: &mut Value) {
        if let Some(conversion) = self.conversion() {
            conversion.show(value);
        }
        if let Some(custom) =
            self.custom.as_ref().filter(|c| c.storage_schema.is_some() && !c.preserve_unknown)
            && let Some(schema) = &custom.schema
        {
            crate::crd::reshape(value, schema);
        }
    }

    fn reshape_stored(&self, value: &mut Value) {
        if let Some(conversion) = self.conversion() {
            conversion.store(value);
        }
        if let Some(custom) = self.custom.as_ref().filter(|c| !c.preserve_unknown)
            && let Some(schema) = &custom.storage_schema
        {
            crate::crd::reshape(value, schema);
        }
    }

    /// An object of this resource on its way into the store.
    pub(crate) fn draft(&self, object: &Value) -> Draft {
        if !self.reshapes() {
            return Draft::new(object);
        }
        let mut stored = object.clone();
        self.reshape_stored(&mut stored);
        Draft::new(&stored)
    }

    /// An object of this resource as another one of the same objects shows it.
    pub(crate) fn show_as(&self, object: &Value, other: &Self) -> Value {
        let mut value = object.clone();
        self.reshape_stored(&mut value);
        other.reshape_shown(&mut value);
        value["apiVersion"] = other.api_version().into();
        value["kind"] = other.kind.as_str().into();
        value
    }

    /// The name of a built-in resource's type in the schema table, such as `core.v1.Pod`.
    pub(crate) fn type_name(&self) -> String {
        let group = match self.group.split('.').next() {
            None | Some("") => "core",
            Some(first) => first,
        };
        format!("{group}.{}.{}", self.version, self.kind)
    }

    /// The type of the objects; of anything where nothing is known.
    pub(crate) fn schema(&self) -> TypeRef<'_> {
        let gvk = GroupVersionKind::new(&*self.group, &*self.version, &*self.kind);
        let types = match &self.custom {
            Some(custom) => custom.types.as_ref(),
            None => Some(Schemas::builtin()),
        };
        match types.and_then(|types| types.root(&gvk)) {
            Some(known) => known,
            None => TypeRef::untyped(),
        }
    }

    /// The resource as the schema table describes resources.
    pub(crate) fn known(&self) -> schema::Resource {
        let subresources = self.subresources.iter().map(|sub| {
            let (group, version, kind) = &sub.body;
            schema::Subresource {
                name: sub.name.clone(),
                gvk: GroupVersionKind::new(group, version, kind),
                verbs: sub.verbs.clone(),
            }
        });
        schema::Resource {
            gvk: GroupVersionKind::new(&*self.group, &*self.version, &*self.kind),
            plural: self.plural.clone(),
            singular: self.singular.clone(),
            short_names: self.short_names.clone(),
            namespaced: self.namespaced,
            verbs: self.verbs.clone(),
            categories: self.categories.clone(),
            subresources: subresources.collect(),
        }
    }

    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }
}

/// The resources of one group in its versions, the preferred version first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) versions: Vec<GroupVersion>,
}

/// The resources of one group and version, by plural.
#[derive(Debug, Clone)]
pub(crate) struct GroupVersion {
    pub(crate) version: String,
    pub(crate) resources: Vec<Arc<Resource>>,
}

/// Everything that is served at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    /// Groups in the order of discovery: built-in ones first.
    order: Vec<String>,
    groups: BTreeMap<String, Group>,
}

impl Registry {
    /// The built-in resources.
    pub(crate) fn builtin() -> Self {
        let mut registry = Self::default();
        for resource in builtin::resources() {
            registry.add(resource);
        }
        registry
    }

    fn add(&mut self, resource: Resource) {
        if !self.groups.contains_key(&resource.group) {
            self.order.push(resource.group.clone());
        }
        let group = self.groups.entry(resource.group.clone()).or_default();
        let at = group.versions.iter().position(|v| v.version == resource.version).unwrap_or_else(|| {
            group.versions.push(GroupVersion { version: resource.version.clone(), resources: Vec::new() });
            group.versions.len() - 1
        });
        group.versions[at].resources.push(Arc::new(resource));
        group.versions.sort_by_key(|v| std::cmp::Reverse(version_order(&v.version)));
    }

    /// The same with custom resources, each at its versions.
    pub(crate) fn with_custom(&self, resources: impl IntoIterator<Item = Resource>) -> Self {
        let mut registry = self.clone();
        for resource in resources {
            registry.add(resource);
        }
        registry
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = (&str, &Group)> {
        self.order.iter().filter_map(|name| self.groups.get(name).map(|g| (name.as_str(), g)))
    }

    pub(crate) fn group(&self, group: &str) -> Option<&Group> {
        self.groups.get(group)
    }

    pub(crate) fn group_version(&self, group: &str, version: &str) -> Option<&GroupVersion> {
        self.groups.get(group)?.versions.iter().find(|v| v.version == version)
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.group_version(group, version)?.resources.iter().find(|r| r.plural == plural)
    }

    /// A resource of a group at its preferred version.
    pub(crate) fn preferred(&self, group: &str, plural: &str) -> Option<&Arc<Resource>> {
        let versions = &self.groups.get(group)?.versions;
        versions.iter().find_map(|v| v.resources.iter().find(|r| r.plural == plural))
    }

    /// A resource by its kind at an API version.
    pub(crate) fn by_kind(&self, api_version: &str, kind: &str) -> Option<&Arc<Resource>> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.group_version(group, version)?.resources.iter().find(|r| r.kind == kind && r.has_storage())
    }

    /// The same resource at all its versions.
    pub(crate) fn versions_of(&self, resource: &Resource) -> Vec<Arc<Resource>> {
        let all = self.groups().flat_map(|(_, group)| &group.versions).flat_map(|version| &version.resources);
        all.filter(|r| r.bucket == resource.bucket && r.has_storage()).cloned().collect()
    }

    /// Every stored resource once, at its preferred version.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &Arc<Resource>> {
        let mut seen = std::collections::HashSet::new();
        self.groups()
            .flat_map(|(_, group)| &group.versions)
            .flat_map(|version| &version.resources)
            .filter(move |r| r.has_storage() && seen.insert(r.bucket.clone()))
    }
}

impl Resource {
    /// False for the resources that only answer a question (access reviews).
    pub(crate) fn has_storage(&self) -> bool {
        self.has_verb("get")
    }
}

/// Kubernetes' order of versions: stable ones above beta above alpha, then by number.
pub(crate) fn version_order(version: &str) -> (u8, u64, u64, String) {
    let digits = |text: &str| -> Option<(u64, usize)> {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().ok().map(|n| (n, end))
    };
    let parsed = version.strip_prefix('v').and_then(|rest| {
        let (major, end) = digits(rest)?;
        let tail = &rest[end..];
        if tail.is_empty() {
            return Some((3, major, 0));
        }
        let (rank, tail) = match tail.strip_prefix("beta") {
            Some(tail) => (2, tail),
            None => (1, tail.strip_prefix("alpha")?),
        };
        let (minor, end) = digits(tail)?;
        (end == tail.len()).then_some((rank, major, minor))
    });
    match parsed {
        Some((rank, major, minor)) => (rank, major, minor, String::new()),
        None => (0, 0, 0, version.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_as_discovery_sorts_them() {
        let mut versions = ["v1alpha1", "v2", "v1", "v2beta1", "foo", "v10", "v1beta3"];
        versions.sort_by_key(|v| std::cmp::Reverse(version_order(v)));
        assert_eq!(versions, ["v10", "v2", "v1", "v2beta1", "v1beta3", "v1alpha1", "foo"]);
    }

    #[test]
    fn a_resource_is_found_by_plural_and_by_kind() {
        let registry = Registry::builtin();
        assert_eq!(registry.find("apps", "v1", "deployments").unwrap().kind, "Deployment");
        assert_eq!(registry.by_kind("v1", "Pod").unwrap().plural, "pods");
        assert!(registry.find("apps", "v1beta1", "deployments").is_none());
        assert_eq!(registry.preferred("autoscaling", "horizontalpodautoscalers").unwrap().version, "v2");
    }
}
