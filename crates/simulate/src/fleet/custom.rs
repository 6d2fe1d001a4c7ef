//! The custom resources of the fleet.

use super::{Api, App, NAMESPACE, URL};
use holdfast_object::{Value, json};

/// The GitRepository that all Kustomizations read.
pub(crate) fn repository() -> Value {
    json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": "fleet", "namespace": "flux-system"},
        "spec": {"url": URL, "interval": "1m", "ref": {"branch": "main"}},
    })
}

/// An app's custom resource. Intervals are long where a wake-up must do, so that a lost one shows.
pub(crate) fn resource(app: App) -> Value {
    match app.api() {
        Api::Flux => kustomization(app),
        Api::ArgoCd => application(app),
    }
}

fn kustomization(app: App) -> Value {
    let mut value = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": app.name(), "namespace": app.namespace()},
        "spec": {"interval": "1h", "retryInterval": "30s", "timeout": "2m", "prune": true,
            "path": format!("./{app}"), "targetNamespace": NAMESPACE,
            "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
    });
    if let Some(dependency) = app.depends_on() {
        value["spec"]["dependsOn"] = json!([{"name": dependency.name()}]);
    }
    if app == App::Docs {
        value["spec"]["wait"] = true.into();
    }
    value
}

fn application(app: App) -> Value {
    let policy = if app.is_manual() {
        json!({})
    } else {
        json!({"automated": {"prune": true, "selfHeal": true}, "retry": {"limit": -1,
            "backoff": {"duration": "5s", "factor": 2, "maxDuration": "30s"}}})
    };
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": app.name(), "namespace": app.namespace(),
            "finalizers": ["resources-finalizer.argocd.argoproj.io"]},
        "spec": {"project": "default",
            "source": {"repoURL": URL, "path": app.name(), "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": NAMESPACE},
            "syncPolicy": policy},
    })
}
