//! The rules of a structural schema, with the API server's messages.

use super::shape::DEPTH_MAX;
use crate::field::FieldError;
use regex::Regex;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::{LazyLock, Mutex, PoisonError};

/// The most patterns that are kept compiled.
const PATTERNS_MAX: usize = 1024;

static PATTERNS: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);

/// What in a value breaks its schema. `path` is empty for the object itself.
pub(super) fn validate(value: &Value, schema: &Value, path: &str, errors: &mut Vec<FieldError>) {
    Validator { errors }.value(value, schema, path, 0);
}

/// What in a value that has no place of its own breaks a schema.
pub(super) fn validate_value(value: &Value, schema: &Value, errors: &mut Vec<FieldError>) {
    Validator { errors }.value(value, schema, "", 0);
}

struct Validator<'e> {
    errors: &'e mut Vec<FieldError>,
}

/// The name of a value's type, as messages have it.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn count(schema: &Value, key: &str) -> Option<usize> {
    schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok())
}

fn list<'a>(schema: &'a Value, key: &str) -> &'a [Value] {
    schema.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn under(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl Validator<'_> {
    fn say(&mut self, error: FieldError) {
        self.errors.push(error);
    }

    fn invalid(&mut self, path: &str, value: &Value, rule: &str) {
        self.say(FieldError::invalid(path, value, format!("{path} in body {rule}")));
    }

    fn value(&mut self, value: &Value, schema: &Value, path: &str, depth: usize) {
        if depth > DEPTH_MAX || (value.is_null() && schema.get("nullable") == Some(&Value::Bool(true))) {
            return;
        }
        self.kind(value, schema, path);
        self.choices(value, schema, path, depth);
        match value {
            Value::Object(map) => self.object(map, schema, path, depth),
            Value::Array(items) => self.array(items, schema, path, depth),
            Value::String(string) => self.string(string, schema, path),
            Value::Number(_) => self.number(value, schema, path),
            Value::Bool(_) | Value::Null => {}
        }
        let allowed = list(schema, "enum");
        if !allowed.is_empty() && !allowed.contains(value) {
            let shown: Vec<String> =
                allowed.iter().map(|a| a.as_str().map_or_else(|| a.to_string(), str::to_owned)).collect();
            let texts: Vec<&str> = shown.iter().map(String::as_str).collect();
            self.say(FieldError::not_supported(path, value, &texts));
        }
    }

    fn kind(&mut self, value: &Value, schema: &Value, path: &str) {
        let either = schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true));
        let wanted = if either { "integer,string" } else { text(schema, "type") };
        let got = type_of(value);
        let fits = match wanted {
            "" => true,
            "number" => matches!(got, "number" | "integer"),
            // 1.0 is an integer.
            "integer" => got == "integer" || value.as_f64().is_some_and(|n| n.fract() == 0.0),
            "integer,string" => matches!(got, "integer" | "string"),
            wanted => got == wanted,
        };
        if !fits {
            let shown = format!("\"{got}\"");
            let shown_path = if path.is_empty() { "<nil>" } else { path };
            let why = format!("{shown_path} in body must be of type {wanted}: {shown}");
            self.say(FieldError::wrong_type(path, shown, why));
            return;
        }
        if wanted == "integer"
            && let Some(number) = value.as_i64()
            && text(schema, "format") == "int32"
            && i32::try_from(number).is_err()
        {
            let why = format!("Checked value must be of type integer with format int32 in {path}");
            self.say(FieldError::invalid_as("", "\"\"", why));
        }
    }

    fn object(&mut self, map: &Map<String, Value>, schema: &Value, path: &str, depth: usize) {
        if let Some(max) = count(schema, "maxProperties").filter(|max| map.len() > *max) {
            self.say(FieldError::too_many(path, map.len(), max));
        }
        if let Some(min) = count(schema, "minProperties").filter(|min| map.len() < *min) {
            self.invalid(path, &map.len().into(), &format!("should have at least {min} properties"));
        }
        let embedded = schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true));
        let implied = if embedded { &["apiVersion", "kind"][..] } else { &[] };
        let required = list(schema, "required").iter().filter_map(Value::as_str);
        for key in required.chain(implied.iter().copied()) {
            if !map.contains_key(key) {
                self.say(FieldError::required(&under(path, key), ""));
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").filter(|a| a.is_object());
        for (key, value) in map {
            if path.is_empty() && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
                continue;
            }
            if let Some(schema) = properties.and_then(|p| p.get(key)).or(others) {
                self.value(value, schema, &under(path, key), depth + 1);
            }
        }
    }

    fn array(&mut self, items: &[Value], schema: &Value, path: &str, depth: usize) {
        if let Some(max) = count(schema, "maxItems").filter(|max| items.len() > *max) {
            self.say(FieldError::too_many(path, items.len(), max));
        }
        if let Some(min) = count(schema, "minItems").filter(|min| items.len() < *min) {
            self.invalid(path, &items.len().into(), &format!("should have at least {min} items"));
        }
        if let Some(schema) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.value(item, schema, &format!("{path}[{index}]"), depth + 1);
            }
        }
        self.unique(items, schema, path);
    }

    /// Sets hold each value once, keyed lists each key.
    fn unique(&mut self, items: &[Value], schema: &Value, path: &str) {
        let keys: Vec<&str> =
            list(schema, "x-kubernetes-list-map-keys").iter().filter_map(Value::as_str).collect();
        let mut seen = HashSet::new();
        for (index, item) in items.iter().enumerate() {
            let identity = match text(schema, "x-kubernetes-list-type") {
                "set" => item.clone(),
                "map" if item.is_object() => {
                    let mut identity = json!({});
                    for key in keys.iter().filter(|key| item.get(**key).is_some()) {
                        identity[*key] = item[*key].clone();
                    }
                    identity
                }
                _ => return,
            };
            if !seen.insert(identity.to_string()) {
                self.say(FieldError::duplicate(&format!("{path}[{index}]"), &identity));
            }
        }
    }

    fn string(&mut self, string: &str, schema: &Value, path: &str) {
        let length = string.chars().count();
        if let Some(max) = count(schema, "maxLength").filter(|max| length > *max) {
            self.say(FieldError::too_long(path, max));
        }
        if let Some(min) = count(schema, "minLength").filter(|min| length < *min) {
            self.invalid(path, &string.into(), &format!("should be at least {min} chars long"));
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str).filter(|p| !matches(p, string)) {
            self.invalid(path, &string.into(), &format!("should match '{pattern}'"));
        }
        let format = text(schema, "format");
        if !has_format(format, string) {
            let shown = crate::field::quoted(string);
            let why = format!("{path} in body must be of type {format}: {shown}");
            self.say(FieldError::wrong_type(path, shown, why));
        }
    }

    fn number(&mut self, value: &Value, schema: &Value, path: &str) {
        let Some(number) = value.as_f64() else { return };
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let exclusive = |key: &str| schema.get(key) == Some(&Value::Bool(true));
        let shown = |key: &str| schema.get(key).map(Value::to_string).unwrap_or_default();
        if let Some(min) = bound("minimum") {
            if exclusive("exclusiveMinimum") && number <= min {
                self.invalid(path, value, &format!("should be greater than {}", shown("minimum")));
            } else if number < min {
                self.invalid(
                    path,
                    value,
                    &format!("should be greater than or equal to {}", shown("minimum")),
                );
            }
        }
        if let Some(max) = bound("maximum") {
            if exclusive("exclusiveMaximum") && number >= max {
                self.invalid(path, value, &format!("should be less than {}", shown("maximum")));
            } else if number > max {
                self.invalid(path, value, &format!("should be less than or equal to {}", shown("maximum")));
            }
        }
        if let Some(factor) = bound("multipleOf").filter(|f| *f != 0.0 && (number / f).fract() != 0.0) {
            let _ = factor;
            self.invalid(path, value, &format!("should be a multiple of {}", shown("multipleOf")));
        }
    }

    /// `allOf`, `anyOf`, `oneOf` and `not`.
    fn choices(&mut self, value: &Value, schema: &Value, path: &str, depth: usize) {
        let problems = |schema: &Value| {
            let mut errors = Vec::new();
            Validator { errors: &mut errors }.value(value, schema, path, depth + 1);
            errors
        };
        let either = schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true));
        for part in list(schema, "allOf") {
            self.errors.extend(problems(part));
        }
        let nowhere = |why: String| FieldError::invalid_as("", "\"\"", why);
        let any: Vec<_> =
            if either { Vec::new() } else { list(schema, "anyOf").iter().map(problems).collect() };
        if !any.is_empty() && any.iter().all(|e| !e.is_empty()) {
            self.say(nowhere(format!("{path:?} must validate at least one schema (anyOf)")));
            self.errors.extend(any.into_iter().min_by_key(Vec::len).unwrap_or_default());
        }
        let one: Vec<_> = list(schema, "oneOf").iter().map(problems).collect();
        let valid = one.iter().filter(|e| e.is_empty()).count();
        if !one.is_empty() && valid != 1 {
            let found = if valid == 0 {
                "Found none valid".to_owned()
            } else {
                format!("Found {valid} valid alternatives")
            };
            self.say(nowhere(format!("{path:?} must validate one and only one schema (oneOf). {found}")));
            if valid == 0 {
                self.errors.extend(one.into_iter().min_by_key(Vec::len).unwrap_or_default());
            }
        }
        if schema.get("not").is_some_and(|not| problems(not).is_empty()) {
            self.say(nowhere(format!("{path:?} must not validate the schema (not)")));
        }
    }
}

