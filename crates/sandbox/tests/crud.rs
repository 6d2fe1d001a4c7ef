use crate::support::Api;
use serde_json::json;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[tokio::test(start_paused = true)]
async fn an_object_lives_and_dies() {
    let api = Api::start();
    let made = api.post(MAPS, json!({"metadata": {"name": "a"}, "data": {"x": "1"}})).await;
    assert_eq!(made.code, 201);
    assert_eq!(made.body["kind"], "ConfigMap");
    let path = format!("{MAPS}/a");
    let again = api.post(MAPS, json!({"metadata": {"name": "a"}})).await;
    assert_eq!(again.failure(), "409 AlreadyExists: configmaps \"a\" already exists");

    let mut body = made.body.clone();
    body["data"]["x"] = "2".into();
    let updated = api.put(&path, body.clone()).await.ok();
    assert_ne!(updated["metadata"]["resourceVersion"], body["metadata"]["resourceVersion"]);
    body["data"]["x"] = "3".into();
    assert_eq!(
        api.put(&path, body).await.failure(),
        "409 Conflict: Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again"
    );
    let patched = api.merge(&path, json!({"data": {"y": "1", "x": null}})).await.ok();
    assert_eq!(patched["data"], json!({"y": "1"}));

    let gone = api.delete(&path).await.ok();
    assert_eq!(gone["status"], "Success");
    assert_eq!(gone["details"]["kind"], "configmaps");
    assert_eq!(api.get(&path).await.failure(), "404 NotFound: configmaps \"a\" not found");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_changes_nothing_writes_nothing() {
    let api = Api::start();
    let made = api.post(MAPS, json!({"metadata": {"name": "a"}, "data": {"x": "1"}})).await.ok();
    let same = api.merge(&format!("{MAPS}/a"), json!({"data": {"x": "1"}})).await.ok();
    assert_eq!(same["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_leaves_nothing() {
    let api = Api::start();
    let made = api.post(&format!("{MAPS}?dryRun=All"), json!({"metadata": {"name": "a"}})).await;
    assert_eq!(made.code, 201);
    assert_eq!(api.get(&format!("{MAPS}/a")).await.code, 404);
}

#[tokio::test(start_paused = true)]
async fn pages_are_of_one_moment() {
    let api = Api::start();
    for name in ["a", "b", "c"] {
        api.post(MAPS, json!({"metadata": {"name": name, "labels": {"l": "1"}}})).await.ok();
    }
    let first = api.get(&format!("{MAPS}?limit=2&labelSelector=l")).await.ok();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(2));
    api.delete(&format!("{MAPS}/c")).await.ok();
    let token = first["metadata"]["continue"].as_str().expect("a token");
    let second = api.get(&format!("{MAPS}?limit=2&labelSelector=l&continue={token}")).await.ok();
    assert_eq!(second["items"][0]["metadata"]["name"], "c");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    api.sandbox.store().compact();
    let expired = api.get(&format!("{MAPS}?limit=2&continue={token}")).await;
    assert_eq!((expired.code, expired.body["reason"].as_str()), (410, Some("Expired")));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_takes_its_objects_with_it() {
    let api = Api::start();
    let missing = api.post("/api/v1/namespaces/x/configmaps", json!({"metadata": {"name": "a"}})).await;
    assert_eq!(missing.failure(), "404 NotFound: namespaces \"x\" not found");
    api.post("/api/v1/namespaces", json!({"metadata": {"name": "x"}})).await.ok();
    let held = json!({"metadata": {"name": "a", "finalizers": ["example.com/hold"]}});
    api.post("/api/v1/namespaces/x/configmaps", held).await.ok();
    api.delete("/api/v1/namespaces/x").await.ok();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let closing = api.get("/api/v1/namespaces/x").await.ok();
    assert_eq!(closing["status"]["phase"], "Terminating");
    let refused = api.post("/api/v1/namespaces/x/configmaps", json!({"metadata": {"name": "b"}})).await;
    assert_eq!(
        refused.failure(),
        "403 Forbidden: configmaps \"b\" is forbidden: unable to create new content in namespace x because it is being terminated"
    );
    api.merge("/api/v1/namespaces/x/configmaps/a", json!({"metadata": {"finalizers": null}})).await.ok();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(api.get("/api/v1/namespaces/x").await.code, 404);
}

#[tokio::test(start_paused = true)]
async fn a_definition_is_served_and_goes_with_its_objects() {
    let api = Api::start();
    const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = json!({
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    });
    const WIDGETS: &str = "/apis/example.com/v1/namespaces/default/widgets";
    assert_eq!(api.get(WIDGETS).await.code, 404);
    api.post(CRDS, definition).await.ok();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let live = api.get(&format!("{CRDS}/widgets.example.com")).await.ok();
    assert_eq!(live["status"]["conditions"][1]["type"], "Established");
    let made = api.post(WIDGETS, json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": {"n": 1}, "status": {"x": 1}})).await.ok();
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made.get("status"), None);
    let status =
        api.merge(&format!("{WIDGETS}/a/status"), json!({"status": {"x": 2}, "spec": {"n": 2}})).await.ok();
    assert_eq!(
        (&status["status"]["x"], &status["spec"]["n"], &status["metadata"]["generation"]),
        (&json!(2), &json!(1), &json!(1))
    );
    let spec = api.merge(&format!("{WIDGETS}/a"), json!({"status": {"x": 3}, "spec": {"n": 2}})).await.ok();
    assert_eq!(
        (&spec["status"]["x"], &spec["spec"]["n"], &spec["metadata"]["generation"]),
        (&json!(2), &json!(2), &json!(2))
    );
    api.delete(&format!("{CRDS}/widgets.example.com")).await.ok();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(api.get(WIDGETS).await.code, 404);
    assert_eq!(api.sandbox.store().count("widgets.example.com"), 0);
}

#[tokio::test(start_paused = true)]
async fn dependents_follow_their_owner() {
    let api = Api::start();
    let owner = api.post(MAPS, json!({"metadata": {"name": "owner"}})).await.ok();
    let uid = &owner["metadata"]["uid"];
    let dependent = json!({"metadata": {"name": "child", "ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}]}});
    api.post(MAPS, dependent.clone()).await.ok();
    let orphaned = api
        .send("DELETE", &format!("{MAPS}/owner"), "application/json", &json!({"propagationPolicy": "Orphan"}))
        .await;
    orphaned.ok();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let child = api.get(&format!("{MAPS}/child")).await.ok();
    assert_eq!(child["metadata"].get("ownerReferences"), None);

    let owner = api.post(MAPS, json!({"metadata": {"name": "owner"}})).await.ok();
    let owners =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}]);
    api.merge(&format!("{MAPS}/child"), json!({"metadata": {"ownerReferences": owners}})).await.ok();
    api.delete(&format!("{MAPS}/owner")).await.ok();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(api.get(&format!("{MAPS}/child")).await.code, 404);
}

#[tokio::test(start_paused = true)]
async fn an_apply_creates_and_changes() {
    let api = Api::start();
    let body =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}});
    let path = format!("{MAPS}/a?fieldManager=test");
    let made = api.apply(&path, body.clone()).await;
    assert_eq!((made.code, made.warnings.len()), (201, 0));
    let mut changed = body;
    changed["data"]["x"] = "2".into();
    assert_eq!(api.apply(&path, changed).await.ok()["data"]["x"], "2");
    let nameless = api.apply(&format!("{MAPS}/a"), json!({})).await;
    assert_eq!(
        nameless.failure(),
        "422 Invalid: PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
    );
}
