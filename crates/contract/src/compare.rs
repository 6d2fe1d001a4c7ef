//! Where two answers differ.

use serde_json::Value;

/// The places where two values differ, one line each: pointer, expected, found.
pub fn differences(expected: &Value, found: &Value) -> Vec<String> {
    let mut out = Vec::new();
    walk(expected, found, "", &mut out);
    out
}

fn walk(expected: &Value, found: &Value, path: &str, out: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                match b.get(key) {
                    Some(other) => walk(value, other, &format!("{path}/{key}"), out),
                    None => out.push(format!("{path}/{key}: missing, expected {value}")),
                }
            }
            for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                out.push(format!("{path}/{key}: unexpected {value}"));
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                walk(a, b, &format!("{path}/{index}"), out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path}:\n      expected {a}\n      found    {b}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_every_place() {
        let found = differences(
            &json!({"a": 1, "b": [1, {"c": 2}], "d": 0}),
            &json!({"a": 1, "b": [1, {"c": 3}], "e": 0}),
        );
        assert_eq!(
            found,
            ["/b/1/c:\n      expected 2\n      found    3", "/d: missing, expected 0", "/e: unexpected 0"]
        );
    }
}
