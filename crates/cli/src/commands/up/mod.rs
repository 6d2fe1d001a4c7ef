//! `holdfast up`: a folder or repository, a cluster, and everything between them.

mod board;
mod cluster;
mod follow;

use super::Context;
use crate::error::{CliError, Exit};
use crate::served::Served;
use board::Board;
use cluster::Target;
use holdfast_platform::{Found, Platform, PlatformOptions, Seed, Survey, Workspace, discover};
use holdfast_source::{Access, Artifact, GitRef, GitUrl, Limits, Sources};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A folder with Flux or Argo CD resources (or plain manifests), or the URL of a Git repository.
    #[arg(value_name = "FOLDER|URL", default_value = ".")]
    target: String,

    /// Follow uncommitted changes: read files as they lie there instead of at the last commit.
    #[arg(long)]
    working_tree: bool,

    /// Read a repository from a folder on this machine; may be given several times.
    #[arg(long = "source", value_name = "URL=PATH")]
    sources: Vec<String>,

    /// Use this context of the kubeconfig instead of a simulated cluster.
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Use this kubeconfig file instead of a simulated cluster.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Install the custom resource definitions that the cluster lacks. The simulated cluster always gets them.
    #[arg(long)]
    install_crds: bool,

    /// End once every app is in sync and healthy or waits for a person (status 0), or when the time is over (1).
    #[arg(long)]
    once: bool,

    /// With --once: how long it may take.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    timeout: Duration,

    /// Where the simulated cluster's API listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// A prune of more than this many objects in one run, or of any Namespace, definition or volume claim, waits for
    /// a yes. Off unless given.
    #[arg(long, value_name = "NUMBER")]
    prune_limit: Option<u32>,
}

fn duration(text: &str) -> Result<Duration, String> {
    holdfast_types::parse_duration(text).map_err(|e| e.to_string())
}

/// Where the resources come from.
enum Origin {
    /// A folder on this machine.
    Folder(Box<Workspace>),
    /// A repository elsewhere.
    Repository(GitUrl),
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let limits = Limits::default();
    let mappings = mappings(arguments, context)?;
    let mut origin = open(arguments, &mappings, context, &limits)?;
    let artifacts = crate::storage::Temporary::open().await?;
    let options =
        PlatformOptions { storage: artifacts.options(), ..PlatformOptions::new(cache_folder(context)) };
    let options = options.with_prune_limit(arguments.prune_limit);
    let sources = Platform::sources(&options);
    let _serving = artifacts.serve(&sources)?;
    let (artifact, folder) = read(&mut origin, &sources).await?;
    let found = discover(&*artifact.tree, &folder);
    for broken in &found.broken {
        context.output.note(format!("cannot be read, and passed over: {broken}"));
    }
    let mut seed = Seed::of(&found);
    if seed.is_empty() && found.resources.is_empty() {
        seed = as_one_app(&mut origin, &found, &folder)?;
    }
    if let Origin::Folder(workspace) = &origin {
        workspace.stand_in(&sources);
    }
    let survey = Survey::of(found.resources.iter().map(|entry| &entry.object));
    say_what_was_found(&found, &seed, &survey, &origin, context)?;

    let served = match &origin {
        Origin::Folder(workspace) => Some(Served::new(workspace, workspace.follows_files(), &mappings)),
        Origin::Repository(_) => None,
    };
    let target = Target::start(arguments, served, context).await?;
    let installed = if target.is_simulated() || arguments.install_crds {
        holdfast_platform::install_definitions(target.cluster()).await?.installed.len()
    } else {
        0
    };
    tracing::info!(installed, "definitions");
    let mut board = Board::start(target.cluster().clone(), &seed);
    let platform = Platform::start(target.cluster().clone(), sources.clone(), &options);
    board.rejected(&seed.apply(target.cluster()).await, context);
    let following = follow::follow(origin, sources, folder, seed, target.cluster().clone());
    let following = tokio::spawn(following);
    let outcome = board.show(arguments, &target, context).await;
    following.abort();
    platform.stop().await;
    target.end();
    outcome
}

/// The repositories that `--source` names, with their folders.
fn mappings(arguments: &Arguments, context: &Context) -> Result<Vec<(String, PathBuf)>, CliError> {
    let one = |mapping: &String| {
        // A URL may hold '=', a path hardly does.
        let (url, path) = mapping
            .rsplit_once('=')
            .ok_or_else(|| CliError::user(format!("--source {mapping}: expected URL=PATH")))?;
        Ok((url.to_owned(), context.path(Path::new(path))))
    };
    arguments.sources.iter().map(one).collect()
}

