//! What all of Flux' kinds have in common: finalizer, manual trigger, intervals, metadata patches.

use crate::Shared;
use holdfast_cluster::{ApiError, ApiRequest, PatchKind};
use holdfast_controller::Severity;
pub(crate) use holdfast_controller::status_of;
use holdfast_object::{GroupVersionKind, Map, Object, ObjectKey, ObjectRef, Value, json};
use holdfast_types::flux::{FINALIZER, REQUESTED_AT};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Annotations of a resource that go into its events.
const EVENT_ANNOTATIONS: &str = "event.toolkit.fluxcd.io/";

impl Shared {
    /// A custom resource as live.
    pub(crate) fn resource(&self, gvk: &GroupVersionKind, key: &ObjectKey) -> Option<Arc<Object>> {
        self.engine.live().object(&ObjectRef::new(gvk, &key.namespace, &key.name))
    }

    /// Whether the resource is one of those that this process runs.
    pub(crate) fn is_watched(&self, object: &Object) -> bool {
        self.options.runs(object)
    }

    /// Reports an event: to the cluster, and to Flux' notification-controller as one of `controller`. What the object's
    /// annotations say about events goes along.
    pub(crate) fn report(
        &self,
        object: &Object,
        severity: Severity,
        reason: &str,
        message: &str,
        mut metadata: Map<String, Value>,
        controller: &str,
    ) {
        let own = object.get(&["metadata", "annotations"]).and_then(Value::as_object).into_iter().flatten();
        let own = own.filter(|(key, _)| key.starts_with(EVENT_ANNOTATIONS));
        metadata.extend(own.map(|(key, value)| (key.clone(), value.clone())));
        let now = self.engine.now();
        self.notifier
            .post(|| crate::notify::event(object, severity, reason, message, &metadata, controller, now));
        self.engine.recorder().report(
            object,
            severity,
            reason,
            message,
            Value::Object(metadata.clone()),
            now,
        );
    }

    /// Adds the finalizer, under the field manager of the original controller.
    pub(crate) async fn add_finalizer(&self, object: &Object, manager: &'static str) -> Result<(), ApiError> {
        let mut finalizers = finalizers(object);
        finalizers.push(FINALIZER.into());
        self.set_finalizers(object, finalizers, manager).await
    }

    /// Takes the finalizer away: the server may forget the object.
    pub(crate) async fn remove_finalizer(
        &self,
        object: &Object,
        manager: &'static str,
    ) -> Result<(), ApiError> {
        let mut finalizers = finalizers(object);
        finalizers.retain(|f| f != FINALIZER);
        self.set_finalizers(object, finalizers, manager).await
    }

    async fn set_finalizers(
        &self,
        object: &Object,
        finalizers: Vec<String>,
        manager: &'static str,
    ) -> Result<(), ApiError> {
        let resource = self.engine.cluster().resource(&object.gvk()).await?;
        // The resourceVersion keeps us from overwriting what another controller did to the list meanwhile.
        let metadata = json!({"finalizers": finalizers, "resourceVersion": object.resource_version()});
        let body = json!({ "metadata": metadata }).to_string();
        let request = ApiRequest::patch(&resource, object.namespace(), object.name(), PatchKind::Merge, body)
            .query("fieldManager", manager);
        self.engine.cluster().request(request).await.map(|_| ())
    }

    /// An interval with its jitter, which is the same for a resource every time, so that resources stay spread.
    pub(crate) fn jittered(&self, key: &ObjectKey, interval: Duration) -> Duration {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let spread = f64::from(self.options.jitter_percent) / 100.0;
        let place = (hasher.finish() % 2001) as f64 / 1000.0 - 1.0;
        interval.mul_f64(1.0 + spread * place)
    }
}

fn finalizers(object: &Object) -> Vec<String> {
    let list = object.get(&["metadata", "finalizers"]).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|f| f.as_str().map(str::to_owned)).collect()
}

/// Whether our finalizer is on the object.
pub(crate) fn has_finalizer(object: &Object) -> bool {
    finalizers(object).iter().any(|f| f == FINALIZER)
}

/// A manual trigger that was not handled yet: the value of the annotation.
pub(crate) fn requested(object: &Object) -> Option<&str> {
    let asked = object.annotation(REQUESTED_AT)?;
    let handled = object.get(&["status", "lastHandledReconcileAt"]).and_then(Value::as_str);
    (handled != Some(asked)).then_some(asked)
}

/// Copies the manual trigger into the status, as every kind does at the end of a reconcile.
pub(crate) fn note_request(object: &Object, status: &mut Value) {
    if let Some(asked) = object.annotation(REQUESTED_AT) {
        status["lastHandledReconcileAt"] = asked.into();
    }
}
