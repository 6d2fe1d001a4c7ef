//! The whole product against the sandbox, in one thread, on a clock that is stopped, under injected faults.
//!
//! A seed decides everything: what is committed, what people do to the cluster, which requests and watch events fail,
//! when our process ends and begins anew. [`simulate`] plays a seed's story and answers what was against the
//! [laws](Violation), with a trace whose hash is the same every time. [`Stage`] is the same world for stories that a
//! test tells itself.
//!
//! Development only. It tests no API server (the contract suite does that), opens no socket, and writes
//! nothing but a temporary folder in place of a pod's volume.

mod acts;
mod commits;
mod dice;
mod finale;
mod fleet;
mod git;
mod hands;
mod laws;
mod process;
mod stage;
mod storm;
mod trace;
mod wire;
mod world;

pub use dice::Dice;
pub use fleet::{Api, App, Content, Folder, Head, History, Item, Kind, NAMESPACE};
pub use git::Reach;
pub use hands::Hands;
pub use laws::Violation;
pub use stage::Stage;
pub use trace::Trace;
pub use wire::Weather;
pub use world::{Kill, World};

use anyhow::Result;
use std::time::Duration;

/// When every simulation begins, in seconds since 1970: 2026-01-01T00:00:00Z.
pub(crate) const FIRST_SECOND: i64 = 1_767_225_600;

/// What came of a seed.
#[derive(Debug, Clone)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What was against the laws; empty when all is well.
    pub failures: Vec<String>,
    /// The trace.
    pub lines: Vec<String>,
    /// The trace's hash, with the bodies of all requests and answers in it.
    pub hash: u64,
    /// Requests of our process.
    pub requests: u64,
    /// Writes among them.
    pub writes: u64,
    /// How much time passed in the simulation.
    pub passed: Duration,
}

/// Plays a seed's story on a runtime of its own.
///
/// # Errors
/// When the story itself cannot be played: a mistake of the simulation.
pub fn simulate(seed: u64) -> Result<Report> {
    play(seed, None)
}

/// As [`simulate`], but no further than to where a law that contains this text is broken.
///
/// # Errors
/// As [`simulate`].
pub fn simulate_until(seed: u64, law: &'static str) -> Result<Report> {
    play(seed, Some(law))
}

fn play(seed: u64, until: Option<&'static str>) -> Result<Report> {
    on_stopped_clock(async move {
        let mut stage = Stage::new(seed).await?;
        if let Some(law) = until {
            stage.end_with(law);
        }
        let began = tokio::time::Instant::now();
        let played = storm::play(&mut stage).await;
        let world = &stage.world;
        let mut failures: Vec<String> = world.violations().iter().map(ToString::to_string).collect();
        failures.extend(played.err().map(|error| format!("{error:#}")));
        let (requests, writes) = world.counts();
        let (lines, hash) = world.with_trace(|trace| (trace.lines().to_vec(), trace.hash()));
        Ok(Report { seed, failures, lines, hash, requests, writes, passed: began.elapsed() })
    })
}

/// Runs a story on one thread, with a clock that only moves when everybody waits.
///
/// # Errors
/// Those of the story, or of the runtime.
pub fn on_stopped_clock<T>(story: impl Future<Output = Result<T>>) -> Result<T> {
    stage::found_once()?;
    stopped_runtime()?.block_on(story)
}

pub(crate) fn stopped_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
}
