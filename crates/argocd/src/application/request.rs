//! From an Application to what is rendered and how it is synced.

use super::hooks::{self, Hook};
use super::options::{self, SyncOptions};
use super::parameters;
use super::refuse;
use super::status::{Condition, condition};
use holdfast_object::{Object, ObjectRef, ObjectSet, Value, json};
use holdfast_render::{
    DirectoryOptions, NamespaceRule, RenderLimits, RenderRequest, Rendered, Renderer, Scope, set_namespaces,
};
use holdfast_sync::{
    Backoff, DesiredObject, DriftPolicy, FoldPolicy, HealWhen, HealthGate, IgnoreRule, ObjectPolicy, Order,
    Ownership, OwnershipLoss, Propagation, PruneBrake, PruneOrder, PrunePolicy, ReplacePolicy, SyncPolicy,
    WriteMode, WriteWhen,
};
use holdfast_tree::{Entry, FileTree, join, normalize, resolve};
use holdfast_types::argocd::{ApplicationSpec, RevisionSet, Source, SourceSet, TRACKING_ID};
use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;
use std::time::Duration;

/// The field manager of all writes, as Argo CD's.
pub(crate) const MANAGER: &str = "argocd-controller";
/// The pause between two sync waves (`ARGOCD_SYNC_WAVE_DELAY`).
const WAVE_PAUSE: Duration = Duration::from_secs(2);

/// What renders a source, as `status.sourceType` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceType {
    /// Plain files.
    Directory,
    /// A Kustomize base or overlay.
    Kustomize,
    /// A Helm chart.
    Helm,
}

impl SourceType {
    /// The name in `status.sourceType`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "Directory",
            Self::Kustomize => "Kustomize",
            Self::Helm => "Helm",
        }
    }
}

/// What a chart is told about its release and the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ReleaseFacts {
    /// The Application's name, which is the release's unless the source says otherwise.
    pub(crate) app: String,
    /// The same, with its namespace before it outside of the control namespace.
    pub(crate) instance: String,
    /// The destination's namespace.
    pub(crate) namespace: String,
    /// The Application's project.
    pub(crate) project: String,
    /// The commit, or the version of a chart.
    pub(crate) revision: String,
    /// The source's address, path and revision as they are written.
    pub(crate) source: (String, String, String),
    /// Kubernetes' version; empty when the cluster did not say.
    pub(crate) kube_version: String,
    /// The API versions the cluster serves.
    pub(crate) api_versions: Vec<String>,
    /// The names of the sources whose files may be named.
    pub(crate) names: Vec<String>,
    /// Flags for every kustomization: `kustomize.buildOptions` of `argocd-cm`.
    pub(crate) build_options: String,
    /// When this process began, in nanoseconds since 1970: the time of `now`, the same for every render, so that a
    /// render of the same content is the same.
    pub(crate) now: i128,
    /// The seed of this process' random values, for the same reason.
    pub(crate) seed: [u8; 32],
}

impl ReleaseFacts {
    /// Kubernetes' version: a source's own, or the cluster's.
    pub(crate) fn kube_version_or(&self, own: &str) -> String {
        if own.is_empty() { self.kube_version.clone() } else { own.to_owned() }
    }

    /// The API versions: a source's own, or those the cluster serves.
    pub(crate) fn api_versions_or(&self, own: &[String]) -> Vec<String> {
        if own.is_empty() { self.api_versions.clone() } else { own.to_vec() }
    }

