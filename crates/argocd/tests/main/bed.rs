//! The test bed: one sandbox with Argo CD's definitions, one engine, a repository in memory.

use bytes::Bytes;
use holdfast_argocd::ArgoOptions;
use holdfast_cluster::{ApiRequest, Cluster, OwnerIndex, PatchKind};
use holdfast_controller::{Clock, Engine, EngineOptions, Reason, Trigger};
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_render::RenderCache;
use holdfast_sandbox::{Options, Sandbox};
use holdfast_source::{Artifact, GitCache, GitRef, GitUrl, Limits, Revision, SourceError, Sources, StandIn};
use holdfast_tree::{Entry, FileTree, MemoryTree, Named, TreeError};
use holdfast_types::argocd::{app_project, application};
use jiff::Timestamp;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

pub(crate) const URL: &str = "https://git.example.com/team/app";
const SERVER: &str = "https://kubernetes.default.svc";

/// A repository in memory: each commit is a tree.
#[derive(Default)]
pub(crate) struct Repository {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    commits: Vec<MemoryTree>,
    is_down: bool,
}

impl StandIn for Repository {
    fn artifact(&self, wanted: &GitRef) -> Result<Artifact, SourceError> {
        let state = self.state.lock().unwrap();
        if state.is_down {
            return Err(SourceError::Unreachable { url: URL.into(), message: "no route".into() });
        }
        let missing = || SourceError::RefNotFound { url: URL.into(), reference: wanted.to_string() };
        let GitRef::Any { text, .. } = wanted else { return Err(missing()) };
        let newest = state.commits.len();
        let number = match text.as_str() {
            "" | "HEAD" | "main" => newest,
            text => (1..=newest).find(|number| hash(*number) == text).ok_or_else(missing)?,
        };
        let tree = number.checked_sub(1).and_then(|at| state.commits.get(at)).cloned().ok_or_else(missing)?;
        Ok(Artifact {
            revision: Revision::git("main", &hash(number)),
            digest: format!("sha1:{}", hash(number)),
            commit: None,
            metadata: vec![],
            tree: Arc::new(Hashed { tree, number }),
        })
    }
}

fn hash(number: usize) -> String {
    format!("{number:040x}")
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
    _sandbox: Sandbox,
    pub(crate) cluster: Cluster,
    pub(crate) engine: Engine,
    repository: Arc<Repository>,
    stop: watch::Sender<bool>,
}

impl Bed {
    pub(crate) async fn start() -> Self {
        Self::with(ArgoOptions::default()).await
    }

