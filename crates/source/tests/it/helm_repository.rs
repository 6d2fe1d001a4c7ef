use crate::oci::{digest, manifest};
use crate::web::{Answer, Asked, Web, ok, status};
use holdfast_source::{Access, Credentials, HelmAccess, HelmRepositories, Limits, SourceError};
use std::time::Duration;
use tempfile::TempDir;

const NOW: Duration = Duration::ZERO;
const BASIC: &str = "Basic bWU6Z2VoZWlt"; // me:geheim

fn repositories(limits: Limits) -> (TempDir, HelmRepositories) {
    let folder = TempDir::new().unwrap();
    let repositories = HelmRepositories::new(folder.path().join("charts"), limits);
    (folder, repositories)
}

fn me() -> HelmAccess {
    let credentials = Credentials::Basic { username: "me".into(), password: "geheim".into() };
    let access = Access { credentials, allow_plain_http_credentials: true, ..Access::default() };
    HelmAccess { access, ..HelmAccess::default() }
}

/// A repository that wants a password and has archives here and, for version 2, on another server.
fn repository(elsewhere: String) -> impl Fn(&str, &Asked) -> Answer + Clone + Send + Sync {
    move |_, asked| {
        if asked.header("authorization") != Some(BASIC) {
            return status(401);
        }
        let index = format!(
            "apiVersion: v1\nentries:\n  app:\n  - {{version: 1.0.0, urls: [files/app-1.0.0.tgz], digest: {}}}\n  \
             - {{version: 1.1.0, urls: [files/app-1.1.0.tgz], digest: {}}}\n  - {{version: 2.0.0, urls: [{elsewhere}/app.tgz]}}\n",
            digest(b"one").trim_start_matches("sha256:"),
            digest(b"something else"),
        );
        match asked.path.as_str() {
            "/charts/index.yaml" if asked.header("if-none-match") == Some("\"v1\"") => status(304),
            "/charts/index.yaml" => (200, vec![("etag", "\"v1\"".into())], index.into_bytes()),
            "/charts/files/app-1.0.0.tgz" => ok("one"),
            "/charts/files/app-1.1.0.tgz" => ok("forged"),
            _ => status(404),
        }
    }
}

#[tokio::test]
async fn a_chart_is_found_downloaded_and_kept() {
    let web = Web::start(repository("http://unused".into())).await;
    let url = format!("{}/charts", web.url());
    let (_folder, charts) = repositories(Limits::default());
    let chart = charts.chart(&url, "app", "~1.0", &me(), NOW).await.unwrap();
    assert_eq!((chart.version.as_str(), chart.archive.as_ref()), ("1.0.0", &b"one"[..]));
    assert_eq!(chart.digest, digest(b"one"));
    assert_eq!(web.take_requests(), ["/charts/index.yaml", "/charts/files/app-1.0.0.tgz"]);
    // Again: the index has not changed, the archive is here.
    charts.chart(&url, "app", "1.0.0", &me(), NOW).await.unwrap();
    assert_eq!(web.take_requests(), ["/charts/index.yaml"]);
    charts.chart(&url, "app", "1.0.0", &me(), Duration::from_secs(60)).await.unwrap();
    assert_eq!(web.take_requests(), [""; 0]);

    let forged = charts.chart(&url, "app", "1.1.0", &me(), NOW).await.unwrap_err();
    assert!(forged.to_string().contains("the index says"), "{forged}");
    let missing = charts.chart(&url, "app", "^3", &me(), NOW).await.unwrap_err();
    assert_eq!(missing.to_string(), format!("{url}: chart \"app\" in the version range \"^3\" not found"));
    let stranger = charts.index(&url, &HelmAccess::default(), NOW).await.unwrap_err();
    assert!(matches!(stranger, SourceError::AuthenticationFailed { .. }), "{stranger}");
    let careful =
        HelmAccess { access: Access { allow_plain_http_credentials: false, ..me().access }, ..me() };
    assert!(matches!(charts.index(&url, &careful, NOW).await, Err(SourceError::InsecureCredentials { .. })));
}

