//! `kustomize build`: the arguments of the original over `holdfast-kustomize`.

use super::Context;
use crate::error::{CliError, Exit};
use crate::remote;
use holdfast_kustomize::{BuildOptions, Built, LoadRestrictor, Outcome, Reorder, build, to_files, to_yaml};
use holdfast_object::ObjectSet;
use holdfast_render::{HelmCharts, Need};
use holdfast_source::DiskTree;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Kustomize,
}

#[derive(Debug, clap::Subcommand)]
enum Kustomize {
    /// Build a kustomization and print its objects, as `kustomize build` does.
    Build(BuildArguments),
}

#[derive(Debug, clap::Args)]
struct BuildArguments {
    /// The folder of the kustomization.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,

    /// Which files may be read: LoadRestrictionsRootOnly or LoadRestrictionsNone.
    #[arg(long, value_name = "RULE", default_value = "LoadRestrictionsRootOnly")]
    load_restrictor: LoadRestrictor,

    /// The order of the objects where the kustomization does not say: `legacy` or `none`.
    #[arg(long, value_name = "ORDER", default_value = "")]
    reorder: Reorder,

    /// Render `helmCharts`.
    #[arg(long)]
    enable_helm: bool,

    /// Kubernetes' version for charts, in place of the one that the kustomization names.
    #[arg(long, value_name = "VERSION", default_value = "")]
    helm_kube_version: String,

    /// API versions for charts, in place of those that the kustomization names.
    #[arg(long, value_name = "VERSIONS", value_delimiter = ',')]
    helm_api_versions: Vec<String>,

    /// Label all objects as made by kustomize.
    #[arg(long)]
    enable_managedby_label: bool,

    /// Write to this file, or a file for each object into this folder.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
}

/// A file larger than this is refused.
pub(super) const MAX_FILE_BYTES: u64 = 64 << 20;

pub(crate) fn run(arguments: &Arguments, context: &Context) -> Result<Exit, CliError> {
    let Kustomize::Build(arguments) = &arguments.command;
    let built = build_folder(arguments, context)?;
    for warning in &built.warnings {
        context.output.note(format!("# Warning: {warning}"));
    }
    let Some(path) = &arguments.output else {
        context.output.bytes(to_yaml(&built.objects).as_bytes())?;
        return Ok(Exit::Success);
    };
    let path = context.path(path);
    let written = if path.is_dir() {
        write_each(&path, &built.objects)
    } else {
        std::fs::write(&path, to_yaml(&built.objects))
    };
    written.map_err(|e| CliError::config(format!("{} cannot be written: {e}", path.display())))?;
    Ok(Exit::Success)
}

fn build_folder(arguments: &BuildArguments, context: &Context) -> Result<Built, CliError> {
    let folder = context.path(&arguments.folder);
    let folder =
        folder.canonicalize().map_err(|e| CliError::user(format!("{}: {e}", arguments.folder.display())))?;
    // Bases may lie anywhere on the disk, so the tree is all of it.
    let (root, path) = split_root(&folder)?;
    let tree = DiskTree::new(&root, MAX_FILE_BYTES);
    let charts = arguments.enable_helm.then(|| HelmCharts {
        kube_version: arguments.helm_kube_version.clone(),
        api_versions: arguments.helm_api_versions.clone(),
        now: (context.environment.now)().as_nanosecond(),
        seed: rand::random(),
    });
    let (load_restrictor, reorder) = (arguments.load_restrictor, arguments.reorder);
    let managed_by_label = arguments.enable_managedby_label;
    remote::provide(context, move |provided| {
        let options = BuildOptions {
            load_restrictor,
            reorder,
            enable_helm: charts.is_some(),
            helm: charts.as_ref().map(|charts| charts as _),
            managed_by_label,
            ..BuildOptions::default()
        };
        build(&tree, &path, &options, &provided.for_kustomize()).map(|outcome| match outcome {
            Outcome::Built(built) => Ok(built),
            Outcome::Needs(needs) => Err(needs.into_iter().map(Need::from).collect()),
        })
    })
}

/// The root of the disk, and a folder's path below it.
pub(super) fn split_root(folder: &Path) -> Result<(PathBuf, String), CliError> {
    let root: PathBuf = folder.ancestors().last().unwrap_or(folder).to_owned();
    let below = folder.strip_prefix(&root).unwrap_or(folder);
    let path = below.to_str().ok_or_else(|| CliError::user(format!("{} is no Unicode", folder.display())))?;
    Ok((root, path.replace('\\', "/")))
}

/// Writes a file for each object, with kustomize's names.
fn write_each(folder: &Path, objects: &ObjectSet) -> std::io::Result<()> {
    to_files(objects).into_iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
}
