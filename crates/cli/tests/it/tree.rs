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
    assert_snapshot!(env.run(&["tree", "base"]), @r"
    OBJECT                        SYNC     HEALTH        MESSAGE
    flux-system/ks/base           Synced   Healthy
    ├─ ConfigMap/shop/settings             Missing
    └─ Deployment/shop/web                 Progressing   replicas: 0/1
       └─ ReplicaSet/shop/web-1            Healthy
    ");
    assert_snapshot!(env.run(&["tree", "base", "-o", "name"]), @r"
    ConfigMap/shop/settings
    Deployment/shop/web
    ");
}
