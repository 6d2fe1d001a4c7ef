//! Argo CD's kinds: `argoproj.io/v1alpha1`.

use holdfast_object::{GroupVersionKind, Map, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The group of all kinds.
pub const GROUP: &str = "argoproj.io";
/// The annotation that says which app an object belongs to.
pub const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// The finalizer that has the app's objects deleted with it.
pub const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";
/// Asks for a comparison now: `normal` or `hard`.
pub const REFRESH: &str = "argocd.argoproj.io/refresh";
/// A person's yes to deletions that wait for it: a time, RFC 3339, not before the sync began.
pub const DELETION_APPROVED: &str = "argocd.argoproj.io/deletion-approved";

/// `Application` at the version that is spoken.
pub fn application() -> GroupVersionKind {
    GroupVersionKind::new(GROUP, "v1alpha1", "Application")
}

/// `AppProject` at the version that is spoken.
pub fn app_project() -> GroupVersionKind {
    GroupVersionKind::new(GROUP, "v1alpha1", "AppProject")
}

/// `Application.spec`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationSpec {
    /// Where the manifests come from: `source`, or `sources`.
    #[serde(flatten)]
    pub sources: SourceSet,
    /// Where they go.
    pub destination: Destination,
    /// The project; nothing is `default`.
    #[serde(default)]
    pub project: String,
    /// When and how it is synced.
    pub sync_policy: Option<SyncPolicySpec>,
    /// What is not compared.
    #[serde(default)]
    pub ignore_differences: Vec<IgnoreDifference>,
    /// How many syncs are remembered; nothing is 10.
    pub revision_history_limit: Option<i64>,
    /// Links and remarks for people.
    #[serde(default)]
    pub info: Vec<Value>,
    /// Whatever else the spec holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Where manifests come from: one source, or several, which win over the one.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, Default)]
#[serde(default)]
pub struct SourceSet {
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<Source>,
}

impl SourceSet {
    /// The sources, in order.
    pub fn list(&self) -> &[Source] {
        if self.are_several() { &self.sources } else { self.source.as_slice() }
    }

    /// Whether they are written as several, be it one.
    pub fn are_several(&self) -> bool {
        !self.sources.is_empty()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    /// These where there are any, otherwise `other`.
    #[must_use]
    pub fn or<'s>(&'s self, other: &'s Self) -> &'s Self {
        if self.is_empty() { other } else { self }
    }
}

/// The revision of each source: `revision` for one, `revisions` for several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(default)]
pub struct RevisionSet {
    #[serde(skip_serializing_if = "String::is_empty")]
    revision: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    revisions: Vec<String>,
}

impl RevisionSet {
    /// The revisions of sources, one for each.
    pub fn of(sources: &SourceSet, mut revisions: Vec<String>) -> Self {
        if sources.are_several() {
            return Self { revision: String::new(), revisions };
        }
        Self { revision: revisions.pop().unwrap_or_default(), revisions: Vec::new() }
    }

    /// One revision, or several, as they are written.
    pub fn new(revision: String, revisions: Vec<String>) -> Self {
        Self { revision, revisions }
    }

    /// The one revision and the several, as they are written.
    pub fn into_parts(self) -> (String, Vec<String>) {
        (self.revision, self.revisions)
    }

    /// The revision of a source by its place; empty where none is said.
    pub fn at(&self, place: usize) -> &str {
        let one = if place == 0 { self.revision.as_str() } else { "" };
        if self.revisions.is_empty() { one } else { self.revisions.get(place).map_or("", String::as_str) }
    }

    /// Whether no revision is said.
    pub fn is_empty(&self) -> bool {
        self.revision.is_empty() && self.revisions.is_empty()
    }
}

impl std::fmt::Display for RevisionSet {
    /// The revisions with commas between.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.revisions.is_empty() {
            f.write_str(&self.revision)
        } else {
            f.write_str(&self.revisions.join(","))
        }
    }
}

/// A source of an Application. Kept as it was written in history and status.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Address of the repository.
    #[serde(rename = "repoURL")]
    pub repo_url: String,
    /// The folder in it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Branch, tag, commit or range; nothing is `HEAD`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_revision: String,
    /// A chart of the Helm repository or registry at the address, instead of a folder.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub chart: String,
    /// Options of a plain folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectorySource>,
    /// Whatever else it holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Options of a plain folder.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct DirectorySource {
    /// Also the folders below.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recurse: bool,
    /// Only files that match.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub include: String,
    /// No files that match.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exclude: String,
    /// Whatever else it holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Where an Application's objects go: a server or a cluster's name, and a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, Default)]
#[serde(default)]
pub struct Destination {
    /// The API server's address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// The cluster's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The namespace of objects that name none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// `Application.spec.syncPolicy`.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncPolicySpec {
    /// Sync without being asked.
    pub automated: Option<Automated>,
    /// `Key=value` texts.
    pub sync_options: Vec<String>,
    /// What happens after a failed sync.
    pub retry: Option<Retry>,
    /// Labels and annotations of the namespace that `CreateNamespace` makes.
    pub managed_namespace_metadata: Option<NamespaceMetadata>,
    /// Whatever else it holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Labels and annotations of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default)]
pub struct NamespaceMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// `automated`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct Automated {
    /// Delete what is no longer in the source.
    pub prune: bool,
    /// Put right what others changed.
    pub self_heal: bool,
    /// Let an empty source delete everything.
    pub allow_empty: bool,
    /// `false` turns it off; nothing is on.
    pub enabled: Option<bool>,
}

/// `retry`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, Default)]
#[serde(default)]
pub struct Retry {
    /// How many tries after the first; below zero without end.
    pub limit: i64,
    /// Whether a retry takes a newer revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<bool>,
    /// The pauses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<RetryBackoff>,
}

/// `retry.backoff`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct RetryBackoff {
    /// The first pause; nothing is 5 s.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub duration: String,
    /// By what it grows; nothing is 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<i64>,
    /// The longest; nothing is 3 min.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_duration: String,
}

/// An element of `ignoreDifferences`.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct IgnoreDifference {
    /// API group, or `*`.
    pub group: String,
    /// Kind, or `*`.
    pub kind: String,
    /// Name; nothing is any.
    pub name: String,
    /// Namespace; nothing is any.
    pub namespace: String,
    /// RFC 6901 pointers.
    pub json_pointers: Vec<String>,
    /// Whatever else it holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}
