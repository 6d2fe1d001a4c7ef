//! The path of an apply: source, dependencies, render, run, status.

use super::build::{Build, Builder};
use super::dependencies::{self, Unready};
use super::status::{Before, Course};
use super::{
    Active, Finished, INVALID_EXPRESSION, Kustomizations, SourceRevision, Target, Times, inventory, request,
    status,
};
use super::{access, claims, configs};
use crate::Published;
use crate::resource::{requested, status_of};
use holdfast_cluster::{ApiError, LiveState};
use holdfast_controller::{Access, Advance, Outcome, Place, Reason, Severity, SyncRun};
use holdfast_object::{GroupVersionKind, Object, ObjectKey, ObjectRef, Value};
use holdfast_sync::{
    Bug, Contest, Desired, DesiredObject, FailureKind, Heals, Occasion, Standing, Verdict, Wake, WriteWhen,
    planted,
};
use holdfast_types::flux::{KustomizationSpec, SOURCE_GROUP, external_artifact, kustomization};
use jiff::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The reason of a Kustomization that waits for others.
const DEPENDENCY_NOT_READY: &str = "DependencyNotReady";

/// Why a run cannot begin, in the terms of Flux' conditions.
struct Hindrance {
    reason: &'static str,
    message: String,
    again: Duration,
}

impl Kustomizations {
    pub(super) async fn apply(
        &self,
        key: &ObjectKey,
        object: &Object,
        spec: &KustomizationSpec,
        reasons: &[Reason],
    ) -> Result<Outcome, ApiError> {
        let times = Times::of(spec);
        let source = source_key(object, spec);
        let parts = configs::references(object.namespace(), spec);
        let mut interests: HashSet<ObjectKey> = dependencies::keys(object, spec).into_iter().collect();
        interests.insert(source.clone());
        interests.extend(parts.iter().map(|part| part.key.clone()));
        // Registered before anything is read: a change after the reading brings us up again.
        self.shared.engine.routes().add(key, &interests);
        let known = configs::versions(&self.shared, &parts).await;
        let is_early =
            self.is_loading(&source) || (self.is_unseen(&source) && !reasons.contains(&Reason::Due));
        let (Some(configs), false) = (known, is_early) else {
            return Ok(Outcome::After(self.shared.options.requeue_dependency));
        };
        let prepared = self.prepare(object, spec, times, &source);
        let published = match prepared {
            Ok(published) => published,
            Err(hindrance) => {
                self.watch_also(key, interests);
                return self.hindered(key, object, hindrance, &source).await;
            }
        };
        let revision = SourceRevision::of(&published.artifact);
        let target = Target {
            generation: object.generation(),
            requested: requested(object).map(str::to_owned),
            approved: request::is_approved(object, &revision.name),
            revision: revision.clone(),
            configs,
            epoch: self.shared.engine.live().epoch(),
        };
        let began = match self.take_up(key, &target, times, reasons) {
            TakeUp::Nothing(outcome) => return Ok(outcome),
            TakeUp::Continue(active) => *active,
            TakeUp::Begin(occasion) => {
                match self.begin(object, spec, times, &published, target, occasion).await {
                    Ok(active) if self.gives_way(key, &active, occasion) => {
                        self.watch_also(key, interests);
                        return Ok(Outcome::GiveWay);
                    }
                    Ok(mut active) => {
                        active.is_announced = self.announce(object, &active, times).await?;
                        active
                    }
                    Err(hindrance) => {
                        self.watch_also(key, interests);
                        return self.failed_to_begin(key, object, hindrance, &revision).await;
                    }
                }
            }
        };
        self.shared.engine.routes().set_at(key, interests, began.access.place(), began.run.interests());
        self.go_on(key, object, times, began).await
    }

    fn watch_also(&self, key: &ObjectKey, interests: HashSet<ObjectKey>) {
        let active = |memory: &mut super::Memory| {
            memory.run.as_ref().map(|active| (active.access.place(), active.run.interests()))
        };
        let (place, there) = self.remember(key, active).unwrap_or((Place::HOME, HashSet::new()));
        self.shared.engine.routes().set_at(key, interests, place, there);
    }

