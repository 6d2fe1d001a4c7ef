//! `GitRepository`: follows a reference of a repository.

mod compose;
pub(crate) mod request;
mod verify;

use crate::refuse;
use crate::source::{Asked, Content, Draft, FETCH_FAILED, Failure, Fetched, Settings, SourceKind};
use compose::Included;
use futures::FutureExt;
use futures::future::BoxFuture;
use holdfast_object::{GroupVersionKind, ObjectKey, ObjectRef, Value};
use holdfast_source::{Artifact, Commit, SourceError, SourceIgnore};
use holdfast_tree::FileTree;
use holdfast_types::flux::{GitRepositorySpec, git_repository};
use std::collections::HashSet;
use std::sync::Arc;

/// The kind.
pub(crate) struct GitRepository;

impl SourceKind for GitRepository {
    type Spec = GitRepositorySpec;

    fn gvk() -> GroupVersionKind {
        git_repository()
    }

    fn settings(spec: &GitRepositorySpec) -> Settings<'_> {
        Settings { interval: &spec.interval, suspend: spec.suspend }
    }

    fn unsupported(spec: &GitRepositorySpec) -> Vec<String> {
        refuse::git_repository_fields(spec)
    }

    fn fetch<'a>(
        asked: Asked<'a, GitRepositorySpec>,
        draft: &'a mut Draft,
    ) -> BoxFuture<'a, Result<Fetched, Failure>> {
        fetch(asked, draft).boxed()
    }
}

async fn fetch(asked: Asked<'_, GitRepositorySpec>, draft: &mut Draft) -> Result<Fetched, Failure> {
    let (spec, sources) = (asked.spec, &asked.shared.sources);
    let request = request::read(asked.shared.engine.cluster(), asked.object, spec).await?;
    let included = included(&asked)?;
    draft.conditions.remove(crate::source::INCLUDE_UNAVAILABLE);
    let artifact = sources.git(&spec.url, &request.wanted, &request.access, asked.max_age).await;
    let artifact = artifact.map_err(|error| explain(&spec.url, &error))?;
    draft.conditions.remove(FETCH_FAILED);
    let tree = compose::sparse(artifact.tree.clone(), &spec.sparse_checkout).map_err(|why| {
        Failure::fetch("GitOperationFailed", format!("failed to sparse checkout directories : {why}"))
    })?;
    verify::verify(&asked, &request, &artifact, draft).await?;
    let tree = compose::include(tree, &included)?;
    let ignore = SourceIgnore::load(&tree, spec.ignore.as_deref()).map_err(|error| {
        let message = format!("failed to load source ignore patterns from repository: {error}");
        Failure::storage("SourceIgnoreError", message)
    })?;
    let revision = artifact.revision.to_string();
    Ok(Fetched {
        file: format!("{}.tar.gz", artifact.revision.commit()),
        observed: observed(&asked, &included),
        news: format!("new upstream revision '{revision}'"),
        message: format!("stored artifact for revision '{revision}'"),
        event: format!("stored artifact for commit '{}'", short_message(&artifact)),
        link_latest: false,
        content: Content::Tree(tree, ignore),
        artifact,
    })
}

/// What the artifact is made of, as the status records it.
fn observed(
    asked: &Asked<'_, GitRepositorySpec>,
    included: &[Included],
) -> Vec<(&'static str, Option<Value>)> {
    let field = |name: &str| {
        let value = asked.object.get(&["spec", name]).cloned();
        value.filter(|value| value.as_array().is_none_or(|list| !list.is_empty()))
    };
    let artifacts: Vec<Value> = included.iter().map(|i| i.status.clone()).collect();
    vec![
        ("observedIgnore", asked.spec.ignore.clone().map(Value::from)),
        ("observedInclude", field("include")),
        ("observedSparseCheckout", field("sparseCheckout")),
        ("includedArtifacts", (!artifacts.is_empty()).then_some(Value::Array(artifacts))),
    ]
}

