//! The parts of a cluster beside its API: they watch the store, and write through the same verbs as clients.

mod daemon_set;
mod deployment;
mod driver;
mod garbage;
mod hands;
mod images;
mod job;
mod namespaces;
mod network;
mod pod;
mod replica_set;
mod stateful_set;
mod volume;

pub use images::{ImageBehaviour, ImageTable};

use crate::core::Core;
use crate::crd;
use crate::verbs::{Target, WriteOptions, create, update};
use serde_json::json;
use std::future::Future;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The namespaces of a new cluster.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Creates what every cluster has from its first moment.
pub(crate) fn found(core: &Core) {
    let Some(resource) = core.registry().preferred("", "namespaces").cloned() else { return };
    for name in NAMESPACES {
        let body = json!({"metadata": {"name": name}});
        let target = Target::collection(resource.clone(), "");
        if let Err(error) = create(core, &target, body, &WriteOptions::system("kube-apiserver")) {
            tracing::error!(name, %error, "namespace not created");
        }
    }
    crate::access::found(core);
    if core.options.simulate_workloads {
        found_node(core);
    }
}

/// The one node on which simulated pods run.
fn found_node(core: &Core) {
    let Some(resource) = core.registry().preferred("", "nodes").cloned() else { return };
    let at = core.clock.timestamp();
    let capacity = json!({"cpu": "64", "memory": "256Gi", "pods": "1000", "ephemeral-storage": "1Ti"});
    let body = json!({"metadata": {"name": pod::NODE_NAME, "labels": {
        "kubernetes.io/hostname": pod::NODE_NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}}});
    let status = json!({
        "capacity": capacity, "allocatable": capacity,
        "addresses": [{"type": "InternalIP", "address": pod::NODE_ADDRESS}],
        "conditions": [{"type": "Ready", "status": "True", "reason": "Simulated", "message": "this node is simulated",
            "lastHeartbeatTime": at, "lastTransitionTime": at}],
        "nodeInfo": {"machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "simulated", "osImage": "simulated",
            "containerRuntimeVersion": "simulated://0", "kubeletVersion": "v1.36.3", "kubeProxyVersion": "",
            "operatingSystem": "linux", "architecture": "amd64"},
    });
    let target = Target::collection(resource.clone(), "");
    let options = WriteOptions::system(hands::NODE);
    let made = create(core, &target, body, &options).and_then(|written| {
        let mut node = written.object.value(&resource);
        node["status"] = status;
        update(core, &Target::object(resource.clone(), "", pod::NODE_NAME).sub("status"), node, &options)
    });
    if let Err(error) = made {
        tracing::error!(%error, "node not created");
    }
}

/// Starts the simulators; they end with the token.
pub(crate) fn spawn(core: &Arc<Core>, stop: &CancellationToken) {
    let start = |task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        let stop = stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(task).await });
    };
    start(Box::pin(crd::run(core.clone())));
    start(Box::pin(namespaces::run(core.clone())));
    start(Box::pin(driver::run(core.clone())));
}
