//! Renders that ask for what lies elsewhere.

use crate::fixture::{Origin, needs_git};
use crate::oci::digest;
use crate::web::{Web, ok, status};
use holdfast_render::{
    Content, Need, Provided, RenderLimits, RenderOutcome, RenderRequest, Renderer, render,
};
use holdfast_source::{
    Access, Artifact, Credentials, FetchPolicy, GitCache, GitRef, GitUrl, Grants, HelmAccess, Limits,
    NeedLimits, ProvideError, SourceError, Sources, StandIn, Step,
};
use holdfast_tree::MemoryTree;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const NOW: Duration = Duration::ZERO;
const HOUR: Duration = Duration::from_secs(3600);
const BASIC: &str = "Basic bWU6Z2VoZWlt"; // me:geheim

fn sources() -> (TempDir, Sources) {
    let folder = TempDir::new().unwrap();
    let sources = Sources::new(GitCache::new(folder.path(), Limits::default()));
    (folder, sources)
}

fn me() -> Access {
    let credentials = Credentials::Basic { username: "me".into(), password: "geheim".into() };
    Access { credentials, allow_plain_http_credentials: true, ..Access::default() }
}

fn here(max_age: Duration) -> FetchPolicy {
    FetchPolicy { local: true, ..FetchPolicy::anonymous(max_age) }
}

/// Builds a kustomization that consists of these lines, with what it asks for.
async fn build(sources: &Sources, policy: &FetchPolicy, text: &str) -> Result<Vec<String>, String> {
    let mut tree = MemoryTree::new();
    tree.insert("kustomization.yaml", text.to_owned());
    let request = RenderRequest {
        path: String::new(),
        renderer: Renderer::Kustomize(Box::default()),
        limits: RenderLimits::default(),
    };
    let run = move |provided: &Provided| {
        render(&tree, &request, provided).map(|outcome| match outcome {
            RenderOutcome::Rendered(rendered) => Ok(rendered),
            RenderOutcome::Needs(needs) => Err(needs),
        })
    };
    let rendered = sources.provide(policy, run).await.map_err(|e| e.to_string())?;
    Ok(rendered.objects.iter().map(|entry| entry.object.name().to_owned()).collect())
}

/// Asks for all of these at once, and gives what it got.
async fn ask(
    sources: &Sources,
    policy: &FetchPolicy,
    needs: Vec<Need>,
) -> Result<Vec<String>, ProvideError<String>> {
    let run = move |provided: &Provided| -> Result<Step<Vec<String>>, String> {
        let missing: Vec<Need> = needs.iter().filter(|n| provided.get(n).is_none()).cloned().collect();
        if !missing.is_empty() {
            return Ok(Err(missing));
        }
        let text = |need: &Need| match provided.get(need).unwrap()?.content.clone() {
            Content::Bytes(body) => Ok::<_, &str>(String::from_utf8_lossy(&body).into_owned()),
            Content::Tree(tree) => Ok(format!("{:?}", tree.read("a.yaml").unwrap())),
        };
        needs.iter().map(text).collect::<Result<_, _>>().map(Ok).map_err(str::to_owned)
    };
    sources.provide(policy, run).await
}

fn file(url: String) -> Need {
    Need::Http { url }
}

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ";

