//! One simulation's stage: the cluster, the repository, our process, and everyone else's hands.

use crate::commits::Commits;
use crate::dice::Dice;
use crate::fleet::{App, Head, Item};
use crate::git::{Reach, Repository};
use crate::hands::Hands;
use crate::laws;
use crate::process::Process;
use crate::wire::Weather;
use crate::world::{Kill, World};
use anyhow::{Context, Result, bail};
use holdfast_object::{Value, json};
use holdfast_sandbox::{Checkpoint, Clock, ImageTable, Options, Sandbox};
use http::Method;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::time::Instant;

/// Our process begins anew this long after it ended, at most.
const LONGEST_REST: Duration = Duration::from_secs(15);
/// How long everything may take to be as it should, once nothing disturbs any more.
const SETTLES_WITHIN: Duration = Duration::from_secs(600);
/// How long nothing may be written after that.
const RESTS_FOR: Duration = Duration::from_secs(900);

/// A cluster with the definitions of our kinds and the namespaces of the fleet: the same for every seed.
static FOUNDED: OnceLock<Checkpoint> = OnceLock::new();

/// Where one simulation plays.
pub struct Stage {
    /// What everyone shares.
    pub world: World,
    /// A person with `kubectl`.
    pub user: Hands,
    /// Another controller.
    pub rival: Hands,
    process: Option<Process>,
    lives: u32,
    /// Which seed's.
    pub(crate) seed: u64,
    /// A story that is told to see this law broken ends once it is.
    until: Option<&'static str>,
    /// What a pod's volume is: it outlives a process, and not the stage.
    storage: tempfile::TempDir,
    pub(crate) dice: Dice,
    commits: Commits,
}

impl Stage {
    /// A stage with a repository, before any app or process is there.
    ///
    /// # Errors
    /// When the cluster cannot be founded.
    pub async fn new(seed: u64) -> Result<Self> {
        let mut dice = Dice::new(seed);
        let founded = FOUNDED.get().context("a stage needs a stopped clock")?.clone();
        let sandbox = Sandbox::start(options(dice.roll(), Some(founded)));
        let mut commits = Commits::new(dice.split());
        let repository = Repository::new(commits.first());
        let world = World::new(sandbox, repository, dice.split());
        let (user, rival) = (Hands::user(&world), Hands::rival(&world));
        let stage = Self {
            world,
            user,
            rival,
            process: None,
            lives: 0,
            seed,
            until: None,
            storage: tempfile::tempdir()?,
            dice,
            commits,
        };
        // The definitions of a restored cluster are served once its own controllers have looked.
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(stage)
    }

    /// Ends the story once this law is broken.
    pub(crate) fn end_with(&mut self, law: &'static str) {
        self.until = Some(law);
    }

    /// The fleet is there, and our process runs.
    ///
    /// # Errors
    /// When the cluster refuses the fleet.
    pub async fn begin(&mut self) -> Result<()> {
        let sources = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories";
        self.user.must(Method::POST, sources, crate::fleet::repository()).await?;
        for app in App::ALL {
            self.user.create(app).await?;
        }
        self.start_process()
    }