fn open(
    arguments: &Arguments,
    mappings: &[(String, PathBuf)],
    context: &Context,
    limits: &Limits,
) -> Result<Origin, CliError> {
    let path = context.path(Path::new(&arguments.target));
    if !path.exists() && arguments.target.contains("://") {
        let url =
            GitUrl::parse(&arguments.target).map_err(|e| CliError::user(e.to_string()).hint(e.hint()))?;
        context.output.note(format!("reading {} …", url.without_credentials()));
        return Ok(Origin::Repository(url));
    }
    if !path.is_dir() {
        return Err(CliError::user(format!("there is no folder {}", path.display()))
            .hint("name a folder, or the URL of a Git repository"));
    }
    let workspace = Workspace::open(&path, arguments.working_tree, mappings, limits)
        .map_err(|e| CliError::user(e.to_string()))?;
    Ok(Origin::Folder(Box::new(workspace)))
}

/// The files to begin with, and the folder among them.
async fn read(origin: &mut Origin, sources: &Sources) -> Result<(Artifact, String), CliError> {
    let failed = |e: holdfast_source::SourceError| CliError::config(e.to_string()).hint(e.hint());
    match origin {
        Origin::Folder(workspace) => {
            let prefix = if workspace.follows_files() {
                String::new()
            } else {
                workspace.folder().prefix().to_owned()
            };
            let artifact = workspace.artifact().map_err(failed)?;
            // Files as they lie there may be those of the whole checkout; the folder is among them then.
            let own = workspace.folder().prefix().to_owned();
            let is_whole = !own.is_empty() && artifact.tree.list(&own).is_ok();
            Ok((artifact, if is_whole { own } else { prefix }))
        }
        Origin::Repository(url) => {
            let access = Access::default();
            let artifact = sources.git(&url.to_string(), &GitRef::Head, &access, Duration::ZERO).await;
            Ok((artifact.map_err(failed)?, String::new()))
        }
    }
}

/// A folder without any Flux or Argo CD resource is applied as one app.
fn as_one_app(origin: &mut Origin, found: &Found, folder: &str) -> Result<Seed, CliError> {
    if found.files == 0 {
        return Err(CliError::user("the folder holds nothing to apply")
            .hint("name a folder with manifests, or with Flux or Argo CD resources"));
    }
    let name = match origin {
        Origin::Folder(workspace) => {
            workspace.folder().path().file_name().map(|n| n.to_string_lossy().into_owned())
        }
        Origin::Repository(url) => url.path().rsplit('/').next().map(str::to_owned),
    };
    let name = dns_label(&name.unwrap_or_default());
    let url = match origin {
        Origin::Repository(url) => url.clone(),
        Origin::Folder(workspace) => {
            // A name that leads nowhere else: it is served from the folder.
            let url = GitUrl::parse(&format!("https://local.invalid/{name}"))
                .map_err(|e| CliError::internal(e.to_string()))?;
            workspace.serve_as(url.clone());
            url
        }
    };
    Ok(Seed::one_app(&name, &url, folder))
}

/// A name that the API takes.
fn dns_label(name: &str) -> String {
    let clean: String =
        name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let clean = clean.trim_matches('-');
    if clean.is_empty() { "app".into() } else { clean.chars().take(53).collect() }
}

/// `found 41 apps: 30 Application, 11 Kustomization; besides 2 GitRepository`, and how many of them run.
fn say_what_was_found(
    found: &Found,
    seed: &Seed,
    survey: &Survey,
    origin: &Origin,
    context: &Context,
) -> Result<(), CliError> {
    let output = &context.output;
    if found.resources.is_empty() {
        output.line("found no Flux or Argo CD resources: the manifests are applied as one app")?;
    } else {
        let counts = found.counts().into_iter().map(|(kind, count)| format!("{count} {kind}"));
        output.line(format!("found {}", counts.collect::<Vec<_>>().join(", ")))?;
    }
    if survey.refused() > 0 {
        output.line(survey.to_string())?;
    }
    if !seed.refused.is_empty() {
        let others = seed.refused.iter().map(|(gvk, count)| format!("{count} {}", gvk.kind));
        output.line(format!(
            "not applied, as nothing runs them yet: {}",
            others.collect::<Vec<_>>().join(", ")
        ))?;
    }
    if let Origin::Folder(workspace) = origin {
        let how = if workspace.follows_files() { "as its files lie there" } else { "at its last commit" };
        for url in workspace.served().filter(|url| url.host() != "local.invalid") {
            output.line(format!("{} is served from this folder, {how}", url.without_credentials()))?;
        }
    }
    Ok(())
}

/// Where fetched repositories are kept between runs.
pub(super) fn cache_folder(context: &Context) -> PathBuf {
    let base = context.environment.variable("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || context.environment.variable("HOME").map(|home| PathBuf::from(home).join(".cache"));
    base.or_else(home).unwrap_or_else(std::env::temp_dir).join("holdfast")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_for_the_api() {
        assert_eq!(dns_label("My App_2"), "my-app-2");
        assert_eq!(dns_label("..."), "app");
    }
}
