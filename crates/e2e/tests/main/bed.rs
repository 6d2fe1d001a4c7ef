//! The test bed: a control plane, a namespace in it, a Git server, and eyes on the cluster.

use crate::door::Door;
use holdfast_cluster::{Kubeconfig, LiveEvent, LiveState};
use holdfast_object::{GroupVersionKind, Object, ObjectRef, Value, json};
use holdfast_platform::{Platform, PlatformOptions, install_definitions};
use holdfast_testcluster::cluster::{self, ADMIN, AFTER, Cluster, Options};
use holdfast_testcluster::git::{Auth, Change, HttpServer, Repositories, Repository};
use holdfast_types::argocd::application;
use holdfast_types::flux::{git_repository, kustomization};
use std::borrow::Borrow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, mpsc, oneshot};

/// How long anything may take before the test fails with what it saw. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The namespace of Argo CD's own resources.
pub(crate) const ARGOCD: &str = "argocd";

/// The user and password of the Git server.
const USER: &str = "flux";
const PASSWORD: &str = "pa55 wörd";

/// What one test works with. Its own resources live in its own namespace.
pub(crate) struct Bed<C = &'static Cluster> {
    pub(crate) plane: C,
    pub(crate) namespace: String,
    pub(crate) repository: Repository,
    server: Option<HttpServer>,
    door: Option<Door>,
    cluster: holdfast_cluster::Cluster,
    live: LiveState,
    events: mpsc::UnboundedReceiver<LiveEvent>,
}

impl Bed {
    /// A bed on the cluster that all tests share, where Holdfast runs already.
    pub(crate) async fn shared(prefix: &str) -> Option<Self> {
        let plane = cluster::shared().await.unwrap()?;
        static PLATFORM: OnceCell<()> = OnceCell::const_new();
        PLATFORM.get_or_init(|| run_for_ever(plane)).await;
        Self::on(plane, prefix).await
    }
}

impl Bed<Cluster> {
    /// A bed on a cluster of its own, with the definitions, where nothing runs yet.
    pub(crate) async fn own(prefix: &str) -> Option<Self> {
        let bed = Self::bare(prefix).await?;
        install_definitions(&connect(&bed.plane, ADMIN).await).await.unwrap();
        Some(bed)
    }

    /// A bed on a cluster of its own, as a new cluster is.
    pub(crate) async fn bare(prefix: &str) -> Option<Self> {
        let plane = cluster::start(&Options::default()).await.unwrap()?;
        Self::on(plane, prefix).await
    }
}

impl<C: Borrow<Cluster>> Bed<C> {
    async fn on(plane: C, prefix: &str) -> Option<Self> {
        provide_tls();
        let cluster: &Cluster = plane.borrow();
        let namespace = cluster.namespace(prefix).await.unwrap();
        let repositories = Repositories::new().unwrap();
        let repository = repositories.create("team/apps").unwrap();
        let server = HttpServer::start(&repositories, true, Auth::basic(USER, PASSWORD)).await.unwrap()?;
        let server = Some(server);
        let cluster = connect(cluster, ADMIN).await;
        let (live, events) = LiveState::new(cluster.clone(), Vec::new());
        Some(Self { plane, namespace, repository, server, door: None, cluster, live, events })
    }

    pub(crate) fn plane(&self) -> &Cluster {
        self.plane.borrow()
    }

    /// The repository's address.
    pub(crate) fn url(&self) -> String {
        let mut url: reqwest::Url = self.server.as_ref().unwrap().url("team/apps").parse().unwrap();
        if let Some(door) = &self.door {
            url.set_port(Some(door.address().port())).unwrap();
        }
        url.into()
    }

    /// Puts a door in front of the Git server, to which the repository's address leads from now on.
    pub(crate) async fn put_door(&mut self) {
        let url: reqwest::Url = self.url().parse().unwrap();
        self.door = Some(Door::before(&format!("127.0.0.1:{}", url.port().unwrap())).await);
    }

    /// Opens or shuts the door.
    pub(crate) fn set_open(&self, is_open: bool) {
        self.door.as_ref().unwrap().set_open(is_open);
    }

    /// Ends the Git server: nobody answers at its address any more.
    pub(crate) fn stop_git(&mut self) {
        self.server = None;
    }

