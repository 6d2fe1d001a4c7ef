//! `OCIRepository`: follows a tag, version range or digest of a repository in a registry.

mod request;
mod verify;

use crate::refuse;
use crate::source::{Asked, Content, Draft, Failure, Fetched, Settings, SourceKind};
use futures::FutureExt;
use futures::future::BoxFuture;
use holdfast_cluster::Cluster;
use holdfast_controller::offload;
use holdfast_object::{GroupVersionKind, Value};
use holdfast_source::oci::{COPIED_LAYER, Descriptor, LayerOperation, Manifest, untar};
use holdfast_source::{Artifact, SourceError, SourceIgnore, Sources};
use holdfast_tree::{FileTree, MemoryTree};
use holdfast_types::flux::{OciRepositorySpec, oci_repository};
use request::OciRequest;
use std::sync::Arc;
use std::time::Duration;

/// The kind.
pub(crate) struct OciRepository;

impl SourceKind for OciRepository {
    type Spec = OciRepositorySpec;

    fn gvk() -> GroupVersionKind {
        oci_repository()
    }

    fn settings(spec: &OciRepositorySpec) -> Settings<'_> {
        Settings { interval: &spec.interval, suspend: spec.suspend }
    }

    fn unsupported(spec: &OciRepositorySpec) -> Vec<String> {
        refuse::oci_repository_fields(spec)
    }

    fn fetch<'a>(
        asked: Asked<'a, OciRepositorySpec>,
        draft: &'a mut Draft,
    ) -> BoxFuture<'a, Result<Fetched, Failure>> {
        fetch(asked, draft).boxed()
    }
}

async fn fetch(asked: Asked<'_, OciRepositorySpec>, draft: &mut Draft) -> Result<Fetched, Failure> {
    let (spec, registries) = (asked.spec, asked.shared.sources.registries());
    let (cluster, namespace) = (asked.shared.engine.cluster(), asked.object.namespace());
    let request = request::read(cluster, registries, namespace, spec).await?;
    let OciRequest { url, wanted, access, select } = &request;
    let found = registries.manifest(url, access, wanted, asked.max_age).await;
    let (revision, manifest) = found.map_err(|error| request.explain(&error))?;
    let shown = revision.to_string();
    let is_new = asked.stored.is_none_or(|stored| stored.revision != shown);
    draft.conditions.remove(crate::source::FETCH_FAILED);
    verify::verify(&asked, &request, &shown, &manifest.digest, draft).await?;
    let observed = vec![
        ("observedIgnore", spec.ignore.clone().map(Value::from)),
        ("observedLayerSelector", asked.object.get(&["spec", "layerSelector"]).cloned()),
    ];
    let is_observed = |(field, value): &(&str, Option<Value>)| draft.status.get(field) == value.as_ref();
    let content = match !is_new && observed.iter().all(is_observed) {
        true => Content::AsStored,
        false => {
            let layer = select_layer(&manifest, select.media_type.as_deref())?;
            content(&asked.shared.sources, &request, layer, spec.ignore.as_deref()).await?
        }
    };
    Ok(Fetched {
        file: format!("sha256:{}.tar.gz", revision.commit()),
        observed,
        news: format!("new revision '{shown}' for '{url}'"),
        message: format!("stored artifact for digest '{shown}'"),
        event: event(&shown, &spec.url, &manifest),
        link_latest: true,
        artifact: Artifact {
            revision,
            digest: manifest.digest.clone(),
            commit: None,
            metadata: manifest.annotations.clone(),
            tree: Arc::new(MemoryTree::new()),
        },
        content,
    })
}

fn select_layer<'m>(manifest: &'m Manifest, media_type: Option<&str>) -> Result<&'m Descriptor, Failure> {
    manifest.select(media_type).ok_or_else(|| {
        let message = match media_type {
            Some(kind) => format!("failed to find layer with media type '{kind}' in artifact"),
            None => "no layers found in artifact".to_owned(),
        };
        Failure::fetch("OCIArtifactLayerOperationFailed", message)
    })
}

async fn content(
    sources: &Sources,
    request: &OciRequest,
    layer: &Descriptor,
    ignore: Option<&str>,
) -> Result<Content, Failure> {
    let registries = sources.registries();
    let OciRequest { url, access, select, .. } = request;
    let failed = |what: &str, error: &SourceError| {
        Failure::fetch("OCIArtifactLayerOperationFailed", format!("{what}: {error} ({})", error.hint()))
    };
    match select.operation {
        LayerOperation::Extract => {
            let files = registries.files(url, access, layer).await;
            let files: Arc<dyn FileTree> =
                files.map_err(|e| failed("failed to extract layer contents from artifact", &e))?;
            let ignore = SourceIgnore::load(&files, ignore);
            let unreadable = |e| {
                Failure::storage(
                    "SourceIgnoreError",
                    format!("failed to load source ignore patterns from repository: {e}"),
                )
            };
            Ok(Content::Tree(files, ignore.map_err(unreadable)?))
        }
        LayerOperation::Copy => {
            let bytes = registries.layer(url, access, layer).await;
            let bytes = bytes.map_err(|e| failed("failed to copy layer from artifact", &e))?;
            let limits = sources.cache().limits().clone();
            let (packed, shown) = (bytes.clone(), url.to_string());
            // Whoever reads the artifact unpacks it; what is no archive is one file.
            let files = offload(move || untar(&packed, &shown, &limits)).await;
            let files: Arc<dyn FileTree> = match files {
                Ok(Ok(files)) => Arc::new(holdfast_source::oci::HashedTree::new(files)),
                Ok(Err(error @ (SourceError::TooLarge { .. } | SourceError::TooMany { .. }))) => {
                    return Err(failed("failed to copy layer from artifact", &error));
                }
                Ok(Err(_)) | Err(_) => {
                    let mut file = MemoryTree::new();
                    file.insert(COPIED_LAYER, bytes.clone());
                    Arc::new(holdfast_source::oci::HashedTree::new(file))
                }
            };
            Ok(Content::Packed(bytes, files))
        }
    }
}

/// The files that a spec leaves of an artifact, and its revision, for a preview.
pub(crate) async fn files(
    cluster: &Cluster,
    sources: &Sources,
    namespace: &str,
    spec: &OciRepositorySpec,
) -> Result<(Arc<dyn FileTree>, String), Failure> {
    let request = request::read(cluster, sources.registries(), namespace, spec).await?;
    let OciRequest { url, wanted, access, select } = &request;
    let found = sources.registries().manifest(url, access, wanted, Duration::ZERO).await;
    let (revision, manifest) = found.map_err(|error| request.explain(&error))?;
    let layer = select_layer(&manifest, select.media_type.as_deref())?;
    let tree: Arc<dyn FileTree> = match content(sources, &request, layer, spec.ignore.as_deref()).await? {
        Content::Tree(tree, ignore) => Arc::new(ignore.filter(tree)),
        Content::Packed(_, tree) => tree,
        Content::AsStored => Arc::new(MemoryTree::new()),
    };
    Ok((tree, revision.to_string()))
}

fn event(revision: &str, url: &str, manifest: &Manifest) -> String {
    let annotation = |name: &str| {
        let key = format!("org.opencontainers.image.{name}");
        manifest.annotations.iter().find(|(k, v)| *k == key && !v.is_empty()).map(|(_, v)| v.as_str())
    };
    let stored = format!("stored artifact with revision '{revision}' from '{url}'");
    match (annotation("source"), annotation("revision")) {
        (Some(source), Some(origin)) => {
            format!("{stored}, origin source '{source}', origin revision '{origin}'")
        }
        _ => stored,
    }
}
