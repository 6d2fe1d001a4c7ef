//! Whether a definition's schema is structural: every field has a type, and logic (`allOf` and the like) only restricts.
//!
//! The rules and their words are the API server's (apiextensions, "structural schemas"), as recorded.

use super::text;
use crate::field::FieldError;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;

/// The deepest nesting that is looked at.
const DEPTH_MAX: usize = 100;

/// Where in a schema something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Field,
    Item,
}

fn is_true(schema: &Value, key: &str) -> bool {
    schema.get(key) == Some(&Value::Bool(true))
}

fn list<'a>(schema: &'a Value, key: &str) -> &'a [Value] {
    schema.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn properties(schema: &Value) -> Vec<(&String, &Value)> {
    let mut all: Vec<_> = schema.get("properties").and_then(Value::as_object).into_iter().flatten().collect();
    all.sort_by(|a, b| a.0.cmp(b.0));
    all
}

/// What keeps a schema from being structural. `path` leads to it.
pub(super) fn check(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    plain(schema, path, Level::Root, errors, 0);
    let mut found = Vec::new();
    invariants(schema, path, Level::Root, &mut found, 0);
    complete(schema, schema, path, &mut found, 0);
    found.sort_by_key(ToString::to_string);
    errors.extend(found);
}

/// Rules of every schema, structural or not.
fn plain(schema: &Value, path: &str, level: Level, errors: &mut Vec<FieldError>, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    if is_true(schema, "uniqueItems") {
        let why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(FieldError::forbidden(&format!("{path}.uniqueItems"), why));
    }
    if schema.get("additionalProperties").is_some_and(|a| a == false) {
        let why = "additionalProperties cannot be set to false";
        errors.push(FieldError::forbidden(&format!("{path}.additionalProperties"), why));
    }
    let open = schema.get("additionalProperties").is_some_and(Value::is_object);
    if open && !properties(schema).is_empty() {
        let why = "additionalProperties and properties are mutual exclusive";
        errors.push(FieldError::forbidden(&format!("{path}.additionalProperties"), why));
    }
    if let Some(pattern) = schema.get("pattern").and_then(Value::as_str)
        && Regex::new(pattern).is_err()
    {
        let why = format!(
            "must be a valid regular expression, but isn't: error parsing regexp: missing closing ): `{pattern}`"
        );
        errors.push(FieldError::invalid_text(&format!("{path}.pattern"), pattern, why));
    }
    list_kind(schema, path, errors);
    if let Some(default) = schema.get("default") {
        // A default is told by its own root, which has no name.
        let mut broken = Vec::new();
        super::validate::validate_value(default, schema, &mut broken);
        errors.extend(broken.into_iter().map(|error| error.at(&format!("{path}.default"))));
    }
    if level == Level::Root {
        root_metadata(schema, path, errors);
    }
    for (key, property) in properties(schema) {
        plain(property, &format!("{path}.properties[{key}]"), Level::Field, errors, depth + 1);
    }
    if let Some(items) = schema.get("items").filter(|i| i.is_object()) {
        plain(items, &format!("{path}.items"), Level::Item, errors, depth + 1);
    }
    if open {
        plain(
            &schema["additionalProperties"],
            &format!("{path}.additionalProperties"),
            Level::Field,
            errors,
            depth + 1,
        );
    }
    let kind = text(schema, "type");
    if kind == "array" && schema.get("items").is_none() {
        errors.push(FieldError::required(&format!("{path}.items"), "must be specified"));
    }
    let known = ["", "string", "number", "integer", "boolean", "array", "object"];
    if !known.contains(&kind) {
        let names = ["array", "boolean", "integer", "number", "object", "string"];
        errors.push(FieldError::not_supported(&format!("{path}.type"), &schema["type"], &names));
    }
}

