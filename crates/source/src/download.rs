//! Files over HTTP, for registries and Helm repositories: limited in size, with credentials for one server only.

use crate::http::{HttpClients, request_error, status_error};
use crate::{Access, Limits, SourceError};
use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Response, StatusCode, Url};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What all downloads share.
pub(crate) struct Downloads {
    pub(crate) clients: HttpClients,
    pub(crate) limits: Limits,
    network: Semaphore,
}

/// One request.
pub(crate) struct Get<'a> {
    pub(crate) url: Url,
    pub(crate) access: &'a Access,
    /// Sent to the server of `url`, and to no other that it may redirect to.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) headers: &'a [(HeaderName, HeaderValue)],
    /// What the error about a limit calls the content.
    pub(crate) what: &'a str,
    /// The limit's name and value in bytes.
    pub(crate) limit: (&'static str, u64),
    /// How the source is named in errors.
    pub(crate) shown: &'a str,
}

/// The answer to a request. Statuses other than success are for the caller to judge.
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

const MAX_REDIRECTS: usize = 10;

impl Downloads {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        let network = Semaphore::new(limits.concurrent.max(1));
        Arc::new(Self { clients: HttpClients::default(), limits, network })
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn get(&self, get: Get<'_>) -> Result<Got, SourceError> {
        let _permit = self.network.acquire().await.map_err(|_| SourceError::Cancelled)?;
        let after = get.access.timeout.unwrap_or(self.limits.timeout);
        let timed_out = SourceError::TimedOut { url: get.shown.to_owned(), after };
        tokio::time::timeout(after, self.get_now(get)).await.map_err(|_| timed_out)?
    }

    async fn get_now(&self, get: Get<'_>) -> Result<Got, SourceError> {
        let client = self.clients.get(get.access, get.shown)?;
        let home = origin(&get.url);
        let mut at = get.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut headers: HeaderMap = get.headers.iter().cloned().collect();
            if let Some(value) = get.authorization.as_ref().filter(|_| origin(&at) == home) {
                headers.insert(reqwest::header::AUTHORIZATION, value.clone());
            }
            let response = client
                .get(at.clone())
                .headers(headers)
                .send()
                .await
                .map_err(|e| request_error(&e, get.shown))?;
            if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED {
                return read(response, &get).await;
            }
            let target =
                response.headers().get(LOCATION).and_then(|l| l.to_str().ok()).and_then(|l| at.join(l).ok());
            let Some(target) = target else { return Err(unexpected(get.shown, "redirected to no address")) };
            if at.scheme() == "https" && target.scheme() != "https" {
                return Err(unexpected(
                    get.shown,
                    "refusing a redirect from https to an unencrypted address",
                ));
            }
            at = target;
        }
        Err(unexpected(get.shown, "too many redirects"))
    }
}

impl Got {
    /// The body of a successful answer.
    pub(crate) fn success(self, shown: &str, had_credentials: bool) -> Result<Bytes, SourceError> {
        if self.status.is_success() {
            Ok(self.body)
        } else {
            Err(status_error(self.status, shown, had_credentials))
        }
    }
}

async fn read(mut response: Response, get: &Get<'_>) -> Result<Got, SourceError> {
    let (limit_name, limit) = get.limit;
    let too_large = |size| SourceError::TooLarge { what: get.what.to_owned(), size, limit_name, limit };
    if let Some(size) = response.content_length().filter(|size| *size > limit) {
        return Err(too_large(size));
    }
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| request_error(&e, get.shown))? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(too_large((body.len() + chunk.len()) as u64));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Got { status, headers, body: body.freeze() })
}

/// Whom a request goes to: credentials for one are not for another.
pub(crate) fn origin(url: &Url) -> (String, Option<String>, Option<u16>) {
    (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default())
}

pub(crate) fn unexpected(shown: &str, message: &str) -> SourceError {
    SourceError::Protocol { url: shown.to_owned(), message: message.to_owned() }
}

/// An address as it may be shown: queries may hold signatures.
pub(crate) fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    // Neither can fail for addresses that have a host.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.to_string()
}
