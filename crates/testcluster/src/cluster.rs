//! A Kubernetes control plane with simulated nodes and pods.
//!
//! etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok run as processes on free ports of the loopback
//! interface, with certificates made for the run. They end, and are killed a few seconds later, when the [`Cluster`] is
//! dropped or this process ends, however it ends.
//!
//! Pods become ready as soon as they are scheduled, and those that do not restart (Jobs) succeed. Annotations in the pod
//! template change that; `hack/testcluster/README.md` lists them ([`NEVER_READY`] is one).

use crate::child::{ChildError, Controlled};
use crate::program::{self, ProgramError};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::OnceCell;

/// The user with all rights.
pub const ADMIN: &str = "admin";

/// An annotation, key and value, of pods whose containers run but are never ready.
pub const NEVER_READY: (&str, &str) = ("testcluster/behaviour", "never-ready");
/// An annotation of pods whose containers fail: again and again, or once where pods do not restart.
pub const CRASH: (&str, &str) = ("testcluster/behaviour", "crash");
/// An annotation of pods whose images cannot be pulled.
pub const IMAGE_PULL_ERROR: (&str, &str) = ("testcluster/behaviour", "image-pull-error");
/// An annotation of pods that run on although they are not restarted (a Job that never completes).
pub const RUNS: (&str, &str) = ("testcluster/behaviour", "runs");
/// The key of an annotation that delays what a pod does, by a duration such as `5s`: until then it runs, not ready.
pub const AFTER: &str = "testcluster/after";

/// What kind of cluster to start. The default is what [`shared`] gives.
#[derive(Clone, Debug)]
pub struct Options {
    /// Users without any rights, beside [`ADMIN`]; grant them what the test needs through RBAC.
    pub users: Vec<String>,
    /// How many simulated nodes there are.
    pub nodes: u32,
    /// Whether pods are scheduled and simulated. Without it Deployments never become available.
    pub kwok: bool,
    /// Whether kube-controller-manager runs. Without it nothing is garbage-collected, namespaces never disappear.
    pub controller_manager: bool,
    /// Which controllers run, as kube-controller-manager's `--controllers` has it; `None`: all but the node lifecycle.
    pub controllers: Option<String>,
    /// Admission plugins to enable beside the default ones.
    pub enable_admission: Vec<String>,
    /// Admission plugins to disable.
    pub disable_admission: Vec<String>,
    /// More flags for kube-apiserver, such as `--max-requests-inflight=10`.
    pub api_server_args: Vec<String>,
    /// More flags for kube-controller-manager.
    pub controller_manager_args: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            users: vec!["limited".to_owned()],
            nodes: 2,
            kwok: true,
            controller_manager: true,
            controllers: None,
            enable_admission: Vec::new(),
            disable_admission: Vec::new(),
            api_server_args: Vec::new(),
            controller_manager_args: Vec::new(),
        }
    }
}

impl Options {
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--nodes={}", self.nodes),
            format!("--kwok={}", self.kwok),
            format!("--controller-manager={}", self.controller_manager),
        ];
        for (flag, values) in [
            ("users", &self.users),
            ("enable-admission", &self.enable_admission),
            ("disable-admission", &self.disable_admission),
            ("api-server-arg", &self.api_server_args),
            ("controller-manager-arg", &self.controller_manager_args),
        ] {
            arguments.extend(values.iter().map(|value| format!("--{flag}={value}")));
        }
        arguments.extend(self.controllers.iter().map(|list| format!("--controllers={list}")));
        arguments
    }
}

/// Why a cluster, or an operation on it, failed.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The Go program is not there.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The control plane failed; the message has the end of the log of the part that did.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// kubectl said no.
    #[error("kubectl {arguments}: {status}: {stderr}")]
    Kubectl {
        /// What it was called with.
        arguments: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// kubectl could not be run.
    #[error("run kubectl: {0}")]
    Run(std::io::Error),
}

/// A running control plane.
#[derive(Debug)]
pub struct Cluster {
    control: Controlled,
    program: PathBuf,
    description: Description,
}

/// What `testcluster up` says when it is ready.
#[derive(Debug, Deserialize)]
struct Description {
    server: String,
    version: String,
    dir: PathBuf,
    ca: String,
    tokens: BTreeMap<String, String>,
    kubeconfigs: BTreeMap<String, PathBuf>,
    etcd: String,
}

/// What etcd held at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot(PathBuf);

/// Starts a cluster of the test's own: for outages, restores, admission and the like; most tests want [`shared`].
/// `None` after a `SKIPPED:` line; the crate's page says when.
///
/// # Errors
/// When the program cannot be built or a part does not become ready.
pub async fn start(options: &Options) -> Result<Option<Cluster>, ClusterError> {
    // Building blocks, but there is nothing else to do meanwhile.
    let Some(program) = program::for_tests()? else { return Ok(None) };
    let (control, description) = Controlled::start(&program, "up", options.arguments()).await?;
    Ok(Some(Cluster { control, program, description }))
}

