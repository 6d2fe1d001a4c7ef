//! Label and field selectors.

use crate::resource::Resource;
use crate::store::Stored;
use serde_json::Value;
use std::fmt;

/// A label selector as a query writes it: `a=b,c!=d,e in (f,g),h,!i`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LabelSelector(pub(crate) Vec<Requirement>);

/// One condition on one label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Requirement {
    pub(crate) key: String,
    pub(crate) test: Test,
}

/// What a label must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
    Greater(i64),
    Less(i64),
}

impl LabelSelector {
    /// Reads a selector; the error is the server's own words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        crate::selector_text::parse(text)
    }

    /// Reads `metav1.LabelSelector`; an empty one selects everything.
    pub(crate) fn from_value(value: &Value) -> Self {
        let mut requirements = Vec::new();
        for (key, wanted) in value.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
            let wanted = wanted.as_str().unwrap_or_default().to_owned();
            requirements.push(Requirement { key: key.clone(), test: Test::In(vec![wanted]) });
        }
        for expression in value.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| expression.get(key).and_then(Value::as_str).unwrap_or_default();
            let values = || {
                let list = expression.get("values").and_then(Value::as_array);
                list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let test = match text("operator") {
                "In" => Test::In(values()),
                "NotIn" => Test::NotIn(values()),
                "Exists" => Test::Exists,
                _ => Test::Absent,
            };
            requirements.push(Requirement { key: text("key").to_owned(), test });
        }
        Self(requirements)
    }

    /// A selector of equal labels, from a mapping.
    pub(crate) fn equal(labels: &Value) -> Self {
        Self::from_value(&serde_json::json!({ "matchLabels": labels }))
    }

    pub(crate) fn matches_all(&self) -> bool {
        self.0.is_empty()
    }

    /// True when the labels, given as a lookup, meet every requirement.
    pub(crate) fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|r| {
            let value = label(&r.key);
            match &r.test {
                Test::In(values) => value.is_some_and(|v| values.iter().any(|w| w == v)),
                Test::NotIn(values) => value.is_none_or(|v| !values.iter().any(|w| w == v)),
                Test::Exists => value.is_some(),
                Test::Absent => value.is_none(),
                Test::Greater(than) => value.and_then(|v| v.parse().ok()).is_some_and(|v: i64| v > *than),
                Test::Less(than) => value.and_then(|v| v.parse().ok()).is_some_and(|v: i64| v < *than),
            }
        })
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Requirement { key, test }) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match test {
                Test::In(values) if values.len() == 1 => write!(f, "{key}={}", values[0])?,
                Test::In(values) => write!(f, "{key} in ({})", values.join(","))?,
                Test::NotIn(values) => write!(f, "{key} notin ({})", values.join(","))?,
                Test::Exists => f.write_str(key)?,
                Test::Absent => write!(f, "!{key}")?,
                Test::Greater(than) => write!(f, "{key}>{than}")?,
                Test::Less(than) => write!(f, "{key}<{than}")?,
            }
        }
        Ok(())
    }
}

/// A field selector: equalities and inequalities of fields.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for part in text.split(',').filter(|p| !p.is_empty()) {
            let found = [("!=", false), ("==", true), ("=", true)]
                .into_iter()
                .find_map(|(mark, equal)| part.split_once(mark).map(|(k, v)| (k, equal, v)));
            let Some((key, equal, value)) = found else {
                return Err(format!("invalid selector: '{text}'; can't understand '{part}'"));
            };
            terms.push((key.to_owned(), equal, value.replace("\\,", ",").replace("\\=", "=")));
        }
        Ok(Self(terms))
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(field, ..)| field.as_str())
    }

    pub(crate) fn matches_all(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn matches(&self, object: &Stored) -> bool {
        // Only fields beyond the name need the object's body.
        let mut body = None;
        self.0.iter().all(|(field, equal, wanted)| {
            let is = match field.as_str() {
                "metadata.name" => &*object.name().name == wanted,
                "metadata.namespace" => &*object.name().namespace == wanted,
                _ => field_text(body.get_or_insert_with(|| object.bare()), field) == *wanted,
            };
            is == *equal
        })
    }
}

/// The fields by which a resource's objects can be selected.
pub(crate) fn known_fields(resource: &Resource) -> Vec<&str> {
    if let Some(custom) = &resource.custom {
        let own = custom.selectable.iter().map(String::as_str);
        return ["metadata.name", "metadata.namespace"].into_iter().chain(own).collect();
    }
    let more: &[&str] = match &*resource.bucket {
        "pods" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "events" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "secrets" => &["type"],
        "namespaces" => &["status.phase"],
        "nodes" => &["spec.unschedulable"],
        "services" => &["spec.clusterIP", "spec.type"],
        "replicationcontrollers" => &["status.replicas"],
        "jobs.batch" => &["status.successful"],
        _ => &[],
    };
    ["metadata.name", "metadata.namespace"].iter().chain(more).copied().collect()
}

/// A field's value as selectors compare it; absent fields are empty.
pub(crate) fn field_text(object: &Value, field: &str) -> String {
    let found = field.split('.').filter(|s| !s.is_empty()).try_fold(object, |value, key| value.get(key));
    match found {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => default_text(field).to_owned(),
        Some(other) => other.to_string(),
    }
}

/// Booleans and numbers are compared with their zero value when absent.
fn default_text(field: &str) -> &'static str {
    match field {
        "spec.unschedulable" | "spec.hostNetwork" => "false",
        "status.replicas" | "status.successful" => "0",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_selectors() {
        let labels = [("app", "web"), ("tier", "1")];
        let check = |text: &str, expected: bool| {
            let selector = LabelSelector::parse(text).unwrap();
            let got = selector.matches(|key| labels.iter().find(|(k, _)| *k == key).map(|(_, v)| *v));
            assert_eq!(got, expected, "{text}");
        };
        check("", true);
        check("app=web", true);
        check("app==web,tier!=2", true);
        check("app in (api, web),!x", true);
        check("app notin (web)", false);
        check("x notin (web)", true);
        check("x!=y", true);
        check("tier>0,tier<2", true);
        check("app", true);
        check("x", false);
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert_eq!(
            FieldSelector::parse("metadata.name").unwrap_err(),
            "invalid selector: 'metadata.name'; can't understand 'metadata.name'"
        );
        assert!(LabelSelector::parse("a=b=c d").is_err());
    }
}
