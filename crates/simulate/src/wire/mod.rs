//! What lies between a client and the sandbox: it can fail, it is watched by the laws, and it ends with its process.

mod asked;
mod stream;
mod weather;

pub(crate) use asked::Asked;
pub use weather::Weather;
pub(crate) use weather::{Mishap, Sort, WatchMishap};

use crate::laws::Turn;
use crate::world::World;
use bytes::Bytes;
use futures::future::BoxFuture;
use holdfast_sandbox::SandboxService;
use http::{Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tower::{BoxError, Service};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Our process, by the number of its life.
    Ours(u32),
    /// A person.
    User,
    /// A controller that wants something else.
    Rival,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(life) => write!(f, "we.{life}"),
            Self::User => f.write_str("user"),
            Self::Rival => f.write_str("rival"),
        }
    }
}

/// Whether a process lives. Once it has ended, nothing that it still does reaches the server.
#[derive(Debug, Default)]
pub(crate) struct Life {
    over: AtomicBool,
    ended: Notify,
}

impl Life {
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
        self.ended.notify_waiters();
    }

    /// Waits for the end.
    pub(crate) async fn ended(&self) {
        let ended = self.ended.notified();
        if !self.is_over() {
            ended.await;
        }
    }
}

/// A body that is whole or a stream of watch events.
pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A connection to the sandbox.
#[derive(Clone)]
pub(crate) struct Wire {
    service: SandboxService,
    world: World,
    role: Role,
    life: Arc<Life>,
}

impl Wire {
    pub(crate) fn new(service: SandboxService, world: World, role: Role, life: Arc<Life>) -> Self {
        Self { service, world, role, life }
    }

    /// Sends a request through everything that may happen to it.
    pub(crate) async fn send(self, asked: Asked) -> Result<Response<Body>, BoxError> {
        if self.life.is_over() {
            return Err("connection refused: the process has ended".into());
        }
        let _turn = Turn::take(&self.world, self.role, &asked);
        let mishap = self.world.mishap(self.role, &asked);
        match mishap {
            Mishap::None | Mishap::LostAnswer | Mishap::LateAnswer(_) | Mishap::DiesAfter => {}
            Mishap::DiesBefore => {
                self.life.end();
                return Err("the process ended before the request was sent".into());
            }
            Mishap::Late(time) => self.dawdle(time).await?,
            Mishap::Hangs => {
                self.life.ended().await;
                return Err("the process ended".into());
            }
            Mishap::Broken => return Err("connection reset by peer".into()),
            Mishap::Answers(status, retry_after) => return Ok(failure(status, retry_after)),
        }
        let answer = self.clone().exchange(asked).await;
        match mishap {
            Mishap::DiesAfter => {
                self.life.end();
                Err("the process ended before the answer came".into())
            }
            Mishap::LostAnswer => Err("connection reset by peer while the answer was on its way".into()),
            Mishap::LateAnswer(time) => {
                self.dawdle(time).await?;
                answer
            }
            _ => answer,
        }
    }

    /// Takes its time, unless the process ends.
    async fn dawdle(&self, time: Duration) -> Result<(), BoxError> {
        tokio::select! {
            biased;
            () = self.life.ended() => Err("the process ended".into()),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    async fn exchange(mut self, asked: Asked) -> Result<Response<Body>, BoxError> {
        let before = self.world.object(&asked);
        let request = asked.request()?;
        // The sandbox answers in one go: nothing happens between these two looks at the object but this request.
        let Ok(response) = self.service.call(request).await;
        let (parts, body) = response.into_parts();
        if asked.is_watch() && parts.status.is_success() {
            self.world.answered(self.role, &asked, (None, None), parts.status.as_u16(), b"");
            let body = stream::watched(body, self.world, self.role, self.life);
            return Ok(Response::from_parts(parts, body));
        }
        let body = body.collect().await.map_err(|e| BoxError::from(format!("{e}")))?.to_bytes();
        let after = self.world.object(&asked);
        self.world.answered(self.role, &asked, (before, after), parts.status.as_u16(), &body);
        Ok(Response::from_parts(parts, whole(body)))
    }
}

impl Service<Request<kube::client::Body>> for Wire {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<kube::client::Body>) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map_err(|e| BoxError::from(e.to_string()))?.to_bytes();
            wire.send(Asked::new(parts, body)).await
        })
    }
}

pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A failure in the server's words.
fn failure(status: u16, retry_after: Option<u64>) -> Response<Body> {
    let (reason, message) = match status {
        409 => ("Conflict", "the object has been modified; please apply your changes to the latest version"),
        410 => ("Expired", "The provided continue parameter or resourceVersion is too old"),
        429 => ("TooManyRequests", "Too many requests, please try again later."),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
        _ => ("InternalError", "Internal error occurred: etcdserver: request timed out"),
    };
    let mut body = holdfast_object::json!({"kind": "Status", "apiVersion": "v1", "metadata": {},
        "status": "Failure", "message": message, "reason": reason, "code": status});
    if let Some(seconds) = retry_after {
        body["details"] = holdfast_object::json!({"retryAfterSeconds": seconds});
    }
    let mut response = Response::new(whole(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    response
}
