//! The control plane.

use crate::Outcome;
use holdfast_testcluster::cluster::{
    self, ADMIN, AFTER, CRASH, Cluster, ClusterError, IMAGE_PULL_ERROR, NEVER_READY, Options,
};

/// A Deployment or Job whose pods carry an annotation.
fn workload(kind: &str, name: &str, (key, value): (&str, &str)) -> String {
    let (api, rest, policy) = match kind {
        "Job" => ("batch/v1", "backoffLimit: 0".to_owned(), "Never"),
        _ => ("apps/v1", format!("selector: {{matchLabels: {{app: {name}}}}}"), "Always"),
    };
    format!(
        "---
apiVersion: {api}
kind: {kind}
metadata: {{name: {name}}}
spec:
  {rest}
  template:
    metadata: {{labels: {{app: {name}}}, annotations: {{{key}: {value}}}}}
    spec: {{restartPolicy: {policy}, containers: [{{name: main, image: example.com/image}}]}}
"
    )
}

async fn apply(cluster: &Cluster, namespace: &str, yaml: &str) -> Result<String, ClusterError> {
    cluster.kubectl_with(ADMIN, &["-n", namespace, "apply", "-f", "-"], yaml).await
}

async fn wait(
    cluster: &Cluster,
    namespace: &str,
    condition: &str,
    object: &str,
) -> Result<String, ClusterError> {
    cluster.kubectl(&["-n", namespace, "wait", "--timeout=30s", &format!("--for={condition}"), object]).await
}

/// The expected states are waited for, so a wrong one is a timeout that names it.
#[tokio::test]
async fn pods_behave_as_their_annotations_say() -> Outcome {
    let Some(cluster) = cluster::shared().await? else { return Ok(()) };
    let namespace = cluster.namespace("pods").await?;
    let cases = [
        ("Deployment", "good", ("a", "b"), "condition=Available"),
        ("Deployment", "slow", (AFTER, "1s"), "condition=Available"),
        ("Deployment", "never", NEVER_READY, "jsonpath={.status.unavailableReplicas}=1"),
        ("Deployment", "crash", CRASH, "jsonpath={.status.unavailableReplicas}=1"),
        ("Deployment", "image", IMAGE_PULL_ERROR, "jsonpath={.status.unavailableReplicas}=1"),
        ("Job", "done", ("a", "b"), "condition=Complete"),
        ("Job", "failed", CRASH, "condition=Failed"),
    ];
    let yaml: String =
        cases.iter().map(|(kind, name, annotation, _)| workload(kind, name, *annotation)).collect();
    apply(cluster, &namespace, &yaml).await?;
    for (kind, name, _, condition) in cases {
        wait(cluster, &namespace, condition, &format!("{kind}/{name}")).await?;
    }
    for (name, path, expected) in [
        ("good", "{.status.conditions[?(@.type==\"Ready\")].status}", "True"),
        ("never", "{.status.phase}", "Running"),
        ("never", "{.status.conditions[?(@.type==\"Ready\")].status}", "False"),
        ("crash", "{.status.containerStatuses[0].state.waiting.reason}", "CrashLoopBackOff"),
        ("image", "{.status.containerStatuses[0].state.waiting.reason}", "ImagePullBackOff"),
    ] {
        let (namespace, label) = (namespace.as_str(), format!("app={name}"));
        let condition = format!("jsonpath={path}={expected}");
        let arguments = ["-n", namespace, "wait", "--timeout=30s", "pod", "-l", &label, "--for", &condition];
        cluster.kubectl(&arguments).await?;
    }
    Ok(())
}

