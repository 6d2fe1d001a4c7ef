//! Commands that need no cluster, and the sandbox itself.

use crate::environment::{TestEnvironment, run_in};
use insta::assert_snapshot;
use tokio_util::sync::CancellationToken;

#[test]
fn the_version_says_what_is_reproduced() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| run_in(folder.path(), arguments, &CancellationToken::new());
    assert_snapshot!(run(&["version"]), @"holdfast 0.1.0 (behaves as kustomize 5.8.1, helm 3.22, flux 2.9.4, argo-cd 3.6)");
    assert_snapshot!(run(&["version", "-o", "name"]), @"0.1.0");
}

#[test]
fn every_command_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = run_in(folder.path(), &["completion", shell], &CancellationToken::new());
        assert!(run.stdout.contains("kustomize") && run.stdout.contains("reconcile"), "{shell}");
    }
}

#[test]
fn a_cluster_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &["get", "--kubeconfig", "absent"], &CancellationToken::new());
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("--kubeconfig FILE"), "{run}");
}

#[test]
fn a_sandbox_ends_when_it_is_told_to_and_spares_foreign_files() {
    let env = TestEnvironment::new();
    let stop = CancellationToken::new();
    stop.cancel();
    let run = run_in(env.folder.path(), &["sandbox", "--kubeconfig", "sandbox.yaml"], &stop);
    assert_eq!(run.status, 0, "{run}");
    let text = std::fs::read_to_string(env.folder.path().join("sandbox.yaml")).unwrap();
    assert!(text.contains("server: http://127.0.0.1:"));
    env.write("own.yaml", "current-context: production\n");
    let run = run_in(env.folder.path(), &["sandbox", "--kubeconfig", "own.yaml"], &stop);
    assert_eq!(run.status, 2);
    assert!(run.stderr.contains("is no sandbox's kubeconfig"), "{run}");
}
