//! Fetching what a local render asks for.

use crate::commands::Context;
use crate::error::CliError;
use holdfast_kustomize::{GitSource, Need, Provided};
use holdfast_source::{Access, GitCache, GitRef, GitUrl, Limits};
use holdfast_tree::FileTree;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Answers what a kustomization needs; what cannot be had is answered with the reason.
pub(crate) fn provide(context: &Context, needs: Vec<Need>, provided: &mut Provided) -> Result<(), CliError> {
    let mut git = Vec::new();
    for need in needs {
        match need {
            Need::Git(source) => git.push(source),
            // Which of the two a URL means is found out by trying; a repository is what it nearly always means.
            Need::Http { .. } => {
                provided.failed(need, "files behind URLs are not fetched; name a Git repository")
            }
            Need::Chart(_) => {
                provided.failed(need, "charts are not fetched; put the chart into the chart home (charts/)");
            }
        }
    }
    if git.is_empty() {
        return Ok(());
    }
    let cache = GitCache::new(cache_folder(context), Limits::default());
    context.block_on(async {
        for source in git {
            match fetch(&cache, &source).await {
                Ok(tree) => provided.git(source, tree),
                Err(why) => provided.failed(Need::Git(source), why),
            }
        }
        Ok(())
    })
}

/// Where fetched repositories are kept from one run to the next.
pub(crate) fn cache_folder(context: &Context) -> PathBuf {
    let of_user = context.environment.variable("XDG_CACHE_HOME").map(PathBuf::from);
    let of_home = || context.environment.variable("HOME").map(|home| PathBuf::from(home).join(".cache"));
    of_user.or_else(of_home).unwrap_or_else(std::env::temp_dir).join("holdfast").join("git")
}

async fn fetch(cache: &GitCache, source: &GitSource) -> Result<Arc<dyn FileTree>, String> {
    let url = GitUrl::parse(&source.repo).map_err(|e| e.to_string())?;
    let wanted = match source.reference.as_str() {
        "" => GitRef::Head,
        text => GitRef::Any { text: text.into(), tag_prefix: String::new() },
    };
    let artifact = cache.artifact(&url, &Access::default(), &wanted, Duration::ZERO).await;
    artifact.map(|artifact| artifact.tree).map_err(|e| e.to_string())
}