    /// Runs kubectl in the namespace; it must succeed.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> String {
        let arguments = [&["-n", &self.namespace], arguments].concat();
        self.plane().kubectl(&arguments).await.unwrap()
    }

    /// `kubectl apply` with these arguments; it must succeed.
    pub(crate) async fn apply_with(&self, arguments: &[&str], manifests: &str) {
        let arguments = [&["-n", &self.namespace, "apply", "-f", "-"], arguments].concat();
        self.plane().kubectl_with(ADMIN, &arguments, manifests).await.unwrap();
    }

    pub(crate) async fn apply(&self, value: Value) {
        self.apply_with(&["--server-side"], &value.to_string()).await;
    }

    /// The object as the server has it now.
    pub(crate) async fn get(&self, object: &ObjectRef) -> Option<Object> {
        let kind = match object.key.group.as_str() {
            "" => object.key.kind.clone(),
            group => format!("{}.{}.{group}", object.key.kind, object.version),
        };
        let mut arguments = vec!["get", &kind, &object.key.name, "--ignore-not-found", "-o", "json"];
        arguments.push("--show-managed-fields");
        let arguments = [&["-n", &object.key.namespace], &*arguments].concat();
        let text = self.plane().kubectl(&arguments).await.unwrap();
        (!text.is_empty()).then(|| Object::new(serde_json::from_str(&text).unwrap()).unwrap())
    }

    /// Waits, by a watch, until an object is as expected; fails with what it is instead.
    pub(crate) async fn until(
        &mut self,
        object: &ObjectRef,
        is_so: impl Fn(Option<&Object>) -> bool,
    ) -> Option<Arc<Object>> {
        self.watch(&object.gvk()).await;
        let (live, events) = (&self.live, &mut self.events);
        let wait = async {
            loop {
                let found = live.object(object);
                if live.is_synced(&object.gvk()) && is_so(found.as_deref()) {
                    return found;
                }
                events.recv().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.unwrap_or_else(|_| {
            let shown = self.live.object(object).map_or_else(|| "absent".to_owned(), |found| show(&found));
            panic!("{object} did not become as expected within {PATIENCE:?}; it is {shown}")
        })
    }

    /// Sees to it that a kind is watched, also one whose definition is new: discovery lags behind and has no watch.
    async fn watch(&self, gvk: &GroupVersionKind) {
        let served = async {
            self.live.ensure(gvk).await.unwrap();
            while self.live.missing_kinds().contains(gvk) {
                tokio::time::sleep(Duration::from_millis(100)).await;
                self.cluster.refresh_discovery().await.unwrap();
                self.live.ensure(gvk).await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, served).await.unwrap_or_else(|_| panic!("{gvk} is not served"));
    }

    pub(crate) async fn until_present(
        &mut self,
        object: &ObjectRef,
        is_so: impl Fn(&Object) -> bool,
    ) -> Arc<Object> {
        self.until(object, |found| found.is_some_and(&is_so)).await.unwrap()
    }

    pub(crate) async fn until_absent(&mut self, object: &ObjectRef) {
        self.until(object, |found| found.is_none()).await;
    }

    /// Commits to `main`; nobody is told.
    pub(crate) fn commit(&self, changes: &[Change]) -> String {
        self.commit_to("main", changes)
    }

    /// Commits to a branch, whose history is its own; nobody is told.
    pub(crate) fn commit_to(&self, branch: &str, changes: &[Change]) -> String {
        self.repository.commit(branch, "change something", changes).unwrap()
    }

    /// Commits, and has the source reconciled as `flux reconcile source git` does.
    pub(crate) async fn push(&self, changes: &[Change]) -> String {
        let commit = self.commit(changes);
        self.request("gitrepository/app").await;
        commit
    }

    /// Has something reconciled; returns the token of the request.
    pub(crate) async fn request(&self, what: &str) -> String {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let token = format!("request-{}", COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let annotation = format!("reconcile.fluxcd.io/requestedAt={token}");
        self.kubectl(&["annotate", "--overwrite", what, &annotation]).await;
        token
    }

    /// The `GitRepository` of the bed's repository, `app`, with its Secret.
    pub(crate) async fn source(&self) {
        self.source_every("10m").await;
    }

    /// The same, asked every so often.
    pub(crate) async fn source_every(&self, interval: &str) {
        let data = json!({"username": USER, "password": PASSWORD, "ca.crt": self.server.as_ref().unwrap().ca().unwrap()});
        let metadata = |name: &str| json!({"name": name, "namespace": self.namespace});
        self.apply(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata("git"), "stringData": data}),
        )
        .await;
        self.apply(json!({
            "apiVersion": git_repository().api_version(), "kind": "GitRepository", "metadata": metadata("app"),
            "spec": {"url": self.url(), "interval": interval, "ref": {"branch": "main"}, "secretRef": {"name": "git"}},
        }))
        .await;
    }

    /// The `Kustomization` `app` over the whole repository, with these fields besides, or without those that are null.
    pub(crate) async fn kustomization(&self, extra: Value) {
        let mut value = json!({
            "apiVersion": kustomization().api_version(), "kind": "Kustomization",
            "metadata": {"name": "app", "namespace": self.namespace},
            "spec": {"interval": "10m", "retryInterval": "2s", "prune": true, "path": "./",
                "targetNamespace": self.namespace, "sourceRef": {"kind": "GitRepository", "name": "app"}},
        });
        for (key, part) in extra.as_object().unwrap() {
            value["spec"][key] = part.clone();
        }
        value["spec"].as_object_mut().unwrap().retain(|_, part| !part.is_null());
        self.apply(value).await;
    }

    pub(crate) fn app(&self) -> ObjectRef {
        self.object(&kustomization(), "app")
    }

    /// The `Application` of the bed, named after its namespace, over the repository's `app/`, with these fields
    /// besides; and the Secret by which Argo CD knows the repository.
    pub(crate) async fn application(&self, metadata: Value, extra: Value) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ARGOCD}});
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": self.namespace, "namespace": ARGOCD,
                "labels": {"argocd.argoproj.io/secret-type": "repository"}},
            "stringData": {"type": "git", "url": self.url(), "username": USER, "password": PASSWORD, "insecure": "true"},
        });
        let mut value = json!({
            "apiVersion": application().api_version(), "kind": "Application",
            "metadata": {"name": self.namespace, "namespace": ARGOCD},
            "spec": {"project": "default",
                "source": {"repoURL": self.url(), "path": "app", "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": self.namespace}},
        });
        let parts = [("metadata", &metadata), ("spec", &extra)];
        for (part, fields) in parts {
            for (key, field) in fields.as_object().unwrap() {
                value[part][key] = field.clone();
            }
        }
        for object in [namespace, secret, value] {
            let arguments = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
            self.plane().kubectl_with(ADMIN, &arguments, &object.to_string()).await.unwrap();
        }
    }

    pub(crate) fn application_ref(&self) -> ObjectRef {
        ObjectRef::new(&application(), ARGOCD, &self.namespace)
    }

    /// Patches the Application, as `kubectl patch --type=merge` does.
    pub(crate) async fn patch_application(&self, patch: Value) {
        let patch = patch.to_string();
        let arguments = ["-n", ARGOCD, "patch", "application", &self.namespace, "--type=merge", "-p", &patch];
        self.plane().kubectl(&arguments).await.unwrap();
    }

    /// Waits until the Application's status is as expected.
    pub(crate) async fn until_application(&mut self, is_so: impl Fn(&Value) -> bool) -> Value {
        let app = self.application_ref();
        let found = self.until_present(&app, |app| app.get(&["status"]).is_some_and(&is_so)).await;
        found.get(&["status"]).cloned().unwrap()
    }

    pub(crate) fn config_map(&self, name: &str) -> ObjectRef {
        self.object(&GroupVersionKind::new("", "v1", "ConfigMap"), name)
    }

    pub(crate) fn object(&self, gvk: &GroupVersionKind, name: &str) -> ObjectRef {
        ObjectRef::new(gvk, &self.namespace, name)
    }

    /// Waits until a revision is in force.
    pub(crate) async fn until_applied(&mut self, commit: &str) -> Arc<Object> {
        let message = format!("Applied revision: main@sha1:{commit}");
        let expected = ("True".to_owned(), "ReconciliationSucceeded".to_owned(), message);
        self.until_present(&self.app(), |app| ready(app).as_ref() == Some(&expected)).await
    }

    /// Waits until the app is not ready, with a message that holds a text.
    pub(crate) async fn until_not_ready(&mut self, words: &str) -> String {
        let is_so = |app: &Object| {
            ready(app).is_some_and(|(status, _, message)| status != "True" && message.contains(words))
        };
        ready(&*self.until_present(&self.app(), is_so).await).unwrap().2
    }

    /// Waits until the app is not ready for a reason, with a message that holds a text.
    pub(crate) async fn until_failed(&mut self, reason: &str, words: &str) -> String {
        let is_so = |app: &Object| {
            ready(app).is_some_and(|(status, r, message)| {
                status == "False" && r == reason && message.contains(words)
            })
        };
        ready(&*self.until_present(&self.app(), is_so).await).unwrap().2
    }

    /// The events about an object, as `type reason: message`, in the order in which they came first.
    pub(crate) async fn events(&self, name: &str) -> Vec<String> {
        let field = format!("involvedObject.name={name}");
        let text = self.kubectl(&["get", "events", "--field-selector", &field, "-o", "json"]).await;
        let list: Value = serde_json::from_str(&text).unwrap();
        let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
        let line = |event: &Value| {
            format!("{} {}: {}", text(event, "type"), text(event, "reason"), text(event, "message"))
        };
        list["items"].as_array().unwrap().iter().map(line).collect()
    }
}

