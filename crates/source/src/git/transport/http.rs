//! Git's HTTP protocol over the shared, asynchronous client.

use super::{Dial, Failure, Meter, authorization};
use crate::SourceError;
use crate::cancel::Cancel;
use crate::http::{request_error, status_error};
use bytes::Bytes;
use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Client, Method, Response, Url};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;

/// The requests of one connection. The Git library asks from a blocking thread; the runtime does the work.
pub(super) struct Exchanges {
    link: Link,
    /// Where the repository really is, after the first answer redirected us.
    redirected: Arc<Mutex<Option<String>>>,
}

#[derive(Clone)]
struct Link {
    client: Client,
    authorization: Option<HeaderValue>,
    /// The server that the credentials are for.
    home: Url,
    shown: String,
    runtime: Handle,
    cancel: Cancel,
    meter: Meter,
    failure: Failure,
}

/// How many redirects the first request follows.
const MAX_REDIRECTS: usize = 5;

/// What a request may carry: wants, haves and shallow commits, a line of some 50 bytes each.
const MAX_REQUEST_BYTES: usize = 16 << 20;

impl Exchanges {
    pub(super) fn new(dial: &Dial<'_>) -> Result<Self, SourceError> {
        let shown = dial.url.to_string();
        let home = Url::parse(&dial.url.without_credentials().to_string())
            .map_err(|e| SourceError::InvalidUrl { url: shown.clone(), reason: e.to_string() })?;
        Ok(Self {
            link: Link {
                client: dial.clients.get(dial.access, &shown)?,
                authorization: authorization(dial.access, dial.url)?,
                home,
                shown,
                runtime: dial.runtime.clone(),
                cancel: dial.cancel.clone(),
                meter: dial.meter.clone(),
                failure: dial.failure.clone(),
            },
            redirected: Arc::default(),
        })
    }
}

impl Http for Exchanges {
    type Headers = io::BufReader<HeaderReader>;
    type ResponseBody = io::BufReader<BodyReader>;
    type PostBody = RequestBody;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::error::Result<GetResponse<Self::Headers, Self::ResponseBody>> {
        let headers = header_map(headers);
        let (response, base) = self
            .link
            .get(url, base_url, &headers)
            .map_err(|e| gix::error::Error::from_error(self.link.fail(e)))?;
        if base != base_url {
            *self.redirected.lock().unwrap_or_else(PoisonError::into_inner) = Some(base);
        }
        let exchange = Exchange::shared(self.link.clone(), State::Answered(Box::new(response)));
        Ok(GetResponse {
            headers: io::BufReader::new(HeaderReader::new(exchange.clone())),
            body: io::BufReader::with_capacity(64 << 10, BodyReader::new(exchange)),
        })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix::error::Result<PostResponse<Self::Headers, Self::ResponseBody, Self::PostBody>> {
        let state = State::Collecting { url: url.to_owned(), headers: header_map(headers), body: Vec::new() };
        let exchange = Exchange::shared(self.link.clone(), state);
        Ok(PostResponse {
            post_body: RequestBody(exchange.clone()),
            headers: io::BufReader::new(HeaderReader::new(exchange.clone())),
            body: io::BufReader::with_capacity(64 << 10, BodyReader::new(exchange)),
        })
    }

    fn configure(&mut self, _config: &dyn std::any::Any) -> gix::error::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.redirected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Link {
    /// Keeps the reason and gives the Git library an error of its own to pass up.
    fn fail(&self, error: SourceError) -> io::Error {
        let text = error.to_string();
        self.failure.set(error);
        io::Error::other(text)
    }

    /// Sends the first request, following redirects that keep the path's end, as Git does. The second value is the
    /// repository's address as it turned out to be.
    fn get(&self, url: &str, base_url: &str, headers: &HeaderMap) -> Result<(Response, String), SourceError> {
        let tail = url.strip_prefix(base_url).unwrap_or_default().to_owned();
        let mut at = self.parse(url)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(Method::GET, at.clone(), headers.clone(), None)?;
            if !response.status().is_redirection() {
                let found = at.as_str();
                let base = found.strip_suffix(&tail).ok_or_else(|| self.confused("redirected elsewhere"))?;
                let base = if at.as_str() == url { base_url } else { base };
                self.require_git(&response)?;
                return Ok((response, base.to_owned()));
            }
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|l| l.to_str().ok())
                .and_then(|l| at.join(l).ok())
                .ok_or_else(|| self.confused("redirected to no address"))?;
            if at.scheme() == "https" && target.scheme() != "https" {
                return Err(self.confused("refusing a redirect from https to an unencrypted address"));
            }
            if !target.as_str().ends_with(&tail) {
                return Err(self.confused(&format!(
                    "redirected to {}, which is no Git repository",
                    target.host_str().unwrap_or("nowhere")
                )));
            }
            at = target;
        }
        Err(self.confused("too many redirects"))
    }