    /// A variable of the build environment, as paths and parameters name it.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        let short = |length: usize| self.revision.chars().take(length).collect();
        Some(match name {
            "ARGOCD_APP_NAME" => self.instance.clone(),
            "ARGOCD_APP_NAMESPACE" => self.namespace.clone(),
            "ARGOCD_APP_PROJECT_NAME" => self.project.clone(),
            "ARGOCD_APP_REVISION" => self.revision.clone(),
            "ARGOCD_APP_REVISION_SHORT" => short(7),
            "ARGOCD_APP_REVISION_SHORT_8" => short(8),
            "ARGOCD_APP_SOURCE_REPO_URL" => self.source.0.clone(),
            "ARGOCD_APP_SOURCE_PATH" => self.source.1.clone(),
            "ARGOCD_APP_SOURCE_TARGET_REVISION" => self.source.2.clone(),
            "KUBE_VERSION" => self.kube_version.trim_start_matches('v').to_owned(),
            "KUBE_API_VERSIONS" => self.api_versions.join(","),
            _ => return None,
        })
    }
}

/// What is to be rendered, and as what.
///
/// # Errors
/// The message of a `ComparisonError`: the path cannot be used, or what stands there is not supported.
pub(crate) fn render_request(
    tree: &dyn FileTree,
    source: &Source,
    facts: &ReleaseFacts,
) -> Result<(SourceType, RenderRequest), String> {
    // A chart of a repository is all there is of its source.
    let path = if source.chart.is_empty() { &source.path } else { "" };
    let path = normalize(path).ok_or_else(|| format!("{path}: app path is outside of the repository"))?;
    let names: Vec<&str> = facts.names.iter().map(String::as_str).collect();
    let source = &parameters::overridden(tree, &path, source, &facts.instance, &names)?;
    let kind = source_type(tree, &path, source)?;
    let renderer = match kind {
        SourceType::Directory => {
            let directory = source.directory.clone().unwrap_or_default();
            Renderer::Directory(DirectoryOptions {
                recurse: directory.recurse,
                include: directory.include,
                exclude: directory.exclude,
                unique: false,
            })
        }
        SourceType::Kustomize => {
            let block = source.rest.get("kustomize").unwrap_or(&Value::Null);
            Renderer::Kustomize(Box::new(parameters::kustomize(block, facts)?))
        }
        SourceType::Helm => {
            let block = source.rest.get("helm").unwrap_or(&Value::Null);
            Renderer::Helm(Box::new(parameters::helm(block, facts)?))
        }
    };
    Ok((kind, RenderRequest { path, renderer, limits: RenderLimits::default() }))
}

/// What renders a source: the block it has, or the files that stand at its path.
fn source_type(tree: &dyn FileTree, path: &str, source: &Source) -> Result<SourceType, String> {
    if !source.chart.is_empty() {
        return Ok(SourceType::Helm);
    }
    let has = |block: &str| source.rest.get(block).is_some_and(|v| !v.is_null());
    let explicit: Vec<SourceType> = [
        (has("helm"), SourceType::Helm),
        (has("kustomize"), SourceType::Kustomize),
        (source.directory.is_some(), SourceType::Directory),
    ]
    .into_iter()
    .filter_map(|(is_there, kind)| is_there.then_some(kind))
    .collect();
    if let [first, rest @ ..] = explicit.as_slice() {
        if !rest.is_empty() {
            let names: Vec<&str> = explicit.iter().map(|kind| kind.as_str()).collect();
            return Err(format!("multiple application sources defined: {}", names.join(",")));
        }
        return Ok(*first);
    }
    let folder = resolve(tree, path).map_err(|e| format!("app path: {e}"))?.path;
    let has_file = |name: &str| {
        let entry = join(&folder, name).and_then(|path| tree.entry(&path).ok().flatten());
        entry.is_some_and(|entry| !matches!(entry, Entry::Folder))
    };
    Ok(if has_file("Chart.yaml") {
        SourceType::Helm
    } else if ["kustomization.yaml", "kustomization.yml", "Kustomization"].into_iter().any(has_file) {
        SourceType::Kustomize
    } else {
        SourceType::Directory
    })
}

