//! Arguments that several commands share, with kubectl's names.

use holdfast_cluster::Kubeconfig;
use std::path::PathBuf;

/// Which cluster.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterArguments {
    /// The kubeconfig file; without it KUBECONFIG, ~/.kube/config, or the pod's service account.
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,

    /// The context in it; without it the current one.
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
}

impl ClusterArguments {
    /// Where the cluster's address comes from, with paths from a folder on.
    pub(crate) fn kubeconfig(&self, folder: &std::path::Path) -> Kubeconfig {
        Kubeconfig {
            file: self.kubeconfig.as_ref().map(|file| folder.join(file)),
            context: self.context.clone(),
        }
    }
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table with more columns.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Only names.
    Name,
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct FormatArguments {
    /// How the answer is written.
    #[arg(short = 'o', long = "output", value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}
