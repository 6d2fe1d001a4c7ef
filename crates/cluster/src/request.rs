use crate::error::ApiError;
use crate::{ApiResource, Cluster};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::BodyExt;
use kube::client::Body;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The longest a request that is no watch may take before its connection counts as dead.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// An answer larger than this is refused: a list is read in pages, an object is at most a few MiB.
const MAX_ANSWER: usize = 256 << 20;

/// What a query value may hold unescaped.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b',');

/// A request to the API server.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    content_type: Option<&'static str>,
    accept: &'static str,
    body: Bytes,
}

/// How a patch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// Server-side apply.
    Apply,
    /// RFC 7386.
    Merge,
    /// Kubernetes' strategic merge.
    Strategic,
    /// RFC 6902.
    Json,
}

/// The server's answer to a request that succeeded.
#[derive(Debug, Clone)]
pub struct ApiResponse {
    /// The HTTP status: 201 tells a creation from a change.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl ApiRequest {
    fn new(method: Method, path: String) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            content_type: None,
            accept: "application/json",
            body: Bytes::new(),
        }
    }

    /// Reads a path.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into())
    }

    /// Reads an object.
    pub fn get_object(resource: &ApiResource, namespace: &str, name: &str) -> Self {
        Self::get(resource.object_path(namespace, name))
    }

    /// Creates an object.
    pub fn create(resource: &ApiResource, namespace: &str, body: impl Into<Bytes>) -> Self {
        Self {
            content_type: Some("application/json"),
            body: body.into(),
            ..Self::new(Method::POST, resource.path(namespace))
        }
    }

    /// Creates a subresource of an object: a token, an eviction.
    pub fn create_subresource(
        resource: &ApiResource,
        namespace: &str,
        name: &str,
        subresource: &str,
        body: impl Into<Bytes>,
    ) -> Self {
        let path = format!("{}/{subresource}", resource.object_path(namespace, name));
        Self { content_type: Some("application/json"), body: body.into(), ..Self::new(Method::POST, path) }
    }

    /// Replaces an object.
    pub fn replace(resource: &ApiResource, namespace: &str, name: &str, body: impl Into<Bytes>) -> Self {
        let path = resource.object_path(namespace, name);
        Self { content_type: Some("application/json"), body: body.into(), ..Self::new(Method::PUT, path) }
    }

    /// Patches an object.
    pub fn patch(
        resource: &ApiResource,
        namespace: &str,
        name: &str,
        kind: PatchKind,
        body: impl Into<Bytes>,
    ) -> Self {
        let content_type = match kind {
            PatchKind::Apply => "application/apply-patch+yaml",
            PatchKind::Merge => "application/merge-patch+json",
            PatchKind::Strategic => "application/strategic-merge-patch+json",
            PatchKind::Json => "application/json-patch+json",
        };
        let path = resource.object_path(namespace, name);
        Self { content_type: Some(content_type), body: body.into(), ..Self::new(Method::PATCH, path) }
    }

    /// Deletes an object; the body is `DeleteOptions`.
    pub fn delete(resource: &ApiResource, namespace: &str, name: &str, options: impl Into<Bytes>) -> Self {
        let path = resource.object_path(namespace, name);
        Self {
            content_type: Some("application/json"),
            body: options.into(),
            ..Self::new(Method::DELETE, path)
        }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    /// Addresses a subresource of the object.
    #[must_use]
    pub fn subresource(mut self, name: &str) -> Self {
        self.path = format!("{}/{name}", self.path);
        self
    }

    /// Asks for another representation than plain JSON.
    #[must_use]
    pub fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    fn uri(&self) -> String {
        let mut uri = self.path.clone();
        for (number, (key, value)) in self.query.iter().enumerate() {
            uri.push(if number == 0 { '?' } else { '&' });
            uri.push_str(key);
            uri.push('=');
            uri.extend(utf8_percent_encode(value, QUERY));
        }
        uri
    }

    fn build(self, identity: Option<&str>) -> Result<Request<Body>, ApiError> {
        let refuse = |e: &dyn std::fmt::Display| ApiError::unreachable(format!("bad request: {e}"));
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(self.uri())
            .header(header::ACCEPT, self.accept)
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(content_type) = self.content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        if let Some(user) = identity {
            let user = HeaderValue::from_str(user).map_err(|e| refuse(&e))?;
            request = request.header("Impersonate-User", user);
        }
        request.body(Body::from(self.body)).map_err(|e| refuse(&e))
    }
}

