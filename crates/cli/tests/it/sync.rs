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
fn hooks_are_passed_over_by_the_strategy_of_the_operation() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    env.run(&["sync", "web", "--without-hooks"]);
    let app = env.get("argoproj.io/v1alpha1", "Application", "argocd", "web");
    assert_eq!(app["operation"]["sync"]["syncStrategy"], json!({"apply": {}}));
    assert_snapshot!(env.run(&["sync", "ks/base", "--without-hooks"]), @r"
    --- standard error
    error: --without-hooks cannot be asked of flux-system/ks/base: Flux has no such thing
    hint: a Kustomization runs every object as it is
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

#[test]
fn a_prune_that_is_held_back_gets_its_yes() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    assert_snapshot!(env.run(&["sync", "ks/base", "--approve-prune"]), @r"
    --- standard error
    error: flux-system/ks/base holds no prune back
    --- status 2
    ");
    let message = "prune is held: 2 objects would be deleted, more than the limit of 1";
    let held = json!({"status": {"lastAttemptedRevision": "main@sha1:2", "conditions": [{"type": "Ready",
        "status": "False", "reason": "PruneFailed", "message": message,
        "lastTransitionTime": "2026-01-01T12:00:00Z"}]}});
    let (flux, argo) = ("kustomize.toolkit.fluxcd.io/v1", "argoproj.io/v1alpha1");
    env.patch(flux, "Kustomization", "flux-system", "base", &held);
    assert_snapshot!(env.run(&["sync", "ks/base", "--approve-prune"]), @"flux-system/ks/base: the prune that was held back may go on");
    let ks = env.get(flux, "Kustomization", "flux-system", "base");
    assert_eq!(ks["metadata"]["annotations"]["holdfast.dev/approve-prune"], json!("main@sha1:2"));
    let waits = json!({"phase": "Running", "message": "waiting for pruning confirmation of /ConfigMap/a",
        "operation": {"sync": {}}, "startedAt": "2026-01-01T11:00:00Z"});
    env.patch(
        argo,
        "Application",
        "argocd",
        "web",
        &json!({"operation": {"sync": {}}, "status": {"operationState": waits}}),
    );
    assert_snapshot!(env.run(&["sync", "app/web", "--approve-prune"]), @"argocd/app/web: the prune that was held back may go on");
    let app = env.get(argo, "Application", "argocd", "web");
    let approved = &app["metadata"]["annotations"]["argocd.argoproj.io/deletion-approved"];
    assert_eq!(approved, &json!("2026-01-01T12:00:00Z"));
}
