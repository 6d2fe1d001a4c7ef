//! `helm template`: `holdfast-helm` has the command; here is the process around it.

use super::Context;
use super::kustomize::{MAX_FILE_BYTES, split_root};
use crate::error::{CliError, Exit};
use holdfast_helm::HelmVersion;
use holdfast_helm::template::{
    OutputFile, Surroundings, TemplateArgs, TemplateNeed, TemplateOutcome, template,
};
use holdfast_source::DiskTree;
use std::io::Read;
use std::path::{Component, Path};

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
    let args = TemplateArgs::parse(&arguments.arguments).map_err(|e| CliError::user(e.to_string()))?;
    let args = TemplateArgs { helm, ..args };
    let stdin = read_stdin(&args, context)?;
    let folder = context.environment.folder.canonicalize();
    let folder = folder.map_err(|e| CliError::config(format!("the working folder cannot be used: {e}")))?;
    // Charts and values may lie anywhere on the disk, so the tree is all of it.
    let (root, path) = split_root(&folder)?;
    let tree = DiskTree::new(&root, MAX_FILE_BYTES);
    let around = Surroundings {
        tree: &tree,
        folder: &path,
        stdin: stdin.as_deref(),
        chart: None,
        dependencies: Vec::new(),
        files: Default::default(),
        now: (context.environment.now)().as_nanosecond(),
        seed: rand::random(),
        limits: holdfast_gotemplate::Limits::default(),
    };
    match template(&args, &around).map_err(|e| CliError::user(e.to_string()))? {
        TemplateOutcome::Needs(need) => Err(needs(need)),
        TemplateOutcome::Done(output) => {
            output.warnings.iter().for_each(|warning| context.output.note(format!("WARNING: {warning}")));
            for file in &output.files {
                write(context, &args.output_dir, file)?;
            }
            context.output.bytes(&output.stdout)?;
            Ok(Exit::Success)
        }
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

fn needs(need: TemplateNeed) -> CliError {
    let hint = "fetch it with `helm pull` or `helm dependency build` and name the folder or archive";
    match need {
        TemplateNeed::Chart { reference, .. } => CliError::user(format!(
            "the chart '{reference}' is not on this machine, and charts are not fetched"
        ))
        .hint(hint),
        TemplateNeed::Files(files) => {
            CliError::user(format!("files are not fetched: {}", files.join(", "))).hint("download them first")
        }
        TemplateNeed::Dependencies(missing) => {
            let names: Vec<String> = missing.into_iter().map(|m| m.name).collect();
            CliError::user(format!("dependencies are not fetched: {} are missing", names.join(", ")))
                .hint(hint)
        }
    }
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
