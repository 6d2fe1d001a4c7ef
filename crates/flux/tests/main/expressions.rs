//! CEL: the health of custom resources, and the readiness of dependencies.

use crate::bed::{Bed, is_ready, ready};
use holdfast_object::{GroupVersionKind, Object, json};
use holdfast_types::flux::kustomization;
use std::time::Duration;

const WIDGETS: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: first}
spec: {size: 3}
";

fn widget() -> GroupVersionKind {
    GroupVersionKind::new("example.com", "v1", "Widget")
}

fn reason(expected: &'static str) -> impl Fn(Option<&Object>) -> bool {
    move |object| ready(object).is_some_and(|(_, reason, _)| reason == expected)
}

#[tokio::test(start_paused = true)]
async fn expressions_tell_when_a_custom_resource_is_healthy() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("all.yaml", WIDGETS)]);
    bed.source().await;
    let expressions = json!([{"apiVersion": "example.com/v1", "kind": "Widget",
        "current": "status.phase == 'Done'", "failed": "has(status.phase) && status.phase == 'Broken'"}]);
    let spec = json!({"wait": true, "timeout": "5m", "healthCheckExprs": expressions});
    bed.kustomization("app", spec).await;
    let waits = |object: Option<&Object>| {
        let conditions = object.and_then(|o| o.get(&["status", "conditions"])).and_then(|c| c.as_array());
        conditions.is_some_and(|c| c.iter().any(|c| c["type"] == "Healthy" && c["status"] == "Unknown"))
    };
    bed.until(&kustomization(), "flux-system", "app", waits).await;
    while bed.cluster.resource(&widget()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    bed.until(&widget(), "default", "first", |object| object.is_some()).await;
    assert!(!is_ready(bed.get(&kustomization(), "flux-system", "app").await.as_ref()));
    bed.merge(&widget(), "default", "first", json!({"status": {"phase": "Done"}})).await;
    bed.until(&kustomization(), "flux-system", "app", is_ready).await;

    bed.merge(&widget(), "default", "first", json!({"status": {"phase": "Broken"}})).await;
    let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}});
    bed.merge(&kustomization(), "flux-system", "app", patch).await;
    bed.until(&kustomization(), "flux-system", "app", reason("HealthCheckFailed")).await;
}

#[tokio::test(start_paused = true)]
async fn an_expression_tells_when_a_dependency_is_ready() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")]);
    bed.source().await;
    // Never applied, and so never ready by the built-in test.
    bed.kustomization("first", json!({"suspend": true})).await;
    let expression = "has(dep.metadata.annotations) && dep.metadata.annotations['stage'] == self.spec.path";
    bed.kustomization("second", json!({"dependsOn": [{"name": "first", "readyExpr": expression}]})).await;
    let object = bed.until(&kustomization(), "flux-system", "second", reason("DependencyNotReady")).await;
    let expected = "dependency 'flux-system/first' is not ready according to readyExpr eval";
    assert_eq!(ready(object.as_ref()).unwrap().2, expected);
    let patch = json!({"metadata": {"annotations": {"stage": "./"}}});
    bed.merge(&kustomization(), "flux-system", "first", patch).await;
    bed.until(&kustomization(), "flux-system", "second", is_ready).await;
}

#[tokio::test(start_paused = true)]
async fn an_expression_that_is_none_is_refused_until_the_spec_changes() {
    let bed = Bed::start().await;
    bed.repository.commit(&[("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")]);
    bed.source().await;
    bed.kustomization("first", json!({})).await;
    let broken = json!([{"name": "first", "readyExpr": "dep.status ="}]);
    let unknown = json!([{"name": "first", "readyExpr": "other.status == 1"}]);
    let health = json!([{"apiVersion": "example.com/v1", "current": "status.phase =="}]);
    for (name, spec) in [
        ("health", json!({"healthCheckExprs": health})),
        ("broken", json!({"dependsOn": broken})),
        ("unknown", json!({"dependsOn": unknown})),
    ] {
        bed.kustomization(name, spec).await;
        let object =
            bed.until(&kustomization(), "flux-system", name, reason("InvalidCELExpression")).await.unwrap();
        let (_, _, message) = ready(Some(&object)).unwrap();
        let start = "Reconciliation failed terminally due to configuration error: failed to";
        assert!(message.starts_with(start), "{message}");
        let conditions = object.get(&["status", "conditions"]).unwrap().as_array().unwrap();
        assert!(conditions.iter().any(|c| c["type"] == "Stalled" && c["status"] == "True"), "{conditions:?}");
        assert_eq!(
            object.get(&["status", "observedGeneration"]).unwrap().as_i64(),
            Some(object.generation())
        );
        // Mended, it goes on.
        bed.kustomization(name, json!({"dependsOn": null, "healthCheckExprs": null})).await;
        bed.until(&kustomization(), "flux-system", name, is_ready).await;
    }
}
