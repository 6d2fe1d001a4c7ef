//! Commands that render an app and lay it beside what is live.

use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;
use serde_json::json;

/// A fleet whose repositories are folders, with one object applied and one not.
fn env() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.create(FLEET);
    env.write(
        "fleet/base/settings.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: shop}\ndata: {color: green}\n",
    );
    env.write(
        "web/app/secret.yaml",
        "# the password\napiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData: {password: hunter2}\n",
    );
    env
}

const FLEET_SOURCE: &str = "https://example.com/fleet=fleet";
const WEB_SOURCE: &str = "https://example.com/web=web";

#[test]
fn build_prints_what_would_be_applied() {
    let env = env();
    assert_snapshot!(env.run(&["build", "ks/base", "--source", FLEET_SOURCE]), @r"
    apiVersion: v1
    data:
      color: green
    kind: ConfigMap
    metadata:
      labels:
        kustomize.toolkit.fluxcd.io/name: base
        kustomize.toolkit.fluxcd.io/namespace: flux-system
      name: settings
      namespace: shop
    ");
    assert_snapshot!(env.run(&["build", "app/web", "--source", WEB_SOURCE]), @r"
    apiVersion: v1
    kind: Secret
    metadata:
      annotations:
        argocd.argoproj.io/tracking-id: web:/Secret:web/web
      name: web
      namespace: web
    stringData:
      password: hunter2
    ");
}

#[test]
fn diff_says_what_a_sync_would_change() {
    let env = env();
    let diff = || env.run(&["diff", "ks/base", "--source", FLEET_SOURCE]);
    assert_snapshot!(diff(), @r"
    --- live/ConfigMap/shop/settings
    +++ wanted/ConfigMap/shop/settings (base/settings.yaml:1)
    @@ -0,0 +1,10 @@
    +apiVersion: v1
    +data:
    +  color: green
    +kind: ConfigMap
    +metadata:
    +  labels:
    +    kustomize.toolkit.fluxcd.io/name: base
    +    kustomize.toolkit.fluxcd.io/namespace: flux-system
    +  name: settings
    +  namespace: shop
    --- status 1
    ");
    let build = env.run(&["build", "ks/base", "--source", FLEET_SOURCE]).stdout;
    env.create(&build);
    env.patch("v1", "ConfigMap", "shop", "settings", &json!({"data": {"color": "red"}}));
    assert_snapshot!(diff(), @r"
    --- live/ConfigMap/shop/settings
    +++ wanted/ConfigMap/shop/settings (base/settings.yaml:1)
    @@ -1,6 +1,6 @@
     apiVersion: v1
     data:
    -  color: red
    +  color: green
     kind: ConfigMap
     metadata:
       labels:
    --- status 1
    ");
    assert_eq!(env.run(&["diff", "ks/nothing"]).status, 2);
}

#[test]
fn secrets_are_masked() {
    let env = env();
    let run = env.run(&["diff", "app/web", "--source", WEB_SOURCE]);
    assert_eq!(run.status, 1, "{run}");
    assert!(!run.stdout.contains("hunter2"), "{run}");
    assert!(run.stdout.contains("password: ++++++++"), "{run}");
}

#[test]
fn why_tells_it_in_words() {
    let env = env();
    let build = env.run(&["build", "ks/base", "--source", FLEET_SOURCE]).stdout;
    env.create(&build);
    env.patch("v1", "ConfigMap", "shop", "settings", &json!({"data": {"color": "red"}}));
    assert_snapshot!(env.run(&["why", "ks/base", "--source", FLEET_SOURCE]), @r#"
    flux-system/ks/base is Synced and Healthy
      ConfigMap/shop/settings (base/settings.yaml:1): .data.color is "red", wanted "green", set by unknown/Update at <now>
    "#);
    assert_snapshot!(env.run(&["why", "ks/shop", "--status-only"]), @r"
    flux-system/ks/shop is OutOfSync and Unknown
      it waits for ks/database (does not exist)
      Ready is False for 60s (DependencyNotReady): dependency 'flux-system/database' not found
    ");
    assert_snapshot!(env.run(&["why", "app/web", "--status-only", "-o", "yaml"]), @r#"
    app: argocd/app/web
    conditions: []
    health: Missing
    message: ""
    refused: []
    suspended: false
    sync: OutOfSync
    waiting:
    - for: sync
    "#);
}
