use crate::environment::{FLEET, TestEnvironment};

#[test]
fn what_would_stand_still_is_listed() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    env.create(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: flux-system}\nspec: {interval: 1m, chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: web}}}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: kustomize-controller, namespace: flux-system}\nspec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: manager, image: i, args: [--log-level=info, --no-remote-bases, '--feature-gates=GroupChangeLog=true,MigrateAPIVersion=true,StrictPostBuildSubstitutions=false']}]}}}\n",
    );
    let run = env.run(&["check", "--takeover"]);
    let lines: Vec<&str> = run.stdout.lines().filter(|line| line.contains("take-over")).collect();
    let shown = lines.join("\n");
    for part in [
        "1 of HelmRelease in use are not run yet: flux-system/web",
        "flags of flux-system/kustomize-controller without a counterpart: --feature-gates=MigrateAPIVersion=true",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(lines.len(), 2, "{shown}");
}

/// A Kustomization whose objects are elsewhere, one that is suspended, one of another shard, and one that refers to
/// another namespace.
const OTHERS: &str = "
apiVersion: v1
kind: Secret
metadata: {name: elsewhere, namespace: flux-system}
stringData:
  value: |
    {apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
    clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}], users: [{name: a, user: {}}]}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: remote, namespace: flux-system}
spec: {interval: 10m, prune: true, sourceRef: {kind: GitRepository, name: folder}, kubeConfig: {secretRef: {name: elsewhere}}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: paused, namespace: flux-system}
spec: {interval: 10m, prune: true, suspend: true, sourceRef: {kind: GitRepository, name: folder}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: other-shard, namespace: flux-system, labels: {sharding.fluxcd.io/key: two}}
spec: {interval: 10m, prune: true, sourceRef: {kind: GitRepository, name: folder}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: tenant, namespace: tenant}
spec: {interval: 10m, prune: true, sourceRef: {kind: GitRepository, name: folder, namespace: flux-system}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: folder, namespace: flux-system}
spec: {interval: 10m, url: 'https://git.example.com/team/folder'}
";

#[test]
fn observing_looks_where_and_as_the_controllers_would() {
    let env = TestEnvironment::new();
    env.create(OTHERS);
    let flags = ["--watch-label-selector=!sharding.fluxcd.io/key", "--no-cross-namespace-refs"];
    let run = env.run(&[&["run", "--observe", "--once"][..], &flags].concat());
    let line = |name: &str| run.stdout.lines().find(|line| line.contains(name)).unwrap_or_default();
    assert!(line("ks/paused").ends_with("suspended, nothing would change"), "{run}");
    assert!(line("ks/remote").contains("failed to build kube client"), "{run}");
    assert!(line("ks/tenant").contains("cross-namespace references have been blocked"), "{run}");
    assert_eq!(line("ks/other-shard"), "", "{run}");
    assert_eq!(run.status, 1);
}

#[test]
fn observing_writes_nothing_and_says_what_would_change() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    let before = env.run(&["get", "-A", "-o", "yaml"]).stdout;
    let run = env.run(&["run", "--observe", "--once"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.stdout.contains("apps, "), "{run}");
    assert_eq!(env.run(&["get", "-A", "-o", "yaml"]).stdout, before);
}
