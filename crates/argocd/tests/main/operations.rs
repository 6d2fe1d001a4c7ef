use crate::bed::{Bed, automated, condition, config_map, is_synced, manifest};
use holdfast_argocd::ArgoOptions;
use holdfast_object::{GroupVersionKind, Value, json};
use holdfast_types::argocd::application;

#[tokio::test(start_paused = true)]
async fn a_dry_run_tells_and_does_nothing() {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", json!({})).await;
    bed.app_until("shop", |s| s["sync"]["status"] == "OutOfSync").await;
    bed.patch_app("shop", json!({"operation": {"sync": {"dryRun": true}}})).await;
    let status = bed.app_until("shop", |s| s["operationState"]["phase"] == "Succeeded").await;
    let result = &status["operationState"]["syncResult"];
    assert_eq!(result["revision"], commit.as_str());
    assert_eq!(result["resources"][0]["message"], "configmap/a created (dry run)");
    assert_eq!(status["history"], Value::Null);
    assert_eq!(bed.value("a").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_partial_sync_leaves_the_rest() {
    let bed = Bed::start().await;
    bed.commit(&[("app/a.yaml", &manifest("a", "one")), ("app/b.yaml", &manifest("b", "one"))]);
    bed.app("shop", json!({})).await;
    bed.app_until("shop", |s| s["sync"]["status"] == "OutOfSync").await;
    let one = json!([{"kind": "ConfigMap", "name": "b", "namespace": "default"}]);
    bed.patch_app("shop", json!({"operation": {"sync": {"resources": one}}})).await;
    bed.until_value("b", Some("one")).await;
    let status = bed.app_until("shop", |s| s["operationState"]["phase"] == "Succeeded").await;
    assert_eq!(status["operationState"]["syncResult"]["resources"].as_array().unwrap().len(), 1);
    let status = bed.app_until("shop", |s| s["resources"][1]["status"] == "Synced").await;
    assert_eq!(status["resources"][0]["status"], "OutOfSync");
    assert_eq!((bed.value("a").await, &status["history"]), (None, &Value::Null));
}

/// A Deployment whose pods never become ready, in an early wave: the sync waits for its health.
fn waiting() -> String {
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations:\n    \
     argocd.argoproj.io/sync-wave: '-1'\nspec:\n  replicas: 1\n  selector: {matchLabels: {a: b}}\n  template:\n    \
     metadata: {labels: {a: b}}\n    spec:\n      nodeSelector: {no: such-node}\n      containers:\n      - name: web\n        \
     image: example.com/never:ready\n"
        .into()
}

#[tokio::test(start_paused = true)]
async fn a_sync_that_waits_can_be_ended_and_does_not_hold_up_a_newer_commit() {
    let bed = Bed::start().await;
    bed.commit(&[("app/a.yaml", &manifest("a", "one")), ("app/web.yaml", &waiting())]);
    bed.app("shop", json!({})).await;
    bed.app_until("shop", |s| s["sync"]["status"] == "OutOfSync").await;
    bed.patch_app("shop", json!({"operation": {"sync": {}}})).await;
    let status = bed.app_until("shop", |s| !s["operationState"]["message"].is_null()).await;
    assert_eq!(status["operationState"]["phase"], "Running");
    assert_eq!(status["operationState"]["message"], "waiting for healthy state of apps/Deployment/web");
    assert_eq!(bed.value("a").await, None, "the next wave has not begun");
    bed.patch_app("shop", json!({"status": {"operationState": {"phase": "Terminating"}}})).await;
    let status = bed.app_until("shop", |s| s["operationState"]["phase"] == "Failed").await;
    assert_eq!(status["operationState"]["message"], "Operation terminated");
    let app = bed.get(&application(), "argocd", "shop").await.unwrap();
    assert_eq!(app.get(&["operation"]), None);

    bed.push(&[("app/a.yaml", &manifest("a", "two")), ("app/web.yaml", &waiting())]);
    bed.app("shop", automated(json!({"prune": true}))).await;
    bed.app_until("shop", |s| s["operationState"]["phase"] == "Running").await;
    let fix = bed.push(&[("app/a.yaml", &manifest("a", "three"))]);
    bed.app_until("shop", is_synced(&fix)).await;
    assert_eq!(bed.value("a").await.as_deref(), Some("three"));
    let ended = bed.events("argocd", "shop").await;
    assert!(
        ended.iter().any(|e| e.contains(&format!("superseded by the newer revision {fix}"))),
        "{ended:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn differences_that_are_ignored_are_none() {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    let mut spec = automated(json!({"selfHeal": true}));
    spec["ignoreDifferences"] = json!([{"kind": "ConfigMap", "jsonPointers": ["/data/key"]}]);
    bed.app("shop", spec).await;
    bed.app_until("shop", is_synced(&commit)).await;
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "edited"}})).await;
    tokio::time::sleep(std::time::Duration::from_secs(300)).await;
    assert_eq!(bed.value("a").await.as_deref(), Some("edited"));
    bed.app_until("shop", is_synced(&commit)).await;
}

