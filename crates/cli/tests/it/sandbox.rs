use crate::environment::{TestEnvironment, run_in};
use tokio_util::sync::CancellationToken;

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
