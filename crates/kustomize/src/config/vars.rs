//! The fields in which `$(VAR)` is replaced.

use super::Spec;
use super::tables::gvk;
use crate::resource::Gvk;

/// Fields of containers.
const CONTAINER: [&str; 4] = ["args", "command", "env/value", "volumeMounts/mountPath"];

/// Kinds with pods and the path of their pod specs.
const PODS: [(&str, &str); 7] = [
    ("CronJob", "spec/jobTemplate/spec/template/spec"),
    ("DaemonSet", "spec/template/spec"),
    ("Deployment", "spec/template/spec"),
    ("Job", "spec/template/spec"),
    ("Pod", "spec"),
    ("ReplicaSet", "spec/template/spec"),
    ("StatefulSet", "spec/template/spec"),
];

const OTHER: [(&str, &str); 16] = [
    // The original leaves out `spec` here, so that it never matches.
    ("CronJob", "spec/jobTemplate/spec/template/volumes/nfs/server"),
    ("DaemonSet", "spec/template/spec/volumes/nfs/server"),
    ("Deployment", "spec/template/spec/volumes/nfs/server"),
    ("Deployment", "spec/template/metadata/annotations"),
    ("Ingress", "spec/rules/host"),
    ("Ingress", "spec/tls/hosts"),
    ("Ingress", "spec/tls/secretName"),
    ("Job", "spec/template/spec/volumes/nfs/server"),
    ("Pod", "spec/volumes/nfs/server"),
    ("ReplicaSet", "spec/template/spec/volumes/nfs/server"),
    ("Service", "spec/ports/port"),
    ("Service", "spec/ports/targetPort"),
    ("StatefulSet", "spec/volumeClaimTemplates/spec/nfs/server"),
    ("PersistentVolume", "spec/nfs/server"),
    ("*", "metadata/labels"),
    ("*", "metadata/annotations"),
];

pub(super) fn references() -> Vec<Spec> {
    let mut specs = Vec::new();
    for (kind, pod) in PODS {
        for containers in ["containers", "initContainers"] {
            let kind = Gvk::new("", "", kind);
            let fields = CONTAINER.iter().map(|field| format!("{pod}/{containers}/{field}"));
            specs.extend(fields.map(|path| Spec::new(kind.clone(), &path, false)));
        }
    }
    specs.extend(OTHER.iter().map(|(kind, path)| Spec::new(gvk(kind), path, false)));
    specs
}
