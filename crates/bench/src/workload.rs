//! What is deployed: an app of the size of podinfo, many times.

use holdfast_object::{GroupVersionKind, Value, json};
use holdfast_types::flux::{git_repository, kustomization, oci_repository};

/// The tag of the artifact.
pub(crate) const TAG: &str = "1.0.0";
/// Flux' names for those who write.
pub(crate) const APPLIES: &str = "kustomize-controller";
pub(crate) const KUSTOMIZATION_STATUS: &str = "gotk-kustomize-controller";
pub(crate) const SOURCE_STATUS: &str = "gotk-source-controller";
/// An annotation that commits change.
pub(crate) const CHANGE: &str = "bench.example.com/change";

/// The name of the pair of this number.
pub(crate) fn name(number: usize) -> String {
    format!("app-{number:04}")
}

/// ServiceAccount, Service, Deployment and Ingress of an app.
pub(crate) fn objects(app: &str, replicas: u32, change: &str) -> [Value; 4] {
    let metadata = json!({"name": app, "labels": {"app.kubernetes.io/name": app}});
    let selected = json!({ "app.kubernetes.io/name": app });
    let mut service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": metadata,
        "spec": {"type": "ClusterIP", "selector": selected, "ports": [
            {"name": "http", "port": 9898, "protocol": "TCP", "targetPort": "http"},
            {"name": "grpc", "port": 9999, "protocol": "TCP", "targetPort": "grpc"}]},
    });
    service["metadata"]["annotations"] = json!({ CHANGE: change });
    let probe = |path: &str| {
        json!({"exec": {"command": ["podcli", "check", "http", format!("localhost:9898/{path}")]},
            "initialDelaySeconds": 5, "timeoutSeconds": 5})
    };
    let container = json!({
        "name": "podinfod", "image": "ghcr.io/stefanprodan/podinfo:6.9.2", "imagePullPolicy": "IfNotPresent",
        "command": ["./podinfo", "--port=9898", "--port-metrics=9797", "--grpc-port=9999", "--level=info"],
        "env": [{"name": "PODINFO_UI_COLOR", "value": "#34577c"}],
        "ports": [{"name": "http", "containerPort": 9898, "protocol": "TCP"},
            {"name": "http-metrics", "containerPort": 9797, "protocol": "TCP"},
            {"name": "grpc", "containerPort": 9999, "protocol": "TCP"}],
        "livenessProbe": probe("healthz"), "readinessProbe": probe("readyz"),
        "resources": {"limits": {"cpu": "2", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "64Mi"}},
        "securityContext": {"readOnlyRootFilesystem": true, "runAsNonRoot": true},
    });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {"replicas": replicas, "minReadySeconds": 0, "revisionHistoryLimit": 5, "progressDeadlineSeconds": 60,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "selector": {"matchLabels": selected},
            "template": {
                "metadata": {"labels": selected, "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9797"}},
                "spec": {"serviceAccountName": app, "containers": [container]}}},
    });
    let backend = json!({"service": {"name": app, "port": {"name": "http"}}});
    let ingress = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata,
        "spec": {"rules": [{"host": format!("{app}.example.com"),
            "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]},
    });
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
    [account, service, deployment, ingress]
}

/// The files of an app in a folder (`""` is the root).
pub(crate) fn files(folder: &str, app: &str, replicas: u32, change: &str) -> Vec<(String, String)> {
    let names = ["account.yaml", "service.yaml", "deployment.yaml", "ingress.yaml"];
    let kustomization = json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": names});
    let objects = objects(app, replicas, change).map(|object| object.to_string());
    let files = names.map(String::from).into_iter().zip(objects);
    let files = files.chain([("kustomization.yaml".to_owned(), kustomization.to_string())]);
    files.map(|(file, text)| (format!("{folder}{file}"), text)).collect()
}

/// What Holdfast applies of an app's objects: with the labels by which they say whom they belong to.
pub(crate) fn applied(app: &str, namespace: &str, replicas: u32, change: &str) -> [Value; 4] {
    objects(app, replicas, change).map(|mut object| {
        let metadata = &mut object["metadata"];
        metadata["namespace"] = namespace.into();
        metadata["labels"]["kustomize.toolkit.fluxcd.io/name"] = app.into();
        metadata["labels"]["kustomize.toolkit.fluxcd.io/namespace"] = namespace.into();
        object
    })
}

/// An `OCIRepository` of the artifact at `url`.
pub(crate) fn oci_source(name: &str, namespace: &str, url: &str) -> Value {
    json!({
        "apiVersion": oci_repository().api_version(), "kind": "OCIRepository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"interval": "10m", "url": url, "ref": {"tag": TAG}, "insecure": true},
    })
}

/// A `GitRepository` of the branch `main` at `url`.
pub(crate) fn git_source(name: &str, namespace: &str, url: &str) -> Value {
    json!({
        "apiVersion": git_repository().api_version(), "kind": "GitRepository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"interval": "10m", "url": url, "ref": {"branch": "main"}},
    })
}

/// A `Kustomization` of a folder of a source, which waits for its objects' health.
pub(crate) fn app(name: &str, namespace: &str, source: (&GroupVersionKind, &str), path: &str) -> Value {
    json!({
        "apiVersion": kustomization().api_version(), "kind": "Kustomization",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"interval": "10m", "prune": true, "wait": true, "timeout": "5m", "path": path,
            "targetNamespace": namespace,
            "postBuild": {"substitute": {"app": name}},
            "sourceRef": {"kind": source.0.kind, "name": source.1}},
    })
}
