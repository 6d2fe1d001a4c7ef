//! One reconcile of an Application: gather what is known, do what [`decide`] says, until there is nothing to do.

use super::memory::{Memory, Unwritten, Wait};
use super::operation::{Auto, Operation, Phase, SyncResult, auto_sync};
use super::project::Project;
use super::refresh::{self, Level, Question};
use super::request::{Identity, Target, last_objects};
use super::status::{Condition, Status, SyncCode, condition, requested_operation, seconds};
use super::{Action, AutoStep, Progress, State, decide, finalize, write};
use crate::ArgoOptions;
use crate::credentials::Repositories;
use futures::future::BoxFuture;
use holdfast_cluster::ApiErrorKind;
use holdfast_controller::{Engine, Outcome, Reason, Reconciler, Severity, Work};
use holdfast_object::{GroupVersionKind, Object, ObjectKey, ObjectRef, Value, json};
use holdfast_render::RenderCache;
use holdfast_source::Sources;
use holdfast_sync::Live;
use holdfast_sync::LiveView;
use holdfast_types::argocd::{ApplicationSpec, RevisionSet, app_project, application};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// The pause after which what failed for reasons that pass is tried again.
pub(super) const RETRY: Duration = Duration::from_secs(5);
/// Healed this often and out of sync again, something counts as contested.
const CONTESTED_HEALS: i64 = 2;
/// The most actions of one reconcile: far more than any needs, so that a mistake in [`decide`] is no endless loop.
const MOST_ACTIONS: usize = 32;

/// What all reconciles share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) sources: Sources,
    pub(crate) renders: Arc<RenderCache>,
    pub(crate) options: ArgoOptions,
    pub(crate) repositories: Repositories,
    /// Kubernetes' version, once the cluster has said it.
    pub(crate) kube_version: OnceCell<String>,
    /// When this process began, in nanoseconds since 1970.
    pub(crate) began: i128,
    memory: Mutex<HashMap<ObjectKey, Memory>>,
}

impl Shared {
    pub(crate) fn new(
        engine: Engine,
        sources: Sources,
        renders: Arc<RenderCache>,
        options: ArgoOptions,
    ) -> Self {
        let repositories = Repositories::new(engine.cluster().clone(), &options.control_namespace);
        let began = engine.now().as_nanosecond();
        Self {
            engine,
            sources,
            renders,
            options,
            repositories,
            kube_version: OnceCell::new(),
            began,
            memory: Mutex::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, HashMap<ObjectKey, Memory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, app: &ObjectKey) {
        self.memory().remove(app);
        self.engine.routes().set(app, HashSet::new());
    }

    fn is_allowed(&self, namespace: &str) -> bool {
        let options = &self.options;
        namespace == options.control_namespace
            || options
                .application_namespaces
                .iter()
                .any(|pattern| super::project::matches(pattern, namespace))
    }
}

/// The reconciler of Applications.
pub(crate) struct ApplicationReconciler {
    pub(crate) shared: Arc<Shared>,
}

impl Reconciler for ApplicationReconciler {
    fn kinds(&self) -> Vec<GroupVersionKind> {
        vec![application()]
    }

    fn reconcile<'a>(&'a self, work: &'a Work<ObjectKey, Reason>) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let shared = &self.shared;
            let gvk = application();
            let reference = ObjectRef { key: work.key.clone(), version: gvk.version };
            let Some(live) = shared.engine.live().object(&reference) else {
                shared.forget(&work.key);
                return Outcome::Settled;
            };
            if !shared.is_allowed(live.namespace()) {
                return Outcome::Settled;
            }
            let mut memory = shared.memory().remove(&work.key).unwrap_or_default();
            let epoch = shared.engine.live().epoch();
            if memory.epoch != epoch {
                // The cluster went back in time: what we remember of it never happened.
                memory = Memory { epoch, due: memory.due, ..Memory::default() };
            }
            let mut round = Round::new(shared, live, memory, &work.reasons);
            let outcome = round.run().await;
            let memory = Memory { due: round.due, ..round.memory };
            shared.memory().insert(work.key.clone(), memory);
            outcome
        })
    }
}

/// One reconcile.
pub(super) struct Round<'a> {
    pub(super) shared: &'a Shared,
    pub(super) app: Arc<Object>,
    pub(super) spec: Result<ApplicationSpec, String>,
    pub(super) status: Status,
    pub(super) operation: Option<Operation>,
    pub(super) memory: Memory,
    pub(super) now: Timestamp,
    /// The comparison that is due.
    pub(super) due: Option<Level>,
    /// What is live is not known yet.
    pub(super) blind: bool,
    refreshed: bool,
    settled: bool,
    conflict: bool,
}