/// What a source at a commit wants the cluster to hold, before the options of any operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Target {
    /// The spec it was made from.
    pub(crate) spec: ApplicationSpec,
    /// The sources it was rendered from: the spec's, or an operation's own.
    pub(crate) sources: SourceSet,
    /// The commit of each.
    pub(crate) revisions: RevisionSet,
    /// What rendered each; of one that is there for its files alone, `Directory`.
    pub(crate) source_types: Vec<SourceType>,
    /// The objects, with namespace and tracking id.
    pub(crate) objects: Vec<(Object, Option<holdfast_object::Origin>)>,
    /// The hooks, which are not run.
    pub(crate) hooks: Vec<Hook>,
    /// What is to be said about them.
    pub(crate) conditions: Vec<Condition>,
}

/// Who an Application is: what it calls itself in tracking ids, and where its objects go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its name, with its namespace before it outside of the control namespace.
    pub(crate) instance: String,
    /// The destination's namespace.
    pub(crate) namespace: String,
}

impl Identity {
    /// The identity of an Application.
    pub(crate) fn of(app: &Object, spec: &ApplicationSpec, control_namespace: &str) -> Self {
        Self {
            instance: instance_name(app, control_namespace),
            namespace: spec.destination.namespace.clone(),
        }
    }

    /// How its objects say that they are its own.
    pub(crate) fn ownership(&self) -> Ownership {
        Ownership::TrackingId {
            annotation: TRACKING_ID.into(),
            instance: self.instance.clone(),
            destination_namespace: self.namespace.clone(),
        }
    }
}

/// The name in tracking ids: outside of the control namespace the Application's namespace is part of it.
pub(crate) fn instance_name(app: &Object, control_namespace: &str) -> String {
    if app.namespace() == control_namespace {
        app.name().to_owned()
    } else {
        format!("{}_{}", app.namespace(), app.name())
    }
}

impl Target {
    /// Makes the target of rendered objects. `scope` tells where the cluster keeps a kind.
    ///
    /// # Errors
    /// The message of a `ComparisonError` when an object asks for what is not supported.
    pub(crate) fn new(
        (spec, sources): (&ApplicationSpec, &SourceSet),
        revisions: &RevisionSet,
        parts: &[(SourceType, Arc<Rendered>)],
        identity: &Identity,
        scope: &dyn Fn(&holdfast_object::GroupKind) -> Scope,
    ) -> Result<Self, String> {
        let mut objects = ObjectSet::new();
        for entry in parts.iter().flat_map(|(_, rendered)| &rendered.objects) {
            objects.push(entry.object.clone(), entry.origin.clone());
        }
        set_namespaces(&mut objects, &NamespaceRule::Default(identity.namespace.clone()), scope);
        let (objects, hooks) = hooks::set_apart(objects);
        if let Some(problem) = refuse::object_problem(&objects) {
            return Err(problem);
        }
        let mut conditions: Vec<Condition> = (objects.duplicates().iter())
            .map(|(key, places)| {
                let name = format!("{}/{}/{}/{}", key.group, key.kind, key.namespace, key.name);
                let message =
                    format!("Resource {name} appeared {} times among application resources.", places.len());
                Condition::new(condition::REPEATED_RESOURCE, message)
            })
            .collect();
        conditions.extend(hooks::warning(&hooks));
        let ownership = identity.ownership();
        let mut kept: Vec<(Object, Option<holdfast_object::Origin>)> = Vec::with_capacity(objects.len());
        let mut places = HashMap::with_capacity(objects.len());
        for entry in objects {
            let mut object = entry.object;
            if refuse::is_excluded(&object) {
                let gvk = object.gvk();
                let message = format!(
                    "Resource {}/{} {} is excluded in the settings",
                    gvk.group,
                    gvk.kind,
                    object.name()
                );
                conditions.push(Condition::new(condition::EXCLUDED_RESOURCE, message));
                continue;
            }
            // A definition is shared by whoever uses the kind: it is never marked, and so never pruned.
            if object.kind() != "CustomResourceDefinition" {
                ownership.mark(&mut object);
            }
            // Of an object that is there twice the later counts.
            match places.entry(object.key()) {
                Slot::Occupied(place) => kept[*place.get()] = (object, entry.origin),
                Slot::Vacant(place) => {
                    place.insert(kept.len());
                    kept.push((object, entry.origin));
                }
            }
        }
        Ok(Self {
            spec: spec.clone(),
            sources: sources.clone(),
            revisions: revisions.clone(),
            source_types: parts.iter().map(|(kind, _)| *kind).collect(),
            objects: kept,
            hooks,
            conditions,
        })
    }

