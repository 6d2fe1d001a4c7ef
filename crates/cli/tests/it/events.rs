use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;

const EVENTS: &str = r"
apiVersion: v1
kind: Event
metadata: {name: a, namespace: flux-system}
involvedObject: {apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, namespace: flux-system, name: base}
reason: ReconciliationSucceeded
message: |
  Deployment/shop/web configured
  ConfigMap/shop/settings created
type: Normal
count: 2
lastTimestamp: 2026-01-01T11:58:00Z
---
apiVersion: v1
kind: Event
metadata: {name: b, namespace: shop}
involvedObject: {apiVersion: apps/v1, kind: Deployment, namespace: shop, name: web}
reason: ScalingReplicaSet
message: Scaled up
type: Normal
lastTimestamp: 2026-01-01T11:59:00Z
---
apiVersion: v1
kind: Event
metadata: {name: c, namespace: shop}
involvedObject: {apiVersion: apps/v1, kind: Deployment, namespace: shop, name: stranger}
reason: Unrelated
message: nothing of ours
type: Warning
lastTimestamp: 2026-01-01T11:59:30Z
";

#[test]
fn events_of_an_app_are_those_of_its_objects_too() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    env.create(EVENTS);
    assert_snapshot!(env.run(&["events"]), @r"
    AGE   TYPE     ABOUT                 REASON                    COUNT   MESSAGE
    2m    Normal   flux-system/ks/base   ReconciliationSucceeded   2       Deployment/shop/web configured; ConfigMap/shop/settings created
    ");
    assert_snapshot!(env.run(&["events", "ks/base"]), @r"
    AGE   TYPE     ABOUT                 REASON                    COUNT   MESSAGE
    2m    Normal   flux-system/ks/base   ReconciliationSucceeded   2       Deployment/shop/web configured; ConfigMap/shop/settings created
    60s   Normal   shop/deployment/web   ScalingReplicaSet         1       Scaled up
    ");
    assert_snapshot!(env.run(&["events", "ks/shop"]), @r"
    --- standard error
    no events
    ");
}
