//! Single files over HTTP.

use crate::download::{Downloads, Get, unexpected, without_query};
use crate::flights::Flights;
use crate::http::authorization_value;
use crate::{Access, Credentials, SourceError};
use bytes::Bytes;
use futures::FutureExt;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of all files that are kept; beyond, those that were fetched longest ago go.
const MAX_KEPT: u64 = 64 << 20;

/// The address and whose credentials were used.
type Key = (String, [u8; 32]);

/// Files by address, each kept for as long as it is fresh enough to whoever asks.
pub(crate) struct HttpFiles {
    kept: Mutex<Kept>,
    flights: Flights<Key, Result<Bytes, SourceError>>,
}

#[derive(Default)]
struct Kept {
    files: HashMap<Key, (Instant, Bytes)>,
    bytes: u64,
}

impl Kept {
    fn fresh(&self, key: &Key, from: Instant) -> Option<Bytes> {
        self.files.get(key).filter(|(at, _)| *at >= from).map(|(_, body)| body.clone())
    }

    fn keep(&mut self, key: Key, at: Instant, body: Bytes) {
        self.bytes += body.len() as u64;
        if let Some((_, old)) = self.files.insert(key, (at, body)) {
            self.bytes -= old.len() as u64;
        }
        while self.bytes > MAX_KEPT
            && let Some(oldest) = self.files.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| key.clone())
        {
            if let Some((_, old)) = self.files.remove(&oldest) {
                self.bytes -= old.len() as u64;
            }
        }
    }
}

impl HttpFiles {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::default(), flights: Flights::new(Result::is_ok) }
    }

    /// The body of a successful answer; one that was asked for at most `max_age` ago will do.
    ///
    /// # Errors
    /// [`SourceError::TooLarge`] beyond `file_bytes`, [`SourceError::Protocol`] for a web page in place of a file, else
    /// whatever kept us from asking.
    pub(crate) async fn get(
        &self,
        downloads: &Arc<Downloads>,
        url: &str,
        access: &Access,
        max_age: Duration,
    ) -> Result<Bytes, SourceError> {
        let key = (url.to_owned(), access.fingerprint());
        let now = Instant::now();
        let from = now.checked_sub(max_age).unwrap_or(now);
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(body) = kept().fresh(&key, from) {
            return Ok(body);
        }
        let start = || {
            let (downloads, url, access) = (downloads.clone(), url.to_owned(), access.clone());
            async move { fetch(&downloads, &url, &access).await }.boxed()
        };
        let body = self.flights.share(key.clone(), start).await?;
        kept().keep(key, now, body.clone());
        Ok(body)
    }
}

async fn fetch(downloads: &Downloads, url: &str, access: &Access) -> Result<Bytes, SourceError> {
    let invalid =
        |url: &str, reason: &str| SourceError::InvalidUrl { url: url.into(), reason: reason.into() };
    let mut url = Url::parse(url).map_err(|e| invalid("the address", &e.to_string()))?;
    // A query may be a token.
    let shown = without_query(&url);
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(&shown, "a file is reached by https or http"));
    }
    let credentials = own_credentials(&url).unwrap_or_else(|| access.credentials.clone());
    // Neither can fail for addresses that have a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let authorization = authorization_value(&credentials, &shown)?;
    if authorization.is_some() && url.scheme() == "http" && !access.allow_plain_http_credentials {
        return Err(SourceError::InsecureCredentials { url: shown });
    }
    let had_credentials = authorization.is_some();
    let get = Get {
        url,
        access,
        authorization,
        headers: &[],
        what: &shown,
        limit: ("file_bytes", downloads.limits.file_bytes),
        shown: &shown,
    };
    let got = downloads.get(get).await?;
    let is_page = got.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let is_page = is_page.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
    let body = got.success(&shown, had_credentials)?;
    if is_page {
        return Err(unexpected(&shown, "a web page, where a file was expected"));
    }
    Ok(body)
}

/// The credentials that an address carries.
fn own_credentials(url: &Url) -> Option<Credentials> {
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let password = url.password()?;
    Some(Credentials::Basic { username: decoded(url.username()), password: decoded(password).into() })
}
