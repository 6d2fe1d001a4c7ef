//! JSON patches as the API server applies them, which is looser than RFC 6902: `replace` makes what is not there, a
//! negative index counts from the end, and a test against null passes where nothing is.

use serde_json::Value;

/// One operation, as it was sent.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Operation {
    #[serde(default)]
    op: String,
    path: Option<String>,
    from: Option<String>,
    #[serde(default)]
    value: Value,
}

/// An operation does not apply. The original keeps the cause to itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Inapplicable;

type Applied<T = ()> = Result<T, Inapplicable>;

/// Applies operations in their order.
///
/// # Errors
/// At the first one that does not apply.
pub(crate) fn apply(document: &mut Value, operations: &[Operation]) -> Applied {
    for operation in operations {
        let path = operation.path.as_deref().ok_or(Inapplicable)?;
        match operation.op.as_str() {
            "add" => add(document, path, operation.value.clone())?,
            "remove" => drop(remove(document, path)?),
            "replace" => replace(document, path, operation.value.clone())?,
            "move" => {
                let value = remove(document, operation.from.as_deref().ok_or(Inapplicable)?)?;
                add(document, path, value)?;
            }
            "copy" => {
                let from = operation.from.as_deref().ok_or(Inapplicable)?;
                let value = get(document, from)?.ok_or(Inapplicable)?.clone();
                add(document, path, value)?;
            }
            "test" => {
                let found = get(document, path)?.unwrap_or(&Value::Null);
                if *found != operation.value {
                    return Err(Inapplicable);
                }
            }
            _ => return Err(Inapplicable),
        }
    }
    Ok(())
}

/// The keys of a pointer.
fn keys(path: &str) -> Applied<Vec<String>> {
    let rest = path.strip_prefix('/').ok_or(Inapplicable)?;
    Ok(rest.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect())
}

/// The container that a pointer leads into, and its last key.
fn holder<'d>(document: &'d mut Value, path: &str) -> Applied<(&'d mut Value, String)> {
    let mut keys = keys(path)?;
    let last = keys.pop().ok_or(Inapplicable)?;
    let mut place = document;
    for key in keys {
        place = match place {
            Value::Object(map) => map.get_mut(&key),
            Value::Array(items) => {
                let at = index(&key, items.len())?;
                items.get_mut(at)
            }
            _ => None,
        }
        .ok_or(Inapplicable)?;
    }
    Ok((place, last))
}

/// An index into a list of a length; negative ones count from its end.
fn index(key: &str, length: usize) -> Applied<usize> {
    let number: i64 = key.parse().map_err(|_| Inapplicable)?;
    let length = i64::try_from(length).map_err(|_| Inapplicable)?;
    usize::try_from(if number < 0 { number + length } else { number }).map_err(|_| Inapplicable)
}

fn get<'d>(document: &'d mut Value, path: &str) -> Applied<Option<&'d Value>> {
    let (place, key) = holder(document, path)?;
    match place {
        Value::Object(map) => Ok(map.get(&key)),
        Value::Array(items) => {
            let at = index(&key, items.len())?;
            items.get(at).map(Some).ok_or(Inapplicable)
        }
        _ => Err(Inapplicable),
    }
}

fn add(document: &mut Value, path: &str, value: Value) -> Applied {
    let (place, key) = holder(document, path)?;
    match place {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let at = index(&key, items.len())?;
            if at > items.len() {
                return Err(Inapplicable);
            }
            items.insert(at, value);
        }
        _ => return Err(Inapplicable),
    }
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Applied<Value> {
    let (place, key) = holder(document, path)?;
    match place {
        Value::Object(map) => map.shift_remove(&key).ok_or(Inapplicable),
        Value::Array(items) => {
            let at = index(&key, items.len())?;
            if at >= items.len() {
                return Err(Inapplicable);
            }
            Ok(items.remove(at))
        }
        _ => Err(Inapplicable),
    }
}

fn replace(document: &mut Value, path: &str, value: Value) -> Applied {
    if path.is_empty() {
        *document = value;
        return Ok(());
    }
    let (place, key) = holder(document, path)?;
    match place {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) => {
            let at = index(&key, items.len())?;
            *items.get_mut(at).ok_or(Inapplicable)? = value;
        }
        _ => return Err(Inapplicable),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_apply_as_the_original_applies_them() {
        let check = |patch: Value, expected: Option<Value>| {
            let mut document = json!({"a": {"b": 1}, "l": [1, 2, 3]});
            let operations: Vec<Operation> = serde_json::from_value(patch.clone()).unwrap();
            let done = apply(&mut document, &operations).ok().map(|()| document);
            assert_eq!(done, expected, "{patch}");
        };
        check(
            json!([{"op": "replace", "path": "/a/c", "value": 2}]),
            Some(json!({"a": {"b": 1, "c": 2}, "l": [1, 2, 3]})),
        );
        check(json!([{"op": "remove", "path": "/l/-1"}]), Some(json!({"a": {"b": 1}, "l": [1, 2]})));
        check(
            json!([{"op": "add", "path": "/l/1", "value": 9}]),
            Some(json!({"a": {"b": 1}, "l": [1, 9, 2, 3]})),
        );
        check(json!([{"op": "add", "path": "/l/9", "value": 9}]), None);
        check(
            json!([{"op": "test", "path": "/a/none", "value": null}]),
            Some(json!({"a": {"b": 1}, "l": [1, 2, 3]})),
        );
        check(json!([{"op": "test", "path": "/none/x", "value": null}]), None);
        check(json!([{"op": "remove", "path": "/a/none"}]), None);
        check(
            json!([{"op": "move", "from": "/a/b", "path": "/c~1d"}]),
            Some(json!({"a": {}, "l": [1, 2, 3], "c/d": 1})),
        );
        check(json!([{"op": "frob", "path": "/a"}]), None);
        check(json!([{"op": "add", "value": 1}]), None);
    }
}
