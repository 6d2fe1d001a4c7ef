use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;
use serde_json::json;
use tokio_util::sync::CancellationToken;

fn fleet() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.create(FLEET);
    env
}

#[test]
fn apps_of_both_apis_stand_in_one_table() {
    let env = fleet();
    assert_snapshot!(env.run(&["get"]), @r"
    NAMESPACE     NAME      SOURCE                        REVISION        SYNC        HEALTH    AGE   MESSAGE
    argocd        app/web   https://example.com/web app   22222222        OutOfSync   Missing   0s    waits for a sync: it is not automated
    flux-system   ks/base   gitrepo/fleet base            main@01234567   Synced      Healthy   0s
    flux-system   ks/shop   gitrepo/fleet shop                            OutOfSync   Unknown   0s    waits for ks/database (does not exist)
    ");
    assert_snapshot!(env.run(&["get", "-n", "argocd", "-o", "wide"]), @r"
    NAMESPACE   NAME      SOURCE                        REVISION   SYNC        HEALTH    AGE   CHANGED   OBJECTS   MESSAGE
    argocd      app/web   https://example.com/web app   22222222   OutOfSync   Missing   0s              1         waits for a sync: it is not automated
    ");
    assert_snapshot!(env.run(&["get", "-o", "name"]), @r"
    app/web
    ks/base
    ks/shop
    ");
}

#[test]
fn sources_are_resources_or_repositories() {
    let env = fleet();
    assert_snapshot!(env.run(&["get", "sources", "-o", "wide"]), @r"
    NAMESPACE     NAME                      FOLLOWS       REVISION        READY   AGE   URL                         USERS              MESSAGE
                  https://example.com/web   main          fedcba98        True          https://example.com/web     argocd/app/web
    flux-system   gitrepo/fleet             branch main   main@01234567   True    0s    https://example.com/fleet   ks/base, ks/shop
    ");
}

#[test]
fn a_name_alone_is_enough_where_it_is_unambiguous() {
    let env = fleet();
    assert_snapshot!(env.run(&["get", "shop", "-o", "yaml"]), @r#"
    api: flux
    automated: true
    conditions:
    - message: dependency 'flux-system/database' not found
      reason: DependencyNotReady
      since: "2026-01-01T11:59:00Z"
      status: "False"
      type: Ready
    created: "<now>"
    deleting: false
    health: Unknown
    kind: Kustomization
    lastChange: "2026-01-01T11:59:00Z"
    message: dependency 'flux-system/database' not found
    name: ks/shop
    namespace: flux-system
    ready: false
    settled: false
    sources:
    - name: gitrepo/fleet
      path: shop
    suspended: false
    sync: OutOfSync
    waiting:
    - for: app
      name: ks/database
      why: does not exist
    "#);
    env.create(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: argocd}\nspec: {project: default, destination: {}, source: {repoURL: u, path: p}}\n",
    );
    assert_snapshot!(env.run(&["get", "shop"]), @r"
    --- standard error
    error: 'shop' could be argocd/app/shop or flux-system/ks/shop
    hint: write it with its kind and namespace
    --- status 2
    ");
    assert_snapshot!(env.run(&["get", "ks/shop", "-o", "name"]), @"ks/shop");
    assert_snapshot!(env.run(&["get", "ks/missing"]), @r"
    --- standard error
    error: there is no app 'ks/missing'
    hint: there are argocd/app/shop, argocd/app/web, flux-system/ks/base, flux-system/ks/shop
    --- status 2
    ");
}

#[test]
fn what_is_followed_is_printed_again_when_it_looks_different() {
    let env = fleet();
    let (api, stop) = ("kustomize.toolkit.fluxcd.io/v1", CancellationToken::new());
    let gvk = holdfast_object::GroupVersionKind::from_api_version(api, "Kustomization");
    let (cluster, token) = (env.cluster.clone(), stop.clone());
    env.spawn(async move {
        let kustomizations = cluster.resource(&gvk).await.unwrap();
        let suspend = json!({"spec": {"suspend": true}}).to_string();
        // Long enough for the first table, whenever that comes: what is changed before would be in it.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let patch = holdfast_cluster::PatchKind::Merge;
        let request =
            holdfast_cluster::ApiRequest::patch(&kustomizations, "flux-system", "base", patch, suspend);
        cluster.request(request).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        token.cancel();
    });
    let text = env.run_until(&["get", "-w"], &stop).to_string();
    let headings = text.lines().filter(|line| line.starts_with("NAMESPACE")).count();
    assert_eq!(headings, 1, "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.contains("ks/base") && last.contains("Suspended"), "{text}");
}