/// The one cluster that all tests of this process share; started by the first that asks. Each test works in a
/// [`Cluster::namespace`] of its own.
///
/// # Errors
/// As [`start`].
pub async fn shared() -> Result<Option<&'static Cluster>, ClusterError> {
    // Never dropped: it ends with this process, which closes the pipe that it watches.
    static SHARED: OnceCell<Cluster> = OnceCell::const_new();
    // Where there is none every test asks anew, so that each says that it is skipped.
    let begin = async || start(&Options::default()).await.map_err(Some)?.ok_or(None);
    match SHARED.get_or_try_init(begin).await {
        Ok(cluster) => Ok(Some(cluster)),
        Err(None) => Ok(None),
        Err(Some(error)) => Err(error),
    }
}

impl Cluster {
    /// The API server's address, `https://127.0.0.1:PORT`. It stays the same over outages.
    pub fn server(&self) -> &str {
        &self.description.server
    }

    /// The version of Kubernetes, as `v1.36.3`.
    pub fn version(&self) -> &str {
        &self.description.version
    }

    /// The certificate authority of the API server, as PEM.
    pub fn ca(&self) -> &str {
        &self.description.ca
    }

    /// The bearer token of a user; `None` where [`Options::users`] did not name it.
    pub fn token(&self, user: &str) -> Option<&str> {
        self.description.tokens.get(user).map(String::as_str)
    }

    /// A kubeconfig for a user. It has a context for each user, named after it; this one's is the current one.
    pub fn kubeconfig_path(&self, user: &str) -> Option<&Path> {
        self.description.kubeconfigs.get(user).map(PathBuf::as_path)
    }

    /// The address of etcd, without authentication: for tests that look at what is stored.
    pub fn etcd(&self) -> &str {
        &self.description.etcd
    }

    /// The folder with the run's files; `logs/PART.log` is of use when a test fails.
    pub fn dir(&self) -> &Path {
        &self.description.dir
    }

    /// A new namespace, named `PREFIX-` and random letters, in which pods can be created at once.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub async fn namespace(&self, prefix: &str) -> Result<String, ClusterError> {
        Ok(self.control.command(json!({ "do": "namespace", "prefix": prefix })).await?)
    }

    /// Runs kubectl as [`ADMIN`] and returns its standard output.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, ClusterError> {
        self.kubectl_with(ADMIN, arguments, "").await
    }

    /// Runs kubectl as a user, with a text on standard input (for `-f -`).
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub async fn kubectl_with(
        &self,
        user: &str,
        arguments: &[&str],
        input: &str,
    ) -> Result<String, ClusterError> {
        let mut process = tokio::process::Command::new(&self.program)
            .arg("kubectl")
            .arg(format!("--kubeconfig={}", self.dir().join(format!("kubeconfig-{user}")).display()))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(ClusterError::Run)?;
        let stdin = process.stdin.take();
        let feed = async {
            if let Some(mut stdin) = stdin {
                // kubectl may end without having read it all; its exit status tells why.
                let _ = stdin.write_all(input.as_bytes()).await;
            }
        };
        let ((), output) = tokio::join!(feed, process.wait_with_output());
        let output = output.map_err(ClusterError::Run)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(ClusterError::Kubectl {
            arguments: arguments.join(" "),
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    /// Saves what etcd holds now.
    ///
    /// # Errors
    /// When etcd or the file system refuses.
    pub async fn snapshot(&self) -> Result<Snapshot, ClusterError> {
        Ok(Snapshot(self.control.command(json!({ "do": "save-snapshot" })).await?))
    }

    /// Restarts the control plane with the data of a snapshot. Resource versions go back, as after a restore from
    /// backup.
    ///
    /// # Errors
    /// When a part does not become ready again.
    pub async fn restore(&mut self, snapshot: &Snapshot) -> Result<(), ClusterError> {
        Ok(self.control.command(json!({ "do": "restore-snapshot", "path": snapshot.0 })).await?)
    }

    /// Kills the API server: connections break, and new ones are refused until [`Self::start_api_server`].
    ///
    /// # Errors
    /// When the control plane itself has ended.
    pub async fn stop_api_server(&mut self) -> Result<(), ClusterError> {
        Ok(self.control.command(json!({ "do": "stop-api-server" })).await?)
    }

    /// Starts the API server again, on the same port, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_api_server(&mut self) -> Result<(), ClusterError> {
        Ok(self.control.command(json!({ "do": "start-api-server" })).await?)
    }

    /// Ends the cluster and waits until nothing of it runs any more. Dropping it does the same without waiting.
    ///
    /// # Errors
    /// When its process cannot be waited for.
    pub async fn end(self) -> Result<(), ClusterError> {
        Ok(self.control.end().await?)
    }
}
