//! A cluster, a folder and a time of a test's own.

use holdfast_cli::{Environment, Invocation};
use holdfast_cluster::{ApiRequest, Cluster, Kubeconfig, PatchKind};
use holdfast_object::{Object, Value, json};
use holdfast_sandbox::{Listening, Options, Sandbox};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// A sandbox that listens, with the definitions of Flux and Argo CD, and a folder to call commands in.
pub(crate) struct TestEnvironment {
    pub(crate) folder: TempDir,
    pub(crate) cluster: Cluster,
    runtime: Runtime,
    _sandbox: Sandbox,
    _listening: Listening,
}

/// What a command printed, and its status.
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: u8,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The sandbox runs on the wall's clock; the fixtures' times are all of one morning.
        let time = regex::Regex::new(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z").map_err(|_| fmt::Error)?;
        let masked = time.replace_all(&self.stdout, |found: &regex::Captures<'_>| match &found[0] {
            fixture if fixture.starts_with("2026-01-01T") => fixture.to_owned(),
            _ => "<now>".to_owned(),
        });
        f.write_str(&masked)?;
        if !self.stderr.is_empty() {
            write!(f, "--- standard error\n{}", self.stderr)?;
        }
        if self.status != 0 {
            writeln!(f, "--- status {}", self.status)?;
        }
        Ok(())
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Runs a command in a folder, without a cluster of its own.
pub(crate) fn run_in(folder: &Path, arguments: &[&str], stop: &CancellationToken) -> Run {
    let (stdout, stderr) = (Shared::default(), Shared::default());
    let environment = Environment {
        stdin: Box::new(std::io::empty()),
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(stderr.clone()),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        variables: BTreeMap::from([("XDG_CACHE_HOME".into(), folder.join("cache").display().to_string())]),
        folder: folder.to_owned(),
        now: || "2026-01-01T12:00:00Z".parse().unwrap(),
        stop: stop.clone(),
        listens_to_signals: false,
    };
    let arguments = std::iter::once("holdfast").chain(arguments.iter().copied()).map(Into::into);
    let status = match Invocation::parse(arguments, &environment) {
        Ok(invocation) => invocation.status(environment),
        Err(_) => 2,
    };
    Run { stdout: stdout.text(), stderr: stderr.text(), status }
}

impl TestEnvironment {
    pub(crate) fn new() -> Self {
        // Another test of this process may have been first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        let (sandbox, listening, cluster) = runtime.block_on(async {
            let sandbox = Sandbox::start(Options { simulate_workloads: false, ..Options::default() });
            let listening = sandbox.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
            std::fs::write(&file, sandbox.kubeconfig(listening.addr)).unwrap();
            let from = Kubeconfig { file: Some(file), context: None };
            let cluster = Cluster::connect(&from).await.unwrap();
            holdfast_platform::install_definitions(&cluster).await.unwrap();
            (sandbox, listening, cluster)
        });
        Self { folder, cluster, runtime, _sandbox: sandbox, _listening: listening }
    }

    /// Runs a command against the sandbox.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_until(arguments, &CancellationToken::new())
    }

    /// Runs a command until it ends or is told to.
    pub(crate) fn run_until(&self, arguments: &[&str], stop: &CancellationToken) -> Run {
        let mut all = arguments.to_vec();
        all.extend(["--kubeconfig", "kubeconfig"]);
        run_in(self.folder.path(), &all, stop)
    }

    /// Creates the objects of a YAML text, each with its status.
    pub(crate) fn create(&self, yaml: &str) {
        for document in holdfast_yaml::documents(yaml.as_bytes(), &holdfast_yaml::Options::v2()) {
            let object = Object::new(document.unwrap().value).unwrap();
            self.runtime.block_on(self.create_one(object));
        }
    }

    async fn create_one(&self, object: Object) {
        let resource = self.cluster.resource(&object.gvk()).await.unwrap();
        if resource.namespaced {
            let gvk = holdfast_object::GroupVersionKind::new("", "v1", "Namespace");
            let namespaces = self.cluster.resource(&gvk).await.unwrap();
            let namespace =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": object.namespace()}});
            // It may be there already.
            let request = ApiRequest::create(&namespaces, "", namespace.to_string());
            let _ = self.cluster.request(request).await;
        }
        let request = ApiRequest::create(&resource, object.namespace(), object.to_value().to_string());
        self.cluster.request(request).await.unwrap();
        if let Some(status) = object.as_map().get("status").filter(|_| resource.has_status) {
            let patch = json!({"status": status}).to_string();
            let request =
                ApiRequest::patch(&resource, object.namespace(), object.name(), PatchKind::Merge, patch);
            self.cluster.request(request.subresource("status")).await.unwrap();
        }
    }

    /// Patches an object, or its status when the patch holds nothing else and the kind keeps it apart.
    pub(crate) fn patch(&self, api_version: &str, kind: &str, namespace: &str, name: &str, patch: &Value) {
        self.runtime.block_on(self.cluster_patch(api_version, kind, namespace, name, patch));
    }

    async fn cluster_patch(&self, api_version: &str, kind: &str, namespace: &str, name: &str, patch: &Value) {
        let gvk = holdfast_object::GroupVersionKind::from_api_version(api_version, kind);
        let resource = self.cluster.resource(&gvk).await.unwrap();
        let is_status = patch.get("status").is_some() && resource.has_status;
        let request = ApiRequest::patch(&resource, namespace, name, PatchKind::Merge, patch.to_string());
        let request = if is_status { request.subresource("status") } else { request };
        self.cluster.request(request).await.unwrap();
    }

    /// An object as it is now.
    pub(crate) fn get(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Value {
        self.runtime.block_on(async {
            let gvk = holdfast_object::GroupVersionKind::from_api_version(api_version, kind);
            let resource = self.cluster.resource(&gvk).await.unwrap();
            let answer =
                self.cluster.request(ApiRequest::get_object(&resource, namespace, name)).await.unwrap();
            serde_json::from_slice(&answer.body).unwrap()
        })
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Runs an async piece of the test beside a command.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }
}

