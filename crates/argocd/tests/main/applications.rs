use crate::bed::{Bed, automated, config_map, is_synced, manifest};
use holdfast_object::{Value, json};
use holdfast_types::argocd::application;

#[tokio::test(start_paused = true)]
async fn a_manual_sync_brings_the_source_into_the_cluster() {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", json!({})).await;
    let status = bed.app_until("shop", |s| s["sync"]["status"] == "OutOfSync").await;
    assert_eq!(status["health"]["status"], "Missing");
    assert_eq!(
        status["resources"],
        json!([{"kind": "ConfigMap", "name": "a", "namespace": "default", "status": "OutOfSync", "version": "v1"}])
    );
    assert_eq!(bed.value("a").await, None, "nothing is synced without being asked");

    bed.patch_app(
        "shop",
        json!({"operation": {"initiatedBy": {"username": "me"}, "sync": {"syncStrategy": {"hook": {}}}}}),
    )
    .await;
    let status = bed.app_until("shop", is_synced(&commit)).await;
    assert_eq!(bed.value("a").await.as_deref(), Some("one"));
    let live = bed.get(&config_map(), "default", "a").await.unwrap();
    assert_eq!(live.annotation("argocd.argoproj.io/tracking-id"), Some("shop:/ConfigMap:default/a"));
    assert_eq!(status["health"]["status"], "Healthy");
    assert_eq!(status["sourceType"], "Directory");
    assert_eq!(status["resourceHealthSource"], "appTree");
    assert_eq!(status["controllerNamespace"], "argocd");
    let operation = &status["operationState"];
    assert_eq!(operation["phase"], "Succeeded");
    assert_eq!(operation["message"], "successfully synced (all tasks run)");
    assert_eq!(operation["syncResult"]["revision"], commit.as_str());
    assert_eq!(
        operation["syncResult"]["resources"],
        json!([{"group": "", "hookPhase": "Running", "kind": "ConfigMap", "message": "configmap/a created", "name": "a",
            "namespace": "default", "status": "Synced", "syncPhase": "Sync", "version": "v1"}])
    );
    assert_eq!(status["history"][0]["id"], 0);
    assert_eq!(status["history"][0]["revision"], commit.as_str());
    assert_eq!(status["history"][0]["initiatedBy"], json!({"username": "me"}));
    let app = bed.get(&application(), "argocd", "shop").await.unwrap();
    assert_eq!(app.get(&["operation"]), None, "the operation is taken off when it is over");
}

#[tokio::test(start_paused = true)]
async fn commits_are_synced_without_being_asked() {
    let bed = Bed::start().await;
    let first = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", automated(json!({}))).await;
    bed.app_until("shop", is_synced(&first)).await;
    let second = bed.push(&[("app/a.yaml", &manifest("a", "two"))]);
    let status = bed.app_until("shop", is_synced(&second)).await;
    assert_eq!(bed.value("a").await.as_deref(), Some("two"));
    assert_eq!(status["history"].as_array().unwrap().len(), 2);
    assert_eq!(status["history"][1]["initiatedBy"], json!({"automated": true}));
    assert_eq!(status["operationState"]["syncResult"]["resources"][0]["message"], "configmap/a configured");
    let events = bed.events("argocd", "shop").await;
    for expected in [
        format!("OperationStarted: Initiated automated sync to '{second}'"),
        format!("OperationCompleted: Sync operation to {second} succeeded"),
        "ResourceUpdated: Updated sync status: OutOfSync -> Synced".to_owned(),
    ] {
        assert!(events.contains(&expected), "{expected} is not in {events:#?}");
    }
    // A commit that nobody told of arrives with the interval.
    let third = bed.commit(&[("app/a.yaml", &manifest("a", "three"))]);
    tokio::time::sleep(std::time::Duration::from_secs(200)).await;
    bed.app_until("shop", is_synced(&third)).await;
}

