//! The parts of a cluster beside its API: they watch the store, and write through the same verbs as clients.

mod garbage;
mod images;
mod namespaces;

pub use images::{ImageBehaviour, ImageTable};

use crate::core::Core;
use crate::crd;
use crate::verbs::{Target, WriteOptions, create};
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
}

/// Starts the simulators; they end with the token.
pub(crate) fn spawn(core: &Arc<Core>, stop: &CancellationToken) {
    let start = |task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        let stop = stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(task).await });
    };
    start(Box::pin(crd::run(core.clone())));
    start(Box::pin(namespaces::run(core.clone())));
    start(Box::pin(garbage::run(core.clone())));
}
