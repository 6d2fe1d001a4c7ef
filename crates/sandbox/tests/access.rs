use crate::support::Api;
use bytes::Bytes;
use holdfast_sandbox::{Options, Token};
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

async fn ask(api: &Api, method: &str, path: &str, headers: &[(&str, &str)], body: Value) -> (u16, Value) {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = api.raw(request.body(Full::new(body)).expect("a request")).await;
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or_default())
}

fn guarded() -> Api {
    let tokens = vec![Token { token: "t".into(), user: "jane".into(), groups: vec!["devs".into()] }];
    Api::with(Options { tokens, rbac: true, ..Options::default() })
}

const ADMIN: (&str, &str) = ("authorization", "Bearer sandbox-admin");
const JANE: (&str, &str) = ("authorization", "Bearer t");
const PODS: &str = "/api/v1/namespaces/default/pods";

#[tokio::test(start_paused = true)]
async fn rights_come_from_roles() {
    let api = guarded();
    let (code, body) = ask(&api, "GET", PODS, &[JANE], Value::Null).await;
    let expected = "pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"";
    assert_eq!((code, body["message"].as_str()), (403, Some(expected)));
    assert_eq!(ask(&api, "GET", PODS, &[("authorization", "Bearer x")], Value::Null).await.0, 401);
    let binding = json!({"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "Group", "name": "devs"}]});
    const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
    assert_eq!(ask(&api, "POST", BINDINGS, &[ADMIN], binding).await.0, 201);
    assert_eq!(ask(&api, "GET", PODS, &[JANE], Value::Null).await.0, 200);
    assert_eq!(ask(&api, "GET", "/api/v1/pods", &[JANE], Value::Null).await.0, 403);
    assert_eq!(ask(&api, "GET", "/api/v1/namespaces/default/secrets", &[JANE], Value::Null).await.0, 403);
    let review = |verb: &str| json!({"spec": {"resourceAttributes": {"verb": verb, "resource": "pods", "namespace": "default"}}});
    const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_eq!(ask(&api, "POST", REVIEWS, &[JANE], review("get")).await.1["status"]["allowed"], true);
    assert_eq!(ask(&api, "POST", REVIEWS, &[JANE], review("create")).await.1["status"]["allowed"], false);
}

#[tokio::test(start_paused = true)]
async fn who_may_impersonate_has_the_other_s_rights() {
    let api = guarded();
    let account = ("impersonate-user", "system:serviceaccount:default:robot");
    let (code, body) = ask(&api, "GET", PODS, &[JANE, account], Value::Null).await;
    let expected = "serviceaccounts \"robot\" is forbidden: User \"jane\" cannot impersonate resource \"serviceaccounts\" in API group \"\" in the namespace \"default\"";
    assert_eq!((code, body["message"].as_str()), (403, Some(expected)));
    let (code, body) = ask(&api, "GET", PODS, &[ADMIN, account], Value::Null).await;
    let expected = "pods is forbidden: User \"system:serviceaccount:default:robot\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"";
    assert_eq!((code, body["message"].as_str()), (403, Some(expected)));
    let binding = json!({"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}]});
    const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
    assert_eq!(ask(&api, "POST", BINDINGS, &[ADMIN], binding).await.0, 201);
    assert_eq!(ask(&api, "GET", PODS, &[ADMIN, account], Value::Null).await.0, 200);
}
