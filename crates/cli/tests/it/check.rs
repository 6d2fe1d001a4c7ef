use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;

#[test]
fn what_is_in_the_way_is_found() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    assert_snapshot!(env.run(&["check"]), @r"
    ok   cluster             answers, Kubernetes v1.36.3
    ok   definitions         all 16 are installed
    ok   rights              may do anything
    ok   other controllers   none runs
    ok   resources           4 of 4 can be run
    ");
    env.create(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: kustomize-controller, namespace: flux-system}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: secret, namespace: flux-system}\nspec: {interval: 1m, prune: true, sourceRef: {kind: GitRepository, name: fleet}, decryption: {provider: sops, serviceAccountName: kms}}\n",
    );
    assert_snapshot!(env.run(&["check"]), @r"
    ok        cluster                 answers, Kubernetes v1.36.3
    ok        definitions             all 16 are installed
    ok        rights                  may do anything
    failure   other controllers       Deployment flux-system/kustomize-controller acts on Kustomizations, too: scale it to 0 with `kubectl -n flux-system scale deployment kustomize-controller --replicas=0`
    ok        resources               4 of 5 can be run
    warning   flux-system/ks/secret   refused: spec.decryption.serviceAccountName
    --- status 1
    ");
}