#[tokio::test(start_paused = true)]
async fn server_side_apply_and_replace_are_taken_at_their_word() {
    let bed = Bed::start().await;
    let replaced = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: r\n  annotations:\n    \
        argocd.argoproj.io/sync-options: Replace=true\ndata:\n  key: one\n";
    let first = bed.commit(&[("app/a.yaml", &manifest("a", "one")), ("app/r.yaml", replaced)]);
    let mut spec = automated(json!({}));
    spec["syncPolicy"]["syncOptions"] = json!(["ServerSideApply=true"]);
    bed.app("shop", spec).await;
    let status = bed.app_until("shop", is_synced(&first)).await;
    let results = status["operationState"]["syncResult"]["resources"].as_array().unwrap();
    let said: Vec<&str> = results.iter().filter_map(|r| r["message"].as_str()).collect();
    assert_eq!(said, ["configmap/a serverside-applied", "configmap/r created"]);
    let live = bed.get(&config_map(), "default", "a").await.unwrap();
    let managers = live.get(&["metadata", "managedFields"]).and_then(Value::as_array).unwrap();
    assert!(managers.iter().any(|m| m["manager"] == "argocd-controller" && m["operation"] == "Apply"));
}

#[tokio::test(start_paused = true)]
async fn a_custom_resource_comes_with_its_definition() {
    let bed = Bed::start().await;
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  \
        name: things.example.com\nspec:\n  group: example.com\n  scope: Namespaced\n  names: {kind: Thing, plural: things, \
        singular: thing, listKind: ThingList}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    \
        schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}\n";
    let thing = "apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: one\n";
    bed.commit(&[("app/thing.yaml", thing)]);
    let mut spec = automated(json!({}));
    spec["syncPolicy"]["retry"] = json!({"limit": 0});
    bed.app("shop", spec).await;
    let status = bed.app_until("shop", |s| s["operationState"]["phase"] == "Failed").await;
    assert_eq!(
        status["operationState"]["message"],
        "one or more synchronization tasks are not valid: The Kubernetes API could not find example.com/Thing for \
         requested resource default/one. Make sure the \"Thing\" CRD is installed on the destination cluster."
    );
    let second = bed.push(&[("app/crd.yaml", definition), ("app/thing.yaml", thing)]);
    bed.app_until("shop", is_synced(&second)).await;
    let gvk = GroupVersionKind::new("example.com", "v1", "Thing");
    bed.until(&gvk, "default", "one", |thing| thing.is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_on_where_one_was_killed() {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one")), ("app/b.yaml", &manifest("b", "one"))]);
    // What a process leaves that dies in the middle of a sync: the operation, its state, half of the objects.
    let tracked = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"key": "one"}, "metadata": {"name": "a",
        "namespace": "default", "annotations": {"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:default/a"}}});
    bed.apply(tracked.clone()).await;
    let mut gone = tracked;
    gone["metadata"]["name"] = json!("gone");
    gone["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] = json!("shop:/ConfigMap:default/gone");
    bed.apply(gone).await;
    let operation = json!({"initiatedBy": {"automated": true}, "retry": {"limit": 5},
        "sync": {"revision": commit, "prune": true}});
    bed.app("shop", json!({})).await;
    bed.patch_app(
        "shop",
        json!({"operation": operation, "status": {"operationState": {"operation": operation, "phase": "Running",
            "startedAt": "2026-01-01T00:00:00Z"}}}),
    )
    .await;
    let status = bed.app_until("shop", |s| s["operationState"]["phase"] == "Succeeded").await;
    assert_eq!(bed.value("b").await.as_deref(), Some("one"));
    assert_eq!(bed.value("gone").await, None, "what is not in the source any more is pruned");
    assert_eq!(status["operationState"]["startedAt"], "2026-01-01T00:00:00Z");
    assert_eq!(status["history"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_large_prune_waits_for_a_yes_given_after_the_sync_began() {
    let bed = Bed::with(ArgoOptions { prune_limit: Some(1), ..ArgoOptions::default() }).await;
    let (a, b, c) = (manifest("a", "one"), manifest("b", "one"), manifest("c", "one"));
    let first = bed.commit(&[("app/a.yaml", &a), ("app/b.yaml", &b), ("app/c.yaml", &c)]);
    bed.app("shop", automated(json!({"prune": true}))).await;
    bed.app_until("shop", is_synced(&first)).await;
    let approve =
        |at: &str| json!({"metadata": {"annotations": {"argocd.argoproj.io/deletion-approved": at}}});
    bed.patch_app("shop", approve("2020-01-01T00:00:00Z")).await;
    let second = bed.push(&[("app/a.yaml", &manifest("a", "two"))]);
    let waits = "waiting for pruning confirmation of /ConfigMap/";
    let message = |s: &Value| s["operationState"]["message"].as_str().unwrap_or_default().to_owned();
    let status = bed.app_until("shop", |s| message(s).starts_with(waits)).await;
    assert!(message(&status).contains("2 objects would be deleted, more than the limit of 1"), "{status}");
    assert!(message(&status).contains("`holdfast sync --approve-prune`"), "{status}");
    assert_eq!(status["operationState"]["phase"], "Running");
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(bed.value("b").await.as_deref(), Some("one"), "an old yes is none");
    bed.patch_app("shop", approve("2100-01-01T00:00:00Z")).await;
    bed.app_until("shop", is_synced(&second)).await;
    assert_eq!((bed.value("b").await, bed.value("c").await), (None, None));
}

#[tokio::test(start_paused = true)]
async fn what_was_healed_is_told_with_who_had_changed_it() {
    let bed = Bed::start().await;
    let commit = bed.commit(&[("app/a.yaml", &manifest("a", "one"))]);
    bed.app("shop", automated(json!({"selfHeal": true}))).await;
    bed.app_until("shop", is_synced(&commit)).await;
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "theirs"}})).await;
    bed.until_value("a", Some("one")).await;
    bed.app_until("shop", is_synced(&commit)).await;
    let told = "DriftCorrected: put right: ConfigMap/default/a (app/a.yaml:1): .data.key was \"theirs\", wanted \"one\", \
                set by someone/Update at ";
    let is_told = async || bed.events("argocd", "shop").await.iter().any(|event| event.starts_with(told));
    for _ in 0..100 {
        if is_told().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{:#?}", bed.events("argocd", "shop").await);
}

/// A ConfigMap that is a hook.
fn hook(name: &str, moments: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations: {{argocd.argoproj.io/hook: '{moments}'}}\n"
    )
}

