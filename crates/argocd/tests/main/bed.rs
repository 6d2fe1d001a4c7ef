//! The test bed: one sandbox with Argo CD's definitions, one engine, a repository in memory.

use holdfast_argocd::ArgoOptions;
use holdfast_cluster::{Cluster, OwnerIndex};
use holdfast_controller::{Clock, Engine, EngineOptions, Reason, Trigger};
use holdfast_object::{GroupVersionKind, Value, json};
use holdfast_render::RenderCache;
use holdfast_sandbox::{Options, Sandbox};
use holdfast_source::{GitCache, Limits, Sources};
use holdfast_testbed::{Hand, Repository};
use holdfast_tree::MemoryTree;
use holdfast_types::argocd::{app_project, application};
use jiff::Timestamp;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

pub(crate) const URL: &str = "https://git.example.com/team/app";
const SERVER: &str = "https://kubernetes.default.svc";
/// Where the resources of these tests are.
const NAMESPACE: &str = "argocd";

pub(crate) struct Bed {
    pub(crate) sandbox: Sandbox,
    /// Somebody else at the same cluster, whose requests do not count as ours.
    pub(crate) hand: Hand,
    pub(crate) engine: Engine,
    repository: Arc<Repository>,
    sources: Sources,
    stop: watch::Sender<bool>,
}

impl Bed {
    pub(crate) async fn start() -> Self {
        Self::with(ArgoOptions::default()).await
    }

    pub(crate) async fn with(options: ArgoOptions) -> Self {
        Self::with_workers(options, 16).await
    }

    pub(crate) async fn with_workers(options: ArgoOptions, concurrency: usize) -> Self {
        let sandbox = Sandbox::start(Options::default());
        let cluster = Cluster::new(kube::Client::new(sandbox.service(), "default"));
        let (began, at) = (Timestamp::now(), tokio::time::Instant::now());
        let clock = Clock::new(move || began + jiff::SignedDuration::try_from(at.elapsed()).unwrap());
        let tracking = OwnerIndex::AnnotationPrefix("argocd.argoproj.io/tracking-id".into());
        let engine = Engine::new(
            cluster.clone(),
            EngineOptions {
                concurrency,
                owners: vec![tracking],
                reporter: "argocd-application-controller".into(),
                panic_pause: Duration::from_secs(1),
                clock,
            },
        );
        let cache = GitCache::new(std::env::temp_dir().join("holdfast-argocd-tests"), Limits::default());
        let sources = Sources::new(cache);
        let repository = Repository::stand_in(&sources, URL);
        let (stop, stopped) = watch::channel(false);
        let hand = Hand::on(&sandbox);
        let ours =
            holdfast_types::definitions().into_iter().filter(|each| each.gvk.group == application().group);
        hand.define(ours.map(|each| (each.gvk, each.value))).await;
        hand.namespace(NAMESPACE).await;
        let bed = Self { sandbox, hand, engine, repository, sources: sources.clone(), stop };
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
        self.repository.commit_tree(tree)
    }

    /// Another repository in memory.
    pub(crate) fn repository(&self, url: &str) -> Arc<Repository> {
        Repository::stand_in(&self.sources, url)
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
        self.repository.set_down(is_down);
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
        if extra.get("sources").is_some() {
            value["spec"].as_object_mut().unwrap().shift_remove("source");
        }
        self.apply(value).await;
    }

    pub(crate) async fn patch_app(&self, name: &str, patch: Value) {
        self.merge(&application(), "argocd", name, patch).await;
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

    pub(crate) async fn project(&self, name: &str, spec: Value) {
        let gvk = app_project();
        self.apply(json!({"apiVersion": gvk.api_version(), "kind": gvk.kind,
            "metadata": {"name": name, "namespace": "argocd"}, "spec": spec}))
            .await;
    }
}

impl Deref for Bed {
    type Target = Hand;

    fn deref(&self) -> &Hand {
        &self.hand
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
