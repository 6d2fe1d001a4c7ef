//! Kinds of the whole cluster, quotas and budgets.

use super::{immutable, is_empty, label, list, not_negative};
use crate::field::FieldError;
use holdfast_merge::quantity::Quantity;
use serde_json::Value;

/// The highest priority that users may define.
const PRIORITY_MAX: i64 = 1_000_000_000;

/// A PriorityClass.
pub(super) fn priority_class(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    let system = object["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("system-"));
    if object["value"].as_i64().is_some_and(|value| value > PRIORITY_MAX) && !system {
        let why = format!("maximum allowed value of a user defined priority is {PRIORITY_MAX}");
        errors.push(FieldError::forbidden("value", why));
    }
    let policy = &object["preemptionPolicy"];
    let supported = ["PreemptLowerPriority", "Never"];
    if !policy.as_str().is_none_or(|policy| supported.contains(&policy)) {
        errors.push(FieldError::not_supported("preemptionPolicy", policy, &supported));
    }
    if old.is_some_and(|old| old["value"] != object["value"]) {
        errors.push(FieldError::forbidden("value", "may not be changed in an update."));
    }
}

/// An IngressClass.
pub(super) fn ingress_class(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    let controller = object["spec"]["controller"].as_str().unwrap_or_default();
    if !controller.contains('/') {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.push(FieldError::invalid_text("spec.controller", controller, why));
    }
    if let Some(old) = old {
        immutable(&old["spec"]["controller"], &object["spec"]["controller"], "spec.controller", errors);
    }
}

/// A RuntimeClass.
pub(super) fn runtime_class(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    label(object["handler"].as_str().unwrap_or_default(), "handler", errors);
    if let Some(old) = old {
        immutable(&old["handler"], &object["handler"], "handler", errors);
    }
}

/// A PersistentVolume.
pub(super) fn volume(object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    if is_empty(&spec["accessModes"]) {
        errors.push(FieldError::required("spec.accessModes", ""));
    }
    if is_empty(&spec["capacity"]) {
        errors.push(FieldError::required("spec.capacity", ""));
    }
    if spec["capacity"].get("storage").is_none() {
        errors.push(FieldError::not_supported("spec.capacity", &spec["capacity"], &["storage"]));
    }
    // Sources are the fields that hold a mapping and are none of these.
    const OTHERS: [&str; 3] = ["capacity", "claimRef", "nodeAffinity"];
    let sources = spec.as_object().into_iter().flatten();
    let sources: Vec<&String> = sources
        .filter(|(key, value)| value.is_object() && !OTHERS.contains(&key.as_str()))
        .map(|(key, _)| key)
        .collect();
    if sources.is_empty() {
        errors.push(FieldError::required("spec", "must specify a volume type"));
    }
    for second in sources.iter().skip(1) {
        errors.push(FieldError::forbidden(
            &format!("spec.{second}"),
            "may not specify more than 1 volume type",
        ));
    }
}

/// A PodDisruptionBudget.
pub(super) fn budget(object: &Value, errors: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() {
        let shown = format!(
            "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
            spec["minAvailable"],
            spec["selector"],
            spec["maxUnavailable"],
            spec["unhealthyPodEvictionPolicy"]
        );
        let why = "minAvailable and maxUnavailable cannot be both set";
        errors.push(FieldError::invalid_as("spec", shown, why));
    }
    for key in ["minAvailable", "maxUnavailable"] {
        not_negative(&spec[key], &format!("spec.{key}"), errors);
    }
}

/// The resources that quotas count without a domain.
const COUNTED: [&str; 24] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "storage",
    "pods",
    "services",
    "secrets",
    "configmaps",
    "bindings",
    "replicationcontrollers",
    "resourcequotas",
    "persistentvolumeclaims",
    "services.loadbalancers",
    "services.nodeports",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "endpoints",
    "events",
    "limits.storage",
];