#[tokio::test(start_paused = true)]
async fn hooks_are_named_and_no_sync_passes_them_over_unasked() {
    let bed = Bed::start().await;
    let (a, migrate) = (manifest("a", "one"), hook("migrate", "PreSync"));
    let files = |a: &str| [("app/a.yaml", a.to_owned()), ("app/hooks.yaml", migrate.clone())];
    let commit =
        |files: [(&str, String); 2]| bed.push(&files.each_ref().map(|(path, text)| (*path, &**text)));
    let first = commit(files(&a));
    bed.app("shop", automated(json!({"selfHeal": true}))).await;
    let refusal = "hooks: ConfigMap/migrate is not supported yet";
    let status = bed.app_until("shop", |s| condition(s, "SyncError").is_some()).await;
    assert_eq!(condition(&status, "SyncError").unwrap(), refusal);
    assert_eq!(
        condition(&status, "UnsupportedHookWarning").unwrap(),
        "1 hook is not run: ConfigMap/migrate (PreSync; app/hooks.yaml:1); a sync with the strategy `apply` \
         (`holdfast sync --without-hooks`) does without"
    );
    // It is compared all the same, and the hook is no part of that.
    assert_eq!(status["sync"]["status"], "OutOfSync");
    assert_eq!(status["resources"].as_array().unwrap().len(), 1);
    assert_eq!(bed.value("a").await, None, "nothing is synced before its hook could run");

    let sync = |strategy: &str| {
        let retry = json!({"limit": 5, "backoff": {"duration": "1h"}});
        json!({"operation": {"sync": {"syncStrategy": {strategy: {}}}, "retry": retry}})
    };
    bed.patch_app("shop", sync("hook")).await;
    let status = bed.app_until("shop", |s| s["operationState"]["phase"] == "Failed").await;
    assert_eq!(status["operationState"]["message"], refusal, "and it is not tried again");

    bed.patch_app("shop", sync("apply")).await;
    let status = bed.app_until("shop", is_synced(&first)).await;
    assert_eq!(bed.value("a").await.as_deref(), Some("one"));
    assert_eq!(bed.value("migrate").await, None);
    assert_eq!(condition(&status, "SyncError"), None);
    // Healing what was synced needs no hook.
    bed.merge(&config_map(), "default", "a", json!({"data": {"key": "edited"}})).await;
    bed.until_value("a", Some("one")).await;
    // The next commit does.
    let second = commit(files(&manifest("a", "two")));
    let status = bed.app_until("shop", |s| condition(s, "SyncError").is_some()).await;
    assert_eq!(status["sync"]["revision"], second.as_str());
    assert_eq!(bed.value("a").await.as_deref(), Some("one"));
}
