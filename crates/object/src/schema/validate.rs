use super::{Scalar, TypeKind, TypeRef};
use serde_json::Value;

/// What is wrong with a value of a type, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path from the object's root, such as `spec.ports[0].port`.
    pub path: String,
    /// `unknown field`, `expected an integer, found a string`, …
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() { f.write_str(&self.what) } else { write!(f, "{}: {}", self.path, self.what) }
    }
}

/// The most that is said of one object.
const MAX_VIOLATIONS: usize = 50;

impl TypeRef<'_> {
    /// What of a value does not fit the type: unknown and missing fields, values of another kind, values that are not
    /// among those allowed. It asks less than an API server does, which has rules of its own for each kind; what it
    /// finds, a server that is asked to be strict finds too. A null is as good as nothing.
    pub fn violations(self, value: &Value) -> Vec<Violation> {
        let mut check = Check { path: String::new(), found: Vec::new() };
        check.value(self, value);
        check.found
    }
}

struct Check {
    /// Where it is just now.
    path: String,
    found: Vec<Violation>,
}

impl Check {
    fn value(&mut self, ty: TypeRef<'_>, value: &Value) {
        match (ty.kind(), value) {
            // A null says as much as nothing.
            (_, Value::Null) | (TypeKind::Any { .. }, _) => {}
            (TypeKind::Object(object), Value::Object(map)) => {
                for (key, value) in map {
                    self.below(key, |check| match object.child(key) {
                        Some(ty) => check.value(ty, value),
                        None => check.say("unknown field"),
                    });
                }
                let is_missing = |name: &str| map.get(name).is_none_or(Value::is_null);
                for field in object.fields().filter(|field| field.is_required() && is_missing(field.name())) {
                    self.below(field.name(), |check| check.say("required field is missing"));
                }
            }
            (TypeKind::List(list), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let at = self.path.len();
                    self.path.push_str(&format!("[{index}]"));
                    self.value(list.items(), item);
                    self.path.truncate(at);
                }
            }
            (TypeKind::Scalar(scalar), value) if fits(scalar, value) => {
                let allowed = ty.allowed_values();
                if !allowed.is_empty() && !allowed.contains(value) {
                    let names = allowed.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
                    self.say(format!("{value} is none of {names}"));
                }
            }
            (expected, value) => {
                self.say(format!("expected {}, found {}", expected_name(expected), kind_name(value)));
            }
        }
    }

    fn below(&mut self, key: &str, check: impl FnOnce(&mut Self)) {
        let at = self.path.len();
        push_key(&mut self.path, key);
        check(self);
        self.path.truncate(at);
    }

    fn say(&mut self, what: impl Into<String>) {
        if self.found.len() < MAX_VIOLATIONS {
            self.found.push(Violation { path: self.path.clone(), what: what.into() });
        }
    }
}

/// Adds a key to a path; one with dots stands in brackets.
fn push_key(path: &mut String, key: &str) {
    if key.contains(['.', '/', '[']) {
        path.push_str(&format!("[{key}]"));
    } else {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
    }
}

fn fits(scalar: Scalar, value: &Value) -> bool {
    let is_integer = value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0);
    match scalar {
        Scalar::String | Scalar::Bytes | Scalar::DateTime => value.is_string(),
        Scalar::Bool => value.is_boolean(),
        Scalar::Int32 => value.as_i64().map_or(is_integer, |n| i32::try_from(n).is_ok()),
        Scalar::Int64 | Scalar::Integer => is_integer,
        Scalar::Double | Scalar::Number => value.is_number(),
        Scalar::IntOrString => value.is_string() || is_integer,
        Scalar::Quantity => value.is_string() || value.is_number(),
    }
}

