//! Each bug on purpose is caught within so many seeds, by the law that it breaks.

use holdfast_simulate::simulate_until;
use holdfast_sync::{Bug, plant};

/// Within how many seeds each bug is caught, and a part of what is said of it then.
const CAUGHT: &[(Bug, u64, &str)] = &[
    (Bug::DeleteWithoutPrecondition, 4, "every delete carries its precondition"),
    (Bug::LostWakeUp, 4, "news is taken up at once"),
    (Bug::BlindToDrift, 4, "what others change is put right"),
    // Who depends on the app is held up, as it is never ready at the revision that it claims.
    (Bug::StatusAhead, 4, "what others change is put right"),
    (Bug::SuspendIgnored, 16, "a suspended app is left alone"),
    (Bug::ManualSyncs, 4, "a manual app is never synced by itself"),
    (Bug::OldArtifact, 4, "not settled"),
    (Bug::DependencyIgnored, 4, "dependencies come first"),
    (Bug::BrokenIsEmpty, 8, "never delete what is wanted"),
    (Bug::TwoAtOnce, 4, "one reconcile at a time"),
    (Bug::Undamped, 8, "no storm"),
    (Bug::InventoryTooLate, 1, "the inventory knows what is ours"),
    (Bug::InventoryTooEarly, 4, "the inventory knows what is ours"),
    (Bug::FinalizerTooEarly, 4, "the inventory knows what is ours"),
    // What carries no mark is not ours; what carries another app's is wanted by that one.
    (Bug::PruneWithoutOwner, 16, "never delete what is"),
    (Bug::StaleCache, 8, "not settled"),
    (Bug::ExpiredIgnored, 4, "not settled"),
    (Bug::StatusOfOldRun, 4, "not settled"),
    (Bug::SealOfAnswer, 8, "not settled"),
    (Bug::NoBackOff, 8, "no storm"),
];

/// The first seed on which a bug that is switched on breaks its law, or what else was said of the seeds until then: a
/// bug may break other laws before its own.
fn caught(bug: Bug, seeds: u64, law: &'static str) -> Result<(u64, String), Vec<String>> {
    plant(Some(bug));
    let mut others = Vec::new();
    let found = (1..=seeds).find_map(|seed| {
        let failures = simulate_until(seed, law).unwrap().failures;
        let its = failures.iter().find(|failure| failure.contains(law)).cloned();
        others.extend(failures);
        its.map(|failure| (seed, failure))
    });
    plant(None);
    found.ok_or(others)
}

#[test]
fn no_bug_is_forgotten() {
    let is_listed = |bug: &Bug| CAUGHT.iter().any(|(caught, ..)| caught == bug);
    assert!(Bug::ALL.iter().all(is_listed), "each bug has a law that it breaks");
}

#[test]
fn bugs_are_caught_by_their_law() {
    // Each on a thread of its own: a bug is planted for one thread.
    let missed: Vec<String> = std::thread::scope(|scope| {
        let plays = CAUGHT.iter().map(|(bug, seeds, law)| {
            scope.spawn(move || match caught(*bug, *seeds, law) {
                Ok((seed, failure)) => {
                    println!("{bug:?}: seed {seed}: {failure}");
                    None
                }
                Err(others) => {
                    Some(format!("{bug:?} does not break its law within {seeds} seeds, but: {others:#?}"))
                }
            })
        });
        let plays: Vec<_> = plays.collect();
        plays.into_iter().filter_map(|play| play.join().unwrap()).collect()
    });
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
