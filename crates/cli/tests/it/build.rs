use crate::environment::{FLEET_SOURCE, WEB_SOURCE, fleet_with_sources as env};
use insta::assert_snapshot;

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
