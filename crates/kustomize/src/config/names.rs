//! Which fields hold the name of another object.

use super::tables::gvk;
use super::{NameReference, Spec};

/// Kinds with pods and the path of their pod specs. `v1/Pod` for what pods mount, `Pod` elsewhere.
const MOUNTING: [(&str, &str); 8] = [
    ("v1/Pod", "spec"),
    ("PodTemplate", "template/spec"),
    ("Deployment", "spec/template/spec"),
    ("ReplicaSet", "spec/template/spec"),
    ("DaemonSet", "spec/template/spec"),
    ("StatefulSet", "spec/template/spec"),
    ("Job", "spec/template/spec"),
    ("CronJob", "spec/jobTemplate/spec/template/spec"),
];

/// The kinds whose pods the original follows for accounts, claims and priorities.
const RUNNING: [(&str, &str); 7] = [
    ("Pod", "spec"),
    ("StatefulSet", "spec/template/spec"),
    ("Deployment", "spec/template/spec"),
    ("ReplicationController", "spec/template/spec"),
    ("CronJob", "spec/jobTemplate/spec/template/spec"),
    ("Job", "spec/template/spec"),
    ("DaemonSet", "spec/template/spec"),
];

const CONFIG_MAP_FIELDS: [&str; 6] = [
    "volumes/configMap/name",
    "containers/env/valueFrom/configMapKeyRef/name",
    "initContainers/env/valueFrom/configMapKeyRef/name",
    "containers/envFrom/configMapRef/name",
    "initContainers/envFrom/configMapRef/name",
    "volumes/projected/sources/configMap/name",
];

const SECRET_FIELDS: [&str; 7] = [
    "volumes/secret/secretName",
    "containers/env/valueFrom/secretKeyRef/name",
    "initContainers/env/valueFrom/secretKeyRef/name",
    "containers/envFrom/secretRef/name",
    "initContainers/envFrom/secretRef/name",
    "imagePullSecrets/name",
    "volumes/projected/sources/secret/name",
];

/// Other fields: the kind that is named, the kind that names it (`@`: the pods of every [`RUNNING`] kind), the path.
const FIELDS: [(&str, &str, &str); 44] = [
    ("Deployment", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("ReplicationController", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("ReplicaSet", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("StatefulSet", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name"),
    ("v1/ConfigMap", "Node", "spec/configSource/configMap"),
    ("v1/ConfigMap", "Role", "rules/resourceNames"),
    ("v1/ConfigMap", "ClusterRole", "rules/resourceNames"),
    (
        "v1/ConfigMap",
        "Ingress",
        r"metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap",
    ),
    ("v1/Secret", "Ingress", "spec/tls/secretName"),
    ("v1/Secret", "Ingress", r"metadata/annotations/ingress.kubernetes.io\/auth-secret"),
    ("v1/Secret", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret"),
    ("v1/Secret", "Ingress", r"metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret"),
    // Twice in the original, too: a name that was renamed to another's earlier name is renamed again.
    ("v1/Secret", "Ingress", "spec/tls/secretName"),
    ("v1/Secret", "ServiceAccount", "imagePullSecrets/name"),
    ("v1/Secret", "StorageClass", "parameters/secretName"),
    ("v1/Secret", "StorageClass", "parameters/adminSecretName"),
    ("v1/Secret", "StorageClass", "parameters/userSecretName"),
    ("v1/Secret", "StorageClass", "parameters/secretRef"),
    ("v1/Secret", "Role", "rules/resourceNames"),
    ("v1/Secret", "ClusterRole", "rules/resourceNames"),
    (
        "v1/Secret",
        "serving.knative.dev/v1/Service",
        "spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
    ),
    ("v1/Secret", "PersistentVolume", "spec/azureFile/secretName"),
    ("v1/Service", "apps/*/StatefulSet", "spec/serviceName"),
    ("v1/Service", "Ingress", "spec/rules/http/paths/backend/serviceName"),
    ("v1/Service", "Ingress", "spec/backend/serviceName"),
    ("v1/Service", "Ingress", "spec/rules/http/paths/backend/service/name"),
    ("v1/Service", "Ingress", "spec/defaultBackend/service/name"),
    ("v1/Service", "apiregistration.k8s.io/*/APIService", "spec/service/name"),
    (
        "v1/Service",
        "admissionregistration.k8s.io/*/ValidatingWebhookConfiguration",
        "webhooks/clientConfig/service",
    ),
    (
        "v1/Service",
        "admissionregistration.k8s.io/*/MutatingWebhookConfiguration",
        "webhooks/clientConfig/service",
    ),
    ("rbac.authorization.k8s.io/*/Role", "rbac.authorization.k8s.io/*/RoleBinding", "roleRef/name"),
    ("rbac.authorization.k8s.io/*/ClusterRole", "rbac.authorization.k8s.io/*/RoleBinding", "roleRef/name"),
    (
        "rbac.authorization.k8s.io/*/ClusterRole",
        "rbac.authorization.k8s.io/*/ClusterRoleBinding",
        "roleRef/name",
    ),
    ("v1/ServiceAccount", "rbac.authorization.k8s.io/*/RoleBinding", "subjects"),
    ("v1/ServiceAccount", "rbac.authorization.k8s.io/*/ClusterRoleBinding", "subjects"),
    ("v1/PersistentVolume", "PersistentVolumeClaim", "spec/volumeName"),
    ("v1/PersistentVolume", "ClusterRole", "rules/resourceNames"),
    ("storage.k8s.io/v1/StorageClass", "PersistentVolume", "spec/storageClassName"),
    ("storage.k8s.io/v1/StorageClass", "PersistentVolumeClaim", "spec/storageClassName"),
    ("storage.k8s.io/v1/StorageClass", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
    (
        "admissionregistration.k8s.io/*/ValidatingAdmissionPolicy",
        "admissionregistration.k8s.io/*/ValidatingAdmissionPolicyBinding",
        "spec/policyName",
    ),
    ("v1/ServiceAccount", "@", "serviceAccountName"),
    ("v1/PersistentVolumeClaim", "@", "volumes/persistentVolumeClaim/claimName"),
    ("scheduling.k8s.io/v1/PriorityClass", "@", "priorityClassName"),
];

pub(super) fn references() -> Vec<NameReference> {
    let mut references: Vec<NameReference> = Vec::new();
    let mut add = |target: &str, referrer: &str, path: &str| {
        let spec = Spec::new(gvk(referrer), path, false);
        let target = gvk(target);
        match references.iter_mut().find(|r| r.target == target) {
            Some(reference) => reference.referrers.push(spec),
            None => references.push(NameReference { target, referrers: vec![spec] }),
        }
    };
    for (target, fields) in [("v1/ConfigMap", &CONFIG_MAP_FIELDS[..]), ("v1/Secret", &SECRET_FIELDS[..])] {
        for (kind, pod) in MOUNTING {
            fields.iter().for_each(|field| add(target, kind, &format!("{pod}/{field}")));
        }
    }
    for (target, referrer, path) in FIELDS {
        if referrer == "@" {
            RUNNING.iter().for_each(|(kind, pod)| add(target, kind, &format!("{pod}/{path}")));
        } else {
            add(target, referrer, path);
        }
    }
    references
}
