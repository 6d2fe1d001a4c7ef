//! The test bed: one sandbox with Flux' definitions, one engine, repositories in memory.

use holdfast_cluster::{Cluster, OwnerIndex};
use holdfast_controller::{Clock, Engine, EngineOptions};
use holdfast_flux::FluxOptions;
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_render::RenderCache;
use holdfast_sandbox::{ImageBehaviour, ImageTable, Options, Sandbox};
use holdfast_source::{GitCache, Limits, Sources};
use holdfast_testbed::{Hand, Repository};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

pub(crate) const URL: &str = "https://git.example.com/team/app";
/// Where the resources of these tests are.
pub(crate) const NAMESPACE: &str = "flux-system";

pub(crate) struct Bed {
    sandbox: Sandbox,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) cluster: Cluster,
    /// Somebody else at the same cluster, whose requests do not count as ours.
    pub(crate) hand: Hand,
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
        let hand = Hand::on(&sandbox).checking(check);
        let engine = engine(&cluster, concurrency);
        let folder = tempfile::tempdir().unwrap();
        let sources = Sources::new(GitCache::new(folder.path(), Limits::default()));
        let repository = Repository::stand_in(&sources, URL);
        let (stop, _) = watch::channel(false);
        let mut bed =
            Self { sandbox, folder, cluster, hand, engine, sources, repository, options, concurrency, stop };
        bed.define(holdfast_types::definitions().into_iter().map(|each| (each.gvk, each.value))).await;
        bed.run();
        bed
    }

    fn run(&mut self) {
        // As many as the platform remembers.
        let renders = Arc::new(RenderCache::new(4096));
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
        self.begin_again();
    }

    /// The second half of [`Bed::restart`]: the process before it has ended.
    pub(crate) fn begin_again(&mut self) {
        self.sources = Sources::new(GitCache::new(self.folder.path(), Limits::default()));
        self.repository.stand_in_again(&self.sources);
        self.cluster = Cluster::new(kube::Client::new(self.sandbox.service(), "default"));
        self.engine = engine(&self.cluster, self.concurrency);
        self.run();
    }

    /// One more repository in memory.
    pub(crate) fn another_repository(&self, url: &str) -> Arc<Repository> {
        Repository::stand_in(&self.sources, url)
    }

    /// Waits until a ConfigMap is as expected, however long it takes within a time.
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

    /// How many patches the process sent.
    pub(crate) fn patches(&self) -> u64 {
        let counts = self.cluster.counts().by_verb();
        counts.iter().find(|(verb, _)| *verb == "patch").map_or(0, |(_, count)| *count)
    }

    pub(crate) async fn source(&self) {
        self.namespace(NAMESPACE).await;
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

/// What must hold of every source that anyone sees.
fn check(object: &Object) {
    let gvk = object.gvk();
    if gvk.group == holdfast_types::flux::SOURCE_GROUP && gvk.kind != "ExternalArtifact" {
        crate::readiness::check(object);
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
