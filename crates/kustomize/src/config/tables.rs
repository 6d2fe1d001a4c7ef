//! The built-in fields, apart from the references by name.

use super::{Config, Spec, names, vars};
use crate::resource::Gvk;

/// A row: the kind as `group/version/Kind` (`*` leaves a part open), the path, and whether to make it.
type Row = (&'static str, &'static str, bool);

fn spec(&(kind, path, create): &Row) -> Spec {
    Spec::new(gvk(kind), path, create)
}

/// Reads `group/version/Kind`, `version/Kind`… with `*` for any.
pub(super) fn gvk(text: &str) -> Gvk {
    let mut parts = text.rsplitn(3, '/').map(|part| if part == "*" { "" } else { part });
    let (kind, version, group) = (parts.next(), parts.next(), parts.next());
    Gvk::new(group.unwrap_or(""), version.unwrap_or(""), kind.unwrap_or(""))
}

const NAME: [Row; 1] = [("*", "metadata/name", false)];

const NAMESPACE: [Row; 3] = [
    ("Namespace", "metadata/name", true),
    ("apiregistration.k8s.io/*/APIService", "spec/service/namespace", true),
    (
        "apiextensions.k8s.io/*/CustomResourceDefinition",
        "spec/conversion/webhook/clientConfig/service/namespace",
        false,
    ),
];

const IMAGES: [Row; 6] = [
    ("*", "spec/containers[]/image", true),
    ("*", "spec/initContainers[]/image", true),
    ("*", "spec/volumes[]/image/reference", true),
    ("*", "spec/template/spec/containers[]/image", true),
    ("*", "spec/template/spec/initContainers[]/image", true),
    ("*", "spec/template/spec/volumes[]/image/reference", true),
];

const REPLICAS: [Row; 4] = [
    ("Deployment", "spec/replicas", true),
    ("ReplicationController", "spec/replicas", true),
    ("ReplicaSet", "spec/replicas", true),
    ("StatefulSet", "spec/replicas", true),
];

const CLAIM_TEMPLATE_LABELS: [Row; 1] =
    [("apps/*/StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", true)];

/// Kinds with a pod template: the template's metadata, and whether the kind counts in any group for labels.
const TEMPLATES: [(&str, &str); 8] = [
    ("v1/ReplicationController", "spec/template/metadata"),
    ("Deployment", "spec/template/metadata"),
    ("ReplicaSet", "spec/template/metadata"),
    ("DaemonSet", "spec/template/metadata"),
    ("apps/*/StatefulSet", "spec/template/metadata"),
    ("batch/*/Job", "spec/template/metadata"),
    ("batch/*/CronJob", "spec/jobTemplate/metadata"),
    ("batch/*/CronJob", "spec/jobTemplate/spec/template/metadata"),
];

const SELECTORS: [Row; 12] = [
    ("v1/Service", "spec/selector", true),
    ("v1/ReplicationController", "spec/selector", true),
    ("Deployment", "spec/selector/matchLabels", true),
    ("ReplicaSet", "spec/selector/matchLabels", true),
    ("DaemonSet", "spec/selector/matchLabels", true),
    ("apps/*/StatefulSet", "spec/selector/matchLabels", true),
    ("batch/*/Job", "spec/selector/matchLabels", false),
    ("batch/*/CronJob", "spec/jobTemplate/spec/selector/matchLabels", false),
    ("policy/*/PodDisruptionBudget", "spec/selector/matchLabels", false),
    ("networking.k8s.io/*/NetworkPolicy", "spec/podSelector/matchLabels", false),
    ("networking.k8s.io/*/NetworkPolicy", "spec/ingress/from/podSelector/matchLabels", false),
    ("networking.k8s.io/*/NetworkPolicy", "spec/egress/to/podSelector/matchLabels", false),
];

/// Selectors inside the pod templates of these kinds.
const POD_SELECTOR_KINDS: [&str; 2] = ["apps/*/Deployment", "apps/*/StatefulSet"];
const POD_SELECTORS: [&str; 5] = [
    "affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "topologySpreadConstraints/labelSelector/matchLabels",
];

fn template_metadata(field: &str) -> Vec<Spec> {
    let own = Spec::new(Gvk::default(), &format!("metadata/{field}"), true);
    let templates = TEMPLATES.iter().map(|(kind, path)| {
        // Annotations go to StatefulSets of any group.
        let kind = if field == "annotations" && kind.ends_with("StatefulSet") { "StatefulSet" } else { kind };
        Spec::new(gvk(kind), &format!("{path}/{field}"), true)
    });
    std::iter::once(own).chain(templates).collect()
}

pub(super) fn default_config() -> Config {
    let specs = |rows: &[Row]| rows.iter().map(spec).collect::<Vec<_>>();
    let mut common_labels = specs(&SELECTORS);
    for kind in POD_SELECTOR_KINDS {
        let paths = POD_SELECTORS.iter().map(|path| format!("spec/template/spec/{path}"));
        common_labels.extend(paths.map(|path| Spec::new(gvk(kind), &path, false)));
    }
    common_labels.extend(template_metadata("labels"));
    common_labels.extend(specs(&CLAIM_TEMPLATE_LABELS));
    let mut config = Config {
        name_prefix: specs(&NAME),
        name_suffix: specs(&NAME),
        namespace: specs(&NAMESPACE),
        common_labels,
        labels: Vec::new(),
        template_labels: template_metadata("labels"),
        volume_claim_template_labels: specs(&CLAIM_TEMPLATE_LABELS),
        common_annotations: template_metadata("annotations"),
        name_reference: names::references(),
        var_reference: vars::references(),
        images: specs(&IMAGES),
        replicas: specs(&REPLICAS),
    };
    config.sort();
    config
}
