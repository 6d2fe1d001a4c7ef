use holdfast_merge::drift::FoldPolicy;
use holdfast_object::{Object, ObjectKey, ObjectRef};
use std::time::Duration;

/// How one app is to be synced: everything in which the APIs in front differ, as data.
///
/// There is no `Default`: a front-end chooses every part.
#[derive(Debug, Clone)]
pub struct SyncPolicy {
    /// How an object says that it belongs to the app.
    pub owner: Ownership,
    /// How objects are written, where an object's own policy does not say otherwise.
    pub write: WriteMode,
    /// What to do about differences that others made.
    pub drift: DriftPolicy,
    /// Which objects are written before which.
    pub order: Order,
    /// What is deleted, and what stops that.
    pub prune: PrunePolicy,
    /// What must be healthy before the run is done.
    pub gate: HealthGate,
    /// Which rules say whether an object is healthy.
    pub health: holdfast_health::HealthRules,
}

use crate::order::Order;

/// How an object says which app it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// All of these labels are present (Flux: the Kustomization's name and namespace).
    Labels(Vec<(String, String)>),
    /// The annotation holds `<instance>:<group>/<kind>:<namespace>/<name>` of the object itself (Argo CD's
    /// tracking id); a copy that kept the annotation of another object is not owned.
    TrackingId {
        /// The annotation's key.
        annotation: String,
        /// The instance name of the app.
        instance: String,
        /// The namespace that cluster-scoped objects carry in their id: the app's destination.
        destination_namespace: String,
    },
}

impl Ownership {
    /// Whether a live object says that it is ours.
    pub fn owns(&self, live: &Object) -> bool {
        match self {
            Self::Labels(labels) => labels.iter().all(|(key, value)| live.label(key) == Some(value)),
            Self::TrackingId { annotation, .. } => live
                .annotation(annotation)
                .is_some_and(|id| self.tracking_ids(&live.key()).iter().any(|own| own == id)),
        }
    }

    /// Writes the mark of ownership onto an object that is about to be applied.
    pub fn mark(&self, object: &mut Object) {
        match self {
            Self::Labels(labels) => labels.iter().for_each(|(key, value)| object.set_label(key, value)),
            Self::TrackingId { annotation, .. } => {
                if let Some(id) = self.tracking_ids(&object.key()).into_iter().next_back() {
                    object.set_annotation(annotation, id);
                }
            }
        }
    }

    /// The ids that make an object ours; the last is the one we write. A cluster-scoped object may carry either no
    /// namespace or the destination's.
    fn tracking_ids(&self, key: &ObjectKey) -> Vec<String> {
        let Self::TrackingId { instance, destination_namespace, .. } = self else { return Vec::new() };
        let id = |namespace: &str| format!("{instance}:{}/{}:{namespace}/{}", key.group, key.kind, key.name);
        if key.namespace.is_empty() {
            vec![id(""), id(destination_namespace)]
        } else {
            vec![id(&key.namespace)]
        }
    }
}

/// How an object is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WriteMode {
    /// Server-side apply.
    ServerSide {
        /// The field manager.
        manager: String,
        /// Take fields that other managers hold.
        force: bool,
        /// Whose fields are folded into ours.
        fold: FoldPolicy,
    },
    /// Client-side three-way apply over the last-applied annotation, as `kubectl apply` does it.
    ThreeWay {
        /// The field manager of the writes.
        manager: String,
    },
    /// Replaces the whole object (`kubectl replace`), creating it when absent.
    Replace {
        /// The field manager of the writes.
        manager: String,
    },
}

impl WriteMode {
    /// The field manager under which we write.
    pub fn manager(&self) -> &str {
        match self {
            Self::ServerSide { manager, .. } | Self::ThreeWay { manager } | Self::Replace { manager } => {
                manager
            }
        }
    }
}

/// When a difference that others made is put right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealWhen {
    /// As soon as it is seen.
    AtOnce,
    /// With the next interval's run.
    AtInterval,
    /// Never by itself: it is reported.
    Never,
}

/// What losing the ownership of a field, with its value unchanged, means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OwnershipLoss {
    /// Claim the field again with the next write.
    Reclaim,
    /// Let it be.
    Ignore,
}

/// How long to hold off from healing one field again and again against the same writer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The pause after the first heal.
    pub first: Duration,
    /// By what each further pause grows.
    pub factor: f64,
    /// The longest pause.
    pub max: Duration,
}

/// What to do about differences that others made.
#[derive(Debug, Clone)]
pub struct DriftPolicy {
    /// JSON pointers that are not compared, with the objects they apply to.
    pub ignore: Vec<IgnoreRule>,
    /// A lost ownership without another value.
    pub ownership_loss: OwnershipLoss,
    /// Another value in a field that we own.
    pub value: HealWhen,
    /// Fields of managers that the write mode folds into ours.
    pub fold: HealWhen,
    /// Damping against a writer that fights back.
    pub backoff: Backoff,
}

