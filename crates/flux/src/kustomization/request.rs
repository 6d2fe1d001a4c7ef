//! From the custom resource to what the engine understands.

use super::Times;
use crate::FluxOptions;
use holdfast_cluster::Cluster;
use holdfast_health::{HealthExpressions, HealthRules, RuleSet};
use holdfast_object::{GroupKind, GroupVersionKind, Object, ObjectRef, ObjectSet};
use holdfast_render::kustomization::{
    Flux, FluxImage, InjectedPatch, Injection, LoadRestrictor, ObjectSelector, PatchTarget, Reorder,
};
use holdfast_render::{
    KustomizeOptions, NamespaceRule, RenderLimits, RenderRequest, Renderer, Scope, Transform, set_namespaces,
};
use holdfast_sync::{
    Backoff, Desired, DesiredObject, DriftPolicy, FoldPolicy, HealWhen, HealthGate, ObjectPolicy, Order,
    Ownership, OwnershipLoss, Propagation, PruneBrake, PruneOrder, PrunePolicy, ReplacePolicy, SyncPolicy,
    WriteMode, WriteWhen,
};
use holdfast_tree::normalize;
use holdfast_types::flux::{APPROVE_PRUNE, IgnoreSpec, KUSTOMIZE_GROUP, KustomizationSpec};
use std::time::Duration;

/// The field manager of what Flux applies; the same, so that nobody's ownership changes on the day of the switch.
pub(super) const MANAGER: &str = "kustomize-controller";

/// Lets an empty folder prune everything.
pub(super) const ALLOW_EMPTY: &str = "holdfast.dev/allow-empty";

/// Whether a person said yes to what a revision prunes.
pub(super) fn is_approved(object: &Object, revision: &str) -> bool {
    object.annotation(APPROVE_PRUNE) == Some(revision)
}

/// What is to be rendered, or why the path cannot be meant.
pub(super) fn render_request(spec: &KustomizationSpec) -> Result<RenderRequest, String> {
    let path =
        normalize(&spec.path).ok_or_else(|| format!("path '{}' leads outside of the source", spec.path))?;
    Ok(RenderRequest {
        path,
        renderer: Renderer::Kustomize(Box::new(KustomizeOptions {
            inject: Some(Injection::Flux(injection(spec))),
            load_restrictor: LoadRestrictor::None,
            reorder: Reorder::Legacy,
            ..KustomizeOptions::default()
        })),
        limits: RenderLimits::default(),
    })
}

/// What Flux writes into the kustomization before it builds.
fn injection(spec: &KustomizationSpec) -> Flux {
    let patches = spec.patches.iter().map(|patch| InjectedPatch {
        patch: patch.patch.clone(),
        target: patch.target.as_ref().map(patch_target),
        ..InjectedPatch::default()
    });
    let images = spec.images.iter().map(|image| FluxImage {
        name: image.name.clone(),
        new_name: image.new_name.clone(),
        new_tag: image.new_tag.clone(),
        digest: image.digest.clone(),
    });
    Flux {
        target_namespace: spec.target_namespace.clone(),
        name_prefix: spec.name_prefix.clone(),
        name_suffix: spec.name_suffix.clone(),
        patches: patches.collect(),
        images: images.collect(),
        components: spec.components.clone(),
        ignore_missing_components: spec.ignore_missing_components,
        build_metadata: spec.build_metadata.clone(),
    }
}

fn patch_target(target: &holdfast_types::flux::PatchTarget) -> PatchTarget {
    PatchTarget {
        group: target.group.clone(),
        version: target.version.clone(),
        kind: target.kind.clone(),
        name: target.name.clone(),
        namespace: target.namespace.clone(),
        label_selector: target.label_selector.clone(),
        annotation_selector: target.annotation_selector.clone(),
    }
}

