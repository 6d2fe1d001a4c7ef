//! Custom resources on their way into the store: decoding and rules by their definition's schema.

use super::shape::{complete, default_only, has_rules, prune};
use super::validate::validate;
use super::{CustomVersion, ScalePaths};
use crate::field::{Broken, FieldError};
use kube_cel::{CompiledSchema, ErrorKind, Validator, compile_schema};
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// What the original says where broken fields kept it from evaluating rules.
const UNCHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/// A version's rules, compiled when first asked for.
#[derive(Debug, Default)]
pub(crate) struct Rules(OnceLock<Option<CompiledSchema>>);

impl Rules {
    fn of(&self, schema: &Value) -> Option<&CompiledSchema> {
        self.0.get_or_init(|| has_rules(schema).then(|| compile_schema(schema))).as_ref()
    }
}

/// Brings an object into its schema's shape. Answers the unknown fields, by path.
///
/// # Errors
/// The server's words for metadata of the wrong type.
pub(crate) fn decode(
    version: &CustomVersion,
    body: &mut Value,
    keep_nulls: bool,
) -> Result<Vec<String>, String> {
    let mut unknown = Vec::new();
    if let Some(metadata) = body.get_mut("metadata") {
        unknown = crate::admission::decode_metadata(metadata)?;
    }
    if let Some(schema) = version.schema.as_ref().filter(|_| !version.preserve_unknown) {
        unknown.extend(prune(body, schema));
        if keep_nulls {
            default_only(body, schema, 0);
        } else {
            complete(body, schema, 0);
        }
    }
    Ok(unknown)
}

/// Brings an object of one version into the shape of another, whose schema is given: strategy `None` changes nothing, but
/// each version keeps only what it knows.
pub(crate) fn reshape(object: &mut Value, schema: &Value) {
    prune(object, schema);
    complete(object, schema, 0);
}

/// What in an object breaks its definition's rules.
pub(crate) fn check(
    version: &CustomVersion,
    old: Option<&Value>,
    object: &Value,
    errors: &mut Vec<FieldError>,
) {
    let Some(schema) = &version.schema else { return };
    let before = errors.len();
    validate(object, schema, "", errors);
    if let Some(scale) = &version.scale {
        check_scale(scale, object, errors);
    }
    let Some(rules) = version.rules.of(schema) else { return };
    let blocks = |error: &FieldError| {
        matches!(
            error.broken,
            Broken::Required | Broken::TypeInvalid | Broken::NotSupported | Broken::TooLong | Broken::TooMany
        )
    };
    if errors[before..].iter().any(blocks) {
        errors.push(FieldError::invalid("", &Value::Null, UNCHECKED));
        return;
    }
    let Err(broken) = Validator::new().validate_compiled(rules, object, old) else { return };
    for failure in broken.into_vec() {
        let message = match failure.kind {
            ErrorKind::ValidationFailure => failure.message,
            // A rule that the evaluator does not know is said to be so, not passed over.
            _ => format!("rule not evaluated: {}: {}", failure.rule, failure.message),
        };
        let (path, value) = place(&failure.field_path, schema, object);
        errors.push(if reason_of(schema, &failure.rule) == "FieldValueForbidden" {
            FieldError::forbidden(&path, message)
        } else {
            match value {
                Some(value) if !value.is_object() && !value.is_array() => {
                    FieldError::invalid(&path, value, message)
                }
                _ => FieldError::broken_rule(&path, message),
            }
        });
    }
}

