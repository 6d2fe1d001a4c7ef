use crate::{Cluster, RemoteKubeconfig};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::ConfigExt;
use kube::config::{AuthInfo, Cluster as ClusterInfo, KubeConfigOptions, Kubeconfig as KubeconfigFile};
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

impl Kubeconfig {
    /// What an extension of this name holds of the cluster that the kubeconfig leads to. `None` when there is none, or
    /// no kubeconfig that can be read: extensions are notes, and nothing depends on them.
    pub fn cluster_extension(&self, name: &str) -> Option<serde_json::Value> {
        let file = match &self.file {
            Some(file) => KubeconfigFile::read_from(file).ok()?,
            None => KubeconfigFile::read().ok()?,
        };
        let context = self.context.as_ref().or(file.current_context.as_ref())?;
        let context = file.contexts.iter().find(|named| named.name == *context)?.context.as_ref()?;
        let cluster = file.clusters.iter().find(|named| named.name == context.cluster)?.cluster.as_ref()?;
        let extensions = cluster.extensions.as_ref()?;
        Some(extensions.iter().find(|named| named.name == name)?.extension.clone())
    }
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
        Self::connect_with(config)
    }

    /// Another cluster, by a kubeconfig that a user gave us: its current context, with everything it needs inside.
    ///
    /// # Errors
    /// [`ConnectError`] when it cannot be read, or when it would run a command or read a file of this machine: what a
    /// user writes into a Secret must reach neither.
    pub async fn connect_remote(kubeconfig: &RemoteKubeconfig) -> Result<Self, ConnectError> {
        let unreadable = |e: &dyn std::fmt::Display| ConnectError::Kubeconfig(e.to_string());
        // The parser's own message may quote the text, which is secret.
        let file = KubeconfigFile::from_yaml(kubeconfig.expose())
            .map_err(|_| unreadable(&"it is not YAML of a kubeconfig"))?;
        if let Some(problem) = reaches_out(&file) {
            return Err(unreadable(&problem));
        }
        let options = KubeConfigOptions::default();
        let config =
            kube::Config::from_custom_kubeconfig(file, &options).await.map_err(|e| unreadable(&e))?;
        Self::connect_with(config)
    }

    fn connect_with(config: kube::Config) -> Result<Self, ConnectError> {
        let url = config.cluster_url.to_string();
        let client = client(config).map_err(|e| ConnectError::Client { url, message: e.to_string() })?;
        Ok(Self::new(client))
    }
}

/// By what a kubeconfig would reach beyond its own text, if by anything.
fn reaches_out(file: &KubeconfigFile) -> Option<String> {
    let user = |info: &AuthInfo| match info {
        AuthInfo { exec: Some(_), .. } => Some("exec"),
        AuthInfo { auth_provider: Some(_), .. } => Some("auth-provider"),
        AuthInfo { token_file: Some(_), .. } => Some("tokenFile"),
        AuthInfo { client_certificate: Some(_), .. } => Some("client-certificate"),
        AuthInfo { client_key: Some(_), .. } => Some("client-key"),
        _ => None,
    };
    let cluster =
        |info: &ClusterInfo| info.certificate_authority.is_some().then_some("certificate-authority");
    let users = file.auth_infos.iter().filter_map(|named| user(named.auth_info.as_ref()?));
    let clusters = file.clusters.iter().filter_map(|named| cluster(named.cluster.as_ref()?));
    let field = users.chain(clusters).next()?;
    Some(format!("'{field}' is not allowed here; put what it stands for into the kubeconfig itself"))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(user: &str, cluster: &str) -> Option<String> {
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: a, cluster: {{server: 'https://a', {cluster}}}}}]\n\
             users: [{{name: a, user: {{{user}}}}}]\n"
        );
        reaches_out(&KubeconfigFile::from_yaml(&text).unwrap())
    }

    #[test]
    fn a_users_kubeconfig_reaches_neither_commands_nor_files() {
        assert_eq!(problem("token: abc", "certificate-authority-data: YQ=="), None);
        let refused = |user: &str, cluster: &str, field: &str| {
            let problem = problem(user, cluster).unwrap();
            assert!(problem.starts_with(&format!("'{field}' is not allowed")), "{problem}");
        };
        refused("exec: {apiVersion: client.authentication.k8s.io/v1, command: id}", "", "exec");
        refused("tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token", "", "tokenFile");
        refused("client-key: /etc/key", "", "client-key");
        refused("client-certificate: /etc/cert", "", "client-certificate");
        refused("auth-provider: {name: gcp, config: {}}", "", "auth-provider");
        refused("token: abc", "certificate-authority: /etc/passwd", "certificate-authority");
    }

    #[test]
    fn a_users_kubeconfig_is_not_printed() {
        let kubeconfig = RemoteKubeconfig::new("token: abc");
        assert_eq!(format!("{kubeconfig:?}"), "RemoteKubeconfig(10 bytes)");
    }
}
