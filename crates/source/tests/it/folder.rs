use crate::fixture::{Origin, needs_git};
use holdfast_source::{Artifact, Follow, Limits, LocalFolder, SourceError, Watch};
use holdfast_tree::FileTree as _;
use std::time::Duration;

async fn next(watch: &mut Watch) -> Artifact {
    tokio::time::timeout(Duration::from_secs(20), watch.changed())
        .await
        .expect("a change within 20 s")
        .unwrap()
}

async fn quiet(watch: &mut Watch) -> bool {
    tokio::time::timeout(Duration::from_millis(300), watch.changed()).await.is_err()
}

#[tokio::test]
async fn a_checkout_is_read_at_its_last_commit() {
    needs_git!();
    let origin = Origin::new();
    origin.write("clusters/dev/app.yaml", "committed");
    let commit = origin.commit("first");
    origin.write("clusters/dev/app.yaml", "not committed");
    let folder = LocalFolder::open(&origin.path().join("clusters/dev")).unwrap();
    assert_eq!(folder.prefix(), "clusters/dev");
    let artifact = folder.artifact(Follow::Commits, &Limits::default()).unwrap();
    assert_eq!(artifact.revision.to_string(), format!("main@sha1:{commit}"));
    assert_eq!(artifact.tree.read("clusters/dev/app.yaml").unwrap(), "committed");
    let artifact = folder.artifact(Follow::Files, &Limits::default()).unwrap();
    assert_eq!(artifact.tree.read("clusters/dev/app.yaml").unwrap(), "not committed");
}

#[tokio::test]
async fn a_commit_is_noticed_and_other_writes_are_not() {
    needs_git!();
    let origin = Origin::new();
    origin.write("app.yaml", "1");
    origin.commit("first");
    let folder = LocalFolder::open(origin.path()).unwrap();
    let mut watch = folder.watch(Follow::Commits, &Limits::default()).unwrap();
    origin.write("app.yaml", "2");
    origin.git(&["add", "--all"]);
    assert!(quiet(&mut watch).await);
    let commit = origin.commit("second");
    assert_eq!(next(&mut watch).await.revision.commit(), commit);
    origin.git(&["checkout", "--quiet", "-b", "feature/x"]);
    assert_eq!(next(&mut watch).await.revision.name(), "feature/x");
    let commit = origin.commit("third");
    assert_eq!(next(&mut watch).await.revision.commit(), commit);
    origin.git(&["gc", "--quiet"]);
    assert!(quiet(&mut watch).await, "packed references are the same references");
    let commit = origin.commit("after packing");
    assert_eq!(next(&mut watch).await.revision.commit(), commit);
}

#[tokio::test]
async fn a_linked_work_tree_has_branches_elsewhere() {
    needs_git!();
    let origin = Origin::new();
    origin.commit("first");
    let linked = tempfile::TempDir::new().unwrap();
    let path = linked.path().join("linked");
    origin.git(&["worktree", "add", "--quiet", "-b", "side", path.to_str().unwrap()]);
    let folder = LocalFolder::open(&path).unwrap();
    let mut watch = folder.watch(Follow::Commits, &Limits::default()).unwrap();
    let commit =
        crate::fixture::git_in(&path, &["commit", "--quiet", "--allow-empty", "-m", "x"], "1700001000 +0000");
    assert_eq!(commit, "");
    let artifact = next(&mut watch).await;
    assert_eq!(artifact.revision.name(), "side");
    assert_eq!(artifact.commit.unwrap().subject, "x");
}

#[tokio::test]
async fn files_are_followed_without_git_and_without_what_is_ignored() {
    let folder = tempfile::TempDir::new().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(".gitignore", "*.log\nbuild/\n");
    write("app.yaml", "1");
    write("build/out.yaml", "");
    let local = LocalFolder::open(folder.path()).unwrap();
    assert!(!local.is_checkout());
    let artifact = local.artifact(Follow::Files, &Limits::default()).unwrap();
    let names: Vec<_> = artifact.tree.list("").unwrap().into_iter().map(|n| n.name).collect();
    assert_eq!(names, [".gitignore", "app.yaml"]);
    assert!(matches!(
        local.artifact(Follow::Commits, &Limits::default()),
        Err(SourceError::RepositoryNotFound { .. })
    ));

    let mut watch = local.watch(Follow::Files, &Limits::default()).unwrap();
    write("debug.log", "noise");
    write("build/other.yaml", "noise");
    assert!(quiet(&mut watch).await);
    write("new/folder/b.yaml", "2");
    let artifact = next(&mut watch).await;
    assert_eq!(artifact.tree.read("new/folder/b.yaml").unwrap(), "2");
    write("new/folder/b.yaml", "3");
    assert_eq!(next(&mut watch).await.tree.read("new/folder/b.yaml").unwrap(), "3");
    // Back to what it was is a change, too; the same content again is none.
    let before = artifact.revision.clone();
    write("new/folder/b.yaml", "2");
    assert_eq!(next(&mut watch).await.revision, before);
    write("new/folder/b.yaml", "2");
    assert!(quiet(&mut watch).await);
    // A folder that is deleted and made again is followed like any other.
    std::fs::remove_dir_all(folder.path().join("new")).unwrap();
    write("new/folder/c.yaml", "4");
    let artifact = next(&mut watch).await;
    assert!(artifact.tree.read("new/folder/b.yaml").is_err());
    write("new/folder/c.yaml", "5");
    while next(&mut watch).await.tree.read("new/folder/c.yaml").unwrap() != "5" {}
}

#[tokio::test]
async fn tracked_files_are_there_in_spite_of_gitignore() {
    needs_git!();
    let origin = Origin::new();
    origin.write("values.local", "tracked");
    origin.commit("first");
    origin.write(".gitignore", "*.local\n");
    origin.write("other.local", "ignored");
    let folder = LocalFolder::open(origin.path()).unwrap();
    let artifact = folder.artifact(Follow::Files, &Limits::default()).unwrap();
    let names: Vec<_> = artifact.tree.list("").unwrap().into_iter().map(|n| n.name).collect();
    assert_eq!(names, [".gitignore", "values.local"]);
}

#[tokio::test]
async fn a_folder_has_limits() {
    let folder = tempfile::TempDir::new().unwrap();
    for number in 0..5 {
        std::fs::write(folder.path().join(number.to_string()), "0123456789").unwrap();
    }
    let local = LocalFolder::open(folder.path()).unwrap();
    let error = |limits: Limits| local.artifact(Follow::Files, &limits).unwrap_err().to_string();
    assert!(error(Limits { files: 3, ..Limits::default() }).contains("(limit files)"));
    assert!(error(Limits { total_bytes: 30, ..Limits::default() }).contains("limit total_bytes of 30"));
    // A file over the size limit is listed; only who reads it is refused.
    let limits = Limits { file_bytes: 5, ..Limits::default() };
    let artifact = local.artifact(Follow::Files, &limits).unwrap();
    assert_eq!(artifact.tree.list("").unwrap().len(), 5);
    assert!(artifact.tree.read("1").is_err());
}
