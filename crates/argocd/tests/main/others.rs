//! What autoscalers, injectors and people with `kubectl` do to an object that Git describes, and how it ends: as with Argo
//! CD itself.

use crate::bed::{Bed, automated, condition, config_map, is_synced, manifest};
use holdfast_cluster::{ApiRequest, PatchKind};
use holdfast_object::{Value, json};
use holdfast_sandbox::{Fault, Matching};
use holdfast_testbed::{WEB, replicas};
use std::time::Duration;

fn is_at_rest(revision: &str) -> impl Fn(&Value) -> bool {
    let is_synced = is_synced(revision);
    move |status| is_synced(status) && status["health"]["status"] == "Healthy"
}

/// A Deployment in force, under this spec.
async fn settled(spec: Value) -> (Bed, String) {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/web.yaml", WEB), ("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", spec).await;
    bed.app_until("shop", is_at_rest(&commit)).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    (bed, commit)
}

fn self_heal() -> Value {
    automated(json!({"selfHeal": true}))
}

/// Healed with growing pauses, as Argo CD does it; and, which Argo CD does not say, who is at odds with whom.
#[tokio::test(start_paused = true)]
async fn an_autoscaler_next_to_replicas_in_git_is_answered_slower_and_slower_and_named() {
    let (bed, commit) = settled(self_heal()).await;
    let (mut heals, mut named) = (0, None);
    for _ in 0..40 {
        if replicas(&bed.web().await) == 2 {
            heals += 1;
            bed.scale_web(5).await;
        }
        tokio::time::sleep(Duration::from_secs(15)).await;
        let status = bed.app_until("shop", |_| true).await;
        named = condition(&status, "ContestedWarning").or(named);
    }
    assert!((3..=12).contains(&heals), "{heals} heals in ten minutes");
    let message = named.unwrap();
    assert!(message.starts_with("healed ") && message.contains("left alone until"), "{message}");
    let field = "Deployment/default/web (app/web.yaml:2): .spec.replicas is 5, wanted 2, set by kube-controller-manager";
    assert!(message.contains(field), "{message}");
    let events = bed.events("argocd", "shop").await;
    assert!(events.iter().any(|event| event.starts_with("ContestedWarning: healed")), "{events:#?}");
    // It ends as Git says once the other side gives up.
    tokio::time::sleep(Duration::from_secs(600)).await;
    let status = bed.app_until("shop", is_at_rest(&commit)).await;
    assert_eq!((replicas(&bed.web().await), condition(&status, "ContestedWarning")), (2, None));
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_is_left_alone_where_the_difference_is_ignored_or_nobody_heals() {
    let mut spec = self_heal();
    spec["ignoreDifferences"] =
        json!([{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]);
    let (bed, commit) = settled(spec).await;
    bed.scale_web(5).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    bed.app_until("shop", is_at_rest(&commit)).await;
    assert_eq!(replicas(&bed.web().await), 5);

    let (bed, _) = settled(automated(json!({}))).await;
    bed.scale_web(5).await;
    bed.app_until("shop", |status| status["sync"]["status"] == "OutOfSync").await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(replicas(&bed.web().await), 5, "it is told, and not healed");
}

#[tokio::test(start_paused = true)]
async fn what_controllers_and_people_add_stays_and_is_no_difference() {
    let (bed, commit) = settled(self_heal()).await;
    let sidecar = json!({"spec": {"template": {"spec": {"containers": [{"name": "proxy", "image": "example.com/proxy:1"}]}}}});
    bed.patch_web("injector", "", PatchKind::Strategic, sidecar).await;
    let restart = json!({"spec": {"template": {"metadata": {"annotations":
        {"kubectl.kubernetes.io/restartedAt": "2026-01-01T10:00:00Z"}}}}});
    bed.patch_web("kubectl-rollout", "", PatchKind::Strategic, restart).await;
    bed.patch_web(
        "kubectl-annotate",
        "",
        PatchKind::Merge,
        json!({"metadata": {"annotations": {"note": "hi"}}}),
    )
    .await;
    let generation = bed.web().await.generation();
    tokio::time::sleep(Duration::from_secs(600)).await;
    bed.app_until("shop", is_at_rest(&commit)).await;
    let web = bed.web().await;
    let containers = web.get(&["spec", "template", "spec", "containers"]).and_then(Value::as_array).unwrap();
    let restarted = ["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"];
    assert_eq!((containers.len(), web.annotation("note")), (2, Some("hi")));
    assert!(web.get(&restarted).is_some());
    assert_eq!(web.generation(), generation, "nobody else wrote");
}

/// An event that changes nothing of what the status says costs no look at any other object.
#[tokio::test(start_paused = true)]
async fn what_others_change_that_says_nothing_costs_no_comparison_and_no_request() {
    let (bed, commit) = settled(self_heal()).await;
    let counts = |bed: &Bed| {
        bed.engine
            .cluster()
            .counts()
            .by_verb()
            .map(|(verb, count)| (verb, if verb == "watch" { 0 } else { count }))
    };
    let resource = bed.hand.cluster.resource(&config_map()).await.unwrap();
    let (before, seals) = (bed.engine.live().seal_counts(), counts(&bed));
    for round in 0..20 {
        let change = json!({"metadata": {"labels": {"theirs": format!("{round}")}}}).to_string();
        let request = ApiRequest::patch(&resource, "default", "a", PatchKind::Merge, change);
        bed.hand.cluster.request(request).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let after = bed.engine.live().seal_counts();
    assert_eq!(counts(&bed), seals, "no request");
    assert_eq!((after.unequal, after.taken), (before.unequal, before.taken), "no comparison");
    assert!(after.equal > before.equal);
    bed.app_until("shop", is_at_rest(&commit)).await;
}

/// The patch of a client-side apply is made from what was read of the object. When somebody puts another one in its
/// place meanwhile, it must not be applied to that.
#[tokio::test(start_paused = true)]
async fn a_patch_is_made_anew_when_the_object_is_another_by_then() {
    let bed = Bed::start().await;
    let text = |key: &str| format!("{}  other: stays\n", manifest("a", key));
    let first = bed.commit(&[("app/a.yaml", &text("one"))]);
    bed.app("shop", json!({})).await;
    bed.patch_app("shop", json!({"operation": {"sync": {}}})).await;
    bed.app_until("shop", is_synced(&first)).await;
    let matching =
        Matching { verbs: vec!["patch".into()], resources: vec!["configmaps".into()], ..Matching::default() };
    bed.sandbox.faults().add(matching, Fault::Delay(Duration::from_secs(2)), Some(1));
    let second = bed.push(&[("app/a.yaml", &text("two"))]);
    bed.patch_app("shop", json!({"operation": {"sync": {}}})).await;
    while bed.sandbox.faults().met() == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bed.delete(&config_map(), "default", "a").await;
    bed.apply(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "default"}, "data": {"key": "theirs"}}))
        .await;
    let status = bed.app_until("shop", is_synced(&second)).await;
    assert_eq!(status["operationState"]["phase"], "Succeeded");
    let data = bed.get(&config_map(), "default", "a").await.unwrap();
    assert_eq!(data.get(&["data"]), Some(&json!({"key": "two", "other": "stays"})));
}

/// A status that is written at that moment does not take the request for an operation away.
#[tokio::test(start_paused = true)]
async fn an_operation_asked_for_while_a_status_is_written_is_carried_out() {
    let bed = Bed::start().await;
    let first = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", json!({})).await;
    bed.app_until("shop", |status| status["sync"]["revision"] == first).await;
    let matching = Matching {
        verbs: vec!["patch".into()],
        resources: vec!["applications".into()],
        ..Matching::default()
    };
    bed.sandbox.faults().add(matching, Fault::Delay(Duration::from_secs(2)), Some(1));
    let second = bed.push(&[("app/a.yaml", &manifest("a", "two"))]);
    while bed.sandbox.faults().met() == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bed.patch_app("shop", json!({"operation": {"sync": {}}})).await;
    bed.app_until("shop", is_synced(&second)).await;
    assert_eq!(bed.value("a").await.as_deref(), Some("two"));
}