impl<'a> Round<'a> {
    fn new(shared: &'a Shared, live: Arc<Object>, mut memory: Memory, reasons: &[Reason]) -> Self {
        let app = match memory.current.take() {
            Some(ours)
                if ours.uid() == live.uid()
                    && super::memory::is_older(live.resource_version(), ours.resource_version()) =>
            {
                memory.current = Some(ours.clone());
                ours
            }
            _ => live,
        };
        let mut operation = requested_operation(&app);
        let status = match memory.unwritten.take() {
            Some(unwritten) => {
                operation = operation.filter(|asked| unwritten.over.as_ref() != Some(asked));
                unwritten.status
            }
            None => Status::of(&app),
        };
        let spec = app.get(&["spec"]).cloned().unwrap_or_else(|| json!({}));
        let spec: Result<ApplicationSpec, String> = serde_json::from_value(spec).map_err(|e| e.to_string());
        let now = shared.engine.now();
        // A wait ends with whatever woke us.
        memory.preparing = None;
        if let Some(run) = memory.run.as_mut() {
            run.waits = None;
        }
        let mut round = Self {
            shared,
            app,
            spec,
            status,
            operation,
            memory,
            now,
            due: None,
            blind: false,
            refreshed: false,
            settled: false,
            conflict: false,
        };
        round.due = round.due_level(reasons).max(round.memory.due.take());
        round
    }

    fn due_level(&self, reasons: &[Reason]) -> Option<Level> {
        let Ok(spec) = &self.spec else { return Some(Level::Latest) };
        let reasons = &self.telling(reasons);
        let has_target =
            self.memory.target.as_ref().is_some_and(|t| t.spec == *spec && t.sources == spec.sources);
        let options = &self.shared.options;
        let from_status = || {
            refresh::expiry_of_status(
                &self.app,
                &self.status,
                options.refresh_interval,
                options.refresh_jitter,
            )
        };
        let question = Question {
            app: &self.app,
            spec,
            status: &self.status,
            reasons,
            has_target,
            expires: self.memory.expires.or_else(from_status),
            now: self.now,
        };
        question.level()
    }

    async fn run(&mut self) -> Outcome {
        for _ in 0..MOST_ACTIONS {
            self.now = self.shared.engine.now();
            match decide(&self.state()) {
                Action::Ignore => {
                    self.shared.engine.routes().set(&self.app.key(), HashSet::new());
                    return Outcome::Settled;
                }
                Action::Finalize(propagation) => return self.finalize(propagation).await,
                Action::Hold => return self.hold_deletion().await,
                Action::Refresh(level) => self.refresh(level).await,
                Action::Start(operation) => self.start(*operation),
                Action::Begin => self.begin().await,
                Action::Advance => self.advance().await,
                Action::Retry => self.retry().await,
                Action::Terminate => self.end(Phase::Failed, "Operation terminated".into()),
                Action::Withdraw => self.withdraw(),
                Action::Supersede(newer) => {
                    self.end(Phase::Failed, format!("superseded by the newer revision {newer}"));
                }
                Action::Wait(at) => return self.rest(at).await,
            }
            if self.conflict {
                return self.rest(self.now).await;
            }
        }
        tracing::error!(application = %self.app.key(), "too many actions in one reconcile");
        self.persist().await;
        Outcome::After(RETRY)
    }

    /// Writes what is to be written, and says when to look again.
    async fn rest(&mut self, at: Timestamp) -> Outcome {
        if self.memory.settling.is_some() {
            // What an operation came to is written together with what the cluster looks like after it.
            self.memory.unwritten = Some(self.unwritten());
        } else {
            self.persist().await;
        }
        if self.conflict {
            return Outcome::Retry(None);
        }
        let pause = Duration::try_from(at.duration_since(self.now)).unwrap_or_default();
        // What could not be read is looked at again soon, though a change will most likely come first.
        Outcome::After(if self.blind { RETRY } else { pause.max(Duration::from_millis(1)) })
    }