    /// The objects as an operation with these options writes them; `selects` says which take part.
    pub(crate) fn desired(
        &self,
        options: &SyncOptions,
        selects: &dyn Fn(&holdfast_object::ObjectKey) -> bool,
    ) -> Vec<DesiredObject> {
        let desired = |object: &(Object, Option<holdfast_object::Origin>)| {
            let when = if selects(&object.0.key()) { WriteWhen::Differs } else { WriteWhen::NotSelected };
            desired_object(object, options, when)
        };
        self.objects.iter().map(desired).collect()
    }

    /// One of them, as it is compared.
    pub(crate) fn desired_one(
        &self,
        options: &SyncOptions,
        key: &holdfast_object::ObjectKey,
    ) -> Option<DesiredObject> {
        let found =
            self.objects.iter().find(|(object, _)| object.name() == key.name && object.key() == *key)?;
        Some(desired_object(found, options, WriteWhen::Differs))
    }

    /// The namespace that `CreateNamespace` makes before everything else; `None` when the option is off, or the
    /// source has the namespace itself. Where the spec manages its metadata it is applied each time, otherwise made
    /// only when it is missing. It is not marked: it is not the Application's to delete.
    pub(crate) fn created_namespace(&self, options: &SyncOptions) -> Option<DesiredObject> {
        let name = &self.spec.destination.namespace;
        let is_own = |(object, _): &(Object, _)| object.kind() == "Namespace" && object.name() == name;
        if !options.create_namespace || name.is_empty() || self.objects.iter().any(is_own) {
            return None;
        }
        let mut value = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let managed = self.spec.sync_policy.as_ref().and_then(|p| p.managed_namespace_metadata.as_ref());
        if let Some(managed) = managed {
            value["metadata"]["labels"] = json!(managed.labels);
            let mut annotations = managed.annotations.clone();
            let own = annotations.entry(options::SYNC_OPTIONS.into()).or_default();
            let separator = if own.is_empty() { "" } else { "," };
            *own = format!("{own}{separator}ServerSideApply=true");
            value["metadata"]["annotations"] = json!(annotations);
        }
        let policy = ObjectPolicy {
            write: Some(write_mode(true, false)),
            when: if managed.is_some() { WriteWhen::Differs } else { WriteWhen::Absent },
            wave: i32::MIN,
            ..ObjectPolicy::default()
        };
        Some(DesiredObject::new(Object::new(value).ok()?, None, policy))
    }
}

/// An object as an operation with these options writes it.
fn desired_object(
    (object, origin): &(Object, Option<holdfast_object::Origin>),
    options: &SyncOptions,
    when: WriteWhen,
) -> DesiredObject {
    let base = write_mode(options.server_side_apply, options.replace);
    let (own, _) = options::of_object(object);
    let replace = own.replace.unwrap_or(options.replace);
    let mode = write_mode(own.server_side_apply.unwrap_or(options.server_side_apply), replace);
    let may_replace = options.force || own.force;
    let policy = ObjectPolicy {
        write: (mode != base).then_some(mode),
        when,
        replace: if may_replace { ReplacePolicy::OnImmutable } else { ReplacePolicy::Never },
        wave: options::wave(object),
        counts_in_health: object.annotation(super::compare::IGNORE_HEALTH) != Some("true"),
        ..ObjectPolicy::default()
    };
    DesiredObject::new(object.clone(), origin.clone(), policy)
}

