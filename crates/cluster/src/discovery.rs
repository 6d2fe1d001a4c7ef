use crate::error::ApiError;
use crate::{ApiRequest, Cluster};
use holdfast_object::{GroupKind, GroupVersionKind};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A kind that is not known makes us read the discovery again, but not more often than this.
const MISS_INTERVAL: Duration = Duration::from_millis(250);

const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// A kind as the server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiResource {
    /// Group, version and kind.
    pub gvk: GroupVersionKind,
    /// The lower-case plural that stands in paths.
    pub plural: String,
    /// The singular, for commands.
    pub singular: String,
    /// Short names, for commands.
    pub short_names: Vec<String>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether it can be listed and watched.
    pub watchable: bool,
    /// Whether it has a status subresource.
    pub has_status: bool,
}

impl ApiResource {
    /// The path of the collection; the namespace is left out for cluster-scoped kinds and when empty.
    pub fn path(&self, namespace: &str) -> String {
        let gvk = &self.gvk;
        let root = if gvk.group.is_empty() {
            format!("/api/{}", gvk.version)
        } else {
            format!("/apis/{}/{}", gvk.group, gvk.version)
        };
        if self.namespaced && !namespace.is_empty() {
            format!("{root}/namespaces/{namespace}/{}", self.plural)
        } else {
            format!("{root}/{}", self.plural)
        }
    }

    /// The path of one object.
    pub fn object_path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.path(namespace))
    }
}

/// What a server serves, as last read.
#[derive(Debug, Default)]
pub struct Discovery {
    table: RwLock<Arc<Table>>,
    reading: Mutex<Option<Instant>>,
}

#[derive(Debug, Default)]
struct Table {
    by_gvk: HashMap<GroupVersionKind, Arc<ApiResource>>,
    /// The versions of a kind, the server's preferred one first.
    versions: HashMap<GroupKind, Vec<String>>,
}

impl Discovery {
    fn table(&self) -> Arc<Table> {
        self.table.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// The kind at this version, as far as known.
    pub fn known(&self, gvk: &GroupVersionKind) -> Option<Arc<ApiResource>> {
        self.table().by_gvk.get(gvk).cloned()
    }

    /// The kind at the server's preferred version, as far as known.
    pub fn preferred(&self, kind: &GroupKind) -> Option<Arc<ApiResource>> {
        let table = self.table();
        let version = table.versions.get(kind)?.first()?;
        table.by_gvk.get(&GroupVersionKind::new(&kind.group, version, &kind.kind)).cloned()
    }

    /// Every kind at every version, as far as known.
    pub fn all(&self) -> Vec<Arc<ApiResource>> {
        self.table().by_gvk.values().cloned().collect()
    }

    /// Whether anything has been read yet.
    pub fn is_empty(&self) -> bool {
        self.table().by_gvk.is_empty()
    }

    /// Every group/version the server serves, and each with its kinds: what charts ask for as API versions.
    pub fn api_versions(&self) -> Vec<String> {
        let mut versions: Vec<String> = self
            .table()
            .by_gvk
            .keys()
            .flat_map(|gvk| [gvk.api_version(), format!("{}/{}", gvk.api_version(), gvk.kind)])
            .collect();
        versions.sort();
        versions.dedup();
        versions
    }
}

impl Cluster {
    /// The kind at this version; an unknown one makes us read the discovery again.
    ///
    /// # Errors
    /// [`ApiError`] of kind `NoSuchKind`, or of the reading.
    pub async fn resource(&self, gvk: &GroupVersionKind) -> Result<Arc<ApiResource>, ApiError> {
        if let Some(found) = self.discovery.known(gvk) {
            return Ok(found);
        }
        self.read_discovery(MISS_INTERVAL).await?;
        self.discovery.known(gvk).ok_or_else(|| ApiError::no_such_kind(gvk))
    }

    /// Reads the discovery again, because something said that it changed.
    ///
    /// # Errors
    /// [`ApiError`] of the reading; what was known stays.
    pub async fn refresh_discovery(&self) -> Result<(), ApiError> {
        self.read_discovery(Duration::ZERO).await
    }

