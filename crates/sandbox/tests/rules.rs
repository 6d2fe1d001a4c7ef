//! What a 1.36.3 server answered to broken objects; the sandbox answers the same.

use crate::support::Api;
use serde_json::{Value, json};

fn deployment() -> Value {
    json!({"metadata": {"name": "web"}, "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}}})
}

#[tokio::test(start_paused = true)]
async fn changes_that_a_kind_does_not_take() {
    let api = Api::start();
    const APPS: &str = "/apis/apps/v1/namespaces/default";
    const CORE: &str = "/api/v1/namespaces/default";
    const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    let mut set = deployment();
    set["spec"]["serviceName"] = "a".into();
    for (path, body) in [
        (format!("{APPS}/deployments"), deployment()),
        (format!("{APPS}/statefulsets"), set),
        (format!("{CORE}/services"), json!({"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}})),
        (
            format!("{CORE}/configmaps"),
            json!({"metadata": {"name": "imm"}, "immutable": true, "data": {"a": "b"}}),
        ),
        (format!("{CORE}/secrets"), json!({"metadata": {"name": "s"}, "type": "foo"})),
        (
            format!("{RBAC}/rolebindings"),
            json!({"metadata": {"name": "g"}, "roleRef": {"kind": "Role", "name": "g"}, "subjects": []}),
        ),
    ] {
        api.post(&path, body).await.ok();
    }
    let web = format!("{APPS}/deployments/web");
    let service = format!("{CORE}/services/web");
    let label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    let table = [
        (&web, json!({"spec": {"selector": {"matchLabels": {"x": "y"}}}}), "Deployment.apps \"web\" is invalid: [spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`, spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"web\",\"x\":\"y\"}}: field is immutable]".to_owned()),
        (&web, json!({"spec": {"replicas": -1}}), "Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0".to_owned()),
        (&web, json!({"spec": {"strategy": {"type": "Recreate"}}}), "Deployment.apps \"web\" is invalid: spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'".to_owned()),
        (&web, json!({"spec": {"template": {"spec": {"containers": []}}}}), "Deployment.apps \"web\" is invalid: spec.template.spec.containers: Required value".to_owned()),
        (&web, json!({"spec": {"template": {"spec": {"containers": [{"name": "C_", "image": ""}]}}}}), format!("Deployment.apps \"web\" is invalid: [spec.template.spec.containers[0].name: Invalid value: \"C_\": {label}, spec.template.spec.containers[0].image: Required value]")),
        (&web, json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}, {"name": "a", "image": "c"}]}}}}), "Deployment.apps \"web\" is invalid: spec.template.spec.containers[1].name: Duplicate value: \"a\"".to_owned()),
        (&web, json!({"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}), "Deployment.apps \"web\" is invalid: spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"".to_owned()),
        (&web, json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b", "volumeMounts": [{"name": "v", "mountPath": "/x"}], "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}]}}}}), "Deployment.apps \"web\" is invalid: [spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"v\", spec.template.spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1]".to_owned()),
        (&format!("{APPS}/statefulsets/web"), json!({"spec": {"serviceName": "x"}}), "StatefulSet.apps \"web\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden".to_owned()),
        (&service, json!({"spec": {"clusterIP": "10.0.9.9"}}), "Service \"web\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.0.9.9\"]: may not change once set".to_owned()),
        (&service, json!({"spec": {"ports": [{"port": 80}, {"port": 81}]}}), "Service \"web\" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: Required value]".to_owned()),
        (&service, json!({"spec": {"type": "Foo"}}), "Service \"web\" is invalid: spec.type: Unsupported value: \"Foo\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"".to_owned()),
        (&format!("{RBAC}/rolebindings/g"), json!({"roleRef": {"name": "zz"}}), "RoleBinding.rbac.authorization.k8s.io \"g\" is invalid: roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"Role\",\"Name\":\"zz\"}: cannot change roleRef".to_owned()),
        (&format!("{CORE}/configmaps/imm"), json!({"data": {"a": "c"}}), "ConfigMap \"imm\" is invalid: data: Forbidden: field is immutable when `immutable` is set".to_owned()),
        (&format!("{CORE}/secrets/s"), json!({"type": "bar"}), "Secret \"s\" is invalid: type: Invalid value: \"bar\": field is immutable".to_owned()),
    ];
    for (path, patch, expected) in table {
        let refused = api.merge(path, patch).await;
        assert_eq!(refused.failure(), format!("422 Invalid: {expected}"));
    }
    let unknown = api.merge(&format!("{web}?fieldValidation=Strict"), json!({"spec": {"foo": 1}})).await;
    assert!(unknown.failure().ends_with("strict decoding error: unknown field \"spec.foo\""), "{unknown:?}");
    let warned = api.merge(&web, json!({"spec": {"foo": 1}})).await;
    assert_eq!(
        (warned.code, warned.warnings),
        (200, vec!["299 - \"unknown field \\\"spec.foo\\\"\"".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn objects_that_are_not_taken_at_all() {
    let api = Api::start();
    let subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    let job = json!({"metadata": {"name": "x"}, "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}});
    let in_default = |rest: &str| format!("/{}", rest.replace("NS", "namespaces/default"));
    let table = [
        ("api/v1/NS/configmaps", json!({"metadata": {"name": "X"}}), format!("422 Invalid: ConfigMap \"X\" is invalid: metadata.name: Invalid value: \"X\": {subdomain}")),
        ("api/v1/NS/configmaps", json!({"metadata": {}}), "422 Invalid: ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required".into()),
        ("api/v1/NS/configmaps", json!({"metadata": {"name": "a", "namespace": "b"}}), "400 BadRequest: the namespace of the provided object does not match the namespace sent on the request".into()),
        ("api/v1/NS/secrets", json!({"metadata": {"name": "x"}, "type": "kubernetes.io/tls"}), "422 Invalid: Secret \"x\" is invalid: [data[tls.crt]: Required value, data[tls.key]: Required value]".into()),
        ("api/v1/NS/secrets", json!({"metadata": {"name": "x"}, "data": {"a": "%%"}}), "400 BadRequest: Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 0".into()),
        ("api/v1/namespaces", json!({"metadata": {"name": "a.b"}}), "422 Invalid: Namespace \"a.b\" is invalid: metadata.name: Invalid value: \"a.b\": must not contain dots".into()),
        ("apis/apps/v1/NS/deployments", json!({"metadata": {"name": "a"}}), "422 Invalid: Deployment.apps \"a\" is invalid: [spec.selector: Required value, spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`, spec.template.spec.containers: Required value]".into()),
        ("apis/batch/v1/NS/jobs", job, "422 Invalid: Job.batch \"x\" is invalid: spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"".into()),
        ("apis/networking.k8s.io/v1/NS/ingresses", json!({"metadata": {"name": "x"}, "spec": {}}), "422 Invalid: Ingress.networking.k8s.io \"x\" is invalid: spec: Invalid value: null: either `defaultBackend` or `rules` must be specified".into()),
        ("api/v1/NS/persistentvolumeclaims", json!({"metadata": {"name": "x"}, "spec": {}}), "422 Invalid: PersistentVolumeClaim \"x\" is invalid: [spec.accessModes: Required value: at least 1 access mode is required, spec.resources[storage]: Required value]".into()),
    ];
    for (path, body, expected) in table {
        assert_eq!(api.post(&in_default(path), body).await.failure(), expected, "{path}");
    }
    let definition = json!({"metadata": {"name": "a.b"}, "spec": {"group": "x.y", "names": {"plural": "as", "kind": "A"},
        "scope": "Foo", "versions": [{"name": "v1", "served": true, "storage": true}]}});
    let refused = api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await;
    assert_eq!(
        refused.failure(),
        "422 Invalid: CustomResourceDefinition.apiextensions.k8s.io \"a.b\" is invalid: [metadata.name: Invalid value: \"a.b\": must be spec.names.plural+\".\"+spec.group, spec.scope: Unsupported value: \"Foo\": supported values: \"Cluster\", \"Namespaced\", spec.versions[0].schema.openAPIV3Schema: Required value]"
    );
    let kept = api.delete("/api/v1/namespaces/kube-system").await;
    assert_eq!(
        kept.failure(),
        "403 Forbidden: namespaces \"kube-system\" is forbidden: this namespace may not be deleted"
    );
    let unknown = api.get("/apis/apps/v1/namespaces/default/foos").await;
    assert_eq!(unknown.failure(), "404 NotFound: the server could not find the requested resource");
}
