//! What every command says when there is no cluster.

use crate::environment::run_in;
use tokio_util::sync::CancellationToken;

#[test]
fn a_cluster_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_in(folder.path(), &["get", "--kubeconfig", "absent"], &CancellationToken::new());
    assert_eq!(run.status, 3);
    assert!(run.stderr.contains("--kubeconfig FILE"), "{run}");
}
