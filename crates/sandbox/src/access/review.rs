//! Questions about access: what is created is answered, and forgotten.

use super::{Attributes, User, reason, rules};
use crate::core::Core;
use crate::field::FieldError;
use crate::resource::Resource;
use crate::status::{ApiError, ApiResult, Named};
use crate::verbs::{Target, WriteOptions};
use serde_json::{Value, json};

/// Answers a review.
pub(crate) fn answer(
    core: &Core,
    user: &User,
    target: &Target,
    mut body: Value,
    options: &WriteOptions,
) -> ApiResult<Value> {
    let resource = &target.resource;
    crate::verbs::check_kind(&mut body, &resource.api_version(), &resource.kind)?;
    if resource.plural.ends_with("accessreviews") {
        check_access(resource, &body["spec"])?;
        crate::admission::track(core, target, None, &mut body, options);
    }
    if resource.plural == "selfsubjectreviews" {
        body["metadata"]["creationTimestamp"] = core.clock.timestamp().into();
    }
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

/// A question is about an object or about a path.
fn check_access(resource: &Resource, spec: &Value) -> ApiResult<()> {
    let (of, path) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    let error = match (of.is_null(), path.is_null()) {
        (true, true) => {
            let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            FieldError::invalid("spec.resourceAttributes", &Value::Null, why)
        }
        (false, false) => {
            let shown = format!("{{\"Path\":{},\"Verb\":{}}}", path["path"], path["verb"]);
            let why = "cannot be specified in combination with resourceAttributes";
            FieldError::invalid_as("spec.nonResourceAttributes", shown, why)
        }
        _ => return Ok(()),
    };
    Err(ApiError::invalid(Named { group: &resource.group, what: "" }, "", &[error]))
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
    if !core.options.rbac {
        return json!({"allowed": true, "reason": "the sandbox allows everything"});
    }
    if user.is_master() {
        return json!({"allowed": true});
    }
    match reason(core, user, wanted) {
        Some(reason) => json!({"allowed": true, "reason": reason}),
        None => json!({"allowed": false}),
    }
}

fn rules_review(core: &Core, user: &User, namespace: &str) -> Value {
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    let everything = || json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
    if !core.options.rbac || user.is_master() {
        resources.push(everything());
    }
    for rule in rules(core, user, namespace).into_iter().map(|granted| granted.rule) {
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
