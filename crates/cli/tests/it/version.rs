use crate::environment::run_in;
use insta::assert_snapshot;
use tokio_util::sync::CancellationToken;

#[test]
fn the_version_says_what_is_reproduced() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run_in(folder.path(), arguments, &CancellationToken::new());
    assert_snapshot!(run(&["version"]), @"holdfast 0.1.0 (behaves as kustomize 5.8.1, helm 3.22, flux 2.9.4, argo-cd 3.6)");
    assert_snapshot!(run(&["version", "-o", "name"]), @"0.1.0");
}
