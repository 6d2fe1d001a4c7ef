//! `cargo xtask simulate`: plays many seeds, and prints what is needed to play one again. Changes nothing anywhere.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use anyhow::{Context, Result, bail};
use holdfast_simulate::{Report, simulate};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// As the product: a story makes and drops JSON all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str =
    "usage: cargo xtask simulate [--seeds N] [--from SEED] [--seed SEED] [--threads N] [--trace]
  --seeds N    play N seeds (100)
  --from SEED  beginning with this one (1)
  --seed SEED  play this seed, twice, and print its trace
  --threads N  on so many threads (1)
  --trace      print the trace of every seed that fails";

struct Arguments {
    from: u64,
    seeds: u64,
    threads: usize,
    one: Option<u64>,
    trace: bool,
}

fn main() -> Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let arguments = read(std::env::args().skip(1))?;
    match arguments.one {
        Some(seed) => play_again(seed),
        None => play_many(&arguments),
    }
}

fn read(mut given: impl Iterator<Item = String>) -> Result<Arguments> {
    let mut arguments = Arguments { from: 1, seeds: 100, threads: 1, one: None, trace: false };
    while let Some(argument) = given.next() {
        let mut number = || -> Result<u64> {
            let text = given.next().with_context(|| format!("{argument} needs a number"))?;
            text.parse().with_context(|| format!("{argument} {text}"))
        };
        match argument.as_str() {
            "--seeds" => arguments.seeds = number()?,
            "--from" => arguments.from = number()?,
            "--seed" => arguments.one = Some(number()?),
            "--threads" => arguments.threads = usize::try_from(number()?)?.max(1),
            "--trace" => arguments.trace = true,
            _ => bail!("{USAGE}"),
        }
    }
    Ok(arguments)
}

fn play_again(seed: u64) -> Result<()> {
    let (report, again) = (simulate(seed)?, simulate(seed)?);
    report.lines.iter().for_each(|line| println!("{line}"));
    if report.hash != again.hash {
        let differs = report.lines.iter().zip(&again.lines).find(|(one, two)| one != two);
        println!("the second time was another: {differs:?}");
        bail!("seed {seed} does not decide everything");
    }
    tell(&report);
    if report.failures.is_empty() { Ok(()) } else { bail!("seed {seed} failed") }
}

fn play_many(arguments: &Arguments) -> Result<()> {
    let began = Instant::now();
    let next = AtomicU64::new(arguments.from);
    let end = arguments.from + arguments.seeds;
    let (total, failed) = (Mutex::new(Totals::default()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    match simulate(seed) {
                        Ok(report) => {
                            if !report.failures.is_empty() {
                                if arguments.trace {
                                    report.lines.iter().for_each(|line| println!("{line}"));
                                }
                                tell(&report);
                                lock(&failed).push(seed);
                            }
                            lock(&total).add(&report);
                        }
                        Err(error) => {
                            println!("seed {seed}: {error:#}");
                            lock(&failed).push(seed);
                        }
                    }
                }
            });
        }
    });
    let (total, failed) = (lock(&total), lock(&failed));
    let took = began.elapsed();
    // By the processor's time where it is known, as a machine may carry other load.
    let cpu = cpu_seconds().unwrap_or(took.as_secs_f64() * arguments.threads as f64);
    println!(
        "{} seeds in {:.1} s on {} threads: {:.1} a second of a core ({} build), {} hours simulated, {} requests, {} writes",
        total.seeds,
        took.as_secs_f64(),
        arguments.threads,
        total.seeds as f64 / cpu,
        if cfg!(debug_assertions) { "debug" } else { "release" },
        total.passed.as_secs() / 3600,
        total.requests,
        total.writes,
    );
    if failed.is_empty() {
        return Ok(());
    }
    bail!("{} seeds failed: {failed:?}; play one again with --seed", failed.len())
}

/// The seconds of processor time that this process has used, as Linux counts them.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th field after it.
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    (ticks.len() == 2).then(|| ticks.iter().sum::<f64>() / TICKS)
}

/// `USER_HZ`, the unit of these times: 100 on every architecture in use.
const TICKS: f64 = 100.0;

#[derive(Default)]
struct Totals {
    seeds: u64,
    requests: u64,
    writes: u64,
    passed: Duration,
}

impl Totals {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.requests += report.requests;
        self.writes += report.writes;
        self.passed += report.passed;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn tell(report: &Report) {
    let Report { seed, requests, writes, passed, hash, .. } = report;
    println!(
        "seed {seed}: {} s simulated, {requests} requests, {writes} writes, hash {hash:016x}",
        passed.as_secs()
    );
    report.failures.iter().for_each(|failure| println!("seed {seed}: {failure}"));
}
