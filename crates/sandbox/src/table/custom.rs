//! The columns that a custom resource's definition asks for.

use super::human_duration;
use crate::clock::parse_time;
use serde_json::Value;
use time::OffsetDateTime;

/// A column's cell: what the path finds, as its type.
pub(super) fn cell(column: &Value, object: &Value, now: OffsetDateTime) -> Value {
    let path = column["jsonPath"].as_str().unwrap_or_default();
    let found = find(object, path);
    let Some(first) = found.first() else {
        return Value::Null;
    };
    match column["type"].as_str() {
        Some("integer" | "number" | "boolean") => (*first).clone(),
        Some("date") => match first.as_str().and_then(parse_time) {
            Some(at) => human_duration((now - at).whole_seconds()).into(),
            None => "<invalid>".into(),
        },
        _ => match first {
            Value::String(_) => (*first).clone(),
            Value::Null => Value::Null,
            other => other.to_string().into(),
        },
    }
}

/// What a JSON path (as kubectl's: keys, indices, `[*]`, and filters by equality) finds.
fn find<'v>(object: &'v Value, path: &str) -> Vec<&'v Value> {
    let mut found = vec![object];
    let mut rest = path.trim().trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let mut key = String::new();
            let mut escaped = false;
            let mut end = after.len();
            for (at, c) in after.char_indices() {
                match c {
                    '\\' if !escaped => escaped = true,
                    '.' | '[' if !escaped => {
                        end = at;
                        break;
                    }
                    c => {
                        key.push(c);
                        escaped = false;
                    }
                }
            }
            rest = &after[end..];
            if !key.is_empty() {
                found = found.into_iter().filter_map(|v| v.get(&key)).collect();
            }
        } else if let Some((inside, after)) = rest.strip_prefix('[').and_then(split_bracket) {
            found = found.into_iter().flat_map(|v| select(v, inside)).collect();
            rest = after;
        } else {
            return Vec::new();
        }
    }
    found
}

/// What is inside brackets, and what follows them.
fn split_bracket(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, ']') => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    None
}

fn select<'v>(value: &'v Value, inside: &str) -> Vec<&'v Value> {
    let items = || value.as_array().into_iter().flatten();
    if inside == "*" {
        return items().collect();
    }
    if let Ok(index) = inside.parse::<usize>() {
        return value.get(index).into_iter().collect();
    }
    if let Some(key) = inside.strip_prefix(['"', '\'']).and_then(|k| k.strip_suffix(['"', '\''])) {
        return value.get(key).into_iter().collect();
    }
    let filter = inside.strip_prefix("?(").and_then(|f| f.strip_suffix(')'));
    let Some((path, wanted)) = filter.and_then(|f| f.split_once("==")) else { return Vec::new() };
    let path = path.trim().trim_start_matches('@');
    let wanted = wanted.trim().trim_matches(['"', '\'']);
    let equals = |value: &Value| match value {
        Value::String(text) => text == wanted,
        other => *wanted == *other.to_string(),
    };
    items().filter(|item| find(item, path).first().is_some_and(|v| equals(v))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_find_what_printers_need() {
        let object = json!({"spec": {"a": 1, "x.y": {"z": "d"}, "l": [{"n": "p"}, {"n": "q"}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]}});
        let check = |path: &str, expected: Value| {
            let found: Vec<Value> = find(&object, path).into_iter().cloned().collect();
            assert_eq!(Value::from(found), expected, "{path}");
        };
        check(".spec.a", json!([1]));
        check(r#".status.conditions[?(@.type=="Ready")].status"#, json!(["True"]));
        check(".status.conditions[?(@.type=='Other')].status", json!(["False"]));
        check(".spec.l[*].n", json!(["p", "q"]));
        check(".spec.l[1].n", json!(["q"]));
        check(r".spec.x\.y.z", json!(["d"]));
        check(".spec['x.y'].z", json!(["d"]));
        check(".nothing.here", json!([]));
    }
}
