//! The live view: a line per app until all is settled, then what happens as it happens.

use super::{Arguments, Target};
use crate::commands::Context;
use crate::error::{CliError, Exit};
use holdfast_cluster::{Cluster, LiveEvent, LiveState};
use holdfast_object::{GroupVersionKind, Object, Value};
use holdfast_platform::{Seed, SeedError, Survey, unsupported};
use holdfast_types::{argocd, flux};
use holdfast_view::{App, line};
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Changes come in bursts; the view is drawn once for those of this time.
const FRAME: Duration = Duration::from_millis(40);

/// What is shown, fed by watches of its own: it sees what anyone sees.
pub(super) struct Board {
    live: LiveState,
    events: mpsc::UnboundedReceiver<LiveEvent>,
    cluster: Cluster,
    /// The apps that must be there before all can be settled.
    expected: HashSet<String>,
    /// How many apps the cluster did not take.
    rejected: usize,
}

/// An app and why it is refused, if it is.
struct Standing {
    app: App,
    refusal: Option<String>,
}

impl Standing {
    /// Whether time alone changes nothing any more.
    fn is_settled(&self) -> bool {
        self.refusal.is_some() || self.app.is_settled()
    }

    fn line(&self) -> String {
        match &self.refusal {
            Some(why) => line::line_with(&self.app, &format!("refused: {why}")),
            None => line::line(&self.app),
        }
    }
}

/// The kinds whose resources are shown, and those that tell about them.
fn kinds() -> [GroupVersionKind; 4] {
    [
        flux::git_repository(),
        flux::kustomization(),
        argocd::application(),
        GroupVersionKind::new("", "v1", "Event"),
    ]
}

impl Board {
    pub(super) fn start(cluster: Cluster, seed: &Seed) -> Self {
        let (live, events) = LiveState::new(cluster.clone(), Vec::new());
        let is_app = |o: &&Object| matches!(o.kind(), "Kustomization" | "Application");
        let expected = seed.resources().filter(is_app).map(|o| o.key().to_string()).collect();
        Self { live, events, cluster, expected, rejected: 0 }
    }

    /// Notes what the cluster did not take, and says why. Nothing waits for that.
    pub(super) fn rejected(&mut self, errors: &[SeedError], context: &Context) {
        for error in errors {
            context.output.note(format!("{}: {}", error.what, error.error));
            let was_expected = error.key.as_ref().is_some_and(|key| self.expected.remove(&key.to_string()));
            self.rejected += usize::from(was_expected);
        }
    }

    /// Shows the apps until the user stops it, or with `--once` until all is settled or the time is over.
    pub(super) async fn show(
        mut self,
        arguments: &Arguments,
        target: &Target,
        context: &Context,
    ) -> Result<Exit, CliError> {
        for kind in kinds() {
            // A kind that is not installed has no apps.
            self.live.ensure(&kind).await?;
        }
        let began = Instant::now();
        let deadline = began + arguments.timeout;
        let mut screen = Screen::new(context);
        let mut settled_before = false;
        loop {
            let apps = self.apps();
            screen.apps(&apps)?;
            let is_settled = self.is_complete(&apps) && apps.iter().all(Standing::is_settled);
            let is_refused = self.rejected > 0 || apps.iter().any(|standing| standing.refusal.is_some());
            if is_settled && !settled_before {
                settled_before = true;
                screen.settled(&apps, self.rejected, began.elapsed(), target)?;
                if arguments.once && !is_refused {
                    return Ok(Exit::Success);
                }
            }
            if arguments.once && (is_settled || Instant::now() >= deadline) {
                return self.give_up(&apps, is_settled, context);
            }
            let wait = async {
                tokio::select! {
                    event = self.events.recv() => event,
                    () = context.environment.stop.cancelled() => None,
                }
            };
            let event = if arguments.once {
                tokio::time::timeout_at(deadline, wait).await.ok()
            } else {
                Some(wait.await)
            };
            match event {
                None => {}
                // It was asked to go on until it is told to end; with --once it had a question to answer.
                Some(None) if !arguments.once => return Ok(Exit::Success),
                Some(None) => return Ok(Exit::Negative),
                Some(Some(event)) => self.take(event, settled_before, &mut screen).await?,
            }
        }
    }

