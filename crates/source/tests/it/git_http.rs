//! HTTP and HTTPS against git's own server program.

use holdfast_source::{Access, Credentials, GitCache, GitRef, GitUrl, Limits, SourceError, TlsOptions};
use holdfast_testcluster::git::{Auth, Change, HttpServer, Repositories, Repository};
use holdfast_tree::FileTree as _;
use std::time::Duration;
use tempfile::TempDir;

struct Setup {
    repository: Repository,
    server: HttpServer,
    folder: TempDir,
    cache: GitCache,
    url: GitUrl,
}

/// `None` where git has no server program.
async fn setup(tls: bool, auth: Auth) -> Option<Setup> {
    let repositories = Repositories::new().unwrap();
    let repository = repositories.create("apps").unwrap();
    repository.commit("main", "first", &[Change::write("app.yaml", "one")]).unwrap();
    let server = HttpServer::start(&repositories, tls, auth).await.unwrap()?;
    let folder = TempDir::new().unwrap();
    let cache = GitCache::new(folder.path(), Limits::default());
    let url = GitUrl::parse(&server.url("apps")).unwrap();
    Some(Setup { repository, server, folder, cache, url })
}

impl Setup {
    fn trusting(&self, credentials: Credentials) -> Access {
        let tls = TlsOptions { ca: self.server.ca().map(str::to_owned), ..TlsOptions::default() };
        Access { credentials, tls, ..Access::default() }
    }

    async fn main(&self, access: &Access) -> Result<holdfast_source::Artifact, SourceError> {
        self.cache.artifact(&self.url, access, &GitRef::Branch("main".into()), Duration::ZERO).await
    }
}

fn basic(username: &str, password: &str) -> Credentials {
    Credentials::Basic { username: username.into(), password: password.into() }
}

#[tokio::test]
async fn https_with_a_password() {
    let Some(setup) = setup(true, Auth::basic("me", "geheim")).await else { return };
    let access = setup.trusting(basic("me", "geheim"));
    assert_eq!(setup.main(&access).await.unwrap().tree.read("app.yaml").unwrap(), "one");
    // A wrong password, no password, and no trust in the authority are told apart; so is a repository that is not there.
    let error = setup.main(&setup.trusting(basic("me", "falsch"))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: authentication failed: the server answered 401 Unauthorized", setup.url)
    );
    let error = setup.main(&setup.trusting(Credentials::None)).await.unwrap_err();
    assert!(error.to_string().ends_with("401 Unauthorized; no credentials were given"), "{error}");
    let error =
        setup.main(&Access { credentials: basic("me", "geheim"), ..Access::default() }).await.unwrap_err();
    assert!(matches!(error, SourceError::UntrustedCertificate { .. }), "{error}");
    let elsewhere = GitUrl::parse(&setup.server.url("nothing")).unwrap();
    let error = setup.cache.list(&elsewhere, &access, vec!["HEAD".into()], Duration::ZERO).await.unwrap_err();
    assert_eq!(error, SourceError::RepositoryNotFound { url: elsewhere.to_string() });
}

#[tokio::test]
async fn https_with_a_token() {
    let Some(setup) = setup(true, Auth::bearer("token")).await else { return };
    let access = setup.trusting(Credentials::Bearer("token".into()));
    assert_eq!(setup.main(&access).await.unwrap().tree.read("app.yaml").unwrap(), "one");
    let insecure = TlsOptions { skip_verification: true, ..TlsOptions::default() };
    setup.main(&Access { tls: insecure, ..access }).await.unwrap();
}

#[tokio::test]
async fn a_password_in_the_address() {
    let Some(setup) = setup(true, Auth::basic("me", "geheim")).await else { return };
    let url = GitUrl::parse(&setup.url.to_string().replace("https://", "https://me:geheim@")).unwrap();
    let access = setup.trusting(Credentials::None);
    setup.cache.artifact(&url, &access, &GitRef::Head, Duration::ZERO).await.unwrap();
    let stored =
        std::process::Command::new("grep").args(["-r", "geheim"]).arg(setup.folder.path()).output().unwrap();
    assert!(stored.stdout.is_empty(), "the cache holds no password");
}