    fn state(&mut self) -> State {
        if let Some(settling) = &self.memory.settling {
            if settling.is_over(self.shared.engine.live()) || settling.until <= self.now {
                self.memory.settling = None;
                self.due = self.due.max(Some(Level::Recent));
            }
        } else if self.settled {
            self.due = self.due.max(Some(Level::Recent));
        }
        self.settled = false;
        State {
            now: self.now,
            skipped: self.app.annotation("argocd.argoproj.io/skip-reconcile") == Some("true"),
            deletion: finalize::deletion(&self.app),
            refresh: self.due,
            blind: self.blind,
            settles: self.memory.settling.as_ref().map(|s| s.until),
            operation: self.progress(),
            auto: self.memory.auto.clone(),
            expires: self.memory.expires.unwrap_or(self.now),
        }
    }

    fn progress(&self) -> Progress {
        match (&self.operation, self.status.running()) {
            (None, None) => Progress::None,
            (None, Some(_)) => Progress::Withdrawn,
            (Some(_), None) => Progress::Requested,
            (Some(_), Some(running)) if running.phase == Phase::Terminating => Progress::Terminating,
            (Some(operation), Some(running)) => {
                let tried = running.sync_result.as_ref().map(SyncResult::revisions);
                let newer = self.newer_than(operation, tried.as_ref());
                match (running.retry_at(self.now), self.waits()) {
                    (Some(next), _) => Progress::Between { next, newer },
                    (None, Some(Wait { deadline })) => Progress::Waiting { deadline, newer },
                    (None, None) => Progress::Running,
                }
            }
        }
    }

    /// Somebody took the operation away. One of our own goes without a trace, as after a restore from backup that is
    /// older than it: as a failed attempt it would keep the same revision from being tried again.
    fn withdraw(&mut self) {
        let is_ours =
            self.status.operation_state.as_ref().is_some_and(|state| state.operation.initiated_by.automated);
        if is_ours {
            self.status.operation_state = None;
            self.memory.run = None;
            self.settle();
        } else {
            self.end(Phase::Error, "the operation was withdrawn while it ran".into());
        }
    }

    fn waits(&self) -> Option<Wait> {
        self.memory.preparing.or_else(|| self.memory.run.as_ref()?.waits)
    }

    /// The commit that was compared last, when it is another than the one that an operation of ours tries.
    fn newer_than(&self, operation: &Operation, tried: Option<&RevisionSet>) -> Option<String> {
        let compared = &self.status.sync.revisions;
        let is_other = operation.initiated_by.automated
            && !compared.is_empty()
            && self.status.sync.status != SyncCode::Unknown
            && tried.is_some_and(|tried| tried != compared);
        is_other.then(|| compared.to_string())
    }

    /// Compares the cluster with the source and notes what comes of it.
    async fn refresh(&mut self, level: Level) {
        self.due = None;
        let (spec, project) = match self.checked().await {
            Checked::Good(good) => *good,
            Checked::Bad(found) => return self.invalid(found),
            Checked::Pending => return self.cannot_compare(level),
        };
        let mut failed = false;
        let target = match self.target(&spec, level).await {
            Ok(target) => {
                if level >= Level::Latest {
                    self.memory.problem = None;
                }
                self.memory.target = Some(target.clone());
                Some(target)
            }
            Err(problem) => {
                let message = format!("Failed to load target state: {}", problem.message);
                // What news there were are asked for again soon.
                failed = true;
                self.memory.problem = Some(message);
                // A source that cannot be reached takes nothing away: the last commit stays in force.
                if self.memory.target.is_none() && problem.passes {
                    self.memory.target = self.last_good(&spec).await;
                }
                let last = self.memory.target.clone();
                last.filter(|last| problem.passes && last.spec == spec)
            }
        };
        // A comparison with what is at hand says nothing about the source: what was wrong with it still is.
        let problem = self.memory.problem.clone();
        let has_problem = problem.is_some();
        let found: Vec<Condition> =
            problem.map(|m| Condition::new(condition::COMPARISON_ERROR, m)).into_iter().collect();
        let Some(target) = target else { return self.unknown(&spec, found, level) };
        let Some(comparison) = self.compare(&spec, &target, &project).await else {
            return self.look_in_vain(&target, found, level);
        };
        self.note(&spec, &target, comparison, found, level);
        self.decide_auto(&spec);
        self.compared(if failed { level.max(Level::Latest) } else { level }, has_problem);
    }

    /// What is live is not known yet: the comparison stays due.
    fn cannot_compare(&mut self, level: Level) {
        self.blind = true;
        self.due = Some(level);
    }

