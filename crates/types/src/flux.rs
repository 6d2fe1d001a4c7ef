//! Flux' kinds: `source.toolkit.fluxcd.io` and `kustomize.toolkit.fluxcd.io`.

use holdfast_object::{GroupVersionKind, Map, Value};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The group of the sources.
pub const SOURCE_GROUP: &str = "source.toolkit.fluxcd.io";
/// The group of the Kustomization.
pub const KUSTOMIZE_GROUP: &str = "kustomize.toolkit.fluxcd.io";
/// Asks for a reconcile now, with any new value.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// A person's yes to a prune that the brake holds back: the revision it is for. Our own, Flux has no brake.
pub const APPROVE_PRUNE: &str = "holdfast.dev/approve-prune";
/// The finalizer on every kind.
pub const FINALIZER: &str = "finalizers.fluxcd.io";

/// `GitRepository` at the version that is spoken.
pub fn git_repository() -> GroupVersionKind {
    GroupVersionKind::new(SOURCE_GROUP, "v1", "GitRepository")
}

/// `OCIRepository` at the version that is spoken.
pub fn oci_repository() -> GroupVersionKind {
    GroupVersionKind::new(SOURCE_GROUP, "v1", "OCIRepository")
}

/// `ExternalArtifact` at the version that is spoken.
pub fn external_artifact() -> GroupVersionKind {
    GroupVersionKind::new(SOURCE_GROUP, "v1", "ExternalArtifact")
}

/// `Kustomization` at the version that is spoken.
pub fn kustomization() -> GroupVersionKind {
    GroupVersionKind::new(KUSTOMIZE_GROUP, "v1", "Kustomization")
}

/// A name in the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
pub struct LocalName {
    /// The name.
    #[serde(default)]
    pub name: String,
}

/// `GitRepository.spec`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitRepositorySpec {
    /// Address of the repository.
    pub url: String,
    /// How often it is looked at.
    pub interval: String,
    /// Limit of one Git operation.
    #[serde(default = "sixty_seconds")]
    pub timeout: String,
    /// What is followed; nothing is the branch `master`.
    #[serde(rename = "ref")]
    pub reference: Option<GitReference>,
    /// The Secret with the credentials.
    pub secret_ref: Option<LocalName>,
    /// The Secret with the proxy's address.
    pub proxy_secret_ref: Option<LocalName>,
    /// Signatures that must be there.
    pub verify: Option<GitVerification>,
    /// Patterns that take files out of the artifact, instead of the default ones.
    pub ignore: Option<String>,
    /// Other repositories' artifacts that are copied in.
    #[serde(default)]
    pub include: Vec<GitInclude>,
    /// Only what lies in these folders; nothing is everything.
    #[serde(default)]
    pub sparse_checkout: Vec<String>,
    /// Do nothing.
    #[serde(default)]
    pub suspend: bool,
    /// Whatever else the spec holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// `GitRepository.spec.verify`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitVerification {
    /// What must be signed: `HEAD` (or `head`), `Tag`, `TagAndHEAD`.
    #[serde(default = "head")]
    pub mode: String,
    /// The Secret with the public keys.
    pub secret_ref: LocalName,
}

fn head() -> String {
    "HEAD".into()
}

/// An element of `GitRepository.spec.include`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GitInclude {
    /// The other GitRepository.
    pub repository: LocalName,
    /// The part of its artifact that is copied; nothing is all of it.
    #[serde(default)]
    pub from_path: String,
    /// Where it is copied to; nothing is a folder of the repository's name.
    #[serde(default)]
    pub to_path: String,
}

