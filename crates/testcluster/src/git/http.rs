//! A server for git over HTTP or HTTPS.

use super::GitError;
use super::cgi;
use super::repository::Repositories;
use crate::certificate::ServerCertificate;
use crate::gate::{say, skipped};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// The largest request that is taken, in bytes: the largest push.
const REQUEST_LIMIT: usize = 256 << 20;

/// What a client has to show.
#[derive(Clone)]
pub struct Auth {
    challenge: &'static str,
    header: String, // empty: nothing has to be shown
    user: String,
}

impl Auth {
    /// Nothing; everybody reads, nobody writes.
    pub fn none() -> Self {
        Self { challenge: "", header: String::new(), user: String::new() }
    }

    /// A user and a password; who shows them may push.
    pub fn basic(user: &str, password: &str) -> Self {
        let header = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        Self { challenge: "Basic realm=\"git\"", header, user: user.to_owned() }
    }

    /// A bearer token; who shows it may push.
    pub fn bearer(token: &str) -> Self {
        Self {
            challenge: "Bearer realm=\"git\"",
            header: format!("Bearer {token}"),
            user: "token".to_owned(),
        }
    }
}

/// A running server; it ends when dropped.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    certificate: Option<ServerCertificate>,
    requests: Arc<Mutex<Vec<String>>>,
    listening: AbortHandle,
    _repositories: Repositories,
}

/// What every request needs.
struct Service {
    backend: PathBuf,
    repositories: Repositories,
    auth: Auth,
    requests: Arc<Mutex<Vec<String>>>,
}

impl HttpServer {
    /// Serves the repositories on a free port of the loopback interface, with HTTPS if `tls`, as long as the calling
    /// test's runtime lives. `None` after a `SKIPPED:` line where git has no http-backend.
    ///
    /// # Errors
    /// When no port or certificate can be had.
    pub async fn start(repositories: &Repositories, tls: bool, auth: Auth) -> Result<Option<Self>, GitError> {
        let Some(backend) = cgi::backend() else {
            skipped("git with http-backend is not installed");
            return Ok(None);
        };
        let certificate = if tls { Some(ServerCertificate::new()?) } else { None };
        let acceptor = match &certificate {
            Some(certificate) => Some(TlsAcceptor::from(certificate.server_config()?)),
            None => None,
        };
        let listen = |error| GitError::Io("listen on a port".to_owned(), error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let service = Arc::new(Service {
            backend,
            repositories: repositories.clone(),
            auth,
            requests: Arc::clone(&requests),
        });
        let listening = tokio::spawn(listen_on(listener, acceptor, service)).abort_handle();
        Ok(Some(Self { address, certificate, requests, listening, _repositories: repositories.clone() }))
    }

    /// The address to clone a repository from.
    pub fn url(&self, name: &str) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/{name}.git", self.address)
    }

    /// The certificate authority that a client has to trust, as PEM; `None` without HTTPS.
    pub fn ca(&self) -> Option<&str> {
        self.certificate.as_ref().map(ServerCertificate::ca)
    }

    /// What was asked so far, as `GET /apps.git/info/refs?service=git-upload-pack`: to count how often a client comes.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen_on(listener: TcpListener, acceptor: Option<TlsAcceptor>, service: Arc<Service>) {
    // An error of accept is of one connection, or of a process without file descriptors, which shows elsewhere too.
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, acceptor.clone(), Arc::clone(&service)));
    }
}

async fn connection(stream: TcpStream, acceptor: Option<TlsAcceptor>, service: Arc<Service>) {
    match acceptor {
        None => speak_http(stream, service).await,
        // A client that does not trust the certificate breaks the handshake off: that is its test.
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                speak_http(stream, service).await;
            }
        }
    }
}

async fn speak_http(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, service: Arc<Service>) {
    let serve = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    // Clients may go at any time.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), serve).await;
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let line = format!(
            "{} {}",
            request.method(),
            request.uri().path_and_query().map_or("/", |path| path.as_str())
        );
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        if !self.auth.admits(&request) {
            let mut response = status(StatusCode::UNAUTHORIZED);
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, http::HeaderValue::from_static(self.auth.challenge));
            return response;
        }
        let (head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, REQUEST_LIMIT).collect().await else {
            return status(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let request = Request::from_parts(head, body.to_bytes());
        let user = Some(self.auth.user.as_str()).filter(|user| !user.is_empty());
        match cgi::serve(&self.backend, self.repositories.path(), user, &request).await {
            Ok(response) => response,
            Err(error) => {
                say(&format!("git http-backend: {error}"));
                status(StatusCode::BAD_GATEWAY)
            }
        }
    }
}

impl Auth {
    fn admits(&self, request: &Request<Incoming>) -> bool {
        self.header.is_empty()
            || request
                .headers()
                .get(AUTHORIZATION)
                .is_some_and(|shown| shown.as_bytes() == self.header.as_bytes())
    }
}

fn status(code: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = code;
    response
}
