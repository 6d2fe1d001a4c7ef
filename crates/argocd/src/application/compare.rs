//! Is the cluster as the source says, and how healthy is it?

use super::hooks::{HookKind, hook_kind};
use super::options::{COMPARE_OPTIONS, has_option, is_kept_from_pruning, wave};
use super::project::Project;
use super::request::Target;
use super::sight::Sights;
use super::status::{Condition, HealthSummary, ResourceStatus, SyncCode, condition};
use holdfast_health::{HealthStatus, RuleSet, argocd_has_rule, assess};
use holdfast_object::{Object, ObjectKey, ObjectRef, Value};
use holdfast_sync::{DesiredObject, Judgement, Live, LiveView, Question, Reason, SyncPolicy, explain, judge};
use holdfast_types::argocd::TRACKING_ID;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// The annotation that keeps an object out of its Application's health.
pub(crate) const IGNORE_HEALTH: &str = "argocd.argoproj.io/ignore-healthcheck";

/// What a comparison found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    /// Whether the cluster holds what the source says.
    pub(crate) sync: SyncCode,
    /// A line for every object, sorted as the status has them.
    pub(crate) resources: Vec<ResourceStatus>,
    /// The worst health.
    pub(crate) health: HealthStatus,
    /// Which objects are to blame.
    pub(crate) health_message: String,
    /// What is to be known besides.
    pub(crate) conditions: Vec<Condition>,
    /// Images of the workloads, sorted.
    pub(crate) images: Vec<String>,
    /// Why objects are out of sync: a line for each field, with who set it, of the first of them.
    pub(crate) drift: Vec<String>,
    /// What was seen of each object.
    pub(crate) sights: Sights,
}

/// What to compare.
pub(crate) struct Compare<'a> {
    /// The Application.
    pub(crate) app: &'a Object,
    /// Its name in tracking ids.
    pub(crate) instance: &'a str,
    /// What the source says.
    pub(crate) target: &'a Target,
    /// The same, as it would be written.
    pub(crate) desired: &'a [DesiredObject],
    /// The namespace that the Application makes and whose metadata it manages.
    pub(crate) namespace: Option<&'a DesiredObject>,
    /// Objects that may be the Application's though the source does not have them.
    pub(crate) candidates: &'a [ObjectRef],
    /// How objects are compared.
    pub(crate) policy: &'a SyncPolicy,
    /// The target is known to be what was applied last.
    pub(crate) applied_before: bool,
    /// What the Application may do.
    pub(crate) project: &'a Project,
    /// Where a kind lives, as the cluster says.
    pub(crate) is_namespaced: &'a dyn Fn(&Object) -> bool,
    /// Put the health of each object into its line.
    pub(crate) inline_health: bool,
}