#[tokio::test]
async fn a_damaged_archive_is_downloaded_again() {
    let web = Web::start(repository("http://unused".into())).await;
    let url = format!("{}/charts", web.url());
    let (folder, charts) = repositories(Limits::default());
    charts.chart(&url, "app", "1.0.0", &me(), NOW).await.unwrap();
    let kept = std::fs::read_dir(folder.path().join("charts")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(kept, "on").unwrap();
    let chart = charts.chart(&url, "app", "1.0.0", &me(), NOW).await.unwrap();
    assert_eq!(chart.archive.as_ref(), b"one");
}

#[tokio::test]
async fn credentials_go_to_other_servers_only_when_told_to() {
    let other = Web::start(|_, asked| match asked.header("authorization") {
        None => ok("without"),
        Some(BASIC) => ok("with"),
        Some(_) => status(403),
    })
    .await;
    let web = Web::start(repository(other.url())).await;
    let url = format!("{}/charts", web.url());
    let (_folder, charts) = repositories(Limits::default());
    let chart = charts.chart(&url, "app", "2.x", &me(), NOW).await.unwrap();
    assert_eq!(chart.archive.as_ref(), b"without");
    let passing = HelmAccess { pass_credentials: true, ..me() };
    let chart = charts.chart(&url, "app", "2.x", &passing, NOW).await.unwrap();
    assert_eq!(chart.archive.as_ref(), b"with");
}

#[tokio::test]
async fn sizes_are_limited() {
    let web = Web::start(|_, asked| match asked.path.as_str() {
        "/index.yaml" => ok("apiVersion: v1\nentries: {a: [{version: 1.0.0, urls: [a.tgz]}]}"),
        _ => ok(vec![0; 1000]),
    })
    .await;
    let access = HelmAccess::default();
    let (_folder, charts) = repositories(Limits { index_bytes: 10, ..Limits::default() });
    let error = charts.index(&web.url(), &access, NOW).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the repository's index.yaml: 62 bytes, more than the limit index_bytes of 10"),
        "{error}"
    );
    let (_folder, charts) = repositories(Limits { chart_bytes: 999, ..Limits::default() });
    let error = charts.chart(&web.url(), "a", "*", &access, NOW).await.unwrap_err();
    assert!(error.to_string().contains("1000 bytes, more than the limit chart_bytes of 999"), "{error}");
}

#[tokio::test]
async fn a_chart_from_a_registry() {
    let web = Web::start(|_, asked| {
        let archive = b"the chart".to_vec();
        let manifest = manifest(&[("application/vnd.cncf.helm.chart.content.v1.tar+gzip", &archive)]);
        match asked.path.strip_prefix("/v2/charts/app/").unwrap_or_default() {
            "tags/list?n=1000" => ok(r#"{"tags": ["1.0.0", "1.1.0_build.7", "2.0.0"]}"#),
            "manifests/1.1.0_build.7" => ok(manifest),
            path if path == format!("blobs/{}", digest(&archive)) => ok(archive),
            _ => status(404),
        }
    })
    .await;
    let url = format!("oci://{}/charts", web.host());
    let (_folder, charts) = repositories(Limits::default());
    let access = HelmAccess { plain_http: true, ..HelmAccess::default() };
    let chart = charts.chart(&url, "app", "~1.1", &access, NOW).await.unwrap();
    assert_eq!((chart.version.as_str(), chart.archive.as_ref()), ("1.1.0+build.7", &b"the chart"[..]));
    web.take_requests();
    // One version needs no list of tags, and an archive that is here is not downloaded again.
    charts.chart(&url, "app", "1.1.0+build.7", &access, NOW).await.unwrap();
    assert_eq!(web.take_requests(), ["/v2/charts/app/manifests/1.1.0_build.7"]);
    let missing = charts.chart(&url, "app", "9.9.9", &access, NOW).await.unwrap_err();
    assert_eq!(missing.to_string(), format!("{url}/app: tag \"9.9.9\" not found"));
}
