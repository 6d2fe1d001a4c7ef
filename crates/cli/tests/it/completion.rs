use crate::environment::run_in;
use tokio_util::sync::CancellationToken;

#[test]
fn every_command_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = run_in(folder.path(), &["completion", shell], &CancellationToken::new());
        assert!(run.stdout.contains("kustomize") && run.stdout.contains("reconcile"), "{shell}");
    }
}
