//! A cluster as the engine sees it.
//!
//! [`Cluster`] is one API server under one identity: requests with their errors explained, and what the server
//! serves ([`Discovery`]). [`LiveState`] keeps what is live of the kinds that are in use, fed by one watch each, as
//! JSON bytes; values are built only while they are compared.
//!
//! Nothing here decides what to write: see `holdfast-sync` for that and `holdfast-apply` for the writing.

mod connect;
mod discovery;
mod error;
mod fence;
mod handle;
mod live;
mod request;
mod watch;

pub use connect::{ConnectError, Kubeconfig};
pub use discovery::{ApiResource, Discovery};
pub use error::{ApiError, ApiErrorKind};
pub use fence::{Fence, FenceKeeper};
pub use handle::{ClusterHandle, Endpoint, Identity, RemoteKubeconfig};
pub use live::{Interest, LiveEvent, LiveState, Owned, OwnerIndex, SealCounts};
pub use request::{ApiRequest, ApiResponse, PatchKind, RequestCounts};

use std::sync::Arc;

/// One API server, under one identity. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    discovery: Arc<Discovery>,
    counts: Arc<RequestCounts>,
    /// The user to act as, through impersonation; `None` is the client's own.
    identity: Option<Arc<str>>,
    /// What keeps it from writing; `None` is nothing.
    fence: Option<Fence>,
}

impl Cluster {
    /// A cluster behind any client, in process or over the network.
    pub fn new(client: kube::Client) -> Self {
        Self {
            client,
            discovery: Arc::new(Discovery::default()),
            counts: Arc::new(RequestCounts::default()),
            identity: None,
            fence: None,
        }
    }

    /// The same cluster, acting as another user (`system:serviceaccount:<namespace>:<name>`).
    pub fn acting_as(&self, user: &str) -> Self {
        Self { identity: Some(user.into()), ..self.clone() }
    }

    /// The same cluster, writing only while a fence is open. Reads pass.
    pub fn fenced(&self, fence: &Fence) -> Self {
        Self { fence: Some(fence.clone()), ..self.clone() }
    }

    /// The client underneath, which no fence holds back.
    pub fn client(&self) -> &kube::Client {
        &self.client
    }

    /// Requests made so far, by verb and outcome.
    pub fn counts(&self) -> &RequestCounts {
        &self.counts
    }

    /// What the server serves, as last read.
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }
}
