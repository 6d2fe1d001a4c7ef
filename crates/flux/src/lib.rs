//! Flux' kinds on the engine: `GitRepository`, `OCIRepository`, `ExternalArtifact` and `Kustomization`.
//!
//! Each kind has a folder: `mod.rs` decides (a pure `decide(&State) -> Action`), `request.rs` turns the custom resource
//! into engine input, `status.rs` turns what came of it into the conditions, reasons and messages that Flux' clients
//! read. `source` is what the kinds of sources have in common. Fields that are not acted on are refused with a condition that names them ([`refuse`]).
//!
//! Knows nothing of Argo CD, and nothing of the sandbox: it meets clusters at the Kubernetes API only.

mod artifacts;
mod conditions;
mod external_artifact;
mod git_repository;
mod kustomization;
mod notify;
mod oci_repository;
mod preview;
mod refuse;
mod resource;
mod source;
mod watch_selector;

pub use artifacts::{Artifacts, Published};
pub use preview::{Preview, Reader, preview};
pub use refuse::unsupported;
pub use watch_selector::WatchSelector;

use holdfast_controller::{Engine, Reconciler};
use holdfast_object::Object;
use holdfast_render::RenderCache;
use holdfast_source::Sources;
use std::sync::Arc;
use std::time::Duration;

/// The labels by which an object says which Kustomization it belongs to: for the engine's index of owners, which keeps
/// the bodies of such objects from the first list on.
pub fn owner_labels() -> [String; 2] {
    ["namespace", "name"].map(|part| format!("{}/{part}", holdfast_types::flux::KUSTOMIZE_GROUP))
}

/// The label by which a ConfigMap or Secret says that its changes count at once.
pub const WATCH_CONFIGS: &str = "reconcile.fluxcd.io/watch=Enabled";

/// How Flux' kinds are run; the flags of the original controllers.
#[derive(Debug, Clone)]
pub struct FluxOptions {
    /// How soon what waits for a dependency is looked at again when nothing wakes it (`--requeue-dependency`).
    pub requeue_dependency: Duration,
    /// Refuse references to other namespaces (`--no-cross-namespace-refs`).
    pub no_cross_namespace_refs: bool,
    /// Variables that have neither a value nor a default are an error (`StrictPostBuildSubstitutions`).
    pub strict_substitutions: bool,
    /// `readyExpr` of a dependency counts besides the built-in test, not instead (`AdditiveCELDependencyCheck`).
    pub additive_ready_expressions: bool,
    /// Accept encrypted files that were changed since they were encrypted, as Flux does (`--ignore-sops-mac`).
    pub ignore_sops_mac: bool,
    /// Namespace and name of the Secret with age identities for all that name no Secret (`--sops-age-secret`).
    pub sops_age_secret: Option<(String, String)>,
    /// Only resources with these labels are run (`--watch-label-selector`): one shard of several.
    pub watch_selector: Option<WatchSelector>,
    /// Which ConfigMaps and Secrets, of those that variables, keys and kubeconfigs come from, start their users at once
    /// when they change (`--watch-configs-label-selector`); `None` is none.
    pub watch_configs: Option<WatchSelector>,
    /// Where events are posted, besides the cluster (`--events-addr`).
    pub events_address: Option<String>,
    /// The ServiceAccount of each namespace in whose name objects are applied where the spec names none
    /// (`--default-service-account`).
    pub default_service_account: Option<String>,
    /// Field managers whose changes are undone besides kubectl's (`--override-manager`).
    pub override_managers: Vec<String>,
    /// Kinds that are applied before the others, as `Kind.group` or `Kind` (`--custom-apply-stage-kinds`).
    pub custom_stage_kinds: Vec<String>,
    /// Refuse kustomizations that name bases, components or files elsewhere (`--no-remote-bases`).
    pub no_remote_bases: bool,
    /// Intervals vary by up to this many per cent, so that many resources do not come up together
    /// (`--interval-jitter-percentage`).
    pub jitter_percent: u8,
    /// A prune of more than this many objects in one run, or of a Namespace, CustomResourceDefinition or
    /// PersistentVolumeClaim, waits for a yes (`--prune-limit`). Off by default, as with Flux.
    pub prune_limit: Option<u32>,
    /// How long definitions and classes may take to become ready before what needs them is applied.
    pub definitions_timeout: Duration,
}

impl Default for FluxOptions {
    /// The defaults of Flux 2.9.
    fn default() -> Self {
        Self {
            requeue_dependency: Duration::from_secs(30),
            no_cross_namespace_refs: false,
            strict_substitutions: true,
            additive_ready_expressions: false,
            ignore_sops_mac: false,
            sops_age_secret: None,
            watch_selector: None,
            watch_configs: WatchSelector::parse(WATCH_CONFIGS).ok(),
            events_address: None,
            default_service_account: None,
            override_managers: Vec::new(),
            custom_stage_kinds: Vec::new(),
            no_remote_bases: false,
            jitter_percent: 5,
            prune_limit: None,
            definitions_timeout: Duration::from_secs(60),
        }
    }
}

impl FluxOptions {
    /// Whether a resource is one of those that a process with these options runs, and not another shard's.
    pub fn runs(&self, object: &Object) -> bool {
        self.watch_selector.as_ref().is_none_or(|selector| selector.selects(object))
    }
}

/// What the reconcilers of Flux' kinds share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) sources: Sources,
    pub(crate) renders: Arc<RenderCache>,
    pub(crate) artifacts: Artifacts,
    pub(crate) notifier: notify::Notifier,
    pub(crate) options: FluxOptions,
}

/// The reconcilers of Flux' kinds.
pub fn reconcilers(
    engine: &Engine,
    sources: Sources,
    renders: Arc<RenderCache>,
    options: FluxOptions,
) -> Vec<Arc<dyn Reconciler>> {
    let shared = Arc::new(Shared {
        engine: engine.clone(),
        sources,
        renders,
        artifacts: Artifacts::default(),
        notifier: notify::Notifier::new(options.events_address.as_deref()),
        options,
    });
    vec![
        Arc::new(source::SourceReconciler::<git_repository::GitRepository>::new(shared.clone())),
        Arc::new(source::SourceReconciler::<oci_repository::OciRepository>::new(shared.clone())),
        Arc::new(external_artifact::ExternalArtifacts::new(shared.clone())),
        Arc::new(kustomization::Kustomizations::new(shared)),
    ]
}