/// The artifacts that are copied in; their sources' news bring us up again.
fn included(asked: &Asked<'_, GitRepositorySpec>) -> Result<Vec<Included>, Failure> {
    let key_of = |name: &str| ObjectRef::new(&git_repository(), &asked.key.namespace, name).key;
    let interests: HashSet<ObjectKey> =
        asked.spec.include.iter().map(|i| key_of(&i.repository.name)).collect();
    // Registered before anything is read.
    asked.shared.engine.routes().set(asked.key, interests);
    let included = asked.spec.include.iter().map(|include| {
        let name = &include.repository.name;
        let key = key_of(name);
        let waits = |reason: &'static str, message: String| Failure {
            condition: crate::source::INCLUDE_UNAVAILABLE,
            reason,
            message,
            then: crate::source::Then::Wait(asked.shared.options.requeue_dependency),
        };
        let object = asked.shared.resource(&git_repository(), &key).ok_or_else(|| {
            waits("NotFound", format!("could not get resource for include '{name}': not found"))
        })?;
        let none = || waits("NoArtifact", format!("no artifact available for include '{name}'"));
        let status = object.get(&["status", "artifact"]).cloned().ok_or_else(none)?;
        let published = asked.shared.artifacts.get(&key).ok_or_else(none)?;
        // The status says what is included, so the files must be those that it names.
        let is_same = status.get("digest").and_then(Value::as_str) == Some(&published.digest);
        let tree = Some(published.tree).filter(|_| is_same).ok_or_else(none)?;
        Ok(Included { spec: include.clone(), status, tree })
    });
    included.collect()
}

/// The first line of a commit's message, cut as Flux cuts it.
fn short_message(artifact: &Artifact) -> String {
    let subject = match &artifact.commit {
        Some(Commit { subject, .. }) => subject,
        None => return artifact.revision.to_string(),
    };
    match subject.char_indices().nth(SUBJECT_CHARS) {
        Some((end, _)) => format!("{}...", &subject[..end]),
        None => subject.clone(),
    }
}

const SUBJECT_CHARS: usize = 50;

/// The reason and message of a failure, with what to do about it.
fn explain(url: &str, error: &SourceError) -> Failure {
    let hint = error.hint();
    match error {
        SourceError::InvalidUrl { .. } => {
            Failure::fetch("URLInvalid", format!("failed to parse url '{url}': {error} ({hint})")).stalling()
        }
        SourceError::InvalidCredentials { .. } => {
            let message = format!("failed to configure authentication options: {error} ({hint})");
            Failure::fetch("AuthenticationFailed", message)
        }
        _ => {
            let message = format!("failed to checkout and determine revision: {error} ({hint})");
            Failure::fetch("GitOperationFailed", message)
        }
    }
}

/// The files that a spec leaves of a repository, for a preview: ignore rules and sparse checkout, without includes.
pub(crate) fn files(artifact: &Artifact, spec: &GitRepositorySpec) -> Result<Arc<dyn FileTree>, SourceError> {
    let failed = |message: String| SourceError::Storage { path: ".sourceignore".into(), message };
    let tree = compose::sparse(artifact.tree.clone(), &spec.sparse_checkout).map_err(failed)?;
    let rules = SourceIgnore::load(&tree, spec.ignore.as_deref()).map_err(|e| failed(e.to_string()))?;
    Ok(Arc::new(rules.filter(tree)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_fluxs_reasons() {
        let check = |error: SourceError, reason: &str, start: &str, then: crate::source::Then| {
            let failure = explain("https://x/y", &error);
            assert_eq!((failure.reason, failure.then), (reason, then));
            assert!(failure.message.starts_with(start), "{}", failure.message);
        };
        use crate::source::Then::{Retry, Stall};
        let url = || "https://x/y".to_owned();
        check(
            SourceError::InvalidUrl { url: url(), reason: "no".into() },
            "URLInvalid",
            "failed to parse url",
            Stall,
        );
        check(
            SourceError::InvalidCredentials { url: url(), reason: "no".into() },
            "AuthenticationFailed",
            "failed to configure authentication options: ",
            Retry,
        );
        check(
            SourceError::Unreachable { url: url(), message: "no".into() },
            "GitOperationFailed",
            "failed to checkout and determine revision: https://x/y: unreachable: no",
            Retry,
        );
    }
}