    /// The spec and its project, when nothing is wrong with them.
    pub(super) async fn checked(&mut self) -> Checked {
        let invalid = |messages: Vec<String>| {
            Checked::Bad(messages.into_iter().map(|m| Condition::new(condition::INVALID_SPEC, m)).collect())
        };
        let spec = match &self.spec {
            Ok(spec) => spec.clone(),
            Err(problem) => return invalid(vec![format!("spec: {problem}")]),
        };
        let mut problems = super::refuse::spec_problems(&self.app, &spec);
        let name = if spec.project.is_empty() { super::project::DEFAULT_PROJECT } else { &spec.project };
        match self.project(name).await {
            Some(Ok(project)) => {
                let control = &self.shared.options.control_namespace;
                problems.extend(project.problems(&self.app, &spec, control));
                if problems.is_empty() { Checked::Good(Box::new((spec, project))) } else { invalid(problems) }
            }
            Some(Err(problem)) => {
                problems.push(problem);
                invalid(problems)
            }
            None => Checked::Pending,
        }
    }

    /// A project; `None` while it is not known whether it exists. The `default` one need not: without it everything
    /// is allowed, as in the one that Argo CD makes at its first start.
    async fn project(&self, name: &str) -> Option<Result<Project, String>> {
        let gvk = app_project();
        let reference = ObjectRef::new(&gvk, &self.shared.options.control_namespace, name);
        self.shared
            .engine
            .routes()
            .set(&self.app.key(), self.interests(std::slice::from_ref(&reference.key)));
        if self.shared.engine.live().ensure(&gvk).await.is_err() {
            return None;
        }
        match self.shared.engine.live().get(&reference) {
            Live::Unknown => None,
            Live::Present(found) => Some(Project::read(&found.object)),
            Live::Absent | Live::NoSuchKind if name == super::project::DEFAULT_PROJECT => {
                Some(Ok(Project::unrestricted()))
            }
            Live::Absent | Live::NoSuchKind => {
                Some(Err(format!("Application referencing project {name} which does not exist")))
            }
        }
    }

    /// Everything whose change matters: what was compared or is being synced, and `more`.
    pub(super) fn interests(&self, more: &[ObjectKey]) -> HashSet<ObjectKey> {
        let mut interests: HashSet<ObjectKey> = more.iter().cloned().collect();
        if let Some(target) = &self.memory.target {
            interests.extend(target.objects.iter().map(|(object, _)| object.key()));
            let namespace = &target.spec.destination.namespace;
            let gvk = GroupVersionKind::new("", "v1", "Namespace");
            interests.insert(ObjectRef::new(&gvk, "", namespace).key);
        }
        if let Some(run) = &self.memory.run {
            interests.extend(run.sync.interests());
        }
        if let Ok(spec) = &self.spec {
            let name =
                if spec.project.is_empty() { super::project::DEFAULT_PROJECT } else { spec.project.as_str() };
            let control = &self.shared.options.control_namespace;
            interests.insert(ObjectRef::new(&app_project(), control, name).key);
            let identity = Identity::of(&self.app, spec, control);
            interests.extend(self.candidates(&identity).into_iter().map(|c| c.key));
        }
        // A request to end the operation is a change of the status, which wakes nobody by itself.
        if self.operation.is_some() {
            interests.insert(self.app.key());
        }
        interests
    }

    /// Objects that may be the Application's: those that say so, and those that were before.
    pub(super) fn candidates(&self, identity: &Identity) -> Vec<ObjectRef> {
        let mut candidates = self.shared.engine.live().owned_by(&identity.instance);
        candidates.extend(last_objects(&self.status.resources));
        candidates
    }

    /// Sees to it that objects are watched.
    pub(super) async fn watch(&self, objects: &[ObjectRef]) -> Result<(), String> {
        self.shared.engine.live().ensure_objects(objects).await.map_err(|e| e.to_string())
    }

    fn invalid(&mut self, found: Vec<Condition>) {
        self.status.set_conditions(found, condition::OF_COMPARISON, self.now);
        self.status.sync.status = SyncCode::Unknown;
        self.status.set_health("Unknown", String::new(), self.now);
        if let Ok(spec) = self.spec.clone() {
            self.compared_to(&spec);
        }
        self.memory.auto = AutoStep::Nothing;
        self.compared(Level::Latest, false);
    }