/// Go's patterns are RE2, as Rust's are; one that does not compile matches everything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut cache = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    if cache.len() > PATTERNS_MAX {
        cache.clear();
    }
    let compiled = cache.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok());
    compiled.as_ref().is_none_or(|regex| regex.is_match(text))
}

/// The formats that the server checks.
fn has_format(format: &str, text: &str) -> bool {
    let is_v4 = || text.parse::<std::net::Ipv4Addr>().is_ok();
    match format {
        "date-time" | "datetime" => crate::clock::parse_time(text).is_some(),
        "date" => crate::clock::parse_time(&format!("{text}T00:00:00Z")).is_some(),
        "ipv4" => is_v4(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "cidr" => text.split_once('/').is_some_and(|(ip, bits)| {
            let max = if ip.contains(':') { 128 } else { 32 };
            ip.parse::<std::net::IpAddr>().is_ok() && bits.parse::<u8>().is_ok_and(|b| b <= max)
        }),
        "uri" => text.contains(':'),
        "byte" => {
            use base64::Engine;
            base64::engine::general_purpose::STANDARD.decode(text).is_ok()
        }
        "uuid" | "uuid3" | "uuid4" | "uuid5" => {
            matches("^(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$", text)
        }
        "email" => text.contains('@'),
        "duration" => is_duration(text),
        _ => true,
    }
}

/// A duration as Go writes it.
fn is_duration(text: &str) -> bool {
    matches("^[-+]?(0|([0-9]*(\\.[0-9]*)?(ns|us|µs|μs|ms|s|m|h))+)$", text)
        && text.chars().any(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expectations were read from a 1.36.3 server.
    #[test]
    fn broken_rules_are_told_as_the_original_tells_them() {
        let check = |schema: Value, value: Value, expected: &[&str]| {
            let mut errors = Vec::new();
            validate(
                &json!({"f": value}),
                &json!({"type": "object", "properties": {"f": schema}}),
                "",
                &mut errors,
            );
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected);
        };
        let number = json!({"type": "integer", "minimum": 3, "maximum": 9});
        check(
            number.clone(),
            json!("x"),
            &[r#"f: Invalid value: "string": f in body must be of type integer: "string""#],
        );
        check(
            number.clone(),
            json!(2),
            &["f: Invalid value: 2: f in body should be greater than or equal to 3"],
        );
        check(number, json!(10), &["f: Invalid value: 10: f in body should be less than or equal to 9"]);
        let text = json!({"type": "string", "minLength": 1, "maxLength": 5, "pattern": "^[a-z]*$"});
        check(
            text.clone(),
            json!(""),
            &[r#"f: Invalid value: "": f in body should be at least 1 chars long"#],
        );
        check(text.clone(), json!("ABC"), &[r#"f: Invalid value: "ABC": f in body should match '^[a-z]*$'"#]);
        check(text, json!("abcdefg"), &["f: Too long: may not be more than 5 bytes"]);
        let choice = json!({"type": "string", "enum": ["p", "q"]});
        check(choice, json!("z"), &[r#"f: Unsupported value: "z": supported values: "p", "q""#]);
        let list = json!({"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string"}});
        check(list.clone(), json!([]), &["f: Invalid value: 0: f in body should have at least 1 items"]);
        check(list.clone(), json!(["a", "b", "c"]), &["f: Too many: 3: must have at most 2 items"]);
        check(
            list,
            json!([1]),
            &[r#"f[0]: Invalid value: "integer": f[0] in body must be of type string: "integer""#],
        );
        check(
            json!({"x-kubernetes-int-or-string": true}),
            json!(true),
            &[r#"f: Invalid value: "boolean": f in body must be of type integer,string: "boolean""#],
        );
        check(
            json!({"type": "string", "format": "date-time"}),
            json!("yesterday"),
            &[r#"f: Invalid value: "yesterday": f in body must be of type date-time: "yesterday""#],
        );
        let keyed = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"]}});
        check(keyed.clone(), json!([{}]), &["f[0].name: Required value"]);
        check(keyed, json!([{"name": "a"}, {"name": "a"}]), &[r#"f[1]: Duplicate value: {"name":"a"}"#]);
        let one = json!({"type": "object", "oneOf": [{"required": ["x"]}, {"required": ["y"]}]});
        check(
            one.clone(),
            json!({}),
            &[
                r#"<nil>: Invalid value: "": "f" must validate one and only one schema (oneOf). Found none valid"#,
                "f.x: Required value",
            ],
        );
        check(
            one,
            json!({"x": 1, "y": 2}),
            &[
                r#"<nil>: Invalid value: "": "f" must validate one and only one schema (oneOf). Found 2 valid alternatives"#,
            ],
        );
        check(
            json!({"type": "object", "not": {"required": ["x"]}}),
            json!({"x": 1}),
            &[r#"<nil>: Invalid value: "": "f" must not validate the schema (not)"#],
        );
        check(
            json!({"type": "integer", "format": "int32"}),
            json!(5_000_000_000_i64),
            &[r#"<nil>: Invalid value: "": Checked value must be of type integer with format int32 in f"#],
        );
    }
}