/// `OCIRepository.spec`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OciRepositorySpec {
    /// Address of the repository, `oci://…`.
    pub url: String,
    /// How often it is looked at.
    pub interval: String,
    /// Limit of one request.
    #[serde(default = "sixty_seconds")]
    pub timeout: String,
    /// What is followed; nothing is the tag `latest`.
    #[serde(rename = "ref")]
    pub reference: Option<OciReference>,
    /// Which layer is taken, and how.
    pub layer_selector: Option<OciLayerSelector>,
    /// The Secret with the registry's credentials, of type `kubernetes.io/dockerconfigjson`.
    pub secret_ref: Option<LocalName>,
    /// The ServiceAccount whose pull secrets are used.
    pub service_account_name: Option<String>,
    /// The Secret with certificates.
    pub cert_secret_ref: Option<LocalName>,
    /// The Secret with the proxy's address.
    pub proxy_secret_ref: Option<LocalName>,
    /// Signatures that must be there.
    pub verify: Option<OciVerification>,
    /// Patterns that take files out of the artifact, instead of the default ones.
    pub ignore: Option<String>,
    /// The registry is asked without encryption.
    #[serde(default)]
    pub insecure: bool,
    /// Do nothing.
    #[serde(default)]
    pub suspend: bool,
    /// Whatever else the spec holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// `OCIRepository.spec.ref`. Precedence: digest, semver, tag.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct OciReference {
    /// A manifest's digest.
    pub digest: String,
    /// A range of versions over tags.
    pub semver: String,
    /// A regular expression: only tags that match count for the range.
    pub semver_filter: String,
    /// A tag.
    pub tag: String,
}

/// `OCIRepository.spec.layerSelector`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct OciLayerSelector {
    /// The layer's media type; nothing is the first layer.
    pub media_type: String,
    /// `extract` or `copy`; nothing is `extract`.
    pub operation: String,
}

/// `OCIRepository.spec.verify`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OciVerification {
    /// `cosign` or `notation`.
    #[serde(default = "cosign")]
    pub provider: String,
    /// The Secret with the public keys.
    pub secret_ref: Option<LocalName>,
    /// Whatever else it holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

fn cosign() -> String {
    "cosign".into()
}

fn sixty_seconds() -> String {
    "60s".into()
}

/// `GitRepository.spec.ref`. Precedence: commit, name, semver, tag, branch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default)]
pub struct GitReference {
    /// A branch.
    pub branch: String,
    /// A tag.
    pub tag: String,
    /// A range of versions over tags.
    pub semver: String,
    /// A full reference name.
    pub name: String,
    /// A commit.
    pub commit: String,
}

/// `Kustomization.spec`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KustomizationSpec {
    /// How often it is reconciled.
    pub interval: String,
    /// How soon after a failure; nothing is the interval.
    pub retry_interval: Option<String>,
    /// Limit of apply, health checks and pruning; nothing is the interval less 30 s.
    pub timeout: Option<String>,
    /// The folder in the source.
    #[serde(default)]
    pub path: String,
    /// Where the manifests come from.
    pub source_ref: SourceReference,
    /// Delete what is no longer in the source.
    pub prune: bool,
    /// What becomes of the objects when the Kustomization is deleted.
    pub deletion_policy: Option<String>,
    /// Kustomizations that must be ready before.
    #[serde(default)]
    pub depends_on: Vec<Dependency>,
    /// Wait until everything is healthy.
    #[serde(default)]
    pub wait: bool,
    /// Wait until these are healthy.
    #[serde(default)]
    pub health_checks: Vec<ObjectReference>,
    /// Make anew what cannot be changed in place.
    #[serde(default)]
    pub force: bool,
    /// The namespace of all namespaced objects.
    pub target_namespace: Option<String>,
    /// What is put before every name.
    pub name_prefix: Option<String>,
    /// What is put behind every name.
    pub name_suffix: Option<String>,
    /// Patches.
    #[serde(default)]
    pub patches: Vec<PatchSpec>,
    /// Images.
    #[serde(default)]
    pub images: Vec<ImageSpec>,
    /// Components, relative to the path.
    #[serde(default)]
    pub components: Vec<String>,
    /// Components that are not there are passed over.
    #[serde(default)]
    pub ignore_missing_components: bool,
    /// Annotations that tell where an object comes from.
    #[serde(default)]
    pub build_metadata: Vec<String>,
    /// Labels and annotations of all objects.
    pub common_metadata: Option<CommonMetadata>,
    /// What is done to the manifests after the build.
    pub post_build: Option<PostBuild>,
    /// How what the source keeps encrypted is decrypted.
    pub decryption: Option<DecryptionSpec>,
    /// Expressions that tell the health of kinds.
    #[serde(default)]
    pub health_check_exprs: Vec<HealthCheckExpr>,
    /// Fields that are left to others.
    #[serde(default)]
    pub ignore: Vec<IgnoreSpec>,
    /// The ServiceAccount in whose name objects are applied.
    #[serde(default)]
    pub service_account_name: String,
    /// The cluster where objects are applied; nothing is this one.
    pub kube_config: Option<KubeConfigSpec>,
    /// Do nothing.
    #[serde(default)]
    pub suspend: bool,
    /// Whatever else the spec holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// `Kustomization.spec.sourceRef`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct SourceReference {
    /// The kind of source.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace; nothing is the referring object's.
    #[serde(default)]
    pub namespace: String,
}

