use crate::{Engine, Metrics, Place, Routes};
use holdfast_apply::Applier;
use holdfast_cluster::{
    ApiError, Cluster, ClusterHandle, ConnectError, Endpoint, Identity, LiveEvent, LiveState, OwnerIndex,
};
use holdfast_object::{GroupVersionKind, ObjectKey};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::mpsc;

/// One cluster under one identity: what is live there, read as the one who writes there. Cheap to clone.
///
/// Whoever has objects there keeps a clone for as long as it does; with the last clone the watches end.
#[derive(Clone)]
pub struct Access {
    inner: Arc<Inner>,
}

struct Inner {
    place: Place,
    endpoint: Endpoint,
    cluster: Cluster,
    live: LiveState,
    applier: Applier,
    metrics: Metrics,
    /// The same endpoint under its own identity, which watches the definitions for all.
    _base: Option<Access>,
}

/// Why a cluster cannot be accessed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The kubeconfig is no good.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server does not say what it serves.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl Access {
    pub(crate) fn home(
        cluster: Cluster,
        owners: Vec<OwnerIndex>,
        shared: (Metrics, Arc<Routes>),
    ) -> (Self, mpsc::UnboundedReceiver<LiveEvent>) {
        Self::new((Place::HOME, Endpoint::Home), cluster, owners, shared, None)
    }

    fn new(
        (place, endpoint): (Place, Endpoint),
        cluster: Cluster,
        owners: Vec<OwnerIndex>,
        (metrics, routes): (Metrics, Arc<Routes>),
        base: Option<Self>,
    ) -> (Self, mpsc::UnboundedReceiver<LiveEvent>) {
        let interest = Arc::new(move |key: &ObjectKey| routes.has(place, key));
        let (live, events) = LiveState::sparing(cluster.clone(), owners, interest);
        let applier = Applier::new(cluster.clone());
        let inner = Inner { place, endpoint, cluster, live, applier, metrics, _base: base };
        (Self { inner: Arc::new(inner) }, events)
    }

    /// Under what its objects stand in [`crate::Routes`].
    pub fn place(&self) -> Place {
        self.inner.place
    }

    /// The cluster, acting as the identity.
    pub fn cluster(&self) -> &Cluster {
        &self.inner.cluster
    }

    /// What is live there, as the identity may see it.
    pub fn live(&self) -> &LiveState {
        &self.inner.live
    }

    /// What writes there.
    pub fn applier(&self) -> &Applier {
        &self.inner.applier
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }
}

/// Every access that is in use besides the home cluster's own.
#[derive(Default)]
pub(crate) struct Accesses {
    open: Mutex<HashMap<ClusterHandle, Weak<Inner>>>,
    last: AtomicU64,
}

impl Accesses {
    fn open(&self) -> MutexGuard<'_, HashMap<ClusterHandle, Weak<Inner>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, handle: &ClusterHandle) -> Option<Access> {
        self.open().get(handle).and_then(Weak::upgrade).map(|inner| Access { inner })
    }

    /// Those of one endpoint, under whatever identity.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Vec<Access> {
        let open = self.open();
        let alive = open.values().filter_map(Weak::upgrade).map(|inner| Access { inner });
        alive.filter(|access| access.endpoint() == endpoint).collect()
    }

    /// Keeps a new access, unless another was faster; then that one.
    fn keep(&self, handle: &ClusterHandle, new: Access) -> (Access, bool) {
        let mut open = self.open();
        open.retain(|_, access| access.strong_count() > 0);
        if let Some(inner) = open.get(handle).and_then(Weak::upgrade) {
            return (Access { inner }, false);
        }
        open.insert(handle.clone(), Arc::downgrade(&new.inner));
        (new, true)
    }
}

/// The cluster of a handle, for who looks once: nothing is shared with others, and nothing is watched.
///
/// # Errors
/// [`AccessError`] when the kubeconfig is no good, or the server cannot be reached.
pub async fn connect(home: &Cluster, handle: &ClusterHandle) -> Result<Cluster, AccessError> {
    let cluster = match &handle.endpoint {
        Endpoint::Home => home.clone(),
        Endpoint::Remote(kubeconfig) => Cluster::connect_remote(kubeconfig).await?,
    };
    as_identity(cluster, &handle.identity).await
}

async fn as_identity(cluster: Cluster, identity: &Identity) -> Result<Cluster, AccessError> {
    let cluster = match identity {
        Identity::Own => cluster,
        Identity::User(user) => cluster.acting_as(user),
    };
    if cluster.discovery().is_empty() {
        cluster.refresh_discovery().await?;
    }
    Ok(cluster)
}

impl Engine {
    /// Access to a cluster under an identity, shared with everyone who asks for the same. Keep it for as long as
    /// there are objects to look after; events of what is there find their way by [`crate::Routes::set_at`] with its
    /// [`Access::place`].
    ///
    /// # Errors
    /// [`AccessError`] when the kubeconfig is no good, or the server cannot be reached.
    pub async fn access(&self, handle: &ClusterHandle) -> Result<Access, AccessError> {
        if *handle == ClusterHandle::HOME {
            return Ok(self.home().clone());
        }
        let accesses = self.accesses();
        if let Some(found) = accesses.get(handle) {
            return Ok(found);
        }
        let (cluster, base) = match (&handle.endpoint, &handle.identity) {
            (Endpoint::Home, _) => (self.cluster().clone(), None),
            (Endpoint::Remote(kubeconfig), Identity::Own) => {
                (Cluster::connect_remote(kubeconfig).await?, None)
            }
            (endpoint @ Endpoint::Remote(_), Identity::User(_)) => {
                let own = ClusterHandle { endpoint: endpoint.clone(), identity: Identity::Own };
                let base = Box::pin(self.access(&own)).await?;
                (base.cluster().clone(), Some(base))
            }
        };
        let cluster = as_identity(cluster, &handle.identity).await?;
        let place = Place(accesses.last.fetch_add(1, Ordering::Relaxed) + 1);
        let shared = (self.metrics().clone(), self.shared_routes());
        let here = (place, handle.endpoint.clone());
        let (new, events) = Access::new(here, cluster, self.owners().to_vec(), shared, base);
        let (access, is_new) = accesses.keep(handle, new);
        if is_new {
            tokio::spawn(self.clone().route_from(place, handle.endpoint.clone(), events));
            if matches!(handle, ClusterHandle { endpoint: Endpoint::Remote(_), identity: Identity::Own }) {
                access.live().ensure(&definitions()).await?;
            }
        }
        Ok(access)
    }
}

/// The kind of definitions.
pub(crate) fn definitions() -> GroupVersionKind {
    GroupVersionKind::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition")
}
