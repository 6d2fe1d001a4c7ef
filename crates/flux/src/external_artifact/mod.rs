//! `ExternalArtifact`: an artifact that someone else's controller made and serves.
//!
//! Its status is not ours: it is read, and what it names is fetched, checked against its digest and published.

use crate::source::{StoredArtifact, wake_users};
use crate::{Published, Shared};
use futures::FutureExt;
use futures::future::BoxFuture;
use holdfast_controller::{Outcome, Reason, Reconciler, Work};
use holdfast_object::{GroupVersionKind, Object, ObjectKey, Value};
use holdfast_source::{Artifact, Revision, SourceError, Sources};
use holdfast_tree::FileTree;
use holdfast_types::flux::external_artifact;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The pause before a failed download is tried again; it doubles with every failure.
const FIRST_RETRY: Duration = Duration::from_millis(750);
/// The longest pause between tries.
const LONGEST_RETRY: Duration = Duration::from_secs(5 * 60);

/// Reads `ExternalArtifact`.
pub(crate) struct ExternalArtifacts {
    shared: Arc<Shared>,
    failures: Mutex<HashMap<ObjectKey, u32>>,
}

/// What to do about an ExternalArtifact.
#[derive(Debug, PartialEq)]
enum Action {
    /// It is gone, or names nothing: nobody gets anything from it.
    Withdraw,
    /// What it names is published already, or its maker says that it is not good.
    Keep,
    /// Get what it names.
    Fetch(StoredArtifact),
}

/// `published` is the digest of what was published of it last.
fn decide(object: Option<&Object>, published: Option<&str>) -> Action {
    let Some(object) = object.filter(|object| !object.is_deleting()) else { return Action::Withdraw };
    let status = object.as_map().get("status").cloned().unwrap_or_default();
    let Some(artifact) = StoredArtifact::read(&status) else { return Action::Withdraw };
    let conditions = status.get("conditions").and_then(Value::as_array);
    let is_refused = conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "False");
    match published {
        Some(digest) if digest == artifact.digest || is_refused => Action::Keep,
        _ => Action::Fetch(artifact),
    }
}

impl Reconciler for ExternalArtifacts {
    fn kinds(&self) -> Vec<GroupVersionKind> {
        vec![external_artifact()]
    }

    fn reconcile<'a>(&'a self, work: &'a Work<ObjectKey, Reason>) -> BoxFuture<'a, Outcome> {
        self.reconcile_key(&work.key).boxed()
    }
}

impl ExternalArtifacts {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, failures: Mutex::default() }
    }

    async fn reconcile_key(&self, key: &ObjectKey) -> Outcome {
        let object = self.shared.resource(&external_artifact(), key);
        // Of other kinds our own status writes must not wake us; of this one the status is all that counts.
        let own = object.iter().map(|_| key.clone()).collect::<HashSet<_>>();
        self.shared.engine.routes().set(key, own);
        let published = self.shared.artifacts.get(key);
        match decide(object.as_deref(), published.as_ref().map(|p| p.digest.as_str())) {
            Action::Withdraw => {
                self.shared.artifacts.withdraw(key);
                self.failures().remove(key);
                Outcome::Settled
            }
            Action::Keep => Outcome::Settled,
            Action::Fetch(artifact) => self.fetch(key, &artifact).await,
        }
    }

    async fn fetch(&self, key: &ObjectKey, artifact: &StoredArtifact) -> Outcome {
        match download(&self.shared.sources, artifact).await {
            Ok(published) => {
                self.failures().remove(key);
                self.shared.artifacts.publish(key, published);
                wake_users(&self.shared, key);
                Outcome::Settled
            }
            Err(error) => {
                let count = {
                    let mut failures = self.failures();
                    let count = failures.entry(key.clone()).or_default();
                    *count += 1;
                    *count
                };
                tracing::debug!(source = %key, %error, "the artifact cannot be had");
                self.shared.artifacts.trouble(key, &format!("{error} ({})", error.hint()));
                if count == 1 {
                    wake_users(&self.shared, key);
                }
                let pause = FIRST_RETRY.saturating_mul(2u32.saturating_pow(count.min(16) - 1));
                Outcome::After(pause.min(LONGEST_RETRY))
            }
        }
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectKey, u32>> {
        self.failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn download(sources: &Sources, artifact: &StoredArtifact) -> Result<Published, SourceError> {
    let tree: Arc<dyn FileTree> = sources.download_artifact(&artifact.url, &artifact.digest).await?;
    let revision = Revision::parse(&artifact.revision).ok_or_else(|| SourceError::Protocol {
        url: artifact.url.clone(),
        message: format!("'{}' is no revision", artifact.revision),
    })?;
    let digest = artifact.digest.clone();
    let metadata = artifact.metadata.clone();
    let artifact = Artifact { revision, digest: digest.clone(), commit: None, metadata, tree: tree.clone() };
    Ok(Published { artifact, tree, digest })
}

/// The files it names now, and their revision, for a preview.
pub(crate) async fn files(
    sources: &Sources,
    object: &Object,
) -> Result<(Arc<dyn FileTree>, String), SourceError> {
    let artifact = object.as_map().get("status").and_then(StoredArtifact::read).ok_or_else(|| {
        SourceError::RefNotFound { url: object.key().to_string(), reference: "status.artifact".into() }
    })?;
    let published = download(sources, &artifact).await?;
    Ok((published.tree, artifact.revision))
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn object(status: Value) -> Object {
        Object::new(json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact",
            "metadata": {"name": "a", "namespace": "n"}, "status": status}))
        .unwrap()
    }

    #[test]
    fn what_its_status_names_is_fetched_once() {
        let artifact = |digest: &str| json!({"artifact": {"digest": digest, "path": "p", "revision": "latest@sha256:a", "url": "http://x/y"}});
        let named = |digest: &str| match decide(Some(&object(artifact(digest))), Some("sha256:old")) {
            Action::Fetch(artifact) => artifact.digest,
            other => format!("{other:?}"),
        };
        assert_eq!(named("sha256:new"), "sha256:new");
        assert_eq!(named("sha256:old"), "Keep");
        let mut refused = artifact("sha256:new");
        refused["conditions"] = json!([{"type": "Ready", "status": "False"}]);
        assert_eq!(decide(Some(&object(refused)), Some("sha256:old")), Action::Keep);
        assert_eq!(decide(Some(&object(json!({}))), Some("sha256:old")), Action::Withdraw);
        assert_eq!(decide(None, None), Action::Withdraw);
    }
}
