//! Gives each namespace its service account and root certificate, and empties those that are deleted.

use crate::core::Core;
use crate::verbs::{DeleteOptions, Target, WriteOptions, create, delete, finalize_namespace};
use serde_json::json;
use std::sync::Arc;

const BUCKET: &str = "namespaces";
/// What every namespace trusts: the sandbox has no certificate, and says so.
const CERTIFICATE: &str = "simulated: this API server speaks without TLS\n";

/// Follows the namespaces for as long as the sandbox lives.
pub(crate) async fn run(core: Arc<Core>) {
    let mut cursor = core.store.follow(&BUCKET.into(), 0);
    // What a namespace is furnished with is put back when it is deleted.
    let mut accounts = core.store.follow(&"serviceaccounts".into(), 0);
    let mut maps = core.store.follow(&"configmaps".into(), 0);
    let mut any = core.store.any_change();
    loop {
        // The pass below looks at the state, not at the changes.
        for cursor in [&mut cursor, &mut accounts, &mut maps] {
            let _ = core.store.poll(cursor);
        }
        any.mark_unchanged();
        let mut draining = false;
        for namespace in core.store.list(BUCKET, "") {
            let name = &namespace.name().name;
            if namespace.is_deleting() {
                draining |= !empty(&core, name);
            } else {
                furnish(&core, name);
            }
        }
        if draining {
            // What holds a namespace are objects elsewhere.
            any.changed().await;
        } else {
            tokio::select! {
                biased;
                () = cursor.changed() => {}
                () = accounts.changed() => {}
                () = maps.changed() => {}
            }
        }
    }
}

fn furnish(core: &Core, namespace: &str) {
    let bodies = [
        ("serviceaccounts", json!({"metadata": {"name": "default"}})),
        (
            "configmaps",
            json!({
                "metadata": {"name": "kube-root-ca.crt", "annotations": {"kubernetes.io/description":
                    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."}},
                "data": {"ca.crt": CERTIFICATE},
            }),
        ),
    ];
    let registry = core.registry();
    for (plural, body) in bodies {
        let Some(resource) = registry.preferred("", plural) else { continue };
        let name = crate::store::Name::new(namespace, body["metadata"]["name"].as_str().unwrap_or_default());
        if core.store.get(&resource.bucket, &name).is_none() {
            let target = Target::collection(resource.clone(), namespace);
            // Lost races and closing namespaces are seen again by the next pass.
            let _ = create(core, &target, body, &WriteOptions::system("kube-controller-manager"));
        }
    }
}

/// Deletes what a namespace holds. True when it is gone.
fn empty(core: &Core, namespace: &str) -> bool {
    let registry = core.registry();
    let mut left = 0;
    for resource in registry.stored().filter(|r| r.namespaced) {
        for object in core.store.list(&resource.bucket, namespace) {
            if !object.is_deleting() {
                let target = Target::object(resource.clone(), namespace, &object.name().name);
                let options = DeleteOptions { propagation: "Background".into(), ..DeleteOptions::default() };
                let _ = delete(core, &target, &options);
            }
        }
        left += core.store.list(&resource.bucket, namespace).len();
    }
    if left > 0 {
        return false;
    }
    finalize_namespace(core, namespace);
    true
}
