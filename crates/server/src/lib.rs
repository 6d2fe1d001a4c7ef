//! What a running Holdfast serves over HTTP: `/healthz`, `/readyz`, `/metrics` and `/webhook`, and at an address of
//! their own the artifacts of sources.
//!
//! It reads what the engine knows and tells sources that they have news. It changes nothing in a cluster and
//! answers nothing about what a cluster holds.

mod artifacts;
mod metrics;
mod webhook;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State as FromState};
use axum::http::StatusCode;
use axum::routing::{get, post};
use holdfast_cluster::Cluster;
use holdfast_controller::Engine;
use holdfast_render::RenderCache;
use holdfast_source::{Sources, Storage};
use secrecy::SecretString;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What the server tells about: a cluster, and the engine while it acts.
#[derive(Clone)]
pub struct State {
    cluster: Cluster,
    acting: Arc<RwLock<Option<Acting>>>,
}

/// What acts on the cluster.
#[derive(Clone)]
pub struct Acting {
    /// The engine.
    pub engine: Engine,
    /// The renders that it has remembered.
    pub renders: Arc<RenderCache>,
}

impl State {
    /// A process that does not act yet.
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster, acting: Arc::default() }
    }

    /// What acts from now on; `None` when another process holds the leases.
    pub fn acts(&self, acting: Option<Acting>) {
        *self.acting.write().unwrap_or_else(std::sync::PoisonError::into_inner) = acting;
    }

    fn acting(&self) -> Option<Acting> {
        self.acting.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

#[derive(Clone)]
struct Shared {
    state: State,
    sources: Sources,
    secret: Option<Arc<SecretString>>,
}

/// A server that is bound to its address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl Server {
    /// Binds an address. Webhooks must be signed with `secret`; without one they are refused.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(
        address: SocketAddr,
        state: State,
        sources: Sources,
        secret: Option<String>,
    ) -> std::io::Result<Self> {
        Self::serve(TcpListener::bind(address).await?, router(state, sources, secret))
    }

    /// Serves the artifacts of sources at an address that is bound already, as the statuses of sources name them.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn of_artifacts(listener: TcpListener, storage: Storage) -> std::io::Result<Self> {
        Self::serve(listener, artifacts::router(storage))
    }

    fn serve(listener: TcpListener, router: Router) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { listener, address, router })
    }

    /// The address, with the port that was given where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let stopped = async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        if let Err(error) = axum::serve(self.listener, self.router).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "the server ended badly");
        }
    }
}

fn router(state: State, sources: Sources, secret: Option<String>) -> Router {
    let secret =
        secret.filter(|secret| !secret.is_empty()).map(|secret| Arc::new(SecretString::from(secret)));
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics::answer))
        .route("/webhook", post(webhook::answer))
        .layer(DefaultBodyLimit::max(holdfast_source::webhook::MAX_BODY_BYTES))
        .with_state(Shared { state, sources, secret })
}

