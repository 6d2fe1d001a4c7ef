use crate::Access;
use holdfast_cluster::{ApiErrorKind, LiveState};
use holdfast_object::{GroupVersionKind, ObjectKey, ObjectRef};
use holdfast_sync::{
    Contest, Desired, Heals, HealthGate, Occasion, Op, OpResult, Progress, Question, Step, SyncPolicy, Verb,
    Verdict, Wake, WriteMode, contests, next,
};
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
    /// What was left alone, once the run is done: it is to be begun again when the first of them is due.
    pub contests: Vec<Contest>,
    /// [`LiveState::epoch`] when the run began.
    epoch: Option<u64>,
}

/// How far [`SyncRun::advance`] came.
#[derive(Debug, Clone)]
pub enum Advance {
    /// The run is over.
    Done(Verdict),
    /// Nothing to do before something happens or the deadline comes.
    Wait(Wake),
    /// The server cannot be reached. The run stands where it was, and goes on when it is advanced again.
    Unavailable(String),
    /// The cluster went back in time since the run began: what it decided is void, and it is to be begun anew, from
    /// the custom resource as it is now.
    Outdated,
}

/// Whether what was decided on still was so when it was carried out.
#[derive(PartialEq)]
enum Freshness {
    Fresh,
    Stale,
}

impl SyncRun {
    /// A run that begins now.
    pub fn new(desired: Arc<Desired>, policy: Arc<SyncPolicy>, occasion: Occasion, now: Timestamp) -> Self {
        Self { desired, policy, progress: Progress::new(now, occasion), contests: Vec::new(), epoch: None }
    }

    /// The same, with what earlier runs of the app put right.
    #[must_use]
    pub fn after(mut self, heals: Heals) -> Self {
        self.progress.heals = heals;
        self
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
        let live = access.live();
        let epoch = *self.epoch.get_or_insert_with(|| live.epoch());
        loop {
            // What was of no known kind before may be of one now.
            if let Err(message) = self.watch(live).await {
                return Advance::Unavailable(message);
            }
            let step = next(&self.desired, live, &self.progress, &self.policy, now());
            if live.epoch() != epoch {
                return Advance::Outdated;
            }
            match step {
                Step::Do(ops) => {
                    let freshness = self.carry_out(access, &ops, &now).await;
                    // No verdict on the objects: the run goes on where it was as soon as the server is back.
                    if let Some(message) = self.progress.forget_unanswered() {
                        return Advance::Unavailable(message);
                    }
                    // Deciding again at once would decide on the same old view; the change that made it old is on
                    // its way and wakes us.
                    if freshness == Freshness::Stale {
                        return Advance::Wait(Wake { deadline: None, waiting: Vec::new(), gate: 0 });
                    }
                }
                Step::Wait(wake) => {
                    self.progress.wait_at(wake.gate, now());
                    return Advance::Wait(wake);
                }
                Step::Done(verdict) => {
                    self.contests = contests(&self.desired, live, &self.progress, &self.policy, now());
                    return Advance::Done(verdict);
                }
            }
        }
    }

    async fn carry_out(&mut self, access: &Access, ops: &[Op], now: &impl Fn() -> Timestamp) -> Freshness {
        let results = access.applier().run(ops).await;
        let mut freshness = Freshness::Fresh;
        for (op, result) in ops.iter().zip(results) {
            access.metrics().applied(op, &result);
            if result == OpResult::Stale {
                freshness = Freshness::Stale;
            }
            self.expect(access.live(), op, &result);
            self.progress.record(op, result);
            self.progress.healed(op, &self.policy.drift.backoff, now());
        }
        freshness
    }

    /// What we wrote is what counts until the watch brings it; and what we applied, server-side, is in force then.
    fn expect(&self, live: &LiveState, op: &Op, result: &OpResult) {
        let OpResult::Done { resource_version, .. } = result else { return };
        let Verb::Apply { mode, .. } = &op.verb else { return live.deleted(&op.object) };
        let is_answer = matches!(mode, WriteMode::ServerSide { .. });
        let desired = self.desired.get(&op.object.key).filter(|_| is_answer);
        let answers = desired.map(|desired| Question::of(desired, mode, &self.policy.drift));
        live.wrote(&op.object, resource_version, answers);
    }

    /// Why the run cannot go on, as [`unreadable`] tells.
    pub fn unreadable(&self, live: &LiveState) -> Option<String> {
        unreadable(live, self.kinds())
    }

    /// Which objects of the run are not watched, as [`unwatched`] tells.
    pub fn unwatched(&self, live: &LiveState) -> Option<String> {
        let desired = self.desired.objects().iter().map(|o| o.reference.clone());
        unwatched(live, desired.chain(self.gated().iter().cloned()))
    }

    fn kinds(&self) -> BTreeSet<GroupVersionKind> {
        let desired = self.desired.objects().iter().map(|o| &o.reference);
        desired.chain(&self.desired.previous).chain(self.gated()).map(ObjectRef::gvk).collect()
    }

    /// Sees to it that everything that matters is watched.
    async fn watch(&self, live: &LiveState) -> Result<(), String> {
        let desired = self.desired.objects().iter().map(|o| &o.reference);
        let all = desired.chain(&self.desired.previous).chain(self.gated());
        live.ensure_objects(all).await.map_err(|e| e.to_string())
    }
}

/// Which of these kinds an identity may not read, so that what is live of them cannot be told: a line for each, with the
/// server's words, which name the right. `None` when it may read all.
pub fn unreadable(live: &LiveState, kinds: impl IntoIterator<Item = GroupVersionKind>) -> Option<String> {
    let kinds: BTreeSet<GroupVersionKind> = kinds.into_iter().collect();
    let lines: Vec<String> = (kinds.into_iter())
        .filter_map(|kind| live.failure(&kind).map(|error| (kind, error)))
        .filter(|(_, error)| matches!(error.kind, ApiErrorKind::Forbidden | ApiErrorKind::Unauthorized))
        .map(|(kind, error)| {
            format!("{} cannot be read: {error} (grant the controller's identity this right)", kind.kind)
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Which of these objects are read one by one, from time to time, because rights allow no more: a line for each kind and
/// namespace, with the server's words, which name the right. `None` when all are watched.
pub fn unwatched(live: &LiveState, objects: impl IntoIterator<Item = ObjectRef>) -> Option<String> {
    let places: BTreeSet<(GroupVersionKind, String)> =
        objects.into_iter().map(|object| (object.gvk(), object.key.namespace)).collect();
    let line = |(kind, namespace): (GroupVersionKind, String)| {
        let error = live.unwatched(&kind, &namespace)?;
        let seconds = LiveState::READ_INTERVAL.as_secs();
        Some(format!("{} is not watched, and changes are seen within {seconds}s: {error}", kind.kind))
    };
    let lines: Vec<String> = places.into_iter().filter_map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}
