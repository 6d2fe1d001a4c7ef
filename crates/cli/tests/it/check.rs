use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;

#[test]
fn what_is_in_the_way_is_found() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    assert_snapshot!(env.run(&["check"]), @"");
    env.create(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: kustomize-controller, namespace: flux-system}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: secret, namespace: flux-system}\nspec: {interval: 1m, prune: true, sourceRef: {kind: GitRepository, name: fleet}, decryption: {provider: sops}}\n",
    );
    assert_snapshot!(env.run(&["check"]), @"");
}