impl Compare<'_> {
    /// Compares with what is live; `None` while that is not known of every object.
    pub(crate) fn run(&self, live: &dyn LiveView) -> Option<Comparison> {
        let mut found = Found::default();
        for desired in self.desired {
            let object = known(live, &desired.reference)?;
            found.sights.note(&desired.reference, object.as_deref());
            let drift = object.as_deref().map_or(Some(Reason::Missing), |o| self.differs(desired, o, live));
            if let Some(reason) = &drift
                && found.drift.len() < DRIFT_SHOWN
            {
                found.drift.extend(explain(&desired.reference, desired.origin.as_ref(), reason));
            }
            self.compare_one(desired, object.as_deref(), drift.is_some(), &mut found);
        }
        let mut managed_differs = false;
        if let Some(namespace) = self.namespace.filter(|n| n.policy.when == holdfast_sync::WriteWhen::Differs)
        {
            let found_live = known(live, &namespace.reference)?;
            managed_differs = found_live.is_none_or(|found| self.differs(namespace, &found, live).is_some());
        }
        for extra in extras(live, self.desired, self.candidates, self.policy)? {
            found.sights.note(&extra.reference(), Some(&extra));
            self.add_extra(&extra, &mut found);
        }
        found.resources.sort_by(|a, b| key(a).cmp(&key(b)));
        found.conditions.extend(self.target.conditions.iter().cloned());
        let sync = if found.out_of_sync || managed_differs { SyncCode::OutOfSync } else { SyncCode::Synced };
        let (health, health_message) = found.health();
        Some(Comparison {
            sync,
            resources: found.resources,
            health,
            health_message,
            conditions: found.conditions,
            images: found.images.into_iter().collect(),
            drift: found.drift,
            sights: found.sights,
        })
    }

    /// Why one object is out of sync, if it is. It is not compared while its seal says that nothing has changed since it
    /// was found in force.
    fn differs(&self, desired: &DesiredObject, found: &Object, live: &dyn LiveView) -> Option<Reason> {
        let mode = desired.policy.write.as_ref().unwrap_or(&self.policy.write);
        let question = Question::of(desired, mode, &self.policy.drift);
        if live.in_force(&desired.reference, &question) {
            return None;
        }
        match judge(desired, found, mode, &self.policy.drift, self.applied_before) {
            // Who owns a field is no difference to Argo CD.
            Judgement::OwnershipLost => {
                live.found_as_wanted(&desired.reference, &question, found);
                None
            }
            Judgement::InForce => {
                live.found_in_force(&desired.reference, &question, found);
                None
            }
            Judgement::Differs(differences) => Some(Reason::Differs(differences)),
            // What cannot be told without asking the server is not held against the object.
            _ => None,
        }
    }

    fn compare_one(&self, desired: &DesiredObject, live: Option<&Object>, differs: bool, found: &mut Found) {
        let object: &Object = &desired.object;
        let mut line = self.line(live.unwrap_or(object));
        line.version.clone_from(&desired.reference.version);
        line.sync_wave = wave(object).into();
        line.status = Some(if differs { SyncCode::OutOfSync } else { SyncCode::Synced });
        found.out_of_sync |= differs;
        if !self.permits(object) {
            line.status = Some(SyncCode::Unknown);
        }
        if let Some(other) = live.and_then(|live| self.other_owner(live)) {
            found.conditions.push(other);
        }
        self.add_health(&mut line, live, found);
        images(live.unwrap_or(object), &mut found.images);
        found.resources.push(line);
    }

    fn add_extra(&self, live: &Object, found: &mut Found) {
        let mut line = self.line(live);
        line.requires_pruning = true;
        line.is_going = live.is_deleting();
        line.status = Some(if self.permits(live) { SyncCode::OutOfSync } else { SyncCode::Unknown });
        found.out_of_sync |= !has_option(live, COMPARE_OPTIONS, "IgnoreExtraneous");
        self.add_health(&mut line, Some(live), found);
        images(live, &mut found.images);
        found.resources.push(line);
    }

    fn line(&self, object: &Object) -> ResourceStatus {
        let gvk = object.gvk();
        ResourceStatus {
            group: gvk.group,
            version: gvk.version,
            kind: gvk.kind,
            namespace: object.namespace().to_owned(),
            name: object.name().to_owned(),
            ..ResourceStatus::default()
        }
    }

    fn permits(&self, object: &Object) -> bool {
        let kind = object.gvk().group_kind();
        self.project.permits_kind(&kind, object.name(), (self.is_namespaced)(object))
    }

    /// The warning about an object that says that it belongs to another Application.
    fn other_owner(&self, live: &Object) -> Option<Condition> {
        let (other, _) = live.annotation(TRACKING_ID)?.split_once(':')?;
        if other == self.instance {
            return None;
        }
        let message = format!(
            "{}/{} is part of applications {}/{} and {}",
            live.kind(),
            live.name(),
            self.app.namespace(),
            self.app.name(),
            other.replacen('_', "/", 1)
        );
        Some(Condition::new(condition::SHARED_RESOURCE, message))
    }

    /// Counts an object in the Application's health (Argo CD: `setApplicationHealth`).
    fn add_health(&self, line: &mut ResourceStatus, live: Option<&Object>, found: &mut Found) {
        found.has_objects = true;
        found.has_live |= live.is_some();
        let Some(live) = live else {
            if self.inline_health {
                line.health = Some(HealthSummary { status: "Missing".into(), ..HealthSummary::default() });
            }
            return;
        };
        let is_self = live.key() == self.app.key();
        if is_self || live.annotation(IGNORE_HEALTH) == Some("true") || !argocd_has_rule(live) {
            return;
        }
        let health = assess(live, RuleSet::ArgoCd);
        if self.inline_health {
            line.health = Some(HealthSummary {
                status: health.status.argocd_name().to_owned(),
                message: health.message,
                last_transition_time: None,
            });
        }
        found.healths.push((shown_health(health.status), place(line)));
    }
}