#[tokio::test(start_paused = true)]
async fn what_others_change_is_healed_when_the_policy_says_so() {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", automated(json!({}))).await;
    bed.app_until("shop", is_synced(&commit)).await;
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "edited"}})).await;
    let status = bed.app_until("shop", |s| s["sync"]["status"] == "OutOfSync").await;
    assert_eq!(status["resources"][0]["status"], "OutOfSync");
    assert_eq!(bed.value("a").await.as_deref(), Some("edited"), "not healed without selfHeal");

    bed.app("shop", automated(json!({"selfHeal": true}))).await;
    bed.until_value("a", Some("one")).await;
    let status = bed.app_until("shop", is_synced(&commit)).await;
    let sync = &status["operationState"]["operation"]["sync"];
    assert_eq!(sync["autoHealAttemptsCount"], 1);
    assert_eq!(sync["resources"], json!([{"kind": "ConfigMap", "name": "a"}]));
    assert_eq!(status["history"].as_array().unwrap().len(), 1, "a partial sync is not part of the history");
    bed.delete(&config_map(), "default", "a").await;
    bed.until_value("a", Some("one")).await;
    let status = bed.app_until("shop", is_synced(&commit)).await;
    assert_eq!(status["operationState"]["operation"]["sync"]["autoHealAttemptsCount"], 2);
}

#[tokio::test(start_paused = true)]
async fn what_leaves_the_source_is_pruned_only_when_asked() {
    let bed = Bed::start().await;
    let (a, b) = (manifest("a", "one"), manifest("b", "one"));
    let first = bed.commit(&[("app/a.yaml", &a), ("app/b.yaml", &b)]);
    bed.app("shop", automated(json!({}))).await;
    bed.app_until("shop", is_synced(&first)).await;
    let second = bed.push(&[("app/a.yaml", &a)]);
    let status = bed
        .app_until("shop", |s| s["sync"]["status"] == "OutOfSync" && s["sync"]["revision"] == second.as_str())
        .await;
    let extra = &status["resources"][1];
    assert_eq!((&extra["name"], &extra["requiresPruning"]), (&json!("b"), &json!(true)));
    assert_eq!(bed.value("b").await.as_deref(), Some("one"));

    bed.app("shop", automated(json!({"prune": true}))).await;
    bed.until_value("b", None).await;
    let status = bed.app_until("shop", is_synced(&second)).await;
    let results = status["operationState"]["syncResult"]["resources"].as_array().unwrap();
    let pruned: Vec<&Value> = results.iter().filter(|r| r["status"] == "Pruned").collect();
    assert_eq!((pruned.len(), &pruned[0]["message"]), (1, &json!("pruned")));

    // Nothing is left in the source: that looks like an accident.
    let third = bed.push(&[]);
    let message = format!("Skipping sync attempt to [{third}]: auto-sync will wipe out all resources");
    bed.app_until("shop", |s| crate::bed::condition(s, "SyncError") == Some(message.clone())).await;
    assert_eq!(bed.value("a").await.as_deref(), Some("one"));
    bed.app("shop", automated(json!({"prune": true, "allowEmpty": true}))).await;
    bed.until_value("a", None).await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_is_asked_for_is_done_and_taken_off() {
    let bed = Bed::start().await;
    let first = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", automated(json!({}))).await;
    bed.app_until("shop", is_synced(&first)).await;
    let second = bed.commit(&[("app/a.yaml", &manifest("a", "two"))]);
    bed.patch_app("shop", json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}})).await;
    bed.app_until("shop", is_synced(&second)).await;
    let app = bed.get(&application(), "argocd", "shop").await.unwrap();
    assert_eq!(app.annotation("argocd.argoproj.io/refresh"), None);
}

