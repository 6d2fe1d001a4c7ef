//! The roles that every cluster has.

use crate::core::Core;
use crate::verbs::{Target, WriteOptions, create};
use serde_json::{Value, json};

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 5] = ["create", "delete", "deletecollection", "patch", "update"];

/// The resources of namespaces that users work with, by group.
fn namespaced(core: &Core, but: &[&str]) -> Vec<(String, Vec<String>)> {
    let registry = core.registry();
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for resource in registry.stored().filter(|r| r.namespaced && !but.contains(&r.plural.as_str())) {
        let names = std::iter::once(resource.plural.clone())
            .chain(resource.subresources.iter().map(|s| format!("{}/{}", resource.plural, s.name)));
        match groups.iter_mut().find(|(group, _)| *group == resource.group) {
            Some((_, list)) => list.extend(names),
            None => groups.push((resource.group.clone(), names.collect())),
        }
    }
    groups
}

fn rules(groups: &[(String, Vec<String>)], verbs: &[&str]) -> Vec<Value> {
    groups
        .iter()
        .map(|(group, resources)| json!({"apiGroups": [group], "resources": resources, "verbs": verbs}))
        .collect()
}

/// Creates the roles and bindings of a new cluster.
pub(crate) fn found(core: &Core) {
    let all: Vec<&str> = READ.iter().chain(&WRITE).copied().collect();
    let open = namespaced(core, &["secrets", "roles", "rolebindings", "resourcequotas", "limitranges"]);
    let edited = namespaced(core, &["roles", "rolebindings", "resourcequotas", "limitranges"]);
    let owned = namespaced(core, &[]);
    let discovery = json!([{"nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi",
        "/openapi/*", "/readyz", "/version", "/version/"], "verbs": ["get"]}]);
    let reviews = json!([
        {"apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], "verbs": ["create"]},
        {"apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"]},
    ]);
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}]);
    for (name, rules) in [
        ("cluster-admin", everything),
        ("admin", rules(&owned, &all).into()),
        ("edit", rules(&edited, &all).into()),
        ("view", rules(&open, &READ).into()),
        ("system:discovery", discovery),
        ("system:basic-user", reviews),
    ] {
        add(core, "clusterroles", json!({"metadata": meta(name), "rules": rules}));
    }
    for (name, group) in [
        ("cluster-admin", "system:masters"),
        ("system:discovery", "system:authenticated"),
        ("system:basic-user", "system:authenticated"),
    ] {
        let body = json!({
            "metadata": meta(name), "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
        });
        add(core, "clusterrolebindings", body);
    }
}

fn meta(name: &str) -> Value {
    json!({"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}})
}

fn add(core: &Core, plural: &str, body: Value) {
    let Some(resource) = core.registry().preferred("rbac.authorization.k8s.io", plural).cloned() else {
        return;
    };
    let made = create(core, &Target::collection(resource, ""), body, &WriteOptions::system("kube-apiserver"));
    if let Err(error) = made {
        tracing::error!(plural, %error, "role not created");
    }
}