    /// Everything that must be so before a run can begin.
    fn prepare(
        &self,
        object: &Object,
        spec: &KustomizationSpec,
        times: Times,
        source: &ObjectKey,
    ) -> Result<Published, Hindrance> {
        let waits = self.shared.options.requeue_dependency;
        let kind = GroupVersionKind::new(SOURCE_GROUP, "v1", &source.kind);
        if self.shared.resource(&kind, source).is_none() {
            let message = format!("Source '{source}' not found");
            return Err(Hindrance { reason: "ArtifactFailed", message, again: times.retry });
        }
        let Some(published) = self.shared.artifacts.get(source) else {
            let trouble = self.shared.artifacts.trouble_of(source).filter(|_| kind == external_artifact());
            let message = trouble.unwrap_or_else(|| "Source artifact not found, retrying in 30s".to_owned());
            return Err(Hindrance { reason: "ArtifactFailed", message, again: waits });
        };
        let revision = published.artifact.revision.to_string();
        match self.check_dependencies(object, spec, &revision) {
            Ok(()) => {}
            Err(_) if planted(Bug::DependencyIgnored) => {}
            Err(Unready::Waits(message)) => {
                return Err(Hindrance { reason: DEPENDENCY_NOT_READY, message, again: waits });
            }
            Err(Unready::Invalid(message)) => {
                return Err(Hindrance { reason: INVALID_EXPRESSION, message, again: times.interval });
            }
        }
        Ok(published)
    }

    /// Whether a source has an artifact that this process has not read yet: after a start, nothing is said about it.
    fn is_loading(&self, source: &ObjectKey) -> bool {
        let artifacts = &self.shared.artifacts;
        let kind = GroupVersionKind::new(SOURCE_GROUP, "v1", &source.kind);
        let has_artifact = |object: Arc<Object>| object.get(&["status", "artifact", "digest"]).is_some();
        artifacts.get(source).is_none()
            && artifacts.trouble_of(source).is_none()
            && self.shared.resource(&kind, source).is_some_and(has_artifact)
    }

    /// Whether nobody has said anything about a source yet, as when it is made together with its users. It is about to
    /// be looked at, and its news bring us up; a complaint would be void before anyone has read it.
    fn is_unseen(&self, source: &ObjectKey) -> bool {
        let kind = GroupVersionKind::new(SOURCE_GROUP, "v1", &source.kind);
        let artifacts = &self.shared.artifacts;
        artifacts.get(source).is_none()
            && artifacts.trouble_of(source).is_none()
            && self.shared.resource(&kind, source).is_some_and(|object| {
                object.get(&["status", "conditions"]).and_then(Value::as_array).is_none_or(Vec::is_empty)
            })
    }

    /// Whether there is something to do, and whether it goes on or begins.
    fn take_up(&self, key: &ObjectKey, target: &Target, times: Times, reasons: &[Reason]) -> TakeUp {
        self.remember(key, |memory| {
            if let Some(active) = memory.run.take() {
                if active.target == *target {
                    return TakeUp::Continue(Box::new(active));
                }
                if planted(Bug::StatusOfOldRun) {
                    return TakeUp::Continue(Box::new(Active { target: target.clone(), ..active }));
                }
                // The newest revision wins: what was waited for does not matter any more.
                return TakeUp::Begin(Occasion::Requested);
            }
            let Some(last) = &memory.last else { return TakeUp::Begin(Occasion::Requested) };
            let due = last.ended
                + self.shared.jittered(key, if last.succeeded { times.interval } else { times.retry });
            let is_same =
                last.target == Target { requested: None, ..target.clone() } && target.requested.is_none();
            if !is_same {
                return TakeUp::Begin(Occasion::Requested);
            }
            if Instant::now() >= due {
                return TakeUp::Begin(Occasion::Scheduled);
            }
            // After a failure only time, a change or news help; after a success a change in the cluster may be drift.
            let is_otherwise =
                || last.overtaken || Self::has_drifted(last, reasons) || last.is_contest_over();
            if last.succeeded && is_otherwise() {
                return TakeUp::Begin(Occasion::Drift);
            }
            TakeUp::Nothing(Outcome::At(last.next(due)))
        })
    }