/// Fields of some objects that are not compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreRule {
    /// API group, or `*`.
    pub group: String,
    /// Kind, or `*`.
    pub kind: String,
    /// Namespace; empty for any.
    pub namespace: String,
    /// Name; empty for any.
    pub name: String,
    /// RFC 6901 pointers.
    pub pointers: Vec<String>,
}

impl IgnoreRule {
    /// Whether the rule is about this object.
    pub fn matches(&self, key: &ObjectKey) -> bool {
        let one = |rule: &str, value: &str| rule == "*" || rule == value;
        one(&self.group, &key.group)
            && one(&self.kind, &key.kind)
            && (self.namespace.is_empty() || self.namespace == key.namespace)
            && (self.name.is_empty() || self.name == key.name)
    }
}

/// When an object that cannot be changed in place is deleted and made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplacePolicy {
    /// Never: the error stands.
    Never,
    /// When the server says that a field is immutable.
    OnImmutable,
}

/// What is deleted when it is no longer desired.
#[derive(Debug, Clone)]
pub struct PrunePolicy {
    /// Delete what is no longer desired; otherwise it is only reported.
    pub enabled: bool,
    /// An empty render may prune everything. Without it an empty render that would is a failure.
    pub allow_empty: bool,
    /// When, relative to the writes.
    pub order: PruneOrder,
    /// What happens to dependents of a deleted object.
    pub propagation: crate::step::Propagation,
    /// What stops a prune that looks like an accident.
    pub brake: PruneBrake,
    /// Objects with one of these annotations (key, value) are kept.
    pub keep: Vec<(String, String)>,
    /// Wait until the deleted objects are gone, at most this long.
    pub wait: Option<Duration>,
}

/// When objects are pruned, relative to the writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PruneOrder {
    /// After every stage was written (Flux; Argo CD with `PruneLast`).
    AfterWrites,
    /// Before the first stage (Argo CD).
    BeforeWrites,
}

/// Stops a prune that looks like an accident until a person says yes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PruneBrake {
    /// More deletions than this in one run, or any of a Namespace, CustomResourceDefinition or
    /// PersistentVolumeClaim, wait for a yes. `None` is off.
    pub limit: Option<u32>,
    /// A person said yes to this run.
    pub approved: bool,
}

/// What must be healthy before a run is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthGate {
    /// Nothing: done when written.
    None,
    /// Everything that was applied.
    All {
        /// How long to wait.
        timeout: Duration,
    },
    /// These objects.
    Listed {
        /// The objects, which need not be the app's own.
        objects: Vec<ObjectRef>,
        /// How long to wait.
        timeout: Duration,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn object(kind: &str, namespace: Option<&str>, annotations: holdfast_object::Value) -> Object {
        let mut metadata = json!({"name": "web", "annotations": annotations});
        if let Some(namespace) = namespace {
            metadata["namespace"] = namespace.into();
        }
        Object::new(json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata})).unwrap()
    }

    fn tracking() -> Ownership {
        Ownership::TrackingId {
            annotation: "argocd.argoproj.io/tracking-id".into(),
            instance: "shop".into(),
            destination_namespace: "prod".into(),
        }
    }

    #[test]
    fn a_copy_with_anothers_tracking_id_is_not_owned() {
        let check = |id: &str, expected: bool| {
            let live = object("Deployment", Some("prod"), json!({"argocd.argoproj.io/tracking-id": id}));
            assert_eq!(tracking().owns(&live), expected, "{id}");
        };
        check("shop:apps/Deployment:prod/web", true);
        check("shop:apps/Deployment:prod/other", false);
        check("other:apps/Deployment:prod/web", false);
        check("shop:apps/StatefulSet:prod/web", false);
        check("shop", false);
    }

    #[test]
    fn cluster_scoped_objects_carry_the_destination() {
        let mut own = object("Thing", None, json!({}));
        tracking().mark(&mut own);
        assert_eq!(own.annotation("argocd.argoproj.io/tracking-id"), Some("shop:apps/Thing:prod/web"));
        assert!(tracking().owns(&own));
    }

    #[test]
    fn an_ignore_rule_narrows_by_what_it_names() {
        let key = object("Deployment", Some("prod"), json!({})).key();
        let rule = |group: &str, kind: &str, name: &str| IgnoreRule {
            group: group.into(),
            kind: kind.into(),
            namespace: String::new(),
            name: name.into(),
            pointers: vec![],
        };
        assert!(rule("apps", "Deployment", "").matches(&key));
        assert!(rule("*", "*", "web").matches(&key));
        assert!(!rule("", "Deployment", "").matches(&key));
        assert!(!rule("apps", "Deployment", "api").matches(&key));
    }
}
