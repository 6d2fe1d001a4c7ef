//! The syntax of names, labels and annotations, with the API server's messages.

use crate::field::FieldError;
use serde_json::Value;

const SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS_1035: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
/// Total bytes of all annotations of an object.
const ANNOTATIONS_MAX: usize = 256 * 1024;

fn regex_error(what: &str, pattern: &str, examples: &[&str]) -> String {
    let examples = examples.iter().map(|e| format!("'{e}'")).collect::<Vec<_>>().join(",  or ");
    format!("{what} (e.g. {examples}, regex used for validation is '{pattern}')")
}

fn is_alphanumeric(byte: u8, lower_only: bool) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_lowercase() || (!lower_only && byte.is_ascii_uppercase())
}

fn is_framed(text: &str, lower_only: bool, inner: &[u8]) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    is_alphanumeric(*first, lower_only)
        && is_alphanumeric(*last, lower_only)
        && bytes.iter().all(|b| is_alphanumeric(*b, lower_only) || inner.contains(b))
}

/// What is wrong with a DNS-1123 subdomain.
pub(crate) fn subdomain_problems(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 253 {
        problems.push("must be no more than 253 characters".to_owned());
    }
    if text.is_empty() || !text.split('.').all(|part| is_framed(part, true, b"-")) {
        problems.push(regex_error(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
            SUBDOMAIN,
            &["example.com"],
        ));
    }
    problems
}

/// What is wrong with a DNS-1123 label.
pub(crate) fn label_problems(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 63 {
        problems.push("must be no more than 63 characters".to_owned());
    }
    if !is_framed(text, true, b"-") {
        if text.split('.').all(|part| is_framed(part, true, b"-")) {
            problems.push("must not contain dots".to_owned());
        } else {
            problems.push(regex_error(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
                LABEL,
                &["my-name", "123-abc"],
            ));
        }
    }
    problems
}

/// What is wrong with a DNS-1035 label, which begins with a letter.
pub(crate) fn dns_1035_problems(text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if text.len() > 63 {
        problems.push("must be no more than 63 characters".to_owned());
    }
    if !is_framed(text, true, b"-") || text.starts_with(|c: char| c.is_ascii_digit()) {
        problems.push(regex_error(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
            DNS_1035,
            &["my-name", "abc-123"],
        ));
    }
    problems
}

/// What is wrong with a name that only has to fit in a path (RBAC objects).
pub(crate) fn path_segment_problems(text: &str) -> Vec<String> {
    match text {
        "." | ".." => vec![format!("may not be '{text}'")],
        _ => ["/", "%"]
            .into_iter()
            .filter(|bad| text.contains(bad))
            .map(|bad| format!("may not contain '{bad}'"))
            .collect(),
    }
}

