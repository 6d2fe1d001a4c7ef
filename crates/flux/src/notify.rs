//! Events for Flux' notification-controller (`--events-addr`), in its format.

use holdfast_controller::Severity;
use holdfast_object::{Map, Object, Value, json};
use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::mpsc;

/// Events that wait to be posted; what comes beyond is dropped, as an event is a courtesy.
const QUEUE: usize = 1024;
/// How long one post may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The pauses between attempts, when the receiver is not reached or has trouble of its own.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// Posts events, if there is somewhere to post them to. Posting never makes the caller wait.
#[derive(Debug)]
pub(crate) struct Notifier {
    sender: Option<mpsc::Sender<String>>,
}

impl Notifier {
    /// A notifier that posts to `address`. Without one, or outside of a runtime, it posts nothing.
    pub(crate) fn new(address: Option<&str>) -> Self {
        let Some(address) = address.filter(|_| tokio::runtime::Handle::try_current().is_ok()) else {
            return Self { sender: None };
        };
        let client = match holdfast_source::http_client() {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(%error, "events cannot be posted");
                return Self { sender: None };
            }
        };
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(post_all(client, address.to_owned(), receiver));
        Self { sender: Some(sender) }
    }

    /// Posts an event.
    pub(crate) fn post(&self, event: impl FnOnce() -> Value) {
        let Some(sender) = &self.sender else { return };
        if sender.try_send(event().to_string()).is_err() {
            tracing::warn!("too many events to post at once; one is dropped");
        }
    }
}

/// An event as notification-controller reads it (`fluxcd/pkg/apis/event`).
pub(crate) fn event(
    about: &Object,
    severity: Severity,
    reason: &str,
    message: &str,
    metadata: &Map<String, Value>,
    controller: &str,
    at: Timestamp,
) -> Value {
    json!({
        "involvedObject": {
            "apiVersion": about.api_version(),
            "kind": about.kind(),
            "namespace": about.namespace(),
            "name": about.name(),
            "uid": about.uid(),
            "resourceVersion": about.resource_version(),
        },
        "severity": match severity {
            Severity::Normal => "info",
            Severity::Warning => "error",
        },
        "timestamp": crate::conditions::seconds(at),
        "message": message,
        "reason": reason,
        "metadata": metadata,
        "reportingController": controller,
        "reportingInstance": "holdfast",
    })
}

async fn post_all(client: reqwest::Client, address: String, mut events: mpsc::Receiver<String>) {
    while let Some(event) = events.recv().await {
        for pause in PAUSES.into_iter().map(Some).chain([None]) {
            let request = client.post(&address).timeout(TIMEOUT).header("Content-Type", "application/json");
            let again = match request.body(event.clone()).send().await {
                // A refusal stays one; too many requests means that it was posted before.
                Ok(answer) if !answer.status().is_server_error() => None,
                Ok(answer) => Some(answer.status().to_string()),
                Err(error) => Some(error.without_url().to_string()),
            };
            match (again, pause) {
                (None, _) => break,
                (Some(_), Some(pause)) => tokio::time::sleep(pause).await,
                (Some(why), None) => tracing::warn!(why, "event not posted"),
            }
        }
    }
}