    /// Whether what woke us may have changed what the last run left in force. Most events do not: a seal tells, without
    /// building or comparing anything.
    fn has_drifted(last: &Finished, reasons: &[Reason]) -> bool {
        let live = last.access.live();
        reasons.iter().any(|reason| match reason {
            Reason::Object(object) => !last.standing.holds(live, object),
            Reason::Listed(kind) => !last.standing.kind_holds(live, kind),
            _ => false,
        })
    }

    async fn begin(
        &self,
        object: &Object,
        spec: &KustomizationSpec,
        times: Times,
        published: &Published,
        target: Target,
        occasion: Occasion,
    ) -> Result<Active, Hindrance> {
        let failed = |reason, message| Hindrance { reason, message, again: times.retry };
        let options = &self.shared.options;
        let builder = Builder {
            cluster: self.shared.engine.cluster(),
            sources: &self.shared.sources,
            renders: &self.shared.renders,
            options,
            max_age: max_age_of_parts(times, &target, occasion),
        };
        let built = builder.build(object, spec, &published.tree).await;
        let built = match built {
            Err(_) if planted(Bug::BrokenIsEmpty) => Build::default(),
            built => built.map_err(|error| failed(error.reason, error.message))?,
        };
        let access = access::access(&self.shared, &self.tokens, object, spec).await;
        let access = access.map_err(|message| failed("ReconciliationFailed", message))?;
        let health = request::health_rules(spec).map_err(|message| failed(INVALID_EXPRESSION, message))?;
        let policy = request::policy(object, spec, times, options, &target.revision.name, health);
        let (objects, previous) = (built.objects, self.inventory(object));
        let desired =
            request::desired(access.cluster(), object, spec, &target.revision.name, objects, previous);
        let desired = desired.map_err(|message| failed("BuildFailed", message))?;
        let mut desired = self.settle_claims(object, desired, &access, occasion, &target.revision);
        // As it was written last: a run that follows at once would not find it in what the watch has brought.
        desired.applied_before = status::is_current(&self.status(object), object, &built.digest);
        let heals = self.remember(&object.key(), |memory| match occasion {
            // What people ask for is done, whoever else wants it otherwise.
            Occasion::Requested => Heals::default(),
            Occasion::Scheduled | Occasion::Drift => memory.heals.clone(),
        });
        let run = SyncRun::new(Arc::new(desired), Arc::new(policy), occasion, self.shared.engine.now())
            .after(heals);
        let before = Before::of(&self.status(object), object.generation(), &target.revision.name);
        let (began, digest) = (Instant::now(), built.digest);
        Ok(Active { run, access, target, began, is_announced: false, digest, before })
    }

    /// Whether a run lets others go first: most of those whom a commit brings up have nothing to do but to say its name,
    /// and the few who have more to do are not to wait behind them. Once for each commit.
    fn gives_way(&self, key: &ObjectKey, active: &Active, occasion: Occasion) -> bool {
        let has_news = !active.run.desired.applied_before
            || active.target.requested.is_some()
            || occasion != Occasion::Requested;
        self.remember(key, |memory| {
            let is_first = memory.gave_way_to.as_ref() != Some(&active.target);
            let gives_way = !has_news && is_first && memory.last.is_some();
            memory.gave_way_to = gives_way.then(|| active.target.clone());
            gives_way
        })
    }

