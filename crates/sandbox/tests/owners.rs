use crate::support::Api;
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
}

/// `manager operation fields` of every entry.
fn owners(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let text = |e: &Value, key: &str| e[key].as_str().unwrap_or_default().to_owned();
    entries.map(|e| format!("{} {} {}", text(e, "manager"), text(e, "operation"), e["fieldsV1"])).collect()
}

#[tokio::test(start_paused = true)]
async fn fields_have_owners_and_conflicts() {
    let api = Api::start();
    let path = |manager: &str| format!("{MAPS}/a?fieldManager={manager}");
    let made = api.apply(&path("one"), map(json!({"x": "1", "y": "1"}))).await.ok();
    assert_eq!(owners(&made), [r#"one Apply {"f:data":{"f:x":{},"f:y":{}}}"#]);
    let refused = api.apply(&path("two"), map(json!({"x": "2"}))).await;
    assert_eq!(
        refused.failure(),
        "409 Conflict: Apply failed with 1 conflict: conflict with \"one\": .data.x"
    );
    assert_eq!(
        refused.body["details"]["causes"],
        json!([{"reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.x"}])
    );
    let forced = api.apply(&format!("{}&force=true", path("two")), map(json!({"x": "2"}))).await.ok();
    assert_eq!(owners(&forced), [r#"one Apply {"f:data":{"f:y":{}}}"#, r#"two Apply {"f:data":{"f:x":{}}}"#]);
    let again = api.apply(&path("two"), map(json!({"x": "2"}))).await.ok();
    assert_eq!(again["metadata"]["resourceVersion"], forced["metadata"]["resourceVersion"]);
    let dropped = api.apply(&path("one"), map(json!({}))).await.ok();
    assert_eq!(dropped["data"], json!({"x": "2"}));
}

#[tokio::test(start_paused = true)]
async fn other_writes_are_tracked_by_user_agent_and_subresource() {
    let api = Api::start();
    let body = json!({"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}});
    api.post("/apis/apps/v1/namespaces/default/deployments", body).await.ok();
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    let live = api.get("/apis/apps/v1/namespaces/default/deployments/web").await.ok();
    let entries = live["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let brief: Vec<String> = entries
        .iter()
        .map(|e| {
            format!(
                "{} {}",
                e["manager"].as_str().unwrap_or_default(),
                e["subresource"].as_str().unwrap_or("-")
            )
        })
        .collect();
    assert_eq!(brief, ["test -", "kube-controller-manager status"]);
    let own = &entries[0]["fieldsV1"]["f:spec"];
    assert_eq!(own["f:replicas"], json!({}));
    assert_eq!(own["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"c\"}"]["f:image"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn what_no_type_has_cannot_be_applied() {
    let api = Api::start();
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "datx": {}});
    let refused = api.apply(&format!("{MAPS}/a?fieldManager=x"), body).await;
    assert_eq!(
        refused.failure(),
        "500 : failed to create typed patch object (/a; /v1, Kind=ConfigMap): .datx: field not declared in schema"
    );
}
