use super::*;
use holdfast_testkit::conformance;
use serde_json::Value;

/// Every recorded case: Flux's verdict on one twin, Argo CD's on the other.
#[test]
fn recorded_changes_get_the_recorded_verdicts() {
    let Some(folder) = conformance("drift") else { return };
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        count += 1;
        let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let title = path.file_stem().unwrap().to_string_lossy().into_owned();
        wrong.extend(check_flux(&case["flux"]).map(|what| format!("{title}: flux: {what}")));
        wrong.extend(check_argocd(&case["argocd"]).map(|what| format!("{title}: argocd: {what}")));
    }
    assert!(count > 0, "no cases in the folder");
    assert!(wrong.is_empty(), "{} of {count} cases\n{}", wrong.len(), wrong.join("\n"));
}

fn check_flux(case: &Value) -> Option<String> {
    let manager = case["fieldManager"].as_str().unwrap();
    let judge = |live: &Value| {
        flux(&FluxRequest {
            desired: &case["desired"],
            live,
            manager,
            schema: None,
            fold: &FoldPolicy::kustomize_controller(manager, &[]),
            applied_before: true,
            defaults: None,
        })
    };
    let before = judge(&case["before"]);
    let drift = judge(&case["after"]);
    let word = match drift.verdict() {
        Verdict::InForce | Verdict::OwnershipLost => "in-force",
        Verdict::Fold => "fold",
        Verdict::OrderDrift | Verdict::ValueDrift => "drift",
        Verdict::Unknown => "unknown",
    };
    let same = word == case["verdict"]
        && drift.metadata == case["metadata"].as_bool().unwrap()
        && Value::from(drift.folds.clone()) == case["folds"]
        && drift.removes_last_applied() == case["removesLastApplied"].as_bool().unwrap()
        && before.verdict() == Verdict::InForce;
    (!same).then(|| {
        format!(
            "{word}, expected {} {} {}; before: {:?} {before:?}\n      {drift:?}",
            case["verdict"],
            case["folds"],
            case["metadata"],
            before.verdict()
        )
    })
}

fn check_argocd(case: &Value) -> Option<String> {
    let ignore = ["/status".to_owned()];
    let manager = case["fieldManager"].as_str().unwrap();
    let judge = |live: &Value| {
        argocd(&ArgocdRequest { desired: &case["desired"], live, ignore: &ignore, manager, defaults: None })
    };
    let (before, after) = (judge(&case["before"]), judge(&case["after"]));
    let same = before.modified() == case["modifiedBefore"].as_bool().unwrap()
        && after.modified() == case["modified"].as_bool().unwrap();
    (!same).then(|| {
        format!(
            "expected {} {}\n   before {before:?}\n    after {after:?}",
            case["modifiedBefore"], case["modified"]
        )
    })
}
