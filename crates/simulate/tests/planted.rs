//! Each bug on purpose is caught, within so many seeds.

use holdfast_simulate::simulate;
use holdfast_sync::{Bug, plant};

/// Seeds that are played until one fails.
const SEEDS: u64 = 60;

/// The first seed that fails with a bug switched on, and the law that it broke.
fn caught(bug: Bug) -> Option<(u64, String)> {
    plant(Some(bug));
    let found = (1..=SEEDS).find_map(|seed| {
        let report = simulate(seed).unwrap();
        report.failures.first().map(|failure| (seed, failure.clone()))
    });
    plant(None);
    found
}

#[test]
fn every_bug_is_caught() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        match caught(*bug) {
            Some((seed, failure)) => println!("{bug:?}: seed {seed}: {failure}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not caught within {SEEDS} seeds: {missed:?}");
}