    /// A login page answers "200 OK" too.
    fn require_git(&self, response: &Response) -> Result<(), SourceError> {
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|k| k.to_str().ok()).unwrap_or("no content type");
        if kind.starts_with("application/x-git-") {
            return Ok(());
        }
        let kind = kind.split(';').next().unwrap_or_default();
        Err(self.confused(&format!("{kind}, which is no Git repository")))
    }

    fn send(
        &self,
        method: Method,
        url: Url,
        mut headers: HeaderMap,
        body: Option<Vec<u8>>,
    ) -> Result<Response, SourceError> {
        let authorization = self.authorization.as_ref().filter(|_| self.may_know_credentials(&url));
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        let mut request = self.client.request(method, url).headers(headers);
        if let Some(body) = body {
            request = request.body(body);
        }
        let response = self.wait(request.send())?.map_err(|e| request_error(&e, &self.shown))?;
        let status = response.status();
        if status.is_success() || status.is_redirection() {
            return Ok(response);
        }
        Err(status_error(status, &self.shown, authorization.is_some()))
    }

    /// Credentials go to the server they are for, or to its encrypted self; never to where it redirects.
    fn may_know_credentials(&self, url: &Url) -> bool {
        let home = &self.home;
        let same_port = home.port_or_known_default() == url.port_or_known_default();
        let upgraded = home.scheme() == "http"
            && url.scheme() == "https"
            && home.port().is_none()
            && url.port().is_none();
        home.host_str() == url.host_str() && ((home.scheme() == url.scheme() && same_port) || upgraded)
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, SourceError> {
        self.runtime.block_on(self.cancel.or(work))
    }

    fn parse(&self, url: &str) -> Result<Url, SourceError> {
        Url::parse(url)
            .map_err(|e| SourceError::InvalidUrl { url: self.shown.clone(), reason: e.to_string() })
    }

    fn confused(&self, message: &str) -> SourceError {
        SourceError::Protocol { url: self.shown.clone(), message: message.to_owned() }
    }
}

enum State {
    /// The request's body is being written.
    Collecting { url: String, headers: HeaderMap, body: Vec<u8> },
    /// The answer's head has arrived.
    Answered(Box<Response>),
    /// It failed before.
    Failed,
}

/// One request and its answer, shared by the three handles the Git library holds on it.
struct Exchange {
    link: Link,
    state: State,
}

type Shared = Arc<Mutex<Exchange>>;

impl Exchange {
    fn shared(link: Link, state: State) -> Shared {
        Arc::new(Mutex::new(Self { link, state }))
    }

    /// Sends the request if that has not happened yet.
    fn response(&mut self) -> io::Result<(&Link, &mut Response)> {
        if let State::Collecting { .. } = &self.state
            && let State::Collecting { url, headers, body } =
                std::mem::replace(&mut self.state, State::Failed)
        {
            let sent =
                self.link.parse(&url).and_then(|url| self.link.send(Method::POST, url, headers, Some(body)));
            let response = sent.map_err(|e| self.link.fail(e))?;
            if response.status().is_redirection() {
                return Err(self.link.fail(self.link.confused("redirected in the middle of a fetch")));
            }
            self.state = State::Answered(Box::new(response));
        }
        match &mut self.state {
            State::Answered(response) => Ok((&self.link, response)),
            _ => Err(io::Error::other("the request failed before")),
        }
    }
}

fn lock(exchange: &Shared) -> MutexGuard<'_, Exchange> {
    exchange.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the request's body.
pub(super) struct RequestBody(Shared);

impl Write for RequestBody {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match &mut lock(&self.0).state {
            State::Collecting { body, .. } if body.len() + buffer.len() <= MAX_REQUEST_BYTES => {
                body.extend_from_slice(buffer);
                Ok(buffer.len())
            }
            _ => Err(io::Error::other("the request is too large or already sent")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives the answer's headers as lines.
pub(super) struct HeaderReader {
    exchange: Shared,
    text: Option<io::Cursor<Vec<u8>>>,
}

impl HeaderReader {
    fn new(exchange: Shared) -> Self {
        Self { exchange, text: None }
    }
}

impl Read for HeaderReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.text.is_none() {
            let mut exchange = lock(&self.exchange);
            let (_, response) = exchange.response()?;
            let mut text = Vec::new();
            for (name, value) in response.headers() {
                text.extend_from_slice(name.as_str().as_bytes());
                text.extend_from_slice(b":");
                text.extend_from_slice(value.as_bytes());
                text.push(b'\n');
            }
            self.text = Some(io::Cursor::new(text));
        }
        self.text.as_mut().map_or(Ok(0), |text| text.read(buffer))
    }
}

/// Gives the answer's body as it arrives.
pub(super) struct BodyReader {
    exchange: Shared,
    chunk: Bytes,
}

impl BodyReader {
    fn new(exchange: Shared) -> Self {
        Self { exchange, chunk: Bytes::new() }
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            let mut exchange = lock(&self.exchange);
            let (link, response) = exchange.response()?;
            let next = link.wait(response.chunk()).map_err(|e| link.fail(e))?;
            match next.map_err(|e| link.fail(request_error(&e, &link.shown)))? {
                None => return Ok(0),
                Some(chunk) => {
                    link.meter.count(chunk.len())?;
                    self.chunk = chunk;
                }
            }
        }
        let read = buffer.len().min(self.chunk.len());
        buffer[..read].copy_from_slice(&self.chunk.split_to(read));
        Ok(read)
    }
}

fn header_map(lines: impl IntoIterator<Item = impl AsRef<str>>) -> HeaderMap {
    let parsed = lines.into_iter().filter_map(|line| {
        let (name, value) = line.as_ref().split_once(':')?;
        Some((name.trim().parse::<HeaderName>().ok()?, HeaderValue::from_str(value.trim()).ok()?))
    });
    parsed.collect()
}