#[tokio::test(start_paused = true)]
async fn an_application_that_is_skipped_is_left_alone() {
    let bed = Bed::start().await;
    let first = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", automated(json!({"selfHeal": true}))).await;
    bed.app_until("shop", is_synced(&first)).await;
    let skip = |on: Value| json!({"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": on}}});
    bed.patch_app("shop", skip(json!("true"))).await;
    let second = bed.push(&[("app/a.yaml", &manifest("a", "two"))]);
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    assert_eq!(bed.value("a").await.as_deref(), Some("one"));
    bed.patch_app("shop", skip(Value::Null)).await;
    bed.app_until("shop", is_synced(&second)).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollback_syncs_an_old_commit() {
    let bed = Bed::start().await;
    let first = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", json!({})).await;
    bed.app_until("shop", |s| s["sync"]["status"] == "OutOfSync").await;
    bed.patch_app("shop", json!({"operation": {"sync": {}}})).await;
    bed.app_until("shop", is_synced(&first)).await;
    let second = bed.push(&[("app/a.yaml", &manifest("a", "two"))]);
    bed.app_until("shop", |s| s["sync"]["revision"] == second.as_str()).await;
    bed.patch_app("shop", json!({"operation": {"sync": {}}})).await;
    bed.app_until("shop", is_synced(&second)).await;
    bed.patch_app("shop", json!({"operation": {"sync": {"revision": first}}})).await;
    bed.until_value("a", Some("one")).await;
    let status = bed.app_until("shop", |s| s["history"].as_array().is_some_and(|h| h.len() == 3)).await;
    assert_eq!(status["history"][2]["revision"], first.as_str());
    bed.app_until("shop", |s| s["sync"]["status"] == "OutOfSync" && s["sync"]["revision"] == second.as_str())
        .await;
}

#[tokio::test(start_paused = true)]
async fn waves_go_one_after_the_other_and_only_when_healthy() {
    let bed = Bed::start().await;
    let deployment = |image: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations:\n    \
             argocd.argoproj.io/sync-wave: '-1'\nspec:\n  replicas: 1\n  selector: {{matchLabels: {{a: b}}}}\n  \
             template:\n    metadata: {{labels: {{a: b}}}}\n    spec:\n      containers:\n      - name: web\n        \
             image: {image}\n"
        )
    };
    let first =
        bed.commit(&[("app/a.yaml", &manifest("a", "one")), ("app/web.yaml", &deployment("nginx:1.27"))]);
    bed.app("shop", automated(json!({}))).await;
    let status = bed.app_until("shop", is_synced(&first)).await;
    let made = |object: &holdfast_object::Object| -> jiff::Timestamp {
        let text = object.get(&["metadata", "creationTimestamp"]).and_then(Value::as_str).unwrap();
        text.parse().unwrap()
    };
    let web =
        bed.get(&holdfast_object::GroupVersionKind::new("apps", "v1", "Deployment"), "default", "web").await;
    let a = bed.get(&config_map(), "default", "a").await;
    assert!(made(&web.unwrap()) <= made(&a.unwrap()));
    assert_eq!(status["summary"]["images"], json!(["nginx:1.27"]));
}

#[tokio::test(start_paused = true)]
async fn a_kustomization_is_built_with_the_parameters_of_the_source() {
    let bed = Bed::start().await;
    let base = manifest("a", "one");
    let commit = bed.commit(&[
        ("base/a.yaml", &base),
        ("base/kustomization.yaml", "resources: [a.yaml]\n"),
        ("app/kustomization.yaml", "resources: [../base]\nnameSuffix: -prod\n"),
    ]);
    let mut spec = automated(json!({}));
    let kustomize = json!({"namePrefix": "x-", "commonLabels": {"team": "web"}});
    spec["source"] = json!({"repoURL": crate::bed::URL, "path": "app", "kustomize": kustomize});
    bed.app("shop", spec).await;
    let status = bed.app_until("shop", is_synced(&commit)).await;
    assert_eq!(status["sourceType"], "Kustomize");
    let live = bed.get(&config_map(), "default", "x-a-prod").await.unwrap();
    assert_eq!(live.label("team"), Some("web"));
}