fn expected_name(kind: TypeKind<'_>) -> &'static str {
    match kind {
        TypeKind::Object(_) => "an object",
        TypeKind::List(_) => "a list",
        TypeKind::Any { .. } => "anything",
        TypeKind::Scalar(scalar) => match scalar {
            Scalar::String => "a string",
            Scalar::Bool => "a boolean",
            Scalar::Int32 => "a 32-bit integer",
            Scalar::Int64 | Scalar::Integer => "an integer",
            Scalar::Double | Scalar::Number => "a number",
            Scalar::Bytes => "base64 text",
            Scalar::DateTime => "a time",
            Scalar::IntOrString => "an integer or a string",
            Scalar::Quantity => "a quantity",
        },
    }
}

fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Schemas;
    use crate::GroupVersionKind;
    use serde_json::{Value, json};

    fn violations(value: Value) -> Vec<String> {
        let text = |key: &str| value[key].as_str().unwrap();
        let gvk = GroupVersionKind::from_api_version(text("apiVersion"), text("kind"));
        let root = Schemas::builtin().root(&gvk).unwrap();
        root.violations(&value).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_field_is_held_against_its_type() {
        let deployment = |spec: Value| {
            violations(json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "a"}}, "spec": spec}))
        };
        let template = |containers: Value| json!({"metadata": {"creationTimestamp": null}, "spec": {"containers": containers}});
        let good = json!([{"name": "a", "image": "a:1", "ports": [{"containerPort": 80}],
            "resources": {"requests": {"cpu": 1, "memory": "1Gi"}}, "livenessProbe": {"httpGet": {"port": "http"}}}]);
        let spec = |containers: Value| json!({"selector": {"matchLabels": {"a": "b"}}, "template": template(containers)});
        assert_eq!(deployment(spec(good)), Vec::<String>::new());
        let mut wrong =
            spec(json!([{"name": "a", "imagee": "a", "ports": [{"containerPort": "80"}], "env": {"A": "b"},
            "resources": {"requests": {"cpu": true}}}]));
        wrong["replicas"] = json!("3");
        wrong["paused"] = json!(5_000_000_000_i64);
        assert_eq!(
            deployment(wrong),
            [
                "spec.template.spec.containers[0].imagee: unknown field",
                "spec.template.spec.containers[0].ports[0].containerPort: expected a 32-bit integer, found a string",
                "spec.template.spec.containers[0].env: expected a list, found an object",
                "spec.template.spec.containers[0].resources.requests.cpu: expected a quantity, found a boolean",
                "spec.replicas: expected a 32-bit integer, found a string",
                "spec.paused: expected a boolean, found an integer",
            ]
        );
        let missing = deployment(json!({"template": template(json!([{"image": "a"}]))}));
        assert_eq!(
            missing,
            [
                "spec.template.spec.containers[0].name: required field is missing",
                "spec.selector: required field is missing",
            ]
        );
        let labels = violations(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "labels": {"a.b/c": 1}}, "data": {"x.yaml": {}}}));
        assert_eq!(
            labels,
            [
                "metadata.labels[a.b/c]: expected a string, found an integer",
                "data[x.yaml]: expected a string, found an object",
            ]
        );
    }

    #[test]
    fn custom_resources_by_their_definition_and_not_without_end() {
        let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "as.x.io"}, "spec": {"group": "x.io", "scope": "Namespaced",
                "names": {"kind": "A", "plural": "as"}, "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object",
                    "required": ["mode"], "properties": {"mode": {"type": "string", "enum": ["on", "off"]},
                        "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}}}]}});
        let schemas = Schemas::from_crd(&crd).unwrap();
        let root = schemas.root(&GroupVersionKind::new("x.io", "v1", "A")).unwrap();
        let check = |spec: Value| -> Vec<String> {
            let value =
                json!({"apiVersion": "x.io/v1", "kind": "A", "metadata": {"name": "a"}, "spec": spec});
            root.violations(&value).iter().map(ToString::to_string).collect()
        };
        assert_eq!(check(json!({"mode": "on", "any": {"x": [1]}})), Vec::<String>::new());
        assert_eq!(
            check(json!({"mode": "maybe", "x": 1})),
            ["spec.mode: \"maybe\" is none of \"on\", \"off\"", "spec.x: unknown field"]
        );
        assert_eq!(check(json!({})), ["spec.mode: required field is missing"]);
        let many: serde_json::Map<String, Value> = (0..500).map(|n| (format!("f{n}"), json!(1))).collect();
        assert_eq!(check(many.into()).len(), super::MAX_VIOLATIONS);
    }
}
