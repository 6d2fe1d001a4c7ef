//! OCI registries: artifacts with files (Flux's `OCIRepository`, Argo CD's `oci://` sources) and Helm charts.

mod archive;
mod docker_config;
mod reference;
mod registry;
mod signatures;

pub use archive::untar;
pub use docker_config::docker_config_credentials;
pub use holdfast_tree::HashedTree;
pub use reference::{OciRef, OciUrl};
pub use registry::{Descriptor, Manifest};

use crate::download::Downloads;
use crate::flights::Flights;
use crate::{Access, Artifact, Limits, Revision, SourceError};
use bytes::Bytes;
use futures::FutureExt;
use holdfast_tree::{FileTree, MemoryTree};
use registry::Registry;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// Registries, asked over HTTP with the answers shared among those who ask for the same. Clones share everything.
#[derive(Clone)]
pub struct OciRegistries {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    tags: Flights<TagsKey, Result<Arc<Vec<String>>, SourceError>>,
    manifests: Flights<ManifestKey, Result<Arc<Manifest>, SourceError>>,
    layers: Flights<LayerKey, Result<Bytes, SourceError>>,
    files: Flights<LayerKey, Result<Arc<HashedTree>, SourceError>>,
    /// Layers whose files someone reads just now: whoever may read the same layer reads the same files.
    unpacked: Mutex<HashMap<LayerKey, Weak<HashedTree>>>,
    /// Registries that were found to speak without encryption, or with.
    plain: Flights<(String, [u8; 32]), bool>,
}

type TagsKey = (OciUrl, [u8; 32]);
type ManifestKey = (OciUrl, [u8; 32], String);
type LayerKey = (OciUrl, [u8; 32], String);

/// Which layer of an artifact holds the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerSelector {
    /// The layer's media type; `None` takes the first layer.
    pub media_type: Option<String>,
    /// What to do with it.
    pub operation: LayerOperation,
}

/// What to do with a layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LayerOperation {
    /// Unpack it: it is a tar archive, packed with gzip or not.
    #[default]
    Extract,
    /// Keep it as the one file `layer.tgz`, as Flux does for charts.
    Copy,
}

/// The file that [`LayerOperation::Copy`] makes.
pub const COPIED_LAYER: &str = "layer.tgz";