/// A ResourceQuota.
pub(super) fn quota(old: Option<&Value>, object: &Value, errors: &mut Vec<FieldError>) {
    let mut hard: Vec<_> = object["spec"]["hard"].as_object().into_iter().flatten().collect();
    hard.sort_by(|a, b| a.0.cmp(b.0));
    for (name, value) in hard {
        let field = format!("spec.hard[{name}]");
        let qualified = name.contains('/') || name.contains("hugepages-");
        if !COUNTED.contains(&name.as_str()) && !qualified {
            for why in [
                "must be a standard resource type or fully qualified",
                "must be a standard resource for quota",
            ] {
                errors.push(FieldError::invalid(&field, &name.as_str().into(), why));
            }
        }
        if value.as_str().is_some_and(|text| text.starts_with('-')) {
            errors.push(FieldError::invalid(&field, value, "must be greater than or equal to 0"));
        }
    }
    if let Some(old) = old {
        immutable(&old["spec"]["scopes"], &object["spec"]["scopes"], "spec.scopes", errors);
    }
}

/// A LimitRange: the least is not above the most, and what is given by default lies between.
pub(super) fn limit_range(object: &Value, errors: &mut Vec<FieldError>) {
    let amount = |value: &Value| value.as_str().and_then(|text| text.parse::<Quantity>().ok());
    for (index, limit) in list(&object["spec"]["limits"]).enumerate() {
        let field = format!("spec.limits[{index}]");
        for (name, min) in limit["min"].as_object().into_iter().flatten() {
            let Some(least) = amount(min) else { continue };
            for (part, shown, what) in [
                ("max", "min", "max value"),
                ("defaultRequest", "defaultRequest", "default request value"),
                ("default", "default", "default value"),
            ] {
                let other = &limit[part][name];
                if let Some(other_amount) = amount(other)
                    && least > other_amount
                {
                    let value = if shown == "defaultRequest" { other } else { min };
                    let (min, other) = (min.as_str().unwrap_or_default(), other.as_str().unwrap_or_default());
                    let why = format!("min value {min} is greater than {what} {other}");
                    errors.push(FieldError::invalid(&format!("{field}.{shown}[{name}]"), value, why));
                }
            }
        }
    }
}

/// A Lease.
pub(super) fn lease(object: &Value, errors: &mut Vec<FieldError>) {
    let duration = &object["spec"]["leaseDurationSeconds"];
    if duration.as_i64().is_some_and(|seconds| seconds <= 0) {
        errors.push(FieldError::invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"));
    }
    not_negative(&object["spec"]["leaseTransitions"], "spec.leaseTransitions", errors);
}

/// The webhooks of an admission configuration.
pub(super) fn webhooks(object: &Value, errors: &mut Vec<FieldError>) {
    for (index, hook) in list(&object["webhooks"]).enumerate() {
        let field = format!("webhooks[{index}]");
        let name = hook["name"].as_str().unwrap_or_default();
        if name.split('.').count() < 3 {
            let why = "should be a domain with at least three segments separated by dots";
            errors.push(FieldError::invalid_text(&format!("{field}.name"), name, why));
        }
        if hook["sideEffects"].is_null() {
            let why = "must specify one of None, NoneOnDryRun";
            errors.push(FieldError::required(&format!("{field}.sideEffects"), why));
        }
        let client = &hook["clientConfig"];
        if client["url"].is_null() == client["service"].is_null() {
            let why = "exactly one of url or service is required";
            errors.push(FieldError::required(&format!("{field}.clientConfig"), why));
        }
        if let Some((scheme, _)) =
            client["url"].as_str().and_then(|url| url.split_once("://")).filter(|u| u.0 != "https")
        {
            let why = "'https' is the only allowed URL scheme; desired format: https://host[/path]";
            errors.push(FieldError::invalid_text(&format!("{field}.clientConfig.url"), scheme, why));
        }
        if is_empty(&hook["admissionReviewVersions"]) {
            let why = "must specify one of v1, v1beta1";
            errors.push(FieldError::required(&format!("{field}.admissionReviewVersions"), why));
        }
    }
}
