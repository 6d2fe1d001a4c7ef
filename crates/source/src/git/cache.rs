//! Repositories by address, shared by all who use them.

use super::local;
use super::objects::Objects;
use super::select::{Reference, Resolved, prefixes, select, without_listing};
use super::session::Session;
use super::store::Store;
use super::tree::artifact_at;
use super::work::Network;
use crate::cancel::{Cancel, CancelOnDrop};
use crate::flights::Flights;
use crate::http::HttpClients;
use crate::{Access, Artifact, GitRef, GitUrl, Limits, Revision, Scheme, SourceError};
use futures::FutureExt;
use gix::ObjectId;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// All Git repositories this process reads, each kept once on disk. Clones share everything.
///
/// However many users a repository has, what it costs is one listing of its references at a time and one download per
/// commit. Whoever asks while a listing is under way shares the one after it, since the first may have missed the
/// change that made them ask. Results are shared only among users with the same credentials.
#[derive(Clone)]
pub struct GitCache {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) folder: PathBuf,
    pub(super) limits: Limits,
    pub(super) ssh: PathBuf,
    pub(super) clients: HttpClients,
    listing_slots: Arc<Semaphore>,
    fetch_slots: Arc<Semaphore>,
    stores: Mutex<HashMap<String, Arc<Store>>>,
    listings: Flights<ListingKey, Result<Arc<Vec<Reference>>, SourceError>>,
    fetches: Flights<(String, ObjectId), Result<Arc<Objects>, SourceError>>,
    ancestries: Flights<(String, ObjectId, String), Result<(), SourceError>>,
    /// Who has shown in this process that a server lets them read a repository.
    admitted: Mutex<HashSet<(String, [u8; 32])>>,
    /// Commits that were seen to lie on a branch.
    on_branch: Mutex<HashSet<(String, String, ObjectId)>>,
    pub(super) counters: Counters,
}

type ListingKey = (String, [u8; 32], Vec<String>);

#[derive(Default)]
pub(super) struct Counters {
    listings: AtomicU64,
    pub(super) fetches: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// What the network was used for since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GitStatistics {
    /// Times a server was asked for its references.
    pub listings: u64,
    /// Times commits were downloaded.
    pub fetches: u64,
    /// Bytes downloaded.
    pub bytes: u64,
}

impl GitCache {
    /// A cache in a folder, which is created when the first repository needs it. Several processes may share it.
    pub fn new(folder: impl Into<PathBuf>, limits: Limits) -> Self {
        Self::with_ssh(folder, limits, "ssh")
    }

