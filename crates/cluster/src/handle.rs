use std::fmt;
use std::sync::Arc;

/// Which cluster, and as whom: what an app says about where its objects go. Two apps with equal handles share one
/// connection and one live state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClusterHandle {
    /// Which API server.
    pub endpoint: Endpoint,
    /// As whom: reads and writes alike.
    pub identity: Identity,
}

/// Which API server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The one whose custom resources are reconciled.
    Home,
    /// Another, by a kubeconfig that a user gave us.
    Remote(RemoteKubeconfig),
}

/// As whom an API server is talked to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// As the credentials of the endpoint say.
    Own,
    /// As this user, by impersonation.
    User(String),
}

impl ClusterHandle {
    /// The home cluster under our own identity.
    pub const HOME: Self = Self { endpoint: Endpoint::Home, identity: Identity::Own };
}

impl Identity {
    /// A service account of the endpoint's cluster.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self::User(format!("system:serviceaccount:{namespace}:{name}"))
    }
}

/// The text of a kubeconfig that came from a user. It holds credentials and so prints as nothing but its size; and it
/// is not trusted: see [`crate::Cluster::connect_remote`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RemoteKubeconfig(Arc<str>);

impl RemoteKubeconfig {
    /// A kubeconfig as it was written.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RemoteKubeconfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemoteKubeconfig({} bytes)", self.0.len())
    }
}
