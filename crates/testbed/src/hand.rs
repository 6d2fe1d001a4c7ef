//! Somebody else at the cluster: a user, or another controller.

use holdfast_cluster::{ApiRequest, Cluster, PatchKind};
use holdfast_object::{GroupVersionKind, Object, Value, json};
use holdfast_sandbox::Sandbox;
use std::time::Duration;

/// How long anything may take before a test fails with what it saw. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(50);

/// A client of its own, whose requests are not those of the process under test.
pub struct Hand {
    /// What the requests go to.
    pub cluster: Cluster,
    check: fn(&Object),
}

impl Hand {
    /// A hand on a sandbox.
    pub fn on(sandbox: &Sandbox) -> Self {
        Self { cluster: Cluster::new(kube::Client::new(sandbox.service(), "default")), check: |_| {} }
    }

    /// Checks something of every object that is read from now on.
    pub fn checking(mut self, check: fn(&Object)) -> Self {
        self.check = check;
        self
    }

    /// Applies an object by force as the field manager `test`, and answers what became of it.
    pub async fn apply(&self, value: Value) -> Object {
        let object = Object::new(value).unwrap();
        let resource = self.cluster.resource(&object.gvk()).await.unwrap();
        let body = object.to_value().to_string();
        let request = ApiRequest::patch(&resource, object.namespace(), object.name(), PatchKind::Apply, body)
            .query("fieldManager", "test")
            .query("force", "true");
        let answer = self.cluster.request(request).await.unwrap();
        Object::new(serde_json::from_slice(&answer.body).unwrap()).unwrap()
    }

    /// Applies custom resource definitions, and comes back when they are served.
    pub async fn define(&self, definitions: impl IntoIterator<Item = (GroupVersionKind, Value)>) {
        for (gvk, value) in definitions {
            self.apply(value).await;
            while self.cluster.resource(&gvk).await.is_err() {
                tokio::time::sleep(GLANCE).await;
            }
        }
    }

    /// Makes a namespace.
    pub async fn namespace(&self, name: &str) {
        self.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})).await;
    }

    /// A merge patch by the field manager `someone`.
    pub async fn merge(&self, gvk: &GroupVersionKind, namespace: &str, name: &str, patch: Value) {
        let resource = self.cluster.resource(gvk).await.unwrap();
        let request = ApiRequest::patch(&resource, namespace, name, PatchKind::Merge, patch.to_string());
        self.cluster.request(request.query("fieldManager", "someone")).await.unwrap();
    }

    /// Writes a status, as another controller would.
    pub async fn status(&self, gvk: &GroupVersionKind, namespace: &str, name: &str, status: Value) {
        let resource = self.cluster.resource(gvk).await.unwrap();
        let patch = json!({ "status": status }).to_string();
        let request = ApiRequest::patch(&resource, namespace, name, PatchKind::Merge, patch);
        let request = request.query("fieldManager", "someone").subresource("status");
        self.cluster.request(request).await.unwrap();
    }

    /// Deletes an object.
    pub async fn delete(&self, gvk: &GroupVersionKind, namespace: &str, name: &str) {
        let resource = self.cluster.resource(gvk).await.unwrap();
        self.cluster.request(ApiRequest::delete(&resource, namespace, name, "{}")).await.unwrap();
    }

    /// An object, if it is there and its kind is served.
    pub async fn get(&self, gvk: &GroupVersionKind, namespace: &str, name: &str) -> Option<Object> {
        let resource = self.cluster.resource(gvk).await.ok()?;
        let answer = self.cluster.request(ApiRequest::get_object(&resource, namespace, name)).await.ok()?;
        let object = Object::new(serde_json::from_slice(&answer.body).unwrap()).unwrap();
        (self.check)(&object);
        Some(object)
    }

    /// Waits until an object, or its absence, is as expected; fails with what it is instead.
    pub async fn until(
        &self,
        gvk: &GroupVersionKind,
        namespace: &str,
        name: &str,
        is_so: impl Fn(Option<&Object>) -> bool,
    ) -> Option<Object> {
        let began = tokio::time::Instant::now();
        loop {
            let found = self.get(gvk, namespace, name).await;
            if is_so(found.as_ref()) {
                return found;
            }
            if began.elapsed() > PATIENCE {
                let shown = found.map(|object| serde_json::to_string_pretty(&object.to_value()).unwrap());
                let shown = shown.unwrap_or("absent".into());
                panic!("{gvk} {namespace}/{name} did not become as expected: {shown}");
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// The events about an object of a namespace, as `reason: message`; one that was told again as often as that.
    pub async fn events(&self, namespace: &str, name: &str) -> Vec<String> {
        self.events_where(namespace, |event| event["involvedObject"]["name"] == name).await
    }

    /// The same for warnings about objects of a kind.
    pub async fn warnings(&self, kind: &str, namespace: &str, name: &str) -> Vec<String> {
        let is_meant = |event: &Value| {
            let about = &event["involvedObject"];
            event["type"] == "Warning" && about["name"] == name && about["kind"] == kind
        };
        self.events_where(namespace, is_meant).await
    }

    async fn events_where(&self, namespace: &str, is_meant: impl Fn(&Value) -> bool) -> Vec<String> {
        let resource = self.cluster.resource(&GroupVersionKind::new("", "v1", "Event")).await.unwrap();
        let answer = self.cluster.request(ApiRequest::get(resource.path(namespace))).await.unwrap();
        let list: Value = serde_json::from_slice(&answer.body).unwrap();
        let told = |event: &Value| {
            let text =
                format!("{}: {}", event["reason"].as_str().unwrap(), event["message"].as_str().unwrap());
            vec![text; usize::try_from(event["count"].as_u64().unwrap_or(1)).unwrap()]
        };
        list["items"].as_array().unwrap().iter().filter(|event| is_meant(event)).flat_map(told).collect()
    }

    /// Waits until an event about an object begins with a text.
    pub async fn until_event(&self, namespace: &str, name: &str, text: &str) {
        let began = tokio::time::Instant::now();
        loop {
            let events = self.events(namespace, name).await;
            if events.iter().any(|event| event.starts_with(text)) {
                return;
            }
            assert!(began.elapsed() <= PATIENCE, "no event begins with {text:?}: {events:#?}");
            tokio::time::sleep(GLANCE).await;
        }
    }
}