    /// The same with another program in place of `ssh`; it is called with OpenSSH's arguments.
    pub fn with_ssh(folder: impl Into<PathBuf>, limits: Limits, ssh: impl Into<PathBuf>) -> Self {
        let inner = Inner {
            folder: folder.into(),
            // A listing costs no more than a waiting thread, so that servers which do not answer are in nobody's way.
            listing_slots: Arc::new(Semaphore::new(
                limits.concurrent.saturating_mul(LISTINGS_PER_FETCH).max(1),
            )),
            fetch_slots: Arc::new(Semaphore::new(limits.concurrent.max(1))),
            limits,
            ssh: ssh.into(),
            clients: HttpClients::default(),
            stores: Mutex::default(),
            listings: Flights::new(Result::is_ok),
            fetches: Flights::new(Result::is_ok),
            ancestries: Flights::new(Result::is_ok),
            admitted: Mutex::default(),
            on_branch: Mutex::default(),
            counters: Counters::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The folder this cache lies in.
    pub fn folder(&self) -> &std::path::Path {
        &self.inner.folder
    }

    /// The limits this cache was made with.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Which commit a reference stands for now. Only references are listed, nothing is downloaded.
    ///
    /// A listing that began at most `max_age` ago is taken as the answer; zero asks the server again (users who ask at
    /// the same time still share one listing).
    ///
    /// # Errors
    /// [`SourceError::RefNotFound`] when nothing matches, else whatever kept us from asking.
    pub async fn resolve(
        &self,
        url: &GitUrl,
        access: &Access,
        wanted: &GitRef,
        max_age: Duration,
    ) -> Result<Resolved, SourceError> {
        if let Some(resolved) = without_listing(wanted) {
            return Ok(resolved);
        }
        let listed = self.list(url, access, prefixes(wanted), max_age).await?;
        select(wanted, &listed)
            .ok_or_else(|| SourceError::RefNotFound { url: url.to_string(), reference: wanted.to_string() })
    }

    /// The references of a repository whose names start with one of the prefixes, sorted by name.
    ///
    /// # Errors
    /// Whatever kept us from asking.
    pub async fn list(
        &self,
        url: &GitUrl,
        access: &Access,
        prefixes: Vec<String>,
        max_age: Duration,
    ) -> Result<Arc<Vec<Reference>>, SourceError> {
        let fingerprint = access.fingerprint();
        let key = (url.key(), fingerprint, prefixes.clone());
        let now = Instant::now();
        let fresh_from = now.checked_sub(max_age).unwrap_or(now);
        let start = || {
            let (cache, url, access, prefixes) =
                (self.clone(), url.clone(), access.clone(), prefixes.clone());
            async move { cache.list_now(url, access, prefixes).await }.boxed()
        };
        let listed = self.inner.listings.join(key, fresh_from, start).await?;
        remember(&self.inner.admitted, (url.key(), fingerprint));
        Ok(listed)
    }

    /// The files of a revision, downloaded unless they are here already.
    ///
    /// # Errors
    /// Whatever kept us from downloading; [`SourceError::RefNotFound`] when the server does not have the commit (any
    /// more).
    pub async fn fetch(
        &self,
        url: &GitUrl,
        access: &Access,
        resolved: &Resolved,
    ) -> Result<Artifact, SourceError> {
        let commit = commit_id(&resolved.revision, url)?;
        if url.scheme() == Scheme::File {
            return self.fetch_local(url, resolved, commit).await;
        }
        let admitted = lock(&self.inner.admitted).contains(&(url.key(), access.fingerprint()));
        if !admitted {
            // A commit named by its hash may be here thanks to somebody else's credentials.
            self.list(url, access, vec!["HEAD".into()], Duration::ZERO).await?;
        }
        if let Some(branch) = &resolved.on_branch {
            self.require_on_branch(url, access, branch, commit).await?;
        }
        if let Some(artifact) = self.stored(url, &resolved.revision, commit).await? {
            return Ok(artifact);
        }
        let start = || {
            let (cache, url, access) = (self.clone(), url.clone(), access.clone());
            async move { cache.fetch_now(url, access, commit).await }.boxed()
        };
        let objects = self.inner.fetches.share((url.key(), commit), start).await?;
        // From where it was fetched to: another process may have started a generation without this commit by now.
        let (inner, revision) = (self.inner.clone(), resolved.revision.clone());
        let found = blocking(move || artifact_at(objects, &revision, commit, &inner.limits)).await?;
        found.ok_or_else(|| SourceError::Storage {
            path: self.inner.folder.display().to_string(),
            message: format!("commit {commit} was fetched and has vanished"),
        })
    }

    /// [`GitCache::resolve`] and [`GitCache::fetch`].
    ///
    /// # Errors
    /// As these two.
    pub async fn artifact(
        &self,
        url: &GitUrl,
        access: &Access,
        wanted: &GitRef,
        max_age: Duration,
    ) -> Result<Artifact, SourceError> {
        let resolved = self.resolve(url, access, wanted, max_age).await?;
        self.fetch(url, access, &resolved).await
    }

    /// The files of a revision as far as they are on this machine: the last good revision of a repository that is
    /// unreachable, or whose history was rewritten. Nobody is asked, so the caller must have been given this revision
    /// by [`GitCache::fetch`] once (it stands in the status of the object it reconciles).
    ///
    /// # Errors
    /// [`SourceError::Storage`] when the cache cannot be read, [`SourceError::TooLarge`] when limits were lowered.
    pub async fn cached(&self, url: &GitUrl, revision: &Revision) -> Result<Option<Artifact>, SourceError> {
        let commit = commit_id(revision, url)?;
        if url.scheme() == Scheme::File {
            let resolved =
                Resolved { revision: revision.clone(), reference: None, on_branch: None, tag: None };
            return match self.fetch_local(url, &resolved, commit).await {
                Ok(artifact) => Ok(Some(artifact)),
                Err(SourceError::RefNotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            };
        }
        self.stored(url, revision, commit).await
    }

    /// Reads everything that is kept of a repository and throws away what is damaged, to be fetched again. For when a
    /// file of an [`Artifact`] cannot be read ([`holdfast_tree::TreeError::Storage`]). Returns whether anything was.
    ///
    /// # Errors
    /// [`SourceError::Storage`] when the cache cannot be written.
    pub async fn verify(&self, url: &GitUrl) -> Result<bool, SourceError> {
        let store = self.store(url);
        self.on_network(&self.inner.fetch_slots, url, &Access::default(), move |network| {
            let lock = store.lock(&network.url, || network.pause())?;
            Ok(store.verify(&lock))
        })
        .await
    }

    /// Removes what is kept of repositories that nobody uses any more: all but those with these keys
    /// ([`GitUrl::key`]). What somebody still reads stays readable. Returns how many were removed.
    ///
    /// # Errors
    /// [`SourceError::Storage`] when the cache cannot be read.
    pub async fn retain(&self, used: &HashSet<String>) -> Result<usize, SourceError> {
        let keep: HashSet<String> = used.iter().map(|key| Store::folder_name(key)).collect();
        lock(&self.inner.stores).retain(|key, _| used.contains(key));
        let folder = self.inner.folder.clone();
        blocking(move || Store::remove_others(&folder, &keep)).await
    }

    /// What the network was used for since the start.
    pub fn statistics(&self) -> GitStatistics {
        let counters = &self.inner.counters;
        GitStatistics {
            listings: counters.listings.load(Ordering::Relaxed),
            fetches: counters.fetches.load(Ordering::Relaxed),
            bytes: counters.bytes.load(Ordering::Relaxed),
        }
    }

    pub(super) fn fetch_slots(&self) -> &Arc<Semaphore> {
        &self.inner.fetch_slots
    }

    pub(super) fn store(&self, url: &GitUrl) -> Arc<Store> {
        let mut stores = lock(&self.inner.stores);
        stores.entry(url.key()).or_insert_with(|| Arc::new(Store::new(&self.inner.folder, url))).clone()
    }

    async fn list_now(
        &self,
        url: GitUrl,
        access: Access,
        prefixes: Vec<String>,
    ) -> Result<Arc<Vec<Reference>>, SourceError> {
        self.inner.counters.listings.fetch_add(1, Ordering::Relaxed);
        if let Some(path) = url.local_path() {
            let listed = blocking(move || local::references(&local::open(&path)?)).await?;
            let wanted =
                listed.into_iter().filter(|r| prefixes.iter().any(|p| r.name.starts_with(p.as_str())));
            return Ok(Arc::new(wanted.collect()));
        }
        let listed = self.on_network(&self.inner.listing_slots, &url, &access, move |network| {
            let session = Session::open(&network.dial(), network.limits())?;
            Ok(session.references(&prefixes, network.limits())?.0)
        });
        listed.await.map(Arc::new)
    }

    async fn stored(
        &self,
        url: &GitUrl,
        revision: &Revision,
        commit: ObjectId,
    ) -> Result<Option<Artifact>, SourceError> {
        let (store, inner, revision) = (self.store(url), self.inner.clone(), revision.clone());
        blocking(move || {
            let Some(objects) = store.current()? else { return Ok(None) };
            if !store.is_complete(&objects, commit, &inner.limits)? {
                return Ok(None);
            }
            artifact_at(objects, &revision, commit, &inner.limits)
        })
        .await
    }

    async fn fetch_local(
        &self,
        url: &GitUrl,
        resolved: &Resolved,
        commit: ObjectId,
    ) -> Result<Artifact, SourceError> {
        let (limits, revision, shown) =
            (self.inner.limits.clone(), resolved.revision.clone(), url.to_string());
        let Some(path) = url.local_path() else { return Err(SourceError::Cancelled) };
        let branch = resolved.on_branch.clone();
        blocking(move || {
            let objects = Arc::new(local::open(&path)?);
            if let Some(branch) = branch.filter(|b| !local::is_on_branch(&objects, b, commit)) {
                let reference = format!("commit {commit} on branch {branch:?}");
                return Err(SourceError::RefNotFound { url: shown, reference });
            }
            let found = local::artifact(objects, &revision, commit, &limits)?;
            found
                .ok_or_else(|| SourceError::RefNotFound { url: shown, reference: format!("commit {commit}") })
        })
        .await
    }

    async fn fetch_now(
        &self,
        url: GitUrl,
        access: Access,
        commit: ObjectId,
    ) -> Result<Arc<Objects>, SourceError> {
        let store = self.store(&url);
        let work = move |network: &Network| network.fetch_commit(&store, commit);
        self.on_network(&self.inner.fetch_slots, &url, &access, work).await
    }

    async fn require_on_branch(
        &self,
        url: &GitUrl,
        access: &Access,
        branch: &str,
        commit: ObjectId,
    ) -> Result<(), SourceError> {
        let known = (url.key(), branch.to_owned(), commit);
        if lock(&self.inner.on_branch).contains(&known) {
            return Ok(());
        }
        let tip = self.resolve(url, access, &GitRef::Branch(branch.to_owned()), Duration::ZERO).await?;
        let tip = commit_id(&tip.revision, url)?;
        if tip != commit {
            let (url, access, name) = (url.clone(), access.clone(), branch.to_owned());
            let key = (url.key(), commit, name.clone());
            let store = self.store(&url);
            let start = || {
                let (cache, url, access) = (self.clone(), url.clone(), access.clone());
                let (store, name) = (store.clone(), name.clone());
                async move {
                    let work = move |network: &Network| network.require_ancestor(&store, &name, tip, commit);
                    cache.on_network(&cache.inner.fetch_slots, &url, &access, work).await
                }
                .boxed()
            };
            self.inner.ancestries.share(key, start).await?;
        }
        remember(&self.inner.on_branch, known);
        Ok(())
    }

    /// Runs something that waits for the network on a thread of its own, for as long as it may take.
    pub(super) async fn on_network<T: Send + 'static>(
        &self,
        slots: &Arc<Semaphore>,
        url: &GitUrl,
        access: &Access,
        work: impl FnOnce(&Network) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let permit = slots.clone().acquire_owned().await.map_err(|_| SourceError::Cancelled)?;
        let stop = CancelOnDrop(Cancel::default());
        let network = Network {
            inner: self.inner.clone(),
            url: url.clone(),
            access: access.clone(),
            runtime: tokio::runtime::Handle::current(),
            cancel: stop.0.clone(),
        };
        let after = access.timeout.unwrap_or(self.inner.limits.timeout);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let result = work(&network);
            network.cancel.done();
            result
        });
        match tokio::time::timeout(after, task).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(SourceError::Protocol {
                url: url.to_string(),
                message: format!("internal error: {panic}"),
            }),
            Err(_) => Err(SourceError::TimedOut { url: url.to_string(), after }),
        }
    }
}

/// Listings that may run at once for each fetch that may.
const LISTINGS_PER_FETCH: usize = 8;

/// Facts that are remembered; beyond, they are found out again.
const MAX_REMEMBERED: usize = 10_000;

fn remember<T: Eq + std::hash::Hash>(set: &Mutex<HashSet<T>>, fact: T) {
    let mut set = lock(set);
    if set.len() >= MAX_REMEMBERED {
        set.clear();
    }
    set.insert(fact);
}

pub(super) fn commit_id(revision: &Revision, url: &GitUrl) -> Result<ObjectId, SourceError> {
    ObjectId::from_hex(revision.commit().as_bytes()).map_err(|_| SourceError::RefNotFound {
        url: url.to_string(),
        reference: format!("commit {revision}"),
    })
}

/// File system work that takes long enough to be in the way of others.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panic) => {
            Err(SourceError::Storage { path: String::new(), message: format!("internal error: {panic}") })
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