/// Argo CD knows no state of its own for what is being deleted.
fn shown_health(status: HealthStatus) -> HealthStatus {
    if status == HealthStatus::Terminating { HealthStatus::Progressing } else { status }
}

#[derive(Default)]
struct Found {
    resources: Vec<ResourceStatus>,
    conditions: Vec<Condition>,
    images: BTreeSet<String>,
    drift: Vec<String>,
    sights: Sights,
    healths: Vec<(HealthStatus, String)>,
    out_of_sync: bool,
    has_objects: bool,
    has_live: bool,
}

/// After how many lines of drift no more are collected.
const DRIFT_SHOWN: usize = 5;

/// How many objects a health message names.
const CAUSES_SHOWN: usize = 3;

impl Found {
    fn health(&self) -> (HealthStatus, String) {
        let worst = self.healths.iter().map(|(status, _)| *status).max().unwrap_or(HealthStatus::Healthy);
        if self.has_objects && !self.has_live && worst < HealthStatus::Missing {
            return (HealthStatus::Missing, String::new());
        }
        if worst == HealthStatus::Healthy {
            return (worst, String::new());
        }
        let causes: Vec<&str> = self
            .healths
            .iter()
            .filter(|(status, _)| *status == worst)
            .map(|(_, place)| place.as_str())
            .collect();
        let shown = causes[..causes.len().min(CAUSES_SHOWN)].join(", ");
        let more = causes.len().saturating_sub(CAUSES_SHOWN);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        (worst, format!("Caused by {shown}{more}"))
    }
}

fn place(line: &ResourceStatus) -> String {
    let kind =
        if line.group.is_empty() { line.kind.clone() } else { format!("{}/{}", line.group, line.kind) };
    let name = if line.namespace.is_empty() {
        line.name.clone()
    } else {
        format!("{}/{}", line.namespace, line.name)
    };
    format!("{kind}:{name}")
}

fn key(line: &ResourceStatus) -> (&str, &str, &str, &str) {
    (&line.group, &line.kind, &line.namespace, &line.name)
}

/// What is live of an object: `None` while unknown, `Some(None)` when it is not there.
#[allow(clippy::option_option, reason = "three states, read once")]
fn known(live: &dyn LiveView, object: &ObjectRef) -> Option<Option<Arc<Object>>> {
    match live.get(object) {
        Live::Unknown => None,
        Live::Absent | Live::NoSuchKind => Some(None),
        Live::Present(found) => Some(Some(found.object)),
    }
}

/// Live objects that are the Application's and that the source does not have; `None` while that is not known.
///
/// Objects with owners are their owners' business, and hooks are left to whoever ran them.
pub(crate) fn extras(
    live: &dyn LiveView,
    desired: &[DesiredObject],
    candidates: &[ObjectRef],
    policy: &SyncPolicy,
) -> Option<Vec<Arc<Object>>> {
    let wanted: HashSet<&ObjectKey> = desired.iter().map(|d| &d.reference.key).collect();
    let mut seen: HashSet<&ObjectKey> = HashSet::new();
    let mut extras = Vec::new();
    for candidate in candidates {
        if wanted.contains(&candidate.key) || !seen.insert(&candidate.key) {
            continue;
        }
        if let Some(object) = known(live, candidate)?
            && policy.owner.owns(&object)
            && hook_kind(&object) == HookKind::None
            && !has_owner(&object)
        {
            extras.push(object);
        }
    }
    Some(extras)
}

fn has_owner(object: &Object) -> bool {
    let owners = object.get(&["metadata", "ownerReferences"]).and_then(Value::as_array);
    owners.is_some_and(|owners| !owners.is_empty())
}

