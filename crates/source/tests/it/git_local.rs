use crate::fixture::{Origin, needs_git};
use holdfast_source::{Access, GitCache, GitRef, GitUrl, Limits, SourceError};
use holdfast_tree::{Entry, FileTree as _, TreeError, resolve};
use std::time::Duration;

fn cache() -> (tempfile::TempDir, GitCache) {
    let folder = tempfile::TempDir::new().unwrap();
    let cache = GitCache::new(folder.path(), Limits { file_bytes: 1000, ..Limits::default() });
    (folder, cache)
}

#[tokio::test]
async fn a_commit_is_read_without_a_checkout() {
    needs_git!();
    let origin = Origin::new();
    origin.write("apps/web/deployment.yaml", "kind: Deployment\n");
    origin.write("apps/web/run.sh", "#!/bin/sh\n");
    origin.write("big.bin", &"x".repeat(2000));
    std::os::unix::fs::symlink("web", origin.path().join("apps/link")).unwrap();
    std::os::unix::fs::symlink("../../etc/passwd", origin.path().join("apps/out")).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(origin.path().join("apps/web/run.sh"), executable).unwrap();
    let commit = origin.commit("Add the web app\n\nWith a body.");
    // What is not committed is not there.
    origin.write("apps/web/later.yaml", "");

    let (_folder, cache) = cache();
    let url = GitUrl::local(origin.path());
    let artifact = cache.artifact(&url, &Access::default(), &GitRef::Head, Duration::ZERO).await.unwrap();
    assert_eq!(artifact.revision.to_string(), format!("main@sha1:{commit}"));
    let described = artifact.commit.clone().unwrap();
    assert_eq!(
        (described.subject.as_str(), described.author.as_str()),
        ("Add the web app", "Ada <ada@example.org>")
    );
    assert!(described.time > 1_700_000_000 && described.parents.is_empty() && !described.signed);

    let tree = &artifact.tree;
    let names = |path: &str| tree.list(path).unwrap().into_iter().map(|n| n.name).collect::<Vec<_>>();
    assert_eq!(names(""), ["apps", "big.bin"]);
    assert_eq!(names("apps/web"), ["deployment.yaml", "run.sh"]);
    assert_eq!(tree.read("apps/web/deployment.yaml").unwrap(), "kind: Deployment\n");
    assert_eq!(tree.entry("apps/web/run.sh").unwrap(), Some(Entry::File { size: 10, executable: true }));
    assert_eq!(tree.entry("apps/link").unwrap(), Some(Entry::Symlink { target: "web".into() }));
    assert_eq!(resolve(tree, "apps/link/run.sh").unwrap().path, "apps/web/run.sh");
    assert!(matches!(resolve(tree, "apps/out"), Err(TreeError::Escapes(_))));
    assert_eq!(tree.entry("apps/web/later.yaml").unwrap(), None);
    assert_eq!(tree.read("apps"), Err(TreeError::NotAFile("apps".into())));
    assert_eq!(tree.list("big.bin"), Err(TreeError::NotAFolder("big.bin".into())));
    assert_eq!(tree.read("nope"), Err(TreeError::NotFound("nope".into())));
    assert_eq!(
        tree.read("big.bin"),
        Err(TreeError::TooLarge { path: "big.bin".into(), size: 2000, limit: 1000 })
    );
}

#[tokio::test]
async fn subtree_hashes_change_only_with_their_files() {
    needs_git!();
    let origin = Origin::new();
    origin.write("a/x.yaml", "1");
    origin.write("b/y.yaml", "1");
    origin.commit("one");
    let (_folder, cache) = cache();
    let url = GitUrl::local(origin.path());
    let head =
        async || cache.artifact(&url, &Access::default(), &GitRef::Head, Duration::ZERO).await.unwrap();
    let before = head().await;
    origin.write("b/y.yaml", "2");
    origin.commit("two");
    let after = head().await;
    let hash = |artifact: &holdfast_source::Artifact, path: &str| artifact.tree.subtree_hash(path).unwrap();
    assert_eq!(hash(&before, "a"), hash(&after, "a"));
    assert_eq!(hash(&before, "a/x.yaml"), hash(&after, "a/x.yaml"));
    assert_ne!(hash(&before, "b"), hash(&after, "b"));
    assert_ne!(hash(&before, ""), hash(&after, ""));
    assert_ne!(before.digest, after.digest);
    origin.git(&["update-index", "--chmod=+x", "a/x.yaml"]);
    origin.git(&["commit", "--quiet", "-m", "executable"]);
    assert_ne!(hash(&head().await, "a/x.yaml"), hash(&after, "a/x.yaml"));
    assert_eq!(before.tree.subtree_hash("nope"), None);
}

