use crate::web::{Answer, Asked, Web, ok, status};
use holdfast_source::oci::{LayerOperation, LayerSelector, OciRef, OciRegistries, OciUrl};
use holdfast_source::{Access, Credentials, Limits, SourceError};
use holdfast_tree::FileTree as _;
use sha2::{Digest as _, Sha256};
use std::time::Duration;

const NOW: Duration = Duration::ZERO;

pub(crate) fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

fn layer() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    builder.append_data(&mut header, "app/a.yaml", &b"a: 1"[..]).unwrap();
    let archive = builder.into_inner().unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &archive).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn manifest(layers: &[(&str, &[u8])]) -> Vec<u8> {
    let layers: Vec<_> = layers
        .iter()
        .map(|(kind, content)| {
            serde_json::json!({"mediaType": kind, "digest": digest(content), "size": content.len()})
        })
        .collect();
    let value = serde_json::json!({
        "schemaVersion": 2, "config": {"mediaType": "application/vnd.cncf.flux.config.v1+json"}, "layers": layers,
        "annotations": {"org.opencontainers.image.revision": "main@sha1:abc"},
    });
    serde_json::to_vec(&value).unwrap()
}

/// An index that names a manifest for a platform.
fn index(architecture: &str, of: &[u8]) -> Vec<u8> {
    let platform = serde_json::json!({"os": "linux", "architecture": architecture});
    let entry = serde_json::json!({"digest": digest(of), "size": of.len(), "platform": platform});
    serde_json::to_vec(&serde_json::json!({"schemaVersion": 2, "manifests": [entry]})).unwrap()
}

/// An index of what is for other platforms, and of an index of its own for ours.
fn multi(manifest: &[u8]) -> Vec<u8> {
    let inner = index("amd64", manifest);
    let entry = |os: &str, architecture: &str, of: &[u8]| {
        let platform = serde_json::json!({"os": os, "architecture": architecture});
        serde_json::json!({"digest": digest(of), "size": of.len(), "platform": platform})
    };
    let entries = [
        entry("linux", "arm64", b"other"),
        entry("windows", "amd64", b"other"),
        entry("linux", "amd64", &inner),
    ];
    serde_json::to_vec(&serde_json::json!({"schemaVersion": 2, "manifests": entries})).unwrap()
}

