//! What autoscalers, injectors and people with `kubectl` do to an object that Git describes, and how it ends: as with Flux
//! itself.

use crate::bed::{Bed, applied};
use holdfast_cluster::PatchKind;
use holdfast_object::{Value, json};
use holdfast_testbed::{WEB, replicas};
use holdfast_types::flux::kustomization;
use std::time::Duration;

/// The interval of the Kustomizations, and a bit.
const INTERVAL: Duration = Duration::from_secs(11 * 60);

/// A Deployment in force, from this manifest.
async fn settled(manifest: &str) -> Bed {
    let bed = Bed::start().await;
    let revision = bed.repository.commit(&[("web.yaml", manifest)]);
    bed.source().await;
    bed.kustomization("app", json!({})).await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    bed
}

fn writes(bed: &Bed) -> u64 {
    let counts = bed.engine.cluster().counts().by_verb();
    counts
        .iter()
        .filter(|(verb, _)| ["create", "update", "patch", "delete"].contains(verb))
        .map(|(_, n)| n)
        .sum()
}

async fn contested(bed: &Bed) -> Option<String> {
    let app = bed.get(&kustomization(), "flux-system", "app").await.unwrap();
    let conditions = app.get(&["status", "conditions"]).and_then(Value::as_array).cloned().unwrap();
    let found = conditions.into_iter().find(|c| c["type"] == "Contested")?;
    found["message"].as_str().map(str::to_owned)
}

/// With `replicas` in Git, Flux sets them back each time it looks. So do we, slower and slower, and say who is at odds
/// with whom.
#[tokio::test(start_paused = true)]
async fn an_autoscaler_next_to_replicas_in_git_is_answered_slower_and_slower_and_named() {
    let bed = settled(WEB).await;
    let mut heals = 0;
    // An autoscaler looks every 15 seconds.
    for _ in 0..40 {
        if replicas(&bed.web().await) == 2 {
            heals += 1;
            bed.scale_web(5).await;
        }
        tokio::time::sleep(Duration::from_secs(15)).await;
    }
    assert!((3..=12).contains(&heals), "{heals} heals in ten minutes");
    let message = contested(&bed).await.unwrap();
    assert!(message.starts_with("Deployment/default/web: .spec.replicas was put right"), "{message}");
    assert!(message.contains("set again by \"kube-controller-manager\"; left alone until"), "{message}");
    // It ends as Git says once the other side gives up.
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(replicas(&bed.web().await), 2);
}

#[tokio::test(start_paused = true)]
async fn an_autoscaler_without_replicas_in_git_has_them_for_itself() {
    let bed = settled(&WEB.replace("  replicas: 2\n", "")).await;
    let before = writes(&bed);
    for count in [3, 7, 4] {
        bed.scale_web(count).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(replicas(&bed.web().await), i64::from(count));
    }
    assert_eq!(writes(&bed), before, "nothing is written, not even a status");
    tokio::time::sleep(INTERVAL).await;
    assert_eq!((replicas(&bed.web().await), contested(&bed).await), (4, None));
}

#[tokio::test(start_paused = true)]
async fn what_a_controller_adds_to_an_object_stays() {
    let bed = settled(WEB).await;
    let before = bed.web().await;
    let sidecar = json!({"spec": {"template": {"spec": {"containers": [{"name": "proxy", "image": "example.com/proxy:1"}]}}}});
    bed.patch_web("injector", "", PatchKind::Strategic, sidecar).await;
    tokio::time::sleep(INTERVAL).await;
    let after = bed.web().await;
    let containers =
        after.get(&["spec", "template", "spec", "containers"]).and_then(Value::as_array).unwrap();
    let names: Vec<_> = containers.iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(after.generation(), before.generation() + 1, "nobody else wrote");
    // A change in Git reaches its own container and leaves the other alone.
    let revision = bed.repository.commit(&[("web.yaml", &WEB.replace("web:1", "web:2"))]);
    bed.push().await;
    bed.until(&kustomization(), "flux-system", "app", applied(&revision)).await;
    let after = bed.web().await;
    let containers =
        after.get(&["spec", "template", "spec", "containers"]).and_then(Value::as_array).unwrap();
    let mut images: Vec<_> = containers.iter().map(|c| c["image"].as_str().unwrap()).collect();
    images.sort_unstable();
    assert_eq!(images, ["example.com/proxy:1", "example.com/web:2"]);
}

/// Flux folds what `kubectl` sets into its own at the next interval, and so takes it away. Until then it stays: a
/// rollout that was begun is not called off in mid-air.
#[tokio::test(start_paused = true)]
async fn a_rollout_restart_and_an_annotation_stay_until_the_interval() {
    let bed = settled(WEB).await;
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
    let seen = async || {
        let web = bed.web().await;
        let path = ["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"];
        (web.get(&path).is_some(), web.annotation("note").is_some())
    };
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(seen().await, (true, true));
    tokio::time::sleep(INTERVAL).await;
    assert_eq!(seen().await, (false, false));
    assert_eq!(contested(&bed).await, None);
}
