//! Connections to Git servers: what differs between HTTP, SSH and the Git daemon.

mod http;
mod meter;
mod process;

pub(crate) use meter::Meter;
pub(crate) use process::Process;

use crate::cancel::Cancel;
use crate::http::{HttpClients, authorization_value};
use crate::{Access, GitUrl, Scheme, SourceError};
use gix_transport::Protocol;
use gix_transport::client::blocking_io::Transport;
use gix_transport::client::git::ConnectMode;
use gix_transport::client::git::blocking_io::Connection;
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a connection needs beside the address.
pub(crate) struct Dial<'a> {
    pub(crate) url: &'a GitUrl,
    pub(crate) access: &'a Access,
    pub(crate) clients: &'a HttpClients,
    /// The runtime that drives sockets and timers; connections themselves are used from blocking threads.
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) cancel: Cancel,
    pub(crate) meter: Meter,
    pub(crate) failure: Failure,
    /// The program for SSH addresses.
    pub(crate) ssh: &'a std::path::Path,
}

/// Where a transport leaves the real reason of a failure: the Git library's own errors only say what it was doing.
#[derive(Clone, Default)]
pub(crate) struct Failure(Arc<Mutex<Option<SourceError>>>);

impl Failure {
    /// Keeps the first reason; what follows is a consequence of it.
    pub(crate) fn set(&self, error: SourceError) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    pub(crate) fn take(&self) -> Option<SourceError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A connection, and what must stay alive with it.
pub(crate) struct Connected {
    pub(crate) transport: Box<dyn Transport + Send>,
    /// For `ssh`: the program, whose words tell why a connection ended.
    pub(crate) process: Option<process::Process>,
}

/// How long to wait for a TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Opens a connection. Blocks.
pub(crate) fn connect(dial: &Dial<'_>) -> Result<Connected, SourceError> {
    match dial.url.scheme() {
        Scheme::Http | Scheme::Https => {
            let http = http::Exchanges::new(dial)?;
            let url = gix::url::parse(dial.url.without_credentials().to_string().as_str())
                .map_err(|e| SourceError::InvalidUrl { url: dial.url.to_string(), reason: e.to_string() })?;
            let transport =
                gix_transport::client::blocking_io::http::Transport::new_http(http, url, Protocol::V2, false);
            Ok(Connected { transport: Box::new(transport), process: None })
        }
        Scheme::Ssh => process::connect(dial),
        Scheme::Git => daemon(dial),
        Scheme::File => Err(SourceError::InvalidUrl {
            url: dial.url.to_string(),
            reason: "a local repository is read in place and needs no connection".into(),
        }),
    }
}

/// The unauthenticated Git daemon.
fn daemon(dial: &Dial<'_>) -> Result<Connected, SourceError> {
    let url = dial.url;
    let unreachable =
        |e: std::io::Error| SourceError::Unreachable { url: url.to_string(), message: e.to_string() };
    let addresses = (url.host().trim_matches(['[', ']']), url.port().unwrap_or(9418));
    let mut last = std::io::Error::other("the host has no address");
    for address in addresses.to_socket_addrs().map_err(unreachable)? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                let writer = stream.try_clone().map_err(unreachable)?;
                let closer = stream.try_clone().map_err(unreachable)?;
                dial.cancel.on_cancel(move || {
                    // It may be closed already.
                    let _ = closer.shutdown(Shutdown::Both);
                });
                let reader = dial.meter.reader(stream);
                let host = Some((url.host(), url.port()));
                let connection = Connection::new(
                    reader,
                    writer,
                    Protocol::V2,
                    url.path(),
                    host,
                    ConnectMode::Daemon,
                    false,
                );
                return Ok(Connected { transport: Box::new(connection), process: None });
            }
            Err(error) => last = error,
        }
    }
    Err(unreachable(last))
}

/// The `Authorization` header for an HTTP server, or nothing.
fn authorization(access: &Access, url: &GitUrl) -> Result<Option<reqwest::header::HeaderValue>, SourceError> {
    let header = authorization_value(&access.credentials_for(url), &url.to_string())?;
    if header.is_some() && url.scheme() == Scheme::Http && !access.allow_plain_http_credentials {
        return Err(SourceError::InsecureCredentials { url: url.to_string() });
    }
    Ok(header)
}
