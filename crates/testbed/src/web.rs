//! A Deployment that Git describes, and what others do to it: autoscalers, injectors, people with `kubectl`.

use crate::Hand;
use holdfast_cluster::{ApiRequest, PatchKind};
use holdfast_object::{GroupVersionKind, Object, Value, json};

/// The manifest of the Deployment `web`, for the namespace `default`.
pub const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: example.com/web:1}]}
"#;

/// The replicas that a Deployment asks for.
pub fn replicas(object: &Object) -> i64 {
    object.get(&["spec", "replicas"]).and_then(Value::as_i64).unwrap()
}

fn deployment() -> GroupVersionKind {
    GroupVersionKind::new("apps", "v1", "Deployment")
}

impl Hand {
    /// The Deployment [`WEB`] as it is.
    pub async fn web(&self) -> Object {
        self.get(&deployment(), "default", "web").await.unwrap()
    }

    /// Patches it under a field manager's name; without a `subresource` (empty) itself.
    pub async fn patch_web(&self, manager: &str, subresource: &str, kind: PatchKind, patch: Value) {
        let resource = self.cluster.resource(&deployment()).await.unwrap();
        let mut request = ApiRequest::patch(&resource, "default", "web", kind, patch.to_string());
        if !subresource.is_empty() {
            request = request.subresource(subresource);
        }
        self.cluster.request(request.query("fieldManager", manager)).await.unwrap();
    }

    /// Sets its replicas as an autoscaler does.
    pub async fn scale_web(&self, replicas: u32) {
        let change = json!({"spec": {"replicas": replicas}});
        self.patch_web("kube-controller-manager", "scale", PatchKind::Merge, change).await;
    }
}
