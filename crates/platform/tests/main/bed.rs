//! A folder that stands in for a repository, a sandbox, and everything between them.

use holdfast_cluster::LiveState;
use holdfast_object::{GroupVersionKind, Object, ObjectRef, Value, json};
use holdfast_platform::{Platform, PlatformOptions, Workspace, install_definitions};
use holdfast_sandbox::{Options, Sandbox};
use holdfast_source::{GitUrl, Limits};
use holdfast_testbed::Hand;
use holdfast_types::argocd::application;
use holdfast_types::flux::{git_repository, kustomization};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::AbortHandle;

/// The address that the folder stands in for.
const URL: &str = "https://git.example.com/team/app";
/// How long anything may take before the test fails with what it saw. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    hand: Hand,
    live: LiveState,
    _cache: TempDir,
    _sandbox: Sandbox,
    platform: Platform,
    following: AbortHandle,
}

impl Bed {
    /// Everything runs, and the folder is followed: its files as they lie there.
    pub(crate) async fn start() -> Self {
        let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sandbox = Sandbox::start(Options::default());
        let hand = Hand::on(&sandbox);
        let cluster = hand.cluster.clone();
        install_definitions(&cluster).await.unwrap();
        let options = PlatformOptions::new(cache.path());
        let sources = Platform::sources(&options);
        let mut workspace = Workspace::open(folder.path(), true, &[], &Limits::default()).unwrap();
        workspace.serve_as(GitUrl::parse(URL).unwrap());
        workspace.stand_in(&sources);
        let platform = Platform::start(cluster.clone(), sources.clone(), &options);
        let following = tokio::spawn(async move {
            workspace.follow(&sources, |_| {}).await.unwrap();
        });
        let (live, _) = LiveState::new(cluster, Vec::new());
        let following = following.abort_handle();
        let bed = Self { folder, hand, live, _cache: cache, _sandbox: sandbox, platform, following };
        for namespace in ["flux-system", "argocd"] {
            bed.namespace(namespace).await;
        }
        bed.apply(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "app", "namespace": "flux-system"},
            "spec": {"url": URL, "interval": "10m", "ref": {"branch": "main"}},
        }))
        .await;
        bed
    }

    /// Writes a file of the folder.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::write(path, text).unwrap();
    }

    /// A path in the folder; the folders above it are made.
    pub(crate) fn path(&self, path: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        path
    }

    /// A Kustomization and an Application over a path, both named after it; each applies to a namespace of its own,
    /// which is made.
    pub(crate) async fn both(&self, name: &str, path: &str) {
        for api in ["flux", "argocd"] {
            let namespace = format!("{api}-{name}");
            self.namespace(&namespace).await;
        }
        self.apply(json!({
            "apiVersion": kustomization().api_version(), "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {"interval": "10m", "prune": true, "path": path, "targetNamespace": format!("flux-{name}"),
                "sourceRef": {"kind": "GitRepository", "name": "app"}},
        }))
        .await;
        self.apply(json!({
            "apiVersion": application().api_version(), "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {"project": "default", "source": {"repoURL": URL, "path": path, "targetRevision": "HEAD"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": format!("argocd-{name}")},
                "syncPolicy": {"automated": {"selfHeal": true, "prune": true}, "retry": {"limit": 0}}},
        }))
        .await;
    }

    /// Waits, by a watch, until an object is as expected; fails with what it is instead.
    pub(crate) async fn until(&self, object: &ObjectRef, is_so: impl Fn(&Object) -> bool) -> Arc<Object> {
        // A view of its own for every wait: whoever waits sees every change.
        let (live, mut events) = LiveState::new(self.hand.cluster.clone(), Vec::new());
        live.ensure(&object.gvk()).await.unwrap();
        let wait = async {
            loop {
                if let Some(found) = live.object(object)
                    && is_so(&found)
                {
                    return found;
                }
                events.recv().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.unwrap_or_else(|_| {
            let shown = live.object(object).map(|o| serde_json::to_string_pretty(&o.to_value()).unwrap());
            panic!("{object} did not become as expected; it is {}", shown.unwrap_or("absent".into()))
        })
    }

    pub(crate) async fn merge(&self, object: &ObjectRef, patch: Value) {
        self.hand.merge(&object.gvk(), &object.key.namespace, &object.key.name, patch).await;
    }

    pub(crate) async fn delete(&self, object: &ObjectRef) {
        self.hand.delete(&object.gvk(), &object.key.namespace, &object.key.name).await;
    }

    /// What the Kustomization of this name says, once it says that it failed.
    pub(crate) async fn flux_failure(&self, name: &str) -> String {
        self.not_ready(&ObjectRef::new(&kustomization(), "flux-system", name)).await
    }

    /// What the GitRepository says, once it says that it failed.
    pub(crate) async fn source_failure(&self) -> String {
        self.not_ready(&ObjectRef::new(&git_repository(), "flux-system", "app")).await
    }

    async fn not_ready(&self, reference: &ObjectRef) -> String {
        let ready = |app: &Object| {
            let conditions = app.get(&["status", "conditions"])?.as_array()?;
            let ready = conditions.iter().find(|c| c["type"] == "Ready" && c["status"] == "False")?;
            // What it waits for at its beginning is not what is asked about.
            let reason = ready["reason"]
                .as_str()
                .filter(|_| !ready["message"].to_string().contains("artifact not found"))?;
            Some(format!("{reason}: {}", ready["message"].as_str()?))
        };
        ready(&*self.until(reference, |app| ready(app).is_some()).await).unwrap()
    }

    /// What the Application of this name says, once it says that it cannot be compared or synced.
    pub(crate) async fn argocd_failure(&self, name: &str) -> String {
        let reference = ObjectRef::new(&application(), "argocd", name);
        let failure = |app: &Object| {
            let conditions = app.get(&["status", "conditions"]).and_then(Value::as_array).cloned();
            let error = |c: &&Value| {
                matches!(c["type"].as_str(), Some("ComparisonError" | "InvalidSpecError" | "SyncError"))
            };
            let found = conditions.unwrap_or_default();
            let found = found.iter().find(error)?;
            Some(format!("{}: {}", found["type"].as_str()?, found["message"].as_str()?))
        };
        failure(&*self.until(&reference, |app| failure(app).is_some()).await).unwrap()
    }

    pub(crate) async fn stop(self) {
        self.following.abort();
        drop(self.live);
        self.platform.stop().await;
    }
}

impl Deref for Bed {
    type Target = Hand;

    fn deref(&self) -> &Hand {
        &self.hand
    }
}

pub(crate) fn config_map(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::new(&GroupVersionKind::new("", "v1", "ConfigMap"), namespace, name)
}

pub(crate) fn manifest(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n")
}
