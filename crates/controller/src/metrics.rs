use crate::Trigger;
use holdfast_object::ObjectKey;
use holdfast_sync::{Change, Op, OpResult, Verb};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::time::Duration;

/// What the engine counts and times.
#[derive(Debug, Clone)]
pub struct Metrics {
    triggers: Family<TriggerLabels, Counter>,
    reconciles: Family<KindLabels, Histogram>,
    waits: Family<KindLabels, Histogram>,
    panics: Counter,
    operations: Family<OperationLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TriggerLabels {
    kind: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    verb: &'static str,
    result: &'static str,
}

/// From a tenth of a millisecond to some minutes.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 11))
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            triggers: Family::default(),
            reconciles: Family::new_with_constructor(seconds),
            waits: Family::new_with_constructor(seconds),
            panics: Counter::default(),
            operations: Family::default(),
        }
    }
}

impl Metrics {
    /// Registers everything under the prefix `holdfast`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("holdfast");
        registry.register("triggers", "Causes of work, by kind and reason", self.triggers.clone());
        registry.register("reconcile_seconds", "Time of one reconcile", self.reconciles.clone());
        registry.register("queue_seconds", "Time between the cause and its reconcile", self.waits.clone());
        registry.register(
            "reconcile_panics",
            "Reconciles that panicked and are tried again",
            self.panics.clone(),
        );
        registry.register(
            "operations",
            "Writes to managed objects, by verb and result",
            self.operations.clone(),
        );
    }

    pub(crate) fn triggered(&self, trigger: &Trigger) {
        let labels = TriggerLabels { kind: trigger.key.kind.clone(), reason: trigger.reason.label() };
        self.triggers.get_or_create(&labels).inc();
    }

    pub(crate) fn reconciled(&self, key: &ObjectKey, waited: Duration, took: Duration, panicked: bool) {
        let labels = KindLabels { kind: key.kind.clone() };
        self.waits.get_or_create(&labels).observe(waited.as_secs_f64());
        self.reconciles.get_or_create(&labels).observe(took.as_secs_f64());
        if panicked {
            self.panics.inc();
        }
    }

    pub(crate) fn applied(&self, op: &Op, result: &OpResult) {
        let verb = match op.verb {
            // Asked only: the server says that it would change nothing.
            Verb::Apply { verify: Some(_), .. } if is_unchanged(result) => "verify",
            Verb::Apply { .. } => "apply",
            Verb::Delete { .. } => "delete",
        };
        let result = match result {
            OpResult::Done { .. } => "done",
            OpResult::Recreating => "recreating",
            OpResult::Stale => "stale",
            OpResult::Failed { .. } => "failed",
        };
        self.operations.get_or_create(&OperationLabels { verb, result }).inc();
    }
}

fn is_unchanged(result: &OpResult) -> bool {
    matches!(result, OpResult::Done { change: Change::Unchanged, .. })
}
