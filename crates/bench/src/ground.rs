//! A fresh control plane with the definitions installed, and how to reach it.

use crate::client::Client;
use crate::proxy::Proxy;
use anyhow::{Context, Result, bail};
use base64::Engine as _;
use holdfast_cluster::{Cluster, Kubeconfig};
use holdfast_platform::install_definitions;
use holdfast_testcluster::cluster::{self, ADMIN, Options};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// A control plane of one measurement.
pub(crate) struct Ground {
    plane: cluster::Cluster,
    /// The namespace for everything.
    pub(crate) namespace: String,
    /// What is measured goes through here; with a delay this is the proxy.
    kubeconfig: PathBuf,
    /// Straight to the API server, for whoever only watches.
    direct: PathBuf,
    _proxy: Option<Proxy>,
    _files: TempDir,
}

impl Ground {
    pub(crate) async fn new(delay: Duration, with_pods: bool) -> Result<Self> {
        let options = Options { kwok: with_pods, ..Options::default() };
        let Some(plane) = cluster::start(&options).await? else {
            bail!("this needs a real control plane: set HOLDFAST_E2E=1 (`cargo xtask bench` does)");
        };
        let direct =
            plane.kubeconfig_path(ADMIN).context("the control plane names no administrator")?.to_owned();
        let files = tempfile::tempdir()?;
        let (kubeconfig, proxy) = if delay.is_zero() {
            (direct.clone(), None)
        } else {
            let proxy = Proxy::start(plane.server(), plane.ca(), delay).await?;
            let token = plane.token(ADMIN).context("the administrator has no token")?;
            let file = files.path().join("kubeconfig");
            std::fs::write(&file, kubeconfig(proxy.url(), proxy.ca(), token))?;
            (file, Some(proxy))
        };
        let namespace = plane.namespace("bench").await?;
        install_definitions(&connect(&direct).await?).await?;
        Ok(Self { plane, namespace, kubeconfig, direct, _proxy: proxy, _files: files })
    }

    /// The version of Kubernetes.
    pub(crate) fn version(&self) -> &str {
        self.plane.version()
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The bare client, and the user who creates what is to be reconciled.
    pub(crate) async fn client(&self) -> Result<Client> {
        Client::new(connect(&self.kubeconfig).await?, &self.namespace).await
    }

    /// A client that is not delayed, to watch what happens.
    pub(crate) async fn observer(&self) -> Result<Cluster> {
        connect(&self.direct).await
    }

    /// Ends everything and waits for it, so that the next measurement has the machine for itself.
    pub(crate) async fn end(self) -> Result<()> {
        Ok(self.plane.end().await?)
    }
}

async fn connect(kubeconfig: &Path) -> Result<Cluster> {
    let from = Kubeconfig { file: Some(kubeconfig.to_owned()), context: None };
    let cluster = Cluster::connect(&from).await?;
    cluster.refresh_discovery().await?;
    Ok(cluster)
}

fn kubeconfig(server: &str, ca: &str, token: &str) -> String {
    let ca = base64::engine::general_purpose::STANDARD.encode(ca);
    serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": "bench", "user": {"token": token}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
    })
    .to_string()
}