#[tokio::test]
async fn a_moving_base_is_looked_at_again_and_a_commit_is_not() {
    needs_git!();
    let (_folder, sources) = sources();
    let origin = Origin::new();
    origin.write("base/kustomization.yaml", "resources: [a.yaml]\n");
    origin.write("base/a.yaml", &format!("{CONFIG_MAP}one\n"));
    let first = origin.commit("one");
    let base = |at: &str| format!("resources: ['file://{}//base?ref={at}']\n", origin.path().display());
    let built = |policy: FetchPolicy, at: String| {
        let sources = &sources;
        async move { build(sources, &policy, &at).await }
    };
    assert_eq!(built(here(NOW), base("main")).await.unwrap(), ["one"]);
    origin.write("base/a.yaml", &format!("{CONFIG_MAP}two\n"));
    origin.commit("two");
    assert_eq!(built(here(HOUR), base("main")).await.unwrap(), ["one"], "fresh enough");
    assert_eq!(built(here(NOW), base("main")).await.unwrap(), ["two"]);
    assert_eq!(built(here(NOW), base(&first)).await.unwrap(), ["one"]);
    // A tag is a name, not a range of versions.
    origin.git(&["tag", "v1", &first]);
    origin.git(&["tag", "v1.5.0"]);
    assert_eq!(built(here(NOW), base("v1")).await.unwrap(), ["one"]);
    let missing = built(here(NOW), base("nope")).await.unwrap_err();
    assert!(missing.contains("kustomization.yaml: resources.0:"), "{missing}");
    assert!(missing.contains("revision \"nope\" not found"), "{missing}");

    let refused = built(FetchPolicy::anonymous(NOW), base("main")).await.unwrap_err();
    assert!(refused.contains("repositories on this machine are not read"), "{refused}");
    let off = FetchPolicy { remote: false, ..here(NOW) };
    let refused = built(off, base("main")).await.unwrap_err();
    assert!(refused.contains("remote parts of a source are switched off"), "{refused}");
}

#[tokio::test]
async fn bases_of_bases_are_fetched_and_cycles_end() {
    needs_git!();
    let (_folder, sources) = sources();
    let (one, two) = (Origin::new(), Origin::new());
    let base = |origin: &Origin| format!("resources: ['file://{}?ref=main']\n", origin.path().display());
    one.write("kustomization.yaml", &base(&two));
    one.commit("one");
    two.write("kustomization.yaml", "resources: [a.yaml]\n");
    two.write("a.yaml", &format!("{CONFIG_MAP}deep\n"));
    two.commit("two");
    assert_eq!(build(&sources, &here(NOW), &base(&one)).await.unwrap(), ["deep"]);
    let shallow = NeedLimits { rounds: 2, ..NeedLimits::default() };
    let error =
        build(&sources, &FetchPolicy { limits: shallow, ..here(NOW) }, &base(&one)).await.unwrap_err();
    assert!(error.contains("limit rounds"), "{error}");
    two.write("kustomization.yaml", &base(&one));
    two.commit("back");
    let error = build(&sources, &here(NOW), &base(&one)).await.unwrap_err();
    assert!(error.contains("cycle detected"), "{error}");
}

#[tokio::test]
async fn a_base_comes_with_its_submodules_unless_they_are_not_wanted() {
    needs_git!();
    let (_folder, sources) = sources();
    let (base, lib, deep) = (Origin::new(), Origin::new(), Origin::new());
    deep.write("d.yaml", &format!("{CONFIG_MAP}deep\n"));
    deep.commit("deep");
    let add = |to: &Origin, of: &Origin, at: &str| {
        let url = format!("file://{}", of.path().display());
        to.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, at]);
    };
    lib.write("kustomization.yaml", "resources: [a.yaml, deep/d.yaml]\n");
    lib.write("a.yaml", &format!("{CONFIG_MAP}lib\n"));
    add(&lib, &deep, "deep");
    lib.commit("lib");
    base.write("kustomization.yaml", "resources: [vendor/lib]\n");
    add(&base, &lib, "vendor/lib");
    base.commit("base");
    // What the submodule's branch has by now is not what the base wants of it.
    lib.write("a.yaml", &format!("{CONFIG_MAP}newer\n"));
    lib.commit("newer");
    let text = |query: &str| format!("resources: ['file://{}?ref=main{query}']\n", base.path().display());
    assert_eq!(build(&sources, &here(NOW), &text("")).await.unwrap(), ["deep", "lib"]);
    let without = build(&sources, &here(NOW), &text("&submodules=false")).await.unwrap_err();
    assert!(without.contains("vendor/lib"), "{without}");
    // A base from elsewhere brings no repository of this machine along.
    let url = format!("file://{}", base.path().display());
    let head = sources.git(&url, &GitRef::Head, &Access::default(), NOW).await.unwrap();
    let elsewhere = GitUrl::parse("https://git.example.com/team/base").unwrap();
    sources.stand_in(&elsewhere, Arc::new(Fixed(head)));
    let text = "resources: ['https://git.example.com/team/base?ref=main']\n";
    let refused = build(&sources, &FetchPolicy::anonymous(NOW), text).await.unwrap_err();
    assert!(refused.contains("repositories on this machine are not read"), "{refused}");
}

