//! How long the commands take as people and scripts run them, from the start of the process to its end, beside the
//! start alone (`--version`). On a loaded machine the processor time says more than the time on the clock.
//!
//! Goals on two idle cores: `kustomize build` of a small base 10 ms, `helm template` of podinfo 12 ms.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

use holdfast_testkit::speed::{children_cpu_time, print_ratio};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: u32 = 40;

fn main() {
    let fleet = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/fleet");
    let base = fleet.join("shop/base");
    let podinfo = holdfast_testkit::conformance("helm").map(|root| root.join("charts/stefanprodan__podinfo"));
    let chart = podinfo.filter(|chart| chart.is_dir()).unwrap_or_else(|| fleet.join("charts/notes"));
    let start = fastest(&["--version".as_ref()]);
    let build = fastest(&["kustomize".as_ref(), "build".as_ref(), &base]);
    let template = fastest(&["helm".as_ref(), "template".as_ref(), "web".as_ref(), &chart]);
    print("kustomize build of a small base", build, Duration::from_millis(10), start);
    print("helm template of podinfo", template, Duration::from_millis(12), start);
}

/// The least time of a process on the clock, and of the processor; not of the same round.
#[derive(Clone, Copy)]
struct Times {
    clock: Duration,
    processor: Duration,
}

fn fastest(arguments: &[&Path]) -> Times {
    let mut times = Times { clock: Duration::MAX, processor: Duration::MAX };
    for _ in 0..ROUNDS {
        let (start, used) = (Instant::now(), children_cpu_time());
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        let status = command.args(arguments).stdout(Stdio::null()).status().unwrap();
        times.clock = times.clock.min(start.elapsed());
        times.processor = times.processor.min(children_cpu_time() - used);
        assert!(status.success(), "{arguments:?}: {status}");
    }
    times
}

fn print(what: &str, took: Times, goal: Duration, start: Times) {
    print_ratio(&format!("{what}, on the clock"), took.clock, Some(goal), "the start", start.clock);
    print_ratio(&format!("{what}, processor"), took.processor, Some(goal), "the start", start.processor);
}