#[tokio::test]
async fn users_have_the_rights_they_were_given() -> Outcome {
    let Some(cluster) = cluster::shared().await? else { return Ok(()) };
    let namespace = cluster.namespace("rights").await?;
    let create = ["-n", &namespace, "create", "configmap", "colours"];
    let refused = cluster.kubectl_with("limited", &create, "").await;
    assert!(
        matches!(&refused, Err(ClusterError::Kubectl { stderr, .. }) if stderr.contains("forbidden")),
        "{refused:?}"
    );
    cluster
        .kubectl(&[
            "-n",
            &namespace,
            "create",
            "rolebinding",
            "limited",
            "--clusterrole=edit",
            "--user=limited",
        ])
        .await?;
    cluster.kubectl_with("limited", &create, "").await?;
    assert!(cluster.token("limited").is_some() && cluster.token("nobody").is_none());
    assert!(cluster.kubectl(&["version"]).await?.contains(&format!("Server Version: {}", cluster.version())));
    Ok(())
}

#[tokio::test]
async fn an_outage_ends_and_a_restore_brings_older_data_back() -> Outcome {
    let options = Options { nodes: 1, ..Options::default() };
    let Some(mut cluster) = cluster::start(&options).await? else { return Ok(()) };
    let namespace = cluster.namespace("outage").await?;
    let create = |name: &'static str| ["-n", &namespace, "create", "configmap", name].map(str::to_owned);
    let get = ["-n", &namespace, "get", "configmaps", "-o", "name"];
    let run = async |cluster: &Cluster, arguments: [String; 5]| {
        cluster.kubectl(&arguments.each_ref().map(String::as_str)).await
    };

    run(&cluster, create("before")).await?;
    let snapshot = cluster.snapshot().await?;
    run(&cluster, create("after")).await?;

    let server = cluster.server().to_owned();
    cluster.stop_api_server().await?;
    let refused = cluster.kubectl(&get).await;
    assert!(
        matches!(&refused, Err(ClusterError::Kubectl { stderr, .. }) if stderr.contains("refused")),
        "{refused:?}"
    );
    cluster.start_api_server().await?;
    assert_eq!(cluster.server(), server);
    assert!(cluster.kubectl(&get).await?.contains("configmap/after"));

    cluster.restore(&snapshot).await?;
    let restored = cluster.kubectl(&get).await?;
    assert!(restored.contains("configmap/before") && !restored.contains("configmap/after"), "{restored}");

    // The controllers work on after both.
    apply(&cluster, &namespace, &workload("Deployment", "good", ("a", "b"))).await?;
    wait(&cluster, &namespace, "condition=Available", "Deployment/good").await?;
    cluster.end().await?;
    Ok(())
}

#[tokio::test]
async fn options_reach_the_parts() -> Outcome {
    let options = Options {
        users: vec!["alice".to_owned()],
        kwok: false,
        controller_manager: false,
        enable_admission: vec!["AlwaysPullImages".to_owned()],
        ..Options::default()
    };
    let Some(cluster) = cluster::start(&options).await? else { return Ok(()) };
    assert!(cluster.kubectl(&["get", "nodes"]).await?.is_empty());
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {automountServiceAccountToken: false, \
               serviceAccountName: default, containers: [{name: c, image: i, imagePullPolicy: Never}]}}";
    let account = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}\n---\n";
    apply(&cluster, "default", &format!("{account}{pod}")).await?;
    let policy =
        cluster.kubectl(&["get", "pod", "p", "-o", "jsonpath={.spec.containers[0].imagePullPolicy}"]).await?;
    assert_eq!(policy, "Always");
    let dir = cluster.dir().to_owned();
    cluster.end().await?;
    assert!(!dir.exists(), "{} is left behind", dir.display());
    Ok(())
}

#[tokio::test]
async fn a_part_that_does_not_start_says_why() -> Outcome {
    let options = Options { api_server_args: vec!["--no-such-flag".to_owned()], ..Options::default() };
    match cluster::start(&options).await {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err("it started".into()),
        Err(error) => {
            assert!(error.to_string().contains("unknown flag: --no-such-flag"), "{error}");
            Ok(())
        }
    }
}