/// Runs the platform on the shared cluster until this process ends: tests come and go with their runtimes.
async fn run_for_ever(plane: &'static Cluster) {
    provide_tls();
    let (ready, is_ready) = oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let cluster = connect(plane, ADMIN).await;
            install_definitions(&cluster).await.unwrap();
            let cache = tempfile::tempdir().unwrap();
            let options = PlatformOptions::new(cache.path());
            let _platform = Platform::start(cluster, Platform::sources(&options), &options);
            ready.send(()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    is_ready.await.unwrap();
}

pub(crate) async fn connect(plane: &Cluster, user: &str) -> holdfast_cluster::Cluster {
    let file = plane.kubeconfig_path(user).unwrap().to_owned();
    holdfast_cluster::Cluster::connect(&Kubeconfig { file: Some(file), context: None }).await.unwrap()
}

pub(crate) fn provide_tls() {
    // Another test may have been faster.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn show(object: &Object) -> String {
    let mut value = object.to_value();
    value["metadata"].as_object_mut().unwrap().shift_remove("managedFields");
    serde_json::to_string_pretty(&value).unwrap()
}

/// Status, reason and message of a condition.
pub(crate) fn condition(object: &Object, kind: &str) -> Option<(String, String, String)> {
    let conditions = object.get(&["status", "conditions"])?.as_array()?;
    let found = conditions.iter().find(|c| c["type"] == kind)?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Some((text("status"), text("reason"), text("message")))
}

pub(crate) fn ready(object: &Object) -> Option<(String, String, String)> {
    condition(object, "Ready")
}

/// The ids of an inventory.
pub(crate) fn inventory(app: &Object) -> Vec<String> {
    let entries = app.get(&["status", "inventory", "entries"]).and_then(Value::as_array);
    entries.into_iter().flatten().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect()
}

/// A ConfigMap's `data.key`.
pub(crate) fn value(object: &Object) -> Option<&str> {
    object.get(&["data", "key"]).and_then(Value::as_str)
}

/// A file `NAME.yaml` with a ConfigMap.
pub(crate) fn config_map(name: &str, value: &str) -> Change {
    let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n");
    Change::write(format!("{name}.yaml"), text)
}

/// A file `NAME.yaml` with a Deployment whose pods carry an annotation.
pub(crate) fn deployment(name: &str, replicas: u32, (key, value): (&str, &str)) -> Change {
    // Who is to become ready late must not be given up before.
    let deadline = if key == AFTER { 60 } else { 2 };
    let text = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  progressDeadlineSeconds: {deadline}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}, annotations: {{{key}: {value}}}}}
    spec: {{containers: [{{name: main, image: example.com/image}}]}}
"
    );
    Change::write(format!("{name}.yaml"), text)
}

/// Whether `later` was written after `earlier`, two resourceVersions of one object.
pub(crate) fn is_later(later: &str, earlier: &str) -> bool {
    later.parse::<u64>().unwrap() > earlier.parse::<u64>().unwrap()
}
