use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;
use serde_json::json;

#[test]
fn a_kustomization_is_asked_by_an_annotation() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    assert_snapshot!(env.run(&["sync", "ks/base"]), @"flux-system/ks/base: reconcile requested");
    let ks = env.get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "base");
    assert_eq!(
        ks["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"],
        json!("2026-01-01T12:00:00Z")
    );
    assert_snapshot!(env.run(&["sync", "ks/base", "--prune"]), @r"
    --- standard error
    error: --prune cannot be asked of flux-system/ks/base: Flux has no such thing
    hint: whether it prunes stands in spec.prune
    --- status 2
    ");
}

#[test]
fn waiting_ends_with_what_the_controller_says() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    let handled = |status: &str, message: &str| {
        json!({"status": {"lastHandledReconcileAt": "2026-01-01T12:00:00Z", "conditions": [{"type": "Ready",
            "status": status, "reason": "R", "message": message, "lastTransitionTime": "2026-01-01T12:00:00Z"}]}})
    };
    env.patch(
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
        "flux-system",
        "base",
        &handled("True", "done"),
    );
    assert_snapshot!(env.run(&["sync", "ks/base", "--wait"]), @r"
    flux-system/ks/base: reconcile requested
    flux-system/ks/base: done
    ");
    env.patch(
        "kustomize.toolkit.fluxcd.io/v1",
        "Kustomization",
        "flux-system",
        "base",
        &handled("False", "no"),
    );
    assert_snapshot!(env.run(&["sync", "ks/base", "--wait"]), @r"
    flux-system/ks/base: reconcile requested
    --- standard error
    flux-system/ks/base: no
    --- status 1
    ");
}

#[test]
fn an_application_gets_an_operation() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    assert_snapshot!(env.run(&["sync", "web", "--prune", "--revision", "v1"]), @"argocd/app/web: sync requested");
    let app = env.get("argoproj.io/v1alpha1", "Application", "argocd", "web");
    assert_eq!(
        app["operation"],
        json!({"initiatedBy": {"username": "holdfast"},
            "sync": {"syncStrategy": {"hook": {}}, "revision": "v1", "prune": true}})
    );
    assert_snapshot!(env.run(&["sync", "web"]), @r"
    --- standard error
    error: argocd/app/web: another operation is already in progress
    hint: `holdfast wait argocd/app/web` waits for its end
    --- status 2
    ");
}

#[test]
fn a_suspended_app_is_not_synced() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    env.run(&["suspend", "web"]);
    assert_snapshot!(env.run(&["sync", "web"]), @r"
    --- standard error
    error: argocd/app/web is suspended
    hint: `holdfast resume argocd/app/web` lets it run again
    --- status 2
    ");
}
