use super::Arguments;
use crate::commands::Context;
use crate::error::CliError;
use crate::served::Served;
use holdfast_cluster::{Cluster, Kubeconfig};
use holdfast_sandbox::{Listening, Options, Sandbox};
use std::path::{Path, PathBuf};

/// The cluster that is brought up to.
pub(super) struct Target {
    cluster: Cluster,
    served: Option<Served>,
    simulated: Option<Simulated>,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
}

struct Simulated {
    _sandbox: Sandbox,
    listening: Listening,
    folder: PathBuf,
}

impl Target {
    /// Connects to the cluster that the arguments name, or starts a simulated one. `served` is what the sources are
    /// read from on this machine, for the commands that follow.
    pub(super) async fn start(
        arguments: &Arguments,
        served: Option<Served>,
        context: &Context,
    ) -> Result<Self, CliError> {
        if arguments.context.is_none() && arguments.kubeconfig.is_none() {
            return Self::simulate(arguments, served, context).await;
        }
        let file = arguments.kubeconfig.as_ref().map(|file| context.path(file));
        let from = Kubeconfig { file: file.clone(), context: arguments.context.clone() };
        let cluster = Cluster::connect(&from).await?;
        // Asked once here, so that a cluster that does not answer is said before anything begins.
        cluster.refresh_discovery().await?;
        Ok(Self { cluster, served, simulated: None, kubeconfig: file, context: arguments.context.clone() })
    }

    async fn simulate(
        arguments: &Arguments,
        served: Option<Served>,
        context: &Context,
    ) -> Result<Self, CliError> {
        let sandbox = Sandbox::start(Options::default());
        let listening = sandbox
            .listen(arguments.listen)
            .await
            .map_err(|e| CliError::config(format!("{} cannot be listened on: {e}", arguments.listen)))?;
        let folder = runtime_folder(context).join(format!("holdfast-{}", std::process::id()));
        let file = folder.join("kubeconfig");
        let mut kubeconfig = sandbox.kubeconfig(listening.addr);
        if let Some(served) = &served {
            kubeconfig = served.noted_in(&kubeconfig)?;
        }
        let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, kubeconfig));
        written.map_err(|e| CliError::config(format!("{} cannot be written: {e}", file.display())))?;
        // In process: no socket lies between the controllers and the simulated API.
        let cluster = Cluster::new(kube::Client::new(sandbox.service(), "default"));
        let simulated = Some(Simulated { _sandbox: sandbox, listening, folder });
        Ok(Self { cluster, served, simulated, kubeconfig: Some(file), context: None })
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn is_simulated(&self) -> bool {
        self.simulated.is_some()
    }

    /// What the cluster is, for people.
    pub(super) fn describe(&self) -> String {
        match (&self.simulated, &self.context) {
            (Some(simulated), _) => {
                format!("simulated cluster (no containers run) on http://{}", simulated.listening.addr)
            }
            (None, Some(context)) => format!("cluster of context {context}"),
            (None, None) => "cluster of the kubeconfig".to_owned(),
        }
    }

    /// The arguments that lead other commands here.
    pub(super) fn arguments(&self) -> String {
        let mut arguments = String::new();
        if let Some(file) = &self.kubeconfig {
            arguments.push_str(&format!(" --kubeconfig {}", file.display()));
        }
        if let Some(context) = &self.context {
            arguments.push_str(&format!(" --context {context}"));
        }
        arguments
    }

    /// The arguments by which other commands read the sources from where they are read here. A simulated cluster's
    /// kubeconfig tells them; a user's own is not touched.
    pub(super) fn source_arguments(&self) -> String {
        match (&self.simulated, &self.served) {
            (None, Some(served)) => served.arguments(),
            _ => String::new(),
        }
    }

    /// Takes away what was written.
    pub(super) fn end(self) {
        if let Some(simulated) = self.simulated {
            let _ = std::fs::remove_dir_all(simulated.folder);
        }
    }
}

fn runtime_folder(context: &Context) -> PathBuf {
    let named =
        context.environment.variable("XDG_RUNTIME_DIR").map(Path::new).filter(|folder| folder.is_dir());
    named.map_or_else(std::env::temp_dir, Path::to_path_buf)
}
