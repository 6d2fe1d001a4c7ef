//! An embedded Kubernetes-compatible API server with simulated workloads.
//!
//! A [`Sandbox`] answers, on a socket or in process, what the original API server would answer in the part that
//! GitOps touches: discovery, the built-in kinds, custom resources, all patch types, watches. Simulators stand in for
//! controllers and nodes: a Deployment gets pods that become ready, fail or crash by a table of images. Many sandboxes
//! run in one process; under a paused runtime their time stands still, and a seed decides every name and uid.
//!
//! It never runs a container, never calls a webhook, keeps nothing on disk, and depends neither on the controllers nor
//! on a Kubernetes client: they meet at the API. `docs/sandbox.md` lists what is there and what is refused.

mod access;
mod admission;
mod api;
mod clock;
mod core;
mod crd;
mod faults;
mod field;
mod names;
mod random;
mod resource;
mod selector;
mod selector_text;
mod simulate;
mod status;
mod store;
mod table;
mod verbs;

pub use access::Token;
pub use api::{Listening, ResponseBody, SandboxService};
pub use clock::Clock;
pub use faults::{Fault, Faults, Matching};
pub use simulate::{ImageBehaviour, ImageTable};
pub use status::ApiError;
pub use store::{Bucket, Change, ChangeKind, Checkpoint, Name, Owner, Store, Stored};

use crate::core::Core;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How a sandbox behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the time comes from; a paused runtime stops it.
    pub clock: Clock,
    /// Decides generated names, uids and addresses.
    pub seed: u64,
    /// Whether Deployments get pods, Jobs complete, volumes bind. Namespaces, garbage and definitions are always
    /// looked after.
    pub simulate_workloads: bool,
    /// How containers behave, by image.
    pub images: ImageTable,
    /// Faults to switch on, now or later.
    pub faults: Faults,
    /// The tokens that are accepted. Without any, every request is the administrator's.
    pub tokens: Vec<Token>,
    /// Whether RBAC decides; otherwise everybody may do everything.
    pub rbac: bool,
    /// How many changes of each resource a watch can resume over.
    pub history: usize,
    /// Start with these objects instead of with an empty cluster's.
    pub from: Option<Checkpoint>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Clock::wall(),
            seed: 1,
            simulate_workloads: true,
            images: ImageTable::default(),
            faults: Faults::default(),
            tokens: Vec::new(),
            rbac: false,
            history: 4096,
            from: None,
        }
    }
}

/// A running sandbox. Clones are handles to the same one; it ends when the last is dropped.
#[derive(Debug, Clone)]
pub struct Sandbox {
    core: Arc<Core>,
    /// Ends the simulators with the last handle.
    _stop: Arc<DropGuard>,
}

impl Sandbox {
    /// Starts a sandbox and its simulators on the current tokio runtime.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn start(options: Options) -> Self {
        let core = Arc::new(Core::new(options));
        match &core.options.from {
            Some(checkpoint) => core.store.restore(checkpoint),
            None => simulate::found(&core),
        }
        let stop = CancellationToken::new();
        simulate::spawn(&core, &stop);
        Self { core, _stop: Arc::new(stop.drop_guard()) }
    }

    /// The API as a `tower` service: what a Kubernetes client takes instead of a connection.
    pub fn service(&self) -> SandboxService {
        SandboxService::new(self.clone())
    }

    /// Serves the API over HTTP/1.1 and HTTP/2 (prior knowledge) without TLS until [`Listening`] is dropped.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn listen(&self, addr: SocketAddr) -> std::io::Result<Listening> {
        api::listen(self.clone(), addr).await
    }

    /// A kubeconfig that leads to the API at an address.
    pub fn kubeconfig(&self, addr: SocketAddr) -> String {
        api::kubeconfig(addr)
    }

    /// The objects, to look at without a request.
    pub fn store(&self) -> &Store {
        &self.core.store
    }

    /// Puts all objects back to what they were, with their revisions, and ends every watch: a restore from backup.
    pub fn restore(&self, checkpoint: &Checkpoint) {
        self.core.store.restore(checkpoint);
        self.faults().cut_watches();
    }

    /// The faults of this sandbox.
    pub fn faults(&self) -> &Faults {
        &self.core.faults
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }
}
