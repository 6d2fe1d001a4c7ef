//! Charts of Helm repositories, and charts that depend on them. The repository is a real web server, so the time is too.

use crate::bed::{Bed, URL, automated, condition, config_map, is_synced};
use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use flate2::Compression;
use flate2::write::GzEncoder;
use holdfast_object::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// A Helm repository that can be given more charts.
struct Repository {
    url: String,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Repository {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/charts", listener.local_addr().unwrap());
        let files = Arc::<Mutex<BTreeMap<String, Vec<u8>>>>::default();
        let served = files.clone();
        let app = Router::new().fallback(move |uri: Uri| {
            let found = served.lock().unwrap().get(uri.path().trim_start_matches("/charts/")).cloned();
            std::future::ready(found.ok_or(StatusCode::NOT_FOUND))
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, files }
    }

    /// Publishes a version of the chart `web`, whose ConfigMap says what it was given.
    fn publish(&self, version: &str) {
        let template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  key: {{ .Chart.Version }} {{ .Values.a }} {{ .Values.b }}\n";
        let archive = archive(&[
            ("web/Chart.yaml", &format!("apiVersion: v2\nname: web\nversion: {version}\n")),
            ("web/values.yaml", "a: chart\nb: chart\n"),
            ("web/prod.yaml", "b: prod\n"),
            ("web/templates/a.yaml", template),
        ]);
        let mut files = self.files.lock().unwrap();
        files.insert(format!("web-{version}.tgz"), archive);
        let entries = files.keys().filter_map(|name| name.strip_prefix("web-")?.strip_suffix(".tgz"));
        let entries: String = entries
            .map(|version| format!("  - {{version: {version}, urls: [web-{version}.tgz]}}\n"))
            .collect();
        files
            .insert("index.yaml".into(), format!("apiVersion: v1\nentries:\n  web:\n{entries}").into_bytes());
    }
}

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&tar.into_inner().unwrap()).unwrap();
    packed.finish().unwrap()
}

fn spec(source: Value) -> Value {
    let mut spec = automated(json!({}));
    spec["source"] = source;
    spec
}

#[tokio::test]
async fn the_highest_version_in_the_range_is_synced() {
    let (bed, repository) = (Bed::start().await, Repository::start().await);
    repository.publish("1.0.0");
    repository.publish("2.0.0");
    let helm = json!({"releaseName": "site", "valueFiles": ["prod.yaml"], "parameters": [{"name": "a", "value": "$ARGOCD_APP_NAME"}]});
    let source = json!({"repoURL": repository.url, "chart": "web", "targetRevision": "1.x", "helm": helm});
    bed.app("shop", spec(source.clone())).await;
    let status = bed.app_until("shop", is_synced("1.0.0")).await;
    assert_eq!(status["sourceType"], "Helm");
    assert_eq!(status["history"][0]["revision"], "1.0.0");
    assert_eq!(bed.value("site").await.as_deref(), Some("1.0.0 shop prod"));

    repository.publish("1.5.0");
    bed.patch_app("shop", json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}))
        .await;
    bed.app_until("shop", is_synced("1.5.0")).await;
    assert_eq!(bed.value("site").await.as_deref(), Some("1.5.0 shop prod"));

    let mut missing = spec(source);
    missing["source"]["targetRevision"] = json!("^7");
    bed.app("none", missing).await;
    let status = bed.app_until("none", |s| condition(s, "ComparisonError").is_some()).await;
    let message = condition(&status, "ComparisonError").unwrap();
    assert!(message.contains("chart \"web\" in the version range \"^7\" not found"), "{message}");
}

