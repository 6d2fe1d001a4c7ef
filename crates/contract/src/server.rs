//! Who is asked: a sandbox in process, or an API server over the network.

use anyhow::{Context, Result};
use bytes::Bytes;
use holdfast_sandbox::{Clock, Options, Sandbox, Token};
use holdfast_testcluster::cluster::{ADMIN, Cluster};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use std::time::Duration;
use tower::ServiceExt;

/// A request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// `Content-Type`; empty for none.
    pub media: String,
    /// Other headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// An answer with its body read.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status code.
    pub code: u16,
    /// `Content-Type`.
    pub media: String,
    /// `Warning` headers.
    pub warnings: Vec<String>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON, or as a text where it is none.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&self.body).into_owned().into())
    }
}

/// Something that answers requests.
#[derive(Debug, Clone)]
pub enum Server {
    /// A sandbox in this process.
    Sandbox(Sandbox),
    /// A server somewhere else.
    Remote {
        /// The connections.
        client: reqwest::Client,
        /// `https://HOST:PORT`.
        address: String,
        /// The administrator's token.
        token: String,
    },
}

/// How long a server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The token with which the administrator asks a sandbox.
const TOKEN: &str = "contract";

impl Server {
    /// A new sandbox as a real control plane without nodes is: RBAC decides, nothing runs workloads.
    pub fn sandbox() -> Self {
        Self::Sandbox(Sandbox::start(sandbox_options()))
    }

    /// A real API server, as its administrator.
    ///
    /// # Errors
    /// When no client can be made of its certificate.
    pub fn real(cluster: &Cluster) -> Result<Self> {
        // Another test of this process may have been faster.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let certificate = reqwest::Certificate::from_pem(cluster.ca().as_bytes())?;
        let client = reqwest::Client::builder()
            .tls_certs_only([certificate])
            .timeout(PATIENCE)
            .pool_max_idle_per_host(64)
            .build()?;
        let token = cluster.token(ADMIN).context("no administrator")?.to_owned();
        Ok(Self::Remote { client, address: cluster.server().to_owned(), token })
    }

    /// A sandbox that listens.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn at(address: &str) -> Result<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self::Remote { client, address: address.to_owned(), token: TOKEN.to_owned() })
    }

    /// Follows a watch until it has seen so many events.
    ///
    /// # Errors
    /// When the watch ends before.
    pub async fn events(&self, path: &str, count: usize) -> Result<()> {
        let mut seen = 0;
        let mut count_in = |chunk: &[u8]| {
            seen += chunk.iter().filter(|byte| **byte == b'\n').count();
            seen >= count
        };
        match self {
            Self::Sandbox(sandbox) => {
                let request = http::Request::get(path)
                    .header("authorization", format!("Bearer {TOKEN}"))
                    .body(Full::new(Bytes::new()))?;
                let Ok(response) = sandbox.service().oneshot(request).await;
                let mut body = response.into_body();
                while let Some(frame) = body.frame().await {
                    let frame = frame.context("reading a watch")?;
                    if frame.data_ref().is_some_and(|chunk| count_in(chunk)) {
                        return Ok(());
                    }
                }
            }
            Self::Remote { client, address, token } => {
                let request = client.get(format!("{address}{path}")).bearer_auth(token);
                let mut response = request.send().await?;
                while let Some(chunk) = response.chunk().await? {
                    if count_in(&chunk) {
                        return Ok(());
                    }
                }
            }
        }
        anyhow::bail!("a watch ended after {seen} of {count} events")
    }

    /// Sends a request and reads the answer to its end.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, request: &Request) -> Result<Answer> {
        let (token, agent) = match self {
            Self::Sandbox(_) => (TOKEN, "contract/1.0"),
            Self::Remote { token, .. } => (token.as_str(), "contract/1.0"),
        };
        let mut built = http::Request::builder()
            .method(request.method.as_str())
            .header("authorization", format!("Bearer {token}"));
        if !request.headers.iter().any(|(name, _)| name == "user-agent") {
            built = built.header("user-agent", agent);
        }
        if !request.media.is_empty() {
            built = built.header("content-type", &request.media);
        }
        for (name, value) in &request.headers {
            built = built.header(name, value);
        }
        match self {
            Self::Sandbox(sandbox) => {
                let request = built.uri(&request.path).body(Full::new(request.body.clone()))?;
                let Ok(response) = sandbox.service().oneshot(request).await;
                let (parts, body) = response.into_parts();
                let body = body.collect().await.context("reading the sandbox's answer")?.to_bytes();
                Ok(answer(parts.status, &parts.headers, body))
            }
            Self::Remote { client, address, .. } => {
                let uri = format!("{address}{}", request.path);
                let request = built.uri(uri).body(request.body.clone())?;
                let response = client.execute(reqwest::Request::try_from(request)?).await?;
                let (status, headers) = (response.status(), response.headers().clone());
                Ok(answer(status, &headers, response.bytes().await?))
            }
        }
    }
}

/// The options of a sandbox that is compared with a control plane without nodes.
pub fn sandbox_options() -> Options {
    let start =
        time::OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    Options {
        clock: Clock::starting_at(start),
        simulate_workloads: false,
        tokens: vec![Token {
            token: TOKEN.into(),
            user: ADMIN.into(),
            groups: vec!["system:masters".into()],
        }],
        rbac: true,
        ..Options::default()
    }
}

fn answer(status: http::StatusCode, headers: &http::HeaderMap, body: Bytes) -> Answer {
    let texts = |name: &str| -> Vec<String> {
        headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect()
    };
    let mut warnings = texts("warning");
    warnings.sort();
    Answer { code: status.as_u16(), media: texts("content-type").concat(), warnings, body }
}

/// A control plane without nodes, and without the controllers that change what cases look at: namespaces, service
/// accounts and garbage are looked after.
pub fn plain_control_plane() -> holdfast_testcluster::cluster::Options {
    let controllers = "namespace-controller,garbage-collector-controller,serviceaccount-controller,\
        root-ca-certificate-publisher-controller,clusterrole-aggregation-controller";
    holdfast_testcluster::cluster::Options {
        nodes: 0,
        kwok: false,
        controllers: Some(controllers.to_owned()),
        ..holdfast_testcluster::cluster::Options::default()
    }
}
