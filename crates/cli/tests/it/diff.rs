use crate::environment::{FLEET_SOURCE, WEB_SOURCE, fleet_with_sources as env};
use insta::assert_snapshot;
use serde_json::json;
use std::path::Path;

#[test]
fn diff_says_what_a_sync_would_change() {
    let env = env();
    let diff = || env.run(&["diff", "ks/base", "--source", FLEET_SOURCE]);
    assert_snapshot!(diff(), @r"
    --- live/ConfigMap/shop/settings
    +++ wanted/ConfigMap/shop/settings (base/settings.yaml:1)
    @@ -0,0 +1,10 @@
    +apiVersion: v1
    +data:
    +  color: green
    +kind: ConfigMap
    +metadata:
    +  labels:
    +    kustomize.toolkit.fluxcd.io/name: base
    +    kustomize.toolkit.fluxcd.io/namespace: flux-system
    +  name: settings
    +  namespace: shop
    --- status 1
    ");
    let build = env.run(&["build", "ks/base", "--source", FLEET_SOURCE]).stdout;
    env.create(&build);
    env.patch("v1", "ConfigMap", "shop", "settings", &json!({"data": {"color": "red"}}));
    assert_snapshot!(diff(), @r"
    --- live/ConfigMap/shop/settings
    +++ wanted/ConfigMap/shop/settings (base/settings.yaml:1)
    @@ -1,6 +1,6 @@
     apiVersion: v1
     data:
    -  color: red
    +  color: green
     kind: ConfigMap
     metadata:
       labels:
    --- status 1
    ");
    assert_eq!(env.run(&["diff", "ks/nothing"]).status, 2);
}

#[test]
fn secrets_are_masked() {
    let env = env();
    let run = env.run(&["diff", "app/web", "--source", WEB_SOURCE]);
    assert_eq!(run.status, 1, "{run}");
    assert!(!run.stdout.contains("hunter2"), "{run}");
    assert!(run.stdout.contains("password: ++++++++"), "{run}");
}

#[test]
fn hooks_of_a_chart_are_shown_and_are_no_difference() {
    let env = env();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    env.create(&std::fs::read_to_string(root.join("examples/fleet/argocd/reports.yaml")).unwrap());
    let source = format!("https://github.com/holdfast-dev/holdfast={}", root.display());
    let run = |arguments: &[&str]| env.run(&[arguments, &["--source", &source]].concat());
    let shown = run(&["diff", "app/reports"]);
    assert_eq!(shown.status, 1, "{shown}");
    let hook = shown.stdout.split_once("--- /dev/null\n").unwrap().1;
    assert_snapshot!(hook, @r"
    +++ Job/reports/reports-migrate (reports/templates/migrate.yaml:2) hook pre-install,pre-upgrade, not run yet
    @@ -0,0 +1,23 @@
    +apiVersion: batch/v1
    +kind: Job
    +metadata:
    +  annotations:
    +    helm.sh/hook: pre-install,pre-upgrade
    +    helm.sh/hook-delete-policy: before-hook-creation
    +  labels:
    +    app.kubernetes.io/instance: reports
    +    app.kubernetes.io/name: reports
    +  name: reports-migrate
    +  namespace: reports
    +spec:
    +  backoffLimit: 2
    +  template:
    +    spec:
    +      containers:
    +      - args:
    +        - migrate
    +        - --database
    +        - reports.example.com
    +        image: ghcr.io/example/reports:1.2
    +        name: migrate
    +      restartPolicy: Never
    ");
    assert_snapshot!(run(&["diff", "app/reports", "--brief"]), @r"
    Namespace/reports is missing
    CronJob/reports/reports (reports/templates/cronjob.yaml:1) is missing
    Job/reports/reports-migrate (reports/templates/migrate.yaml:2) hook pre-install,pre-upgrade, not run yet
    --- status 1
    ");
    let build = run(&["build", "app/reports"]);
    assert_snapshot!(build.stderr, @"# hook Job/reports/reports-migrate (pre-install,pre-upgrade) is left out: it is not run yet");
    let manifests: Vec<&str> =
        build.stdout.split("---\n").filter(|text| !text.contains("kind: Namespace\n")).collect();
    env.create(&manifests.join("---\n"));
    // Everything is as wanted: nothing differs, and the hook is still shown.
    assert_snapshot!(run(&["diff", "app/reports", "--brief"]), @"Job/reports/reports-migrate (reports/templates/migrate.yaml:2) hook pre-install,pre-upgrade, not run yet");
}