/// A repository with one commit.
struct Fixed(Artifact);

impl StandIn for Fixed {
    fn artifact(&self, _: &GitRef) -> Result<Artifact, SourceError> {
        Ok(self.0.clone())
    }
}

#[tokio::test]
async fn files_behind_urls_are_kept_as_long_as_they_are_fresh() {
    let web = Web::start(|_, asked| match asked.path.as_str() {
        "/a.yaml" => ok(format!("{CONFIG_MAP}web\n")),
        "/page" => (200, vec![("content-type", "text/html; charset=utf-8".into())], b"<html>".to_vec()),
        _ => status(404),
    })
    .await;
    let (_folder, sources) = sources();
    let text = format!("resources: ['{}/a.yaml']\n", web.url());
    let policy = FetchPolicy::anonymous;
    assert_eq!(build(&sources, &policy(NOW), &text).await.unwrap(), ["web"]);
    assert_eq!(build(&sources, &policy(HOUR), &text).await.unwrap(), ["web"]);
    assert_eq!(web.take_requests(), ["/a.yaml"]);
    build(&sources, &policy(NOW), &text).await.unwrap();
    assert_eq!(web.take_requests(), ["/a.yaml"]);
    let page = build(&sources, &policy(NOW), &format!("resources: ['{}/page']\n", web.url())).await;
    assert!(page.unwrap_err().contains("a web page, where a file was expected"));
}

#[tokio::test]
async fn credentials_go_to_their_own_server_only() {
    let answer = |_: &str, asked: &crate::web::Asked| ok(asked.header("authorization").unwrap_or("nobody"));
    let (own, other) = (Web::start(answer).await, Web::start(answer).await);
    let to_other = format!("{}/x", other.url());
    let redirecting = Web::start(move |_, _| (302, vec![("location", to_other.clone())], vec![])).await;
    let grants = Grants::default()
        .with_server_of(&format!("{}/team/app.git", own.url()), me())
        .with_server_of(&redirecting.url(), me());
    let policy = FetchPolicy { grants, ..FetchPolicy::anonymous(NOW) };
    let (_folder, sources) = sources();
    let needs = vec![
        file(format!("{}/x", own.url())),
        file(format!("{}/x", other.url())),
        file(format!("{}/x", redirecting.url())),
    ];
    assert_eq!(ask(&sources, &policy, needs).await.unwrap(), [BASIC, "nobody", "nobody"]);
}

#[tokio::test]
async fn an_exact_version_of_a_chart_is_asked_for_once() {
    let web = Web::start(|_, asked| match asked.path.as_str() {
        "/index.yaml" => ok(format!(
            "apiVersion: v1\nentries:\n  app:\n  - {{version: 1.0.0, urls: [app.tgz], digest: {}}}\n",
            digest(b"archive").trim_start_matches("sha256:")
        )),
        "/app.tgz" => ok("archive"),
        _ => status(404),
    })
    .await;
    let (_folder, sources) = sources();
    let chart =
        |version: &str| Need::Chart { repository: web.url(), name: "app".into(), version: version.into() };
    let policy = FetchPolicy::anonymous(NOW);
    assert_eq!(ask(&sources, &policy, vec![chart("1.0.0")]).await.unwrap(), ["archive"]);
    assert_eq!(web.take_requests(), ["/index.yaml", "/app.tgz"]);
    ask(&sources, &policy, vec![chart("1.0.0")]).await.unwrap();
    assert_eq!(web.take_requests(), [""; 0]);
    ask(&sources, &policy, vec![chart("1.x")]).await.unwrap();
    assert_eq!(web.take_requests(), ["/index.yaml"], "a range may have moved");
    let missing = ask(&sources, &policy, vec![chart("3.0.0")]).await.unwrap_err();
    assert!(missing.to_string().contains("not found"), "{missing}");
    assert!(!missing.is_transient());
    let alias = Need::Chart { repository: "@stable".into(), name: "app".into(), version: String::new() };
    let refused = ask(&sources, &policy, vec![alias]).await.unwrap_err().to_string();
    assert!(refused.contains("https:// or oci://"), "{refused}");
}

