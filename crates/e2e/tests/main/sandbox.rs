//! `holdfast sandbox` as people use it: the command, the file that it writes, and the real clients.

use crate::process::Holdfast;
use holdfast_testcluster::program;
use std::ffi::OsStr;

/// kubectl and helm say the same about a sandbox as about a real control plane.
#[tokio::test]
async fn kubectl_and_helm_see_no_difference() {
    if program::for_tests().unwrap().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["sandbox", "--rbac", "--listen", "127.0.0.1:0", "--kubeconfig", "kubeconfig"];
    let mut sandbox = Holdfast::start_in(folder.path(), &arguments.map(OsStr::new));
    sandbox.until_says("kubectl --kubeconfig kubeconfig").await;
    let kubeconfig = folder.path().join("kubeconfig");
    let Some(findings) = holdfast_contract::transcripts(None, Some(&kubeconfig)).await.unwrap() else {
        return;
    };
    assert!(findings.is_empty(), "{}", findings.join("\n\n"));
    assert!(sandbox.stop().await.success());
}
