use crate::desired::{Desired, DesiredObject, WriteWhen};
use crate::heal::Contest;
use crate::judge::{Judgement, judge};
use crate::live::{Live, LiveView};
use crate::order::{Stage, StageGate};
use crate::planted::{Bug, planted};
use crate::policy::{HealWhen, HealthGate, OwnershipLoss, PruneOrder, ReplacePolicy, SyncPolicy, WriteMode};
use crate::progress::{Occasion, OpResult, Progress};
use crate::prune::{self, PruneDecision};
use crate::seal::Question;
use crate::step::{Op, Reason, Step, Verb, Verdict, Waiting, Wake};
use crate::yielding::yielding;
use holdfast_health::HealthStatus;
use holdfast_object::{Object, ObjectKey, ObjectRef};
use jiff::{SignedDuration, Timestamp};
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

/// The number under which [`Progress`] keeps since when the run waits for health.
const HEALTH_GATE: usize = usize::MAX;
/// The number under which it keeps since when the run waits for deleted objects to go.
const TERMINATION_GATE: usize = usize::MAX - 1;
/// The number under which it keeps since when the run waits to learn what is live.
pub(crate) const KNOWLEDGE_GATE: usize = usize::MAX - 2;

/// The next step of a run.
///
/// Asked again with the same input it gives the same answer; asked after a restart, with an empty `progress`, it
/// goes on from what is live. It never answers an empty [`Step::Do`].
pub fn next(
    desired: &Desired,
    live: &dyn LiveView,
    progress: &Progress,
    policy: &SyncPolicy,
    now: Timestamp,
) -> Step {
    let run = Run { desired, live, progress, policy, now, prune: OnceCell::new() };
    run.refused_empty()
        .or_else(|| if policy.prune.order == PruneOrder::BeforeWrites { run.prune() } else { None })
        .or_else(|| run.write())
        .or_else(|| if policy.prune.order == PruneOrder::AfterWrites { run.prune() } else { None })
        .or_else(|| run.failures_of_prune())
        .or_else(|| run.wait_for_termination())
        .or_else(|| run.wait_for_health())
        .or_else(|| run.held_prune())
        .unwrap_or(Step::Done(Verdict::InForce))
}

/// What is not in force because it is left alone for a while: see [`crate::Heals`]. Asked after a run that is done, it
/// tells when to begin the next one, and what to say until then.
pub fn contests(
    desired: &Desired,
    live: &dyn LiveView,
    progress: &Progress,
    policy: &SyncPolicy,
    now: Timestamp,
) -> Vec<Contest> {
    if progress.heals.is_empty() {
        return Vec::new();
    }
    let run = Run { desired, live, progress, policy, now, prune: OnceCell::new() };
    let contested = desired.objects().iter().filter(|o| progress.heals.concerns(&o.reference.key, now));
    contested
        .filter_map(|object| run.reason(object))
        .flat_map(|(object, why)| run.hold(object, &why))
        .collect()
}

struct Run<'a> {
    desired: &'a Desired,
    live: &'a dyn LiveView,
    progress: &'a Progress,
    policy: &'a SyncPolicy,
    now: Timestamp,
    /// What is to be pruned, once it was asked for: deciding looks at every object that was applied before.
    prune: OnceCell<PruneDecision>,
}