impl OciRegistries {
    /// Nothing is asked before someone wants something.
    pub fn new(limits: Limits) -> Self {
        let inner = Inner {
            registry: Registry::new(Downloads::new(limits)),
            tags: Flights::new(Result::is_ok),
            manifests: Flights::new(Result::is_ok),
            layers: Flights::new(Result::is_ok),
            files: Flights::new(Result::is_ok),
            unpacked: Mutex::default(),
            plain: Flights::new(|_| true),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The address of a registry that may speak without encryption: with it where the registry does, as Flux'
    /// `insecure` has it.
    pub async fn reach(&self, url: &OciUrl, access: &Access) -> OciUrl {
        let start = || {
            let (registries, url, access) = (self.clone(), url.clone(), access.clone());
            async move { !registries.inner.registry.is_encrypted(&url, &access).await }.boxed()
        };
        let key = (url.host().to_owned(), access.connection_fingerprint());
        let is_plain = self.inner.plain.join(key, fresh_from(REACH_MEMORY), start).await;
        url.clone().plain_http(is_plain)
    }

    /// Every tag of a repository, over as many pages as the registry makes of them.
    ///
    /// # Errors
    /// Whatever kept us from asking.
    pub async fn tags(
        &self,
        url: &OciUrl,
        access: &Access,
        max_age: Duration,
    ) -> Result<Arc<Vec<String>>, SourceError> {
        let start = || {
            let (registries, url, access) = (self.clone(), url.clone(), access.clone());
            async move { registries.inner.registry.tags(&url, &access).await.map(Arc::new) }.boxed()
        };
        self.inner.tags.join((url.clone(), access.fingerprint()), fresh_from(max_age), start).await
    }

    /// The manifest a reference stands for now.
    ///
    /// # Errors
    /// [`SourceError::RefNotFound`] when there is no such tag or digest or no tag fits, else whatever kept us from
    /// asking.
    pub async fn manifest(
        &self,
        url: &OciUrl,
        access: &Access,
        wanted: &OciRef,
        max_age: Duration,
    ) -> Result<(Revision, Arc<Manifest>), SourceError> {
        let name = match wanted {
            OciRef::Digest(digest) => digest.clone(),
            OciRef::Tag(tag) => tag.clone(),
            OciRef::Semver { .. } => {
                let tags = self.tags(url, access, max_age).await?;
                wanted.choose(&tags).ok_or_else(|| SourceError::RefNotFound {
                    url: url.to_string(),
                    reference: wanted.to_string(),
                })?
            }
        };
        let start = || {
            let (registries, url, access, name) = (self.clone(), url.clone(), access.clone(), name.clone());
            async move { registries.inner.registry.manifest(&url, &access, &name).await.map(Arc::new) }
                .boxed()
        };
        let key = (url.clone(), access.fingerprint(), name.clone());
        let manifest = self.inner.manifests.join(key, fresh_from(max_age), start).await?;
        let tag = if matches!(wanted, OciRef::Digest(_)) { "" } else { &name };
        let hash = manifest.digest.trim_start_matches("sha256:");
        Ok((Revision::sha256(tag, hash), manifest))
    }

    /// A layer's bytes, checked against its digest.
    ///
    /// # Errors
    /// [`SourceError::TooLarge`] beyond `layer_bytes`, [`SourceError::Protocol`] when the bytes are not those of the
    /// digest, else whatever kept us from downloading.
    pub async fn layer(
        &self,
        url: &OciUrl,
        access: &Access,
        layer: &Descriptor,
    ) -> Result<Bytes, SourceError> {
        let start = || {
            let (registries, url, access, layer) = (self.clone(), url.clone(), access.clone(), layer.clone());
            async move { registries.inner.registry.blob(&url, &access, &layer).await }.boxed()
        };
        self.inner.layers.share((url.clone(), access.fingerprint(), layer.digest.clone()), start).await
    }

    /// The files in a layer, a tar archive. Whoever asks for the same layer while someone reads it shares the files.
    ///
    /// # Errors
    /// As [`OciRegistries::layer`] and [`untar`].
    pub async fn files(
        &self,
        url: &OciUrl,
        access: &Access,
        layer: &Descriptor,
    ) -> Result<Arc<HashedTree>, SourceError> {
        let key = (url.clone(), access.fingerprint(), layer.digest.clone());
        if let Some(found) = self.unpacked().get(&key).and_then(Weak::upgrade) {
            return Ok(found);
        }
        let start = || {
            let (registries, url, access, layer) = (self.clone(), url.clone(), access.clone(), layer.clone());
            async move {
                let content = registries.layer(&url, &access, &layer).await?;
                let (limits, shown) = (registries.inner.registry.limits().clone(), url.to_string());
                let unpack = move || untar(&content, &shown, &limits).map(HashedTree::new);
                let unpacked = tokio::task::spawn_blocking(unpack).await;
                unpacked.map_err(|_| SourceError::Cancelled)?.map(Arc::new)
            }
            .boxed()
        };
        let files = self.inner.files.share(key.clone(), start).await?;
        let mut unpacked = self.unpacked();
        if unpacked.len() >= MAX_UNPACKED {
            unpacked.retain(|_, files| files.strong_count() > 0);
        }
        unpacked.insert(key, Arc::downgrade(&files));
        drop(unpacked);
        Ok(files)
    }

    fn unpacked(&self) -> std::sync::MutexGuard<'_, HashMap<LayerKey, Weak<HashedTree>>> {
        self.inner.unpacked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files of an artifact.
    ///
    /// # Errors
    /// As [`OciRegistries::manifest`] and [`OciRegistries::layer`]; [`SourceError::Protocol`] when no layer is of the
    /// selected type or the layer is no archive.
    pub async fn artifact(
        &self,
        url: &OciUrl,
        access: &Access,
        wanted: &OciRef,
        select: &LayerSelector,
        max_age: Duration,
    ) -> Result<Artifact, SourceError> {
        let (revision, manifest) = self.manifest(url, access, wanted, max_age).await?;
        let layer = manifest.select(select.media_type.as_deref()).ok_or_else(|| SourceError::Protocol {
            url: url.to_string(),
            message: match &select.media_type {
                Some(kind) => format!("the artifact has no layer of media type {kind:?}"),
                None => "the artifact has no layers".into(),
            },
        })?;
        let tree: Arc<dyn FileTree> = match select.operation {
            LayerOperation::Copy => {
                let mut tree = MemoryTree::new();
                tree.insert(COPIED_LAYER, self.layer(url, access, layer).await?);
                Arc::new(tree)
            }
            LayerOperation::Extract => self.files(url, access, layer).await?,
        };
        let (digest, metadata) = (layer.digest.clone(), manifest.annotations.clone());
        Ok(Artifact { revision, digest, commit: None, metadata, tree })
    }

    pub(crate) fn downloads(&self) -> &Arc<Downloads> {
        self.inner.registry.downloads()
    }
}

/// How long it is remembered whether a registry encrypts.
const REACH_MEMORY: Duration = Duration::from_secs(600);

/// Layers that are remembered; beyond, those that nobody reads are forgotten.
const MAX_UNPACKED: usize = 1024;

pub(crate) fn fresh_from(max_age: Duration) -> Instant {
    let now = Instant::now();
    now.checked_sub(max_age).unwrap_or(now)
}
