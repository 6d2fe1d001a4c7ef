//! The contract in tests: always the recording against the sandbox; in the slow tier the real control plane as well.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use holdfast_contract::random::{Material, compare_seed};
use holdfast_contract::{Recording, Server, description, plain_control_plane, run_suite, suites};
use holdfast_object::schema::Schemas;
use holdfast_testcluster::cluster;
use std::path::{Path, PathBuf};

/// How many random sequences the slow tier compares; `cargo run -p holdfast-contract -- random` compares more.
const SEQUENCES: u64 = 100;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn recording(suite: &str) -> Recording {
    Recording::read(&folder("recorded").join(format!("{suite}.jsonl"))).unwrap()
}

/// One test for each suite, so that they run at the same time and say by name what fails.
async fn sandbox_answers_as_recorded(suite: &str) {
    let suite = suites(&folder("cases")).unwrap().into_iter().find(|s| s.name == suite).unwrap();
    let outcomes = run_suite(&Server::sandbox(), &suite, 1).await.unwrap();
    let findings = recording(&suite.name).findings(&suite, &outcomes, true);
    assert!(
        findings.is_empty(),
        "{} of {} cases differ:\n{}",
        findings.len(),
        suite.cases.len(),
        findings.join("\n")
    );
}

macro_rules! replays {
    ($($suite:ident),*) => {
        $(#[tokio::test(start_paused = true)]
        async fn $suite() {
            sandbox_answers_as_recorded(stringify!($suite)).await;
        })*

        #[test]
        fn every_suite_is_replayed() {
            let names: Vec<String> = suites(&folder("cases")).unwrap().into_iter().map(|s| s.name).collect();
            assert_eq!(names, [$(stringify!($suite)),*]);
        }
    };
}

replays!(access, applying, custom, kinds, patching, reading, rules, writing);

/// Each difference that stays is told to users.
#[test]
fn reasons_for_differences_are_in_the_documentation() {
    let page = std::fs::read_to_string(folder("../../docs/sandbox.md")).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let page = words(&page);
    for suite in suites(&folder("cases")).unwrap() {
        for case in suite.cases {
            if let Some(reason) = case.differs {
                assert!(
                    page.contains(&words(&reason)),
                    "docs/sandbox.md does not say: {reason} ({})",
                    case.name
                );
            }
        }
    }
}

/// The recording is what the real server answers, so is the table of built-in types, and random sequences find nothing that the tables miss.
#[tokio::test]
async fn the_real_server_answers_as_recorded() {
    let Some(real) = cluster::start(&plain_control_plane()).await.unwrap() else { return };
    let server = Server::real(&real).unwrap();
    // Before the cases bring definitions of their own.
    let documents: Vec<_> =
        description(&server).await.unwrap().into_iter().map(|(_, document)| document).collect();
    let mut findings = Vec::new();
    for suite in suites(&folder("cases")).unwrap() {
        let outcomes = run_suite(&server, &suite, 8).await.unwrap();
        findings.extend(recording(&suite.name).findings(&suite, &outcomes, false));
    }
    assert!(findings.is_empty(), "run `cargo run -p holdfast-contract -- record`:\n{}", findings.join("\n"));

    let fresh = Schemas::from_server(&documents).unwrap().to_text();
    let current = std::fs::read_to_string(folder("../object/src/schema/kubernetes.types")).unwrap();
    let differing = current.lines().zip(fresh.lines()).find(|(a, b)| a != b);
    assert!(
        current == fresh,
        "`describe` and `cargo xtask schema` make it anew; first difference: {differing:#?}"
    );

    let material = Material::read(&folder("random.yaml")).unwrap();
    let sandbox = Server::sandbox();
    futures::try_join!(material.prepare(&server), material.prepare(&sandbox)).unwrap();
    for seed in 0..SEQUENCES {
        let finding = compare_seed(&material, seed, &server, &sandbox).await.unwrap();
        assert!(finding.is_none(), "{finding:#?}");
    }
}
