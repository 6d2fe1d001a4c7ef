//! The live view: a line per app until all is settled, then what happens as it happens.

use super::{Arguments, Target};
use crate::commands::Context;
use crate::error::{CliError, Exit};
use holdfast_cluster::{Cluster, LiveEvent, LiveState};
use holdfast_object::{GroupVersionKind, Object, Value};
use holdfast_platform::Seed;
use holdfast_types::{argocd, flux};
use holdfast_view::App;
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
}

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
        Self { live, events, cluster, expected }
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
            let is_settled = self.is_complete(&apps) && apps.iter().all(App::is_settled);
            if is_settled && !settled_before {
                settled_before = true;
                screen.settled(&apps, began.elapsed(), target)?;
                if arguments.once {
                    return Ok(Exit::Success);
                }
            }
            if arguments.once && Instant::now() >= deadline {
                return self.give_up(&apps, context);
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
                Some(None) => return Ok(if is_settled { Exit::Success } else { Exit::Negative }),
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

    fn apps(&self) -> Vec<App> {
        let objects: Vec<Object> =
            kinds()[..3].iter().flat_map(|gvk| self.live.all(gvk)).map(|object| (*object).clone()).collect();
        holdfast_view::apps(&objects)
    }

    fn is_complete(&self, apps: &[App]) -> bool {
        let present: HashSet<String> = apps.iter().map(|app| app.reference.to_string()).collect();
        self.expected.is_subset(&present)
    }

    fn give_up(&self, apps: &[App], context: &Context) -> Result<Exit, CliError> {
        context.output.note("not settled in time:");
        for app in apps.iter().filter(|app| !app.is_settled()) {
            context.output.note(format!("  {}", holdfast_view::line::line(app)));
            for line in app.message.lines() {
                context.output.note(format!("      {line}"));
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

    fn apps(&mut self, apps: &[App]) -> Result<(), CliError> {
        let lines: BTreeMap<String, String> =
            apps.iter().map(|app| (app.reference.to_string(), holdfast_view::line::line(app))).collect();
        if lines == self.lines {
            return Ok(());
        }
        if self.redraws {
            let mut text = String::new();
            if self.drawn > 0 {
                // Up to where the block began, and everything below it away.
                text.push_str(&format!("\x1b[{}A\x1b[J", self.drawn));
            }
            lines.values().for_each(|line| text.push_str(&format!("{line}\n")));
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

    fn settled(&mut self, apps: &[App], took: Duration, target: &Target) -> Result<(), CliError> {
        let ready = apps.iter().filter(|app| app.is_ready()).count();
        let manual = apps.iter().filter(|app| !app.is_ready() && !app.suspended).count();
        let mut text =
            format!("{ready} of {} apps in sync and healthy after {:.1} s", apps.len(), took.as_secs_f64());
        if manual > 0 {
            text.push_str(&format!("; {manual} waits for a sync by hand"));
        }
        self.say(&format!("\n{text}\n{}", target.describe()))?;
        let arguments = target.arguments();
        self.say(&format!("\n  kubectl{arguments} get pods -A"))?;
        self.say(&format!("  holdfast get all -A{arguments}"))?;
        if let Some(app) = apps.iter().find(|app| !app.is_ready()).or(apps.first()) {
            self.say(&format!("  holdfast diff {} -n {}{arguments}", app.name(), app.namespace()))?;
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