    /// Leaves objects that another Kustomization has taken to it between intervals, and says which these are.
    fn settle_claims(
        &self,
        object: &Object,
        mut desired: Desired,
        access: &Access,
        occasion: Occasion,
        about: &SourceRevision,
    ) -> Desired {
        let own = object.key();
        let owner = format!("{}/{}", own.namespace, own.name);
        let other = |wanted: &DesiredObject| {
            if access.live().is_owned_by(&wanted.reference, &owner) {
                return None;
            }
            let live = access.live().object(&wanted.reference)?;
            let other = claims::claimant(&live, &own)?;
            // One that is gone claims nothing any more.
            let exists = self.shared.resource(&kustomization(), &other).is_some_and(|o| !o.is_deleting());
            exists.then(|| (wanted.reference.key.clone(), other))
        };
        let claims: Vec<(ObjectKey, ObjectKey)> = desired.objects().iter().filter_map(other).collect();
        if occasion == Occasion::Drift {
            desired.leave_out(claims.iter().map(|(claimed, _)| claimed));
        }
        let is_news = self.remember(&own, |memory| {
            let is_news = claims.iter().any(|claim| !memory.claims.contains(claim));
            memory.claims.clone_from(&claims);
            is_news
        });
        if is_news {
            let message = claims::warning(&own, &claims);
            self.report(object, Severity::Warning, "ObjectClaimedTwice", &message, about);
        }
        desired
    }

    /// Carries a run on until it waits or ends, and says so.
    async fn go_on(
        &self,
        key: &ObjectKey,
        object: &Object,
        times: Times,
        mut active: Active,
    ) -> Result<Outcome, ApiError> {
        match active.run.advance(&active.access, || self.shared.engine.now()).await {
            Advance::Done(verdict) => self.finished(key, object, times, active, verdict).await,
            Advance::Wait(wake) => self.waiting(key, object, times, active, wake).await,
            Advance::Outdated => {
                self.remember(key, |memory| memory.last = None);
                Ok(Outcome::Retry(None))
            }
            Advance::Unavailable(message) => {
                tracing::warn!(kustomization = %key, message, "the cluster cannot be reached");
                let why =
                    format!("the cluster gives no answer, the run goes on as soon as it does: {message}");
                let status = status::interrupted(object, &active.run, &why, self.shared.engine.now());
                self.remember(key, |memory| memory.run = Some(active));
                // Most likely this gets no answer either; where it does, only some requests are not answered, and
                // whoever reads the status is to know.
                let _ = self.write(object, status).await;
                Ok(Outcome::Retry(None))
            }
        }
    }

    async fn waiting(
        &self,
        key: &ObjectKey,
        object: &Object,
        times: Times,
        active: Active,
        wake: Wake,
    ) -> Result<Outcome, ApiError> {
        let now = self.shared.engine.now();
        // Whether anything is to be done at all is not known yet, and so no news: after a restart, or a change.
        let is_looking = wake.is_for_knowledge()
            && active.run.progress.changes().is_empty()
            && Before::of(&status_of(object), object.generation(), &active.run.desired.revision).is_applied;
        let mut untold = None;
        let status = match active.run.unreadable(active.access.live()) {
            Some(message) => {
                self.report_hindrance(object, "ReconciliationFailed", &message, &active.target.revision);
                Some(status::interrupted(object, &active.run, &message, now))
            }
            None if is_looking => None,
            None => {
                let pause = if active.is_announced { SAY_MORE_AFTER } else { SAY_AFTER };
                untold = pause.checked_sub(active.began.elapsed()).filter(|left| !left.is_zero());
                let is_told = untold.is_none();
                is_told.then(|| {
                    let mut status = status::waiting(object, &active.run, &wake, times.timeout, now);
                    let unwatched = active.run.unwatched(active.access.live());
                    status::note_unwatched(&mut status, object, unwatched.as_deref(), now);
                    status
                })
            }
        };
        self.remember(key, |memory| memory.run = Some(active));
        if let Some(status) = status {
            self.write(object, status).await?;
        }
        let left = wake.deadline.map(|deadline| deadline.duration_since(now));
        let left = left.map_or(times.timeout, |left| Duration::try_from(left).unwrap_or_default());
        Ok(Outcome::After(untold.map_or(left, |untold| untold.min(left))))
    }

