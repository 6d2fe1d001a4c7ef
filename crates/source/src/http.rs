//! The HTTP clients that all sources share, so that connections are kept open between polls.

use crate::{Access, Credentials, SourceError, tls};
use base64::Engine as _;
use reqwest::StatusCode;
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Clients by what they do to a connection: TLS options and proxy. Credentials travel in each request.
#[derive(Default)]
pub(crate) struct HttpClients {
    clients: Mutex<HashMap<[u8; 32], reqwest::Client>>,
}

/// Beyond this many, the clients are built afresh; each keeps its own idle connections.
const MAX_CLIENTS: usize = 256;

/// A client for services besides the sources: the machine's certificate authorities, no redirects, no proxy.
///
/// # Errors
/// When TLS cannot be set up.
pub fn http_client() -> Result<reqwest::Client, SourceError> {
    HttpClients::default().get(&Access::default(), "")
}

impl HttpClients {
    /// The client for these options. It follows no redirect: whoever asks decides what may travel where.
    pub(crate) fn get(&self, access: &Access, url: &str) -> Result<reqwest::Client, SourceError> {
        let key = access.connection_fingerprint();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let invalid = |e: reqwest::Error| SourceError::InvalidCredentials {
            url: url.to_owned(),
            reason: e.to_string(),
        };
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(&access.tls, url)?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(20))
            .pool_idle_timeout(Duration::from_secs(90))
            .tcp_keepalive(Duration::from_secs(30));
        if let Some(proxy) = &access.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(invalid)?);
        }
        let client = builder.build().map_err(invalid)?;
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok(client)
    }
}

/// A proxy's address for [`Access::proxy`], with its user and password in it.
///
/// # Errors
/// What is wrong with the address, without repeating it.
pub fn proxy_address(
    address: &str,
    username: Option<&str>,
    password: Option<&str>,
) -> Result<String, &'static str> {
    if address.len() > MAX_PROXY_BYTES {
        return Err("the proxy's address is too long");
    }
    let mut url = reqwest::Url::parse(address).map_err(|_| "the proxy's address cannot be read")?;
    if !matches!(url.scheme(), "http" | "https" | "socks5") {
        return Err("the proxy's address must begin with http://, https:// or socks5://");
    }
    if let Some(username) = username {
        let taken = url.set_username(username).and_then(|()| url.set_password(password));
        taken.map_err(|()| "the proxy's address has no host")?;
    }
    Ok(url.into())
}

/// Flux' own limit.
const MAX_PROXY_BYTES: usize = 2048;

/// The `Authorization` header for these credentials, or nothing. `shown` names the source in errors.
pub(crate) fn authorization_value(
    credentials: &Credentials,
    shown: &str,
) -> Result<Option<HeaderValue>, SourceError> {
    let invalid =
        |reason: &str| SourceError::InvalidCredentials { url: shown.to_owned(), reason: reason.into() };
    let text = match credentials {
        Credentials::None => return Ok(None),
        Credentials::Basic { username, password } => {
            let pair = format!("{username}:{}", password.expose_secret());
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        }
        Credentials::Bearer(token) => format!("Bearer {}", token.expose_secret().trim()),
        Credentials::Ssh { .. } => return Err(invalid("an SSH key was given for an HTTP address")),
    };
    let mut header = HeaderValue::from_str(&text)
        .map_err(|_| invalid("the token contains line breaks or control characters"))?;
    header.set_sensitive(true);
    Ok(Some(header))
}

/// What a failed request means.
pub(crate) fn request_error(error: &reqwest::Error, url: &str) -> SourceError {
    if let Some(message) = tls::certificate_problem(error) {
        return SourceError::UntrustedCertificate { url: url.to_owned(), message };
    }
    // The library's own text repeats the address, which may carry a token in its query; its causes do not.
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let message = match causes.pop() {
        Some(deepest) => deepest,
        None if error.is_timeout() => "the server did not answer in time".into(),
        None => "the request failed".into(),
    };
    SourceError::Unreachable { url: url.to_owned(), message }
}

/// What an HTTP status other than success means.
pub(crate) fn status_error(status: StatusCode, url: &str, had_credentials: bool) -> SourceError {
    let url = url.to_owned();
    let reason = status.canonical_reason().unwrap_or("unknown");
    match status.as_u16() {
        401 | 403 => {
            let given = if had_credentials { "" } else { "; no credentials were given" };
            SourceError::AuthenticationFailed {
                url,
                message: format!("the server answered {} {reason}{given}", status.as_u16()),
            }
        }
        404 | 410 => SourceError::RepositoryNotFound { url },
        408 | 425 | 429 | 500..=599 => SourceError::Unreachable {
            url,
            message: format!("the server answered {} {reason}", status.as_u16()),
        },
        other => SourceError::Protocol { url, message: format!("the server answered {other} {reason}") },
    }
}
