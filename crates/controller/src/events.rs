use holdfast_cluster::{ApiErrorKind, ApiRequest, Cluster, PatchKind};
use holdfast_object::{GroupVersionKind, Object, Value, json};
use jiff::Timestamp;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Events of one sender that wait to be sent; what comes beyond is dropped and counted in the log, as an event is a
/// courtesy.
const QUEUE: usize = 1024;
/// Events that are sent at once. Those of one object are sent one after the other.
const SENDERS: usize = 8;
/// Events of which the count is kept; beyond it the oldest is forgotten, and the next of its kind is a new one.
const REMEMBERED: usize = 4096;

/// How an event is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something went as it should.
    Normal,
    /// Something did not.
    Warning,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Reports `core/v1` events about custom resources. Cheap to clone; sending never makes the caller wait.
#[derive(Clone)]
pub struct Recorder {
    /// None outside a runtime.
    senders: Arc<[mpsc::Sender<Report>]>,
}

struct Report {
    about: Value,
    namespace: String,
    severity: Severity,
    reason: String,
    message: String,
    annotations: Value,
    at: Timestamp,
}

impl Recorder {
    /// A recorder that reports under a component's name. Outside a runtime it reports nothing.
    pub fn new(cluster: Cluster, reporter: &str) -> Self {
        if tokio::runtime::Handle::try_current().is_err() {
            return Self { senders: Arc::new([]) };
        }
        let reporter: Arc<str> = reporter.into();
        let senders = (0..SENDERS).map(|_| {
            let (sender, receiver) = mpsc::channel(QUEUE);
            tokio::spawn(send_all(cluster.clone(), reporter.clone(), receiver));
            sender
        });
        Self { senders: senders.collect() }
    }

    fn sender(&self, about: &Object) -> Option<&mpsc::Sender<Report>> {
        let mut hasher = DefaultHasher::new();
        about.uid().hash(&mut hasher);
        let at = usize::try_from(hasher.finish()).unwrap_or_default().checked_rem(self.senders.len())?;
        self.senders.get(at)
    }

    /// Reports an event about an object. `annotations` are kept on the event (`{}` for none).
    pub fn report(
        &self,
        about: &Object,
        severity: Severity,
        reason: &str,
        message: &str,
        annotations: Value,
        at: Timestamp,
    ) {
        // What is told to users is told to operators, too.
        match severity {
            Severity::Normal => tracing::info!(object = %about.key(), reason, message),
            Severity::Warning => tracing::warn!(object = %about.key(), reason, message),
        }
        let Some(sender) = self.sender(about) else { return };
        let report = Report {
            about: json!({
                "apiVersion": about.api_version(),
                "kind": about.kind(),
                "namespace": about.namespace(),
                "name": about.name(),
                "uid": about.uid(),
                "resourceVersion": about.resource_version(),
            }),
            namespace: if about.namespace().is_empty() {
                "default".into()
            } else {
                about.namespace().to_owned()
            },
            severity,
            reason: reason.to_owned(),
            message: shortened(message),
            annotations,
            at,
        };
        if sender.try_send(report).is_err() {
            tracing::warn!(object = %about.key(), reason, "too many events at once; this one is dropped");
        }
    }
}

/// The API refuses messages of more than 1,024 bytes.
fn shortened(message: &str) -> String {
    const LIMIT: usize = 1024;
    if message.len() <= LIMIT {
        return message.to_owned();
    }
    let cut = (0..=LIMIT - 3).rev().find(|at| message.is_char_boundary(*at)).unwrap_or_default();
    format!("{}...", &message[..cut])
}

struct Known {
    name: String,
    count: u64,
}

async fn send_all(cluster: Cluster, reporter: Arc<str>, mut reports: mpsc::Receiver<Report>) {
    let mut known: HashMap<u64, Known> = HashMap::new();
    while let Some(report) = reports.recv().await {
        if known.len() > REMEMBERED {
            known.clear();
        }
        if let Err(error) = send(&cluster, &reporter, &report, &mut known).await
            && error.kind != ApiErrorKind::NotFound
        {
            tracing::debug!(%error, reason = report.reason, "event not sent");
        }
    }
}

async fn send(
    cluster: &Cluster,
    reporter: &str,
    report: &Report,
    known: &mut HashMap<u64, Known>,
) -> Result<(), holdfast_cluster::ApiError> {
    let resource = cluster.resource(&GroupVersionKind::new("", "v1", "Event")).await?;
    let mut hasher = DefaultHasher::new();
    (report.about["uid"].as_str(), &report.reason, &report.message, report.severity.as_str())
        .hash(&mut hasher);
    let hash = hasher.finish();
    match known.entry(hash) {
        Entry::Occupied(mut entry) => {
            let known = entry.get_mut();
            known.count += 1;
            let body = json!({"count": known.count, "lastTimestamp": seconds(report.at)}).to_string();
            let request =
                ApiRequest::patch(&resource, &report.namespace, &known.name, PatchKind::Merge, body);
            let sent = cluster.request(request).await;
            if sent.is_err() {
                entry.remove();
            }
            sent.map(|_| ())
        }
        Entry::Vacant(entry) => {
            let name = format!(
                "{}.{:x}",
                report.about["name"].as_str().unwrap_or_default(),
                // Several events of one moment each need a name of their own.
                (report.at.as_nanosecond() as u64) ^ hash
            );
            let request = ApiRequest::create(&resource, &report.namespace, body(report, reporter, &name));
            cluster.request(request).await?;
            entry.insert(Known { name, count: 1 });
            Ok(())
        }
    }
}

fn body(report: &Report, reporter: &str, name: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": report.namespace, "annotations": report.annotations},
        "involvedObject": report.about,
        "reason": report.reason,
        "message": report.message,
        "type": report.severity.as_str(),
        "count": 1,
        "firstTimestamp": seconds(report.at),
        "lastTimestamp": seconds(report.at),
        "source": {"component": reporter},
        "reportingComponent": reporter,
        "reportingInstance": "",
    })
    .to_string()
}

/// `metav1.Time` has whole seconds.
fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut_between_characters() {
        let long = "é".repeat(2000);
        let cut = shortened(&long);
        assert!(cut.len() <= 1024 && cut.ends_with("..."));
        assert_eq!(shortened("short"), "short");
    }
}
