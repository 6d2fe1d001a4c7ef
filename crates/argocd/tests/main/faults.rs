use crate::bed::{Bed, automated, condition, is_synced, manifest};
use holdfast_object::{GroupVersionKind, Value, json};

#[tokio::test(start_paused = true)]
async fn a_broken_manifest_changes_nothing_and_says_where() {
    let bed = Bed::start().await;
    let first = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", automated(json!({"prune": true, "selfHeal": true}))).await;
    bed.app_until("shop", is_synced(&first)).await;
    bed.push(&[("app/a.yaml", "apiVersion: v1\nkind: [\n")]);
    let status = bed.app_until("shop", |s| condition(s, "ComparisonError").is_some()).await;
    let message = condition(&status, "ComparisonError").unwrap();
    assert!(
        message.starts_with("Failed to load target state: ") && message.contains("app/a.yaml"),
        "{message}"
    );
    assert_eq!(status["sync"]["status"], "Unknown");
    assert_eq!(status["resources"][0]["status"], "Unknown");
    assert_eq!(bed.value("a").await.as_deref(), Some("one"));
    let third = bed.push(&[("app/a.yaml", &manifest("a", "three"))]);
    let status = bed.app_until("shop", is_synced(&third)).await;
    assert_eq!(condition(&status, "ComparisonError"), None);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_source_leaves_the_last_commit_in_force() {
    let bed = Bed::start().await;
    let first = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", automated(json!({"selfHeal": true}))).await;
    bed.app_until("shop", is_synced(&first)).await;
    bed.set_down(true);
    let status = {
        tokio::time::sleep(std::time::Duration::from_secs(200)).await;
        bed.app_until("shop", |s| condition(s, "ComparisonError").is_some()).await
    };
    assert!(condition(&status, "ComparisonError").unwrap().contains("unreachable"));
    assert_eq!(status["sync"]["revision"], first.as_str());
    bed.merge(&crate::bed::config_map(), "default", "a", json!({"data": {"key": "edited"}})).await;
    bed.until_value("a", Some("one")).await;
    bed.set_down(false);
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    bed.app_until("shop", |s| condition(s, "ComparisonError").is_none()).await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_namespace_fails_the_sync_unless_it_may_be_made() {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    let to = |options: Value| {
        json!({"destination": {"name": "in-cluster", "namespace": "shop"},
            "syncPolicy": {"automated": {}, "retry": {"limit": 0}, "syncOptions": options,
                "managedNamespaceMetadata": {"labels": {"team": "web"}}}})
    };
    bed.app("shop", to(json!([]))).await;
    let status = bed.app_until("shop", |s| s["operationState"]["phase"] == "Failed").await;
    let message = status["operationState"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("one or more objects failed to apply, reason: ") && message.contains("\"shop\""),
        "{message}"
    );
    let status = bed.app_until("shop", |s| condition(s, "SyncError").is_some()).await;
    let expected = format!("Failed last sync attempt to [{commit}]: {message}");
    assert_eq!(condition(&status, "SyncError"), Some(expected));

    bed.app("shop", to(json!(["CreateNamespace=true"]))).await;
    bed.patch_app("shop", json!({"operation": {"sync": {}}})).await;
    bed.app_until("shop", is_synced(&commit)).await;
    let namespace = bed.get(&GroupVersionKind::new("", "v1", "Namespace"), "", "shop").await.unwrap();
    assert_eq!(namespace.label("team"), Some("web"));
    assert!(bed.get(&crate::bed::config_map(), "shop", "a").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_failed_sync_is_tried_again_and_a_newer_commit_ends_that() {
    let bed = Bed::start().await;
    let bad = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: Not_A_Name\n";
    let first = bed.commit(&[("app/a.yaml", bad)]);
    let mut spec = automated(json!({}));
    spec["syncPolicy"]["retry"] = json!({"limit": 5, "backoff": {"duration": "10m", "maxDuration": "1h"}});
    bed.app("shop", spec).await;
    let status = bed.app_until("shop", |s| s["operationState"]["retryCount"] == 1).await;
    assert_eq!(status["operationState"]["phase"], "Running");
    assert!(status["operationState"]["finishedAt"].is_string(), "it stands between two tries");
    assert_eq!(status["operationState"]["syncResult"]["revision"], first.as_str());
    let second = bed.push(&[("app/a.yaml", &manifest("a", "one"))]);
    let began = tokio::time::Instant::now();
    bed.app_until("shop", is_synced(&second)).await;
    assert!(began.elapsed() < std::time::Duration::from_secs(60), "the fix did not wait for the retry");
}

#[tokio::test(start_paused = true)]
async fn an_object_of_two_applications_is_told_of() {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("one", automated(json!({}))).await;
    bed.app_until("one", is_synced(&commit)).await;
    bed.app("two", json!({})).await;
    let status = bed.app_until("two", |s| condition(s, "SharedResourceWarning").is_some()).await;
    assert_eq!(
        condition(&status, "SharedResourceWarning").unwrap(),
        "ConfigMap/a is part of applications argocd/two and one"
    );
    bed.patch_app("two", json!({"operation": {"sync": {"syncOptions": ["FailOnSharedResource=true"]}}}))
        .await;
    let status = bed.app_until("two", |s| s["operationState"]["phase"] == "Failed").await;
    assert_eq!(
        status["operationState"]["message"],
        "Shared resource found: ConfigMap/a is part of applications argocd/two and one"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_supported_is_refused_by_name() {
    let bed = Bed::start().await;
    bed.commit(&[("app/Chart.yaml", "name: x\n"), ("app/a.yaml", &manifest("a", "one"))]);
    bed.app(
        "plugin",
        json!({"source": {"repoURL": crate::bed::URL, "path": "app", "plugin": {"name": "p"}}}),
    )
    .await;
    let status = bed.app_until("plugin", |s| condition(s, "InvalidSpecError").is_some()).await;
    assert_eq!(condition(&status, "InvalidSpecError").unwrap(), "spec.source.plugin is not supported yet");
    assert_eq!(
        (&status["sync"]["status"], &status["health"]["status"]),
        (&json!("Unknown"), &json!("Unknown"))
    );
    bed.patch_app("plugin", json!({"operation": {"sync": {}}})).await;
    let status = bed.app_until("plugin", |s| s["operationState"]["phase"] == "Error").await;
    assert_eq!(
        status["operationState"]["message"],
        "InvalidSpecError: spec.source.plugin is not supported yet"
    );
}

#[tokio::test(start_paused = true)]
async fn a_project_decides_what_an_application_may_do() {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    let mut spec = automated(json!({}));
    spec["project"] = json!("team");
    bed.app("shop", spec).await;
    let missing = "Application referencing project team which does not exist";
    bed.app_until("shop", |s| condition(s, "InvalidSpecError").as_deref() == Some(missing)).await;
    let rules = |namespace: &str| json!({"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": namespace}]});
    bed.project("team", rules("other")).await;
    bed.app_until("shop", |s| {
        condition(s, "InvalidSpecError")
            .is_some_and(|m| m.contains("do not match any of the allowed destinations"))
    })
    .await;
    assert_eq!(bed.value("a").await, None);
    bed.project("team", rules("def*")).await;
    bed.app_until("shop", is_synced(&commit)).await;
}
