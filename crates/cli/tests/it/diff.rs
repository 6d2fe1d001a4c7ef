use crate::environment::{FLEET_SOURCE, WEB_SOURCE, fleet_with_sources as env};
use insta::assert_snapshot;
use serde_json::json;
use std::path::Path;

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
fn hooks_of_a_chart_are_shown_and_are_no_difference() {
    let env = env();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    env.create(&std::fs::read_to_string(root.join("examples/fleet/argocd/reports.yaml")).unwrap());
    let source = format!("https://github.com/holdfast-dev/holdfast={}", root.display());
    let run = |arguments: &[&str]| env.run(&[arguments, &["--source", &source]].concat());
    assert_snapshot!(run(&["diff", "app/reports"]), @"");
    assert_snapshot!(run(&["diff", "app/reports", "--brief"]), @"");
    let build = run(&["build", "app/reports"]);
    assert_snapshot!(build.stderr, @"");
    assert!(!build.stdout.contains("kind: Job"), "{build}");
    env.create(&build.stdout);
    // All but the namespace is as wanted; then nothing differs, and the hook is still shown.
    assert_snapshot!(run(&["diff", "app/reports", "--brief"]), @"");
}