fn write_mode(server_side: bool, replace: bool) -> WriteMode {
    let manager = MANAGER.to_owned();
    match (replace, server_side) {
        (true, _) => WriteMode::Replace { manager },
        (false, true) => WriteMode::ServerSide { manager, force: true, fold: FoldPolicy::default() },
        (false, false) => WriteMode::ThreeWay { manager },
    }
}

/// How an operation prunes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pruning {
    /// It was asked for.
    pub(crate) enabled: bool,
    /// More deletions than this wait for a yes.
    pub(crate) limit: Option<u32>,
    /// A person said yes.
    pub(crate) approved: bool,
}

/// How an Application's objects are compared and written with these options.
pub(crate) fn sync_policy(
    spec: &ApplicationSpec,
    identity: &Identity,
    options: &SyncOptions,
    pruning: &Pruning,
) -> SyncPolicy {
    let ignore = |rule: &holdfast_types::argocd::IgnoreDifference| IgnoreRule {
        group: rule.group.clone(),
        kind: rule.kind.clone(),
        namespace: rule.namespace.clone(),
        name: rule.name.clone(),
        pointers: rule.json_pointers.clone(),
    };
    SyncPolicy {
        owner: identity.ownership(),
        write: write_mode(options.server_side_apply, options.replace),
        drift: DriftPolicy {
            ignore: spec.ignore_differences.iter().map(ignore).collect(),
            ownership_loss: OwnershipLoss::Ignore,
            value: HealWhen::AtOnce,
            fold: HealWhen::Never,
            // Healing is damped by the pauses between operations.
            backoff: Backoff { first: Duration::ZERO, factor: 1.0, max: Duration::ZERO },
        },
        order: Order::ArgoWaves { pause: WAVE_PAUSE },
        prune: PrunePolicy {
            enabled: pruning.enabled && !options.no_prune,
            // Autosync refuses to prune everything before it starts; a person may.
            allow_empty: true,
            order: if options.prune_last { PruneOrder::AfterWrites } else { PruneOrder::BeforeWrites },
            propagation: options.propagation.unwrap_or(Propagation::Foreground),
            brake: PruneBrake { limit: pruning.limit, approved: pruning.approved },
            // What annotations keep is left out of the candidates: their values are lists, not single words.
            keep: Vec::new(),
            wait: None,
        },
        gate: HealthGate::None,
        health: holdfast_health::RuleSet::ArgoCd.into(),
    }
}

/// The options of an operation, or the spec's where it has none.
pub(crate) fn sync_options(
    spec: &ApplicationSpec,
    own: &[String],
    force: bool,
) -> (SyncOptions, Vec<String>) {
    let of_spec = spec.sync_policy.as_ref().map_or(&[][..], |policy| &policy.sync_options);
    let texts = if own.is_empty() { of_spec } else { own };
    let (mut options, refused) = SyncOptions::read(texts.iter().map(String::as_str));
    options.force |= force;
    (options, refused)
}

/// The objects of the last status, which were the Application's then.
pub(crate) fn last_objects(resources: &[super::status::ResourceStatus]) -> Vec<ObjectRef> {
    let reference = |r: &super::status::ResourceStatus| {
        let gvk = holdfast_object::GroupVersionKind::new(&r.group, &r.version, &r.kind);
        ObjectRef::new(&gvk, &r.namespace, &r.name)
    };
    resources.iter().filter(|r| !r.version.is_empty()).map(reference).collect()
}

/// `managedNamespaceMetadata` as the result of an operation keeps it.
pub(crate) fn managed_namespace_value(spec: &ApplicationSpec) -> Option<Value> {
    let managed = spec.sync_policy.as_ref()?.managed_namespace_metadata.as_ref()?;
    Some(json!({"labels": managed.labels, "annotations": managed.annotations}))
}