    async fn read_discovery(&self, not_within: Duration) -> Result<(), ApiError> {
        let asked = Instant::now();
        let mut last = self.discovery.reading.lock().await;
        // Whoever waited for another's reading that began after the question has the answer.
        if last.is_some_and(|last| last >= asked || (!not_within.is_zero() && asked - last < not_within)) {
            return Ok(());
        }
        let began = Instant::now();
        let mut table = Table::default();
        for path in ["/api", "/apis"] {
            let answer = self.request(ApiRequest::get(path).accept(AGGREGATED)).await?;
            let list: GroupList = serde_json::from_slice(&answer.body)
                .map_err(|e| ApiError::unreachable(format!("{path}: unreadable discovery: {e}")))?;
            list.items.into_iter().for_each(|group| table.add(group));
        }
        *self.discovery.table.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(table);
        *last = Some(began);
        Ok(())
    }
}

impl Table {
    fn add(&mut self, group: Group) {
        for version in group.versions {
            for resource in version.resources {
                let Some(kind) = resource.response_kind else { continue };
                let name = |own: String, above: &str| if own.is_empty() { above.to_owned() } else { own };
                let gvk = GroupVersionKind {
                    group: name(kind.group, &group.metadata.name),
                    version: name(kind.version, &version.version),
                    kind: kind.kind,
                };
                // A kind of another group (autoscaling's Scale, say) stands here only as a subresource's answer.
                if gvk.version != version.version || gvk.group != group.metadata.name {
                    continue;
                }
                self.versions.entry(gvk.group_kind()).or_default().push(gvk.version.clone());
                let can = |verb: &str| resource.verbs.iter().any(|v| v == verb);
                let found = ApiResource {
                    namespaced: resource.scope == "Namespaced",
                    watchable: can("list") && can("watch"),
                    has_status: resource.subresources.iter().any(|s| s.subresource == "status"),
                    plural: resource.resource,
                    singular: resource.singular_resource,
                    short_names: resource.short_names,
                    gvk: gvk.clone(),
                };
                self.by_gvk.insert(gvk, Arc::new(found));
            }
        }
    }
}

#[derive(Deserialize)]
struct GroupList {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: GroupName,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize, Default)]
struct GroupName {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource: String,
    response_kind: Option<ResponseKind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    singular_resource: String,
    #[serde(default)]
    short_names: Vec<String>,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    subresources: Vec<Subresource>,
}

#[derive(Deserialize)]
struct ResponseKind {
    #[serde(default)]
    group: String,
    #[serde(default)]
    version: String,
    kind: String,
}

#[derive(Deserialize)]
struct Subresource {
    subresource: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_group_and_scope() {
        let resource = |group: &str, namespaced: bool| ApiResource {
            gvk: GroupVersionKind::new(group, "v1", "Thing"),
            plural: "things".into(),
            singular: "thing".into(),
            short_names: vec![],
            namespaced,
            watchable: true,
            has_status: false,
        };
        assert_eq!(resource("", true).object_path("n", "a"), "/api/v1/namespaces/n/things/a");
        assert_eq!(resource("apps", true).path(""), "/apis/apps/v1/things");
        assert_eq!(resource("apps", false).object_path("ignored", "a"), "/apis/apps/v1/things/a");
    }

    #[test]
    fn the_first_version_is_preferred() {
        let list: GroupList = serde_json::from_value(holdfast_object::json!({"items": [{
            "metadata": {"name": "autoscaling"},
            "versions": [
                {"version": "v2", "resources": [{"resource": "hpas", "scope": "Namespaced", "verbs": ["list", "watch"],
                    "responseKind": {"group": "", "version": "", "kind": "HPA"},
                    "subresources": [{"subresource": "status"}]}]},
                {"version": "v1", "resources": [{"resource": "hpas", "scope": "Namespaced", "verbs": ["list"],
                    "responseKind": {"group": "autoscaling", "version": "v1", "kind": "HPA"}}]},
            ]}]}))
        .unwrap();
        let mut table = Table::default();
        list.items.into_iter().for_each(|g| table.add(g));
        let discovery = Discovery { table: RwLock::new(Arc::new(table)), reading: Mutex::new(None) };
        let preferred = discovery.preferred(&GroupKind::new("autoscaling", "HPA")).unwrap();
        assert_eq!(
            (preferred.gvk.version.as_str(), preferred.watchable, preferred.has_status),
            ("v2", true, true)
        );
        assert!(!discovery.known(&GroupVersionKind::new("autoscaling", "v1", "HPA")).unwrap().watchable);
        assert_eq!(
            discovery.api_versions(),
            ["autoscaling/v1", "autoscaling/v1/HPA", "autoscaling/v2", "autoscaling/v2/HPA"]
        );
    }
}