/// A path as messages write it (`a.map[key]`), and the value there.
fn place<'o>(path: &str, schema: &Value, object: &'o Value) -> (String, Option<&'o Value>) {
    let mut shown = String::new();
    let (mut schema, mut value) = (Some(schema), Some(object));
    for segment in path.split('.').filter(|segment| !segment.is_empty()) {
        let (key, indices) = segment.split_once('[').unwrap_or((segment, ""));
        let property = schema.and_then(|s| s.get("properties")).and_then(|p| p.get(key));
        if property.is_none() && schema.is_some_and(|s| s.get("additionalProperties").is_some()) {
            shown.push_str(&format!("[{key}]"));
            schema = schema.and_then(|s| s.get("additionalProperties"));
        } else {
            if !shown.is_empty() {
                shown.push('.');
            }
            shown.push_str(key);
            schema = property;
        }
        value = value.and_then(|v| v.get(key));
        for index in indices.split('[').filter(|index| !index.is_empty()) {
            let index = index.trim_end_matches(']');
            shown.push_str(&format!("[{index}]"));
            schema = schema.and_then(|s| s.get("items"));
            value = value.and_then(|v| v.get(index.parse::<usize>().ok()?));
        }
    }
    (shown, value)
}

/// The `reason` of a rule, wherever it stands in a schema.
fn reason_of<'s>(schema: &'s Value, rule: &str) -> &'s str {
    match schema {
        Value::Object(map) => {
            let rules = map.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten();
            let own = rules.filter(|r| r["rule"] == rule).find_map(|r| r["reason"].as_str());
            own.or_else(|| map.values().map(|v| reason_of(v, rule)).find(|r| !r.is_empty()))
                .unwrap_or_default()
        }
        Value::Array(items) => {
            items.iter().map(|v| reason_of(v, rule)).find(|r| !r.is_empty()).unwrap_or_default()
        }
        _ => "",
    }
}

fn check_scale(scale: &ScalePaths, object: &Value, errors: &mut Vec<FieldError>) {
    let mut path = scale.spec_replicas.split('.').filter(|s| !s.is_empty());
    let replicas = path.try_fold(object, |value, key| value.get(key));
    if let Some(count) = replicas.and_then(Value::as_i64).filter(|count| *count < 0) {
        errors.push(FieldError::invalid(
            &scale.spec_replicas,
            &count.into(),
            "should be a non-negative integer",
        ));
    }
}

/// The schema of a version as OpenAPI shows it: with what every object has.
pub(crate) fn published(version: &CustomVersion) -> Value {
    let mut schema = version.schema.clone().unwrap_or_else(|| json!({"type": "object"}));
    strip(&mut schema);
    let Some(map) = schema.as_object_mut() else { return schema };
    let properties = map.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    properties["apiVersion"] = json!({"type": "string"});
    properties["kind"] = json!({"type": "string"});
    properties["metadata"] =
        json!({"allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]});
    schema
}

/// Takes rules out: clients do not evaluate them.
fn strip(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.shift_remove("x-kubernetes-validations");
            map.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(schema: Value) -> CustomVersion {
        CustomVersion {
            list_kind: "KList".into(),
            types: None,
            schema: Some(schema),
            rules: Rules::default(),
            scale: None,
            columns: Vec::new(),
            selectable: Vec::new(),
            storage_version: String::new(),
            storage_schema: None,
            deprecation: None,
            preserve_unknown: false,
        }
    }

    #[test]
    fn rules_are_evaluated_once_the_form_is_right() {
        let schema = json!({"type": "object", "required": ["spec"], "properties": {"spec": {
        "type": "object", "properties": {"lo": {"type": "integer"}, "hi": {"type": "integer"}},
        "x-kubernetes-validations": [
            {"rule": "self.lo <= self.hi", "message": "lo above hi"},
            {"rule": "self.lo == oldSelf.lo", "message": "lo is fixed"},
        ]}}});
        let version = version(schema);
        let broken = |old: Option<Value>, new: Value| {
            let mut errors = Vec::new();
            check(&version, old.as_ref(), &new, &mut errors);
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let object = |lo: i64, hi: i64| json!({"spec": {"lo": lo, "hi": hi}});
        assert_eq!(broken(None, object(2, 1)), ["spec: Invalid value: lo above hi"]);
        assert_eq!(broken(None, object(1, 2)), Vec::<String>::new());
        assert_eq!(broken(Some(object(1, 2)), object(2, 2)), ["spec: Invalid value: lo is fixed"]);
        assert_eq!(
            broken(None, json!({})),
            ["spec: Required value".to_owned(), format!("<nil>: Invalid value: null: {UNCHECKED}")]
        );
    }
}
