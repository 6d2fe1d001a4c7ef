//! A real `kubectl` against the sandbox on a socket; skipped visibly without one on the machine.

use crate::support::Api;
use holdfast_sandbox::Sandbox;
use std::path::Path;
use std::process::Command;

/// The program: `HOLDFAST_KUBECTL`, or `kubectl` where it is found.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn program() -> Option<String> {
    let name = std::env::var("HOLDFAST_KUBECTL").unwrap_or_else(|_| "kubectl".into());
    let found = Command::new(&name).args(["version", "--client"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(name);
    }
    eprintln!("skipped: no kubectl on this machine");
    None
}

/// Runs one command line; what it printed and whether it succeeded.
async fn kubectl(program: &str, kubeconfig: &Path, line: &str) -> (bool, String) {
    let mut command = Command::new(program);
    command
        .args(line.split(' '))
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", kubeconfig.parent().unwrap_or(kubeconfig));
    let output =
        tokio::task::spawn_blocking(move || command.output()).await.expect("a task").expect("a process");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

const MANIFEST: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: 'nginx:1'}]}
";

async fn serve(sandbox: &Sandbox, folder: &Path) -> (holdfast_sandbox::Listening, std::path::PathBuf) {
    let listening = sandbox.listen("127.0.0.1:0".parse().expect("an address")).await.expect("a socket");
    let kubeconfig = folder.join("kubeconfig");
    std::fs::write(&kubeconfig, sandbox.kubeconfig(listening.addr)).expect("a file");
    (listening, kubeconfig)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_with_kubectl() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let api = Api::start();
    let (_listening, kubeconfig) = serve(&api.sandbox, folder.path()).await;
    let manifest = folder.path().join("web.yaml");
    std::fs::write(&manifest, MANIFEST).expect("a file");
    let file = manifest.display().to_string();
    // What each command line must print.
    for (line, expected) in [
        ("apply -f FILE", "deployment.apps/web created"),
        ("rollout status deploy/web --timeout=30s", "successfully rolled out"),
        ("get deploy web -o wide", "2/2"),
        ("describe deploy web", "NewReplicaSetAvailable"),
        ("diff -f FILE", ""),
        ("apply -f FILE", "deployment.apps/web unchanged"),
        ("scale deploy web --replicas=3", "scaled"),
        ("wait --for=jsonpath={.status.readyReplicas}=3 deploy/web --timeout=30s", "condition met"),
        ("rollout restart deploy/web", "restarted"),
        ("rollout status deploy/web --timeout=60s", "successfully rolled out"),
        ("label deploy web x=y", "labeled"),
        ("annotate deploy web x=y", "annotated"),
        ("patch deploy web -p {\"spec\":{\"replicas\":1}}", "patched"),
        ("apply --server-side --force-conflicts -f FILE", "serverside-applied"),
        ("create ns other", "namespace/other created"),
        ("create configmap cm --from-literal=a=b", "configmap/cm created"),
        ("auth can-i create pods", "yes"),
        ("explain deployment.spec.strategy", "rollingUpdate"),
        ("api-resources --api-group=apps", "deployments"),
        ("delete -f FILE", "deleted"),
        ("delete ns other", "deleted"),
    ] {
        let (succeeded, text) = kubectl(&program, &kubeconfig, &line.replace("FILE", &file)).await;
        assert!(succeeded && text.contains(expected), "kubectl {line}: {text}");
    }
}

/// kubectl finds in OpenAPI v3 what it needs, and asks for v2 nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_asks_for_the_older_description() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let api = Api::start();
    let (_listening, kubeconfig) = serve(&api.sandbox, folder.path()).await;
    let manifest = folder.path().join("web.yaml");
    std::fs::write(&manifest, MANIFEST).expect("a file");
    let file = manifest.display().to_string();
    for line in [
        "apply -f FILE -v=6",
        "apply -f FILE --validate=true -v=6",
        "diff -f FILE -v=6",
        "replace -f FILE -v=6",
        "set image deploy/web c=nginx:2 -v=6",
        "apply -f FILE -v=6",
        "explain deployment.spec -v=6",
    ] {
        let (succeeded, text) = kubectl(&program, &kubeconfig, &line.replace("FILE", &file)).await;
        assert!(succeeded && text.contains("/apis/apps/v1"), "kubectl {line}: {text}");
        assert!(!text.contains("/openapi/v2"), "kubectl {line}: {text}");
    }
}
