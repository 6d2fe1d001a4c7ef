//! Cases that others wrote: inputs and the bytes that must come out, or an error.

use crate::folder;
use holdfast_kustomize::{BuildOptions, LoadRestrictor, Outcome, Provided, Reorder, build, to_yaml};
use std::path::Path;

fn options(meta: &serde_json::Value) -> BuildOptions<'static> {
    let text = |field: &str| meta.get(field).and_then(serde_json::Value::as_str).unwrap_or_default();
    BuildOptions {
        load_restrictor: match text("restrict") {
            "LoadRestrictionsNone" => LoadRestrictor::None,
            _ => LoadRestrictor::RootOnly,
        },
        reorder: match text("reorder") {
            "legacy" => Reorder::Legacy,
            "none" => Reorder::None,
            _ => Reorder::Unspecified,
        },
        managed_by_label: meta.get("managedby").and_then(serde_json::Value::as_bool).unwrap_or_default(),
        ..BuildOptions::default()
    }
}

/// `Err` says how the case went wrong.
fn run(case: &Path) -> Result<(), String> {
    let meta = std::fs::read(case.join("meta.json")).unwrap_or_else(|_| b"{}".to_vec());
    let meta: serde_json::Value = serde_json::from_slice(&meta).unwrap();
    let path = meta.get("path").and_then(serde_json::Value::as_str).unwrap_or(".");
    let tree = folder::read(&case.join("input"));
    let built = match build(&tree, path.trim_start_matches('/'), &options(&meta), &Provided::new()) {
        Ok(Outcome::Built(built)) => Ok(to_yaml(&built.objects)),
        Ok(Outcome::Needs(needs)) => Err(format!("needs {needs:?}")),
        Err(errors) => Err(errors.to_string()),
    };
    if let Ok(why) = std::fs::read_to_string(case.join("must_fail.txt")) {
        return match built {
            Err(_) => Ok(()),
            Ok(_) => Err(format!("built, but should fail: {}", why.lines().next().unwrap_or_default())),
        };
    }
    let expected = std::fs::read_to_string(case.join("expected.yaml")).unwrap();
    let found = built?;
    if found == expected {
        return Ok(());
    }
    let differs = expected.lines().zip(found.lines()).position(|(a, b)| a != b);
    let line = differs.unwrap_or_else(|| expected.lines().count().min(found.lines().count()));
    let at = |text: &str| text.lines().nth(line).unwrap_or("<end>").to_owned();
    Err(format!("line {}: want {:?}, got {:?}", line + 1, at(&expected), at(&found)))
}

#[test]
fn every_case_passes() {
    let Some(root) = holdfast_testkit::conformance("kustomize") else { return };
    let mut cases: Vec<_> = std::fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    let mut failures = Vec::new();
    for case in cases.iter().filter(|c| c.is_dir()) {
        if let Err(why) = run(case) {
            failures.push(format!("{}: {why}", case.file_name().unwrap().to_string_lossy()));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases fail:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}
