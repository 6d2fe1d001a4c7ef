//! Waits for objects of a kind to become as expected, by a watch.

use anyhow::{Result, bail};
use holdfast_cluster::{Cluster, LiveEvent, LiveState};
use holdfast_object::{GroupVersionKind, Object, Value};
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long anything may take before the benchmark is given up.
const PATIENCE: Duration = Duration::from_secs(1800);

/// A watch of one kind.
pub(crate) struct Readiness {
    gvk: GroupVersionKind,
    live: LiveState,
    events: mpsc::UnboundedReceiver<LiveEvent>,
}

impl Readiness {
    /// Begins to watch a kind.
    pub(crate) async fn of(observer: &Cluster, gvk: GroupVersionKind) -> Result<Self> {
        let (live, events) = LiveState::new(observer.clone(), Vec::new());
        live.ensure(&gvk).await?;
        Ok(Self { gvk, live, events })
    }

    /// Waits until so many objects were once as expected.
    pub(crate) async fn until(&mut self, count: usize, is_so: impl Fn(&Object) -> bool) -> Result<()> {
        let mut done = HashSet::new();
        let all = self.live.all(&self.gvk);
        done.extend(all.iter().filter(|object| is_so(object)).map(|object| object.name().to_owned()));
        let events = &mut self.events;
        let live = &self.live;
        let wait = async {
            while done.len() < count {
                let Some(event) = events.recv().await else { return };
                let LiveEvent::Object { object, .. } = event else { continue };
                if !done.contains(&object.key.name) && live.object(&object).is_some_and(|now| is_so(&now)) {
                    done.insert(object.key.name);
                }
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() || done.len() < count {
            bail!("{} of {count} {} are as expected after {PATIENCE:?}", done.len(), self.gvk.kind);
        }
        Ok(())
    }
}

/// Whether a Flux resource is Ready, by its spec as it is now.
pub(crate) fn is_ready(object: &Object) -> bool {
    let observed = object.get(&["status", "observedGeneration"]).and_then(Value::as_i64);
    let conditions = object.get(&["status", "conditions"]).and_then(Value::as_array);
    observed == Some(object.generation())
        && conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// Whether a Kustomization is Ready at a revision.
pub(crate) fn is_at(object: &Object, revision: &str) -> bool {
    let applied = object.get(&["status", "lastAppliedRevision"]).and_then(Value::as_str);
    is_ready(object) && applied == Some(revision)
}

/// Whether a Deployment has come to what `wait: true` waits for.
pub(crate) fn is_rolled_out(deployment: &Object) -> bool {
    let number = |path: &[&str]| deployment.get(path).and_then(Value::as_i64);
    let wanted = number(&["spec", "replicas"]).unwrap_or(1);
    number(&["status", "observedGeneration"]) == Some(deployment.generation())
        && number(&["status", "availableReplicas"]).unwrap_or(0) == wanted
        && number(&["status", "updatedReplicas"]).unwrap_or(0) == wanted
}