#[tokio::test]
async fn what_a_render_may_ask_for_is_bounded() {
    let web = Web::start(|_, asked| if asked.path == "/down" { status(503) } else { ok("12345678") }).await;
    let (_folder, sources) = sources();
    let needs = |count: usize| (0..count).map(|n| file(format!("{}/{n}", web.url()))).collect::<Vec<_>>();
    let limits = NeedLimits { needs: 3, bytes: 20, ..NeedLimits::default() };
    let policy = FetchPolicy { limits, ..FetchPolicy::anonymous(NOW) };
    assert_eq!(ask(&sources, &policy, needs(2)).await.unwrap().len(), 2);
    let error = ask(&sources, &policy, needs(3)).await.unwrap_err().to_string();
    assert_eq!(error, "the source asks for more than 20 bytes (limit bytes of remote parts)");
    web.take_requests();
    let error = ask(&sources, &policy, needs(4)).await.unwrap_err().to_string();
    assert_eq!(error, "the source asks for more than 3 remote parts (limit needs of remote parts)");
    assert_eq!(web.take_requests(), [""; 0], "nothing is fetched for it");

    let down = ask(&sources, &policy, vec![file(format!("{}/down", web.url()))]).await.unwrap_err();
    assert!(down.is_transient() && down.to_string().contains("503"), "{down}");
    let anew = |_: &Provided| Ok::<Step<()>, String>(Err(vec![]));
    assert!(matches!(sources.provide(&policy, anew).await, Err(ProvideError::BrokeOff(_))));
}

#[tokio::test]
async fn a_server_that_does_not_answer_holds_nobody_up_for_ever() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/silent", listener.local_addr().unwrap());
    let (_folder, sources) = sources();
    let limits = NeedLimits { time: Duration::from_millis(200), ..NeedLimits::default() };
    let policy = FetchPolicy { limits, ..FetchPolicy::anonymous(NOW) };
    let error = ask(&sources, &policy, vec![file(url.clone())]).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains(&url), "{error}");
}

#[tokio::test]
async fn a_chart_repository_is_reached_with_its_own_grant() {
    let web = Web::start(|_, asked| match (asked.path.as_str(), asked.header("authorization")) {
        (_, None) => status(401),
        ("/team/index.yaml", _) => {
            ok("apiVersion: v1\nentries:\n  app:\n  - {version: 1.0.0, urls: [app.tgz]}\n")
        }
        _ => ok("archive"),
    })
    .await;
    let (_folder, sources) = sources();
    let grant = HelmAccess { access: me(), ..HelmAccess::default() };
    let grants = Grants::default().with(&format!("{}/team", web.url()), grant);
    let policy = FetchPolicy { grants, ..FetchPolicy::anonymous(NOW) };
    let chart = |path: &str| Need::Chart {
        repository: format!("{}{path}", web.url()),
        name: "app".into(),
        version: String::new(),
    };
    assert_eq!(ask(&sources, &policy, vec![chart("/team")]).await.unwrap(), ["archive"]);
    let refused = ask(&sources, &policy, vec![chart("/other")]).await.unwrap_err().to_string();
    assert!(refused.contains("authentication failed"), "{refused}");
}
