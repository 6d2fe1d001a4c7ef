//! One repository and Kustomizations of its folders: a commit to one folder, and a commit to all.

use crate::FluxArguments;
use crate::client::{Client, for_each};
use crate::floor;
use crate::ground::Ground;
use crate::holdfast::{Holdfast, Metrics};
use crate::pairs::{TIMES_FLOOR, difference};
use crate::readiness::{Readiness, is_at};
use crate::report::{Figure, Goal, Report};
use crate::workload::{self, APPLIES};
use anyhow::{Context, Result};
use holdfast_object::Object;
use holdfast_testcluster::git::{Auth, Change, HttpServer, Repositories, Repository};
use holdfast_types::flux::{git_repository, kustomization};
use std::time::{Duration, Instant};

/// The repository and the source of it.
const REPOSITORY: &str = "team/apps";
const SOURCE: &str = "apps";
/// From a push that touches one folder to Ready, by the project's goals.
const ONE_FOLDER: Duration = Duration::from_secs(1);

/// What is measured, with everything that it needs.
struct Bench<'a> {
    arguments: &'a FluxArguments,
    repository: Repository,
    url: String,
    holdfast: Holdfast,
    ready: Readiness,
}

/// What one commit took.
struct Took {
    /// Until the first folder that was touched is Ready.
    first: Duration,
    /// Until every Kustomization is at the commit.
    all: Duration,
    renders: u64,
    applies: u64,
    requests: Vec<(String, u64)>,
}

pub(crate) async fn measure(arguments: &FluxArguments) -> Result<Report> {
    let ground = Ground::new(arguments.delay, arguments.replicas > 0).await?;
    let repositories = Repositories::new()?;
    let repository = repositories.create(REPOSITORY)?;
    let server = HttpServer::start(&repositories, false, Auth::none()).await?.context("this needs git")?;
    let url = server.url(REPOSITORY);
    let user = ground.client().await?;
    let first = repository.commit("main", "begin", &changes(arguments, 0..arguments.n, "0"))?;
    let holdfast = Holdfast::start(&arguments.holdfast()?, ground.kubeconfig()).await?;
    let ready = Readiness::of(&ground.observer().await?, kustomization()).await?;
    let mut bench = Bench { arguments, repository, url, holdfast, ready };
    let from_nothing = bench.begin(&user, &first).await?;
    // The last one, so that the order in which names are woken does not help.
    let last = arguments.n.saturating_sub(1);
    let one = bench.commit(last..arguments.n, "1").await?;
    let every = bench.commit(0..arguments.n, "2").await?;
    let usage = bench.holdfast.usage()?;
    bench.holdfast.end().await?;
    // On the same objects, which nobody else writes to any more.
    let bare = ground.client().await?;
    let began = Instant::now();
    write_all(&bare, arguments).await?;
    let floor = began.elapsed();
    let requests = bare.requests();

    let FluxArguments { n, delay, .. } = arguments;
    let title = format!(
        "one GitRepository and {n} Kustomizations of its folders; Kubernetes {}, {delay:?} added to each call",
        ground.version()
    );
    ground.end().await?;
    let mut report = Report::new(&title);
    let time = Figure::Time;
    report.row("all Ready, from nothing", None, time(from_nothing), None);
    report.row("commit to one folder: Ready", None, time(one.first), Goal::AtMost(time(ONE_FOLDER)));
    report.row("  all others say the commit, too", None, time(one.all), None);
    report.row("  renders", None, Figure::Count(one.renders), Goal::AtMost(Figure::Count(1)));
    report.row("  applies", None, Figure::Count(one.applies), Goal::AtMost(Figure::Count(1)));
    report.row("commit to all: Ready", time(floor), time(every.all), Goal::TimesFloor(TIMES_FLOOR));
    report.row("  renders", None, Figure::Count(every.renders), None);
    report.row("  applies", None, Figure::Count(every.applies), None);
    report.row("own CPU, all of it", None, time(usage.cpu), None);
    report.row("own peak memory", None, Figure::Bytes(usage.peak), None);
    report.requests(&requests, &every.requests);
    Ok(report)
}

fn changes(arguments: &FluxArguments, folders: std::ops::Range<usize>, change: &str) -> Vec<Change> {
    let files = folders.flat_map(|number| {
        let name = workload::name(number);
        workload::files(&format!("{name}/"), &name, arguments.replicas, change)
    });
    files.map(|(path, text)| Change::write(path, text)).collect()
}

impl Bench<'_> {
    /// Everything from nothing to Ready at the first commit.
    async fn begin(&mut self, user: &Client, commit: &str) -> Result<Duration> {
        let (n, source, namespace) = (self.arguments.n, git_repository(), user.namespace());
        let began = Instant::now();
        user.create(&workload::git_source(SOURCE, namespace, &self.url)).await?;
        let create = async |number| {
            let name = workload::name(number);
            user.create(&workload::app(&name, namespace, (&source, SOURCE), &format!("./{name}"))).await
        };
        let created = for_each(n, self.arguments.concurrency, create);
        let revision = revision(commit);
        tokio::try_join!(created, self.ready.until(n, |app| is_at(app, &revision)))?;
        let took = began.elapsed();
        self.holdfast.at_rest().await?;
        Ok(took)
    }

    /// Commits a change of some folders, tells of the push, and waits until all are there.
    async fn commit(&mut self, folders: std::ops::Range<usize>, change: &str) -> Result<Took> {
        let changes = changes(self.arguments, folders.clone(), change);
        let before = self.holdfast.metrics().await?;
        let commit = self.repository.commit("main", "change", &changes)?;
        let revision = revision(&commit);
        let began = Instant::now();
        self.holdfast.pushed(&self.url).await?;
        let touched = |app: &Object| {
            let number = app.name().rsplit('-').next().and_then(|number| number.parse().ok());
            number.is_some_and(|number| folders.contains(&number))
        };
        self.ready.until(1, |app| touched(app) && is_at(app, &revision)).await?;
        let first = began.elapsed();
        self.ready.until(self.arguments.n, |app| is_at(app, &revision)).await?;
        let all = began.elapsed();
        self.holdfast.at_rest().await?;
        let now = self.holdfast.metrics().await?;
        let count = |name: &str| (now.get(name) - before.get(name)) as u64;
        Ok(Took {
            first,
            all,
            renders: count("holdfast_renders_total{answer=\"rendered\"}"),
            applies: count("holdfast_operations_total{verb=\"apply\",result=\"done\"}"),
            requests: difference(&Metrics::requests(&now), &Metrics::requests(&before)),
        })
    }
}

/// What a commit that touches every folder costs whoever decides nothing: the source's status, then for each folder an
/// apply, a status, and an event.
async fn write_all(client: &Client, arguments: &FluxArguments) -> Result<()> {
    let revision = revision("0123456789abcdef0123456789abcdef01234567");
    floor::source_done(client, &git_repository(), SOURCE, &revision).await?;
    let write = async |number| {
        let name = workload::name(number);
        let [_, service, ..] = workload::applied(&name, client.namespace(), arguments.replicas, "3");
        client.apply(&service, APPLIES).await?;
        floor::app_done(client, &name, &revision).await
    };
    for_each(arguments.n, arguments.concurrency, write).await
}

fn revision(commit: &str) -> String {
    format!("main@sha1:{commit}")
}
