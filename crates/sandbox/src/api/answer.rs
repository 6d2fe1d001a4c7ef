//! Answers on their way out.

use crate::status::ApiError;
use crate::store::write_json;
use bytes::Bytes;
use futures::Stream;
use futures::StreamExt;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use serde_json::Value;
use std::convert::Infallible;
use std::pin::Pin;

/// The body of every response.
pub type ResponseBody = UnsyncBoxBody<Bytes, Infallible>;

type Chunks = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

/// What a handler answers.
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) content: Content,
    /// Texts of `Warning` headers.
    pub(crate) warnings: Vec<String>,
    pub(crate) content_type: &'static str,
}

/// An answer's body.
pub(crate) enum Content {
    Bytes(Bytes),
    Stream(Chunks),
}

const JSON: &str = "application/json";

impl Answer {
    pub(crate) fn json(code: u16, value: &Value) -> Self {
        let mut out = Vec::with_capacity(1024);
        write_json(&mut out, value);
        Self::bytes(code, out)
    }

    /// JSON that is already written.
    pub(crate) fn bytes(code: u16, json: Vec<u8>) -> Self {
        Self { code, content: Content::Bytes(json.into()), warnings: Vec::new(), content_type: JSON }
    }

    pub(crate) fn text(code: u16, text: &str) -> Self {
        Self {
            code,
            content: Content::Bytes(Bytes::copy_from_slice(text.as_bytes())),
            warnings: Vec::new(),
            content_type: "text/plain; charset=utf-8",
        }
    }

    pub(crate) fn stream(chunks: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self {
            code: 200,
            content: Content::Stream(Box::pin(chunks)),
            warnings: Vec::new(),
            content_type: JSON,
        }
    }

    /// The same as YAML, unless it is a stream or no JSON.
    pub(crate) fn into_yaml(mut self) -> Self {
        if let Content::Bytes(bytes) = &self.content
            && self.content_type == JSON
            && let Ok(value) = serde_json::from_slice::<Value>(bytes)
        {
            self.content = Content::Bytes(holdfast_yaml::to_string(&value).into());
            self.content_type = "application/yaml";
        }
        self
    }

    pub(crate) fn with_type(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    pub(crate) fn warning(mut self, warnings: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        let body = match self.content {
            Content::Bytes(bytes) => Full::new(bytes).boxed_unsync(),
            Content::Stream(chunks) => StreamBody::new(chunks.map(|c| Ok(Frame::data(c)))).boxed_unsync(),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        for warning in &self.warnings {
            if let Ok(value) = HeaderValue::from_str(&warning_header(warning)) {
                headers.append(header::WARNING, value);
            }
        }
        response
    }
}

/// `299 - "text"` with quotes and control characters escaped.
fn warning_header(text: &str) -> String {
    let mut out = String::from("299 - \"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl From<ApiError> for Answer {
    fn from(error: ApiError) -> Self {
        if error.is_plain_text() {
            return Self::text(error.code(), error.message());
        }
        Self::json(error.code(), &error.to_value())
    }
}

/// The response for a failure, with the headers that belong to it.
pub(crate) fn failure(error: &ApiError) -> Response<ResponseBody> {
    let mut response = Answer::from(error.clone()).into_response();
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