/// Requests made, by verb, and how many of them failed.
#[derive(Debug, Default)]
pub struct RequestCounts {
    get: AtomicU64,
    create: AtomicU64,
    update: AtomicU64,
    patch: AtomicU64,
    delete: AtomicU64,
    watch: AtomicU64,
    failed: AtomicU64,
}

impl RequestCounts {
    fn count(&self, method: &Method, watch: bool) {
        let counter = match *method {
            _ if watch => &self.watch,
            Method::POST => &self.create,
            Method::PUT => &self.update,
            Method::PATCH => &self.patch,
            Method::DELETE => &self.delete,
            _ => &self.get,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts by verb; `failed` counts those of any verb that did not succeed.
    pub fn by_verb(&self) -> [(&'static str, u64); 7] {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("get", read(&self.get)),
            ("create", read(&self.create)),
            ("update", read(&self.update)),
            ("patch", read(&self.patch)),
            ("delete", read(&self.delete)),
            ("watch", read(&self.watch)),
            ("failed", read(&self.failed)),
        ]
    }
}

impl Cluster {
    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// [`ApiError`] with the server's words, or what the transport said when there was no answer.
    pub async fn request(&self, request: ApiRequest) -> Result<ApiResponse, ApiError> {
        self.counts.count(&request.method, false);
        let fence = self.fence.as_ref().filter(|_| request.method != Method::GET);
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, self.exchange(request));
        let result = match fence {
            None => answer.await,
            Some(fence) if !fence.is_open() => Ok(Err(ApiError::fenced_off())),
            // A write that is still under way when the right ends is given up: it must not reach the server later.
            Some(fence) => tokio::select! {
                answer = answer => answer,
                () = fence.closed() => Ok(Err(ApiError::fenced_off())),
            },
        };
        let result = result.unwrap_or_else(|_| Err(ApiError::timed_out(REQUEST_TIMEOUT)));
        if result.is_err() {
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    async fn exchange(&self, request: ApiRequest) -> Result<ApiResponse, ApiError> {
        let request = request.build(self.identity.as_deref())?;
        let response = self.client.send(request).await.map_err(|e| ApiError::unreachable(describe(&e)))?;
        let status = response.status().as_u16();
        let retry_after = (response.headers().get(header::RETRY_AFTER))
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.parse::<u64>().ok());
        let body = http_body_util::Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|e| ApiError::unreachable(format!("the answer broke off: {e}")))?.to_bytes();
        if (200..300).contains(&status) {
            Ok(ApiResponse { status, body })
        } else {
            Err(ApiError::from_answer(status, &body, retry_after))
        }
    }

    /// Sends a request whose answer is a stream.
    pub(crate) async fn stream(&self, request: ApiRequest) -> Result<Body, ApiError> {
        self.counts.count(&request.method, true);
        let request = request.build(self.identity.as_deref())?;
        let sent = tokio::time::timeout(REQUEST_TIMEOUT, self.client.send(request)).await;
        let response = sent
            .map_err(|_| ApiError::unreachable("no answer to a watch"))?
            .map_err(|e| ApiError::unreachable(describe(&e)))?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(response.into_body());
        }
        let body = response.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
        Err(ApiError::from_answer(status, &body, None))
    }
}

/// An error with its causes: the outermost alone says little ("client error (Connect)").
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_escaped() {
        let request =
            ApiRequest::get("/api/v1/pods").query("labelSelector", "a=b,c in (d)").query("limit", "5");
        assert_eq!(request.uri(), "/api/v1/pods?labelSelector=a%3Db,c%20in%20%28d%29&limit=5");
    }
}
