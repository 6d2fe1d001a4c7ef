//! An admission webhook that says what the test wants it to say.

use crate::bed::Bed;
use holdfast_object::{Value, json};
use holdfast_testcluster::certificate::ServerCertificate;
use holdfast_testcluster::cluster::{Cluster, ClusterError};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::borrow::Borrow;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

/// What the webhook answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Allow,
    Deny(&'static str),
    /// Nothing, until it is told something else.
    Hold,
}

/// A webhook for the ConfigMap `held` of one namespace.
pub(crate) struct Webhook {
    address: SocketAddr,
    ca: String,
    answer: watch::Sender<Answer>,
    held: watch::Sender<u32>,
    listening: AbortHandle,
}

impl Webhook {
    /// A webhook that refuses, active by the time this returns.
    pub(crate) async fn install<C: Borrow<Cluster>>(bed: &Bed<C>, words: &'static str) -> Self {
        let certificate = ServerCertificate::new().unwrap();
        let acceptor = TlsAcceptor::from(certificate.server_config().unwrap());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, answers) = watch::channel(Answer::Deny(words));
        let held = watch::Sender::new(0);
        let counter = held.clone();
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, answers, counter) = (acceptor.clone(), answers.clone(), counter.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let serve = service_fn(|request| review(request, answers.clone(), counter.clone()));
                    // The API server may go at any time.
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), serve)
                        .await;
                });
            }
        });
        let webhook = Self {
            address,
            ca: certificate.ca().to_owned(),
            answer,
            held,
            listening: listening.abort_handle(),
        };
        webhook.configure(bed, &format!("https://{}", webhook.address)).await;
        refused(bed, words).await;
        webhook
    }

    /// Points the API server to another address.
    pub(crate) async fn configure<C: Borrow<Cluster>>(&self, bed: &Bed<C>, url: &str) {
        let encoded = encode(bed, &self.ca).await;
        bed.apply(json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": bed.namespace},
            "webhooks": [{
                "name": "held.example.com", "failurePolicy": "Fail", "sideEffects": "None",
                "admissionReviewVersions": ["v1"], "timeoutSeconds": 30,
                "clientConfig": {"url": url, "caBundle": encoded},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": bed.namespace}},
                "matchConditions": [{"name": "held", "expression": "object.metadata.name == 'held'"}],
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
                    "operations": ["CREATE", "UPDATE"]}],
            }],
        }))
        .await;
    }

    pub(crate) fn answer(&self, answer: Answer) {
        self.answer.send_replace(answer);
    }

    /// Waits until a request is held.
    pub(crate) async fn until_held(&self) {
        self.held.subscribe().wait_for(|held| *held > 0).await.unwrap();
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Waits until the webhook's refusal is felt: the API server takes up a configuration a moment after it was written,
/// and says nowhere when it has.
pub(crate) async fn refused<C: Borrow<Cluster>>(bed: &Bed<C>, words: &str) {
    for _ in 0..300 {
        let create = ["-n", &bed.namespace, "create", "configmap", "held", "--dry-run=server"];
        match bed.plane().kubectl(&create).await {
            Err(ClusterError::Kubectl { stderr, .. }) if stderr.contains(words) => return,
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    panic!("the webhook was never asked");
}

/// Base64, by kubectl.
async fn encode<C: Borrow<Cluster>>(bed: &Bed<C>, text: &str) -> String {
    let literal = format!("--from-literal=ca={text}");
    let create =
        ["create", "secret", "generic", "ca", &literal, "--dry-run=client", "-o", "jsonpath={.data.ca}"];
    bed.kubectl(&create).await
}

async fn review(
    request: Request<Incoming>,
    mut answers: watch::Receiver<Answer>,
    held: watch::Sender<u32>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let review: Value = serde_json::from_slice(&body).unwrap();
    if *answers.borrow() == Answer::Hold {
        held.send_modify(|held| *held += 1);
    }
    let answer = answers.wait_for(|answer| *answer != Answer::Hold).await.map_or(Answer::Allow, |a| *a);
    let mut response = json!({"uid": review["request"]["uid"], "allowed": answer == Answer::Allow});
    if let Answer::Deny(words) = answer {
        response["status"] = json!({"message": words});
    }
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    let mut response = Response::new(Full::from(body.to_string()));
    response
        .headers_mut()
        .insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}
