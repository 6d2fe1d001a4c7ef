//! SSH with a stand-in for the program, which shows what it is given and which protocol versions are understood.

use crate::fixture::{Origin, fake_ssh, needs_git};
use holdfast_source::{Access, Credentials, GitCache, GitRef, GitUrl, Limits, SourceError};
use holdfast_tree::FileTree as _;
use std::time::Duration;
use tempfile::TempDir;

fn key() -> Access {
    let credentials = Credentials::Ssh {
        identity: "-----BEGIN OPENSSH PRIVATE KEY-----\nnot a real one\n-----END OPENSSH PRIVATE KEY-----"
            .into(),
        known_hosts: "host ssh-ed25519 AAAA".into(),
        passphrase: None,
    };
    Access { credentials, ..Access::default() }
}

struct Setup {
    origin: Origin,
    folder: TempDir,
    cache: GitCache,
    url: GitUrl,
}

fn setup(version: &str) -> Setup {
    let (origin, folder) = (Origin::new(), TempDir::new().unwrap());
    let ssh = fake_ssh(folder.path(), version);
    let cache = GitCache::with_ssh(folder.path().join("cache"), Limits::default(), ssh);
    let url = GitUrl::parse(&format!("ssh://git@host:2222{}", origin.path().display())).unwrap();
    Setup { origin, folder, cache, url }
}

/// With protocol 2, and with the old one that servers fall back to when they do not accept `GIT_PROTOCOL`.
#[tokio::test]
async fn one_commit_is_fetched_whatever_the_history() {
    needs_git!();
    for version in ["version=2", ""] {
        let setup = setup(version);
        for number in 0..50 {
            setup.origin.write("app.yaml", &format!("number: {number}\n{}", "filler ".repeat(number)));
            setup.origin.write(&format!("noise/{number}"), &format!("{:x?}", [number * 7919; 400]));
            setup.origin.commit(&format!("commit {number}"));
        }
        std::fs::remove_dir_all(setup.origin.path().join("noise")).unwrap();
        let last = setup.origin.commit("last");
        let artifact = setup
            .cache
            .artifact(&setup.url, &key(), &GitRef::Branch("main".into()), Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(artifact.revision.to_string(), format!("main@sha1:{last}"), "{version:?}");
        assert!(artifact.tree.read("app.yaml").unwrap().starts_with(b"number: 49"));
        assert_eq!(artifact.tree.list("").unwrap().len(), 1);
        let statistics = setup.cache.statistics();
        assert!(statistics.bytes < 3000, "{version:?}: {} bytes for one small commit", statistics.bytes);

        // The next commit comes as what it adds.
        setup.origin.write("other.yaml", "small");
        setup.origin.commit("one more");
        let artifact = setup
            .cache
            .artifact(&setup.url, &key(), &GitRef::Branch("main".into()), Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(artifact.tree.list("").unwrap().len(), 2);
        assert!(artifact.tree.read("app.yaml").unwrap().starts_with(b"number: 49"));

        // Nothing new: a listing, no fetch.
        let before = setup.cache.statistics();
        setup
            .cache
            .artifact(&setup.url, &key(), &GitRef::Branch("main".into()), Duration::ZERO)
            .await
            .unwrap();
        let after = setup.cache.statistics();
        assert_eq!((after.fetches, after.listings), (before.fetches, before.listings + 1));
        let calls = std::fs::read_to_string(setup.folder.path().join("ssh-calls")).unwrap();
        assert_eq!(calls.lines().count(), 5, "three listings and two fetches");
        assert!(
            calls.lines().all(
                |c| c.starts_with("-F /dev/null") && c.contains("-p 2222 -l git -- host git-upload-pack")
            )
        );
    }
}

#[tokio::test]
async fn a_commit_by_its_hash() {
    needs_git!();
    for version in ["version=2", ""] {
        let setup = setup(version);
        setup.origin.write("a", "1");
        let old = setup.origin.commit("old");
        setup.origin.write("a", "2");
        setup.origin.commit("new");
        // A server of the old protocol gives out tips only: then everything is fetched, once.
        let wanted = GitRef::Commit(old.clone());
        let artifact = setup.cache.artifact(&setup.url, &key(), &wanted, Duration::ZERO).await.unwrap();
        assert_eq!(artifact.tree.read("a").unwrap(), "1", "{version:?}");
        let before = setup.cache.statistics();
        setup.cache.artifact(&setup.url, &key(), &wanted, Duration::ZERO).await.unwrap();
        assert_eq!(setup.cache.statistics(), before, "a known commit costs nothing");
        let missing = GitRef::Commit("f".repeat(40));
        let error = setup.cache.artifact(&setup.url, &key(), &missing, Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, SourceError::RefNotFound { .. }), "{version:?}: {error}");
    }
}

#[tokio::test]
async fn a_commit_has_to_lie_on_its_branch() {
    needs_git!();
    let setup = setup("version=2");
    let on_main = setup.origin.commit("on main");
    setup.origin.commit("later");
    setup.origin.git(&["checkout", "--quiet", "-b", "other"]);
    let on_other = setup.origin.commit("on other");
    let wanted = |commit: &str| GitRef::BranchCommit { branch: "main".into(), commit: commit.to_owned() };
    let artifact = setup.cache.artifact(&setup.url, &key(), &wanted(&on_main), Duration::ZERO).await.unwrap();
    assert_eq!(artifact.revision.to_string(), format!("main@sha1:{on_main}"));
    let error =
        setup.cache.artifact(&setup.url, &key(), &wanted(&on_other), Duration::ZERO).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{}: commit {on_other} on branch \"main\" not found", setup.url));
}

#[tokio::test]
async fn what_cannot_work_is_said_before_connecting() {
    let folder = TempDir::new().unwrap();
    let cache = GitCache::with_ssh(folder.path(), Limits::default(), "/nonexistent/ssh");
    let url = GitUrl::parse("git@host:repo.git").unwrap();
    let error = async |access: Access| {
        cache.list(&url, &access, vec!["HEAD".into()], Duration::ZERO).await.unwrap_err().to_string()
    };
    assert_eq!(
        error(Access::default()).await,
        "the credentials for git@host:repo.git cannot be used: an SSH address needs a key (identity) and known_hosts"
    );
    let no_hosts =
        Credentials::Ssh { identity: "PRIVATE KEY".into(), known_hosts: " ".into(), passphrase: None };
    assert_eq!(
        error(Access { credentials: no_hosts, ..Access::default() }).await,
        "the credentials for git@host:repo.git cannot be used: known_hosts is missing: the server could not be recognised"
    );
    assert_eq!(error(key()).await, "cannot start /nonexistent/ssh: No such file or directory (os error 2)");
}

#[tokio::test]
async fn a_server_that_is_silent_is_given_up() {
    needs_git!();
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("silent");
    std::fs::write(&program, "#!/bin/sh\nexec sleep 60\n").unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let cache = GitCache::with_ssh(folder.path(), Limits::default(), program);
    let url = GitUrl::parse("git@host:repo.git").unwrap();
    let access = Access { timeout: Some(Duration::from_millis(200)), ..key() };
    let error = cache.list(&url, &access, vec!["HEAD".into()], Duration::ZERO).await.unwrap_err();
    assert_eq!(error, SourceError::TimedOut { url: url.to_string(), after: Duration::from_millis(200) });
}
