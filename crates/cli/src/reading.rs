//! Reading objects from the cluster: everything the commands show comes from here.

use crate::arguments::ScopeArguments;
use crate::error::CliError;
use futures::future::join_all;
use holdfast_cluster::{ApiError, ApiErrorKind, ApiRequest, ApiResource, Cluster};
use holdfast_object::{GroupKind, Object, ObjectRef, Value};
use std::sync::Arc;

/// Objects in one page of a list.
const PAGE: &str = "500";

/// The kinds that apps and sources are made of.
const KINDS: [(&str, &str); 9] = [
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("helm.toolkit.fluxcd.io", "HelmRelease"),
    ("argoproj.io", "Application"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
    ("source.toolkit.fluxcd.io", "HelmRepository"),
    ("source.toolkit.fluxcd.io", "HelmChart"),
    ("source.toolkit.fluxcd.io", "Bucket"),
    ("source.toolkit.fluxcd.io", "ExternalArtifact"),
];

/// The kinds of apps and sources that the cluster serves.
///
/// # Errors
/// When it serves none of them, or does not answer.
pub(crate) async fn kinds(cluster: &Cluster) -> Result<Vec<Arc<ApiResource>>, CliError> {
    cluster.refresh_discovery().await?;
    let served: Vec<Arc<ApiResource>> = KINDS
        .iter()
        .filter_map(|(group, kind)| cluster.discovery().preferred(&GroupKind::new(*group, *kind)))
        .collect();
    if served.is_empty() {
        return Err(CliError::user("the cluster knows neither Flux's nor Argo CD's resources")
            .hint("`holdfast run --install-crds` installs their definitions")
            .hint("is it the right cluster? name another with --context"));
    }
    Ok(served)
}

/// Every app and source in scope, sources in all namespaces that can be read: an app may use one of another.
///
/// # Errors
/// When nothing can be read, or something in the namespace that was asked for.
pub(crate) async fn apps_and_sources(
    cluster: &Cluster,
    scope: &ScopeArguments,
) -> Result<Vec<Object>, CliError> {
    let kinds = kinds(cluster).await?;
    let selector = scope.selector.as_deref();
    let lists = kinds.iter().map(|kind| {
        let is_app = kind.gvk.group != "source.toolkit.fluxcd.io";
        let namespace = if is_app { scope.namespace.as_deref().unwrap_or_default() } else { "" };
        in_scope(cluster, kind, namespace, selector.filter(|_| is_app), scope)
    });
    let mut objects = Vec::new();
    for listed in join_all(lists).await {
        objects.extend(listed?);
    }
    Ok(objects)
}

/// Lists a kind; where the whole cluster may not be listed and no one insisted on it, the namespace of the scope or of
/// the kubeconfig's context.
async fn in_scope(
    cluster: &Cluster,
    kind: &ApiResource,
    namespace: &str,
    selector: Option<&str>,
    scope: &ScopeArguments,
) -> Result<Vec<Object>, ApiError> {
    match list(cluster, kind, namespace, selector, None).await {
        Err(error)
            if error.kind == ApiErrorKind::Forbidden && namespace.is_empty() && !scope.all_namespaces =>
        {
            let own = scope.namespace.as_deref().unwrap_or(cluster.client().default_namespace());
            list(cluster, kind, own, selector, None).await
        }
        other => other,
    }
}

/// Lists a kind, page by page.
///
/// # Errors
/// [`ApiError`] of the first page that failed.
pub(crate) async fn list(
    cluster: &Cluster,
    kind: &ApiResource,
    namespace: &str,
    labels: Option<&str>,
    fields: Option<&str>,
) -> Result<Vec<Object>, ApiError> {
    let mut objects = Vec::new();
    let mut token = String::new();
    loop {
        let mut request = ApiRequest::get(kind.path(namespace)).query("limit", PAGE);
        for (key, value) in [("labelSelector", labels), ("fieldSelector", fields)] {
            if let Some(value) = value {
                request = request.query(key, value);
            }
        }
        if !token.is_empty() {
            request = request.query("continue", token);
        }
        let answer = cluster.request(request).await?;
        let mut page: Value = serde_json::from_slice(&answer.body).map_err(|e| ApiError::unreadable(&e))?;
        if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
            objects.extend(items.into_iter().filter_map(|item| with_kind(item, kind)));
        }
        token = page.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default().to_owned();
        if token.is_empty() {
            return Ok(objects);
        }
    }
}

/// Items of a list lack `apiVersion` and `kind`.
fn with_kind(item: Value, kind: &ApiResource) -> Option<Object> {
    let Value::Object(rest) = item else { return None };
    let mut map = holdfast_object::Map::new();
    map.insert("apiVersion".into(), kind.gvk.api_version().into());
    map.insert("kind".into(), kind.gvk.kind.as_str().into());
    map.extend(rest);
    Object::new(Value::Object(map)).ok()
}

/// One object; `None` when there is none, or the cluster knows no such kind.
///
/// # Errors
/// Any other [`ApiError`].
pub(crate) async fn get(cluster: &Cluster, reference: &ObjectRef) -> Result<Option<Object>, ApiError> {
    let key = &reference.key;
    let found = match cluster.resource(&reference.gvk()).await {
        Ok(resource) => {
            let namespace = if resource.namespaced { key.namespace.as_str() } else { "" };
            cluster.request(ApiRequest::get_object(&resource, namespace, &key.name)).await
        }
        Err(error) => Err(error),
    };
    match found {
        Ok(answer) => {
            let value: Value = serde_json::from_slice(&answer.body).map_err(|e| ApiError::unreadable(&e))?;
            Ok(Object::new(value).ok())
        }
        Err(error) if matches!(error.kind, ApiErrorKind::NotFound | ApiErrorKind::NoSuchKind) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Objects by their references, a few at a time; those that are not there are left out.
///
/// # Errors
/// The first [`ApiError`].
pub(crate) async fn get_all(cluster: &Cluster, references: &[ObjectRef]) -> Result<Vec<Object>, ApiError> {
    /// Requests at once: they share one connection.
    const AT_ONCE: usize = 32;
    let mut objects = Vec::with_capacity(references.len());
    for some in references.chunks(AT_ONCE) {
        for found in join_all(some.iter().map(|reference| get(cluster, reference))).await {
            objects.extend(found?);
        }
    }
    Ok(objects)
}