/// The fleet with its repositories as folders beside it; none of its objects is live.
pub(crate) fn fleet_with_sources() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.create(FLEET);
    env.write(
        "fleet/base/settings.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: shop}\ndata: {color: green}\n",
    );
    env.write(
        "web/app/secret.yaml",
        "# the password\napiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData: {password: hunter2}\n",
    );
    env
}

/// The arguments of `--source` for the two repositories.
pub(crate) const FLEET_SOURCE: &str = "https://example.com/fleet=fleet";
pub(crate) const WEB_SOURCE: &str = "https://example.com/web=web";

/// A source, an app that is ready, one that waits for it, and one of Argo CD that waits for a sync.
pub(crate) const FLEET: &str = r"
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet, namespace: flux-system}
spec: {url: https://example.com/fleet, interval: 1m, ref: {branch: main}}
status:
  observedGeneration: 1
  artifact: {path: p, url: http://x, revision: main@sha1:0123456789abcdef0123456789abcdef01234567, lastUpdateTime: 2026-01-01T11:00:00Z, digest: 'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}
  conditions:
  - {type: Ready, status: 'True', reason: Succeeded, message: stored artifact, observedGeneration: 1, lastTransitionTime: 2026-01-01T11:00:00Z}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: base, namespace: flux-system}
spec: {interval: 10m, prune: true, path: ./base, sourceRef: {kind: GitRepository, name: fleet}}
status:
  observedGeneration: 1
  lastAppliedRevision: main@sha1:0123456789abcdef0123456789abcdef01234567
  lastAttemptedRevision: main@sha1:0123456789abcdef0123456789abcdef01234567
  inventory:
    entries:
    - {id: shop_settings__ConfigMap, v: v1}
    - {id: shop_web_apps_Deployment, v: v1}
  history:
  - {digest: 'sha256:aa', firstReconciled: 2026-01-01T10:00:00Z, lastReconciled: 2026-01-01T11:50:00Z, lastReconciledDuration: 1.2s, lastReconciledStatus: ReconciliationSucceeded, totalReconciliations: 12, metadata: {revision: main@sha1:0123456789abcdef0123456789abcdef01234567}}
  conditions:
  - {type: Ready, status: 'True', reason: ReconciliationSucceeded, message: 'Applied revision: main@sha1:0123456789abcdef0123456789abcdef01234567', observedGeneration: 1, lastTransitionTime: 2026-01-01T11:58:00Z}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec: {interval: 10m, prune: true, path: ./shop, sourceRef: {kind: GitRepository, name: fleet}, dependsOn: [{name: database}]}
status:
  conditions:
  - {type: Ready, status: 'False', reason: DependencyNotReady, message: dependency 'flux-system/database' not found, observedGeneration: 1, lastTransitionTime: 2026-01-01T11:59:00Z}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web, namespace: argocd}
spec:
  project: default
  destination: {server: https://kubernetes.default.svc, namespace: web}
  source: {repoURL: https://example.com/web, path: app, targetRevision: main}
status:
  sync: {status: OutOfSync, revision: fedcba9876543210fedcba9876543210fedcba98, comparedTo: {source: {repoURL: https://example.com/web}, destination: {}}}
  health: {status: Missing}
  reconciledAt: 2026-01-01T11:59:00Z
  history:
  - {id: 0, revision: '1111111111111111111111111111111111111111', deployedAt: 2026-01-01T09:00:05Z, deployStartedAt: 2026-01-01T09:00:00Z, initiatedBy: {username: admin}, source: {repoURL: https://example.com/web}}
  - {id: 1, revision: '2222222222222222222222222222222222222222', deployedAt: 2026-01-01T10:00:02Z, deployStartedAt: 2026-01-01T10:00:00Z, initiatedBy: {automated: true}, source: {repoURL: https://example.com/web}}
  resources:
  - {group: apps, version: v1, kind: Deployment, namespace: web, name: web, status: OutOfSync, health: {status: Missing}}
";