    /// Takes what comes within a frame.
    async fn take(&mut self, first: LiveEvent, tells: bool, screen: &mut Screen<'_>) -> Result<(), CliError> {
        let until = Instant::now() + FRAME;
        let mut next = Some(first);
        while let Some(event) = next {
            if let LiveEvent::Object { object, was_deleted: false } = &event
                && object.key.kind == "Event"
                && let Some(found) = self.live.object(object)
            {
                screen.event(&found, tells)?;
            }
            next = tokio::time::timeout_at(until, self.events.recv()).await.ok().flatten();
        }
        Ok(())
    }

    fn apps(&self) -> Vec<Standing> {
        let objects: Vec<Object> =
            kinds()[..3].iter().flat_map(|gvk| self.live.all(gvk)).map(|object| (*object).clone()).collect();
        let refusals: BTreeMap<String, String> = (objects.iter())
            .map(|object| (object.key().to_string(), unsupported(object).join("; ")))
            .filter(|(_, why)| !why.is_empty())
            .collect();
        let stand = |app: App| {
            let of_spec = refusals.get(&app.reference.to_string()).filter(|_| !app.suspended).cloned();
            let refusal = of_spec.or_else(|| app.refusal().map(str::to_owned));
            Standing { app, refusal }
        };
        holdfast_view::apps(&objects).into_iter().map(stand).collect()
    }

    fn is_complete(&self, apps: &[Standing]) -> bool {
        let present: HashSet<String> = apps.iter().map(|s| s.app.reference.to_string()).collect();
        self.expected.is_subset(&present)
    }

    /// Says why `--once` ends with a no.
    fn give_up(&self, apps: &[Standing], is_settled: bool, context: &Context) -> Result<Exit, CliError> {
        let output = &context.output;
        output.note(if is_settled { "refused, and so not in force:" } else { "not settled in time:" });
        for standing in apps.iter().filter(|s| s.refusal.is_some() || !s.app.is_settled()) {
            output.note(format!("  {}", standing.line()));
            for line in standing.app.message.lines().filter(|_| standing.refusal.is_none()) {
                output.note(format!("      {line}"));
            }
        }
        let counts = self.cluster.counts().by_verb();
        tracing::debug!(?counts, "requests");
        Ok(Exit::Negative)
    }
}

/// Where it is shown: redrawn on a terminal, one line per change elsewhere.
struct Screen<'a> {
    context: &'a Context,
    redraws: bool,
    drawn: usize,
    lines: BTreeMap<String, String>,
    told: HashSet<String>,
}

impl<'a> Screen<'a> {
    fn new(context: &'a Context) -> Self {
        let redraws = context.environment.stdout_is_terminal;
        Self { context, redraws, drawn: 0, lines: BTreeMap::new(), told: HashSet::new() }
    }

    fn apps(&mut self, apps: &[Standing]) -> Result<(), CliError> {
        let lines: BTreeMap<String, String> =
            apps.iter().map(|standing| (standing.app.reference.to_string(), standing.line())).collect();
        if lines == self.lines {
            return Ok(());
        }
        if self.redraws {
            let mut text = String::new();
            if self.drawn > 0 {
                // Up to where the block began, and everything below it away.
                text.push_str(&format!("\x1b[{}A\x1b[J", self.drawn));
            }
            // Long lines are cut at the edge: one that goes on in the next row would be counted as one.
            text.push_str("\x1b[?7l");
            lines.values().for_each(|line| text.push_str(&format!("{line}\n")));
            text.push_str("\x1b[?7h");
            self.drawn = lines.len();
            self.context.output.bytes(text.as_bytes())?;
        } else {
            for (app, line) in &lines {
                if self.lines.get(app) != Some(line) {
                    self.context.output.line(line)?;
                }
            }
        }
        self.lines = lines;
        Ok(())
    }

    /// A line that stays, above what is redrawn.
    fn say(&mut self, line: &str) -> Result<(), CliError> {
        self.context.output.line(line)?;
        self.drawn = 0;
        Ok(())
    }