/// Everything that the rendered objects get on their way: common metadata, namespace, owner.
///
/// # Errors
/// What is wrong with a rule of `spec.ignore`, or what cannot be done to an object.
pub(super) fn desired(
    cluster: &Cluster,
    object: &Object,
    spec: &KustomizationSpec,
    revision: &str,
    objects: ObjectSet,
    previous: Vec<ObjectRef>,
) -> Result<Desired, String> {
    let mut rendered = holdfast_render::Rendered { objects, ..Default::default() };
    if let Some(metadata) = &spec.common_metadata {
        Transform::Labels(metadata.labels.clone().into_iter().collect())
            .apply(&mut rendered)
            .map_err(|e| e.to_string())?;
        Transform::Annotations(metadata.annotations.clone().into_iter().collect())
            .apply(&mut rendered)
            .map_err(|e| e.to_string())?;
    }
    let mut objects = rendered.objects;
    // The build knows which built-in kinds have no namespace; of custom ones only the cluster does.
    set_namespaces(&mut objects, &NamespaceRule::Default(String::new()), &|kind| scope(cluster, kind));
    let (owner, rules) = (owner(object), ignore_rules(spec)?);
    let objects = objects
        .into_iter()
        .map(|entry| {
            let mut object = entry.object;
            owner.mark(&mut object);
            object.as_map_mut().shift_remove("status");
            let ignored = rules.iter().filter(|(target, _)| target.selects(&object));
            let ignore = ignored.flat_map(|(_, paths)| paths.iter().cloned()).collect();
            let policy = ObjectPolicy { ignore, ..object_policy(&object, spec.force) };
            DesiredObject::new(object, entry.origin, policy)
        })
        .collect();
    Ok(Desired::new(revision, objects, previous))
}

/// The rules of `spec.ignore`: which objects, and which of their fields.
fn ignore_rules(spec: &KustomizationSpec) -> Result<Vec<(ObjectSelector, Vec<String>)>, String> {
    let rule = |rule: &IgnoreSpec| {
        let target = rule.target.as_ref().map(patch_target).unwrap_or_default();
        let selector = ObjectSelector::new(&target).map_err(|why| format!("spec.ignore: {why}"))?;
        let is_pointer = |path: &&String| !path.starts_with('/');
        match rule.paths.iter().find(is_pointer) {
            Some(path) => Err(format!("spec.ignore: '{path}' is no JSON pointer")),
            None => Ok((selector, rule.paths.clone())),
        }
    };
    spec.ignore.iter().map(rule).collect()
}

fn scope(cluster: &Cluster, kind: &GroupKind) -> Scope {
    match cluster.discovery().preferred(kind) {
        Some(resource) if resource.namespaced => Scope::Namespaced,
        Some(_) => Scope::Cluster,
        None => Scope::Unknown,
    }
}

/// The labels that say which Kustomization an object belongs to.
pub(super) fn owner(object: &Object) -> Ownership {
    Ownership::Labels(vec![
        (format!("{KUSTOMIZE_GROUP}/name"), object.name().to_owned()),
        (format!("{KUSTOMIZE_GROUP}/namespace"), object.namespace().to_owned()),
    ])
}

/// What the object's own annotations (or labels) ask for; values compare without case, as Flux does.
fn object_policy(object: &Object, force: bool) -> ObjectPolicy {
    let asks = |name: &str, value: &str| {
        let key = format!("{KUSTOMIZE_GROUP}/{name}");
        let is = |found: Option<&str>| found.is_some_and(|found| found.eq_ignore_ascii_case(value));
        is(object.annotation(&key)) || is(object.label(&key))
    };
    let when = match () {
        () if asks("reconcile", "disabled") || asks("ssa", "ignore") => WriteWhen::Never,
        () if asks("ssa", "ifnotpresent") => WriteWhen::Absent,
        () => WriteWhen::Differs,
    };
    // Merged objects keep what kubectl added: nobody's fields are folded into ours.
    let write = asks("ssa", "merge").then(|| server_side(FoldPolicy::default()));
    let replace =
        if force || asks("force", "enabled") { ReplacePolicy::OnImmutable } else { ReplacePolicy::Never };
    // What the user chose to skip says nothing about the app.
    let counts_in_health = when != WriteWhen::Never;
    ObjectPolicy { write, when, replace, wave: 0, counts_in_health, ignore: Vec::new() }
}

/// How long a field that was put right is left alone against the same writer.
const FIRST_HEAL_PAUSE: Duration = Duration::from_secs(1);
/// Pauses grow to the interval, and to this where the interval is shorter.
const LEAST_LONGEST_HEAL_PAUSE: Duration = Duration::from_secs(60);

fn server_side(fold: FoldPolicy) -> WriteMode {
    WriteMode::ServerSide { manager: MANAGER.into(), force: true, fold }
}

