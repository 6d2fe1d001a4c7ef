//! `helm template`: `holdfast-helm` has the command; here is the process around it.

use super::Context;
use super::kustomize::{MAX_FILE_BYTES, split_root};
use crate::error::{CliError, Exit};
use crate::remote;
use bytes::Bytes;
use holdfast_helm::HelmVersion;
use holdfast_helm::chart::{Chart, LoadOptions};
use holdfast_helm::template::{
    OutputFile, Surroundings, TemplateArgs, TemplateNeed, TemplateOutcome, template,
};
use holdfast_render::{Content, Need, Provided};
use holdfast_source::DiskTree;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Component, Path};
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which Helm to do as: 3 (3.22) or 4 (4.3).
    #[arg(long, value_name = "3|4", default_value = "3")]
    compat: HelmVersion,
    #[command(subcommand)]
    command: Helm,
}

#[derive(Debug, clap::Subcommand)]
enum Helm {
    /// Render a chart and print its manifests, as `helm template` does, with its flags.
    #[command(disable_version_flag = true)]
    Template(TemplateArguments),
}

#[derive(Debug, clap::Args)]
struct TemplateArguments {
    /// NAME, CHART and the flags of `helm template`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// The most that is read from standard input.
const MAX_STDIN_BYTES: u64 = 64 << 20;

pub(crate) fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, CliError> {
    let (helm, Helm::Template(arguments)) = (arguments.compat, &arguments.command);
    if arguments.arguments.iter().any(|argument| matches!(argument.as_str(), "-h" | "--help")) {
        context.output.bytes(HELP.as_bytes())?;
        return Ok(Exit::Success);
    }
    let args = TemplateArgs::parse(&arguments.arguments).map_err(|e| CliError::user(e.to_string()))?;
    let args = TemplateArgs { helm, ..args };
    let policy = remote::chart_policy(&args, context)?;
    let stdin = read_stdin(&args, context)?;
    let folder = context.environment.folder.canonicalize();
    let folder = folder.map_err(|e| CliError::config(format!("the working folder cannot be used: {e}")))?;
    // Charts and values may lie anywhere on the disk, so the tree is all of it.
    let (root, path) = split_root(&folder)?;
    let tree = DiskTree::new(&root, MAX_FILE_BYTES);
    let (now, seed) = ((context.environment.now)().as_nanosecond(), rand::random());
    let output_folder = args.output_dir.clone();
    let output = remote::provide_as(context, policy, move |provided| {
        let (chart, dependencies, files) = provided_charts(&args, provided)?;
        let around = Surroundings {
            tree: &tree,
            folder: &path,
            stdin: stdin.as_deref(),
            chart,
            dependencies,
            files,
            now,
            seed,
            limits: holdfast_gotemplate::Limits::default(),
        };
        match template(&args, &around).map_err(|e| e.to_string())? {
            TemplateOutcome::Done(output) => Ok(Ok(output)),
            TemplateOutcome::Needs(need) => needs(need).map(Err),
        }
    })?;
    output.warnings.iter().for_each(|warning| context.output.note(format!("WARNING: {warning}")));
    for file in &output.files {
        write(context, &output_folder, file)?;
    }
    context.output.bytes(&output.stdout)?;
    Ok(Exit::Success)
}

/// What `helm template --help` is for, in short.
const HELP: &str = "Render a chart and print its manifests, as `helm template` does.

Usage: holdfast helm [--compat 3|4] template [NAME] CHART [flags]

CHART is a folder, an archive, the address of an archive, oci://REGISTRY/CHART, or with --repo URL the name of a chart.
The flags are those of `helm template`; docs/helm.md lists those that are refused.
";

/// The chart, the charts below it and the files that were fetched.
type Charts = (Option<Arc<Chart>>, Vec<Arc<Chart>>, BTreeMap<String, Bytes>);

fn provided_charts(args: &TemplateArgs, provided: &Provided) -> Result<Charts, String> {
    let (mut chart, mut dependencies, mut files) = (None, Vec::new(), BTreeMap::new());
    let wanted = chart_need(&args.chart, &args.repository, &args.wanted_version()).ok();
    for (need, answer) in provided.iter() {
        let answer = answer.map_err(|why| format!("{need}: {why}"))?;
        let Content::Bytes(data) = &answer.content else { return Err(format!("{need}: it is no file")) };
        let load = || {
            let loaded = Chart::from_archive(data, LoadOptions::new(args.helm));
            loaded.map(Arc::new).map_err(|e| format!("{need}: {e}"))
        };
        match need {
            need if Some(need) == wanted.as_ref() => chart = Some(load()?),
            Need::Http { url } => {
                files.insert(url.clone(), data.clone());
            }
            _ => dependencies.push(load()?),
        }
    }
    Ok((chart, dependencies, files))
}

/// What must be fetched for a chart that is not on this machine.
fn chart_need(reference: &str, repository: &str, version: &str) -> Result<Need, String> {
    let chart = |repository: &str, name: &str| Need::Chart {
        repository: repository.to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
    };
    if !repository.is_empty() {
        return Ok(chart(repository, reference));
    }
    if let Some(rest) = reference.strip_prefix("oci://") {
        let (repository, name) =
            rest.rsplit_once('/').ok_or_else(|| format!("{reference} names no chart in a registry"))?;
        return Ok(chart(&format!("oci://{repository}"), name));
    }
    if reference.starts_with("https://") || reference.starts_with("http://") {
        return Ok(Need::Http { url: reference.to_owned() });
    }
    match reference.split_once('/') {
        Some((repository, name)) => Err(format!(
            "repo {repository} not found: repositories that were added to Helm are not read; name this one with \
             --repo URL and the chart as {name}"
        )),
        None => {
            Err(format!("non-absolute URLs should be in form of repo_name/path_to_chart, got: {reference}"))
        }
    }
}

fn needs(need: TemplateNeed) -> Result<Vec<Need>, String> {
    match need {
        TemplateNeed::Chart { reference, repository, version } => {
            chart_need(&reference, &repository, &version).map(|need| vec![need])
        }
        TemplateNeed::Dependencies(missing) => Ok(missing.into_iter().map(Need::from).collect()),
        TemplateNeed::Files(files) => Ok(files.into_iter().map(|url| Need::Http { url }).collect()),
    }
}

fn read_stdin(args: &TemplateArgs, context: &mut Context) -> Result<Option<Vec<u8>>, CliError> {
    if !args.values.iter().any(|path| path.trim() == "-") {
        return Ok(None);
    }
    let mut text = Vec::new();
    let mut stdin = (&mut context.environment.stdin).take(MAX_STDIN_BYTES + 1);
    let read = stdin.read_to_end(&mut text);
    read.map_err(|e| CliError::user(format!("standard input cannot be read: {e}")))?;
    if text.len() as u64 > MAX_STDIN_BYTES {
        return Err(CliError::user(format!("standard input is longer than {MAX_STDIN_BYTES} bytes")));
    }
    Ok(Some(text))
}

/// Writes a file of `--output-dir`. A chart cannot write outside of that folder.
fn write(context: &Context, folder: &str, file: &OutputFile) -> Result<(), CliError> {
    let below = file.path.strip_prefix(folder).unwrap_or(&file.path);
    if Path::new(below).components().any(|part| part == Component::ParentDir) {
        return Err(CliError::user(format!("{} leads out of the output folder", file.path)));
    }
    let path = context.path(Path::new(&file.path));
    let written = match path.parent() {
        Some(parent) => std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, &file.data)),
        None => std::fs::write(&path, &file.data),
    };
    written.map_err(|e| CliError::config(format!("{} cannot be written: {e}", path.display())))
}
