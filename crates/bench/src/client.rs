//! A client without a mind of its own: what it is told to write, it writes.

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use holdfast_cluster::{ApiRequest, ApiResource, Cluster, PatchKind};
use holdfast_object::{GroupVersionKind, Value};
use std::sync::Arc;

/// Writes to one namespace.
#[derive(Clone)]
pub(crate) struct Client {
    cluster: Cluster,
    namespace: String,
}

impl Client {
    pub(crate) async fn new(cluster: Cluster, namespace: &str) -> Result<Self> {
        Ok(Self { cluster, namespace: namespace.to_owned() })
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Requests made so far, by verb.
    pub(crate) fn requests(&self) -> Vec<(String, u64)> {
        self.cluster.counts().by_verb().into_iter().map(|(verb, count)| (verb.to_owned(), count)).collect()
    }

    async fn resource(&self, gvk: &GroupVersionKind) -> Result<Arc<ApiResource>> {
        Ok(self.cluster.resource(gvk).await?)
    }

    /// Creates an object.
    pub(crate) async fn create(&self, object: &Value) -> Result<()> {
        let (gvk, name) = identity(object)?;
        let request = ApiRequest::create(&*self.resource(&gvk).await?, &self.namespace, object.to_string());
        self.cluster.request(request).await.with_context(|| format!("create {} {name}", gvk.kind))?;
        Ok(())
    }

    /// Applies an object server-side, by force.
    pub(crate) async fn apply(&self, object: &Value, manager: &str) -> Result<()> {
        let (gvk, name) = identity(object)?;
        let resource = self.resource(&gvk).await?;
        let request =
            ApiRequest::patch(&resource, &self.namespace, &name, PatchKind::Apply, object.to_string())
                .query("fieldManager", manager)
                .query("force", "true");
        self.cluster.request(request).await.with_context(|| format!("apply {} {name}", gvk.kind))?;
        Ok(())
    }

    /// Merges a patch into an object, or into its status.
    pub(crate) async fn merge(
        &self,
        gvk: &GroupVersionKind,
        name: &str,
        patch: &Value,
        manager: &str,
    ) -> Result<()> {
        let resource = self.resource(gvk).await?;
        let request =
            ApiRequest::patch(&resource, &self.namespace, name, PatchKind::Merge, patch.to_string())
                .query("fieldManager", manager);
        let request = if patch.get("status").is_some() { request.subresource("status") } else { request };
        self.cluster.request(request).await.with_context(|| format!("patch {} {name}", gvk.kind))?;
        Ok(())
    }
}

fn identity(object: &Value) -> Result<(GroupVersionKind, String)> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (group, version) = text("/apiVersion").rsplit_once('/').unwrap_or(("", text("/apiVersion")));
    let name = text("/metadata/name");
    anyhow::ensure!(!name.is_empty(), "an object without a name: {object}");
    Ok((GroupVersionKind::new(group, version, text("/kind")), name.to_owned()))
}

/// Does something for each of so many, several at once; ends with the first error.
pub(crate) async fn for_each<F>(count: usize, at_once: usize, work: impl Fn(usize) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    stream::iter(0..count).map(work).buffer_unordered(at_once).try_collect().await
}
