use crate::discover::Found;
use holdfast_cluster::{ApiError, ApiErrorKind, ApiRequest, Cluster, PatchKind};
use holdfast_object::{GroupVersionKind, Object, ObjectKey, Origin, json};
use holdfast_source::GitUrl;
use holdfast_types::argocd;
use std::collections::BTreeSet;

/// The field manager of the custom resources that are applied from a folder.
const MANAGER: &str = "holdfast-up";
/// Where resources without a namespace go, by their API.
const FLUX_NAMESPACE: &str = "flux-system";
const ARGOCD_NAMESPACE: &str = "argocd";

/// Custom resources to be applied to a cluster before anything can run.
#[derive(Debug, Clone, Default)]
pub struct Seed {
    namespaces: BTreeSet<String>,
    resources: Vec<(Object, Option<Origin>)>,
    /// Kinds that are not run yet, with how many there are.
    pub refused: Vec<(GroupVersionKind, usize)>,
}

/// A custom resource that the cluster refused.
#[derive(Debug, Clone)]
pub struct SeedError {
    /// The resource and its file.
    pub what: String,
    /// The resource; `None` for a namespace.
    pub key: Option<ObjectKey>,
    /// Why.
    pub error: ApiError,
}

impl Seed {
    /// What of the resources found can be applied, in the order in which they need each other.
    pub fn of(found: &Found) -> Self {
        let mut seed = Self::default();
        let known = holdfast_types::definitions();
        for entry in &found.resources {
            let gvk = entry.object.gvk();
            let is_known = known.iter().any(|definition| definition.gvk == gvk);
            if !is_known {
                match seed.refused.iter_mut().find(|(refused, _)| *refused == gvk) {
                    Some((_, count)) => *count += 1,
                    None => seed.refused.push((gvk, 1)),
                }
                continue;
            }
            let mut object = entry.object.clone();
            if object.namespace().is_empty() {
                let is_argo = gvk.group == argocd::GROUP;
                object.set_namespace(if is_argo { ARGOCD_NAMESPACE } else { FLUX_NAMESPACE });
            }
            // What a cluster once wrote is not part of what is asked for.
            object.as_map_mut().shift_remove("status");
            seed.namespaces.insert(object.namespace().to_owned());
            seed.resources.push((object, entry.origin.clone()));
        }
        let has_apps = seed.resources.iter().any(|(o, _)| o.gvk() == argocd::application());
        let has_default = |o: &Object| o.gvk() == argocd::app_project() && o.name() == "default";
        if has_apps && !seed.resources.iter().any(|(o, _)| has_default(o)) {
            seed.add_default_project();
        }
        // Sources and projects first: what refers to them need not wait for another round.
        seed.resources.sort_by_key(|(object, _)| {
            matches!(object.kind(), "Kustomization" | "HelmRelease" | "Application")
        });
        seed
    }

    /// One app for a folder without any resource: its manifests, applied as they are.
    pub fn one_app(name: &str, url: &GitUrl, path: &str) -> Self {
        let mut seed = Self::default();
        seed.namespaces.insert(FLUX_NAMESPACE.into());
        let metadata = json!({"name": name, "namespace": FLUX_NAMESPACE});
        let source = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": metadata,
            "spec": {"url": url.to_string(), "interval": "1m", "ref": {"branch": "main"}},
        });
        let app = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": metadata,
            "spec": {"interval": "10m", "prune": true, "wait": true, "path": format!("./{path}"),
                "sourceRef": {"kind": "GitRepository", "name": name}},
        });
        seed.resources =
            [source, app].into_iter().filter_map(|v| Object::new(v).ok()).map(|o| (o, None)).collect();
        seed
    }

    /// Argo CD makes this project when it starts.
    fn add_default_project(&mut self) {
        let project = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "default", "namespace": ARGOCD_NAMESPACE},
            "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]},
        });
        self.namespaces.insert(ARGOCD_NAMESPACE.into());
        if let Ok(object) = Object::new(project) {
            self.resources.push((object, None));
        }
    }

    /// Whether there is nothing to apply.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// The resources.
    pub fn resources(&self) -> impl Iterator<Item = &Object> {
        self.resources.iter().map(|(object, _)| object)
    }

    /// The repositories that the resources name.
    pub fn repositories(&self) -> BTreeSet<String> {
        self.resources().flat_map(crate::follow::urls).collect()
    }

    /// Applies everything, namespaces first. One refusal does not keep the others from being applied.
    pub async fn apply(&self, cluster: &Cluster) -> Vec<SeedError> {
        let mut errors = Vec::new();
        for namespace in &self.namespaces {
            let value = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            if let Ok(object) = Object::new(value)
                && let Err(error) = create(cluster, &object).await
            {
                errors.push(SeedError { what: format!("namespace {namespace}"), key: None, error });
            }
        }
        for (object, origin) in &self.resources {
            if let Err(error) = apply(cluster, object).await {
                let place = origin.as_ref().map(|o| format!(" ({o})")).unwrap_or_default();
                let key = object.key();
                errors.push(SeedError { what: format!("{key}{place}"), key: Some(key), error });
            }
        }
        errors
    }
}

/// Creates what is not there; a namespace that is there belongs to others.
async fn create(cluster: &Cluster, object: &Object) -> Result<(), ApiError> {
    let resource = cluster.resource(&object.gvk()).await?;
    let request = ApiRequest::create(&resource, object.namespace(), object.to_value().to_string());
    match cluster.request(request.query("fieldManager", MANAGER)).await {
        Err(error) if error.kind != ApiErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

async fn apply(cluster: &Cluster, object: &Object) -> Result<(), ApiError> {
    let resource = cluster.resource(&object.gvk()).await?;
    let body = object.to_value().to_string();
    let request = ApiRequest::patch(&resource, object.namespace(), object.name(), PatchKind::Apply, body)
        .query("fieldManager", MANAGER)
        .query("force", "true");
    cluster.request(request).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::ObjectSet;

    #[test]
    fn resources_get_a_namespace_and_stand_in_order() {
        let mut resources = ObjectSet::new();
        for value in [
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a"},
                "spec": {"source": {"repoURL": "https://x/y"}}, "status": {"sync": {}}}),
            json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
                "metadata": {"name": "g"}, "spec": {"url": "https://x/z"}}),
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "metadata": {"name": "s"}}),
        ] {
            resources.push(Object::new(value).unwrap(), None);
        }
        let seed = Seed::of(&Found { resources, ..Found::default() });
        let shown: Vec<String> = seed.resources().map(|o| o.key().to_string()).collect();
        assert_eq!(
            shown,
            ["GitRepository/flux-system/g", "AppProject/argocd/default", "Application/argocd/a"]
        );
        assert_eq!(
            seed.refused.iter().map(|(gvk, n)| (gvk.kind.as_str(), *n)).collect::<Vec<_>>(),
            [("ApplicationSet", 1)]
        );
        assert_eq!(seed.repositories(), ["https://x/y".to_owned(), "https://x/z".to_owned()].into());
        assert!(seed.resources().all(|o| !o.as_map().contains_key("status")));
    }
}
