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

/// Which apps.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Scope")]
pub(crate) struct ScopeArguments {
    /// Only apps of this namespace; without it those of all namespaces that may be read.
    #[arg(short = 'n', long, value_name = "NAMESPACE", conflicts_with = "all_namespaces")]
    pub(crate) namespace: Option<String>,

    /// Apps of all namespaces, or an error where they may not be read.
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,

    /// Only apps whose labels match.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(crate) selector: Option<String>,
}

/// Which cluster and which namespace an app lies in.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct TargetArguments {
    #[command(flatten)]
    pub(crate) cluster: ClusterArguments,

    /// The app's namespace; needed only where the name alone is not enough.
    #[arg(short = 'n', long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
}

impl TargetArguments {
    /// The scope to look for the app in.
    pub(crate) fn scope(&self) -> ScopeArguments {
        ScopeArguments { namespace: self.namespace.clone(), ..ScopeArguments::default() }
    }
}

/// Reads a duration as Go and Kubernetes write it: `30s`, `1m30s`.
pub(crate) fn duration(text: &str) -> Result<std::time::Duration, String> {
    holdfast_types::parse_duration(text).map_err(|e| e.to_string())
}