/// The references of those that pruning may delete, and those that annotations keep.
pub(crate) fn split_kept(extras: &[Arc<Object>]) -> (Vec<ObjectRef>, Vec<ObjectRef>) {
    let (kept, prunable): (Vec<_>, Vec<_>) = extras.iter().partition(|object| is_kept_from_pruning(object));
    let references = |objects: Vec<&Arc<Object>>| objects.into_iter().map(|o| o.reference()).collect();
    (references(prunable), references(kept))
}

/// Collects the images of a workload's containers.
pub(crate) fn images(object: &Object, into: &mut BTreeSet<String>) {
    let paths: [&[&str]; 3] =
        [&["spec", "template", "spec"], &["spec", "jobTemplate", "spec", "template", "spec"], &["spec"]];
    for spec in paths.iter().filter_map(|path| object.get(path)) {
        for containers in ["initContainers", "containers"] {
            let list = spec.get(containers).and_then(Value::as_array).into_iter().flatten();
            into.extend(list.filter_map(|c| c.get("image")?.as_str()).map(str::to_owned));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::options::SyncOptions;
    use crate::application::request::{Identity, Pruning, SourceType, sync_policy};
    use holdfast_object::{ObjectSet, json};
    use holdfast_render::{Rendered, Scope};
    use holdfast_sync::MapView;
    use holdfast_types::argocd::{ApplicationSpec, RevisionSet};

    fn object(kind: &str, name: &str, extra: Value) -> Value {
        let group = if kind == "Deployment" { "apps/v1" } else { "v1" };
        let mut value =
            json!({"apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": "prod"}});
        for (key, part) in extra.as_object().unwrap() {
            if key == "annotations" {
                value["metadata"]["annotations"] = part.clone();
            } else {
                value[key] = part.clone();
            }
        }
        value
    }

    fn tracked(kind: &str, name: &str, owner: &str, extra: Value) -> Value {
        let group = if kind == "Deployment" { "apps" } else { "" };
        let mut value = object(kind, name, extra);
        value["metadata"]["annotations"][TRACKING_ID] = format!("{owner}:{group}/{kind}:prod/{name}").into();
        value
    }

    /// Compares and prints: the app's sync and health, then each object with its status.
    fn check(desired: Vec<Value>, live: Vec<Value>, expected: &[&str]) -> Comparison {
        let app = Object::new(json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "argocd"}}))
        .unwrap();
        let spec: ApplicationSpec =
            serde_json::from_value(json!({"source": {"repoURL": "https://x/r", "path": "."},
            "destination": {"name": "in-cluster", "namespace": "prod"}}))
            .unwrap();
        let identity = Identity { instance: "shop".into(), namespace: "prod".into() };
        let mut objects = ObjectSet::new();
        desired.into_iter().for_each(|value| objects.push(Object::new(value).unwrap(), None));
        let rendered = Rendered { objects, ..Rendered::default() };
        let parts = [(SourceType::Directory, Arc::new(rendered))];
        let revisions = RevisionSet::new("r".into(), Vec::new());
        let target =
            Target::new((&spec, &spec.sources), &revisions, &parts, &identity, &|_| Scope::Namespaced);
        let target = target.unwrap();
        let live: Vec<Object> = live.into_iter().map(|value| Object::new(value).unwrap()).collect();
        let candidates: Vec<ObjectRef> = live.iter().map(Object::reference).collect();
        let options = SyncOptions::default();
        let compare = Compare {
            app: &app,
            instance: "shop",
            target: &target,
            desired: &target.desired(&options, &|_| true),
            namespace: None,
            candidates: &candidates,
            policy: &sync_policy(&spec, &identity, &options, &Pruning::default()),
            applied_before: false,
            project: &Project::unrestricted(),
            is_namespaced: &|_| true,
            inline_health: false,
        };
        let found = compare.run(&live.into_iter().collect::<MapView>()).unwrap();
        let mut lines = vec![format!("{} {} {}", found.sync.as_str(), found.health, found.health_message)];
        lines.extend(found.resources.iter().map(|r| {
            let prune = if r.requires_pruning { " prune" } else { "" };
            format!("{}/{} {}{prune}", r.kind, r.name, r.status.map_or("-", SyncCode::as_str))
        }));
        assert_eq!(lines, expected);
        found
    }

    fn data(value: &str) -> Value {
        json!({"data": {"key": value}})
    }

    #[test]
    fn each_object_is_synced_out_of_sync_or_to_be_pruned() {
        let desired = || vec![object("Secret", "s", json!({})), object("ConfigMap", "c", data("one"))];
        check(desired(), vec![], &["OutOfSync Missing ", "ConfigMap/c OutOfSync", "Secret/s OutOfSync"]);
        let live = |value: &str| {
            vec![tracked("ConfigMap", "c", "shop", data(value)), tracked("Secret", "s", "shop", json!({}))]
        };
        check(desired(), live("one"), &["Synced Healthy ", "ConfigMap/c Synced", "Secret/s Synced"]);
        check(desired(), live("two"), &["OutOfSync Healthy ", "ConfigMap/c OutOfSync", "Secret/s Synced"]);
        check(
            vec![],
            live("one"),
            &["OutOfSync Healthy ", "ConfigMap/c OutOfSync prune", "Secret/s OutOfSync prune"],
        );
    }

    #[test]
    fn what_only_looks_like_ours_is_none_of_ours() {
        let copy = |extra: Value| {
            let mut value = object("ConfigMap", "copy", extra);
            value["metadata"]["annotations"] = json!({TRACKING_ID: "shop:/ConfigMap:prod/original"});
            value
        };
        let mut owned = tracked("ConfigMap", "owned", "shop", json!({}));
        owned["metadata"]["ownerReferences"] = json!([{"kind": "A"}]);
        let hook = tracked(
            "ConfigMap",
            "hook",
            "shop",
            json!({"annotations": {"argocd.argoproj.io/hook": "PreSync"}}),
        );
        check(vec![], vec![copy(json!({})), owned, hook], &["Synced Healthy "]);
        let extraneous = json!({"annotations": {COMPARE_OPTIONS: "IgnoreExtraneous"}});
        let live = vec![tracked("ConfigMap", "c", "shop", extraneous)];
        check(vec![], live, &["Synced Healthy ", "ConfigMap/c OutOfSync prune"]);
    }

    #[test]
    fn an_object_of_another_application_is_told_of() {
        let found = check(
            vec![object("ConfigMap", "c", data("one"))],
            vec![tracked("ConfigMap", "c", "team_other", data("one"))],
            &["OutOfSync Healthy ", "ConfigMap/c OutOfSync"],
        );
        assert_eq!(
            found.conditions[0].message,
            "ConfigMap/c is part of applications argocd/shop and team/other"
        );
    }

    #[test]
    fn the_worst_health_counts_and_names_who_is_to_blame() {
        let deployment = |name: &str, ready: bool| {
            let updated = i64::from(ready);
            tracked(
                "Deployment",
                name,
                "shop",
                json!({"spec": {"replicas": 1},
                "status": {"replicas": 1, "updatedReplicas": updated, "availableReplicas": updated}}),
            )
        };
        let desired = |name: &str| object("Deployment", name, json!({"spec": {"replicas": 1}}));
        check(
            vec![desired("a"), desired("b"), object("ConfigMap", "c", json!({}))],
            vec![deployment("a", true), deployment("b", false)],
            &[
                "OutOfSync Progressing Caused by apps/Deployment:prod/b",
                "ConfigMap/c OutOfSync",
                "Deployment/a Synced",
                "Deployment/b Synced",
            ],
        );
        let mut ignored = deployment("b", false);
        ignored["metadata"]["annotations"][IGNORE_HEALTH] = "true".into();
        let wanted = object(
            "Deployment",
            "b",
            json!({"spec": {"replicas": 1}, "annotations": {IGNORE_HEALTH: "true"}}),
        );
        check(vec![wanted], vec![ignored], &["Synced Healthy ", "Deployment/b Synced"]);
    }

    #[test]
    fn images_are_listed_once() {
        let pods = json!({"spec": {"template": {"spec": {"initContainers": [{"image": "a:1"}],
            "containers": [{"image": "b:1"}, {"image": "a:1"}]}}}});
        let mut into = BTreeSet::new();
        images(&Object::new(object("Deployment", "a", pods)).unwrap(), &mut into);
        assert_eq!(into.into_iter().collect::<Vec<_>>(), ["a:1", "b:1"]);
    }
}
