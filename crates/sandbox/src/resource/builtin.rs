//! The built-in resources.

use super::{Resource, Subresource};

/// `group/version` sections, then `plural Kind scope verbs short-names categories subresources`.
const TABLE: &str = "
@v1
bindings Binding n c - - -
configmaps ConfigMap n * cm - -
endpoints Endpoints n * ep - -
events Event n * ev - -
limitranges LimitRange n * limits - -
namespaces Namespace c ns ns - status,finalize
nodes Node c * no - status
persistentvolumeclaims PersistentVolumeClaim n * pvc - status
persistentvolumes PersistentVolume c * pv - status
pods Pod n * po all status,eviction,binding
podtemplates PodTemplate n * - - -
replicationcontrollers ReplicationController n * rc all status,scale
resourcequotas ResourceQuota n * quota - status
secrets Secret n * - - -
serviceaccounts ServiceAccount n * sa - -
services Service n * svc all status
@apiregistration.k8s.io/v1
apiservices APIService c * - api-extensions status
@apps/v1
controllerrevisions ControllerRevision n * - - -
daemonsets DaemonSet n * ds all status
deployments Deployment n * deploy all status,scale
replicasets ReplicaSet n * rs all status,scale
statefulsets StatefulSet n * sts all status,scale
@events.k8s.io/v1
events Event n * ev - -
@authentication.k8s.io/v1
selfsubjectreviews SelfSubjectReview c c - - -
tokenreviews TokenReview c c - - -
@authorization.k8s.io/v1
localsubjectaccessreviews LocalSubjectAccessReview n c - - -
selfsubjectaccessreviews SelfSubjectAccessReview c c - - -
selfsubjectrulesreviews SelfSubjectRulesReview c c - - -
subjectaccessreviews SubjectAccessReview c c - - -
@autoscaling/v2
horizontalpodautoscalers HorizontalPodAutoscaler n * hpa all status
@autoscaling/v1
horizontalpodautoscalers HorizontalPodAutoscaler n * hpa all status
@batch/v1
cronjobs CronJob n * cj all status
jobs Job n * - all status
@networking.k8s.io/v1
ingressclasses IngressClass c * - - -
ingresses Ingress n * ing - status
networkpolicies NetworkPolicy n * netpol - -
@policy/v1
poddisruptionbudgets PodDisruptionBudget n * pdb - status
@rbac.authorization.k8s.io/v1
clusterrolebindings ClusterRoleBinding c * - - -
clusterroles ClusterRole c * - - -
rolebindings RoleBinding n * - - -
roles Role n * - - -
@storage.k8s.io/v1
csidrivers CSIDriver c * - - -
storageclasses StorageClass c * sc - -
@admissionregistration.k8s.io/v1
mutatingwebhookconfigurations MutatingWebhookConfiguration c * - api-extensions -
validatingwebhookconfigurations ValidatingWebhookConfiguration c * - api-extensions -
@apiextensions.k8s.io/v1
customresourcedefinitions CustomResourceDefinition c * crd,crds api-extensions status
@scheduling.k8s.io/v1
priorityclasses PriorityClass c * pc - -
@coordination.k8s.io/v1
leases Lease n * - - -
@discovery.k8s.io/v1
endpointslices EndpointSlice n * - - -
";

const ALL_VERBS: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|t| (*t).to_owned()).collect()
}

fn words(text: &str) -> Vec<String> {
    if text == "-" { Vec::new() } else { text.split(',').map(str::to_owned).collect() }
}

/// Every built-in resource in the order of discovery.
pub(super) fn resources() -> Vec<Resource> {
    let mut out = Vec::new();
    let (mut group, mut version) = ("", "");
    for line in TABLE.lines().filter(|l| !l.is_empty()) {
        if let Some(section) = line.strip_prefix('@') {
            (group, version) = section.split_once('/').unwrap_or(("", section));
            continue;
        }
        let mut fields = line.split_whitespace();
        let mut next = || fields.next().unwrap_or("-");
        let (plural, kind, scope, verbs) = (next(), next(), next(), next());
        let (short, categories, subs) = (next(), next(), next());
        let verbs = match verbs {
            "c" => owned(&["create"]),
            "ns" => ALL_VERBS.iter().filter(|v| **v != "deletecollection").map(|v| (*v).to_owned()).collect(),
            _ => owned(ALL_VERBS),
        };
        // The two Event resources are one store; so would be any resource served by two groups.
        let bucket = if plural == "events" { "events".to_owned() } else { bucket(group, plural) };
        out.push(Resource {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            singular: kind.to_lowercase(),
            namespaced: scope == "n",
            short_names: words(short),
            categories: words(categories),
            verbs,
            subresources: words(subs).iter().map(|name| subresource(group, version, kind, name)).collect(),
            bucket: bucket.as_str().into(),
            custom: None,
        });
    }
    out
}

/// The name of a resource's place in the store.
pub(crate) fn bucket(group: &str, plural: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

fn subresource(group: &str, version: &str, kind: &str, name: &str) -> Subresource {
    let body = match name {
        "scale" => ("autoscaling", "v1", "Scale"),
        "eviction" => ("policy", "v1", "Eviction"),
        "binding" => ("", "v1", "Binding"),
        _ => (group, version, kind),
    };
    let verbs: &[&str] = match name {
        "eviction" | "binding" => &["create"],
        "finalize" => &["update"],
        _ => &["get", "patch", "update"],
    };
    Subresource {
        name: name.to_owned(),
        body: (body.0.into(), body.1.into(), body.2.into()),
        verbs: owned(verbs),
    }
}
