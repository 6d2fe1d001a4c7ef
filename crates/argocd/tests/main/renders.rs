//! What a source is rendered with: bases from elsewhere, parameters beside the manifests, flags for all kustomizations.

use crate::bed::{Bed, automated, condition, is_synced, manifest};
use holdfast_object::{Value, json};

const BASE: &str = "https://git.example.com/team/base";

/// A kustomization of `app/` with this text.
fn kustomization(text: &str) -> [(&str, &str); 1] {
    [("app/kustomization.yaml", text)]
}

fn spec(source: Value) -> Value {
    let mut spec = automated(json!({}));
    spec["source"] = json!({"repoURL": crate::bed::URL, "path": "app", "targetRevision": "main"});
    source.as_object().unwrap().iter().for_each(|(key, value)| spec["source"][key] = value.clone());
    spec
}

async fn refresh(bed: &Bed) {
    let annotations = json!({"argocd.argoproj.io/refresh": "normal"});
    bed.patch_app("shop", json!({"metadata": {"annotations": annotations}})).await;
}

#[tokio::test(start_paused = true)]
async fn a_base_of_another_repository_is_part_of_the_application() {
    let bed = Bed::start().await;
    let base = bed.repository(BASE);
    base.commit(&[
        ("app/kustomization.yaml", "resources: [a.yaml]\n"),
        ("app/a.yaml", &manifest("a", "one")),
    ]);
    let text = format!("namePrefix: x-\nresources: ['{BASE}//app?ref=main']\n");
    let commit = bed.commit(&kustomization(&text));
    bed.app("shop", spec(json!({}))).await;
    bed.app_until("shop", is_synced(&commit)).await;
    assert_eq!(bed.value("x-a").await.as_deref(), Some("one"));

    // The base has news, and the Application's own repository has none.
    base.commit(&[
        ("app/kustomization.yaml", "resources: [a.yaml]\n"),
        ("app/a.yaml", &manifest("a", "two")),
    ]);
    refresh(&bed).await;
    bed.app_until("shop", |s| s["sync"]["status"] == "OutOfSync").await;
    bed.patch_app("shop", json!({"operation": {"sync": {}}})).await;
    bed.until_value("x-a", Some("two")).await;

    // A base that is gone takes nothing away.
    let gone = format!("resources: ['{BASE}//nowhere?ref=main']\n");
    bed.push(&kustomization(&gone));
    let status = bed.app_until("shop", |s| condition(s, "ComparisonError").is_some()).await;
    let message = condition(&status, "ComparisonError").unwrap();
    assert!(message.contains("app/kustomization.yaml") && message.contains("nowhere"), "{message}");
    assert_eq!(bed.value("x-a").await.as_deref(), Some("two"));
}

#[tokio::test(start_paused = true)]
async fn parameters_beside_the_manifests_count_over_those_of_the_spec() {
    let bed = Bed::start().await;
    let a = manifest("a", "one");
    let files = |own: &'static str| {
        vec![
            ("app/kustomization.yaml", "resources: [a.yaml]\n"),
            ("app/a.yaml", &*a),
            ("app/.argocd-source.yaml", "kustomize: {namePrefix: all-, nameSuffix: -end}\n"),
            ("app/.argocd-source-shop.yaml", own),
        ]
    };
    let first = bed.commit(&files("kustomize: {namePrefix: shop-}\n"));
    bed.app("shop", spec(json!({"kustomize": {"namePrefix": "spec-", "nameSuffix": "-x"}}))).await;
    let status = bed.app_until("shop", is_synced(&first)).await;
    let names = |status: &Value| -> Vec<String> {
        let resources = status["resources"].as_array().unwrap();
        resources.iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&status), ["shop-a-end"]);

    bed.push(&files("kustomize: {odd: true}\n"));
    let status = bed.app_until("shop", |s| condition(s, "ComparisonError").is_some()).await;
    assert_eq!(
        condition(&status, "ComparisonError").unwrap(),
        "Failed to load target state: app/.argocd-source-shop.yaml: spec.source.kustomize.odd is not supported yet"
    );
}

#[tokio::test(start_paused = true)]
async fn charts_in_kustomizations_are_rendered_when_the_settings_allow_it() {
    let bed = Bed::start().await;
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: chart}\ndata: {key: {{ .Capabilities.KubeVersion.Version }}}\n";
    let commit = bed.commit(&[
        ("app/kustomization.yaml", "helmCharts: [{name: web}]\n"),
        ("app/charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("app/charts/web/templates/a.yaml", template),
    ]);
    bed.app("shop", spec(json!({"kustomize": {"kubeVersion": "1.30.2"}}))).await;
    let status = bed.app_until("shop", |s| condition(s, "ComparisonError").is_some()).await;
    let message = condition(&status, "ComparisonError").unwrap();
    assert!(message.contains("must specify --enable-helm"), "{message}");

    let settings = |options: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd"},
            "data": {"kustomize.buildOptions": options}})
    };
    bed.apply(settings("--enable-helm")).await;
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    refresh(&bed).await;
    bed.app_until("shop", is_synced(&commit)).await;
    assert_eq!(bed.value("chart").await.as_deref(), Some("v1.30.2"));

    bed.apply(settings("--odd")).await;
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    refresh(&bed).await;
    let status = bed.app_until("shop", |s| condition(s, "ComparisonError").is_some()).await;
    assert_eq!(
        condition(&status, "ComparisonError").unwrap(),
        "Failed to load target state: kustomize.buildOptions of argocd-cm: --odd is not supported"
    );
}
