//! Commands that render an app and lay it beside what is live.

use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;
use serde_json::json;

/// A fleet whose repositories are folders, with one object applied and one not.
fn env() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.create(FLEET);
    env.write(
        "fleet/base/settings.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: shop}\ndata: {color: green}\n",
    );
    env.write(
        "web/app/secret.yaml",
        "# the password\napiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData: {password: hunter2}\n",
    );
    env
}

const FLEET_SOURCE: &str = "https://example.com/fleet=fleet";
const WEB_SOURCE: &str = "https://example.com/web=web";

#[test]
fn build_prints_what_would_be_applied() {
    let env = env();
    assert_snapshot!(env.run(&["build", "ks/base", "--source", FLEET_SOURCE]), @"");
    assert_snapshot!(env.run(&["build", "app/web", "--source", WEB_SOURCE]), @"");
}

#[test]
fn diff_says_what_a_sync_would_change() {
    let env = env();
    let diff = || env.run(&["diff", "ks/base", "--source", FLEET_SOURCE]);
    assert_snapshot!(diff(), @"");
    let build = env.run(&["build", "ks/base", "--source", FLEET_SOURCE]).stdout;
    env.create(&build);
    env.patch("v1", "ConfigMap", "shop", "settings", &json!({"data": {"color": "red"}}));
    assert_snapshot!(diff(), @"");
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
fn why_tells_it_in_words() {
    let env = env();
    let build = env.run(&["build", "ks/base", "--source", FLEET_SOURCE]).stdout;
    env.create(&build);
    env.patch("v1", "ConfigMap", "shop", "settings", &json!({"data": {"color": "red"}}));
    assert_snapshot!(env.run(&["why", "ks/base", "--source", FLEET_SOURCE]), @"");
    assert_snapshot!(env.run(&["why", "ks/shop", "--status-only"]), @"");
    assert_snapshot!(env.run(&["why", "app/web", "--status-only", "-o", "yaml"]), @"");
}