    /// Nothing is known of what the source says: nothing is changed, and of no object it can be told how it stands.
    fn unknown(&mut self, spec: &ApplicationSpec, found: Vec<Condition>, level: Level) {
        self.status.set_conditions(found, condition::OF_COMPARISON, self.now);
        self.status.sync.status = SyncCode::Unknown;
        for resource in &mut self.status.resources {
            resource.status = Some(SyncCode::Unknown);
        }
        if self.status.health.status.is_empty() {
            self.status.set_health("Unknown", String::new(), self.now);
        }
        self.compared_to(spec);
        self.memory.auto = AutoStep::Nothing;
        self.compared(level.max(Level::Latest), true);
    }

    fn compared_to(&mut self, spec: &ApplicationSpec) {
        let compared = &mut self.status.sync.compared_to;
        compared.sources.clone_from(&spec.sources);
        compared.destination = spec.destination.clone();
        compared.ignore_differences =
            self.app.get(&["spec", "ignoreDifferences"]).cloned().unwrap_or(Value::Null);
    }

    /// What is live cannot be told yet; where a right is missing for that, it is named.
    fn look_in_vain(&mut self, target: &Target, mut found: Vec<Condition>, level: Level) {
        self.cannot_compare(level);
        let kinds = target.objects.iter().map(|(object, _)| object.gvk());
        let Some(unreadable) = holdfast_controller::unreadable(self.shared.engine.live(), kinds) else {
            return;
        };
        let message = format!("Failed to load live state: {unreadable}");
        found.push(Condition::new(condition::COMPARISON_ERROR, message));
        self.status.set_conditions(found, condition::OF_COMPARISON, self.now);
        self.status.sync.status = SyncCode::Unknown;
        self.memory.auto = AutoStep::Nothing;
    }

    fn note(
        &mut self,
        spec: &ApplicationSpec,
        target: &Target,
        comparison: super::compare::Comparison,
        mut found: Vec<Condition>,
        level: Level,
    ) {
        self.memory.sights = comparison.sights;
        self.memory.drift = comparison.drift;
        found.extend(comparison.conditions);
        found.extend(self.unwatched(target));
        self.status.set_conditions(found, condition::OF_COMPARISON, self.now);
        self.status.sync.status = comparison.sync;
        self.status.sync.revisions.clone_from(&target.revisions);
        self.status.resources = comparison.resources;
        self.status.set_health(comparison.health.argocd_name(), comparison.health_message, self.now);
        self.status.summary.images = comparison.images;
        let types = || target.source_types.iter().map(|kind| kind.as_str().to_owned());
        let several = target.sources.are_several();
        self.status.source_type = types().next().filter(|_| !several).unwrap_or_default();
        self.status.source_types = types().filter(|_| several).collect();
        let source = if self.shared.options.inline_resource_health { "" } else { "appTree" };
        source.clone_into(&mut self.status.resource_health_source);
        if level >= Level::Latest {
            self.compared_to(spec);
        }
    }

    /// A comparison was made: when is the next?
    fn compared(&mut self, level: Level, failed: bool) {
        self.refreshed = true;
        self.status.controller_namespace.clone_from(&self.shared.options.control_namespace);
        let options = &self.shared.options;
        if level >= Level::Latest || self.status.reconciled_at.is_none() {
            self.status.reconciled_at = Some(seconds(self.now));
        }
        if level >= Level::Latest || self.memory.expires.is_none_or(|at| at <= self.now) {
            let interval = if failed { options.failed_refresh_interval } else { options.refresh_interval };
            let jitter = options.refresh_jitter.min(interval);
            self.memory.expires = Some(refresh::expiry(&self.app, interval, jitter, self.now));
        }
    }

    fn decide_auto(&mut self, spec: &ApplicationSpec) {
        if self.operation.is_some() {
            self.memory.auto = AutoStep::Nothing;
            return;
        }
        let auto = auto_sync(spec, &self.status, self.shared.options.heal_pauses(), self.now);
        let mut found: Vec<Condition> = self.contested(&auto).into_iter().collect();
        self.memory.auto = match auto {
            Auto::Nothing => AutoStep::Nothing,
            Auto::Start(operation) => match self.hooks_refuse(&operation) {
                Some(refusal) => {
                    found.push(Condition::new(condition::SYNC_ERROR, refusal));
                    AutoStep::Nothing
                }
                None => AutoStep::Start(operation),
            },
            Auto::Later(at) => AutoStep::Later(at),
            Auto::Refused(condition) => {
                found.push(condition);
                AutoStep::Nothing
            }
        };
        self.status.set_conditions(found, &[condition::SYNC_ERROR, condition::CONTESTED], self.now);
    }

