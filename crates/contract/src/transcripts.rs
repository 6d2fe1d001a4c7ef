//! The transcripts on both clusters.

use crate::transcript::{Client, Transcript, compare};
use anyhow::{Context, Result, bail};
use holdfast_sandbox::{Options, Sandbox};
use holdfast_testcluster::cluster::{self, ADMIN, Cluster};
use holdfast_testcluster::program;
use std::path::{Path, PathBuf};

/// A client program with the transcript that is named after it.
struct Program {
    name: &'static str,
    /// The program and its first arguments.
    command: Vec<PathBuf>,
}

fn programs() -> Result<Option<[Program; 2]>> {
    let Some(helm) = program::helm()? else { return Ok(None) };
    let kubectl = vec![program::build()?, "kubectl".into()];
    // kubectl comes first: it looks at everything that is served, and Helm leaves a definition behind.
    Ok(Some([Program { name: "kubectl", command: kubectl }, Program { name: "helm", command: vec![helm] }]))
}

/// Runs the transcripts (those whose name contains `only`) on a real control plane and on a sandbox, and answers where
/// they differ; `None` where this machine has no real one. The sandbox is the one that `kubeconfig` leads to, or else
/// one of this process. The control plane is a fresh one: kubectl looks at everything that is served, and whoever shared
/// it would leave definitions there.
///
/// # Errors
/// When a cluster or a program cannot be started.
pub async fn transcripts(only: Option<&str>, kubeconfig: Option<&Path>) -> Result<Option<Vec<String>>> {
    let Some(real) = cluster::start(&cluster::Options::default()).await? else { return Ok(None) };
    let Some(programs) = programs()? else { return Ok(None) };
    let mut findings = Vec::new();
    for Program { name, command } in programs {
        if only.is_some_and(|only| !name.contains(only)) {
            continue;
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("transcripts/{name}.yaml"));
        let transcript = Transcript::read(&file)?;
        let on_sandbox = async {
            match kubeconfig {
                Some(file) => on_given(&transcript, &command, file, name).await,
                None => on_sandbox(&transcript, &command).await,
            }
        };
        let (expected, found) = futures::try_join!(on_real(&real, &transcript, &command), on_sandbox)?;
        findings.extend(compare(&expected, &found).into_iter().map(|finding| format!("{name} {finding}")));
    }
    real.end().await?;
    Ok(Some(findings))
}

async fn on_real(
    cluster: &Cluster,
    transcript: &Transcript,
    program: &[PathBuf],
) -> Result<Vec<crate::transcript::Said>> {
    let namespace = cluster.namespace("transcript").await?;
    let kubeconfig = cluster.kubeconfig_path(ADMIN).context("no kubeconfig")?.to_owned();
    transcript.run(&Client { program: program.to_vec(), kubeconfig, namespace }).await
}

/// On the sandbox that a kubeconfig leads to, in a namespace that is made with kubectl.
async fn on_given(
    transcript: &Transcript,
    program: &[PathBuf],
    kubeconfig: &Path,
    name: &str,
) -> Result<Vec<crate::transcript::Said>> {
    let namespace = format!("transcript-of-{name}");
    let kubectl = vec![program::build()?, "kubectl".into()];
    let client = Client { program: kubectl, kubeconfig: kubeconfig.to_owned(), namespace: namespace.clone() };
    let prepare = Transcript::of_commands(&[
        &format!("create namespace {namespace}"),
        "wait --for=create serviceaccount/default --timeout=10s",
    ]);
    if let Some(failed) = prepare.run(&client).await?.iter().find(|said| said.code != Some(0)) {
        bail!("kubectl {}: {}", failed.command, failed.text);
    }
    let kubeconfig = kubeconfig.to_owned();
    transcript.run(&Client { program: program.to_vec(), kubeconfig, namespace }).await
}

async fn on_sandbox(transcript: &Transcript, program: &[PathBuf]) -> Result<Vec<crate::transcript::Said>> {
    let sandbox = Sandbox::start(Options { rbac: true, ..Options::default() });
    let listening = sandbox.listen(([127, 0, 0, 1], 0).into()).await?;
    let folder = tempfile::tempdir()?;
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, sandbox.kubeconfig(listening.addr))?;
    let namespace = "transcript-in-sandbox".to_owned();
    crate::run::create_namespace(&crate::server::Server::Sandbox(sandbox.clone()), &namespace).await?;
    transcript.run(&Client { program: program.to_vec(), kubeconfig, namespace }).await
}