/// An element of `Kustomization.spec.dependsOn`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// The Kustomization's name.
    pub name: String,
    /// Its namespace; nothing is the referring object's.
    #[serde(default)]
    pub namespace: String,
    /// An expression over `self` and `dep` that says whether it is ready.
    #[serde(default)]
    pub ready_expr: String,
    /// Whatever else it holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// `Kustomization.spec.postBuild`.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct PostBuild {
    /// Variables and their values.
    pub substitute: BTreeMap<String, String>,
    /// Where more variables are; a later one counts over an earlier one, and those in `substitute` over all.
    pub substitute_from: Vec<SubstituteReference>,
    /// `Always` substitutes without any variable too; otherwise defaults in the text stay as they are.
    pub substitute_strategy: String,
    /// Whatever else it holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// An element of `Kustomization.spec.postBuild.substituteFrom`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SubstituteReference {
    /// `ConfigMap` or `Secret`.
    pub kind: String,
    /// Its name, in the Kustomization's namespace.
    pub name: String,
    /// It may be missing.
    #[serde(default)]
    pub optional: bool,
}

/// `Kustomization.spec.decryption`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DecryptionSpec {
    /// `sops`.
    pub provider: String,
    /// The Secret with the keys.
    pub secret_ref: Option<LocalName>,
    /// Whatever else it holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// An element of `Kustomization.spec.healthCheckExprs`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheckExpr {
    /// API version; its group counts.
    pub api_version: String,
    /// Kind; nothing is every kind of the group.
    #[serde(default)]
    pub kind: String,
    /// Holds when the object is as it should be.
    pub current: String,
    /// Holds when it will not get there.
    #[serde(default)]
    pub failed: String,
    /// Holds while it is on its way.
    #[serde(default)]
    pub in_progress: String,
}

/// An element of `Kustomization.spec.ignore`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IgnoreSpec {
    /// JSON pointers.
    pub paths: Vec<String>,
    /// The objects; nothing is all.
    pub target: Option<PatchTarget>,
}

/// `Kustomization.spec.kubeConfig`.
#[derive(Debug, Clone, PartialEq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct KubeConfigSpec {
    /// The Secret with a kubeconfig.
    pub secret_ref: Option<SecretKeyReference>,
    /// The ConfigMap that says how to reach the cluster.
    pub config_map_ref: Option<LocalName>,
}

/// A Secret and one of its keys.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SecretKeyReference {
    /// The Secret's name.
    pub name: String,
    /// The key; nothing is the default of whoever reads it.
    #[serde(default)]
    pub key: String,
}

/// An element of `Kustomization.spec.healthChecks`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// API version.
    #[serde(default)]
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace; nothing is the referring object's.
    #[serde(default)]
    pub namespace: String,
}

/// An element of `Kustomization.spec.patches`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PatchSpec {
    /// The patch.
    pub patch: String,
    /// What it applies to.
    pub target: Option<PatchTarget>,
}

/// What a patch applies to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct PatchTarget {
    /// API group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Selector over labels.
    pub label_selector: String,
    /// Selector over annotations.
    pub annotation_selector: String,
}

/// An element of `Kustomization.spec.images`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub struct ImageSpec {
    /// The image's name.
    pub name: String,
    /// The name it gets.
    pub new_name: String,
    /// The tag it gets.
    pub new_tag: String,
    /// The digest it gets.
    pub digest: String,
}

/// `Kustomization.spec.commonMetadata`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Default)]
#[serde(default)]
pub struct CommonMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}
