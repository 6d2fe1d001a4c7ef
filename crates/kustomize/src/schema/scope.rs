use std::cell::Cell;
use std::collections::HashMap;

/// Which kinds have no namespace.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    custom: HashMap<(String, String), bool>,
    asked_for_unknown: Cell<bool>,
}

impl Scopes {
    /// Adds what a custom schema knows: whether a kind is namespaced.
    pub(crate) fn add(&mut self, scopes: HashMap<(String, String), bool>) {
        self.custom.extend(scopes);
    }

    /// Whether a kind was asked for that the built-in table does not have.
    pub(crate) fn asked_for_unknown(&self) -> bool {
        self.asked_for_unknown.get()
    }

    /// True for kinds that certainly have no namespace; unknown kinds are taken as namespaced.
    pub(crate) fn is_cluster_scoped(&self, api_version: &str, kind: &str) -> bool {
        match builtin(api_version, kind) {
            Some(namespaced) => !namespaced,
            None => {
                self.asked_for_unknown.set(true);
                !self.custom.is_empty()
                    && self.custom.get(&(api_version.to_owned(), kind.to_owned())).is_some_and(|n| !n)
            }
        }
    }
}

/// Whether a built-in kind is namespaced; `None` for kinds the original has no entry for.
fn builtin(api_version: &str, kind: &str) -> Option<bool> {
    let (cluster, namespaced): (&[&str], &[&str]) = match api_version {
        "v1" => (
            &["ComponentStatus", "Namespace", "Node", "NodeProxyOptions", "PersistentVolume"],
            &[
                "ConfigMap",
                "Endpoints",
                "Event",
                "LimitRange",
                "PersistentVolumeClaim",
                "Pod",
                "PodAttachOptions",
                "PodExecOptions",
                "PodPortForwardOptions",
                "PodProxyOptions",
                "PodTemplate",
                "ReplicationController",
                "ResourceQuota",
                "Secret",
                "Service",
                "ServiceAccount",
                "ServiceProxyOptions",
            ],
        ),
        "apps/v1" => (&[], &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
        "batch/v1" => (&[], &["CronJob", "Job"]),
        "batch/v1beta1" => (&[], &["CronJob"]),
        "autoscaling/v1" => (&[], &["HorizontalPodAutoscaler", "Scale"]),
        "autoscaling/v2beta1" | "autoscaling/v2beta2" => (&[], &["HorizontalPodAutoscaler"]),
        "admissionregistration.k8s.io/v1" => (
            &[
                "MutatingWebhookConfiguration",
                "ValidatingWebhookConfiguration",
                "ValidatingAdmissionPolicy",
                "ValidatingAdmissionPolicyBinding",
            ],
            &[],
        ),
        "admissionregistration.k8s.io/v1beta1" => {
            (&["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"], &[])
        }
        "apiextensions.k8s.io/v1" | "apiextensions.k8s.io/v1beta1" => (&["CustomResourceDefinition"], &[]),
        "apiregistration.k8s.io/v1" | "apiregistration.k8s.io/v1beta1" => (&["APIService"], &[]),
        "certificates.k8s.io/v1" | "certificates.k8s.io/v1beta1" => (&["CertificateSigningRequest"], &[]),
        "coordination.k8s.io/v1" | "coordination.k8s.io/v1beta1" => (&[], &["Lease"]),
        "discovery.k8s.io/v1" | "discovery.k8s.io/v1beta1" => (&[], &["EndpointSlice"]),
        "events.k8s.io/v1" | "events.k8s.io/v1beta1" => (&[], &["Event"]),
        "extensions/v1beta1" => (&[], &["Ingress"]),
        "flowcontrol.apiserver.k8s.io/v1beta1" => (&["FlowSchema", "PriorityLevelConfiguration"], &[]),
        "networking.k8s.io/v1" => (&["IngressClass"], &["Ingress", "NetworkPolicy"]),
        "networking.k8s.io/v1beta1" => (&["IngressClass"], &["Ingress"]),
        "node.k8s.io/v1" | "node.k8s.io/v1beta1" => (&["RuntimeClass"], &[]),
        "policy/v1" => (&[], &["PodDisruptionBudget"]),
        "policy/v1beta1" => (&["PodSecurityPolicy"], &["PodDisruptionBudget"]),
        "rbac.authorization.k8s.io/v1" | "rbac.authorization.k8s.io/v1beta1" => {
            (&["ClusterRole", "ClusterRoleBinding"], &["Role", "RoleBinding"])
        }
        "scheduling.k8s.io/v1" | "scheduling.k8s.io/v1beta1" => (&["PriorityClass"], &[]),
        "storage.k8s.io/v1" => (&["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"], &[]),
        "storage.k8s.io/v1beta1" => {
            (&["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"], &["CSIStorageCapacity"])
        }
        _ => return None,
    };
    if cluster.contains(&kind) {
        return Some(false);
    }
    namespaced.contains(&kind).then_some(true)
}