    fn settled(
        &mut self,
        apps: &[Standing],
        rejected: usize,
        took: Duration,
        target: &Target,
    ) -> Result<(), CliError> {
        self.say(&format!("\n{}\n{}", summary(apps, rejected, took), target.describe()))?;
        let arguments = target.arguments();
        self.say(&format!("\n  kubectl{arguments} get pods -A"))?;
        self.say(&format!("  holdfast get all -A{arguments}"))?;
        if let Some(Standing { app, .. }) = apps.iter().find(|s| !s.app.is_ready()).or(apps.first()) {
            let (name, sources) = (app.name(), target.source_arguments());
            self.say(&format!("  holdfast diff {name} -n {}{sources}{arguments}", app.namespace()))?;
        }
        self.say("")
    }

    /// Something that happened, once all was settled before; each is told once.
    fn event(&mut self, event: &Object, tells: bool) -> Result<(), CliError> {
        let text = |path: &[&str]| event.get(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let about = GroupVersionKind::from_api_version(
            &text(&["involvedObject", "apiVersion"]),
            &text(&["involvedObject", "kind"]),
        );
        let count = event.get(&["count"]).and_then(Value::as_i64).unwrap_or(1);
        let is_new = self.told.insert(format!("{}/{count}", event.uid()));
        let is_ours = text(&["source", "component"]) == "holdfast";
        if !tells || !is_new || !is_ours {
            return Ok(());
        }
        let name =
            format!("{}/{}", holdfast_view::prefix(&about.group_kind()), text(&["involvedObject", "name"]));
        let mark = if text(&["type"]) == "Warning" { "!" } else { "-" };
        for line in text(&["message"]).lines() {
            self.say(&format!("{mark} {name}: {line}"))?;
        }
        Ok(())
    }
}

/// `3 of 4 apps in sync and healthy after 2.4 s; 1 waits for a sync by hand`.
fn summary(apps: &[Standing], rejected: usize, took: Duration) -> String {
    let ready = apps.iter().filter(|s| s.app.is_ready() && s.refusal.is_none()).count();
    let (all, seconds) = (apps.len() + rejected, took.as_secs_f64());
    let mut text = format!("{ready} of {all} apps in sync and healthy after {seconds:.1} s");
    let others = |is_so: &dyn Fn(&Standing) -> bool| apps.iter().filter(|s| is_so(s)).count();
    let manual = others(&|s| s.refusal.is_none() && !s.app.is_ready() && !s.app.suspended);
    let suspended = others(&|s| s.app.suspended && !s.app.is_ready());
    match manual {
        0 => {}
        1 => text.push_str("; 1 waits for a sync by hand"),
        more => text.push_str(&format!("; {more} wait for a sync by hand")),
    }
    if suspended > 0 {
        text.push_str(&format!("; {suspended} suspended"));
    }
    let mut survey = Survey::default();
    apps.iter().for_each(|standing| survey.count(standing.refusal.as_deref()));
    if survey.refused() > 0 {
        text.push_str(&format!("; {} refused: {}", survey.refused(), survey.topics()));
    }
    if rejected > 0 {
        text.push_str(&format!("; {rejected} not accepted by the cluster"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::json;

    fn standing(status: Value, refusal: Option<&str>) -> Standing {
        let object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "web", "namespace": "argocd"}, "spec": {}, "status": status});
        let app = holdfast_view::apps(&[Object::new(object).unwrap()]).remove(0);
        Standing { app, refusal: refusal.map(str::to_owned) }
    }

    #[test]
    fn the_summary_counts_what_is_not_ready_by_its_cause() {
        let good = || json!({"sync": {"status": "Synced"}, "health": {"status": "Healthy"}});
        let out = || json!({"sync": {"status": "OutOfSync"}, "health": {"status": "Missing"}});
        let took = Duration::from_millis(2_440);
        let check = |apps: &[Standing], expected: &str| assert_eq!(summary(apps, 0, took), expected);
        let some = [standing(good(), None)];
        let expected = "1 of 3 apps in sync and healthy after 2.4 s; 2 not accepted by the cluster";
        assert_eq!(summary(&some, 2, took), expected);
        check(&some, "1 of 1 apps in sync and healthy after 2.4 s");
        let hooks = Some("hooks: Job/a, Job/b is not supported yet");
        check(
            &[
                standing(good(), None),
                standing(out(), None),
                standing(out(), hooks),
                standing(json!({}), hooks),
            ],
            "1 of 4 apps in sync and healthy after 2.4 s; 1 waits for a sync by hand; 2 refused: hooks 2",
        );
    }
}
