use holdfast_cluster::{ApiError, ApiRequest, Cluster, PatchKind};
use holdfast_object::{GroupVersionKind, Value, json};
use holdfast_types::flux::{KUSTOMIZE_GROUP, SOURCE_GROUP};
use std::time::Duration;

/// The field manager of the definitions we install.
const MANAGER: &str = "holdfast";
/// The version of Flux whose definitions these are.
const FLUX_VERSION: &str = "v2.9.4";
/// How long a definition may take to be served.
const SERVED_WITHIN: Duration = Duration::from_secs(30);

/// What became of the definitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// Kinds that were there already; their definitions stay as they are.
    pub present: Vec<GroupVersionKind>,
    /// Kinds whose definitions were installed.
    pub installed: Vec<GroupVersionKind>,
}

/// Installs the definitions of the kinds that a cluster does not serve, and waits until it does. Definitions that
/// are there, whoever installed them, are left alone.
///
/// # Errors
/// [`ApiError`] of the first request that fails, or when a kind is not served in time.
pub async fn install_definitions(cluster: &Cluster) -> Result<Installed, ApiError> {
    cluster.refresh_discovery().await?;
    let definition = GroupVersionKind::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    let resource = cluster.resource(&definition).await?;
    let mut result = Installed::default();
    for definition in holdfast_types::definitions() {
        if cluster.discovery().preferred(&definition.gvk.group_kind()).is_some() {
            result.present.push(definition.gvk);
            continue;
        }
        let name = definition.value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let body = labelled(definition.value, &definition.gvk).to_string();
        let request = ApiRequest::patch(&resource, "", &name, PatchKind::Apply, body)
            .query("fieldManager", MANAGER)
            .query("force", "true");
        cluster.request(request).await?;
        result.installed.push(definition.gvk);
    }
    for gvk in &result.installed {
        until_served(cluster, gvk).await?;
    }
    Ok(result)
}

/// A definition with the labels by which `flux check`, `flux migrate` and others find those of Flux.
fn labelled(mut definition: Value, gvk: &GroupVersionKind) -> Value {
    let component = match gvk.group.as_str() {
        SOURCE_GROUP => "source-controller",
        KUSTOMIZE_GROUP => "kustomize-controller",
        _ => return definition,
    };
    definition["metadata"]["labels"] = json!({
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "flux",
        "app.kubernetes.io/version": FLUX_VERSION,
    });
    definition
}

/// Discovery has no watch: it is read again, less and less often, until the kind is in it.
async fn until_served(cluster: &Cluster, gvk: &GroupVersionKind) -> Result<(), ApiError> {
    let mut pause = Duration::from_millis(10);
    let wait = async {
        loop {
            cluster.refresh_discovery().await?;
            if cluster.discovery().known(gvk).is_some() {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    };
    tokio::time::timeout(SERVED_WITHIN, wait).await.unwrap_or_else(|_| Err(ApiError::no_such_kind(gvk)))
}