#[tokio::test]
async fn a_chart_in_git_gets_what_it_depends_on() {
    let (bed, repository) = (Bed::start().await, Repository::start().await);
    repository.publish("1.0.0");
    let declared = format!(
        "apiVersion: v2\nname: shop\nversion: 1.0.0\ndependencies:\n- {{name: web, version: ^1, repository: '{}'}}\n",
        repository.url
    );
    let commit = bed.commit(&[("app/Chart.yaml", &declared), ("app/values.yaml", "web: {a: parent}\n")]);
    let source = json!({"repoURL": URL, "path": "app", "targetRevision": "main"});
    bed.app("shop", spec(source)).await;
    bed.app_until("shop", is_synced(&commit)).await;
    assert_eq!(bed.value("shop").await.as_deref(), Some("1.0.0 parent chart"));
}

/// A registry with the chart `team/web` 1.2.0 for those who know the password.
async fn registry(archive: Vec<u8>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let digest = |content: &[u8]| format!("sha256:{}", hex::encode(Sha256::digest(content)));
    let kind = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
    let manifest = json!({"schemaVersion": 2, "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"},
        "layers": [{"mediaType": kind, "digest": digest(&archive), "size": archive.len()}]});
    let layer = format!("blobs/{}", digest(&archive));
    let app = Router::new().fallback(move |uri: Uri, headers: HeaderMap| {
        // me:geheim
        let knows = headers.get("authorization").is_some_and(|it| it == "Basic bWU6Z2VoZWlt");
        let answer = match uri.path().strip_prefix("/v2/team/web/") {
            _ if !knows => Err((StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"test\"")])),
            Some("tags/list") => Ok(br#"{"name": "team/web", "tags": ["1.0.0", "1.2.0", "2.0.0"]}"#.to_vec()),
            Some("manifests/1.2.0") => Ok(manifest.to_string().into_bytes()),
            Some(path) if path == layer => Ok(archive.clone()),
            _ => Err((StatusCode::NOT_FOUND, [("x", "")])),
        };
        std::future::ready(answer)
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    host
}

#[tokio::test]
async fn a_chart_of_a_registry_is_read_with_the_credentials_of_its_secret() {
    let bed = Bed::start().await;
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata:\n  key: {{ .Chart.Version }} {{ .Values.a }} {{ .Values.b }} {{ .Values.c }}\n";
    let host = registry(archive(&[
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.0\n"),
        ("web/values.yaml", "a: chart\nb: chart\nc: chart\n"),
        ("web/env/prod.yaml", "b: prod\n"),
        ("web/templates/a.yaml", template),
        ("web/crds/x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: crd}\n"),
    ]))
    .await;
    bed.apply(json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "registry", "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "stringData": {"type": "helm", "enableOCI": "true", "url": format!("{host}/team"), "username": "me",
            "password": "geheim", "insecureOCIForceHttp": "true"}}))
        .await;
    let helm = json!({"releaseName": "site", "valueFiles": ["env/*.yaml", "none.yaml"],
        "ignoreMissingValueFiles": true, "valuesObject": {"c": "object"}, "skipCrds": true});
    let source = |path: &str| json!({"repoURL": format!("{host}/{path}"), "chart": "web", "targetRevision": "1.x", "helm": helm});
    bed.app("shop", spec(source("team"))).await;
    bed.app_until("shop", is_synced("1.2.0")).await;
    assert_eq!(bed.value("site").await.as_deref(), Some("1.2.0 chart prod object"));
    assert_eq!(bed.get(&config_map(), "default", "crd").await, None);

    // The Secret is for that path of the registry alone.
    bed.app("other", spec(source("other"))).await;
    let status = bed.app_until("other", |s| condition(s, "ComparisonError").is_some()).await;
    let message = condition(&status, "ComparisonError").unwrap();
    assert!(message.contains(&format!("{host}/other")) && !message.contains("geheim"), "{message}");
}

#[tokio::test]
async fn a_chart_without_a_version_is_refused() {
    let bed = Bed::start().await;
    bed.app("shop", spec(json!({"repoURL": "https://charts.example.com", "chart": "web"}))).await;
    let status = bed.app_until("shop", |s| condition(s, "InvalidSpecError").is_some()).await;
    assert_eq!(
        condition(&status, "InvalidSpecError").unwrap(),
        "spec.source.targetRevision is required if the manifest source is a helm chart"
    );
}