#[tokio::test]
async fn credentials_do_not_travel_in_clear_text() {
    let Some(setup) = setup(false, Auth::basic("me", "geheim")).await else { return };
    let access = Access { credentials: basic("me", "geheim"), ..Access::default() };
    let error = setup.main(&access).await.unwrap_err();
    assert_eq!(error, SourceError::InsecureCredentials { url: setup.url.to_string() });
    assert!(setup.server.requests().is_empty());
    let access = Access { allow_plain_http_credentials: true, ..access };
    setup.main(&access).await.unwrap();
}

#[tokio::test]
async fn a_new_commit_costs_what_it_adds_and_nothing_new_costs_a_listing() {
    let Some(setup) = setup(false, Auth::none()).await else { return };
    let access = Access::default();
    let noise: Vec<u8> = (0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    setup.repository.commit("main", "large", &[Change::write("large.bin", noise)]).unwrap();
    setup.main(&access).await.unwrap();
    let first = setup.cache.statistics();
    assert!(first.bytes > 500_000);

    let commit = setup.repository.commit("main", "small", &[Change::write("app.yaml", "two")]).unwrap();
    let artifact = setup.main(&access).await.unwrap();
    assert_eq!(artifact.revision.commit(), commit);
    assert_eq!(artifact.tree.read("app.yaml").unwrap(), "two");
    assert_eq!(artifact.tree.read("large.bin").unwrap().len(), 800_000);
    let second = setup.cache.statistics();
    assert!(second.bytes - first.bytes < 2000, "{} bytes for a small commit", second.bytes - first.bytes);

    let before = setup.server.requests().len();
    setup.main(&access).await.unwrap();
    let requests = setup.server.requests().split_off(before);
    assert_eq!(
        requests,
        ["GET /apps.git/info/refs?service=git-upload-pack", "POST /apps.git/git-upload-pack"]
    );
    assert_eq!(setup.cache.statistics().fetches, second.fetches);
}

#[tokio::test]
async fn a_hundred_users_share_listings_and_one_fetch() {
    let Some(setup) = setup(false, Auth::none()).await else { return };
    let access = Access::default();
    let all = futures::future::join_all((0..100).map(|_| setup.main(&access))).await;
    assert!(all.iter().all(|a| a.as_ref().is_ok_and(|a| a.tree.read("app.yaml").is_ok())));
    let statistics = setup.cache.statistics();
    // Whoever asked after the first listing had begun shares the next one: the first may have missed a change.
    assert!(statistics.listings <= 2, "{} listings", statistics.listings);
    assert_eq!(statistics.fetches, 1);
    // A poll that takes a recent answer asks nobody.
    let wanted = GitRef::Branch("main".into());
    setup.cache.resolve(&setup.url, &access, &wanted, Duration::from_secs(60)).await.unwrap();
    assert_eq!(setup.cache.statistics().listings, statistics.listings);
}

#[tokio::test]
async fn the_last_good_revision_outlives_the_server_and_its_history() {
    let Some(setup) = setup(false, Auth::none()).await else { return };
    let access = Access::default();
    let good = setup.main(&access).await.unwrap();
    // History is rewritten: the branch starts anew.
    setup.repository.git(&["update-ref", "-d", "refs/heads/main"]).unwrap();
    setup.repository.commit("main", "another start", &[Change::write("app.yaml", "rewritten")]).unwrap();
    setup.repository.git(&["reflog", "expire", "--expire=now", "--all"]).unwrap();
    setup.repository.git(&["gc", "--quiet", "--prune=now"]).unwrap();
    assert_eq!(setup.main(&access).await.unwrap().tree.read("app.yaml").unwrap(), "rewritten");
    // The branch goes away; then the server does.
    setup.repository.git(&["update-ref", "-d", "refs/heads/main"]).unwrap();
    assert!(matches!(setup.main(&access).await, Err(SourceError::RefNotFound { .. })));
    let Setup { folder, cache, url, server, .. } = setup;
    drop(server);
    drop(cache); // it holds a connection that the server's end does not close
    let cache = GitCache::new(folder.path(), Limits::default());
    let gone = cache.list(&url, &access, vec!["HEAD".into()], Duration::ZERO).await.unwrap_err();
    assert!(matches!(gone, SourceError::Unreachable { .. }) && gone.is_transient(), "{gone}");
    // Another process, later: it knows the revision from the object's status.
    let kept = cache.cached(&url, &good.revision).await.unwrap().unwrap();
    assert_eq!(kept.tree.read("app.yaml").unwrap(), "one");
    assert_eq!(kept.digest, good.digest);
}

#[tokio::test]
async fn a_known_commit_is_given_only_to_those_who_may_read() {
    let Some(setup) = setup(true, Auth::basic("me", "geheim")).await else { return };
    let good = setup.main(&setup.trusting(basic("me", "geheim"))).await.unwrap();
    let wanted = GitRef::Commit(good.revision.commit().to_owned());
    let stranger = setup.trusting(basic("stranger", "guess"));
    let error = setup.cache.artifact(&setup.url, &stranger, &wanted, Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, SourceError::AuthenticationFailed { .. }), "{error}");
}

