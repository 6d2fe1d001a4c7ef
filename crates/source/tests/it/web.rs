//! A web server for tests: answers by a function, and notes what it was asked.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use std::sync::{Arc, Mutex};
use tokio::task::AbortHandle;

/// A running server; it ends when dropped.
pub(crate) struct Web {
    address: std::net::SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

/// A request as far as tests look at it.
pub(crate) struct Asked {
    /// The path with its query.
    pub(crate) path: String,
    headers: axum::http::HeaderMap,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
}

/// Status, headers, body.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Answer {
    (200, Vec::new(), body.into())
}

pub(crate) fn status(code: u16) -> Answer {
    (code, Vec::new(), Vec::new())
}

impl Web {
    /// Starts a server. The function is given the server's own address, `http://127.0.0.1:PORT`.
    pub(crate) async fn start(
        answer: impl Fn(&str, &Asked) -> Answer + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let noted = requests.clone();
        let own = format!("http://{address}");
        let app = axum::Router::new().fallback(move |request: Request<Body>| {
            let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
            noted.lock().unwrap().push(path.clone());
            let asked = Asked { path, headers: request.headers().clone() };
            let (code, headers, body) = answer(&own, &asked);
            let mut response = Response::builder().status(StatusCode::from_u16(code).unwrap());
            for (name, value) in headers {
                response = response.header(name, value);
            }
            std::future::ready(response.body(Body::from(body)).unwrap())
        });
        let task = tokio::spawn(async move { axum::serve(listener, app).await }).abort_handle();
        Self { address, requests, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Host and port.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// What was asked since the last call.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.task.abort();
    }
}