    async fn finished(
        &self,
        key: &ObjectKey,
        object: &Object,
        times: Times,
        active: Active,
        verdict: Verdict,
    ) -> Result<Outcome, ApiError> {
        let Target { revision, requested, .. } = &active.target;
        // What was said meanwhile, of a wait that took long, is to be taken back as what an end says.
        let said = Before::of(&self.status(object), object.generation(), &revision.name);
        let was_applied = active.before.is_applied && said.is_applied;
        let is_reconcile = status::is_reconcile(&active.run, &verdict, requested.is_some(), was_applied);
        let course = Course {
            digest: &active.digest,
            origin: &revision.origin,
            took: active.began.elapsed(),
            timeout: times.timeout,
            before: active.before,
            is_reconcile,
        };
        let mut end = status::finished(object, &active.run, &verdict, &course, self.shared.engine.now());
        let unwatched = active.run.unwatched(active.access.live());
        status::note_unwatched(&mut end.status, object, unwatched.as_deref(), self.shared.engine.now());
        let succeeded = end.succeeded;
        self.report_changes(object, &active);
        if let Some(passed) = &end.health_passed {
            self.report(object, Severity::Normal, "Progressing", passed, revision);
        }
        match succeeded {
            true if is_reconcile => self.report_success(object, end.reason, &active, times),
            true => {}
            false => self.report(object, Severity::Warning, end.reason, &end.message, revision),
        }
        self.report_contests(object, &active);
        let retry = retry_pause(&verdict, times.retry);
        let Active { run, access, target, .. } = active;
        let target = Target { requested: None, ..target };
        let standing = Standing::of(&run.desired, &run.policy);
        let finished = Finished {
            target,
            ended: Instant::now(),
            succeeded,
            overtaken: succeeded && is_overtaken(&run, &standing, access.live()),
            access,
            standing,
            contested_until: contested_until(&run.contests, self.shared.engine.now()),
        };
        let due = finished.ended + self.shared.jittered(key, if succeeded { times.interval } else { retry });
        let next = finished.next(due);
        self.remember(key, |memory| {
            memory.run = None;
            memory.failures = if succeeded { 0 } else { memory.failures + 1 };
            memory.heals = run.progress.heals;
            // What failed because nobody answered begins anew once it is due.
            memory.last = (succeeded || retry == times.retry).then_some(finished);
        });
        self.write(object, end.status).await?;
        Ok(Outcome::At(next))
    }

    /// Notes in the inventory what is about to be made, before any of it is: a process that dies in the middle of an
    /// apply leaves nothing behind that the next one does not know of. (Flux notes it after the apply.) The same write
    /// says that the run is under way. Gives whether there was anything to note.
    async fn announce(&self, object: &Object, active: &Active, times: Times) -> Result<bool, ApiError> {
        if planted(Bug::InventoryTooLate) {
            return Ok(false);
        }
        let desired = &active.run.desired;
        let known: HashSet<&ObjectKey> = desired.previous.iter().map(|o| &o.key).collect();
        let is_new = |o: &&holdfast_sync::DesiredObject| {
            o.policy.when != WriteWhen::Never && !known.contains(&o.reference.key)
        };
        let new = desired.objects().iter().filter(is_new).map(|o| &o.reference);
        let is_kept = |o: &&ObjectRef| !planted(Bug::InventoryTooEarly) || desired.get(&o.key).is_some();
        let all: Vec<ObjectRef> = desired.previous.iter().filter(is_kept).chain(new).cloned().collect();
        if all.len() == desired.previous.len() && !planted(Bug::StatusAhead) {
            return Ok(false);
        }
        let mut known = object.clone();
        known.as_map_mut().insert("status".into(), self.status(object));
        let mut status = status::begun(&known, &desired.revision, times.timeout, self.shared.engine.now());
        status["inventory"] = inventory::write(&all);
        if planted(Bug::StatusAhead) {
            status["lastAppliedRevision"] = desired.revision.as_str().into();
        }
        self.write(object, status).await.map(|()| true)
    }

