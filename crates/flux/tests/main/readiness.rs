//! What must hold of every status of a source that anyone ever sees: the rules by which Flux' clients tell whether a
//! resource is ready, as Flux checks them in its own tests.

use holdfast_object::{Object, Value};

/// Conditions that are bad when true.
const BAD_WHEN_TRUE: &[&str] = &[
    "ArtifactOutdated",
    "FetchFailed",
    "IncludeUnavailable",
    "Reconciling",
    "Stalled",
    "StorageOperationFailed",
];

/// Fails with what is wrong with the status of an object.
pub(crate) fn check(object: &Object) {
    let broken = broken_rules(object);
    assert!(broken.is_empty(), "{}: {broken:?}: {:#?}", object.key(), object.get(&["status"]));
}

fn broken_rules(object: &Object) -> Vec<&'static str> {
    let Some(conditions) = object.get(&["status", "conditions"]).and_then(Value::as_array) else {
        return Vec::new();
    };
    let status = |kind: &str| {
        let found = conditions.iter().find(|c| c["type"] == kind);
        found.and_then(|c| c["status"].as_str()).unwrap_or_default()
    };
    let observed = object.get(&["status", "observedGeneration"]).and_then(Value::as_i64).unwrap_or_default();
    let of_observed = |c: &Value| c["observedGeneration"].as_i64() == Some(observed);
    let is_ready = status("Ready") == "True";
    let rules = [
        ("Ready is there", !status("Ready").is_empty()),
        ("nothing is wrong when it is ready", !is_ready || BAD_WHEN_TRUE.iter().all(|k| status(k) != "True")),
        ("stalled is not ready", status("Stalled") != "True" || status("Ready") == "False"),
        ("stalled is not reconciling", status("Stalled").is_empty() || status("Reconciling").is_empty()),
        ("nothing from the future is observed", observed <= object.generation()),
        ("ready is of the observed generation", !is_ready || conditions.iter().all(of_observed)),
        ("unknown is reconciling", status("Ready") != "Unknown" || status("Reconciling") == "True"),
        ("ready has an artifact", !is_ready || object.get(&["status", "artifact"]).is_some()),
        ("what is in storage has an artifact", {
            status("ArtifactInStorage") != "True" || object.get(&["status", "artifact"]).is_some()
        }),
        ("a signature that is missing is not ready", status("SourceVerified") != "False" || !is_ready),
    ];
    rules.into_iter().filter(|(_, holds)| !holds).map(|(rule, _)| rule).collect()
}

#[test]
fn rules_are_told_apart() {
    let object = |status: Value| {
        Object::new(
            holdfast_object::json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "a", "namespace": "n", "generation": 2}, "status": status}),
        )
        .unwrap()
    };
    let condition = |kind: &str, status: &str| holdfast_object::json!({"type": kind, "status": status, "observedGeneration": 2});
    let broken = |conditions: Vec<Value>| {
        broken_rules(&object(
            holdfast_object::json!({"observedGeneration": 2, "artifact": {}, "conditions": conditions}),
        ))
    };
    assert!(broken(vec![condition("Ready", "True"), condition("ArtifactInStorage", "True")]).is_empty());
    assert_eq!(
        broken(vec![condition("Ready", "True"), condition("FetchFailed", "True")]),
        ["nothing is wrong when it is ready"]
    );
    assert_eq!(broken(vec![condition("Ready", "Unknown")]), ["unknown is reconciling"]);
}