/// Rules of `x-kubernetes-list-type` and its keys.
fn list_kind(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let kind = text(schema, "x-kubernetes-list-type");
    let keys: Vec<&str> =
        list(schema, "x-kubernetes-list-map-keys").iter().filter_map(Value::as_str).collect();
    let (kind_path, keys_path) =
        (format!("{path}.x-kubernetes-list-type"), format!("{path}.x-kubernetes-list-map-keys"));
    if !kind.is_empty() && !matches!(kind, "atomic" | "set" | "map") {
        let value = &schema["x-kubernetes-list-type"];
        errors.push(FieldError::not_supported(&kind_path, value, &["atomic", "map", "set"]));
    }
    if !kind.is_empty() && text(schema, "type") != "array" {
        let field = format!("{path}.type");
        let why = "must be array if x-kubernetes-list-type is specified";
        errors.push(match text(schema, "type") {
            "" => FieldError::required(&field, why),
            other => FieldError::invalid_text(&field, other, why),
        });
    }
    if kind != "map" {
        if !keys.is_empty() {
            errors.push(FieldError::invalid_text(
                &kind_path,
                kind,
                "must be map if x-kubernetes-list-map-keys is non-empty",
            ));
        }
        return;
    }
    if keys.is_empty() {
        errors.push(FieldError::required(&keys_path, "must not be empty if x-kubernetes-list-type is map"));
    }
    let Some(items) = schema.get("items") else { return };
    if text(items, "type") != "object" {
        let why = "must be object if parent array's x-kubernetes-list-type is map";
        errors.push(FieldError::invalid_text(&format!("{path}.items.type"), text(items, "type"), why));
    }
    let required: BTreeSet<&str> = list(items, "required").iter().filter_map(Value::as_str).collect();
    for (index, key) in keys.iter().enumerate() {
        let Some(property) = items.get("properties").and_then(|p| p.get(*key)) else {
            let why = "entries must all be names of item properties";
            errors.push(FieldError::invalid_text(&format!("{keys_path}[{index}]"), key, why));
            continue;
        };
        let field = format!("{path}.items.properties[{key}]");
        if matches!(text(property, "type"), "array" | "object") {
            let why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
            errors.push(FieldError::invalid_text(&format!("{field}.type"), text(property, "type"), why));
        }
        if !required.contains(key) && property.get("default").is_none() {
            let why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            errors.push(FieldError::required(&format!("{field}.default"), why));
        }
    }
}

/// Of an object's metadata only the name may be restricted.
fn root_metadata(schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(metadata) = schema.get("properties").and_then(|p| p.get("metadata")) else { return };
    let field = format!("{path}.properties[metadata]");
    let other = properties(metadata).iter().any(|(key, _)| !matches!(key.as_str(), "name" | "generateName"));
    let extra = metadata
        .as_object()
        .into_iter()
        .flatten()
        .any(|(key, _)| !matches!(key.as_str(), "type" | "properties" | "description" | "title"));
    if other || extra {
        let why = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(FieldError::forbidden(&field, why));
    }
}

/// Types where they have to be, and nowhere else.
fn invariants(schema: &Value, path: &str, level: Level, errors: &mut Vec<FieldError>, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    if let Some(items) = schema.get("items").filter(|i| i.is_object()) {
        invariants(items, &format!("{path}.items"), Level::Item, errors, depth + 1);
    }
    for (key, property) in properties(schema) {
        invariants(property, &format!("{path}.properties[{key}]"), Level::Field, errors, depth + 1);
    }
    if let Some(values) = schema.get("additionalProperties").filter(|a| a.is_object()) {
        invariants(values, &format!("{path}.additionalProperties"), Level::Field, errors, depth + 1);
    }
    let kind = text(schema, "type");
    let either = is_true(schema, "x-kubernetes-int-or-string");
    let field = format!("{path}.type");
    if is_true(schema, "x-kubernetes-embedded-resource") && kind != "object" {
        let why = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(match kind {
            "" => FieldError::required(&field, why),
            kind => FieldError::invalid_text(&field, kind, why),
        });
    } else if kind.is_empty() && !either && !is_true(schema, "x-kubernetes-preserve-unknown-fields") {
        let why = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(FieldError::required(&field, why));
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        errors.push(FieldError::invalid_text(&field, kind, "must be object at the root"));
    }
    let pairs =
        [("x-kubernetes-preserve-unknown-fields", "must be false if x-kubernetes-int-or-string is true")];
    for (key, why) in pairs.iter().filter(|(key, _)| either && is_true(schema, key)) {
        errors.push(FieldError::invalid(&format!("{path}.{key}"), &Value::Bool(true), *why));
    }
    for (place, nested, skip) in logic(schema) {
        if !skip {
            restricting(nested, &format!("{path}.{place}"), errors, depth + 1);
        }
    }
}

