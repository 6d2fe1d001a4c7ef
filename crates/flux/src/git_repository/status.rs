//! What clients of the GitRepository read.

use crate::conditions::{Conditions, seconds};
use holdfast_object::{ObjectKey, Value, json};
use holdfast_source::{Artifact, SourceError};
use jiff::Timestamp;

/// An artifact was stored (or still is): the repository is ready.
pub(crate) fn published(
    key: &ObjectKey,
    artifact: &Artifact,
    conditions: &mut Conditions,
    status: &mut Value,
    now: Timestamp,
) {
    let revision = artifact.revision.to_string();
    let message = format!("stored artifact for revision '{revision}'");
    conditions.remove("FetchFailed");
    conditions.remove("StorageOperationFailed");
    conditions.remove("ArtifactOutdated");
    conditions.set("ArtifactInStorage", "True", "Succeeded", &message);
    conditions.ready("Succeeded", &message);
    let is_same = status.pointer("/artifact/revision").and_then(Value::as_str) == Some(&revision)
        && status.pointer("/artifact/digest").and_then(Value::as_str) == Some(&artifact.digest);
    if is_same {
        return;
    }
    let path = format!("gitrepository/{}/{}/{}.tar.gz", key.namespace, key.name, artifact.revision.commit());
    status["artifact"] = json!({
        "revision": revision,
        "digest": artifact.digest,
        "lastUpdateTime": seconds(now),
        "path": path,
        "url": format!("http://source-controller.flux-system.svc.cluster.local./{path}"),
    });
}

/// The reason and message of a failure, with what to do about it.
pub(crate) fn explain(error: &SourceError) -> (&'static str, String) {
    let reason = match error {
        SourceError::InvalidUrl { .. } => "URLInvalid",
        SourceError::AuthenticationFailed { .. }
        | SourceError::InvalidCredentials { .. }
        | SourceError::InsecureCredentials { .. }
        | SourceError::HostKeyMismatch { .. }
        | SourceError::UntrustedCertificate { .. } => "AuthenticationFailed",
        SourceError::Storage { .. } => "StatOperationFailed",
        _ => "GitOperationFailed",
    };
    (reason, format!("{error} ({})", error.hint()))
}
