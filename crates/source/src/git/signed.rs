//! What is signed of a revision: its commit, and the tag that led to it.

use super::cache::{GitCache, blocking, commit_id};
use super::local;
use super::objects::Objects;
use super::work::Network;
use crate::signature::{Signed, SignedTag};
use crate::{Access, GitRef, GitUrl, Revision, Scheme, SourceError};
use gix::ObjectId;
use gix::objs::Kind;
use std::time::Duration;

/// What is signed of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitSignatures {
    /// The commit.
    pub commit: Signed,
    /// The tag that the reference stands for; `None` where it is no tag, or nobody asked for it.
    pub tag: Option<SignedTag>,
}

/// The listing by which the revision was found is a moment old; a newer one may lead elsewhere.
const LISTING_AGE: Duration = Duration::from_secs(60);

impl GitCache {
    /// What is signed of a revision that was fetched. Nothing is verified here.
    ///
    /// # Errors
    /// [`SourceError::Unreachable`] when the reference leads to another revision by now, else whatever kept us from
    /// reading.
    pub async fn signatures(
        &self,
        url: &GitUrl,
        access: &Access,
        wanted: &GitRef,
        revision: &Revision,
        with_tag: bool,
    ) -> Result<GitSignatures, SourceError> {
        let commit = commit_id(revision, url)?;
        let tag = if with_tag { self.tag_of(url, access, wanted, revision).await? } else { None };
        let (cache, at) = (self.clone(), url.clone());
        let object = blocking(move || match at.local_path() {
            Some(path) => local::open(&path)?.raw(commit, Kind::Commit),
            None => {
                let gone = || SourceError::RefNotFound {
                    url: at.to_string(),
                    reference: format!("commit {commit}"),
                };
                cache.store(&at).current()?.ok_or_else(gone)?.raw(commit, Kind::Commit)
            }
        });
        Ok(GitSignatures { commit: Signed::of_commit(&object.await?), tag })
    }

    async fn tag_of(
        &self,
        url: &GitUrl,
        access: &Access,
        wanted: &GitRef,
        revision: &Revision,
    ) -> Result<Option<SignedTag>, SourceError> {
        let resolved = self.resolve(url, access, wanted, LISTING_AGE).await?;
        if resolved.revision != *revision {
            let message = format!("{wanted} has moved from {revision} to {} meanwhile", resolved.revision);
            return Err(SourceError::Unreachable { url: url.to_string(), message });
        }
        let Some(name) = resolved.reference.as_deref().and_then(|r| r.strip_prefix("refs/tags/")) else {
            return Ok(None);
        };
        let name = name.to_owned();
        let Some(id) = resolved.tag else {
            // A tag that is no object of its own cannot be signed.
            let signed = Signed { payload: Vec::new(), signature: String::new() };
            return Ok(Some(SignedTag { name, id: revision.commit().to_owned(), signed }));
        };
        let tag = ObjectId::from_hex(id.as_bytes())
            .map_err(|e| SourceError::Protocol { url: url.to_string(), message: e.to_string() })?;
        let object = match url.scheme() {
            Scheme::File => {
                let path = url.local_path().ok_or(SourceError::Cancelled)?;
                blocking(move || local::open(&path)?.raw(tag, Kind::Tag)).await?
            }
            _ => {
                let store = self.store(url);
                let work = move |network: &Network| network.fetch_tag(&store, tag);
                self.on_network(self.fetch_slots(), url, access, work).await?
            }
        };
        Ok(Some(SignedTag { name, id, signed: Signed::of_tag(&object) }))
    }
}

/// The largest commit or tag that is read; a message is text for people.
const MAX_BYTES: u64 = 1 << 20;

impl Objects {
    /// An object's own bytes.
    pub(super) fn raw(&self, id: ObjectId, kind: Kind) -> Result<Vec<u8>, SourceError> {
        let failed = |e: &dyn std::fmt::Display| super::objects::storage(self.folder(), e);
        self.with(|repository| {
            let header = repository.find_header(id).map_err(|e| failed(&e))?;
            if header.size() > MAX_BYTES {
                let (what, limit_name) = (format!("object {id}"), "commit size");
                return Err(SourceError::TooLarge {
                    what,
                    size: header.size(),
                    limit_name,
                    limit: MAX_BYTES,
                });
            }
            let mut object = repository.find_object(id).map_err(|e| failed(&e))?;
            if object.kind != kind {
                return Err(failed(&format!("object {id} is no {kind}")));
            }
            Ok(std::mem::take(&mut object.data))
        })
    }
}