    async fn hindered(
        &self,
        key: &ObjectKey,
        object: &Object,
        hindrance: Hindrance,
        source: &ObjectKey,
    ) -> Result<Outcome, ApiError> {
        if hindrance.reason == INVALID_EXPRESSION {
            let message = format!("{}: {}", super::TERMINAL, hindrance.message);
            return self.refuse(object, hindrance.reason, &message).await;
        }
        let status = status::hindered(object, hindrance.reason, &hindrance.message, self.shared.engine.now());
        // As with Flux nothing is told of a source that is not there yet: it says so itself.
        if hindrance.reason == DEPENDENCY_NOT_READY {
            let published = self.shared.artifacts.get(source);
            let about = published.map(|p| SourceRevision::of(&p.artifact)).unwrap_or_default();
            self.report_dependencies(object, &hindrance.message, hindrance.again, &about);
        }
        self.write(object, status).await?;
        Ok(Outcome::After(self.shared.jittered(key, hindrance.again)))
    }

    /// A build that failed is not tried again with the same revision before its time.
    async fn failed_to_begin(
        &self,
        key: &ObjectKey,
        object: &Object,
        hindrance: Hindrance,
        revision: &SourceRevision,
    ) -> Result<Outcome, ApiError> {
        let mut status =
            status::hindered(object, hindrance.reason, &hindrance.message, self.shared.engine.now());
        status["lastAttemptedRevision"] = revision.name.as_str().into();
        self.report(object, Severity::Warning, hindrance.reason, &hindrance.message, revision);
        self.write(object, status).await?;
        Ok(Outcome::After(self.shared.jittered(key, hindrance.again)))
    }
}

/// How old remote bases may be. They are looked at anew with the interval and on request, as Flux does with every build;
/// a repair of drift takes what is known.
fn max_age_of_parts(times: Times, target: &Target, occasion: Occasion) -> Duration {
    match occasion {
        _ if target.requested.is_some() => Duration::ZERO,
        Occasion::Drift => times.interval,
        _ => times.interval / 2,
    }
}

/// A wait that takes longer is told; shorter ones are over before anyone reads of them.
const SAY_AFTER: Duration = Duration::from_secs(1);
/// The same where the status says already that the run is under way, and only not what it waits for.
const SAY_MORE_AFTER: Duration = Duration::from_secs(5);

/// A server that is away comes back: what failed only for that is tried again soon, not after the retry interval.
const AWAY_RETRY: Duration = Duration::from_secs(5);

/// The pause after a run that failed.
fn retry_pause(verdict: &Verdict, retry: Duration) -> Duration {
    match verdict {
        Verdict::Failed(failures) if failures.iter().any(|f| f.kind == FailureKind::Unavailable) => {
            retry.min(AWAY_RETRY)
        }
        _ => retry,
    }
}

/// Whether others have changed an object since the run wrote it. A run compares each object until it has written it, and
/// what woke it meanwhile, as while it waited for health, is over once it ends.
fn is_overtaken(run: &SyncRun, standing: &Standing, live: &LiveState) -> bool {
    let written = run.desired.objects().iter().map(|object| &object.reference.key);
    let mut written = written.filter(|key| run.progress.result(key).is_some());
    written.any(|key| !standing.holds(live, key))
}

impl Finished {
    fn is_contest_over(&self) -> bool {
        self.contested_until.is_some_and(|until| until <= Instant::now())
    }

    /// When to look again: at the end of its interval, or of the shortest pause of what is contested; at once when
    /// others were faster than the run.
    fn next(&self, due: Instant) -> Instant {
        if self.overtaken {
            return self.ended;
        }
        self.contested_until.map_or(due, |until| due.min(until))
    }
}

/// When the first of the contests may be tried again, whatever the time of day becomes until then.
fn contested_until(contests: &[Contest], now: Timestamp) -> Option<Instant> {
    let until = contests.iter().map(|contest| contest.until).min()?;
    Some(Instant::now() + Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

enum TakeUp {
    Nothing(Outcome),
    Continue(Box<Active>),
    Begin(Occasion),
}

fn source_key(object: &Object, spec: &KustomizationSpec) -> ObjectKey {
    let namespace = match spec.source_ref.namespace.as_str() {
        "" => object.namespace(),
        other => other,
    };
    ObjectKey {
        group: SOURCE_GROUP.into(),
        kind: spec.source_ref.kind.clone(),
        namespace: namespace.to_owned(),
        name: spec.source_ref.name.clone(),
    }
}