/// A registry with `team/app`: tags over three pages, two layers, and a token service for `me` and `geheim`.
fn registry(own: &str, asked: &Asked, token_needed: bool) -> Answer {
    if let Some(query) = asked.path.strip_prefix("/token?") {
        let who = asked.header("authorization");
        // me:geheim
        let known = who == Some("Basic bWU6Z2VoZWlt");
        return match known
            && query.contains("scope=repository%3Ateam%2Fapp%3Apull")
            && query.contains("service=test")
        {
            true => ok(r#"{"token": "the-token", "expires_in": 300}"#),
            false => status(401),
        };
    }
    if token_needed && asked.header("authorization") != Some("Bearer the-token") {
        let challenge =
            format!("Bearer realm=\"{own}/token\",service=\"test\",scope=\"repository:team/app:pull\"");
        return (401, vec![("www-authenticate", challenge)], Vec::new());
    }
    let (layer, other) = (layer(), b"other".to_vec());
    let manifest = manifest(&[("application/tar+gzip", &layer), ("text/plain", &other)]);
    let page = |tags: &str, next: Option<&str>| -> Answer {
        let link =
            next.map(|last| ("link", format!("</v2/team/app/tags/list?n=1000&last={last}>; rel=\"next\"")));
        (
            200,
            link.into_iter().collect(),
            format!("{{\"name\": \"team/app\", \"tags\": [{tags}]}}").into_bytes(),
        )
    };
    match asked.path.strip_prefix("/v2/team/app/").unwrap_or_default() {
        "tags/list?n=1000" => page(r#""latest", "1.0.0""#, Some("1.0.0")),
        "tags/list?n=1000&last=1.0.0" => page(r#""1.1.0""#, Some("1.1.0")),
        "tags/list?n=1000&last=1.1.0" => page(r#""1.2.0", "2.0.0-rc.1""#, None),
        "manifests/1.2.0" | "manifests/latest" => ok(manifest),
        "manifests/index" => ok(r#"{"manifests": []}"#),
        "manifests/foreign" => ok(index("arm64", &manifest)),
        "manifests/multi" => ok(multi(&manifest)),
        path if path == format!("manifests/{}", digest(&index("amd64", &manifest))) => {
            ok(index("amd64", &manifest))
        }
        path if path == format!("manifests/{}", digest(&manifest)) => ok(manifest),
        path if path == format!("manifests/{}", digest(b"forged")) => ok(manifest),
        path if path == format!("blobs/{}", digest(&layer)) => {
            // As many registries do, from another place.
            (307, vec![("location", format!("{own}/storage/layer"))], Vec::new())
        }
        path if path == format!("blobs/{}", digest(&other)) => ok("forged"),
        _ if asked.path == "/storage/layer" => ok(layer),
        _ => status(404),
    }
}

async fn start(token_needed: bool) -> (Web, OciUrl) {
    let web = Web::start(move |own, asked| registry(own, asked, token_needed)).await;
    let url = OciUrl::parse(&format!("oci://{}/team/app", web.host())).unwrap().plain_http(true);
    (web, url)
}

fn me() -> Access {
    let credentials = Credentials::Basic { username: "me".into(), password: "geheim".into() };
    Access { credentials, allow_plain_http_credentials: true, ..Access::default() }
}

fn semver(range: &str) -> OciRef {
    OciRef::Semver { range: range.parse().unwrap(), filter: None, chart: false }
}

#[tokio::test]
async fn the_highest_version_over_all_pages() {
    let (web, url) = start(false).await;
    let registries = OciRegistries::new(Limits::default());
    let access = Access::default();
    let artifact =
        registries.artifact(&url, &access, &semver("^1"), &LayerSelector::default(), NOW).await.unwrap();
    assert_eq!(artifact.tree.read("app/a.yaml").unwrap(), "a: 1");
    assert!(artifact.revision.to_string().starts_with("1.2.0@sha256:"), "{}", artifact.revision);
    assert_eq!(artifact.metadata[0].1, "main@sha1:abc");
    assert_eq!(web.take_requests().iter().filter(|r| r.contains("tags/list")).count(), 3);
    let missing = registries.manifest(&url, &access, &semver("^3"), NOW).await.unwrap_err();
    assert_eq!(missing.to_string(), format!("{url}: a tag in the version range \"^3\" not found"));
}

#[tokio::test]
async fn a_token_is_asked_for_once() {
    let (web, url) = start(true).await;
    let registries = OciRegistries::new(Limits::default());
    let wanted = OciRef::Tag("latest".into());
    registries.artifact(&url, &me(), &wanted, &LayerSelector::default(), NOW).await.unwrap();
    registries.artifact(&url, &me(), &semver("*"), &LayerSelector::default(), NOW).await.unwrap();
    let requests = web.take_requests();
    assert_eq!(requests.iter().filter(|r| r.starts_with("/token")).count(), 1, "{requests:?}");

    let stranger = registries.manifest(&url, &Access::default(), &wanted, NOW).await.unwrap_err();
    assert!(matches!(stranger, SourceError::AuthenticationFailed { .. }), "{stranger}");
    let careful = Access { allow_plain_http_credentials: false, ..me() };
    let refused = registries.manifest(&url, &careful, &wanted, NOW).await.unwrap_err();
    assert_eq!(refused, SourceError::InsecureCredentials { url: url.to_string() });
}

#[tokio::test]
async fn content_that_is_not_what_its_digest_says_is_refused() {
    let (_web, url) = start(false).await;
    let registries = OciRegistries::new(Limits::default());
    let access = Access::default();
    let forged =
        registries.manifest(&url, &access, &OciRef::Digest(digest(b"forged")), NOW).await.unwrap_err();
    assert!(forged.to_string().contains("unexpected answer: the manifest sent for"), "{forged}");
    let select = LayerSelector { media_type: Some("text/plain".into()), operation: LayerOperation::Copy };
    let latest = OciRef::Tag("latest".into());
    let forged = registries.artifact(&url, &access, &latest, &select, NOW).await.unwrap_err();
    assert!(forged.to_string().contains("unexpected answer: the layer sent for"), "{forged}");
}

#[tokio::test]
async fn layers_are_selected_and_limited() {
    let (_web, url) = start(false).await;
    let registries = OciRegistries::new(Limits::default());
    let access = Access::default();
    let latest = OciRef::Tag("latest".into());
    let (revision, manifest) = registries.manifest(&url, &access, &latest, NOW).await.unwrap();
    let by_digest = OciRef::Digest(manifest.digest.clone());
    let copy = LayerSelector { media_type: None, operation: LayerOperation::Copy };
    let artifact = registries.artifact(&url, &access, &by_digest, &copy, NOW).await.unwrap();
    assert_eq!(artifact.revision.to_string(), manifest.digest);
    assert_eq!(revision.to_string(), format!("latest@{}", manifest.digest));
    assert_eq!(digest(&artifact.tree.read("layer.tgz").unwrap()), artifact.digest);

    let select = LayerSelector { media_type: Some("nope".into()), ..LayerSelector::default() };
    let error = registries.artifact(&url, &access, &latest, &select, NOW).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{url}: unexpected answer: the artifact has no layer of media type \"nope\"")
    );
    let small = OciRegistries::new(Limits { layer_bytes: 10, ..Limits::default() });
    let error = small.artifact(&url, &access, &latest, &LayerSelector::default(), NOW).await.unwrap_err();
    assert!(error.to_string().contains("more than the limit layer_bytes of 10"), "{error}");
    let error = registries.manifest(&url, &access, &OciRef::Tag("nope".into()), NOW).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{url}: tag \"nope\" not found"));
    let error = registries.manifest(&url, &access, &OciRef::Tag("../x".into()), NOW).await.unwrap_err();
    assert!(matches!(error, SourceError::RefNotFound { .. }));
    for without in ["index", "foreign"] {
        let error = registries.manifest(&url, &access, &OciRef::Tag(without.into()), NOW).await.unwrap_err();
        assert!(error.to_string().contains("no artifact for the platform linux/amd64"), "{error}");
    }
}

#[tokio::test]
async fn of_several_platforms_fluxs_own_is_taken() {
    let (_web, url) = start(false).await;
    let registries = OciRegistries::new(Limits::default());
    let wanted = OciRef::Tag("multi".into());
    let select = LayerSelector::default();
    let artifact = registries.artifact(&url, &Access::default(), &wanted, &select, NOW).await.unwrap();
    assert_eq!(artifact.tree.read("app/a.yaml").unwrap(), "a: 1");
    let manifest = manifest(&[("application/tar+gzip", &layer()), ("text/plain", b"other")]);
    let of_the_index = digest(&multi(&manifest));
    assert_eq!(
        artifact.revision.to_string(),
        format!("multi@{of_the_index}"),
        "the index is what was pushed"
    );
    assert_eq!(artifact.metadata[0].1, "main@sha1:abc");
}

/// The slow tier: a registry that we did not write.
#[tokio::test]
async fn a_real_registry() {
    use holdfast_testcluster::registry::{Auth, PASSWORD, Registry, USER};
    for auth in [Auth::None, Auth::Basic, Auth::Token] {
        let Some(registry) = Registry::start(auth, true).await.unwrap() else { return };
        let tls = holdfast_source::TlsOptions { ca: registry.ca().map(str::to_owned), ..Default::default() };
        let credentials = match auth {
            Auth::None => Credentials::None,
            _ => Credentials::Basic { username: USER.into(), password: PASSWORD.into() },
        };
        let access = Access { credentials, tls, ..Access::default() };
        let registries = OciRegistries::new(Limits::default());
        let url = OciUrl::parse(&format!("oci://{}/team/app", registry.address())).unwrap();
        let error = registries.manifest(&url, &access, &OciRef::Tag("1.0".into()), NOW).await.unwrap_err();
        let missing =
            matches!(error, SourceError::RefNotFound { .. } | SourceError::RepositoryNotFound { .. });
        assert!(missing, "{auth:?}: {error}");
        let stranger = Access { credentials: Credentials::None, ..access };
        let error = registries.manifest(&url, &stranger, &OciRef::Tag("1.0".into()), NOW).await.unwrap_err();
        let refused = matches!(error, SourceError::AuthenticationFailed { .. });
        assert_eq!(refused, auth != Auth::None, "{auth:?}: {error}");
    }
}
