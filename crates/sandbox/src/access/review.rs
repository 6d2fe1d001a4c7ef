//! Questions about access: what is created is answered, and forgotten.

use super::{Attributes, User, is_allowed, rules};
use crate::core::Core;
use crate::status::{ApiError, ApiResult};
use crate::verbs::Target;
use serde_json::{Value, json};

/// Answers a review.
pub(crate) fn answer(core: &Core, user: &User, target: &Target, mut body: Value) -> ApiResult<Value> {
    let resource = &target.resource;
    crate::verbs::check_kind(&mut body, &resource.api_version(), &resource.kind)?;
    let status = match resource.plural.as_str() {
        "selfsubjectaccessreviews" => access(core, user, &body["spec"]),
        "subjectaccessreviews" | "localsubjectaccessreviews" => {
            access(core, &subject(&body["spec"]), &body["spec"])
        }
        "selfsubjectrulesreviews" => {
            rules_review(core, user, body["spec"]["namespace"].as_str().unwrap_or_default())
        }
        "selfsubjectreviews" => json!({"userInfo": {"username": user.name, "groups": user.groups}}),
        "tokenreviews" => token(core, body["spec"]["token"].as_str().unwrap_or_default()),
        plural => {
            return Err(ApiError::bad_request(format!(
                "{plural} are not simulated: the sandbox runs no processes"
            )));
        }
    };
    body["status"] = status;
    Ok(body)
}

fn subject(spec: &Value) -> User {
    let groups = spec["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    User { name: spec["user"].as_str().unwrap_or_default().to_owned(), groups: groups.collect() }
}

fn access(core: &Core, user: &User, spec: &Value) -> Value {
    let (of, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (verb, group, resource, subresource) =
        (text(of, "verb"), text(of, "group"), text(of, "resource"), text(of, "subresource"));
    let (namespace, name) = (text(of, "namespace"), text(of, "name"));
    let (path_verb, path) = (text(path, "verb"), text(path, "path"));
    let wanted = Attributes {
        verb: if path.is_empty() { &verb } else { &path_verb },
        group: &group,
        resource: &resource,
        subresource: &subresource,
        namespace: &namespace,
        name: &name,
        path: &path,
    };
    let allowed = !core.options.rbac || is_allowed(core, user, wanted);
    let mut status = json!({ "allowed": allowed });
    if allowed {
        status["reason"] =
            if core.options.rbac { "RBAC: allowed" } else { "the sandbox allows everything" }.into();
    }
    status
}

fn rules_review(core: &Core, user: &User, namespace: &str) -> Value {
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    let everything = || json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
    if !core.options.rbac || user.is_master() {
        resources.push(everything());
    }
    for rule in rules(core, user, namespace) {
        if rule.get("nonResourceURLs").is_some() { paths.push(rule) } else { resources.push(rule) }
    }
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}

fn token(core: &Core, token: &str) -> Value {
    match core.options.tokens.iter().find(|t| t.token == token) {
        Some(known) => {
            json!({"authenticated": true, "user": {"username": known.user, "groups": known.groups}})
        }
        None => json!({"error": "the token is not known"}),
    }
}
