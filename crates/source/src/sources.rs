use crate::download::Get;
use crate::needs::HttpFiles;
use crate::oci::{HashedTree, OciRegistries, OciUrl, untar};
use crate::storage::digest_of;
use crate::{
    Access, Artifact, GitCache, GitRef, GitSignatures, GitUrl, HelmRepositories, Revision, SourceError,
    Storage, StorageOptions,
};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::broadcast;

/// How many changes a subscriber may lag behind before it is told that it missed some.
const CHANGES: usize = 256;

/// Every source there is, behind one door: repositories over the network through the cache, and repositories that
/// stand in for others (a checkout on this machine in place of its remote). Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    inner: Arc<Inner>,
}

struct Inner {
    cache: GitCache,
    registries: OciRegistries,
    charts: HelmRepositories,
    storage: Storage,
    files: HttpFiles,
    stand_ins: RwLock<HashMap<String, Arc<dyn StandIn>>>,
    changes: broadcast::Sender<String>,
}

/// A repository on this machine that is read in place of one elsewhere.
pub trait StandIn: Send + Sync {
    /// The artifact at a reference, read now; must not wait for anything but the disk.
    ///
    /// # Errors
    /// [`SourceError`] when there is no such reference or the folder cannot be read.
    fn artifact(&self, wanted: &GitRef) -> Result<Artifact, SourceError>;

    /// Whether reading touches no disk, so that it needs no thread of its own.
    fn is_in_memory(&self) -> bool {
        false
    }
}

impl Sources {
    /// The sources behind a cache, with no stand-ins; what is published is kept beside the cache.
    pub fn new(cache: GitCache) -> Self {
        let options = StorageOptions::new(cache.folder().join("artifacts"));
        Self::with_storage(cache, options)
    }

    /// The same with published artifacts kept elsewhere.
    pub fn with_storage(cache: GitCache, options: StorageOptions) -> Self {
        let (changes, _) = broadcast::channel(CHANGES);
        let registries = OciRegistries::new(cache.limits().clone());
        let charts = HelmRepositories::with_registries(cache.folder().join("charts"), registries.clone());
        let storage = Storage::new(options, cache.limits().clone());
        let (files, stand_ins) = (HttpFiles::new(), RwLock::default());
        Self { inner: Arc::new(Inner { cache, registries, charts, files, storage, stand_ins, changes }) }
    }

    /// The cache underneath.
    pub fn cache(&self) -> &GitCache {
        &self.inner.cache
    }

    /// OCI registries, on the same limits.
    pub fn registries(&self) -> &OciRegistries {
        &self.inner.registries
    }

    /// Helm charts, from repositories and registries; archives are kept beside the Git cache.
    pub fn charts(&self) -> &HelmRepositories {
        &self.inner.charts
    }

    /// Where published artifacts are kept to be served.
    pub fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// Single files over HTTP.
    pub(crate) fn http_files(&self) -> &HttpFiles {
        &self.inner.files
    }

    /// Serves a repository's address from this machine from now on.
    pub fn stand_in(&self, url: &GitUrl, with: Arc<dyn StandIn>) {
        self.stand_ins_mut().insert(url.key(), with);
        self.changed(url);
    }

    /// Whether an address is served from this machine.
    pub fn is_stood_in_for(&self, url: &GitUrl) -> bool {
        self.find(url).is_some()
    }

    /// Says that a repository has news: whoever follows it looks again. Called by webhooks and folder watches.
    pub fn changed(&self, url: &GitUrl) {
        // Nobody may be listening.
        let _ = self.inner.changes.send(url.key());
    }

    /// Says that something was pushed to a repository of a registry. Called by webhooks.
    pub fn pushed(&self, url: &OciUrl) {
        let _ = self.inner.changes.send(url.to_string());
    }

    /// The keys of repositories that have news: [`GitUrl::key`], and of registries the address, `oci://…`.
    pub fn subscribe(&self) -> broadcast::Receiver<String> {
        self.inner.changes.subscribe()
    }

    /// The artifact of a Git repository at a reference. An answer of the server that is at most `max_age` old will
    /// do; one download serves everyone who asks for the same commit.
    ///
    /// # Errors
    /// [`SourceError`] with its hint.
    pub async fn git(
        &self,
        url: &str,
        wanted: &GitRef,
        access: &Access,
        max_age: Duration,
    ) -> Result<Artifact, SourceError> {
        let url = GitUrl::parse(url)?;
        if let Some(found) = self.find(&url) {
            if found.is_in_memory() {
                return found.artifact(wanted);
            }
            let wanted = wanted.clone();
            let read = tokio::task::spawn_blocking(move || found.artifact(&wanted));
            return read.await.map_err(|_| SourceError::Cancelled)?;
        }
        let resolved = self.inner.cache.resolve(&url, access, wanted, max_age).await?;
        self.inner.cache.fetch(&url, access, &resolved).await
    }

    /// What is signed of a revision that [`Sources::git`] gave, and with `with_tag` of the tag that led to it. Nothing
    /// is verified here.
    ///
    /// # Errors
    /// As [`GitCache::signatures`]; a folder that stands in for a repository has none.
    pub async fn git_signatures(
        &self,
        url: &str,
        wanted: &GitRef,
        access: &Access,
        revision: &Revision,
        with_tag: bool,
    ) -> Result<GitSignatures, SourceError> {
        let url = GitUrl::parse(url)?;
        if self.find(&url).is_some() {
            let message =
                "it is read from a folder on this machine, whose signatures are not looked at".to_owned();
            return Err(SourceError::Protocol { url: url.to_string(), message });
        }
        self.inner.cache.signatures(&url, access, wanted, revision, with_tag).await
    }

    /// The files of an artifact that someone else serves, checked against its digest.
    ///
    /// # Errors
    /// [`SourceError::Protocol`] when what is sent has another digest or is no archive, [`SourceError::TooLarge`]
    /// beyond `layer_bytes`, else whatever kept us from downloading.
    pub async fn download_artifact(&self, url: &str, digest: &str) -> Result<Arc<HashedTree>, SourceError> {
        let downloads = self.inner.registries.downloads();
        let parsed = reqwest::Url::parse(url).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
        let parsed = parsed.ok_or_else(|| SourceError::InvalidUrl {
            url: url.to_owned(),
            reason: "an artifact's address begins with http:// or https://".into(),
        })?;
        let get = Get {
            url: parsed,
            access: &Access::default(),
            authorization: None,
            headers: &[],
            what: "the artifact",
            limit: ("layer_bytes", downloads.limits.layer_bytes),
            shown: url,
        };
        let content = downloads.get(get).await?.success(url, false)?;
        let (limits, shown, expected) = (downloads.limits.clone(), url.to_owned(), digest.to_owned());
        let unpack = move || {
            let found = digest_of(&content);
            if found != expected {
                let message = format!("the artifact sent has digest {found}, expected {expected}");
                return Err(SourceError::Protocol { url: shown, message });
            }
            untar(&content, &shown, &limits).map(|tree| Arc::new(HashedTree::new(tree)))
        };
        tokio::task::spawn_blocking(unpack).await.map_err(|_| SourceError::Cancelled)?
    }

    fn find(&self, url: &GitUrl) -> Option<Arc<dyn StandIn>> {
        let all = self.inner.stand_ins.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.get(&url.key()).cloned()
    }

    fn stand_ins_mut(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<String, Arc<dyn StandIn>>> {
        self.inner.stand_ins.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
