use super::answer::{ResponseBody, failure};
use super::dispatch::{Incoming, dispatch};
use super::{ADMIN_TOKEN, BODY_MAX, ResponseBody as Out};
use crate::Sandbox;
use crate::status::ApiError;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A sandbox's API as a `tower` service.
#[derive(Debug, Clone)]
pub struct SandboxService {
    sandbox: Sandbox,
}

impl SandboxService {
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        Self { sandbox }
    }
}

impl<B> tower::Service<Request<B>> for SandboxService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let sandbox = self.sandbox.clone();
        Box::pin(async move { Ok(answer(sandbox, request).await) })
    }
}

async fn answer<B>(sandbox: Sandbox, request: Request<B>) -> Response<Out>
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_MAX).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return failure(&ApiError::too_large(BODY_MAX)),
        Err(error) => return failure(&ApiError::bad_request(format!("the body was not read: {error}"))),
    };
    let text = |name: header::HeaderName| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    };
    let incoming = Incoming {
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        accept: accept_header(&parts.headers),
        content_type: text(header::CONTENT_TYPE),
        user_agent: text(header::USER_AGENT),
        headers: parts.headers.clone(),
        body: Bytes::clone(&body),
    };
    match dispatch(sandbox.core(), incoming).await {
        Ok(answer) => answer.into_response(),
        Err(error) => failure(&error),
    }
}

/// All `Accept` headers as one list.
fn accept_header(headers: &http::HeaderMap) -> Option<String> {
    let all: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
    (!all.is_empty()).then(|| all.join(","))
}

/// A socket on which a sandbox listens; it closes when this is dropped.
#[derive(Debug)]
pub struct Listening {
    /// The address, with the port that was given.
    pub addr: SocketAddr,
    /// Ends the listener and its connections when dropped or disarmed and cancelled.
    pub shutdown: DropGuard,
}

/// Serves a sandbox on a socket.
pub(crate) async fn listen(sandbox: Sandbox, addr: SocketAddr) -> std::io::Result<Listening> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let stop = CancellationToken::new();
    let shutdown = stop.clone().drop_guard();
    tokio::spawn(accept(listener, SandboxService::new(sandbox), stop));
    Ok(Listening { addr, shutdown })
}

async fn accept(listener: TcpListener, service: SandboxService, stop: CancellationToken) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    continue;
                }
            },
        };
        let _ = stream.set_nodelay(true);
        let (service, stop) = (TowerToHyperService::new(service.clone()), stop.clone());
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            if let Some(Err(error)) = stop.run_until_cancelled(connection).await {
                tracing::debug!(error, "connection ended");
            }
        });
    }
}

/// A kubeconfig that leads to a sandbox at an address.
pub(crate) fn kubeconfig(addr: SocketAddr) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: sandbox\n  cluster:\n    server: http://{addr}\ncontexts:\n- name: sandbox\n  context:\n    cluster: sandbox\n    user: admin\n    namespace: default\ncurrent-context: sandbox\nusers:\n- name: admin\n  user:\n    token: {ADMIN_TOKEN}\n"
    )
}