impl Run<'_> {
    fn prune_decision(&self) -> &PruneDecision {
        self.prune.get_or_init(|| prune::decide(self.desired, self.live, self.progress, self.policy))
    }

    fn refused_empty(&self) -> Option<Step> {
        if !self.policy.prune.enabled || !self.desired.objects().is_empty() {
            return None;
        }
        match self.prune_decision() {
            PruneDecision::RefusedEmpty(objects) if !planted(Bug::BrokenIsEmpty) => {
                Some(Step::Done(Verdict::RefusedEmpty { objects: objects.clone() }))
            }
            _ => None,
        }
    }

    /// Writes stage after stage; `None` once all are written and every gate is open.
    fn write(&self) -> Option<Step> {
        for (number, stage) in self.policy.order.stages(self.desired).iter().enumerate() {
            let mut ops = Vec::new();
            let mut unknown = Vec::new();
            for &at in &stage.objects {
                match self.decide_write(&self.desired.objects()[at]) {
                    Write::Op(op) => ops.push(*op),
                    Write::Unknown(waiting) => unknown.push(waiting),
                    Write::Nothing => {}
                }
            }
            if !ops.is_empty() {
                return Some(Step::Do(ops));
            }
            if !unknown.is_empty() {
                return Some(self.wait(KNOWLEDGE_GATE, unknown, None));
            }
            if self.stage_failed(stage) {
                return Some(Step::Done(Verdict::Failed(self.progress.failures(false))));
            }
            if let Some(step) = self.pass_gate(number, stage) {
                return Some(step);
            }
        }
        None
    }

    fn decide_write(&self, object: &DesiredObject) -> Write {
        let key = &object.reference.key;
        if matches!(object.policy.when, WriteWhen::Never | WriteWhen::NotSelected) {
            return Write::Nothing;
        }
        match self.progress.result(key) {
            None => {}
            // Its deletion is on its way; it is made anew once it is gone.
            Some(OpResult::Recreating) if !matches!(self.live.get(&object.reference), Live::Absent) => {
                return Write::Unknown(Waiting {
                    object: key.clone(),
                    message: "being deleted to be made anew".into(),
                });
            }
            Some(OpResult::Recreating) => {}
            Some(_) => return Write::Nothing,
        }
        let Otherwise { why, live, wanted } = match self.judge(object) {
            Found::AsWanted => return Write::Nothing,
            Found::Unknown(message) => {
                return Write::Unknown(Waiting { object: key.clone(), message: message.into() });
            }
            Found::Otherwise(otherwise) => *otherwise,
        };
        // What we delete ourselves to make it anew is no deed of others.
        if self.progress.result(key).is_none() && !self.hold(key, &why).is_empty() {
            return Write::Nothing;
        }
        let mode = self.mode(object);
        let asks_first = why == Reason::Unverified && matches!(mode, WriteMode::ServerSide { .. });
        Write::Op(Box::new(Op {
            object: object.reference.clone(),
            verb: Verb::Apply {
                desired: wanted,
                mode: mode.clone(),
                recreate_immutable: object.policy.replace == ReplacePolicy::OnImmutable,
                verify: live.clone().filter(|_| asks_first),
            },
            why,
            origin: object.origin.clone(),
            precondition: live.map(|live| (live.uid().to_owned(), live.resource_version().to_owned())),
        }))
    }

    /// The contests for which a write is put off.
    fn hold(&self, object: &ObjectKey, why: &Reason) -> Vec<Contest> {
        match self.progress.occasion {
            Occasion::Requested => Vec::new(),
            Occasion::Scheduled | Occasion::Drift => self.progress.heals.hold(object, why, self.now),
        }
    }

    fn mode<'o>(&'o self, object: &'o DesiredObject) -> &'o WriteMode {
        object.policy.write.as_ref().unwrap_or(&self.policy.write)
    }

    /// Why an object is to be written, if it is.
    fn reason<'o>(&self, object: &'o DesiredObject) -> Option<(&'o ObjectKey, Reason)> {
        match self.judge(object) {
            Found::Otherwise(otherwise) => Some((&object.reference.key, otherwise.why)),
            Found::AsWanted | Found::Unknown(_) => None,
        }
    }

    /// Compares one object with what is live, unless its seal says that nothing has changed.
    fn judge(&self, object: &DesiredObject) -> Found {
        let question = Question::of(object, self.mode(object), &self.policy.drift);
        if object.policy.when != WriteWhen::Absent && self.live.in_force(&object.reference, &question) {
            return self.verify(object, &question).unwrap_or(Found::AsWanted);
        }
        match self.live.get(&object.reference) {
            Live::Unknown => Found::Unknown("not read yet"),
            Live::NoSuchKind if self.desired.defines(&object.reference.key.group_kind()) => {
                Found::Unknown("its definition is not served yet")
            }
            // The server's answer tells more than we could: no such kind, or a discovery that is behind.
            Live::Absent | Live::NoSuchKind => Found::otherwise(Reason::Missing, None, object.object.clone()),
            Live::Present(_) if object.policy.when == WriteWhen::Absent => Found::AsWanted,
            Live::Present(found) => self.compare(object, &question, found.object),
        }
    }

    /// An object in force that only the server can tell of, once more, now that others changed what it makes of applies.
    fn verify(&self, object: &DesiredObject, question: &Question) -> Option<Found> {
        let may = self.progress.occasion != Occasion::Drift
            && matches!(self.mode(object), WriteMode::ServerSide { .. })
            && self.live.is_to_be_verified(&object.reference, question);
        if !may {
            return None;
        }
        match self.live.get(&object.reference) {
            Live::Present(found) => {
                let wanted = self.wanted(object, &found.object).object;
                Some(Found::otherwise(Reason::Unverified, Some(found.object), wanted))
            }
            _ => None,
        }
    }

    /// The object as it is wanted beside a live one: without what is left to others.
    fn wanted(&self, object: &DesiredObject, live: &Object) -> DesiredObject {
        yielding(object, live, self.mode(object).manager()).unwrap_or_else(|| object.clone())
    }

    fn compare(&self, object: &DesiredObject, question: &Question, live: Arc<Object>) -> Found {
        let drift = &self.policy.drift;
        let object = &self.wanted(object, &live);
        let why = match judge(object, &live, self.mode(object), drift, self.desired.applied_before) {
            Judgement::InForce => {
                self.live.found_in_force(&object.reference, question, &live);
                return Found::AsWanted;
            }
            Judgement::OwnershipLost if drift.ownership_loss == OwnershipLoss::Ignore => {
                self.live.found_as_wanted(&object.reference, question, &live);
                return Found::AsWanted;
            }
            // The fold comes first, or what the other manager set and we do not would stay.
            Judgement::DiffersAndFolded(_, managers) if self.heals(drift.fold) => Reason::Folded(managers),
            Judgement::Folded(managers) if self.heals(drift.fold) => Reason::Folded(managers),
            Judgement::Differs(differences) | Judgement::DiffersAndFolded(differences, _)
                if self.heals(drift.value) =>
            {
                Reason::Differs(differences)
            }
            Judgement::Folded(_) | Judgement::Differs(_) | Judgement::DiffersAndFolded(..) => {
                return Found::AsWanted;
            }
            Judgement::OwnershipLost => Reason::OwnershipLost,
            Judgement::Unknown => Reason::Unverified,
        };
        Found::otherwise(why, Some(live), object.object.clone())
    }

    /// Whether this run puts right what is to be put right then.
    fn heals(&self, when: HealWhen) -> bool {
        match when {
            HealWhen::AtOnce => true,
            HealWhen::AtInterval => self.progress.occasion != Occasion::Drift,
            HealWhen::Never => false,
        }
    }

    fn stage_failed(&self, stage: &Stage) -> bool {
        stage.objects.iter().any(|&at| {
            matches!(
                self.progress.result(&self.desired.objects()[at].reference.key),
                Some(OpResult::Failed { .. })
            )
        })
    }

    fn pass_gate(&self, number: usize, stage: &Stage) -> Option<Step> {
        let StageGate::Ready { timeout, pause } = &stage.gate else { return None };
        if self.progress.passed.contains(&number) {
            return None;
        }
        let gated = stage.objects.iter().map(|&at| &self.desired.objects()[at]);
        let mut waiting = Vec::new();
        let mut wrote = false;
        for object in gated.filter(|o| o.policy.when != WriteWhen::NotSelected) {
            wrote |= self.progress.result(&object.reference.key).is_some();
            match self.health(&object.reference) {
                Health::Good => {}
                Health::Bad(message) | Health::Open(message) => {
                    waiting.push(Waiting { object: object.reference.key.clone(), message });
                }
            }
        }
        let since = self.progress.gate_since(number, self.now);
        if waiting.is_empty() {
            let opens = later(since, *pause);
            let must_pause = wrote && !pause.is_zero() && self.now < opens;
            return must_pause.then(|| self.wait(number, Vec::new(), Some(opens)));
        }
        let deadline = timeout.map(|timeout| later(since, timeout));
        if deadline.is_some_and(|deadline| self.now >= deadline) {
            return Some(Step::Done(Verdict::StageTimedOut { objects: waiting }));
        }
        Some(self.wait(number, waiting, deadline))
    }

    fn prune(&self) -> Option<Step> {
        if !self.policy.prune.enabled {
            return None;
        }
        match self.prune_decision() {
            PruneDecision::Delete(orphans) if orphans.is_empty() => None,
            PruneDecision::Delete(orphans) => {
                Some(Step::Do(orphans.iter().map(|o| self.delete(o)).collect()))
            }
            PruneDecision::Unknown(objects) => {
                let waiting =
                    |o: &ObjectRef| Waiting { object: o.key.clone(), message: "not read yet".into() };
                Some(self.wait(KNOWLEDGE_GATE, objects.iter().map(waiting).collect(), None))
            }
            // A held prune does not keep the app from becoming healthy; it is reported at the end.
            PruneDecision::Held { .. } | PruneDecision::RefusedEmpty(_) => None,
        }
    }

    fn delete(&self, orphan: &prune::Orphan) -> Op {
        let why = if self.desired.objects().is_empty() && self.policy.prune.allow_empty {
            Reason::AppDeleted
        } else {
            Reason::NotDesired
        };
        Op {
            object: orphan.object.clone(),
            verb: Verb::Delete { propagation: self.policy.prune.propagation },
            why,
            origin: None,
            precondition: Some(orphan.precondition.clone()),
        }
    }

    fn failures_of_prune(&self) -> Option<Step> {
        let failures = self.progress.failures(true);
        (!failures.is_empty()).then_some(Step::Done(Verdict::Failed(failures)))
    }

    fn wait_for_termination(&self) -> Option<Step> {
        let timeout = self.policy.prune.wait.filter(|_| self.policy.prune.enabled)?;
        if self.progress.passed.contains(&TERMINATION_GATE) {
            return None;
        }
        if matches!(self.prune_decision(), PruneDecision::Held { .. }) {
            return None;
        }
        let remaining = prune::remaining(self.desired, self.live, self.policy);
        if remaining.is_empty() {
            return None;
        }
        let waiting: Vec<Waiting> = remaining
            .into_iter()
            .map(|o| Waiting { object: o.key, message: "being deleted".into() })
            .collect();
        Some(self.wait_or_time_out(TERMINATION_GATE, waiting, timeout))
    }

    fn wait_for_health(&self) -> Option<Step> {
        let (gated, timeout): (Vec<ObjectRef>, Duration) = match &self.policy.gate {
            HealthGate::None => return None,
            HealthGate::All { timeout } => {
                let counted = self
                    .desired
                    .objects()
                    .iter()
                    .filter(|o| o.policy.counts_in_health && o.policy.when != WriteWhen::NotSelected);
                (counted.map(|o| o.reference.clone()).collect(), *timeout)
            }
            HealthGate::Listed { objects, timeout } => (objects.clone(), *timeout),
        };
        let mut waiting = Vec::new();
        let mut failed = Vec::new();
        for object in gated {
            match self.health(&object) {
                Health::Good => {}
                Health::Bad(message) => failed.push(Waiting { object: object.key, message }),
                Health::Open(message) => waiting.push(Waiting { object: object.key, message }),
            }
        }
        if !failed.is_empty() {
            return Some(Step::Done(Verdict::Unhealthy { objects: failed, timed_out: false }));
        }
        (!waiting.is_empty()).then(|| self.wait_or_time_out(HEALTH_GATE, waiting, timeout))
    }

    fn held_prune(&self) -> Option<Step> {
        if !self.policy.prune.enabled {
            return None;
        }
        match self.prune_decision() {
            PruneDecision::Held { objects, why } => {
                Some(Step::Done(Verdict::PruneHeld { objects: objects.clone(), why: why.clone() }))
            }
            _ => None,
        }
    }

    fn wait_or_time_out(&self, gate: usize, waiting: Vec<Waiting>, timeout: Duration) -> Step {
        let deadline = later(self.progress.gate_since(gate, self.now), timeout);
        if self.now >= deadline {
            Step::Done(Verdict::Unhealthy { objects: waiting, timed_out: true })
        } else {
            self.wait(gate, waiting, Some(deadline))
        }
    }

    fn wait(&self, gate: usize, waiting: Vec<Waiting>, deadline: Option<Timestamp>) -> Step {
        Step::Wait(Wake { deadline, waiting, gate })
    }

    /// The health of an object, as far as a gate asks: an object older than our own write to it is still open.
    fn health(&self, object: &ObjectRef) -> Health {
        let found = match self.live.get(object) {
            Live::Present(found) => found,
            Live::Unknown => return Health::Open("not read yet".into()),
            Live::Absent | Live::NoSuchKind => return Health::Open("not found".into()),
        };
        if let Some(OpResult::Done { resource_version, .. }) = self.progress.result(&object.key)
            && is_older(found.object.resource_version(), resource_version)
        {
            return Health::Open("our write is not seen yet".into());
        }
        let health = self.policy.health.assess(&found.object);
        match health.status {
            HealthStatus::Healthy => Health::Good,
            HealthStatus::Degraded => Health::Bad(health.message),
            HealthStatus::Progressing
            | HealthStatus::Suspended
            | HealthStatus::Terminating
            | HealthStatus::Missing
            | HealthStatus::Unknown => Health::Open(health.message),
        }
    }
}

/// What a look at one object came to.
enum Found {
    /// There is nothing to do about it.
    AsWanted,
    /// It cannot be told yet.
    Unknown(&'static str),
    /// It is to be written.
    Otherwise(Box<Otherwise>),
}

/// An object that is not as it is wanted.
struct Otherwise {
    why: Reason,
    /// The live object on which that was decided.
    live: Option<Arc<Object>>,
    /// What is to be written.
    wanted: Arc<Object>,
}

impl Found {
    fn otherwise(why: Reason, live: Option<Arc<Object>>, wanted: Arc<Object>) -> Self {
        Self::Otherwise(Box::new(Otherwise { why, live, wanted }))
    }
}

enum Write {
    Op(Box<Op>),
    Unknown(Waiting),
    Nothing,
}

enum Health {
    Good,
    Bad(String),
    Open(String),
}

fn later(since: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| since.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

/// Whether resourceVersion `seen` is older than `written`. Kubernetes declares them comparable as numbers within one
/// resource; where one is not a number nothing is known, and the object counts as seen.
fn is_older(seen: &str, written: &str) -> bool {
    matches!((seen.parse::<u64>(), written.parse::<u64>()), (Ok(seen), Ok(written)) if seen < written)
}