    /// Starts our process, unless it runs.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start_process(&mut self) -> Result<()> {
        if self.process.is_none() {
            self.lives += 1;
            self.process = Some(Process::start(&self.world, self.lives, self.storage.path())?);
        }
        Ok(())
    }

    /// Ends our process at once.
    pub fn kill_process(&mut self) {
        if let Some(process) = self.process.take() {
            self.world.note(format_args!("our process {} ends", process.number()));
            process.end();
        }
    }

    /// Lets our process finish and end.
    pub async fn stop_process(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop().await;
        }
    }

    /// Whether our process runs.
    pub fn is_running(&self) -> bool {
        self.process.as_ref().is_some_and(|process| !process.is_over())
    }

    /// The product that runs.
    pub fn platform(&self) -> Option<&holdfast_platform::Platform> {
        self.process.as_ref().map(Process::platform)
    }

    /// Ends our process with a request to come.
    pub fn kill_with(&mut self, kill: Kill) {
        self.world.set_kill(Some(kill));
    }

    /// Lets time pass. A process that ends meanwhile begins anew a little later.
    ///
    /// # Errors
    /// When it cannot, or when the story has seen what it was told for.
    pub async fn pass(&mut self, time: Duration) -> Result<()> {
        if let Some(law) = self.until
            && self.world.violations().iter().any(|violation| violation.law.contains(law))
        {
            bail!("told until a law was broken: {law}");
        }
        let until = Instant::now() + time;
        loop {
            let Some(process) = self.process.as_ref() else {
                tokio::time::sleep_until(until).await;
                return Ok(());
            };
            tokio::select! {
                biased;
                () = process.ended() => {}
                () = tokio::time::sleep_until(until) => return Ok(()),
            }
            self.kill_process();
            let rest = self.dice.between(Duration::from_millis(100), LONGEST_REST);
            tokio::time::sleep(rest).await;
            self.start_process()?;
        }
    }

    /// The newest state of the branch.
    pub fn head(&self) -> Head {
        self.world.repository().with(|history| history.head(history.newest()).clone())
    }

    /// Moves the branch on; with a webhook or without.
    pub fn push(&mut self, head: Head, what: &str, is_told: bool) -> usize {
        let number = self.world.repository().push(head);
        self.world.note(format_args!(
            "state {number} of the branch {what}{}",
            if is_told { ", and says so" } else { "" }
        ));
        if is_told {
            self.tell();
        }
        number
    }

    /// A webhook says that there is news.
    pub fn tell(&self) {
        if let Some(process) = &self.process {
            process.hear_of_news();
        }
    }

    /// Commits something.
    pub fn commit(&mut self) {
        let world = self.world.clone();
        let past = |dice: &mut Dice| {
            world.repository().with(|history| history.head(dice.below(history.newest() + 1)).clone())
        };
        let (next, what) = self.commits.next(&self.head(), past);
        let is_told = self.dice.below(4) != 0;
        self.push(next, what, is_told);
    }

    /// Adds something to a Kustomization, and takes it back before our process, which may end over it, can begin anew.
    ///
    /// # Errors
    /// When our process cannot be started.
    pub(crate) async fn commit_and_take_back(&mut self, kill: Kill, pause: Duration) -> Result<()> {
        let before = self.head();
        let next = self.commits.grown(&before);
        self.kill_with(kill);
        self.push(next, "adds something", true);
        // `pass` would start the process again.
        tokio::time::sleep(pause).await;
        self.push(before, "takes it back", true);
        self.pass(Duration::ZERO).await
    }

    /// Commits something that takes a while to be healthy.
    pub(crate) fn commit_rollout(&mut self) {
        let next = self.commits.rollout(&self.head());
        self.push(next, "rolls something out", true);
    }

    /// Commits what repairs everything and changes every app.
    pub fn commit_last(&mut self) {
        let next = self.commits.last(&self.head());
        self.push(next, "is the last", true);
    }

    /// Lets the weather change.
    pub fn weather(&self, weather: Weather) {
        self.world.set_weather(weather);
    }

    /// Lets the repository answer otherwise.
    pub fn reach(&self, reach: Reach) {
        self.world.note(format_args!("the repository is {reach:?}"));
        self.world.repository().set_reach(reach);
    }

    /// What the cluster is now, to be put back later.
    pub fn backup(&self) -> Checkpoint {
        self.world.note("a backup is taken");
        self.world.sandbox().store().checkpoint()
    }

    /// Puts the cluster back.
    pub fn restore(&self, backup: &Checkpoint) {
        self.world.note(format_args!("the cluster is put back to revision {}", backup.revision()));
        self.world.sandbox().restore(backup);
        self.world.laws(crate::laws::Laws::restored);
    }

    /// The objects that the newest state wants, of all apps.
    pub fn items(&self) -> Vec<Item> {
        let head = self.head();
        App::ALL
            .into_iter()
            .flat_map(|app| head.folder(app).items().keys().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Waits until everything is as the newest state says.
    ///
    /// # Errors
    /// What is not, when it takes too long.
    pub async fn settle(&mut self) -> Result<()> {
        self.settle_within(SETTLES_WITHIN).await
    }

    /// Waits until everything is as the newest state says, for so long.
    ///
    /// # Errors
    /// As [`Stage::settle`].
    pub async fn settle_within(&mut self, limit: Duration) -> Result<()> {
        let began = Instant::now();
        loop {
            self.pass(Duration::from_secs(5)).await?;
            let problems = laws::problems(&self.world);
            if problems.is_empty() {
                self.world.note(format_args!("settled after {} s", began.elapsed().as_secs()));
                return Ok(());
            }
            if began.elapsed() > limit {
                for app in App::ALL {
                    let custom = self.world.custom(app).unwrap_or_default();
                    self.world.note(format_args!("{app}: {custom}"));
                }
                bail!("not settled after {} s:\n  {}", began.elapsed().as_secs(), problems.join("\n  "));
            }
        }
    }

    /// Watches that nothing is written while nothing changes.
    ///
    /// # Errors
    /// When something changed back.
    pub async fn rest(&mut self) -> Result<()> {
        // What was begun before everything was settled may end.
        self.pass(Duration::from_secs(30)).await?;
        self.world.laws(|laws| laws.set_still(true));
        self.pass(RESTS_FOR).await?;
        self.world.laws(|laws| laws.set_still(false));
        let problems = laws::problems(&self.world);
        if !problems.is_empty() {
            bail!("unsettled by itself:\n  {}", problems.join("\n  "));
        }
        Ok(())
    }
}

fn options(seed: u64, from: Option<Checkpoint>) -> Options {
    let start = time::OffsetDateTime::from_unix_timestamp(crate::FIRST_SECOND)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    Options {
        clock: Clock::starting_at(start),
        seed,
        images: ImageTable::default(),
        history: 512,
        from,
        ..Options::default()
    }
}

/// Sees to it that there is a cluster to begin with, on a runtime of its own, so that the first story is like any
/// other.
pub(crate) fn found_once() -> Result<()> {
    if FOUNDED.get().is_none() {
        let founded = crate::stopped_runtime()?.block_on(found()).context("founding the cluster")?;
        // Another thread may have been faster, with the same.
        let _ = FOUNDED.set(founded);
    }
    Ok(())
}

/// A new cluster with definitions and namespaces.
async fn found() -> Result<Checkpoint> {
    let sandbox = Sandbox::start(options(1, None));
    let repository = Repository::new(Commits::new(Dice::new(0)).first());
    let world = World::new(sandbox.clone(), repository, Dice::new(0));
    let hands = Hands::user(&world);
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    for definition in holdfast_types::definitions() {
        hands.must(Method::POST, definitions, definition.value).await?;
    }
    for namespace in ["fleet", "flux-system", "argocd"] {
        let body: Value = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        hands.must(Method::POST, "/api/v1/namespaces", body).await?;
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    Ok(sandbox.store().checkpoint())
}
