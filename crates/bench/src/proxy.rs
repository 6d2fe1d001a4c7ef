//! A proxy before the API server that answers every request a little later.

use anyhow::{Context, Result};
use holdfast_testcluster::certificate::ServerCertificate;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Response, Uri, Version, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A running proxy; it ends when dropped.
pub(crate) struct Proxy {
    url: String,
    certificate: ServerCertificate,
    task: JoinHandle<()>,
}

/// Where requests go, and how late.
#[derive(Clone)]
struct Forward {
    server: Authority,
    client: Client<HttpsConnector<HttpConnector>, Incoming>,
    delay: Duration,
}

impl Proxy {
    /// A proxy before the server at `url`, whose authority is `ca` (PEM).
    pub(crate) async fn start(url: &str, ca: &str, delay: Duration) -> Result<Self> {
        let certificate = ServerCertificate::new()?;
        let acceptor = TlsAcceptor::from(certificate.server_config()?);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server: Uri = url.parse()?;
        let server = server.authority().cloned().with_context(|| format!("{url} names no host"))?;
        let forward = Forward { server, client: client(ca)?, delay };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream, forward.clone()));
            }
        });
        Ok(Self { url: format!("https://{address}"), certificate, task })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The authority to trust, as PEM.
    pub(crate) fn ca(&self) -> &str {
        self.certificate.ca()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn client(ca: &str) -> Result<Client<HttpsConnector<HttpConnector>, Incoming>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_http1()
        .enable_http2()
        .wrap_connector(connector);
    Ok(Client::builder(TokioExecutor::new()).http2_adaptive_window(true).build(connector))
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, forward: Forward) {
    // Who breaks off learns of it at the other end.
    let _ = stream.set_nodelay(true);
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let service = service_fn(move |request| forward.clone().answer(request));
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

impl Forward {
    async fn answer(self, mut request: Request<Incoming>) -> Result<Response<Incoming>> {
        tokio::time::sleep(self.delay).await;
        let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::builder()
            .scheme(Scheme::HTTPS)
            .authority(self.server.clone())
            .path_and_query(path)
            .build()
            .context("the address of a request")?;
        // The version of the other connection is its own.
        *request.version_mut() = Version::HTTP_11;
        request.headers_mut().remove(header::HOST);
        Ok(self.client.request(request).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body_util::{BodyExt as _, Full};
    use std::convert::Infallible;
    use std::time::Instant;

    /// A server that repeats the path and the body.
    async fn echo(certificate: &ServerCertificate) -> String {
        let acceptor = TlsAcceptor::from(certificate.server_config().unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stream = acceptor.accept(stream).await.unwrap();
                let service = service_fn(async |request: Request<Incoming>| {
                    let path = request.uri().path().to_owned();
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let text = format!("{path} {}", String::from_utf8_lossy(&body));
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
                });
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
            }
        });
        url
    }

    #[tokio::test]
    async fn a_request_arrives_whole_and_late() {
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let certificate = ServerCertificate::new().unwrap();
        let delay = Duration::from_millis(50);
        let proxy = Proxy::start(&echo(&certificate).await, certificate.ca(), delay).await.unwrap();
        let authority = reqwest::Certificate::from_pem(proxy.ca().as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([authority]).build().unwrap();
        let began = Instant::now();
        let answer = client.post(format!("{}/api?x=y", proxy.url())).body("hello").send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "/api hello");
        assert!(began.elapsed() >= delay);
    }
}
