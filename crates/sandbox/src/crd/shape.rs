//! Bringing a custom resource into its schema's shape: nulls, defaults, unknown fields.

use serde_json::{Map, Value, json};

/// The deepest nesting that is walked.
pub(super) const DEPTH_MAX: usize = 100;

fn is_true(schema: &Value, key: &str) -> bool {
    schema.get(key) == Some(&Value::Bool(true))
}

/// The schema below a key, for objects and maps.
fn below<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    schema
        .get("properties")
        .and_then(|p| p.get(key))
        .or_else(|| schema.get("additionalProperties").filter(|a| a.is_object()))
}

/// Removes nulls where the schema does not allow them, and fills defaults in.
pub(super) fn complete(value: &mut Value, schema: &Value, depth: usize) {
    fill(value, schema, depth, false);
}

/// Fills defaults in and lets nulls be: what a patch makes is not read as a request is.
pub(super) fn default_only(value: &mut Value, schema: &Value, depth: usize) {
    fill(value, schema, depth, true);
}

fn fill(value: &mut Value, schema: &Value, depth: usize, keep_nulls: bool) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(map) => {
            map.retain(|key, value| {
                keep_nulls || !value.is_null() || below(schema, key).is_none_or(|s| is_true(s, "nullable"))
            });
            for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if let Some(default) = property.get("default").filter(|_| !map.contains_key(key)) {
                    map.insert(key.clone(), default.clone());
                }
            }
            for (key, value) in map.iter_mut() {
                if let Some(schema) = below(schema, key) {
                    fill(value, schema, depth + 1, keep_nulls);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| fill(item, schema, depth + 1, keep_nulls));
            }
        }
        _ => {}
    }
}

/// Removes what no schema names, and answers its paths.
pub(super) fn prune(value: &mut Value, schema: &Value) -> Vec<String> {
    let mut unknown = Vec::new();
    prune_in(value, schema, "", true, &mut unknown, 0);
    unknown.sort();
    unknown
}

fn prune_in(
    value: &mut Value,
    schema: &Value,
    path: &str,
    root: bool,
    unknown: &mut Vec<String>,
    depth: usize,
) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::Object(map) => {
            let keeps = is_true(schema, "x-kubernetes-preserve-unknown-fields");
            let embedded = root || is_true(schema, "x-kubernetes-embedded-resource");
            let open = is_true(schema, "additionalProperties");
            let names: Vec<String> = map.keys().cloned().collect();
            for key in names {
                let here = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if embedded && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
                    continue;
                }
                match below(schema, &key) {
                    Some(schema) => {
                        if let Some(value) = map.get_mut(&key) {
                            prune_in(value, schema, &here, false, unknown, depth + 1);
                        }
                    }
                    None if keeps || open => {}
                    None => {
                        map.shift_remove(&key);
                        unknown.push(here);
                    }
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let here = format!("{path}[{index}]");
                match schema.get("items") {
                    Some(schema) => prune_in(item, schema, &here, false, unknown, depth + 1),
                    None => prune_in(item, &json!({}), &here, false, unknown, depth + 1),
                }
            }
        }
        _ => {}
    }
}

/// True when a schema has rules in it anywhere.
pub(super) fn has_rules(schema: &Value) -> bool {
    let within = |map: &Map<String, Value>| {
        map.contains_key("x-kubernetes-validations")
            || map.iter().any(|(key, value)| match key.as_str() {
                "properties" => value.as_object().is_some_and(|p| p.values().any(has_rules)),
                "items" | "additionalProperties" => has_rules(value),
                _ => false,
            })
    };
    schema.as_object().is_some_and(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "properties": {
            "a": {"type": "string", "default": "x"}, "n": {"type": "string", "nullable": true},
            "t": {"type": "object", "default": {}, "properties": {"u": {"type": "integer", "default": 7}}},
            "l": {"type": "array", "items": {"type": "object", "properties": {"v": {"type": "string", "default": "d"}}}},
            "p": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        }})
    }

    #[test]
    fn defaults_reach_into_what_they_make() {
        let mut value = json!({"a": null, "n": null, "l": [{}]});
        complete(&mut value, &schema(), 0);
        assert_eq!(value, json!({"n": null, "l": [{"v": "d"}], "a": "x", "t": {"u": 7}}));
    }

    #[test]
    fn what_nobody_knows_is_dropped_and_named() {
        let mut value = json!({"kind": "K", "zz": 1, "p": {"q": 1}, "l": [{"w": 1}]});
        assert_eq!(prune(&mut value, &schema()), ["l[0].w", "zz"]);
        assert_eq!(value, json!({"kind": "K", "p": {"q": 1}, "l": [{}]}));
    }
}
