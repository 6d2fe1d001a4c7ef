use crate::support::Api;
use holdfast_sandbox::{Fault, Matching};
use serde_json::json;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test(start_paused = true)]
async fn a_watch_shows_objects_come_change_and_go() {
    let api = Api::start();
    api.post(MAPS, json!({"metadata": {"name": "a", "labels": {"l": "1"}}})).await.ok();
    let mut events = api.watch(&format!("{MAPS}?watch=true&labelSelector=l=1")).await;
    assert_eq!(events.brief().await, "ADDED a");
    api.post(MAPS, json!({"metadata": {"name": "other"}})).await.ok();
    api.merge(&format!("{MAPS}/a"), json!({"data": {"x": "1"}})).await.ok();
    assert_eq!(events.brief().await, "MODIFIED a");
    // Leaving the selection looks like a deletion, coming back like a creation.
    api.merge(&format!("{MAPS}/a"), json!({"metadata": {"labels": {"l": "2"}}})).await.ok();
    assert_eq!(events.brief().await, "DELETED a");
    api.merge(&format!("{MAPS}/a"), json!({"metadata": {"labels": {"l": "1"}}})).await.ok();
    assert_eq!(events.brief().await, "ADDED a");
    api.delete(&format!("{MAPS}/a")).await.ok();
    assert_eq!(events.brief().await, "DELETED a");
    api.sandbox.faults().cut_watches();
    assert_eq!(events.brief().await, "end");
}

#[tokio::test(start_paused = true)]
async fn a_watch_resumes_until_history_is_forgotten() {
    let api = Api::start();
    let made = api.post(MAPS, json!({"metadata": {"name": "a"}})).await.ok();
    let version = made["metadata"]["resourceVersion"].as_str().expect("a version").to_owned();
    api.post(MAPS, json!({"metadata": {"name": "b"}})).await.ok();
    let path = format!("{MAPS}?watch=true&resourceVersion={version}");
    assert_eq!(api.watch(&path).await.brief().await, "ADDED b");
    api.sandbox.store().compact();
    let mut late = api.watch(&path).await;
    let event = late.next().await.expect("an event");
    assert_eq!(event["type"], "ERROR");
    assert_eq!((&event["object"]["code"], &event["object"]["reason"]), (&json!(410), &json!("Expired")));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_says_how_far_it_has_seen() {
    let api = Api::start();
    let mut events = api
        .watch(&format!("{MAPS}?watch=true&allowWatchBookmarks=true&resourceVersion=1&timeoutSeconds=90"))
        .await;
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        seen.push(event["type"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(seen, ["ADDED", "BOOKMARK"]);
}

#[tokio::test(start_paused = true)]
async fn faults_meet_the_requests_they_are_for() {
    let api = Api::start();
    let on = |verb: &str| Matching {
        verbs: vec![verb.into()],
        resources: vec!["configmaps".into()],
        ..Matching::default()
    };
    api.sandbox.faults().add(on("create"), Fault::TooManyRequests(7), Some(1));
    api.sandbox.faults().add(on("create"), Fault::LostAnswer, Some(1));
    let body = json!({"metadata": {"name": "a"}});
    let refused = api.post(MAPS, body.clone()).await;
    assert_eq!((refused.code, &refused.body["details"]["retryAfterSeconds"]), (429, &json!(7)));
    assert_eq!(api.post(MAPS, body.clone()).await.code, 500);
    assert_eq!(api.post(MAPS, body).await.code, 409);
}
