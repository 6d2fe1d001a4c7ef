use crate::environment::{FLEET, TestEnvironment};
use holdfast_cluster::{ApiRequest, PatchKind};
use holdfast_object::GroupVersionKind;
use insta::assert_snapshot;
use serde_json::json;

#[test]
fn what_is_so_already_is_not_waited_for() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    assert_snapshot!(env.run(&["wait", "ks/base"]), @"flux-system/ks/base is Synced and Healthy");
}

#[test]
fn the_time_ends_the_wait() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    let run = env.run(&["wait", "app/web", "--timeout", "50ms"]);
    assert_eq!(run.status, 1);
    assert!(run.stderr.contains("waits for a sync: it is not automated"), "{run}");
}

#[test]
fn a_change_ends_the_wait() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    let cluster = env.cluster.clone();
    env.spawn(async move {
        let gvk = GroupVersionKind::new("argoproj.io", "v1alpha1", "Application");
        let resource = cluster.resource(&gvk).await.unwrap();
        let patch = json!({"status": {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}}});
        let request = ApiRequest::patch(&resource, "argocd", "web", PatchKind::Merge, patch.to_string());
        cluster.request(request).await.unwrap();
    });
    let run = env.run(&["wait", "app/web", "--timeout", "60s"]);
    assert_eq!((run.status, run.stdout.as_str()), (0, "argocd/app/web is Synced and Healthy\n"));
}

#[test]
fn deleted_is_what_is_not_there() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    assert_snapshot!(env.run(&["wait", "app/nothing", "--for", "deleted"]), @"app/nothing is gone");
}
