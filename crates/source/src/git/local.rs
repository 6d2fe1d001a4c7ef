//! Repositories on this machine, read in place.

use super::objects::{Objects, TreeCheck, one_line, storage};
use super::select::Reference;
use super::tree::artifact_at;
use crate::{Artifact, Limits, Revision, SourceError};
use gix::ObjectId;
use std::path::Path;
use std::sync::Arc;

/// Opens the repository at a path: a work tree's top folder, its `.git`, or a bare repository.
pub(crate) fn open(path: &Path) -> Result<Objects, SourceError> {
    let not_found = || SourceError::RepositoryNotFound { url: path.display().to_string() };
    let (found, _) = gix::discover::upwards(path).map_err(|_| not_found())?;
    let (git_dir, work_dir) = found.into_repository_and_work_tree_directories();
    // The repository has to be at the path itself: its parent's is another one.
    let here = |candidate: &Path| match (candidate.canonicalize(), path.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    };
    if here(&git_dir) || work_dir.as_deref().is_some_and(here) {
        return Objects::open(&git_dir);
    }
    Err(not_found())
}

/// Whether a commit is part of the history of a branch.
pub(crate) fn is_on_branch(objects: &Objects, branch: &str, commit: ObjectId) -> bool {
    let name = format!("refs/heads/{branch}");
    let tip = references(objects).ok().and_then(|all| all.into_iter().find(|r| r.name == name));
    tip.is_some_and(|tip| is_ancestor(objects, tip.commit, commit))
}

/// Whether a commit is part of another's history, or that one itself.
pub(crate) fn is_ancestor(objects: &Objects, tip: ObjectId, commit: ObjectId) -> bool {
    objects.with(|repository| {
        let Ok(mut walk) = repository.rev_walk([tip]).all() else { return false };
        walk.any(|step| step.is_ok_and(|info| info.id == commit))
    })
}

/// The artifact of a commit, if it is there and within the limits.
pub(crate) fn artifact(
    objects: Arc<Objects>,
    revision: &Revision,
    commit: ObjectId,
    limits: &Limits,
) -> Result<Option<Artifact>, SourceError> {
    let Some((_, tree)) = objects.commit(commit)? else { return Ok(None) };
    if let TreeCheck::Broken(object) = objects.check_tree(tree, limits)? {
        return Err(storage(objects.folder(), &format!("object {object} of commit {commit} cannot be read")));
    }
    artifact_at(objects, revision, commit, limits)
}

/// Every reference of a repository, tags followed to their commits.
pub(crate) fn references(objects: &Objects) -> Result<Vec<Reference>, SourceError> {
    objects.with(|repository| {
        let failed = |e: &dyn std::fmt::Display| storage(objects.folder(), &one_line(&e.to_string()));
        let mut found = Vec::new();
        if let Ok(head) = repository.head() {
            let target = head.referent_name().map(|n| n.as_bstr().to_string());
            if let Some(commit) = repository.head_id().ok().map(gix::Id::detach) {
                found.push(Reference { name: "HEAD".into(), commit, tag: None, target });
            }
        }
        let platform = repository.references().map_err(|e| failed(&e))?;
        for reference in platform.all().map_err(|e| failed(&e))? {
            // A reference that cannot be read is one nobody can ask for.
            let Ok(mut reference) = reference else { continue };
            let name = reference.name().as_bstr().to_string();
            let direct = reference.try_id().map(gix::Id::detach);
            let Ok(commit) = reference.peel_to_id() else { continue };
            let commit = commit.detach();
            let tag = direct.filter(|d| *d != commit && name.starts_with("refs/tags/"));
            found.push(Reference { name, commit, tag, target: None });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    })
}