/// The parts of a schema under `allOf`, `anyOf`, `oneOf` and `not`, and whether they are the one way in which types may
/// stand there: an integer or a string.
fn logic(schema: &Value) -> Vec<(String, &Value, bool)> {
    let either = is_true(schema, "x-kubernetes-int-or-string");
    let is_pair = |parts: &[Value]| {
        either
            && matches!(parts, [a, b] if *a == serde_json::json!({"type": "integer"}) && *b == serde_json::json!({"type": "string"}))
    };
    let mut out = Vec::new();
    for key in ["allOf", "anyOf", "oneOf"] {
        let parts = list(schema, key);
        let whole = key == "anyOf" && is_pair(parts);
        for (index, part) in parts.iter().enumerate() {
            let first = key == "allOf" && index == 0 && is_pair(list(part, "anyOf"));
            out.push((format!("{key}[{index}]"), part, whole || first));
        }
    }
    if let Some(not) = schema.get("not").filter(|n| n.is_object()) {
        out.push(("not".to_owned(), not, false));
    }
    out
}

/// What may not stand under logic, in the order of messages.
const STRUCTURE: &[(&str, &str)] = &[
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
    ("x-kubernetes-embedded-resource", "must be false to be structural"),
    ("x-kubernetes-int-or-string", "must be false to be structural"),
];

fn restricting(schema: &Value, path: &str, errors: &mut Vec<FieldError>, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    for (key, why) in STRUCTURE {
        if schema.get(*key).is_some_and(|v| !v.is_null() && *v != false && *v != "") {
            errors.push(FieldError::forbidden(&format!("{path}.{key}"), *why));
        }
    }
    if let Some(items) = schema.get("items").filter(|i| i.is_object()) {
        restricting(items, &format!("{path}.items"), errors, depth + 1);
    }
    for (key, property) in properties(schema) {
        restricting(property, &format!("{path}.properties[{key}]"), errors, depth + 1);
    }
    for (place, nested, _) in logic(schema) {
        restricting(nested, &format!("{path}.{place}"), errors, depth + 1);
    }
}

/// Every field under logic is specified outside of it too.
fn complete(structure: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    for (place, nested, _) in logic(schema) {
        specified(structure, nested, path, &format!("{path}.{place}"), errors, depth + 1);
    }
    for (key, property) in properties(schema) {
        complete(property, property, &format!("{path}.properties[{key}]"), errors, depth + 1);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(key).filter(|v| v.is_object()) {
            complete(below, below, &format!("{path}.{key}"), errors, depth + 1);
        }
    }
}

fn specified(
    structure: &Value,
    nested: &Value,
    path: &str,
    origin: &str,
    errors: &mut Vec<FieldError>,
    depth: usize,
) {
    if depth > DEPTH_MAX {
        return;
    }
    if let Some(items) = nested.get("items").filter(|i| i.is_object()) {
        let (field, origin) = (format!("{path}.items"), format!("{origin}.items"));
        match structure.get("items") {
            Some(structure) => specified(structure, items, &field, &origin, errors, depth + 1),
            None => errors.push(FieldError::required(&field, format!("because it is defined in {origin}"))),
        }
    }
    for (key, property) in properties(nested) {
        let (field, origin) = (format!("{path}.properties[{key}]"), format!("{origin}.properties[{key}]"));
        let known = structure.get("properties").and_then(|p| p.get(key));
        match known.or(structure.get("additionalProperties").filter(|a| a.is_object())) {
            Some(structure) => specified(structure, property, &field, &origin, errors, depth + 1),
            // Where no field is specified at all, nothing is missing.
            None if structure.get("properties").is_none() => {}
            None => errors.push(FieldError::required(&field, format!("because it is defined in {origin}"))),
        }
    }
    for (place, inner, _) in logic(nested) {
        specified(structure, inner, path, &format!("{origin}.{place}"), errors, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_has_no_type_is_refused() {
        let broken = |schema: Value| {
            let mut errors = Vec::new();
            check(&schema, "s", &mut errors);
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            broken(json!({"type": "object", "properties": {"a": {"x-kubernetes-int-or-string": true,
            "anyOf": [{"type": "integer"}, {"type": "string"}]}}})),
            Vec::<String>::new()
        );
        assert_eq!(broken(json!({})), ["s.type: Required value: must not be empty at the root"]);
        assert_eq!(
            broken(json!({"type": "object", "properties": {"a": {"type": "array", "items": {}}}})),
            ["s.properties[a].items.type: Required value: must not be empty for specified array items"]
        );
        assert_eq!(
            broken(
                json!({"type": "object", "properties": {}, "anyOf": [{"properties": {"z": {"type": "string"}}}]})
            ),
            [
                "s.anyOf[0].properties[z].type: Forbidden: must be empty to be structural",
                "s.properties[z]: Required value: because it is defined in s.anyOf[0].properties[z]",
            ]
        );
    }
}
