//! A folder that is followed: what is written there arrives, and what others change is put right.

use crate::bed::{Bed, config_map, manifest};
use holdfast_object::{Object, Value, json};
use std::time::{Duration, Instant};

fn has(value: &str) -> impl Fn(&Object) -> bool {
    move |object| object.get(&["data", "key"]).and_then(Value::as_str) == Some(value)
}

/// What `docs/performance.md` quotes; far below what fails, which only tells a hang from a pause.
const TOO_LONG: Duration = Duration::from_secs(20);

/// Measures how long something takes, says it, and fails only when it hung.
#[allow(clippy::print_stderr, reason = "a measurement is for whoever runs the test")]
async fn timed<T>(what: &str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let result = work.await;
    let took = began.elapsed();
    eprintln!("{what}: {} ms", took.as_millis());
    assert!(took < TOO_LONG, "{what} took {took:?}");
    result
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_arrive_and_drift_is_healed_by_both_apis() {
    let bed = Bed::start().await;
    bed.write("shop/a.yaml", &manifest("a", "one"));
    bed.both("shop", "shop").await;
    for api in ["flux", "argocd"] {
        let a = config_map(&format!("{api}-shop"), "a");
        bed.until(&a, has("one")).await;
    }
    for (number, api) in ["flux", "argocd"].into_iter().enumerate() {
        let a = config_map(&format!("{api}-shop"), "a");
        let value = format!("edit{number}");
        bed.write("shop/a.yaml", &manifest("a", &value));
        timed(&format!("{api}: an edited file in the cluster"), bed.until(&a, has(&value))).await;
        bed.merge(&a, json!({"data": {"key": "theirs"}})).await;
        timed(&format!("{api}: an edited object healed"), bed.until(&a, has(&value))).await;
        // Another commit: Argo CD lets the second heal of one wait.
        let value = format!("edit{number} again");
        bed.write("shop/a.yaml", &manifest("a", &value));
        let old = bed.until(&a, has(&value)).await;
        bed.delete(&a).await;
        let is_new = |object: &Object| has(&value)(object) && object.uid() != old.uid();
        timed(&format!("{api}: a deleted object made anew"), bed.until(&a, is_new)).await;
    }
    bed.stop().await;
}
