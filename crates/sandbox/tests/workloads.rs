use crate::support::Api;
use holdfast_sandbox::{ImageBehaviour, ImageTable, Options};
use serde_json::{Value, json};
use std::time::Duration;

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

fn deployment(image: &str, replicas: i64) -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas, "progressDeadlineSeconds": 60, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}},
        },
    })
}

async fn after(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn condition(object: &Value, kind: &str) -> String {
    let conditions = object["status"]["conditions"].as_array();
    let found = conditions.into_iter().flatten().find(|c| c["type"] == kind);
    let text = |key: &str| found.and_then(|c| c[key].as_str()).unwrap_or("-").to_owned();
    format!("{} {}", text("status"), text("reason"))
}

#[tokio::test(start_paused = true)]
async fn a_deployment_becomes_available_and_rolls_over() {
    let api = Api::start();
    api.post(DEPLOYMENTS, deployment("nginx:1", 3)).await.ok();
    after(10).await;
    let path = format!("{DEPLOYMENTS}/web");
    let live = api.get(&path).await.ok();
    assert_eq!(live["status"]["availableReplicas"], 3, "{:#}", live["status"]);
    assert_eq!(condition(&live, "Available"), "True MinimumReplicasAvailable");
    assert_eq!(condition(&live, "Progressing"), "True NewReplicaSetAvailable");
    assert_eq!(live["status"]["observedGeneration"], live["metadata"]["generation"]);

    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}});
    api.merge(&path, image).await.ok();
    after(60).await;
    let live = api.get(&path).await.ok();
    assert_eq!((&live["status"]["updatedReplicas"], &live["status"]["replicas"]), (&json!(3), &json!(3)));
    assert_eq!(live["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "2");
    let pods = api.get("/api/v1/namespaces/default/pods?labelSelector=app=web").await.ok();
    let images: Vec<&Value> = pods["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|p| &p["spec"]["containers"][0]["image"])
        .collect();
    assert_eq!(images, [&json!("nginx:2"), &json!("nginx:2"), &json!("nginx:2")]);

    api.delete(&path).await.ok();
    after(60).await;
    assert_eq!(api.sandbox.store().count("pods"), 0);
    assert_eq!(api.sandbox.store().count("replicasets.apps"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_does_not_move_is_told() {
    let images = ImageTable::default().with("*:bad", ImageBehaviour::NeverReady);
    let api = Api::with(Options { images, ..Options::default() });
    api.post(DEPLOYMENTS, deployment("nginx:1", 2)).await.ok();
    after(10).await;
    let path = format!("{DEPLOYMENTS}/web");
    let image =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:bad"}]}}}});
    api.merge(&path, image).await.ok();
    after(30).await;
    let live = api.get(&path).await.ok();
    assert_eq!(condition(&live, "Progressing"), "True ReplicaSetUpdated");
    after(60).await;
    let live = api.get(&path).await.ok();
    assert_eq!(condition(&live, "Progressing"), "False ProgressDeadlineExceeded");
    assert_eq!(condition(&live, "Available"), "True MinimumReplicasAvailable");
    assert_eq!(live["status"]["unavailableReplicas"], 1);
}

#[tokio::test(start_paused = true)]
async fn the_other_workloads_settle() {
    let api = Api::start();
    let template = json!({"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}});
    let selector = json!({"matchLabels": {"app": "x"}});
    let mut job_template = template.clone();
    job_template["spec"]["restartPolicy"] = "Never".into();
    let claim = json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}}}});
    for (path, body) in [
        (
            "/apis/apps/v1/namespaces/default/statefulsets",
            json!({"metadata": {"name": "s"}, "spec": {"replicas": 2,
            "serviceName": "s", "selector": selector, "template": template, "volumeClaimTemplates": [claim]}}),
        ),
        (
            "/apis/apps/v1/namespaces/default/daemonsets",
            json!({"metadata": {"name": "d"}, "spec": {"selector": selector, "template": template}}),
        ),
        (
            "/apis/batch/v1/namespaces/default/jobs",
            json!({"metadata": {"name": "j"}, "spec": {"template": job_template}}),
        ),
        (
            "/api/v1/namespaces/default/services",
            json!({"metadata": {"name": "v"}, "spec": {"type": "LoadBalancer", "selector": {"app": "x"}, "ports": [{"port": 80}]}}),
        ),
    ] {
        api.post(path, body).await.ok();
    }
    after(60).await;
    let set = api.get("/apis/apps/v1/namespaces/default/statefulsets/s").await.ok();
    assert_eq!((&set["status"]["readyReplicas"], &set["status"]["updatedReplicas"]), (&json!(2), &json!(2)));
    assert_eq!(set["status"]["currentRevision"], set["status"]["updateRevision"]);
    let claim = api.get("/api/v1/namespaces/default/persistentvolumeclaims/data-s-1").await.ok();
    assert_eq!(claim["status"]["phase"], "Bound");
    let daemons = api.get("/apis/apps/v1/namespaces/default/daemonsets/d").await.ok();
    assert_eq!(daemons["status"]["numberAvailable"], 1);
    let job = api.get("/apis/batch/v1/namespaces/default/jobs/j").await.ok();
    assert_eq!(condition(&job, "Complete"), "True CompletionsReached");
    let service = api.get("/api/v1/namespaces/default/services/v").await.ok();
    assert!(service["status"]["loadBalancer"]["ingress"][0]["ip"].is_string());
    assert!(service["spec"]["ports"][0]["nodePort"].as_i64() >= Some(30_000));
    let slices = api.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices").await.ok();
    assert_eq!(slices["items"][0]["endpoints"].as_array().map(Vec::len), Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_failing_job_gives_up() {
    let images = ImageTable::default().with("*", ImageBehaviour::Crash);
    let api = Api::with(Options { images, ..Options::default() });
    let body = json!({"metadata": {"name": "j"}, "spec": {"backoffLimit": 1, "template": {"spec": {"restartPolicy": "Never",
        "containers": [{"name": "c", "image": "i"}]}}}});
    api.post("/apis/batch/v1/namespaces/default/jobs", body).await.ok();
    after(120).await;
    let job = api.get("/apis/batch/v1/namespaces/default/jobs/j").await.ok();
    assert_eq!(condition(&job, "Failed"), "True BackoffLimitExceeded");
    assert_eq!(job["status"]["failed"], 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_cluster() {
    async fn history(seed: u64) -> (u64, Vec<String>) {
        let api = Api::with(Options { seed, ..Options::default() });
        api.post(DEPLOYMENTS, deployment("nginx:1", 3)).await.ok();
        after(30).await;
        let store = api.sandbox.store();
        let names = store.list("pods", "").iter().map(|p| format!("{} {}", p.name().name, p.uid())).collect();
        (store.revision(), names)
    }
    let first = history(1).await;
    assert_eq!(first, history(1).await);
    assert_ne!(first.1, history(2).await.1);
}
