use crate::environment::{FLEET, TestEnvironment};
use insta::assert_snapshot;

#[test]
fn owned_objects_stand_below_their_owners() {
    let env = TestEnvironment::new();
    env.create(FLEET);
    env.create(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}\n",
    );
    let uid = env.get("apps/v1", "Deployment", "shop", "web")["metadata"]["uid"].as_str().unwrap().to_owned();
    env.create(&format!(
        "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {{name: web-1, namespace: shop, ownerReferences: [{{apiVersion: apps/v1, kind: Deployment, name: web, uid: {uid}}}]}}\nspec: {{replicas: 0, selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}\n"
    ));
    assert_snapshot!(env.run(&["tree", "base"]), @"");
    assert_snapshot!(env.run(&["tree", "base", "-o", "name"]), @"");
}
