//! Fetching what a local render asks for.

use crate::commands::Context;
use crate::error::CliError;
use holdfast_helm::template::TemplateArgs;
use holdfast_render::Provided;
use holdfast_source::{
    Access, ClientCertificate, Credentials, FetchPolicy, GitCache, Grants, HelmAccess, Limits, Secret,
    Sources, Step, TlsOptions,
};
use std::fmt;
use std::path::{Path, PathBuf};
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
    let policy = FetchPolicy { local: true, ..FetchPolicy::anonymous(Duration::ZERO) };
    provide_as(context, policy, run)
}

/// The same by the user's own rules.
///
/// # Errors
/// As [`provide`].
pub(crate) fn provide_as<T, E>(
    context: &Context,
    policy: FetchPolicy,
    run: impl Fn(&Provided) -> Result<Step<T>, E> + Send + Sync + 'static,
) -> Result<T, CliError>
where
    T: Send + 'static,
    E: fmt::Display + Send + 'static,
{
    // Most renders ask for nothing, and need neither a cache nor a runtime.
    match run(&Provided::new()) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(_)) => {}
        Err(error) => return Err(CliError::user(error.to_string())),
    }
    let sources = Sources::new(GitCache::new(cache_folder(context), Limits::default()));
    context.block_on(async {
        sources.provide(&policy, run).await.map_err(|error| CliError::user(error.to_string()))
    })
}

/// How the flags of `helm template` reach repositories: `--username`, `--password`, `--ca-file` and their kin count for
/// the server of the chart, or with `--pass-credentials` wherever its index leads.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn chart_policy(args: &TemplateArgs, context: &Context) -> Result<FetchPolicy, CliError> {
    let flag =
        |name: &str| args.fetch.iter().rev().find(|(flag, _)| flag == name).map(|(_, value)| value.as_str());
    let is_on = |name: &str| {
        flag(name).is_some_and(|value| !matches!(value, "0" | "f" | "F" | "false" | "FALSE" | "False"))
    };
    let file = |name: &str| {
        let read = |path: &str| {
            let text = std::fs::read_to_string(context.path(Path::new(path)));
            text.map_err(|e| CliError::user(format!("--{name} {path}: {e}")))
        };
        flag(name).map(read).transpose()
    };
    let client = match (file("cert-file")?, file("key-file")?) {
        (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key: Secret::from(key) }),
        _ => None,
    };
    let credentials = match (flag("username"), flag("password")) {
        (None, None) => Credentials::None,
        (username, password) => Credentials::Basic {
            username: username.unwrap_or_default().to_owned(),
            password: Secret::from(password.unwrap_or_default().to_owned()),
        },
    };
    let plain_http = is_on("plain-http");
    let access = Access {
        credentials,
        tls: TlsOptions {
            ca: file("ca-file")?,
            client,
            skip_verification: is_on("insecure-skip-tls-verify"),
        },
        allow_plain_http_credentials: plain_http,
        ..Access::default()
    };
    let access = HelmAccess { access, pass_credentials: is_on("pass-credentials"), plain_http };
    let place = if args.repository.is_empty() { args.chart.trim() } else { &args.repository };
    let grants = Grants::default().with(place, access);
    Ok(FetchPolicy { grants, ..FetchPolicy::anonymous(Duration::ZERO) })
}

/// Where fetched repositories are kept from one run to the next.
pub(crate) fn cache_folder(context: &Context) -> PathBuf {
    let of_user = context.environment.variable("XDG_CACHE_HOME").map(PathBuf::from);
    let of_home = || context.environment.variable("HOME").map(|home| PathBuf::from(home).join(".cache"));
    of_user.or_else(of_home).unwrap_or_else(std::env::temp_dir).join("holdfast").join("git")
}
