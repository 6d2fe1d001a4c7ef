//! Applications of several sources, and charts whose values lie in another repository.

use crate::bed::{Bed, URL, automated, condition, manifest};
use holdfast_object::{Value, json};

const VALUES: &str = "https://git.example.com/team/values";

const CHART: [(&str, &str); 3] = [
    ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
    ("chart/values.yaml", "a: chart\nb: chart\nc: chart\n"),
    (
        "chart/templates/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {key: '{{ .Values.a }} {{ .Values.b }} {{ .Values.c }}'}\n",
    ),
];

fn spec(helm: Value) -> Value {
    let mut spec = automated(json!({}));
    spec["sources"] = json!([
        {"repoURL": URL, "path": "app", "targetRevision": "main"},
        {"repoURL": URL, "path": "chart", "targetRevision": "main", "helm": helm},
        {"repoURL": VALUES, "targetRevision": "main", "ref": "values"},
    ]);
    spec
}

fn is_synced(revisions: Value) -> impl Fn(&Value) -> bool {
    move |status| {
        status["sync"]["status"] == "Synced"
            && status["sync"]["revisions"] == revisions
            && status["operationState"]["phase"] == "Succeeded"
    }
}

#[tokio::test(start_paused = true)]
async fn several_sources_make_one_application_and_values_come_from_another_repository() {
    let bed = Bed::start().await;
    let values = bed.repository(VALUES);
    let prod =
        |b: &str| values.commit(&[("env/shop.yaml", &format!("b: {b}\n")), ("more/x.yaml", "c: glob\n")]);
    let first_values = prod("one");
    let a = manifest("a", "one");
    let commit = bed.commit(&[&CHART[..], &[("app/a.yaml", &a)]].concat());
    let helm = json!({"valueFiles": ["$values/env/$ARGOCD_APP_NAME.yaml", "$values/more/*.yaml"]});
    bed.app("shop", spec(helm.clone())).await;
    let status = bed.app_until("shop", is_synced(json!([commit, commit, first_values]))).await;
    assert_eq!(bed.value("a").await.as_deref(), Some("one"));
    assert_eq!(bed.value("web").await.as_deref(), Some("chart one glob"));
    assert_eq!(status["sourceTypes"], json!(["Directory", "Helm", "Directory"]));
    assert_eq!(status["sync"].get("revision").and_then(Value::as_str).unwrap_or_default(), "");
    assert_eq!(status["sync"]["comparedTo"]["sources"].as_array().unwrap().len(), 3);
    let (result, entry) = (&status["operationState"]["syncResult"], &status["history"][0]);
    for made in [result, entry] {
        assert_eq!(made["revisions"], json!([commit, commit, first_values]));
        assert_eq!(made["sources"][2]["ref"], "values");
    }

    // Only the repository of the values has news.
    let second_values = prod("two");
    bed.patch_app("shop", json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}))
        .await;
    bed.app_until("shop", is_synced(json!([commit, commit, second_values]))).await;
    assert_eq!(bed.value("web").await.as_deref(), Some("chart two glob"));

    // A rollback names a revision for each; an Application that syncs by itself would not stay there.
    let mut by_hand = spec(helm);
    by_hand.as_object_mut().unwrap().shift_remove("syncPolicy");
    bed.app("shop", by_hand).await;
    let back = json!({"revisions": [commit, commit, first_values], "sources": entry["sources"]});
    bed.patch_app("shop", json!({"operation": {"sync": back}})).await;
    bed.until_value("web", Some("chart one glob")).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_one_of_several_sources_says_with_which() {
    let bed = Bed::start().await;
    bed.repository(VALUES).commit(&[("env/shop.yaml", "b: one\n")]);
    bed.commit(&[&CHART[..], &[("app/a.yaml", "kind: [")]].concat());
    bed.app("shop", spec(json!({"valueFiles": ["$other/x.yaml"]}))).await;
    let status = bed.app_until("shop", |s| condition(s, "InvalidSpecError").is_some()).await;
    assert_eq!(
        condition(&status, "InvalidSpecError").unwrap(),
        "spec.sources[1].helm.valueFiles: $other/x.yaml: no source has ref: other"
    );
    bed.app("broken", spec(json!({}))).await;
    let status = bed.app_until("broken", |s| condition(s, "ComparisonError").is_some()).await;
    let message = condition(&status, "ComparisonError").unwrap();
    assert!(
        message.starts_with(&format!("Failed to load target state: source 1 ({URL}): app/a.yaml")),
        "{message}"
    );

    bed.commit(&[&CHART[..], &[("app/a.yaml", &manifest("a", "one"))]].concat());
    bed.app("missing", spec(json!({"valueFiles": ["$values/none.yaml"]}))).await;
    let status = bed.app_until("missing", |s| condition(s, "ComparisonError").is_some()).await;
    let message = condition(&status, "ComparisonError").unwrap();
    assert!(
        message.contains(&format!("source 2 ({URL})")) && message.contains("$values/none.yaml"),
        "{message}"
    );
    let tolerant = json!({"valueFiles": ["$values/none.yaml"], "ignoreMissingValueFiles": true});
    bed.app("tolerant", spec(tolerant)).await;
    bed.app_until("tolerant", |s| s["sync"]["status"] == "Synced").await;

    // An object that two sources have counts once, the later one, and is told of.
    let mut twice = spec(json!({}));
    twice["sources"][1] = json!({"repoURL": VALUES, "path": "same", "targetRevision": "main"});
    bed.repository(VALUES).commit(&[("same/a.yaml", &manifest("a", "later"))]);
    bed.app("twice", twice).await;
    let status = bed.app_until("twice", |s| condition(s, "RepeatedResourceWarning").is_some()).await;
    assert!(
        condition(&status, "RepeatedResourceWarning")
            .unwrap()
            .contains("ConfigMap/default/a appeared 2 times")
    );
    bed.until_value("a", Some("later")).await;
}