    pub(crate) async fn with(options: ArgoOptions) -> Self {
        let sandbox = Sandbox::start(Options::default());
        let cluster = Cluster::new(kube::Client::new(sandbox.service(), "default"));
        let (began, at) = (Timestamp::now(), tokio::time::Instant::now());
        let clock = Clock::new(move || began + jiff::SignedDuration::try_from(at.elapsed()).unwrap());
        let tracking = OwnerIndex::AnnotationPrefix("argocd.argoproj.io/tracking-id".into());
        let engine = Engine::new(
            cluster.clone(),
            EngineOptions {
                concurrency: 16,
                owners: vec![tracking],
                reporter: "argocd-application-controller".into(),
                panic_pause: Duration::from_secs(1),
                clock,
            },
        );
        let cache = GitCache::new(std::env::temp_dir().join("holdfast-argocd-tests"), Limits::default());
        let sources = Sources::new(cache);
        let repository = Arc::new(Repository::default());
        sources.stand_in(&GitUrl::parse(URL).unwrap(), repository.clone());
        let (stop, stopped) = watch::channel(false);
        let bed = Self { _sandbox: sandbox, cluster, engine, repository, stop };
        for definition in holdfast_types::definitions() {
            if definition.gvk.group == "argoproj.io" {
                bed.apply(definition.value).await;
                while bed.cluster.resource(&definition.gvk).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                }
            }
        }
        bed.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}})).await;
        let reconcilers =
            holdfast_argocd::reconcilers(&bed.engine, sources, Arc::new(RenderCache::new(64)), options);
        let engine = bed.engine.clone();
        tokio::spawn(async move { engine.run(reconcilers, stopped).await });
        bed
    }

    /// Commits files and returns the commit; nobody is told.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        let mut tree = MemoryTree::new();
        tree.insert_folder("app");
        files.iter().for_each(|(path, content)| tree.insert(path, content.to_string()));
        let mut state = self.repository.state.lock().unwrap();
        state.commits.push(tree);
        hash(state.commits.len())
    }

    /// Commits files, and says so as whoever follows the repositories does.
    pub(crate) fn push(&self, files: &[(&str, &str)]) -> String {
        let commit = self.commit(files);
        for app in self.engine.live().all(&application()) {
            self.engine.trigger(Trigger { key: app.key(), reason: Reason::SourceChanged });
        }
        commit
    }

    /// Lets the repository be reachable or not.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.repository.state.lock().unwrap().is_down = is_down;
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

    /// An Application of `app/` of the repository into `default`, with these parts of the spec besides.
    pub(crate) async fn app(&self, name: &str, extra: Value) {
        let mut value = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"},
            "spec": {"project": "default",
                "source": {"repoURL": URL, "path": "app", "targetRevision": "main"},
                "destination": {"server": SERVER, "namespace": "default"}},
        });
        for (key, part) in extra.as_object().unwrap() {
            value["spec"][key] = part.clone();
        }
        self.apply(value).await;
    }

    pub(crate) async fn merge(&self, gvk: &GroupVersionKind, namespace: &str, name: &str, patch: Value) {
        let resource = self.cluster.resource(gvk).await.unwrap();
        let request = ApiRequest::patch(&resource, namespace, name, PatchKind::Merge, patch.to_string())
            .query("fieldManager", "someone");
        self.cluster.request(request).await.unwrap();
    }

    pub(crate) async fn patch_app(&self, name: &str, patch: Value) {
        self.merge(&application(), "argocd", name, patch).await;
    }

    pub(crate) async fn delete(&self, gvk: &GroupVersionKind, namespace: &str, name: &str) {
        let resource = self.cluster.resource(gvk).await.unwrap();
        self.cluster.request(ApiRequest::delete(&resource, namespace, name, "{}")).await.unwrap();
    }

    pub(crate) async fn get(&self, gvk: &GroupVersionKind, namespace: &str, name: &str) -> Option<Object> {
        let resource = self.cluster.resource(gvk).await.unwrap();
        let answer = self.cluster.request(ApiRequest::get_object(&resource, namespace, name)).await.ok()?;
        Some(Object::new(serde_json::from_slice(&answer.body).unwrap()).unwrap())
    }

    /// Waits until an object satisfies a condition; fails with what it is like after a minute.
    pub(crate) async fn until(
        &self,
        gvk: &GroupVersionKind,
        namespace: &str,
        name: &str,
        is_so: impl Fn(Option<&Object>) -> bool,
    ) -> Option<Object> {
        let mut last = None;
        for _ in 0..1200 {
            last = self.get(gvk, namespace, name).await;
            if is_so(last.as_ref()) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let shown = last.map(|o| serde_json::to_string_pretty(&o.to_value()).unwrap());
        panic!("{gvk} {namespace}/{name} did not become as expected: {}", shown.unwrap_or("absent".into()));
    }

    /// Waits until an Application's status satisfies a condition.
    pub(crate) async fn app_until(&self, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let found = self
            .until(&application(), "argocd", name, |app| {
                app.and_then(|app| app.get(&["status"])).is_some_and(&is_so)
            })
            .await;
        found.unwrap().get(&["status"]).cloned().unwrap()
    }

    /// The value of a ConfigMap in `default`.
    pub(crate) async fn value(&self, name: &str) -> Option<String> {
        let found = self.get(&config_map(), "default", name).await?;
        found.get(&["data", "key"]).and_then(Value::as_str).map(str::to_owned)
    }

    pub(crate) async fn until_value(&self, name: &str, expected: Option<&str>) {
        self.until(&config_map(), "default", name, |object| {
            object.and_then(|o| o.get(&["data", "key"])).and_then(Value::as_str) == expected
        })
        .await;
    }

    /// The events about an Application, as `reason: message`.
    pub(crate) async fn events(&self, name: &str) -> Vec<String> {
        let resource = self.cluster.resource(&GroupVersionKind::new("", "v1", "Event")).await.unwrap();
        let answer = self.cluster.request(ApiRequest::get(resource.path("argocd"))).await.unwrap();
        let list: Value = serde_json::from_slice(&answer.body).unwrap();
        let about = |event: &&Value| event["involvedObject"]["name"] == name;
        let text = |event: &Value| {
            format!("{}: {}", event["reason"].as_str().unwrap(), event["message"].as_str().unwrap())
        };
        list["items"].as_array().unwrap().iter().filter(about).map(text).collect()
    }

    pub(crate) async fn project(&self, name: &str, spec: Value) {
        let gvk = app_project();
        self.apply(json!({"apiVersion": gvk.api_version(), "kind": gvk.kind,
            "metadata": {"name": name, "namespace": "argocd"}, "spec": spec}))
            .await;
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

pub(crate) fn config_map() -> GroupVersionKind {
    GroupVersionKind::new("", "v1", "ConfigMap")
}

pub(crate) fn manifest(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n")
}

/// Automated sync with these options.
pub(crate) fn automated(options: Value) -> Value {
    json!({"syncPolicy": {"automated": options}})
}

pub(crate) fn is_synced(revision: &str) -> impl Fn(&Value) -> bool {
    move |status| {
        status["sync"]["status"] == "Synced"
            && status["sync"]["revision"] == revision
            && status["operationState"]["phase"] != "Running"
    }
}

pub(crate) fn condition(status: &Value, kind: &str) -> Option<String> {
    let found = status["conditions"].as_array()?.iter().find(|c| c["type"] == kind)?;
    found["message"].as_str().map(str::to_owned)
}
