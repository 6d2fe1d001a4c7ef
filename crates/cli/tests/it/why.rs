use crate::environment::{FLEET_SOURCE, fleet_with_sources as env};
use insta::assert_snapshot;
use serde_json::json;

#[test]
fn why_tells_it_in_words() {
    let env = env();
    let build = env.run(&["build", "ks/base", "--source", FLEET_SOURCE]).stdout;
    env.create(&build);
    env.patch("v1", "ConfigMap", "shop", "settings", &json!({"data": {"color": "red"}}));
    assert_snapshot!(env.run(&["why", "ks/base", "--source", FLEET_SOURCE]), @r#"
    flux-system/ks/base is Synced and Healthy
      ConfigMap/shop/settings (base/settings.yaml:4): .data.color is "red", wanted "green", set by unknown/Update at <now>
    "#);
    let told = env.run(&["why", "ks/base", "--source", FLEET_SOURCE, "-o", "json"]).stdout;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["changes"][0]["origin"], "base/settings.yaml:1");
    assert_eq!(told["changes"][0]["differences"][0]["origin"], "base/settings.yaml:4");
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