/// How the Kustomization is synced.
pub(super) fn policy(
    object: &Object,
    spec: &KustomizationSpec,
    times: Times,
    options: &FluxOptions,
    revision: &str,
    health: HealthRules,
) -> SyncPolicy {
    let gate = match () {
        () if spec.wait => HealthGate::All { timeout: times.timeout },
        () if !spec.health_checks.is_empty() => {
            HealthGate::Listed { objects: health_checks(object, spec), timeout: times.timeout }
        }
        () => HealthGate::None,
    };
    SyncPolicy {
        owner: owner(object),
        write: server_side(FoldPolicy::kustomize_controller(MANAGER, &options.override_managers)),
        drift: DriftPolicy {
            ignore: Vec::new(),
            ownership_loss: OwnershipLoss::Ignore,
            value: HealWhen::AtOnce,
            fold: HealWhen::AtInterval,
            backoff: Backoff {
                first: FIRST_HEAL_PAUSE,
                factor: 2.0,
                max: times.interval.max(LEAST_LONGEST_HEAL_PAUSE),
            },
        },
        order: Order::FluxStages {
            custom: options.custom_stage_kinds.clone(),
            ready_timeout: options.definitions_timeout,
        },
        prune: prune(object, spec, options, revision),
        gate,
        health,
    }
}

/// kstatus' rules, with the spec's expressions over them.
///
/// # Errors
/// What is wrong with an expression.
pub(super) fn health_rules(spec: &KustomizationSpec) -> Result<HealthRules, String> {
    let parse = |check: &holdfast_types::flux::HealthCheckExpr| {
        let expressions = [&check.in_progress, &check.failed, &check.current].map(String::as_str);
        HealthExpressions::parse(&check.api_version, &check.kind, expressions)
    };
    let expressions: Result<Vec<_>, _> = spec.health_check_exprs.iter().map(parse).collect();
    Ok(HealthRules::new(RuleSet::Kstatus, expressions.map_err(|e| e.to_string())?))
}

fn prune(object: &Object, spec: &KustomizationSpec, options: &FluxOptions, revision: &str) -> PrunePolicy {
    PrunePolicy {
        enabled: spec.prune,
        allow_empty: object.annotation(ALLOW_EMPTY).is_some_and(|v| v.eq_ignore_ascii_case("enabled")),
        order: PruneOrder::AfterWrites,
        propagation: Propagation::Background,
        brake: PruneBrake { limit: options.prune_limit, approved: is_approved(object, revision) },
        keep: keep(),
        wait: None,
    }
}

/// The annotations and labels that keep an object from being pruned.
pub(super) fn keep() -> Vec<(String, String)> {
    [("prune", "disabled"), ("reconcile", "disabled"), ("ssa", "ignore")]
        .map(|(name, value)| (format!("{KUSTOMIZE_GROUP}/{name}"), value.to_owned()))
        .to_vec()
}

fn health_checks(object: &Object, spec: &KustomizationSpec) -> Vec<ObjectRef> {
    spec.health_checks
        .iter()
        .map(|check| {
            let version = if check.api_version.is_empty() { "v1" } else { &check.api_version };
            let gvk = GroupVersionKind::from_api_version(version, &check.kind);
            let namespace =
                if check.namespace.is_empty() { object.namespace() } else { check.namespace.as_str() };
            ObjectRef::new(&gvk, namespace, &check.name)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::{Value, json};

    fn object_with(annotations: Value) -> Object {
        Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "n", "annotations": annotations}}))
        .unwrap()
    }

    #[test]
    fn annotations_choose_how_an_object_is_written() {
        let with = |name: &str, value: &str| {
            object_policy(&object_with(json!({format!("{KUSTOMIZE_GROUP}/{name}"): value})), false)
        };
        assert_eq!(with("none", "x"), ObjectPolicy::default());
        assert_eq!(with("ssa", "Ignore").when, WriteWhen::Never);
        assert_eq!(with("reconcile", "disabled").when, WriteWhen::Never);
        assert_eq!(with("ssa", "IfNotPresent").when, WriteWhen::Absent);
        assert_eq!(with("ssa", "Merge").write, Some(server_side(FoldPolicy::default())));
        assert_eq!(with("force", "Enabled").replace, ReplacePolicy::OnImmutable);
    }

    #[test]
    fn a_path_stays_in_the_source() {
        let request = |path: &str| {
            let spec = json!({"interval": "1m", "prune": true, "path": path,
                "sourceRef": {"kind": "GitRepository", "name": "s"}});
            render_request(&serde_json::from_value(spec).unwrap()).map(|r| r.path)
        };
        assert_eq!(request("./apps/../base/"), Ok("base".into()));
        assert_eq!(request(""), Ok(String::new()));
        assert!(request("../other").is_err());
    }
}
