use crate::Cluster;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::ConfigExt;
use kube::config::{KubeConfigOptions, Kubeconfig as KubeconfigFile};
use std::path::PathBuf;
use std::time::Duration;
use tower::{BoxError, ServiceBuilder};

/// How often an idle HTTP/2 connection is asked whether it still lives, so that a watch on a dead one ends.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long it may take to answer.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the address of a cluster and the right to use it come from.
#[derive(Debug, Clone, Default)]
pub struct Kubeconfig {
    /// The file; `None` is `KUBECONFIG`, the user's own file, or the pod's service account.
    pub file: Option<PathBuf>,
    /// The context in it; `None` is the current one.
    pub context: Option<String>,
}

/// Why a cluster cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read, or lacks what it should hold.
    #[error("kubeconfig: {0}")]
    Kubeconfig(String),
    /// The client cannot be built: certificates or authentication.
    #[error("client for {url}: {message}")]
    Client {
        /// The server's address.
        url: String,
        /// What is wrong.
        message: String,
    },
}

impl Cluster {
    /// A cluster by its kubeconfig. All requests and watches share one HTTP/2 connection.
    ///
    /// # Errors
    /// [`ConnectError`] when the kubeconfig or the client is no good; the server is not asked yet.
    pub async fn connect(from: &Kubeconfig) -> Result<Self, ConnectError> {
        let config = read(from).await.map_err(|e| ConnectError::Kubeconfig(e.to_string()))?;
        let url = config.cluster_url.to_string();
        let client = client(config).map_err(|e| ConnectError::Client { url, message: e.to_string() })?;
        Ok(Self::new(client))
    }
}

async fn read(from: &Kubeconfig) -> Result<kube::Config, BoxError> {
    let options = KubeConfigOptions { context: from.context.clone(), ..KubeConfigOptions::default() };
    Ok(match &from.file {
        Some(file) => {
            kube::Config::from_custom_kubeconfig(KubeconfigFile::read_from(file)?, &options).await?
        }
        None if from.context.is_some() => kube::Config::from_kubeconfig(&options).await?,
        None => kube::Config::infer().await?,
    })
}

/// kube's own client speaks HTTP/1.1, a connection for each watch; this one offers HTTP/2 first.
fn client(config: kube::Config) -> Result<kube::Client, BoxError> {
    if config.proxy_url.is_some() || config.tls_server_name.is_some() {
        return Ok(kube::Client::try_from(config)?);
    }
    let namespace = config.default_namespace.clone();
    let mut connector = hyper_util::client::legacy::connect::HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(config.connect_timeout);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config.rustls_client_config()?)
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(connector);
    let transport = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .http2_adaptive_window(true)
        .build::<_, kube::client::Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(transport);
    Ok(kube::Client::new(service, namespace))
}
