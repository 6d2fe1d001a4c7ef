use crate::environment::{FLEET, TestEnvironment};

#[test]
fn what_would_stand_still_is_listed() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    env.create(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: flux-system}\nspec: {interval: 1m, chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: web}}}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: kustomize-controller, namespace: flux-system}\nspec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: manager, image: i, args: [--log-level=info, --no-remote-bases, --feature-gates=GroupChangeLog=true]}]}}}\n",
    );
    let run = env.run(&["check", "--takeover"]);
    let lines: Vec<&str> = run.stdout.lines().filter(|line| line.contains("take-over")).collect();
    let shown = lines.join("\n");
    for part in [
        "1 of HelmRelease in use are not run yet: flux-system/web",
        "flags of flux-system/kustomize-controller without a counterpart: --feature-gates=GroupChangeLog=true",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    assert_eq!(lines.len(), 2, "{shown}");
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
