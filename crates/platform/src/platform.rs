use crate::follow;
use holdfast_argocd::ArgoOptions;
use holdfast_cluster::{Cluster, OwnerIndex};
use holdfast_controller::{Clock, Engine, EngineOptions};
use holdfast_flux::FluxOptions;
use holdfast_render::RenderCache;
use holdfast_source::{GitCache, Limits, Sources, StorageOptions};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a platform runs.
#[derive(Debug, Clone)]
pub struct PlatformOptions {
    /// Where fetched repositories are kept.
    pub cache: PathBuf,
    /// Where published artifacts are kept, and how they are named.
    pub storage: StorageOptions,
    /// The most that sources may hold.
    pub limits: Limits,
    /// How Flux' kinds are run.
    pub flux: FluxOptions,
    /// How Argo CD's kinds are run.
    pub argocd: ArgoOptions,
    /// Where the time of day comes from.
    pub clock: Clock,
    /// Reconciles under way at once; they never wait, so this bounds memory and requests only.
    pub concurrency: usize,
    /// Renders that are remembered.
    pub renders: usize,
}

impl PlatformOptions {
    /// The defaults, with a folder for what is fetched.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        let cache = cache.into();
        Self {
            storage: StorageOptions::new(cache.join("artifacts")),
            cache,
            limits: Limits::default(),
            flux: FluxOptions::default(),
            argocd: ArgoOptions::default(),
            clock: Clock::wall(),
            concurrency: 64,
            renders: 4096,
        }
    }
}

impl PlatformOptions {
    /// The same with a brake on pruning, for every front-end: more deletions than this in one run, or any of a
    /// Namespace, CustomResourceDefinition or PersistentVolumeClaim, wait for a person's yes. `None` is off.
    #[must_use]
    pub fn with_prune_limit(mut self, limit: Option<u32>) -> Self {
        self.flux.prune_limit = limit;
        self.argocd.prune_limit = limit;
        self
    }
}

/// The pause before a reconcile that panicked is tried again.
const PANIC_PAUSE: Duration = Duration::from_secs(5);

/// A running engine with every front-end.
pub struct Platform {
    engine: Engine,
    sources: Sources,
    renders: Arc<RenderCache>,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Platform {
    /// The sources of a platform that is yet to be started, so that stand-ins can be set before anything is read.
    pub fn sources(options: &PlatformOptions) -> Sources {
        let cache = GitCache::new(&options.cache, options.limits.clone());
        Sources::with_storage(cache, options.storage.clone())
    }

    /// Starts the engine on a cluster. The kinds that are not installed yet are taken up once they are.
    pub fn start(cluster: Cluster, sources: Sources, options: &PlatformOptions) -> Self {
        let engine = Engine::new(
            cluster,
            EngineOptions {
                concurrency: options.concurrency,
                owners: vec![
                    OwnerIndex::AnnotationPrefix(holdfast_types::argocd::TRACKING_ID.into()),
                    OwnerIndex::Labels(holdfast_flux::owner_labels().to_vec()),
                ],
                reporter: "holdfast".into(),
                panic_pause: PANIC_PAUSE,
                clock: options.clock.clone(),
            },
        );
        let renders = Arc::new(RenderCache::new(options.renders));
        let mut reconcilers =
            holdfast_flux::reconcilers(&engine, sources.clone(), renders.clone(), options.flux.clone());
        reconcilers.extend(holdfast_argocd::reconcilers(
            &engine,
            sources.clone(),
            renders.clone(),
            options.argocd.clone(),
        ));
        let (stop, stopped) = watch::channel(false);
        let (runner, following) = (engine.clone(), follow::follow(engine.clone(), sources.clone()));
        let running = tokio::spawn(async move {
            let following = tokio::spawn(following);
            runner.run(reconcilers, stopped).await;
            following.abort();
        });
        Self { engine, sources, renders, stop, running }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The sources.
    pub fn serves(&self) -> &Sources {
        &self.sources
    }

    /// The renders that are remembered.
    pub fn renders(&self) -> &Arc<RenderCache> {
        &self.renders
    }

    /// Stops taking up work and waits for what is under way.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        if let Err(error) = self.running.await {
            tracing::error!(%error, "the engine ended badly");
        }
    }
}
