//! Operations carried out: from `.operation` to a run of the engine, and from its verdict to the result that clients
//! read.

use super::compare::{extras, split_kept};
use super::load::is_namespaced;
use super::memory::{Run, Settling, Spared, Wait};
use super::operation::{Operation, OperationState, Phase, SyncOperation};
use super::options::SyncOptions;
use super::project::Project;
use super::reconcile::{Checked, RETRY, Round};
use super::request::{self, Identity, Pruning, Target};
use super::result;
use super::status::{condition, parse_time};
use holdfast_controller::{Advance, DRIFT_CORRECTED, Severity, SyncRun, explain_corrections};
use holdfast_health::{HealthStatus, RuleSet, assess};
use holdfast_object::{Object, ObjectKey, ObjectRef};
use holdfast_sync::{Desired, Live, LiveView, Occasion, Verdict, Wake};
use holdfast_types::argocd::{ApplicationSpec, DELETION_APPROVED, SourceSet};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for the watch to bring our writes back before the cluster is compared regardless.
const SETTLE: SignedDuration = SignedDuration::from_secs(2);

/// Why an operation cannot run.
enum Stop {
    /// It is over.
    Over(Phase, String),
    /// It is over, and another try would end the same way.
    Refused(String),
    /// Not everything it needs to know is known yet.
    NotYet,
}

impl Stop {
    fn error(message: impl Into<String>) -> Self {
        Self::Over(Phase::Error, message.into())
    }

    fn failed(message: impl Into<String>) -> Self {
        Self::Over(Phase::Failed, message.into())
    }
}