    /// Who sets again what was healed more than once, while the next heal is put off; it is also told by an event, each
    /// time that it says something else.
    fn contested(&self, auto: &Auto) -> Option<Condition> {
        let state = self.status.operation_state.as_ref();
        let heals = state.and_then(|s| s.operation.sync.as_ref()).map_or(0, |s| s.auto_heal_attempts_count);
        let until = match auto {
            Auto::Later(until) => seconds(*until),
            _ => return None,
        };
        if heals < CONTESTED_HEALS || self.memory.drift.is_empty() {
            return None;
        }
        let what = self.memory.drift.join("\n");
        let message = format!("healed {heals} times and changed again; left alone until {until}:\n{what}");
        if !self.status.conditions.iter().any(|c| c.kind == condition::CONTESTED && c.message == message) {
            self.report(Severity::Warning, condition::CONTESTED, &message);
        }
        Some(Condition::new(condition::CONTESTED, message))
    }

    /// What the identity may neither list nor watch, and is read from time to time instead.
    fn unwatched(&self, target: &Target) -> Option<Condition> {
        let objects = target.objects.iter().map(|(object, _)| object.reference());
        let message = holdfast_controller::unwatched(self.shared.engine.live(), objects)?;
        Some(Condition::new(condition::UNWATCHED, message))
    }

    /// Why an operation cannot run the hooks of what was compared last.
    fn hooks_refuse(&self, operation: &Operation) -> Option<String> {
        let (target, sync) = (self.memory.target.as_ref()?, operation.sync.as_ref()?);
        super::hooks::refusal(&target.hooks, sync)
    }

    /// Notes that an operation ended: the cluster is compared again once its writes are seen.
    pub(super) fn settle(&mut self) {
        self.settled = true;
        self.memory.auto = AutoStep::Nothing;
    }

    /// Writes status and operation, and reports what changed.
    pub(super) async fn persist(&mut self) {
        let refreshed = self.refreshed && !self.blind;
        let operation = self.operation.as_ref();
        let change = write::Change { app: &self.app, status: &self.status, operation, refreshed };
        let Some(patch) = change.patch() else { return };
        match write::send(&self.shared.engine, &self.app.reference(), &patch).await {
            Ok(app) => {
                self.report_changes();
                self.memory.current = Some(app.clone());
                self.app = app;
            }
            Err(error) if error.kind == ApiErrorKind::NotFound => {}
            Err(error) => {
                if error.kind != ApiErrorKind::Conflict {
                    tracing::warn!(application = %self.app.key(), %error, "cannot write the status");
                }
                self.memory.unwritten = Some(self.unwritten());
                self.memory.current = None;
                self.conflict = true;
            }
        }
    }

    /// What is to be written later, when the Application may be another.
    fn unwritten(&self) -> Unwritten {
        let over = requested_operation(&self.app).filter(|_| self.operation.is_none());
        Unwritten { status: self.status.clone(), over }
    }

    fn report_changes(&self) {
        let before = Status::of(&self.app);
        if before.sync.status != self.status.sync.status {
            let was = self.app.get(&["status", "sync", "status"]).and_then(Value::as_str).unwrap_or_default();
            let message = format!("Updated sync status: {was} -> {}", self.status.sync.status.as_str());
            self.report(Severity::Normal, "ResourceUpdated", &message);
        }
        let (was, is) = (&before.health.status, &self.status.health);
        if *was != is.status {
            let why = if is.message.is_empty() { String::new() } else { format!(" ({})", is.message) };
            let message = format!("Updated health status: {was} -> {}{why}", is.status);
            self.report(Severity::Normal, "ResourceUpdated", &message);
        }
    }

    /// Reports an event about the Application.
    pub(super) fn report(&self, severity: Severity, reason: &str, message: &str) {
        let recorder = self.shared.engine.recorder();
        recorder.report(&self.app, severity, reason, message, json!({}), self.now);
    }
}

/// What came of checking a spec.
pub(super) enum Checked {
    /// It can be worked with.
    Good(Box<(ApplicationSpec, Project)>),
    /// It cannot, for these reasons.
    Bad(Vec<Condition>),
    /// Whether its project exists is not known yet.
    Pending,
}
