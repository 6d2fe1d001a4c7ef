use crate::bed::{Bed, automated, condition, config_map, is_synced, manifest};
use holdfast_object::json;
use holdfast_types::argocd::application;

#[tokio::test(start_paused = true)]
async fn the_finalizer_takes_the_objects_along() {
    let bed = Bed::start().await;
    let kept = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: kept\n  annotations:\n    \
        argocd.argoproj.io/sync-options: Delete=false\ndata:\n  key: one\n";
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one")), ("app/k.yaml", kept)]);
    bed.app("shop", automated(json!({}))).await;
    bed.app_until("shop", is_synced(&commit)).await;
    let finalizers = json!({"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}});
    bed.patch_app("shop", finalizers).await;
    bed.delete(&application(), "argocd", "shop").await;
    bed.until(&application(), "argocd", "shop", |app| app.is_none()).await;
    assert_eq!(bed.value("a").await, None);
    assert_eq!(bed.value("kept").await.as_deref(), Some("one"));
}

#[tokio::test(start_paused = true)]
async fn without_the_finalizer_the_objects_stay() {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", automated(json!({"selfHeal": true}))).await;
    bed.app_until("shop", is_synced(&commit)).await;
    bed.delete(&application(), "argocd", "shop").await;
    bed.until(&application(), "argocd", "shop", |app| app.is_none()).await;
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "edited"}})).await;
    tokio::time::sleep(std::time::Duration::from_secs(30)).await;
    assert_eq!(bed.value("a").await.as_deref(), Some("edited"), "nobody heals what belongs to nobody");
}

#[tokio::test(start_paused = true)]
async fn the_last_wave_goes_first() {
    let bed = Bed::start().await;
    let waved = |name: &str, wave: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations:\n    \
             argocd.argoproj.io/sync-wave: '{wave}'\ndata:\n  key: one\n"
        )
    };
    let commit = bed.commit(&[("app/a.yaml", &waved("early", "0")), ("app/b.yaml", &waved("late", "1"))]);
    bed.app("shop", automated(json!({}))).await;
    bed.app_until("shop", is_synced(&commit)).await;
    // The late one cannot go while someone holds it; the early one has to wait for it.
    bed.merge(&config_map(), "default", "late", json!({"metadata": {"finalizers": ["example.com/hold"]}}))
        .await;
    let finalizers =
        json!({"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io/background"]}});
    bed.patch_app("shop", finalizers).await;
    bed.delete(&application(), "argocd", "shop").await;
    bed.until(&config_map(), "default", "late", |o| o.is_some_and(|o| o.is_deleting())).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(bed.value("early").await.as_deref(), Some("one"));
    bed.merge(&config_map(), "default", "late", json!({"metadata": {"finalizers": null}})).await;
    bed.until(&application(), "argocd", "shop", |app| app.is_none()).await;
    assert_eq!(bed.value("early").await, None);
}

/// Whoever set such a finalizer expects hooks to run, which they do not yet.
#[tokio::test(start_paused = true)]
async fn a_finalizer_of_hooks_holds_the_deletion_and_says_how_it_goes_on() {
    const HOOKS: &str = "post-delete-finalizer.argocd.argoproj.io";
    const OBJECTS: &str = "resources-finalizer.argocd.argoproj.io";
    for finalizers in [vec![HOOKS], vec![OBJECTS, HOOKS]] {
        let bed = Bed::start().await;
        let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
        bed.app("shop", automated(json!({}))).await;
        bed.app_until("shop", is_synced(&commit)).await;
        bed.patch_app("shop", json!({"metadata": {"finalizers": finalizers}})).await;
        bed.delete(&application(), "argocd", "shop").await;
        let status = bed.app_until("shop", |status| condition(status, "DeletionError").is_some()).await;
        let told = condition(&status, "DeletionError").unwrap();
        assert!(told.starts_with(HOOKS) && told.contains("take the finalizer off"), "{told}");
        assert_eq!(bed.value("a").await.as_deref(), Some("one"));
        let without: Vec<&str> = finalizers.into_iter().filter(|f| *f != HOOKS).collect();
        let takes_objects = !without.is_empty();
        bed.patch_app("shop", json!({"metadata": {"finalizers": without}})).await;
        bed.until(&application(), "argocd", "shop", |app| app.is_none()).await;
        assert_eq!(bed.value("a").await.is_none(), takes_objects);
    }
}