#[tokio::test]
async fn sizes_are_limited_by_name() {
    let Some(setup) = setup(false, Auth::none()).await else { return };
    let noise: Vec<u8> = (0..50_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    setup.repository.commit("main", "large", &[Change::write("large.bin", noise)]).unwrap();
    let check = async |limits: Limits, expected: &str| {
        let folder = TempDir::new().unwrap();
        let cache = GitCache::new(folder.path(), limits);
        let wanted = GitRef::Branch("main".into());
        let error =
            cache.artifact(&setup.url, &Access::default(), &wanted, Duration::ZERO).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let limits = Limits::default();
    check(Limits { pack_bytes: 10_000, ..limits.clone() }, "more than the limit pack_bytes of 10000").await;
    check(
        Limits { total_bytes: 100_000, ..limits.clone() },
        "more than 100000 bytes in one object of the pack (limit total_bytes)",
    )
    .await;
    check(Limits { files: 1, ..limits.clone() }, "more than 1 files in the revision (limit files)").await;
    for number in 0..30 {
        let path = format!("files/{number}");
        setup.repository.commit("many", "more", &[Change::write(path, vec![b'x'; 10_000])]).unwrap();
    }
    setup.repository.git(&["update-ref", "refs/heads/main", "refs/heads/many"]).unwrap();
    let expected = "the files of the revision: 300000 bytes, more than the limit total_bytes of 200000";
    check(Limits { total_bytes: 200_000, ..limits.clone() }, expected).await;
    for number in 0..5 {
        setup.repository.git(&["branch", &format!("main-{number}"), "main"]).unwrap();
    }
    check(Limits { references: 3, ..limits }, "more than 3 references on the server (limit references)")
        .await;
}

#[tokio::test]
async fn a_web_page_is_no_repository() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(answer(
        listener,
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\nLogin".into(),
    ));
    let folder = TempDir::new().unwrap();
    let cache = GitCache::new(folder.path(), Limits::default());
    let url = GitUrl::parse(&format!("http://{address}/a")).unwrap();
    let error = cache.list(&url, &Access::default(), vec!["HEAD".into()], Duration::ZERO).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{url}: unexpected answer: text/html, which is no Git repository"));
    server.abort();
}

#[tokio::test]
async fn redirects_do_not_take_credentials_elsewhere() {
    let Some(setup) = setup(false, Auth::none()).await else { return };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let target = format!("{}/info/refs?service=git-upload-pack", setup.url);
    let redirect = format!("HTTP/1.1 301 Moved\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
    let server = tokio::spawn(answer(listener, redirect));
    let url = GitUrl::parse(&format!("http://{address}/old-name")).unwrap();
    let access = Access {
        credentials: basic("me", "geheim"),
        allow_plain_http_credentials: true,
        ..Access::default()
    };
    let artifact =
        setup.cache.artifact(&url, &access, &GitRef::Branch("main".into()), Duration::ZERO).await.unwrap();
    assert_eq!(artifact.tree.read("app.yaml").unwrap(), "one");
    server.abort();

    // The target refuses; had it seen the credentials, it would have accepted them.
    let closed = self::setup(false, Auth::basic("me", "geheim")).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let target = format!("{}/info/refs?service=git-upload-pack", closed.url);
    let redirect = format!("HTTP/1.1 301 Moved\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
    let server = tokio::spawn(answer(listener, redirect));
    let url = GitUrl::parse(&format!("http://{address}/old-name")).unwrap();
    let error = closed.cache.artifact(&url, &access, &GitRef::Head, Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, SourceError::AuthenticationFailed { .. }), "{error}");
    server.abort();
}

/// Gives the same answer to everyone.
async fn answer(listener: tokio::net::TcpListener, answer: String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

#[tokio::test]
async fn a_proxy_is_asked_instead() {
    let proxy = crate::web::Web::start(|_, _| crate::web::status(404)).await;
    let folder = TempDir::new().unwrap();
    let cache = GitCache::new(folder.path(), Limits::default());
    let url = GitUrl::parse("http://host.invalid/apps").unwrap();
    let access = Access { proxy: Some(proxy.url()), ..Access::default() };
    let error = cache.list(&url, &access, vec!["HEAD".into()], Duration::ZERO).await.unwrap_err();
    assert_eq!(error, SourceError::RepositoryNotFound { url: url.to_string() });
    assert_eq!(proxy.take_requests().len(), 1);
    let error = cache.list(&url, &Access::default(), vec!["HEAD".into()], Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
}

/// The daemon's protocol, with a daemon for each connection as under inetd.
#[tokio::test]
async fn the_git_daemon() {
    let repositories = Repositories::new().unwrap();
    let repository = repositories.create("apps").unwrap();
    repository.commit("main", "first", &[Change::write("app.yaml", "one")]).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = stream.into_std().unwrap();
            stream.set_nonblocking(false).unwrap();
            let output = std::os::fd::OwnedFd::from(stream.try_clone().unwrap());
            let mut daemon = tokio::process::Command::new("git");
            daemon
                .args(["daemon", "--inetd", "--export-all"])
                .stdin(std::os::fd::OwnedFd::from(stream))
                .stdout(output);
            let mut daemon = daemon.spawn().unwrap();
            tokio::spawn(async move { daemon.wait().await });
        }
    });
    let folder = TempDir::new().unwrap();
    let cache = GitCache::new(folder.path(), Limits::default());
    let url = |path: &str| GitUrl::parse(&format!("git://{address}{path}")).unwrap();
    let here = url(repository.path().to_str().unwrap());
    let artifact = cache.artifact(&here, &Access::default(), &GitRef::Head, Duration::ZERO).await.unwrap();
    assert_eq!(artifact.tree.read("app.yaml").unwrap(), "one");
    let error = cache
        .list(&url("/nothing"), &Access::default(), vec!["HEAD".into()], Duration::ZERO)
        .await
        .unwrap_err();
    assert!(
        matches!(error, SourceError::RepositoryNotFound { .. } | SourceError::Protocol { .. }),
        "{error}"
    );
    server.abort();
}

#[tokio::test]
async fn a_slow_server_is_given_up_and_its_repository_is_free_for_others() {
    let Some(setup) = setup(false, Auth::none()).await else { return };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let url = GitUrl::parse(&format!("http://{address}/apps")).unwrap();
    let access = Access { timeout: Some(Duration::from_millis(300)), ..Access::default() };
    let cache = GitCache::new(setup.folder.path(), Limits { concurrent: 1, ..Limits::default() });
    let error = cache.artifact(&url, &access, &GitRef::Head, Duration::ZERO).await.unwrap_err();
    assert_eq!(error, SourceError::TimedOut { url: url.to_string(), after: Duration::from_millis(300) });
    // With one network operation at a time, this waits until the other has really ended.
    cache.artifact(&setup.url, &Access::default(), &GitRef::Head, Duration::ZERO).await.unwrap();
    silent.abort();
}
