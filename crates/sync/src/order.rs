use crate::desired::{Desired, DesiredObject};
use holdfast_object::{ObjectKey, ObjectRef};
use std::collections::BTreeMap;
use std::time::Duration;

/// Which objects are written before which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Flux: definitions (CRDs, Namespaces, ClusterRoles), then classes, then named kinds, then the rest.
    FluxStages {
        /// Kinds applied in a stage of their own before the rest, as `Kind.group` or `Kind`.
        custom: Vec<String>,
        /// How long the definitions and classes may take to become ready.
        ready_timeout: Duration,
    },
    /// Argo CD: by sync wave, a stage each; within a wave CRDs and Namespaces first.
    ArgoWaves {
        /// How long to pause between two waves, for other controllers to see the first.
        pause: Duration,
    },
}

/// Objects that are written together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Places in [`Desired::objects`], in the API's order.
    pub objects: Vec<usize>,
    /// What must be so before the next stage begins.
    pub gate: StageGate,
}

/// What must be so before the next stage begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageGate {
    /// Nothing.
    None,
    /// Its objects are ready (the health rules say healthy), within this time, or the run fails.
    Ready {
        /// How long it may take.
        timeout: Option<Duration>,
        /// How long to pause once they are.
        pause: Duration,
    },
}

impl Order {
    /// The stages of a desired state; none is empty.
    pub fn stages(&self, desired: &Desired) -> Vec<Stage> {
        match self {
            Self::FluxStages { custom, ready_timeout } => flux_stages(desired, custom, *ready_timeout),
            Self::ArgoWaves { pause } => argo_stages(desired, *pause),
        }
    }

    /// Sorts references for deletion: the reverse of the order they are written in.
    pub fn sort_for_deletion(&self, objects: &mut [ObjectRef]) {
        match self {
            Self::FluxStages { .. } => {
                objects.sort_by(|a, b| flux_sort_key(&b.key).cmp(&flux_sort_key(&a.key)));
            }
            Self::ArgoWaves { .. } => {
                objects.sort_by(|a, b| argo_sort_key(&b.key).cmp(&argo_sort_key(&a.key)));
            }
        }
    }
}

