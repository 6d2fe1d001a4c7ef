//! What simulators do to objects, by the same verbs as clients.

use super::garbage::Graph;
use crate::core::Core;
use crate::resource::Resource;
use crate::store::{Name, Stored};
use crate::verbs::{DeleteOptions, Target, WriteOptions, create, delete, update};
use serde_json::{Value, json};
use std::sync::Arc;
use time::OffsetDateTime;
use tokio::time::Instant;

/// The field manager of controllers.
pub(super) const CONTROLLER: &str = "kube-controller-manager";
/// The field manager of nodes.
pub(super) const NODE: &str = "kubelet";

/// A group and plural.
#[derive(Debug, Clone, Copy)]
pub(super) struct What(pub(super) &'static str, pub(super) &'static str);

pub(super) const PODS: What = What("", "pods");
pub(super) const REPLICA_SETS: What = What("apps", "replicasets");
pub(super) const DEPLOYMENTS: What = What("apps", "deployments");

/// A simulator's access to the cluster.
pub(super) struct Hands<'a> {
    pub(super) core: &'a Core,
    pub(super) graph: &'a Graph,
}

impl Hands<'_> {
    fn resource(&self, what: What) -> Option<Arc<Resource>> {
        self.core.registry().preferred(what.0, what.1).cloned()
    }

    /// An object that is not being deleted.
    pub(super) fn get(&self, what: What, name: &Name) -> Option<Value> {
        self.get_any(what, name).filter(|o| o["metadata"].get("deletionTimestamp").is_none())
    }

    pub(super) fn get_any(&self, what: What, name: &Name) -> Option<Value> {
        let resource = self.resource(what)?;
        let stored = self.core.store.get(&resource.bucket, name)?;
        Some(resource.show(&stored))
    }

    /// The objects of a kind that an owner controls, in order of name.
    pub(super) fn owned(&self, what: What, owner: &Value) -> Vec<Value> {
        let (Some(resource), Some(uid)) = (self.resource(what), owner["metadata"]["uid"].as_str()) else {
            return Vec::new();
        };
        let controlled = |o: &Arc<Stored>| o.controller().is_some_and(|c| *c.uid == *uid);
        let owned = self.graph.owned(self.core, uid, &resource.bucket);
        owned.iter().filter(|o| controlled(o)).map(|o| resource.show(o)).collect()
    }

    /// Creates an object. `None` when it was refused; the next change brings the simulator back.
    pub(super) fn create(&self, what: What, namespace: &str, body: Value) -> Option<Value> {
        let resource = self.resource(what)?;
        let target = Target::collection(resource.clone(), namespace);
        match create(self.core, &target, body, &WriteOptions::system(CONTROLLER)) {
            Ok(written) => Some(written.object.value(&resource)),
            Err(error) => {
                tracing::debug!(%error, "simulator's object not created");
                None
            }
        }
    }

    /// Replaces an object.
    pub(super) fn update(&self, what: What, object: Value) {
        self.put(what, object, "", CONTROLLER);
    }

    /// Replaces an object's status when it differs.
    pub(super) fn update_status(&self, what: What, object: &Value, status: Value, manager: &str) {
        if object["status"] != status {
            let mut next = object.clone();
            next["status"] = status;
            self.put(what, next, "status", manager);
        }
    }

    /// Writes an object's status, with what else the status endpoint takes.
    pub(super) fn write_status(&self, what: What, object: Value) {
        self.put(what, object, "status", CONTROLLER);
    }

    fn put(&self, what: What, object: Value, subresource: &str, manager: &str) {
        let Some(resource) = self.resource(what) else { return };
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
        let target = Target::object(resource, &text("namespace"), &text("name")).sub(subresource);
        if let Err(error) = update(self.core, &target, object, &WriteOptions::system(manager)) {
            // A race: the other's write brings the simulator back.
            tracing::debug!(%error, "simulator's write refused");
        }
    }

    /// Deletes an object if it is still the same.
    pub(super) fn delete(&self, what: What, object: &Value, grace: Option<i64>) {
        let Some(resource) = self.resource(what) else { return };
        let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
        let options = DeleteOptions {
            uid: Some(text("uid").to_owned()),
            propagation: "Background".into(),
            grace_seconds: grace,
            ..DeleteOptions::default()
        };
        let _ = delete(self.core, &Target::object(resource, text("namespace"), text("name")), &options);
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.core.clock.now()
    }

    pub(super) fn timestamp(&self) -> String {
        self.core.clock.timestamp()
    }

    /// The runtime's instant at a moment.
    pub(super) fn instant(&self, at: OffsetDateTime) -> Instant {
        let wait = at - self.now();
        Instant::now() + wait.try_into().unwrap_or_default()
    }
}

/// A reference to an owner that controls what refers to it.
pub(super) fn controller_reference(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }])
}

/// The name of an object.
pub(super) fn name_of(object: &Value) -> Name {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    Name::new(text("namespace"), text("name"))
}

/// A number, 0 when absent.
pub(super) fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// True for a pod that its owner counts: neither ending nor over.
pub(super) fn is_active(pod: &Value) -> bool {
    pod["metadata"].get("deletionTimestamp").is_none()
        && !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

/// A pod's condition.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)
}

pub(super) fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready").is_some_and(|c| c["status"] == "True")
}

/// When a ready pod has been ready for long enough; `None` for one that is not ready.
pub(super) fn available_at(pod: &Value, min_ready_seconds: i64) -> Option<OffsetDateTime> {
    let ready = condition(pod, "Ready").filter(|c| c["status"] == "True")?;
    let since = crate::clock::parse_time(ready["lastTransitionTime"].as_str()?)?;
    Some(since + time::Duration::seconds(min_ready_seconds))
}

/// How many pods are ready, and how many have been for long enough; the moment when that changes.
pub(super) struct Readiness {
    pub(super) ready: i64,
    pub(super) available: i64,
    pub(super) next: Option<OffsetDateTime>,
}

pub(super) fn readiness<'p>(
    pods: impl IntoIterator<Item = &'p Value>,
    min_ready_seconds: i64,
    now: OffsetDateTime,
) -> Readiness {
    let mut out = Readiness { ready: 0, available: 0, next: None };
    for at in pods.into_iter().filter_map(|pod| available_at(pod, min_ready_seconds)) {
        out.ready += 1;
        if min_ready_seconds == 0 || at <= now {
            out.available += 1;
        } else {
            out.next = Some(out.next.map_or(at, |next| next.min(at)));
        }
    }
    out
}

/// A short name for a pod template, as its hash.
pub(super) fn template_hash(template: &Value, salt: i64) -> String {
    let mut template = template.clone();
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        labels.shift_remove("pod-template-hash");
    }
    template.sort_all_objects();
    let mut text = template.to_string();
    if salt > 0 {
        text.push_str(&salt.to_string());
    }
    crate::random::letters(crate::random::stable_hash(text.as_bytes()), 10)
}

/// The pod of a template.
pub(super) fn pod_of(template: &Value, owner: &Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"]});
    if !pod["metadata"].is_object() {
        pod["metadata"] = json!({});
    }
    pod["metadata"]["ownerReferences"] = controller_reference(owner);
    pod
}