#[tokio::test]
async fn branches_tags_versions_and_commits() {
    needs_git!();
    let origin = Origin::new();
    let first = origin.commit("first");
    origin.git(&["tag", "v1.0.0"]);
    origin.git(&["tag", "-a", "v1.1.0", "-m", "annotated"]);
    let second = origin.commit("second");
    origin.git(&["branch", "feature/x"]);
    let (_folder, cache) = cache();
    let url = GitUrl::local(origin.path());
    let check = async |wanted: GitRef, expected: Result<String, &str>| {
        let found = cache.artifact(&url, &Access::default(), &wanted, Duration::ZERO).await;
        match (found, expected) {
            (Ok(artifact), Ok(revision)) => assert_eq!(artifact.revision.to_string(), revision),
            (Err(SourceError::RefNotFound { reference, .. }), Err(expected)) => {
                assert_eq!(reference, expected)
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}"),
        }
    };
    check(GitRef::Branch("feature/x".into()), Ok(format!("feature/x@sha1:{second}"))).await;
    check(GitRef::Tag("v1.1.0".into()), Ok(format!("v1.1.0@sha1:{first}"))).await;
    check(GitRef::Semver("^1".parse().unwrap()), Ok(format!("v1.1.0@sha1:{first}"))).await;
    check(GitRef::Commit(first.clone()), Ok(format!("sha1:{first}"))).await;
    check(GitRef::Name("refs/heads/main".into()), Ok(format!("refs/heads/main@sha1:{second}"))).await;
    check(GitRef::Branch("nope".into()), Err("branch \"nope\"")).await;
    check(GitRef::Semver("^2".parse().unwrap()), Err("a tag in the version range \"^2\"")).await;
    let missing = "f".repeat(40);
    check(GitRef::Commit(missing.clone()), Err(&format!("commit {missing}"))).await;
}

#[tokio::test]
async fn a_folder_without_a_repository() {
    let (folder, cache) = cache();
    let url = GitUrl::local(folder.path());
    let error = cache.artifact(&url, &Access::default(), &GitRef::Head, Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, SourceError::RepositoryNotFound { .. }), "{error}");
}

#[tokio::test]
async fn a_few_objects_that_make_billions_of_files_are_refused() {
    needs_git!();
    let origin = Origin::new();
    origin.write("0", "x");
    origin.git(&["add", "--all"]);
    let mut tree = origin.git(&["write-tree"]);
    for _ in 0..12 {
        let entries: String = (0..10).map(|n| format!("040000 tree {tree}\t{n}\n")).collect();
        std::fs::write(origin.path().join("entries"), entries).unwrap();
        tree = origin.git(&["-c", "alias.mk=!git mktree < entries", "mk"]);
    }
    let commit = origin.git(&["commit-tree", "-m", "bomb", &tree]);
    origin.git(&["branch", "bomb", &commit]);
    let (_folder, cache) = cache();
    let url = GitUrl::local(origin.path());
    let wanted = GitRef::Branch("bomb".into());
    let error = cache.artifact(&url, &Access::default(), &wanted, Duration::ZERO).await.unwrap_err();
    assert_eq!(error.to_string(), "more than 500000 files in the revision (limit files)");
}

#[tokio::test]
async fn a_commit_has_to_lie_on_its_branch_here_too() {
    needs_git!();
    let origin = Origin::new();
    let on_main = origin.commit("on main");
    origin.git(&["checkout", "--quiet", "-b", "other"]);
    let on_other = origin.commit("on other");
    let (_folder, cache) = cache();
    let url = GitUrl::local(origin.path());
    let at = async |branch: &str, commit: &str| {
        let wanted = GitRef::BranchCommit { branch: branch.into(), commit: commit.into() };
        cache.artifact(&url, &Access::default(), &wanted, Duration::ZERO).await
    };
    assert!(at("main", &on_main).await.is_ok() && at("other", &on_main).await.is_ok());
    assert!(matches!(at("main", &on_other).await, Err(SourceError::RefNotFound { .. })));
    assert!(matches!(at("nope", &on_main).await, Err(SourceError::RefNotFound { .. })));
}
