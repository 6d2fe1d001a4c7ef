//! From what was fetched to an artifact in storage, and to those who use it.

use super::{Content, Draft, Failure, Fetched, StoredArtifact};
use crate::{Published, Shared};
use holdfast_controller::offload;
use holdfast_object::{ObjectKey, Value};
use holdfast_source::{
    ArchiveError, Artifact, ArtifactFolder, ArtifactPath, Kept, Packed, Revision, SourceError, Storage, oci,
};
use holdfast_tree::FileTree;
use std::sync::Arc;
use std::time::SystemTime;

/// What became of a stored artifact.
pub(super) enum Checked {
    Intact,
    Missing,
    Corrupt(String),
}

/// Whether an artifact is in storage as its status says; a damaged one is removed.
pub(super) async fn check(shared: &Shared, key: &ObjectKey, stored: &StoredArtifact) -> Checked {
    let Some(path) = folder(key).and_then(|folder| folder.owned(&stored.path)) else {
        return Checked::Missing;
    };
    let (storage, digest) = (shared.sources.storage().clone(), stored.digest.clone());
    let checked = blocking(move || {
        let kept = storage.check(&path, &digest);
        if matches!(kept, Kept::Corrupt(_)) {
            storage.remove_file(&path);
        }
        kept
    });
    match checked.await {
        Some(Kept::Intact) => Checked::Intact,
        Some(Kept::Corrupt(why)) => Checked::Corrupt(why),
        Some(Kept::Missing) | None => Checked::Missing,
    }
}

/// Reads what is in storage, for when its source cannot be had.
pub(super) async fn restore(
    shared: &Shared,
    key: &ObjectKey,
    stored: &StoredArtifact,
) -> Result<Published, SourceError> {
    let gone = || SourceError::Storage { path: stored.path.clone(), message: "no such artifact".into() };
    let path = folder(key).and_then(|folder| folder.owned(&stored.path)).ok_or_else(gone)?;
    let revision = Revision::parse(&stored.revision).ok_or_else(gone)?;
    let storage = shared.sources.storage().clone();
    let limits = shared.sources.cache().limits().clone();
    let tree = blocking(move || oci::untar(&storage.read(&path)?, path.as_str(), &limits)).await;
    let tree: Arc<dyn FileTree> = Arc::new(oci::HashedTree::new(tree.ok_or_else(gone)??));
    let artifact = Artifact {
        revision,
        digest: stored.digest.clone(),
        commit: None,
        metadata: stored.metadata.clone(),
        tree: tree.clone(),
    };
    Ok(Published { artifact, tree, digest: stored.digest.clone() })
}

/// Removes everything of a source that is gone.
pub(super) async fn remove_all(shared: &Shared, key: &ObjectKey) -> std::io::Result<()> {
    let Some(folder) = folder(key) else { return Ok(()) };
    let storage = shared.sources.storage().clone();
    blocking(move || storage.remove(&folder)).await.unwrap_or(Ok(()))
}

/// Packs what is new and stores it. Gives what is to be published once the status names it, unless it is already.
pub(super) async fn prepare(
    shared: &Shared,
    key: &ObjectKey,
    fetched: Fetched,
    stored: Option<&StoredArtifact>,
    draft: &mut Draft,
) -> Result<Option<Published>, Failure> {
    let revision = fetched.artifact.revision.to_string();
    let is_observed = |(field, value): &(&str, Option<Value>)| draft.status.get(field) == value.as_ref();
    let current = stored.filter(|s| s.revision == revision && fetched.observed.iter().all(is_observed));
    let storage = shared.sources.storage();
    let no_path = || Failure::storage("InvalidPath", format!("'{}' is no name of an artifact", fetched.file));
    let path = match current {
        Some(current) => folder(key).and_then(|folder| folder.owned(&current.path)),
        None => folder(key).and_then(|folder| folder.file(&fetched.file)),
    };
    let path = path.ok_or_else(no_path)?;
    let mut artifact = match current {
        Some(current) => current.clone(),
        None => {
            draft.outdated("NewRevision", &fetched.news);
            let packed = store(storage, &path, &fetched.content).await?;
            StoredArtifact {
                path: path.as_str().to_owned(),
                url: String::new(),
                revision: revision.clone(),
                digest: packed.digest,
                size: packed.size,
                metadata: fetched.artifact.metadata.clone(),
            }
        }
    };
    // The host's name may have changed since.
    artifact.url = storage.url(&path);
    draft.set_artifact(&artifact, shared.engine.now());
    for (field, value) in &fetched.observed {
        draft.set(field, value.clone());
    }
    let link = fetched.link_latest && current.is_none();
    tidy(storage, &path, link, SystemTime::from(shared.engine.now()), draft).await;
    let is_same =
        |p: &Published| p.artifact.revision == fetched.artifact.revision && p.digest == artifact.digest;
    if shared.artifacts.get(key).as_ref().is_some_and(is_same) {
        return Ok(None);
    }
    let tree: Arc<dyn FileTree> = match fetched.content {
        Content::Tree(tree, ignore) => Arc::new(ignore.filter(tree)),
        Content::Packed(_, tree) => tree,
        Content::AsStored => {
            let restored = restore(shared, key, &artifact).await;
            let failed = |e: SourceError| Failure::storage("ReadOperationFailed", e.to_string());
            return restored.map(Some).map_err(failed);
        }
    };
    Ok(Some(Published { artifact: fetched.artifact, tree, digest: artifact.digest }))
}

async fn store(storage: &Storage, path: &ArtifactPath, content: &Content) -> Result<Packed, Failure> {
    let (storage, path) = (storage.clone(), path.clone());
    let packed = match content {
        Content::Tree(tree, ignore) => {
            let (tree, ignore) = (tree.clone(), ignore.clone());
            blocking(move || storage.archive(&path, &*tree, &ignore)).await
        }
        Content::Packed(bytes, _) => {
            let bytes = bytes.clone();
            blocking(move || storage.copy(&path, &bytes)).await
        }
        Content::AsStored => None,
    };
    let failed = |why: &dyn std::fmt::Display| {
        Failure::storage("ArchiveOperationFailed", format!("unable to archive artifact to storage: {why}"))
    };
    match packed {
        Some(Ok(packed)) => Ok(packed),
        Some(Err(ArchiveError::Limit(error))) => Err(failed(&error)),
        Some(Err(error)) => Err(failed(&error)),
        None => Err(failed(&"it is not in storage")),
    }
}

/// The link to the newest artifact, and what is no longer needed.
async fn tidy(storage: &Storage, path: &ArtifactPath, link: bool, now: SystemTime, draft: &mut Draft) {
    let (of, path) = (storage.clone(), path.clone());
    let linked = blocking(move || {
        let linked = link.then(|| of.link_latest(&path));
        of.collect_garbage(&path, now);
        linked
    });
    match linked.await.flatten() {
        Some(Ok(link)) => draft.set("url", Some(storage.url(&link).into())),
        Some(Err(error)) => tracing::warn!(%error, "failed to update status URL symlink"),
        None => {}
    }
}

fn folder(key: &ObjectKey) -> Option<ArtifactFolder> {
    ArtifactFolder::new(&key.kind, &key.namespace, &key.name)
}

/// Work on the disk; `None` when it panicked.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match offload(work).await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!(%error, "work on the disk ended badly");
            None
        }
    }
}
