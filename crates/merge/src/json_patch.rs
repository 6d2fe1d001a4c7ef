//! JSON patches (RFC 6902) and pointers (RFC 6901).

use serde_json::Value;

/// A patch that cannot be read or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonPatchError {
    /// The document is no list of operations.
    #[error("invalid JSON patch: {0}")]
    Malformed(String),
    /// An operation failed; the object is unchanged.
    #[error("{0}")]
    Failed(String),
    /// More operations than the API server accepts.
    #[error("the allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {0}")]
    TooMany(usize),
}

/// The API server's bound on operations in one patch.
pub const MAX_OPERATIONS: usize = 10_000;

/// Applies a patch; all operations or none.
///
/// # Errors
/// [`JsonPatchError`] naming the operation and its path.
pub fn apply(target: &Value, patch: &Value) -> Result<Value, JsonPatchError> {
    let count = patch.as_array().map_or(0, Vec::len);
    if count > MAX_OPERATIONS {
        return Err(JsonPatchError::TooMany(count));
    }
    let patch: json_patch::Patch =
        serde_json::from_value(patch.clone()).map_err(|e| JsonPatchError::Malformed(e.to_string()))?;
    let mut patched = target.clone();
    json_patch::patch(&mut patched, &patch).map_err(|e| JsonPatchError::Failed(e.to_string()))?;
    Ok(patched)
}

/// The steps of a pointer: `/a~1b/0` is `a/b`, `0`. `None` when it does not start with `/`.
pub fn pointer_steps(pointer: &str) -> Option<Vec<String>> {
    let rest = pointer.strip_prefix('/')?;
    Some(rest.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

/// Removes what a pointer leads to; nothing happens where it leads nowhere.
pub fn remove(target: &mut Value, pointer: &str) {
    let Some(steps) = pointer_steps(pointer) else { return };
    let Some((last, parents)) = steps.split_last() else { return };
    let parent = parents.iter().try_fold(target, |at, step| match at {
        Value::Object(map) => map.get_mut(step),
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    });
    match parent {
        Some(Value::Object(map)) => drop(map.shift_remove(last)),
        Some(Value::Array(items)) => {
            if let Some(index) = last.parse::<usize>().ok().filter(|i| *i < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_applies_as_a_whole() {
        let object = json!({"spec": {"a": 1}, "list": [1, 2]});
        let patch = json!([
            {"op": "replace", "path": "/spec/a", "value": 2},
            {"op": "add", "path": "/list/-", "value": 3},
            {"op": "remove", "path": "/list/0"}
        ]);
        assert_eq!(apply(&object, &patch).unwrap(), json!({"spec": {"a": 2}, "list": [2, 3]}));
        let failing =
            json!([{"op": "remove", "path": "/list/0"}, {"op": "test", "path": "/spec/a", "value": 5}]);
        assert!(matches!(apply(&object, &failing), Err(JsonPatchError::Failed(_))));
        assert!(matches!(apply(&object, &json!({})), Err(JsonPatchError::Malformed(_))));
        let many = Value::Array(vec![json!({"op": "remove", "path": "/spec"}); MAX_OPERATIONS + 1]);
        assert_eq!(apply(&object, &many), Err(JsonPatchError::TooMany(MAX_OPERATIONS + 1)));
    }

    #[test]
    fn pointers_remove_what_they_lead_to() {
        let check = |pointer: &str, expected: Value| {
            let mut object = json!({"a/b": {"c": 1}, "l": [{"x": 1, "y": 2}]});
            remove(&mut object, pointer);
            assert_eq!(object, expected);
        };
        check("/a~1b/c", json!({"a/b": {}, "l": [{"x": 1, "y": 2}]}));
        check("/l/0/x", json!({"a/b": {"c": 1}, "l": [{"y": 2}]}));
        check("/l/0", json!({"a/b": {"c": 1}, "l": []}));
        check("/no/where", json!({"a/b": {"c": 1}, "l": [{"x": 1, "y": 2}]}));
        check("bad", json!({"a/b": {"c": 1}, "l": [{"x": 1, "y": 2}]}));
    }
}
