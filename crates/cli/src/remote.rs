//! Fetching what a local render asks for.

use crate::commands::Context;
use crate::error::CliError;
use holdfast_render::Provided;
use holdfast_source::{FetchPolicy, GitCache, Limits, Sources, Step};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Runs a render of the user's own files, and fetches what it asks for: repositories (those on this machine too),
/// files and charts, all as they are now and without credentials.
///
/// # Errors
/// Of the user's, with what the render says.
pub(crate) fn provide<T, E>(
    context: &Context,
    run: impl Fn(&Provided) -> Result<Step<T>, E> + Send + Sync + 'static,
) -> Result<T, CliError>
where
    T: Send + 'static,
    E: fmt::Display + Send + 'static,
{
    // Most builds ask for nothing, and need neither a cache nor a runtime.
    match run(&Provided::new()) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(_)) => {}
        Err(error) => return Err(CliError::user(error.to_string())),
    }
    let sources = Sources::new(GitCache::new(cache_folder(context), Limits::default()));
    let policy = FetchPolicy { local: true, ..FetchPolicy::anonymous(Duration::ZERO) };
    context.block_on(async {
        sources.provide(&policy, run).await.map_err(|error| CliError::user(error.to_string()))
    })
}

/// Where fetched repositories are kept from one run to the next.
pub(crate) fn cache_folder(context: &Context) -> PathBuf {
    let of_user = context.environment.variable("XDG_CACHE_HOME").map(PathBuf::from);
    let of_home = || context.environment.variable("HOME").map(|home| PathBuf::from(home).join(".cache"));
    of_user.or_else(of_home).unwrap_or_else(std::env::temp_dir).join("holdfast").join("git")
}
