//! What the API server fills in again where a patch keeps only what it names.

use serde_json::{Map, Value, json};

/// Where the kinds keep their pods.
const POD_SPECS: [&str; 3] = ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];

/// Gives an object that a strategic patch was laid over the values that the API server defaults in fields whose other
/// keys the patch took away: `$retainKeys` is written for a Deployment's `strategy` and for volumes, which have
/// defaults beside what is usually written (`SetDefaults_Deployment`, `SetDefaults_Volume`). Values that are there
/// stay.
pub(super) fn refill(object: &mut Value) {
    if object["kind"] == "Deployment"
        && let Some(strategy) = object.pointer_mut("/spec/strategy").and_then(Value::as_object_mut)
    {
        refill_strategy(strategy);
    }
    for pods in POD_SPECS {
        let volumes = object.pointer_mut(pods).and_then(|spec| spec.get_mut("volumes")?.as_array_mut());
        for volume in volumes.into_iter().flatten().filter_map(Value::as_object_mut) {
            if volume.keys().all(|key| key == "name") {
                volume.insert("emptyDir".into(), json!({}));
            }
        }
    }
}

fn refill_strategy(strategy: &mut Map<String, Value>) {
    let is_rolling = strategy.entry("type").or_insert_with(|| "RollingUpdate".into()) == "RollingUpdate";
    if !is_rolling {
        return;
    }
    let rolling = strategy.entry("rollingUpdate").or_insert_with(|| json!({}));
    if let Some(rolling) = rolling.as_object_mut() {
        for key in ["maxUnavailable", "maxSurge"] {
            rolling.entry(key).or_insert_with(|| "25%".into());
        }
    }
}