/// Ready: this process can take over at any moment, because it reads the cluster.
async fn ready(FromState(shared): FromState<Shared>) -> (StatusCode, &'static str) {
    match shared.state.cluster.discovery().is_empty() {
        false => (StatusCode::OK, "ok"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "the cluster was not read yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use holdfast_sandbox::{Options, Sandbox};
    use holdfast_source::{GitCache, GitUrl, Limits};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    fn parts() -> (State, Sources) {
        let sandbox = Sandbox::start(Options::default());
        let cluster = Cluster::new(kube::Client::new(sandbox.service(), "default"));
        let cache = GitCache::new(std::env::temp_dir().join("holdfast-server-tests"), Limits::default());
        (State::new(cluster), Sources::new(cache))
    }

    async fn ask(router: &Router, request: Request<Body>) -> (u16, String) {
        let response = router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn ready_once_the_cluster_was_read() {
        let (state, sources) = parts();
        let router = router(state.clone(), sources, None);
        let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(ask(&router, get("/healthz")).await.0, 200);
        assert_eq!(ask(&router, get("/readyz")).await.0, 503);
        state.cluster.refresh_discovery().await.unwrap();
        assert_eq!(ask(&router, get("/readyz")).await.0, 200);
        let (status, metrics) = ask(&router, get("/metrics")).await;
        assert_eq!(status, 200);
        assert!(metrics.contains("holdfast_api_requests_total{verb=\"get\"} 2"), "{metrics}");
    }

    #[tokio::test]
    async fn a_push_wakes_the_repository_and_an_unsigned_one_nobody() {
        let (state, sources) = parts();
        let mut news = sources.subscribe();
        let push = |token: &str| {
            let body = r#"{"object_kind": "push", "ref": "refs/heads/main", "before": "a", "after": "b",
                "project": {"git_http_url": "https://gitlab.example.com/team/app.git"}, "commits": []}"#;
            Request::post("/webhook")
                .header("x-gitlab-event", "Push Hook")
                .header("x-gitlab-token", token)
                .body(Body::from(body))
                .unwrap()
        };
        let closed = router(state.clone(), sources.clone(), None);
        assert_eq!(ask(&closed, push("secret")).await.0, 403);
        let open = router(state, sources, Some("secret".into()));
        assert_eq!(ask(&open, push("guess")).await.0, 401);
        assert!(news.try_recv().is_err());
        assert_eq!(ask(&open, push("secret")).await.0, 202);
        let expected = GitUrl::parse("https://gitlab.example.com/team/app").unwrap().key();
        assert_eq!(news.recv().await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_pushed_image_wakes_its_repository() {
        let (state, sources) = parts();
        let mut news = sources.subscribe();
        let router = router(state, sources, Some("secret".into()));
        let notify = |token: &str| {
            let body = r#"{"events": [{"action": "push", "target": {"repository": "team/app"},
                "request": {"host": "Registry.example.com:5000"}}]}"#;
            Request::post("/webhook")
                .header("content-type", "application/vnd.docker.distribution.events.v2+json")
                .header("authorization", format!("Bearer {token}"))
                .body(Body::from(body))
                .unwrap()
        };
        assert_eq!(ask(&router, notify("guess")).await.0, 401);
        assert!(news.try_recv().is_err());
        assert_eq!(ask(&router, notify("secret")).await, (202, "1 images".to_owned()));
        assert_eq!(news.recv().await.unwrap(), "oci://registry.example.com:5000/team/app");
    }

    #[tokio::test]
    async fn a_signature_is_of_the_body_and_by_the_secret() {
        let (state, sources) = parts();
        let mut news = sources.subscribe();
        let router = router(state, sources, Some("secret".into()));
        // HMAC-SHA256 of the body under the secret.
        const BODY: &str =
            r#"{"ref": "refs/heads/main", "repository": {"clone_url": "https://github.com/team/app.git"}}"#;
        const GOOD: &str = "sha256=19fab08be6a0c821e0941394cb785db0aa4c9fb92efba8f5113e6898f1c6eb41";
        let post = |headers: &[(&str, &str)], body: &str| {
            let request =
                headers.iter().fold(Request::post("/webhook"), |r, (name, value)| r.header(*name, *value));
            request.body(Body::from(body.to_owned())).unwrap()
        };
        let github =
            |signature: &'static str| [("x-github-event", "push"), ("x-hub-signature-256", signature)];
        let bad = GOOD.replace("19fab", "29fab");
        assert_eq!(ask(&router, post(&[("x-github-event", "push")], BODY)).await.0, 401);
        assert_eq!(ask(&router, post(&[("x-signature", &bad)], BODY)).await.0, 401);
        let other = BODY.replace("team/app", "team/web");
        assert_eq!(ask(&router, post(&github(GOOD), &other)).await.0, 401);
        assert!(news.try_recv().is_err(), "nobody was woken");

        let expected = GitUrl::parse("https://github.com/team/app").unwrap().key();
        assert_eq!(ask(&router, post(&github(GOOD), BODY)).await.0, 202);
        assert_eq!(news.recv().await.unwrap(), expected);
        assert_eq!(ask(&router, post(&[("x-signature", GOOD)], BODY)).await.0, 202);
        assert_eq!(news.recv().await.unwrap(), expected);
        // What a provider sends besides pushes is taken and answered.
        let ping = [("x-github-event", "ping"), ("x-hub-signature-256", GOOD)];
        assert_eq!(ask(&router, post(&ping, BODY)).await, (200, "nothing to do for ping".to_owned()));
    }
}
