//! What takes long: conversations with servers, on threads of their own.

use super::cache::Inner;
use super::local::is_ancestor;
use super::objects::Objects;
use super::session::{Depth, Fetch, Session};
use super::store::Store;
use super::transport::{Dial, Failure, Meter};
use crate::cancel::Cancel;
use crate::{Access, GitUrl, Limits, SourceError};
use gix::ObjectId;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What work on a blocking thread needs.
pub(super) struct Network {
    pub(super) inner: Arc<Inner>,
    pub(super) url: GitUrl,
    pub(super) access: Access,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) cancel: Cancel,
}

impl Network {
    pub(super) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(super) fn dial(&self) -> Dial<'_> {
        let failure = Failure::default();
        Dial {
            url: &self.url,
            access: &self.access,
            clients: &self.inner.clients,
            runtime: self.runtime.clone(),
            cancel: self.cancel.clone(),
            meter: Meter::new(failure.clone()),
            failure,
            ssh: &self.inner.ssh,
        }
    }

    /// Fetches a commit into the store, whatever it takes; gives where it is.
    pub(super) fn fetch_commit(&self, store: &Store, commit: ObjectId) -> Result<Arc<Objects>, SourceError> {
        let lock = store.lock(&self.url, || self.pause())?;
        if let Some(objects) = store.current().ok().flatten()
            && store.is_complete(&objects, commit, self.limits())?
        {
            return Ok(objects); // another process was faster
        }
        for afresh in [false, true] {
            let objects = store.writable(&lock, self.limits(), afresh)?;
            let have = if afresh { Vec::new() } else { store.have(&objects, self.limits()) };
            match self.download(&objects, &[commit], &have, Depth::One, false) {
                Err(SourceError::RefNotFound { .. }) => self.download_all(&objects, commit)?,
                other => other?,
            }
            if store.is_complete(&objects, commit, self.limits())? {
                store.note(&lock, &objects, commit)?;
                let published = store.publish(&lock, &objects)?;
                // The new generation is another folder: what was seen in it holds under its new name.
                store.is_complete(&published, commit, self.limits())?;
                return Ok(published);
            }
            store.forget();
        }
        Err(SourceError::Protocol {
            url: self.url.to_string(),
            message: format!("the server did not send all of commit {commit}"),
        })
    }

    /// For servers that give out only commits that a branch or tag points to: everything, then.
    fn download_all(&self, objects: &Objects, commit: ObjectId) -> Result<(), SourceError> {
        let not_found =
            || SourceError::RefNotFound { url: self.url.to_string(), reference: format!("commit {commit}") };
        let session = Session::open(&self.dial(), self.limits())?;
        let everything = ["refs/heads/".to_owned(), "refs/tags/".to_owned()];
        let (listed, session) = session.references(&everything, self.limits())?;
        drop(session);
        let tips: Vec<ObjectId> = listed.iter().map(|r| r.commit).collect();
        if tips.is_empty() {
            return Err(not_found());
        }
        self.download(objects, &tips, &[], Depth::Full, false)?;
        objects.commit(commit)?.map(|_| ()).ok_or_else(not_found)
    }

    fn download(
        &self,
        objects: &Objects,
        wanted: &[ObjectId],
        have: &[ObjectId],
        depth: Depth,
        commits_only: bool,
    ) -> Result<(), SourceError> {
        let counters = &self.inner.counters;
        counters.fetches.fetch_add(1, Ordering::Relaxed);
        let session = Session::open(&self.dial(), self.limits())?;
        let received = objects.with(|repository| {
            let interrupt = self.cancel.flag();
            session.fetch(&Fetch { repository, wanted, have, depth, commits_only, interrupt }, self.limits())
        })?;
        counters.bytes.fetch_add(received, Ordering::Relaxed);
        tracing::debug!(url = %self.url, ?wanted, bytes = received, "fetched");
        Ok(())
    }

    /// Checks that a commit is part of a branch's history, for which only commits are needed.
    pub(super) fn require_ancestor(
        &self,
        store: &Store,
        branch: &str,
        tip: ObjectId,
        commit: ObjectId,
    ) -> Result<(), SourceError> {
        let lock = store.lock(&self.url, || self.pause())?;
        let objects = store.scratch(&lock)?;
        self.download(&objects, &[tip], &[], Depth::Full, true)?;
        let found = is_ancestor(&objects, tip, commit);
        objects.remove_on_drop();
        if found {
            return Ok(());
        }
        let reference = format!("commit {commit} on branch {branch:?}");
        Err(SourceError::RefNotFound { url: self.url.to_string(), reference })
    }

    /// An annotated tag's own bytes.
    pub(super) fn fetch_tag(&self, store: &Store, tag: ObjectId) -> Result<Vec<u8>, SourceError> {
        let lock = store.lock(&self.url, || self.pause())?;
        let objects = store.scratch(&lock)?;
        self.download(&objects, &[tag], &[], Depth::One, true)?;
        let object = objects.raw(tag, gix::objs::Kind::Tag);
        objects.remove_on_drop();
        object
    }

    /// A moment's rest, unless nobody waits any more.
    pub(super) fn pause(&self) -> Result<(), SourceError> {
        self.runtime.block_on(self.cancel.or(tokio::time::sleep(Duration::from_millis(20))))
    }
}
