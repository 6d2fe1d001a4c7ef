//! The test bed: one sandbox with Flux' definitions, one engine, repositories in memory.

use bytes::Bytes;
use holdfast_cluster::{ApiRequest, Cluster, OwnerIndex, PatchKind};
use holdfast_controller::{Clock, Engine, EngineOptions};
use holdfast_flux::FluxOptions;
use holdfast_object::{GroupVersionKind, Object, ObjectRef, Value, json};
use holdfast_render::RenderCache;
use holdfast_sandbox::{ImageBehaviour, ImageTable, Options, Sandbox};
use holdfast_source::{
    Artifact, Commit, GitCache, GitRef, GitUrl, Limits, Revision, SourceError, Sources, StandIn,
};
use holdfast_sync::LiveView;
use holdfast_tree::{Entry, FileTree, MemoryTree, Named, TreeError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

pub(crate) const URL: &str = "https://git.example.com/team/app";

/// A repository in memory: each commit is a tree.
#[derive(Default)]
pub(crate) struct Repository {
    commits: Mutex<Vec<MemoryTree>>,
    is_gone: AtomicBool,
}

impl Repository {
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        let mut tree = MemoryTree::new();
        files.iter().for_each(|(path, content)| tree.insert(path, content.to_string()));
        self.is_gone.store(false, Ordering::Relaxed);
        let mut commits = self.commits.lock().unwrap();
        commits.push(tree);
        hash(commits.len())
    }
}

impl Repository {
    /// The branch is gone until the next commit.
    pub(crate) fn delete_branch(&self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }
}

fn hash(number: usize) -> String {
    format!("{number:040x}")
}

impl StandIn for Repository {
    fn artifact(&self, wanted: &GitRef) -> Result<Artifact, SourceError> {
        let commits = self.commits.lock().unwrap();
        let GitRef::Branch(branch) = wanted else {
            return Err(SourceError::RefNotFound { url: URL.into(), reference: wanted.to_string() });
        };
        let number = commits.len();
        let id = hash(number);
        let tree = commits
            .last()
            .filter(|_| !self.is_gone.load(Ordering::Relaxed))
            .cloned()
            .ok_or(SourceError::RefNotFound { url: URL.into(), reference: wanted.to_string() })?;
        Ok(Artifact {
            revision: Revision::git(branch, &id),
            digest: format!("sha1:{id}"),
            commit: Some(Commit {
                id,
                subject: format!("commit {number}"),
                message: format!("commit {number}"),
                author: "a <a@example.com>".into(),
                time: 0,
                parents: vec![],
                signed: false,
            }),
            metadata: vec![],
            tree: Arc::new(Hashed { tree, number }),
        })
    }
}

/// Hashes by commit, so that the cache of renders has something to compare.
struct Hashed {
    tree: MemoryTree,
    number: usize,
}

impl FileTree for Hashed {
    fn entry(&self, path: &str) -> Result<Option<Entry>, TreeError> {
        self.tree.entry(path)
    }
    fn read(&self, path: &str) -> Result<Bytes, TreeError> {
        self.tree.read(path)
    }
    fn list(&self, path: &str) -> Result<Vec<Named>, TreeError> {
        self.tree.list(path)
    }
    fn subtree_hash(&self, path: &str) -> Option<String> {
        self.tree.entry(path).ok().flatten().map(|_| format!("{}:{path}", self.number))
    }
}

pub(crate) struct Bed {
    sandbox: Sandbox,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) cluster: Cluster,
    /// The same cluster as another client sees it, whose requests do not count as ours.
    pub(crate) other: Cluster,
    pub(crate) engine: Engine,
    pub(crate) sources: Sources,
    pub(crate) repository: Arc<Repository>,
    options: FluxOptions,
    concurrency: usize,
    stop: watch::Sender<bool>,
}

fn engine(cluster: &Cluster, concurrency: usize) -> Engine {
    // The time of day goes with the runtime's, which a test can pause.
    let (began, at) = (tokio::time::Instant::now(), jiff::Timestamp::now());
    let clock = Clock::new(move || at + began.elapsed());
    let owners = vec![OwnerIndex::Labels(holdfast_flux::owner_labels().to_vec())];
    let panic_pause = Duration::from_secs(1);
    Engine::new(
        cluster.clone(),
        EngineOptions { concurrency, owners, reporter: "test".into(), panic_pause, clock },
    )
}

impl Bed {
    pub(crate) async fn start() -> Self {
        Self::with(FluxOptions::default()).await
    }

