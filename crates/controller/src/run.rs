use crate::Access;
use holdfast_cluster::{ApiErrorKind, LiveState};
use holdfast_object::{GroupVersionKind, ObjectKey, ObjectRef};
use holdfast_sync::{Desired, HealthGate, Occasion, Progress, Step, SyncPolicy, Verdict, Wake, next};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// One run of one app: its desired state under one policy, and how far it has come.
#[derive(Debug, Clone)]
pub struct SyncRun {
    /// What is desired.
    pub desired: Arc<Desired>,
    /// How it is to be synced.
    pub policy: Arc<SyncPolicy>,
    /// How far it has come.
    pub progress: Progress,
}

/// How far [`SyncRun::advance`] came.
#[derive(Debug, Clone)]
pub enum Advance {
    /// The run is over.
    Done(Verdict),
    /// Nothing to do before something happens or the deadline comes.
    Wait(Wake),
    /// The server cannot be reached, so what it serves is not known.
    Unavailable(String),
}

impl SyncRun {
    /// A run that begins now.
    pub fn new(desired: Arc<Desired>, policy: Arc<SyncPolicy>, occasion: Occasion, now: Timestamp) -> Self {
        Self { desired, policy, progress: Progress::new(now, occasion) }
    }

    /// Every object whose change matters to the run. The caller adds its own and sets them as routes before it calls
    /// [`SyncRun::advance`].
    pub fn interests(&self) -> HashSet<ObjectKey> {
        let desired = self.desired.objects().iter().map(|o| &o.reference);
        desired.chain(&self.desired.previous).chain(self.gated()).map(|o| o.key.clone()).collect()
    }

    fn gated(&self) -> &[ObjectRef] {
        match &self.policy.gate {
            HealthGate::Listed { objects, .. } => objects,
            HealthGate::None | HealthGate::All { .. } => &[],
        }
    }

    /// Carries out step after step until there is nothing to do but wait, or the run is over. `now` is read before
    /// each step; `access` is where the objects are, the same one for the whole run.
    pub async fn advance(&mut self, access: &Access, now: impl Fn() -> Timestamp) -> Advance {
        if let Err(message) = self.watch(access.live()).await {
            return Advance::Unavailable(message);
        }
        loop {
            match next(&self.desired, access.live(), &self.progress, &self.policy, now()) {
                Step::Do(ops) => {
                    let results = access.applier().run(&ops).await;
                    let mut stale = false;
                    for (op, result) in ops.iter().zip(results) {
                        access.metrics().applied(op, &result);
                        stale |= result == holdfast_sync::OpResult::Stale;
                        self.progress.record(op, result);
                    }
                    // What was of no known kind before may be of one now.
                    if let Err(message) = self.watch(access.live()).await {
                        return Advance::Unavailable(message);
                    }
                    // Deciding again at once would decide on the same old view; the change that made it old is on
                    // its way and wakes us.
                    if stale {
                        return Advance::Wait(Wake { deadline: None, waiting: Vec::new(), gate: 0 });
                    }
                }
                Step::Wait(wake) => {
                    self.progress.wait_at(wake.gate, now());
                    return Advance::Wait(wake);
                }
                Step::Done(verdict) => return Advance::Done(verdict),
            }
        }
    }

    /// Why the run cannot go on, when it waits to learn what is live and the identity may not read that: a line for
    /// each kind, with the server's words, which name the right.
    pub fn unreadable(&self, live: &LiveState) -> Option<String> {
        let mut lines: Vec<String> = self
            .kinds()
            .into_iter()
            .filter_map(|kind| live.failure(&kind).map(|error| (kind, error)))
            .filter(|(_, error)| matches!(error.kind, ApiErrorKind::Forbidden | ApiErrorKind::Unauthorized))
            .map(|(kind, error)| {
                format!("{} cannot be read: {error} (grant the controller's identity this right)", kind.kind)
            })
            .collect();
        lines.sort();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn kinds(&self) -> BTreeSet<GroupVersionKind> {
        let desired = self.desired.objects().iter().map(|o| &o.reference);
        desired.chain(&self.desired.previous).chain(self.gated()).map(ObjectRef::gvk).collect()
    }

    /// Sees to it that every kind that matters is watched.
    async fn watch(&self, live: &LiveState) -> Result<(), String> {
        for kind in self.kinds() {
            live.ensure(&kind).await.map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}
