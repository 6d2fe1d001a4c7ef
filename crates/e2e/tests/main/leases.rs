//! Several processes on one cluster: one acts.

use crate::bed::{Bed, config_map};
use crate::process::Holdfast;
use holdfast_object::{GroupVersionKind, Object, ObjectRef, Value, json};
use holdfast_testcluster::cluster::ADMIN;

fn lease() -> ObjectRef {
    ObjectRef::new(&GroupVersionKind::new("coordination.k8s.io", "v1", "Lease"), "default", "holdfast")
}

fn holder(lease: &Object) -> &str {
    lease.get(&["spec", "holderIdentity"]).and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn one_of_two_acts_and_the_other_takes_over_at_once_after_a_clean_stop() {
    let Some(mut bed) = Bed::own("leases").await else { return };
    let kubeconfig = bed.plane().kubeconfig_path(ADMIN).unwrap().to_owned();
    let first_commit = bed.commit(&[config_map("a", "one")]);
    bed.source().await;
    bed.kustomization(json!({})).await;
    let mut first = Holdfast::controllers(&kubeconfig).await;
    bed.until_applied(&first_commit).await;
    let held = bed.until_present(&lease(), |lease| !holder(lease).is_empty()).await;
    let mut second = Holdfast::controllers(&kubeconfig).await;
    let commit = bed.push(&[config_map("a", "two")]).await;
    bed.until_applied(&commit).await;
    // The second one has asked for the lease by now, or this would prove nothing.
    second.until_metric("holdfast_api_requests_total{verb=\"get\"}", |count| count > 0.0).await;
    assert_eq!(first.metric("holdfast_acting").await, 1.0);
    assert_eq!(second.metric("holdfast_acting").await, 0.0);
    assert_eq!(second.metric("holdfast_api_requests_total{verb=\"patch\"}").await, 0.0);
    assert_eq!(holder(&bed.get(&lease()).await.unwrap()), holder(&held), "the first one still holds it");

    assert!(first.stop().await.success());
    let is_handed = |lease: &Object| !holder(lease).is_empty() && holder(lease) != holder(&held);
    let handed = bed.until_present(&lease(), is_handed).await;
    // Given back, not run out: the next holder had nothing to wait for.
    assert_eq!(handed.get(&["spec", "leaseTransitions"]), Some(&json!(1)));
    let commit = bed.push(&[config_map("a", "three")]).await;
    bed.until_applied(&commit).await;
    assert_eq!(second.metric("holdfast_acting").await, 1.0);
    assert!(second.stop().await.success());
    bed.until_present(&lease(), |lease| holder(lease).is_empty()).await;
}