/// What is wrong with a label's key.
pub(crate) fn label_key_problems(key: &str) -> Vec<String> {
    const WHAT: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    let examples = ["MyName", "my.name", "123-abc"];
    let mut problems = Vec::new();
    let name = match key.split('/').collect::<Vec<_>>().as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                problems.push("prefix part must be non-empty".to_owned());
            } else {
                problems.extend(subdomain_problems(prefix).iter().map(|p| format!("prefix part {p}")));
            }
            *name
        }
        _ => {
            let error = regex_error(WHAT, QUALIFIED, &examples);
            return vec![format!(
                "a valid label key {error} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        problems.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        problems.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_framed(name, false, b"-_.") {
        problems.push(format!("name part {}", regex_error(WHAT, QUALIFIED, &examples)));
    }
    problems
}

/// The first problem of a label's key.
pub(crate) fn label_key_problem(key: &str) -> Option<String> {
    let problems = label_key_problems(key);
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// What is wrong with a label's value.
pub(crate) fn label_value_problem(value: &str) -> Option<String> {
    let mut problems = Vec::new();
    if value.len() > 63 {
        problems.push("must be no more than 63 bytes".to_owned());
    }
    if !value.is_empty() && !is_framed(value, false, b"-_.") {
        problems.push(regex_error(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
            &["MyValue", "my_value", "12345"],
        ));
    }
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// Which names a kind takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameRule {
    Subdomain,
    Label,
    PathSegment,
}

impl NameRule {
    pub(crate) fn of(group: &str, plural: &str) -> Self {
        match (group, plural) {
            ("rbac.authorization.k8s.io", _) => Self::PathSegment,
            ("", "namespaces" | "services") => Self::Label,
            _ => Self::Subdomain,
        }
    }

    fn problems(self, name: &str) -> Vec<String> {
        match self {
            Self::Subdomain => subdomain_problems(name),
            Self::Label => label_problems(name),
            Self::PathSegment => path_segment_problems(name),
        }
    }
}

/// The rules of `metadata` for every object.
pub(crate) fn check_metadata(object: &Value, rule: NameRule, errors: &mut Vec<FieldError>) {
    let meta = &object["metadata"];
    let name = meta["name"].as_str().unwrap_or_default();
    if let Some(prefix) = meta["generateName"].as_str().filter(|p| !p.is_empty()) {
        let stem = prefix.strip_suffix('-').map_or(prefix.to_owned(), |p| format!("{p}a"));
        for problem in rule.problems(&stem) {
            errors.push(FieldError::invalid_text("metadata.generateName", prefix, problem));
        }
    }
    if name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        for problem in rule.problems(name) {
            errors.push(FieldError::invalid_text("metadata.name", name, problem));
        }
    }
    check_labels(&meta["labels"], "metadata.labels", errors);
    check_annotations(&meta["annotations"], errors);
    check_owners(&meta["ownerReferences"], errors);
    let is_builtin = object["apiVersion"] == "v1";
    for finalizer in meta["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        for problem in label_key_problems(finalizer) {
            errors.push(FieldError::invalid_text("metadata.finalizers", finalizer, problem));
        }
        let standard = matches!(finalizer, "kubernetes" | "orphan" | "foregroundDeletion");
        if is_builtin && !standard && !finalizer.contains('/') {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid_text("metadata.finalizers[0]", finalizer, why));
        }
    }
}

/// The syntax of a mapping of labels.
pub(crate) fn check_labels(labels: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        for problem in label_key_problems(key) {
            errors.push(FieldError::invalid_text(field, key, problem));
        }
        let value = value.as_str().unwrap_or_default();
        if let Some(problem) = label_value_problem(value) {
            errors.push(FieldError::invalid_text(field, value, problem));
        }
    }
}

fn check_annotations(annotations: &Value, errors: &mut Vec<FieldError>) {
    let mut total = 0;
    for (key, value) in annotations.as_object().into_iter().flatten() {
        for problem in label_key_problems(&key.to_lowercase()) {
            errors.push(FieldError::invalid_text("metadata.annotations", key, problem));
        }
        total += key.len() + value.as_str().map_or(0, str::len);
    }
    if total > ANNOTATIONS_MAX {
        errors.push(FieldError::too_long("metadata.annotations", ANNOTATIONS_MAX));
    }
}

fn check_owners(owners: &Value, errors: &mut Vec<FieldError>) {
    let mut controllers = Vec::new();
    for owner in owners.as_array().into_iter().flatten() {
        for (key, problem) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            let value = owner[key].as_str().unwrap_or_default();
            if value.is_empty() {
                let field = format!("metadata.ownerReferences.{key}");
                errors.push(FieldError::invalid_text(&field, value, problem));
            }
        }
        if owner["controller"] == true {
            controllers.push(owner);
        }
    }
    if let [first, second, ..] = controllers.as_slice() {
        let shown = |o: &Value| {
            format!("{}/{}", o["kind"].as_str().unwrap_or_default(), o["name"].as_str().unwrap_or_default())
        };
        errors.push(FieldError::invalid(
            "metadata.ownerReferences",
            owners,
            format!(
                "Only one reference can have Controller set to true. Found \"true\" in references for {} and {}",
                shown(first),
                shown(second)
            ),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_and_labels() {
        assert!(subdomain_problems("a.b-c").is_empty());
        assert_eq!(subdomain_problems("A_b").len(), 1);
        assert!(label_key_problems("example.com/Name_1").is_empty());
        assert_eq!(label_key_problem("/a").unwrap(), "prefix part must be non-empty");
        assert!(label_value_problem("").is_none() && label_value_problem("-a").is_some());
        assert_eq!(path_segment_problems("a/b"), ["may not contain '/'"]);
    }

    #[test]
    fn a_bad_name_is_told_as_the_original_tells_it() {
        let mut errors = Vec::new();
        check_metadata(&json!({"metadata": {"name": "A"}}), NameRule::Subdomain, &mut errors);
        insta::assert_snapshot!(errors[0], @"metadata.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
    }
}
