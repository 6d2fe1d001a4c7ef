//! The contract by hand: `cargo run -p holdfast-contract -- record` and friends; `--help` lists them.
//!
//! It is a tool of this repository and no part of the product.

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use futures::StreamExt as _;
use holdfast_contract::random::{Material, compare_seed};
use holdfast_contract::speed::measure;
use holdfast_contract::{Recording, Request, Server, Suite, description, run_suite, suites};
use holdfast_sandbox::{Options, Sandbox};
use holdfast_testcluster::cluster::{self, Cluster};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// As the product, so that its speed is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "What the Kubernetes API answers, recorded and compared")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the cases against a real control plane and write down what it answers
    Record {
        /// Only files whose name contains this
        only: Option<String>,
    },
    /// Run the cases against the sandbox and print what differs from the recording
    Check {
        /// Only files whose name contains this
        only: Option<String>,
        /// Print what differs in the cases that are marked `differs`, too
        #[arg(long)]
        marked: bool,
    },
    /// Run the transcripts of kubectl and helm on a real control plane and on the sandbox, and compare every output
    Transcripts {
        /// Only files whose name contains this
        only: Option<String>,
    },
    /// Print the requests per second of the real control plane and of the sandbox side by side
    Speed {
        /// Measure the sandbox alone, in process and on a socket
        #[arg(long)]
        alone: bool,
    },
    /// Print how long a sandbox takes to start, and how much memory it holds empty and with objects (Linux)
    Footprint {
        /// How many small objects
        #[arg(long, default_value_t = 100_000)]
        objects: usize,
    },
    /// Write the real server's description of itself into a folder, for `cargo xtask schema --from FOLDER`
    Describe {
        /// The folder; it is created
        folder: PathBuf,
    },
    /// Run random sequences on the real control plane and on the sandbox, and compare every answer
    Random {
        /// How many sequences
        #[arg(long, default_value_t = 2000)]
        sequences: u64,
        /// The seed of the first one
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all();
    match arguments.command {
        Command::Record { only } => builder.build()?.block_on(record(only.as_deref())),
        Command::Transcripts { only } => builder.build()?.block_on(transcripts(only.as_deref())),
        Command::Speed { alone } => builder.build()?.block_on(speed(alone)),
        Command::Footprint { objects } => builder.build()?.block_on(footprint(objects)),
        Command::Describe { folder } => builder.build()?.block_on(describe(&folder)),
        Command::Random { sequences, from } => builder.build()?.block_on(random(from, sequences)),
        Command::Check { only, marked } => {
            builder.start_paused(true).build()?.block_on(check(only.as_deref(), marked))
        }
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn chosen(only: Option<&str>) -> Result<Vec<Suite>> {
    let mut suites = suites(&folder("cases"))?;
    suites.retain(|suite| only.is_none_or(|only| suite.name.contains(only)));
    Ok(suites)
}

fn recording(suite: &Suite) -> PathBuf {
    folder("recorded").join(format!("{}.jsonl", suite.name))
}

fn say(text: &str) {
    // Nobody is left to tell when the output is closed.
    let _ = writeln!(std::io::stdout(), "{text}");
}

async fn record(only: Option<&str>) -> Result<()> {
    let suites = chosen(only)?;
    let cluster = real().await?;
    let server = Server::real(&cluster)?;
    for suite in &suites {
        let outcomes = run_suite(&server, suite, 8).await?;
        Recording::write(&recording(suite), &outcomes)?;
        say(&format!("{}: {} cases, {} answers", suite.name, suite.cases.len(), outcomes.len()));
    }
    cluster.end().await?;
    Ok(())
}

async fn describe(folder: &Path) -> Result<()> {
    let cluster = real().await?;
    std::fs::create_dir_all(folder)?;
    for (name, document) in description(&Server::real(&cluster)?).await? {
        std::fs::write(folder.join(format!("{name}.json")), document.to_string())?;
    }
    cluster.end().await?;
    Ok(())
}

async fn real() -> Result<Cluster> {
    cluster::start(&holdfast_contract::plain_control_plane())
        .await?
        .context("the control plane is of the slow tier: set HOLDFAST_E2E=required")
}

async fn check(only: Option<&str>, marked: bool) -> Result<()> {
    let mut findings = Vec::new();
    let mut total = 0;
    for suite in chosen(only)? {
        let recorded = Recording::read(&recording(&suite))?;
        let outcomes = run_suite(&Server::sandbox(), &suite, 1).await?;
        total += suite.cases.len();
        findings.extend(recorded.findings(&suite, &outcomes, !marked));
    }
    for finding in &findings {
        say(finding);
    }
    say(&format!("{total} cases, {} differ", findings.len()));
    if findings.is_empty() { Ok(()) } else { bail!("the sandbox differs") }
}

async fn random(from: u64, sequences: u64) -> Result<()> {
    let material = Material::read(&folder("random.yaml"))?;
    let cluster = real().await?;
    let (real, sandbox) = (Server::real(&cluster)?, Server::sandbox());
    futures::try_join!(material.prepare(&real), material.prepare(&sandbox))?;
    let runs = (from..from + sequences).map(|seed| compare_seed(&material, seed, &real, &sandbox));
    let mut runs = futures::stream::iter(runs).buffer_unordered(8);
    let (mut done, mut differing) = (0, 0);
    while let Some(found) = runs.next().await {
        done += 1;
        if let Some(finding) = found? {
            differing += 1;
            say(&format!(
                "seed {}:\n  {}\n  differs:\n    {}",
                finding.seed,
                finding.requests.join("\n  "),
                finding.differences.join("\n    ")
            ));
        }
        if done % 100 == 0 {
            say(&format!("{done} sequences, {differing} differ"));
        }
    }
    drop(runs);
    cluster.end().await?;
    say(&format!("{done} sequences, {differing} differ"));
    if differing == 0 { Ok(()) } else { bail!("the sandbox differs") }
}

async fn transcripts(only: Option<&str>) -> Result<()> {
    let findings = holdfast_contract::transcripts(only, None).await?.context("set HOLDFAST_E2E=required")?;
    for finding in &findings {
        say(finding);
    }
    say(&format!("{} commands differ", findings.len()));
    if findings.is_empty() { Ok(()) } else { bail!("the sandbox differs") }
}

async fn speed(alone: bool) -> Result<()> {
    let sandbox = Server::sandbox();
    let Server::Sandbox(inner) = &sandbox else { bail!("no sandbox") };
    let listening = inner.listen(([127, 0, 0, 1], 0).into()).await?;
    let socket = Server::at(&format!("http://{}", listening.addr))?;
    let in_process = measure(&sandbox, "speed-1").await?;
    let on_socket = measure(&socket, "speed-2").await?;
    let real = if alone {
        None
    } else {
        let cluster = real().await?;
        let figures = measure(&Server::real(&cluster)?, "speed").await?;
        cluster.end().await?;
        Some(figures)
    };
    say(&format!("{:<28}{:>12}{:>12}{:>14}{:>8}", "per second", "real", "sandbox", "in process", "ratio"));
    for (index, (socket, within)) in on_socket.iter().zip(&in_process).enumerate() {
        let real = real.as_ref().map(|figures| figures[index].per_second);
        let shown = real.map_or_else(|| "-".to_owned(), |real| format!("{real:.0}"));
        let ratio = real.map_or_else(|| "-".to_owned(), |real| format!("{:.1}", socket.per_second / real));
        let line = format!(
            "{:<28}{shown:>12}{:>12.0}{:>14.0}{ratio:>8}",
            socket.what, socket.per_second, within.per_second
        );
        say(&line);
    }
    Ok(())
}

/// How many sandboxes are started for the figure of one.
const STARTS: u32 = 20;

async fn footprint(objects: usize) -> Result<()> {
    let before = resident()?;
    let start = Instant::now();
    let sandboxes: Vec<Sandbox> = (0..STARTS).map(|_| Sandbox::start(Options::default())).collect();
    let time = start.elapsed() / STARTS;
    // The simulators make what a new cluster has.
    tokio::time::sleep(SETTLED).await;
    let each = resident()?.saturating_sub(before) / u64::from(STARTS);
    drop(sandboxes);
    let server = Server::Sandbox(Sandbox::start(Options::default()));
    tokio::time::sleep(SETTLED).await;
    say(&format!("start of one                {time:?}"));
    say(&format!("memory of an empty one      {:.1} MB (the process {:.1} MB)", mb(each), mb(resident()?)));
    let path = "/api/v1/namespaces/default/configmaps";
    let start = Instant::now();
    for number in 0..objects {
        let body = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("m-{number}"), "labels": {"app": "web"}}, "data": {"key": "value"}});
        let request = Request {
            method: "POST".into(),
            path: path.into(),
            media: "application/json".into(),
            body: body.to_string().into(),
            ..Request::default()
        };
        let answer = server.send(&request).await?;
        if answer.code != 201 {
            bail!("{}", answer.value());
        }
    }
    say(&format!(
        "memory with {objects} objects  {:.1} MB, created in {:?}",
        mb(resident()?),
        start.elapsed()
    ));
    Ok(())
}

/// Long enough for the simulators to have done all that a new sandbox asks for.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(1);

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The memory of this process in bytes, as Linux counts it.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("memory is measured on Linux only")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