    pub(crate) async fn with(options: FluxOptions) -> Self {
        Self::with_workers(options, 16).await
    }

    pub(crate) async fn with_workers(options: FluxOptions, concurrency: usize) -> Self {
        let images = ImageTable::default().with("never-ready", ImageBehaviour::NeverReady);
        let sandbox = Sandbox::start(Options { images, ..Options::default() });
        Self::of(sandbox, options, concurrency).await
    }

    pub(crate) async fn on(sandbox: Sandbox, options: FluxOptions) -> Self {
        Self::of(sandbox, options, 16).await
    }

    async fn of(sandbox: Sandbox, options: FluxOptions, concurrency: usize) -> Self {
        let cluster = Cluster::new(kube::Client::new(sandbox.service(), "default"));
        let other = Cluster::new(kube::Client::new(sandbox.service(), "default"));
        let engine = engine(&cluster, concurrency);
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources::new(GitCache::new(folder.path(), Limits::default()));
        let repository = Arc::new(Repository::default());
        sources.stand_in(&GitUrl::parse(URL).unwrap(), repository.clone());
        let (stop, _) = watch::channel(false);
        let mut bed =
            Self { sandbox, folder, cluster, other, engine, sources, repository, options, concurrency, stop };
        for definition in holdfast_types::definitions() {
            bed.apply(definition.value).await;
            while bed.cluster.resource(&definition.gvk).await.is_err() {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
        }
        bed.run();
        bed
    }

    fn run(&mut self) {
        let renders = Arc::new(RenderCache::new(64));
        let reconcilers =
            holdfast_flux::reconcilers(&self.engine, self.sources.clone(), renders, self.options.clone());
        let (stop, stopped) = watch::channel(false);
        self.stop = stop;
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.run(reconcilers, stopped).await });
    }

    /// Ends the process, as far as it is one.
    pub(crate) fn stop(&self) {
        let _ = self.stop.send(true);
    }

    /// Another process on the same cluster and the same folder.
    pub(crate) async fn restart(&mut self) {
        self.stop();
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.sources = Sources::new(GitCache::new(self.folder.path(), Limits::default()));
        self.sources.stand_in(&GitUrl::parse(URL).unwrap(), self.repository.clone());
        self.cluster = Cluster::new(kube::Client::new(self.sandbox.service(), "default"));
        self.engine = engine(&self.cluster, self.concurrency);
        self.run();
    }

    /// One more repository in memory.
    pub(crate) fn another_repository(&self, url: &str) -> Arc<Repository> {
        let repository = Arc::new(Repository::default());
        self.sources.stand_in(&GitUrl::parse(url).unwrap(), repository.clone());
        repository
    }

    /// Writes a status, as another controller would.
    pub(crate) async fn status(&self, gvk: &GroupVersionKind, namespace: &str, name: &str, status: Value) {
        let resource = self.cluster.resource(gvk).await.unwrap();
        let patch = json!({ "status": status }).to_string();
        let request = ApiRequest::patch(&resource, namespace, name, PatchKind::Merge, patch)
            .query("fieldManager", "someone")
            .subresource("status");
        self.cluster.request(request).await.unwrap();
    }

    pub(crate) async fn apply(&self, value: Value) -> Object {
        let object = Object::new(value).unwrap();
        let resource = self.cluster.resource(&object.gvk()).await.unwrap();
        let body = object.to_value().to_string();
        let request = ApiRequest::patch(&resource, object.namespace(), object.name(), PatchKind::Apply, body)
            .query("fieldManager", "test")
            .query("force", "true");
        let answer = self.cluster.request(request).await.unwrap();
        Object::new(serde_json::from_slice(&answer.body).unwrap()).unwrap()
    }

    pub(crate) async fn merge(&self, gvk: &GroupVersionKind, namespace: &str, name: &str, patch: Value) {
        let resource = self.cluster.resource(gvk).await.unwrap();
        let request = ApiRequest::patch(&resource, namespace, name, PatchKind::Merge, patch.to_string())
            .query("fieldManager", "someone");
        self.cluster.request(request).await.unwrap();
    }

    pub(crate) async fn delete(&self, gvk: &GroupVersionKind, namespace: &str, name: &str) {
        let resource = self.cluster.resource(gvk).await.unwrap();
        self.cluster.request(ApiRequest::delete(&resource, namespace, name, "{}")).await.unwrap();
    }

    pub(crate) async fn get(&self, gvk: &GroupVersionKind, namespace: &str, name: &str) -> Option<Object> {
        let resource = self.other.resource(gvk).await.unwrap();
        let answer = self.other.request(ApiRequest::get_object(&resource, namespace, name)).await.ok()?;
        let object = Object::new(serde_json::from_slice(&answer.body).unwrap()).unwrap();
        if gvk.group == holdfast_types::flux::SOURCE_GROUP && gvk.kind != "ExternalArtifact" {
            crate::readiness::check(&object);
        }
        Some(object)
    }

    /// Waits until an object satisfies a condition; fails with what it is like after half a minute.
    pub(crate) async fn until(
        &self,
        gvk: &GroupVersionKind,
        namespace: &str,
        name: &str,
        is_so: impl Fn(Option<&Object>) -> bool,
    ) -> Option<Object> {
        let mut last = None;
        for _ in 0..600 {
            last = self.get(gvk, namespace, name).await;
            if is_so(last.as_ref()) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let live = self.engine.live().get(&ObjectRef::new(gvk, namespace, name));
        panic!("{gvk} {namespace}/{name} did not become as expected: {last:#?}\nas watched: {live:?}");
    }

    /// The same for a ConfigMap, however long it takes within a time.
    pub(crate) async fn until_within(
        &self,
        time: Duration,
        name: &str,
        is_so: impl Fn(Option<&Object>) -> bool,
    ) {
        let gvk = GroupVersionKind::new("", "v1", "ConfigMap");
        let began = tokio::time::Instant::now();
        while !is_so(self.get(&gvk, "default", name).await.as_ref()) {
            assert!(began.elapsed() < time, "ConfigMap {name} did not become as expected within {time:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The events about an object of `flux-system`, as `reason: message`.
    pub(crate) async fn events(&self, name: &str) -> Vec<String> {
        let resource = self.cluster.resource(&GroupVersionKind::new("", "v1", "Event")).await.unwrap();
        let answer = self.cluster.request(ApiRequest::get(resource.path("flux-system"))).await.unwrap();
        let list: Value = serde_json::from_slice(&answer.body).unwrap();
        let about = |event: &&Value| event["involvedObject"]["name"] == name;
        let text = |event: &Value| {
            format!("{}: {}", event["reason"].as_str().unwrap(), event["message"].as_str().unwrap())
        };
        list["items"].as_array().unwrap().iter().filter(about).map(text).collect()
    }

    /// Waits until an event begins with a text.
    pub(crate) async fn until_event(&self, name: &str, text: &str) {
        for _ in 0..600 {
            if self.events(name).await.iter().any(|event| event.starts_with(text)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no event begins with {text:?}: {:#?}", self.events(name).await);
    }

    pub(crate) async fn source(&self) {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}});
        self.apply(namespace).await;
        self.apply(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "app", "namespace": "flux-system"},
            "spec": {"url": URL, "interval": "1m", "ref": {"branch": "main"}},
        }))
        .await;
    }

    pub(crate) async fn kustomization(&self, name: &str, extra: Value) {
        let mut value = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {"interval": "10m", "prune": true, "path": "./", "targetNamespace": "default",
                "sourceRef": {"kind": "GitRepository", "name": "app"}},
        });
        for (key, part) in extra.as_object().unwrap() {
            value["spec"][key] = part.clone();
        }
        // As the API server does, the sandbox takes no null where a field must be a text or a list.
        value["spec"].as_object_mut().unwrap().retain(|_, part| !part.is_null());
        self.apply(value).await;
    }

    /// The repository has news, as a webhook would say.
    pub(crate) async fn push(&self) {
        let at = jiff::Timestamp::now().to_string();
        let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": at}}});
        self.merge(&holdfast_types::flux::git_repository(), "flux-system", "app", patch).await;
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

pub(crate) fn ready(object: Option<&Object>) -> Option<(String, String, String)> {
    let conditions = object?.get(&["status", "conditions"])?.as_array()?;
    let found = conditions.iter().find(|c| c["type"] == "Ready")?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Some((text("status"), text("reason"), text("message")))
}

pub(crate) fn is_ready(object: Option<&Object>) -> bool {
    ready(object).is_some_and(|(status, ..)| status == "True")
}

/// Whether a Kustomization says that it applied a revision.
pub(crate) fn applied(revision: &str) -> impl Fn(Option<&Object>) -> bool {
    let message = format!("Applied revision: main@sha1:{revision}");
    move |object| ready(object) == Some(("True".into(), "ReconciliationSucceeded".into(), message.clone()))
}
