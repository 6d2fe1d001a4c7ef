use crate::environment::{FLEET_SOURCE, WEB_SOURCE, fleet_with_sources as env};
use insta::assert_snapshot;
use serde_json::json;

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