const FLUX_FIRST: &[&str] = &[
    "CustomResourceDefinition",
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "PriorityClass",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

const FLUX_LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

const ARGOCD_FIRST: &[&str] = &[
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// A kind's place in Flux's order: negative before kinds without a place, positive after (`fluxcd/pkg/ssa`, sort).
pub fn kind_rank_flux(kind: &str) -> i32 {
    if let Some(at) = FLUX_FIRST.iter().position(|k| *k == kind) {
        return at as i32 - FLUX_FIRST.len() as i32;
    }
    FLUX_LAST.iter().position(|k| *k == kind).map_or(0, |at| at as i32 + 1)
}

/// A kind's place in Argo CD's order: kinds without a place come last (`gitops-engine/pkg/sync`, tasks).
pub fn kind_rank_argocd(kind: &str) -> i32 {
    ARGOCD_FIRST.iter().position(|k| *k == kind).map_or(0, |at| at as i32 - ARGOCD_FIRST.len() as i32)
}

fn flux_sort_key(key: &ObjectKey) -> (i32, &str, &str, &str, &str) {
    (kind_rank_flux(&key.kind), &key.group, &key.kind, &key.namespace, &key.name)
}

fn argo_sort_key(key: &ObjectKey) -> (i32, &str, &str) {
    (kind_rank_argocd(&key.kind), &key.kind, &key.name)
}

fn flux_stages(desired: &Desired, custom: &[String], ready_timeout: Duration) -> Vec<Stage> {
    let stage_of = |object: &DesiredObject| {
        let key = &object.reference.key;
        let kind = key.kind.as_str();
        let is_definition = matches!(kind, "CustomResourceDefinition" | "Namespace" | "ClusterRole");
        match () {
            () if is_definition => 0,
            () if kind.ends_with("Class") => 1,
            () if custom.iter().any(|c| *c == kind || *c == key.group_kind().to_string()) => 2,
            () => 3,
        }
    };
    let mut stages: [Vec<usize>; 4] = Default::default();
    for (at, object) in desired.objects().iter().enumerate() {
        stages[stage_of(object)].push(at);
    }
    let is_gated = |number: usize| number < 3;
    (stages.into_iter().enumerate())
        .filter(|(_, objects)| !objects.is_empty())
        .map(|(number, mut objects)| {
            objects.sort_by_key(|&at| flux_sort_key(&desired.objects()[at].reference.key));
            let gate = if is_gated(number) {
                StageGate::Ready { timeout: Some(ready_timeout), pause: Duration::ZERO }
            } else {
                StageGate::None
            };
            Stage { objects, gate }
        })
        .collect()
}

fn argo_stages(desired: &Desired, pause: Duration) -> Vec<Stage> {
    // Within a wave Argo CD applies kind after kind, each as soon as the one before was answered; what must really
    // come first is the definition of a kind and the namespace of an object.
    let mut waves: BTreeMap<(i32, bool), Vec<usize>> = BTreeMap::new();
    for (at, object) in desired.objects().iter().enumerate() {
        let is_definition =
            matches!(object.reference.key.kind.as_str(), "CustomResourceDefinition" | "Namespace");
        waves.entry((object.policy.wave, !is_definition)).or_default().push(at);
    }
    let last_wave = waves.keys().next_back().map(|(wave, _)| *wave);
    waves
        .into_iter()
        .map(|((wave, is_rest), mut objects)| {
            objects.sort_by_key(|&at| argo_sort_key(&desired.objects()[at].reference.key));
            let gate = match () {
                () if !is_rest => StageGate::Ready { timeout: None, pause: Duration::ZERO },
                () if Some(wave) == last_wave => StageGate::None,
                () => StageGate::Ready { timeout: None, pause },
            };
            Stage { objects, gate }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desired::ObjectPolicy;
    use holdfast_object::{Object, json};

    fn desired(objects: &[(&str, &str, i32)]) -> Desired {
        let objects = objects.iter().map(|(kind, name, wave)| {
            let object =
                Object::new(json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}})).unwrap();
            DesiredObject::new(object, None, ObjectPolicy { wave: *wave, ..ObjectPolicy::default() })
        });
        Desired::new("r", objects.collect(), vec![])
    }

    fn names(desired: &Desired, stages: &[Stage]) -> Vec<Vec<String>> {
        let name = |&at: &usize| desired.objects()[at].reference.key.name.clone();
        stages.iter().map(|stage| stage.objects.iter().map(name).collect()).collect()
    }

    #[test]
    fn flux_writes_definitions_then_classes_then_the_rest() {
        let desired = desired(&[
            ("Widget", "w", 0),
            ("Deployment", "d", 0),
            ("ValidatingWebhookConfiguration", "v", 0),
            ("ConfigMap", "c", 0),
            ("IngressClass", "i", 0),
            ("Namespace", "n", 0),
            ("CustomResourceDefinition", "x", 0),
            ("Custom", "k", 0),
        ]);
        let order =
            Order::FluxStages { custom: vec!["Custom".into()], ready_timeout: Duration::from_secs(60) };
        let stages = order.stages(&desired);
        assert_eq!(
            names(&desired, &stages),
            [vec!["x", "n"], vec!["i"], vec!["k"], vec!["c", "d", "w", "v"]]
        );
        assert_eq!(stages[3].gate, StageGate::None);
        assert_ne!(stages[0].gate, StageGate::None);
    }

    #[test]
    fn argo_cd_writes_waves_and_opens_the_next_when_healthy() {
        let desired = desired(&[
            ("Deployment", "late", 5),
            ("Deployment", "d", 0),
            ("Service", "s", 0),
            ("Namespace", "n", 0),
            ("Job", "early", -1),
        ]);
        let order = Order::ArgoWaves { pause: Duration::from_secs(2) };
        let stages = order.stages(&desired);
        assert_eq!(names(&desired, &stages), [vec!["early"], vec!["n"], vec!["s", "d"], vec!["late"]]);
        assert_eq!(stages[0].gate, StageGate::Ready { timeout: None, pause: Duration::from_secs(2) });
        assert_eq!(stages[3].gate, StageGate::None);
    }

    #[test]
    fn deletion_goes_the_other_way() {
        let desired = desired(&[("Namespace", "n", 0), ("Deployment", "d", 0), ("ConfigMap", "c", 0)]);
        let mut objects: Vec<ObjectRef> = desired.objects().iter().map(|o| o.reference.clone()).collect();
        Order::FluxStages { custom: vec![], ready_timeout: Duration::ZERO }.sort_for_deletion(&mut objects);
        assert_eq!(objects.iter().map(|o| o.key.name.as_str()).collect::<Vec<_>>(), ["d", "c", "n"]);
    }
}
