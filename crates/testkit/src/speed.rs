//! Times for benchmarks, as little disturbed by other load as can be.

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// The processor time that this thread has used.
///
/// # Panics
/// Where the system has no such clock.
pub fn cpu_time() -> Duration {
    match clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID) {
        Ok(time) => time.into(),
        Err(error) => panic!("the clock of this thread cannot be read: {error}"),
    }
}

/// The processor time that the processes which this one started and waited for have used.
///
/// # Panics
/// Where the system does not count it.
pub fn children_cpu_time() -> Duration {
    match getrusage(UsageWho::RUSAGE_CHILDREN) {
        Ok(usage) => {
            let microseconds = (usage.user_time() + usage.system_time()).num_microseconds();
            Duration::from_micros(microseconds.unsigned_abs())
        }
        Err(error) => panic!("the time of child processes cannot be read: {error}"),
    }
}

/// The least processor time of `rounds` calls; dropping what a call returns does not count.
pub fn fastest<T>(rounds: u32, mut call: impl FnMut() -> T) -> Duration {
    let timed = |_| {
        let start = cpu_time();
        let result = call();
        let took = cpu_time() - start;
        drop(result);
        took
    };
    (0..rounds).map(timed).min().unwrap_or_default()
}

/// Prints a time beside what it is to be, if anybody said, and how many times that of something else it is.
#[allow(clippy::print_stdout)]
pub fn print_ratio(what: &str, took: Duration, goal: Option<Duration>, beside: &str, other: Duration) {
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let goal = goal.map_or_else(String::new, |goal| format!(" (goal {:.2})", milliseconds(goal)));
    let ratio = took.as_secs_f64() / other.as_secs_f64();
    println!("{what}: {:.3} ms{goal}, {ratio:.2} times {beside}", milliseconds(took));
}
