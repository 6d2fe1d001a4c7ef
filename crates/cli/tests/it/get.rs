use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;

fn fleet() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.create(FLEET);
    env
}

#[test]
fn apps_of_both_apis_stand_in_one_table() {
    let env = fleet();
    assert_snapshot!(env.run(&["get"]), @"");
    assert_snapshot!(env.run(&["get", "-n", "argocd", "-o", "wide"]), @"");
    assert_snapshot!(env.run(&["get", "-o", "name"]), @"");
}

#[test]
fn sources_are_resources_or_repositories() {
    let env = fleet();
    assert_snapshot!(env.run(&["get", "sources", "-o", "wide"]), @"");
}

#[test]
fn a_name_alone_is_enough_where_it_is_unambiguous() {
    let env = fleet();
    assert_snapshot!(env.run(&["get", "shop", "-o", "yaml"]), @"");
    env.create(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop, namespace: argocd}\nspec: {project: default, destination: {}, source: {repoURL: u, path: p}}\n",
    );
    assert_snapshot!(env.run(&["get", "shop"]), @"");
    assert_snapshot!(env.run(&["get", "ks/shop", "-o", "name"]), @"");
    assert_snapshot!(env.run(&["get", "ks/missing"]), @"");
}