impl Round<'_> {
    /// Asks for an operation, as a person would; it is taken up at once.
    pub(super) fn start(&mut self, operation: Operation) {
        let revision = operation.sync.as_ref().map(|sync| sync.revisions.to_string()).unwrap_or_default();
        let message = format!("Initiated automated sync to '{revision}'");
        self.report(Severity::Normal, "OperationStarted", &message);
        self.operation = Some(operation);
        self.status.operation_state = None;
        self.memory.auto = super::AutoStep::Nothing;
    }

    /// Takes up the operation that was asked for. That it runs is written before anything else is, so that a process
    /// that takes over knows.
    pub(super) async fn begin(&mut self) {
        let Some(operation) = self.operation.clone() else { return };
        let mut state = OperationState::begin(operation.clone(), self.now);
        if let (Some(sync), Ok(spec)) = (&operation.sync, &self.spec) {
            state.sync_result.get_or_insert_default().set(sync.sources.or(&spec.sources), &sync.revisions);
        }
        self.status.operation_state = Some(state);
        self.memory.run = None;
        self.persist().await;
    }

    /// Begins the next try of an operation.
    pub(super) async fn retry(&mut self) {
        self.memory.run = None;
        if let Some(state) = &mut self.status.operation_state {
            state.retry();
        }
        self.persist().await;
    }

    /// Ends the operation without another try.
    pub(super) fn end(&mut self, phase: Phase, message: String) {
        self.finish(phase, message, false);
    }

    /// Goes on with the operation until there is nothing to do but wait.
    pub(super) async fn advance(&mut self) {
        if self.memory.run.is_none() {
            match self.prepare().await {
                Ok(run) => self.memory.run = Some(run),
                Err(Stop::Over(phase, message)) => return self.finish(phase, message, true),
                Err(Stop::Refused(message)) => return self.finish(Phase::Failed, message, false),
                Err(Stop::NotYet) => return self.look_again(),
            }
        }
        let interests = self.interests(&[]);
        self.shared.engine.routes().set(&self.app.key(), interests);
        let approved = self.is_approved();
        let engine = &self.shared.engine;
        let Some(run) = self.memory.run.as_mut() else { return };
        if approved && !run.sync.policy.prune.brake.approved {
            Arc::make_mut(&mut run.sync.policy).prune.brake.approved = true;
        }
        match run.sync.advance(engine.home(), || engine.now()).await {
            Advance::Done(verdict) => self.done(verdict),
            Advance::Wait(wake) => self.wait(&wake),
            Advance::Outdated => {
                self.memory.run = None;
                self.look_again();
            }
            Advance::Unavailable(message) => {
                self.say(&message);
                let deadline =
                    SignedDuration::try_from(RETRY).ok().and_then(|by| self.now.checked_add(by).ok());
                self.set_wait(deadline);
            }
        }
    }

    fn look_again(&mut self) {
        self.blind = true;
        // Without a run there is nothing that could hold the wait: an empty one stands for it.
        let deadline = SignedDuration::try_from(RETRY).ok().and_then(|by| self.now.checked_add(by).ok());
        self.memory.preparing = Some(Wait { deadline });
    }

    fn set_wait(&mut self, deadline: Option<Timestamp>) {
        if let Some(run) = self.memory.run.as_mut() {
            run.waits = Some(Wait { deadline });
        }
    }

    fn say(&mut self, message: &str) {
        if let Some(state) = &mut self.status.operation_state {
            message.clone_into(&mut state.message);
        }
    }

    fn wait(&mut self, wake: &Wake) {
        if let Some(failed) = self.failed_wave(wake) {
            return self.finish(Phase::Failed, failed, true);
        }
        let message = match wake.waiting.as_slice() {
            [] => "one or more tasks are running".to_owned(),
            [first, rest @ ..] => {
                let key = &first.object;
                let more = match rest.len() {
                    0 => String::new(),
                    more => format!(" and {more} more resources"),
                };
                format!("waiting for healthy state of {}/{}/{}{more}", key.group, key.kind, key.name)
            }
        };
        self.say(&message);
        self.note_results(false);
        self.set_wait(wake.deadline);
    }

    /// A wave with a degraded object fails (Argo CD: "completed unsuccessfully"): waiting would not mend it.
    fn failed_wave(&self, wake: &Wake) -> Option<String> {
        let run = self.memory.run.as_ref()?;
        let live = self.shared.engine.live();
        let reason = |key: &ObjectKey| {
            let written = run.sync.progress.result(key)?;
            let desired = run.sync.desired.get(key)?;
            let Live::Present(found) = live.get(&desired.reference) else { return None };
            let holdfast_sync::OpResult::Done { resource_version, .. } = written else { return None };
            // What is older than our write says nothing about it.
            if super::memory::is_older(found.object.resource_version(), resource_version) {
                return None;
            }
            let health = assess(&found.object, RuleSet::ArgoCd);
            (health.status == HealthStatus::Degraded).then_some(health.message)
        };
        let reasons: Vec<String> = wake.waiting.iter().filter_map(|w| reason(&w.object)).collect();
        let text = "one or more synchronization tasks completed unsuccessfully";
        (!reasons.is_empty()).then(|| format!("{text}, reason: {}", reasons.join(",")))
    }

    fn done(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::InForce => {
                let is_empty = self.memory.run.as_ref().is_some_and(|run| {
                    run.sync.desired.objects().is_empty() && run.sync.desired.previous.is_empty()
                });
                let how = if is_empty { "no more tasks" } else { "all tasks run" };
                self.finish(Phase::Succeeded, format!("successfully synced ({how})"), true);
            }
            Verdict::Failed(failures) => {
                let reasons: Vec<&str> = failures.iter().map(|f| f.message.as_str()).collect();
                let message = format!("one or more objects failed to apply, reason: {}", reasons.join(","));
                self.finish(Phase::Failed, message, true);
            }
            Verdict::Unhealthy { objects, .. } | Verdict::StageTimedOut { objects } => {
                let reasons: Vec<String> = objects.iter().map(ToString::to_string).collect();
                let text = "one or more synchronization tasks completed unsuccessfully";
                self.finish(Phase::Failed, format!("{text}, reason: {}", reasons.join(",")), true);
            }
            Verdict::PruneHeld { objects, why } => {
                let first = objects.first().map(|o| format!("{}/{}/{}", o.key.group, o.key.kind, o.key.name));
                let first = first.unwrap_or_default();
                self.say(&format!(
                    "waiting for pruning confirmation of {first} ({why}; say yes with `holdfast sync --approve-prune`, or the annotation {DELETION_APPROVED}=<now>)"
                ));
                self.note_results(false);
                self.set_wait(None);
            }
            Verdict::RefusedEmpty { .. } => {
                self.finish(Phase::Failed, "the source is empty: nothing is pruned".into(), false);
            }
        }
    }

    /// Notes what came of the single objects.
    fn note_results(&mut self, is_over: bool) {
        let (Some(run), Some(state)) = (&self.memory.run, &mut self.status.operation_state) else { return };
        if let Some(result) = &mut state.sync_result {
            result.resources = result::of_run(run, is_over);
        }
    }

    fn finish(&mut self, phase: Phase, message: String, may_retry: bool) {
        self.note_results(phase == Phase::Succeeded);
        let limit = self.spec.as_ref().ok().and_then(|spec| spec.revision_history_limit);
        let now = self.now;
        let run = self.memory.run.take();
        self.memory.preparing = None;
        let Some(state) = &mut self.status.operation_state else { return };
        state.finish(phase, message, may_retry, now);
        let state = state.clone();
        if state.phase.is_completed() {
            let sync = state.operation.sync.clone().unwrap_or_default();
            if state.phase == Phase::Succeeded && !sync.dry_run && sync.resources.is_empty() {
                self.status.remember_sync(&state, limit, now);
            }
            let good = state.phase == Phase::Succeeded;
            let severity = if good { Severity::Normal } else { Severity::Warning };
            self.report(severity, "OperationCompleted", &state.end_event());
            let healed = run.as_ref().filter(|_| sync.auto_heal_attempts_count > 0);
            if let Some(message) = healed.and_then(|r| explain_corrections(&r.sync.progress.corrections())) {
                self.report(Severity::Normal, DRIFT_CORRECTED, &message);
            }
            self.operation = None;
        }
        let until = now.checked_add(SETTLE).unwrap_or(Timestamp::MAX);
        self.memory.settling = run.and_then(|run| Settling::of(&run.sync, until));
        self.settle();
    }

    fn is_approved(&self) -> bool {
        let began = self.status.operation_state.as_ref().and_then(|state| parse_time(&state.started_at));
        let approved = self.app.annotation(DELETION_APPROVED).and_then(parse_time);
        matches!((approved, began), (Some(approved), Some(began)) if approved >= began)
    }

    /// Makes the run of the operation: what it syncs, with which options, and what it may prune.
    async fn prepare(&mut self) -> Result<Run, Stop> {
        let (spec, project) = match self.checked().await {
            Checked::Good(good) => *good,
            Checked::Pending => return Err(Stop::NotYet),
            Checked::Bad(found) => {
                let texts: Vec<String> = found.iter().map(|c| format!("{}: {}", c.kind, c.message)).collect();
                return Err(Stop::error(texts.join(";")));
            }
        };
        let state = self.status.operation_state.clone().unwrap_or_default();
        let Some(sync) = state.operation.sync else {
            return Err(Stop::error("Invalid operation request: no operation specified"));
        };
        let (options, sources) = self.checked_operation(&spec, &sync)?;
        let target = self.operation_target(&spec, &sources, &sync).await?;
        if let Some(state) = self.status.operation_state.as_mut() {
            let result = state.sync_result.get_or_insert_default();
            result.set(&sources, &target.revisions);
            result.managed_namespace_metadata = request::managed_namespace_value(&spec);
        }
        self.check_target(&target, &options, &project, &sync)?;
        self.plan_run(&spec, target, options, &sync).await
    }

    /// What an operation asks for that is not supported stops it.
    fn checked_operation(
        &self,
        spec: &ApplicationSpec,
        sync: &SyncOperation,
    ) -> Result<(SyncOptions, SourceSet), Stop> {
        if !sync.manifests.is_empty() {
            return Err(Stop::error("operation.sync.manifests (local manifests) is not supported yet"));
        }
        let is_said = |key: &&String| {
            sync.rest.get(*key).is_some_and(|v| !v.is_null() && v != &holdfast_object::json!([]))
        };
        if let Some(field) = sync.rest.keys().find(is_said) {
            return Err(Stop::error(format!("operation.sync.{field} is not supported yet")));
        }
        let (options, refused) = request::sync_options(spec, &sync.sync_options, sync.is_forced());
        if !refused.is_empty() {
            return Err(Stop::error(format!("sync options not supported yet: {}", refused.join(", "))));
        }
        let sources = sync.sources.or(&spec.sources).clone();
        let problems = super::refuse::sources_problems(&sources);
        if !problems.is_empty() {
            return Err(Stop::error(problems.join("; ")));
        }
        Ok((options, sources))
    }

    /// What the operation syncs: what was compared, when it is the same commit of the same source.
    async fn operation_target(
        &self,
        spec: &ApplicationSpec,
        sources: &SourceSet,
        sync: &SyncOperation,
    ) -> Result<Arc<Target>, Stop> {
        if let Some(compared) = &self.memory.target
            && compared.spec == *spec
            && compared.sources == *sources
            && (sync.revisions.is_empty() || sync.revisions == compared.revisions)
        {
            return Ok(compared.clone());
        }
        let loaded = self.load(spec, sources, &sync.revisions, Duration::ZERO, false).await;
        loaded.map_err(|problem| {
            Stop::error(format!("ComparisonError: Failed to load target state: {}", problem.message))
        })
    }

    fn check_target(
        &self,
        target: &Target,
        options: &SyncOptions,
        project: &Project,
        sync: &SyncOperation,
    ) -> Result<(), Stop> {
        if let Some(refusal) = super::hooks::refusal(&target.hooks, sync) {
            return Err(Stop::Refused(refusal));
        }
        if options.fail_on_shared_resource
            && let Some(shared) = self.status.conditions.iter().find(|c| c.kind == condition::SHARED_RESOURCE)
        {
            return Err(Stop::failed(format!("Shared resource found: {}", shared.message)));
        }
        let mut problems = self.missing_kinds(target, options);
        for (object, _) in &target.objects {
            problems.extend(self.not_permitted(object, project));
        }
        problems.sort();
        problems.dedup();
        if problems.is_empty() {
            return Ok(());
        }
        let text = "one or more synchronization tasks are not valid";
        Err(Stop::failed(format!("{text}: {}", problems.join("; "))))
    }

    fn not_permitted(&self, object: &Object, project: &Project) -> Option<String> {
        let gvk = object.gvk();
        let namespaced = is_namespaced(self.shared.engine.cluster(), object);
        if !project.permits_kind(&gvk.group_kind(), object.name(), namespaced) {
            return Some(format!(
                "resource {}:{} is not permitted in project {}",
                gvk.group,
                gvk.kind,
                project.name()
            ));
        }
        let namespace = object.namespace();
        (namespaced && !project.permits_destination(namespace))
            .then(|| format!("namespace {namespace} is not permitted in project '{}'", project.name()))
    }

    async fn plan_run(
        &mut self,
        spec: &ApplicationSpec,
        target: Arc<Target>,
        options: SyncOptions,
        sync: &SyncOperation,
    ) -> Result<Run, Stop> {
        let identity = Identity::of(&self.app, spec, &self.shared.options.control_namespace);
        let pruning = Pruning {
            enabled: sync.prune,
            limit: self.shared.options.prune_limit,
            approved: self.is_approved(),
        };
        let policy = request::sync_policy(spec, &identity, &options, &pruning);
        let mut desired = target.desired(&options, &|key| sync.selects(key));
        let mut objects: Vec<ObjectRef> = desired.iter().map(|d| d.reference.clone()).collect();
        objects.extend(self.candidates(&identity));
        self.watch(&objects).await.map_err(|_| Stop::NotYet)?;
        let live = self.shared.engine.live();
        // What says that it is ours is known only once its kind was listed.
        if objects.iter().any(|object| matches!(live.get(object), Live::Unknown)) {
            return Err(Stop::NotYet);
        }
        let candidates = self.candidates(&identity);
        let extras = extras(live, &desired, &candidates, &policy).ok_or(Stop::NotYet)?;
        let (mut prunable, mut kept) = split_kept(&extras);
        prunable.retain(|object| sync.selects(&object.key));
        kept.retain(|object| sync.selects(&object.key));
        let mut spared: Vec<Spared> = spare(kept, "ignored (no prune)");
        if !policy.prune.enabled {
            spared.extend(spare(std::mem::take(&mut prunable), "ignored (requires pruning)"));
        }
        desired.extend(target.created_namespace(&options));
        let desired = Desired::new(target.revisions.to_string(), desired, prunable);
        let run = SyncRun::new(Arc::new(desired), Arc::new(policy), Occasion::Scheduled, self.now);
        let run = Run { options, sync: run, spared, waits: None };
        if sync.dry_run {
            return Err(self.dry_run(&run));
        }
        Ok(run)
    }

    /// Says what the operation would do.
    fn dry_run(&mut self, run: &Run) -> Stop {
        let live = self.shared.engine.live();
        let planned = holdfast_sync::plan(&run.sync.desired, live, &run.sync.policy, self.now);
        if let Some(result) = self.status.operation_state.as_mut().and_then(|s| s.sync_result.as_mut()) {
            result.resources = result::of_plan(run, &planned);
        }
        match planned.verdict {
            Verdict::Failed(_) => Stop::failed("one or more objects failed to apply (dry run)"),
            _ => Stop::Over(Phase::Succeeded, "successfully synced (all tasks run)".into()),
        }
    }
}

fn spare(objects: Vec<ObjectRef>, why: &'static str) -> Vec<Spared> {
    objects.into_iter().map(|object| Spared { object, why }).collect()
}
