//! An artifact of a real registry on a real API server.

use crate::bed::{Bed, ready};
use holdfast_object::{Object, Value, json};
use holdfast_source::{Limits, SourceIgnore, archive};
use holdfast_testcluster::registry::{Auth, PASSWORD, Registry, USER};
use holdfast_tree::MemoryTree;
use holdfast_types::flux::oci_repository;
use sha2::{Digest as _, Sha256};

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

/// Pushes manifests as Flux' client does; gives the digest of the artifact's manifest.
pub(crate) async fn push(
    registry: &Registry,
    repository: &str,
    tag: &str,
    files: &[(&str, String)],
) -> String {
    let mut tree = MemoryTree::new();
    files.iter().for_each(|(path, content)| tree.insert(path, content.clone()));
    let mut layer = Vec::new();
    let ignore = SourceIgnore::load(&tree, None).unwrap();
    archive(&tree, &ignore, &Limits::default(), &mut layer).unwrap();
    let authority = registry.ca().map(|ca| reqwest::Certificate::from_pem(ca.as_bytes()).unwrap());
    let client = match authority {
        Some(authority) => reqwest::Client::builder().tls_certs_only([authority]).build().unwrap(),
        None => reqwest::Client::new(),
    };
    let config = b"{}".to_vec();
    for blob in [&config, &layer] {
        let uploads = format!("{}/v2/{repository}/blobs/uploads/", registry.url());
        let answer = client.post(&uploads).basic_auth(USER, Some(PASSWORD)).send().await.unwrap();
        assert_eq!(answer.status(), 202, "{}", answer.text().await.unwrap());
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        let mut at = reqwest::Url::parse(&uploads).unwrap().join(&location).unwrap();
        at.query_pairs_mut().append_pair("digest", &digest(blob));
        let put = client.put(at).basic_auth(USER, Some(PASSWORD)).body(blob.clone()).send().await.unwrap();
        assert_eq!(put.status(), 201, "{}", put.text().await.unwrap());
    }
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind,
        "config": {"mediaType": "application/vnd.cncf.flux.config.v1+json", "digest": digest(&config), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.cncf.flux.content.v1.tar+gzip", "digest": digest(&layer), "size": layer.len()}],
        "annotations": {"org.opencontainers.image.revision": "main@sha1:abc"},
    })
    .to_string();
    let at = format!("{}/v2/{repository}/manifests/{tag}", registry.url());
    let put = client.put(at).basic_auth(USER, Some(PASSWORD)).header("content-type", kind);
    let put = put.body(manifest.clone()).send().await.unwrap();
    assert_eq!(put.status(), 201, "{}", put.text().await.unwrap());
    digest(manifest.as_bytes())
}

fn config_map(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  key: {value}\n")
}

#[tokio::test]
async fn versions_of_an_artifact_arrive_from_a_registry_with_a_password_and_its_own_authority() {
    let Some(mut bed) = Bed::shared("oci").await else { return };
    let Some(registry) = Registry::start(Auth::Basic, true).await.unwrap() else { return };
    let repository = format!("{}/manifests", bed.namespace);
    let first = push(&registry, &repository, "1.0.0", &[("a.yaml", config_map("one"))]).await;
    let metadata = |name: &str| json!({"name": name, "namespace": bed.namespace});
    let login = json!({"auths": {registry.address(): {"username": USER, "password": PASSWORD}}}).to_string();
    bed.apply(json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": metadata("login"), "stringData": {".dockerconfigjson": login}}))
        .await;
    bed.apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata("puller"),
        "imagePullSecrets": [{"name": "login"}]}))
        .await;
    bed.apply(json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata("authority"),
        "stringData": {"ca.crt": registry.ca().unwrap()}}))
        .await;
    bed.apply(json!({
        "apiVersion": oci_repository().api_version(), "kind": "OCIRepository", "metadata": metadata("app"),
        "spec": {"url": format!("oci://{}/{repository}", registry.address()), "interval": "10m",
            "ref": {"semver": "1.x"}, "serviceAccountName": "puller", "certSecretRef": {"name": "authority"}},
    }))
    .await;
    bed.kustomization(json!({"sourceRef": {"kind": "OCIRepository", "name": "app"}})).await;
    let applied = |revision: String| {
        move |app: &Object| {
            ready(app).is_some_and(|(status, _, message)| {
                status == "True" && message == format!("Applied revision: {revision}")
            })
        }
    };
    bed.until_present(&bed.app(), applied(format!("1.0.0@{first}"))).await;
    let source = bed.get(&bed.object(&oci_repository(), "app")).await.unwrap();
    let stored = format!("stored artifact for digest '1.0.0@{first}'");
    assert_eq!(ready(&source), Some(("True".into(), "Succeeded".into(), stored)));
    let artifact = |field: &str| source.get(&["status", "artifact", field]).and_then(Value::as_str).unwrap();
    assert_eq!(artifact("path"), format!("ocirepository/{}/app/{first}.tar.gz", bed.namespace));

    let second = push(&registry, &repository, "1.1.0", &[("a.yaml", config_map("two"))]).await;
    push(&registry, &repository, "2.0.0", &[("a.yaml", config_map("three"))]).await;
    bed.request("ocirepository/app").await;
    bed.until_present(&bed.app(), applied(format!("1.1.0@{second}"))).await;
    let a = bed.get(&bed.config_map("a")).await.unwrap();
    assert_eq!(crate::bed::value(&a), Some("two"));

    // Without the password nothing new comes, what is there stays, and the status says why without the secret.
    bed.kubectl(&[
        "patch",
        "ocirepository",
        "app",
        "--type=merge",
        "-p",
        r#"{"spec": {"serviceAccountName": null}}"#,
    ])
    .await;
    let refused = |source: &Object| ready(source).is_some_and(|(status, ..)| status == "False");
    let source = bed.until_present(&bed.object(&oci_repository(), "app"), refused).await;
    let (_, reason, message) = ready(&source).unwrap();
    assert_eq!(reason, "ReadOperationFailed");
    assert!(message.contains("authentication failed"), "{message}");
    assert!(!source.to_value().to_string().contains(PASSWORD));
    assert_eq!(source.get(&["status", "artifact", "revision"]), Some(&json!(format!("1.1.0@{second}"))));
}
