//! A kind that goes while objects of it are managed, and comes back.

use crate::bed::{Bed, config_map, ready, value};
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_testcluster::git::Change;

/// The definition of Widgets, in a group that is the test's own.
fn widgets(group: &str) -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {"group": group, "scope": "Namespaced",
            "names": {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
}

fn widget(group: &str, path: &str, name: &str) -> Change {
    Change::write(
        path,
        format!("apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: {name}}}\nspec: {{size: 3}}\n"),
    )
}

fn names_widgets(status: &Value) -> bool {
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let message = conditions.iter().filter_map(|c| c["message"].as_str()).collect::<String>()
        + status["operationState"]["message"].as_str().unwrap_or_default();
    message.contains("Widget")
}

#[tokio::test]
async fn a_definition_that_goes_takes_its_objects_along_and_brings_them_back() {
    let Some(mut bed) = Bed::shared("kinds").await else { return };
    let group = format!("{}.example.com", bed.namespace);
    bed.apply(widgets(&group)).await;
    bed.kubectl(&["wait", "--for=condition=Established", "crd", &format!("widgets.{group}")]).await;
    let commit = bed.commit(&[
        Change::write("kustomization.yaml", "resources: [of-ks.yaml, a.yaml]\n"),
        widget(&group, "of-ks.yaml", "of-ks"),
        config_map("a", "one"),
        widget(&group, "app/of-app.yaml", "of-app"),
    ]);
    bed.source().await;
    bed.kustomization(json!({})).await;
    let retry = json!({"limit": -1, "backoff": {"duration": "2s", "factor": 1}});
    let policy = json!({"automated": {"selfHeal": true}, "retry": retry});
    bed.application(json!({}), json!({"syncPolicy": policy})).await;
    bed.until_applied(&commit).await;
    bed.until_application(|status| status["sync"]["status"] == "Synced").await;

    bed.kubectl(&["delete", "crd", &format!("widgets.{group}")]).await;
    bed.request("kustomization/app").await;
    let failed = |app: &Object| {
        ready(app).is_some_and(|(status, _, message)| status == "False" && message.contains("Widget"))
    };
    let app = bed.until_present(&bed.app(), failed).await;
    let entries = app.get(&["status", "inventory"]).unwrap().to_string();
    assert!(entries.contains("Widget"), "what was ours stays ours: {entries}");
    bed.until_application(|status| status["sync"]["status"] != "Synced" && names_widgets(status)).await;
    // The rest is looked after meanwhile.
    bed.kubectl(&["patch", "configmap", "a", "--type=merge", "-p", r#"{"data": {"key": "edited"}}"#]).await;
    let a = bed.config_map("a");
    bed.until_present(&a, |a| value(a) == Some("one")).await;

    bed.apply(widgets(&group)).await;
    bed.until_applied(&commit).await;
    bed.until_application(|status| status["sync"]["status"] == "Synced").await;
    let kind = GroupVersionKind::new(&group, "v1", "Widget");
    for name in ["of-ks", "of-app"] {
        let object = bed.object(&kind, name);
        bed.until_present(&object, |widget| widget.get(&["spec", "size"]) == Some(&json!(3))).await;
    }
    bed.kubectl(&["delete", "crd", &format!("widgets.{group}"), "--wait=false"]).await;
}
