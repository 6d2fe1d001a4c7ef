//! Random objects, changed by random writes of several managers on a kube-apiserver 1.36.3, and whether a forced
//! server-side dry-run of `m1` would have changed labels, annotations or anything outside metadata and status.

use crate::recorded::KindOf;
use holdfast_merge::drift::{FluxRequest, FoldPolicy, Verdict, flux};
use serde_json::Value;

#[test]
fn what_an_apply_would_change_is_known_without_the_server() {
    let kinds = KindOf::recorded();
    let (mut wrong, mut unknown, mut count) = (Vec::new(), 0, 0);
    for (line, text) in include_str!("recorded/verdicts.jsonl").lines().enumerate() {
        let case: Value = serde_json::from_str(text).unwrap();
        let (desired, live) = (&case["desired"], &case["live"]);
        let (schema, ..) = kinds.of(live);
        // Custom kinds are judged twice: with their schema, and from what their owners own.
        for schema in [Some(schema), None] {
            let drift = flux(&FluxRequest {
                desired,
                live,
                manager: "m1",
                schema,
                fold: &FoldPolicy::kustomize_controller("m1", &[]),
                applied_before: case["known"] == true,
                defaults: None,
            });
            let ours = match drift.verdict() {
                Verdict::InForce | Verdict::OwnershipLost | Verdict::Fold => "same",
                Verdict::ValueDrift | Verdict::OrderDrift => "drift",
                Verdict::Unknown => {
                    unknown += 1;
                    continue;
                }
            };
            count += 1;
            if ours != case["server"] {
                wrong.push(format!(
                    "line {}: {ours}, the server says {}: {drift:?}",
                    line + 1,
                    case["server"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(unknown * 15 < count, "{unknown} unknown beside {count} judged");
}
