//! A client of the in-process service.

use bytes::Bytes;
use holdfast_sandbox::{Clock, Options, ResponseBody, Sandbox};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use std::time::Duration;
use tower::ServiceExt;

/// A sandbox and what speaks to it.
pub(crate) struct Api {
    pub(crate) sandbox: Sandbox,
}

/// An answer with its body read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) body: Value,
    pub(crate) warnings: Vec<String>,
}

impl Reply {
    /// `code reason: message` of a failure.
    pub(crate) fn failure(&self) -> String {
        let text = |key: &str| self.body[key].as_str().unwrap_or_default();
        format!("{} {}: {}", self.code, text("reason"), text("message"))
    }

    /// The body, when the code is as expected.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!(self.code < 300, "{}", self.failure());
        self.body
    }
}

impl Api {
    pub(crate) fn start() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let start = time::OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("a time");
        let clock = Clock::starting_at(start);
        Self { sandbox: Sandbox::start(Options { clock, ..options }) }
    }

    pub(crate) async fn raw(&self, request: Request<Full<Bytes>>) -> Response<ResponseBody> {
        let Ok(response) = self.sandbox.service().oneshot(request).await;
        response
    }

    /// Sends a request; `media` is the body's type, or the `Accept` header of a request without a body.
    pub(crate) async fn send(&self, method: &str, path: &str, media: &str, body: &Value) -> Reply {
        let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        let header = if body.is_null() { "accept" } else { "content-type" };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header, media)
            .header("user-agent", "test/1.0")
            .body(Full::new(bytes))
            .expect("a request");
        let response = self.raw(request).await;
        let code = response.status().as_u16();
        let warnings = response
            .headers()
            .get_all("warning")
            .iter()
            .filter_map(|v| v.to_str().ok())
            .map(str::to_owned)
            .collect();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Reply { code, body, warnings }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "application/json", &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, "application/json", &body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.send("PUT", path, "application/json", &body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, "application/json", &Value::Null).await
    }

    pub(crate) async fn merge(&self, path: &str, body: Value) -> Reply {
        self.send("PATCH", path, "application/merge-patch+json", &body).await
    }

    pub(crate) async fn apply(&self, path: &str, body: Value) -> Reply {
        self.send("PATCH", path, "application/apply-patch+yaml", &body).await
    }

    /// Opens a watch.
    pub(crate) async fn watch(&self, path: &str) -> Events {
        let request = Request::get(path).body(Full::new(Bytes::new())).expect("a request");
        let response = self.raw(request).await;
        assert_eq!(response.status(), 200);
        Events { body: response.into_body(), buffer: Vec::new() }
    }
}

/// An open watch.
pub(crate) struct Events {
    body: ResponseBody,
    buffer: Vec<u8>,
}

impl Events {
    /// The next event, `None` at the end of the watch or after a long silence.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).expect("an event"));
            }
            let frame = tokio::time::timeout(Duration::from_secs(3600), self.body.frame()).await.ok()??;
            if let Ok(data) = frame.expect("a frame").into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }

    /// The next event as `TYPE name`.
    pub(crate) async fn brief(&mut self) -> String {
        match self.next().await {
            Some(event) => {
                let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
                format!("{} {name}", event["type"].as_str().unwrap_or_default())
            }
            None => "end".to_owned(),
        }
    }
}
