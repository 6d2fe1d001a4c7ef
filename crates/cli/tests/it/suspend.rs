use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;
use serde_json::{Value, json};

#[test]
fn each_api_is_suspended_in_its_own_way() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    assert_snapshot!(env.run(&["suspend", "ks/base", "app/web", "gitrepo/fleet"]), @r"
    flux-system/ks/base suspended
    argocd/app/web suspended
    flux-system/gitrepo/fleet suspended
    ");
    let ks = env.get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "base");
    assert_eq!(ks["spec"]["suspend"], json!(true));
    let app = env.get("argoproj.io/v1alpha1", "Application", "argocd", "web");
    assert_eq!(app["metadata"]["annotations"]["argocd.argoproj.io/skip-reconcile"], json!("true"));
    assert_snapshot!(env.run(&["suspend", "base"]), @"flux-system/ks/base is suspended already");
    assert_snapshot!(env.run(&["resume", "base", "app/web"]), @r"
    flux-system/ks/base resumed
    argocd/app/web resumed
    ");
    let app = env.get("argoproj.io/v1alpha1", "Application", "argocd", "web");
    assert_eq!(app["metadata"]["annotations"]["argocd.argoproj.io/skip-reconcile"], Value::Null);
}

#[test]
fn nothing_is_changed_when_a_name_is_wrong() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    let run = env.run(&["suspend", "ks/base", "ks/nothing"]);
    assert_eq!(run.status, 2);
    let ks = env.get("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "base");
    assert_eq!(ks["spec"].get("suspend"), None);
}
