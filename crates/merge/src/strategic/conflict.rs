use super::lists::hold_maps;
use super::{DIRECTIVE, PatchError, RETAIN_KEYS, items_of, lookup};
use crate::values::go_value;
use holdfast_object::schema::{PatchStrategy, TypeRef};
use serde_json::{Map, Value};

/// True when two patches of one object set a field differently.
pub(super) fn maps_conflict(
    a: &Map<String, Value>,
    b: &Map<String, Value>,
    ty: TypeRef<'_>,
) -> Result<bool, PatchError> {
    for (key, a) in a.iter().filter(|(key, _)| *key != DIRECTIVE && *key != RETAIN_KEYS) {
        let Some(b) = b.get(key) else { continue };
        let (ty, strategy) = match a {
            Value::Object(_) | Value::Array(_) if !key.starts_with('$') => lookup(ty, key)?,
            _ => (TypeRef::untyped(), PatchStrategy::default()),
        };
        if values_conflict(a, b, ty, strategy)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn values_conflict(
    a: &Value,
    b: &Value,
    ty: TypeRef<'_>,
    strategy: PatchStrategy<'_>,
) -> Result<bool, PatchError> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            if a.get(DIRECTIVE) != b.get(DIRECTIVE) {
                return Ok(true);
            }
            if strategy.replace { Ok(false) } else { maps_conflict(a, b, ty) }
        }
        (Value::Array(a), Value::Array(b)) => lists_conflict(a, b, items_of(ty), strategy),
        (a, b) => Ok(a != b),
    }
}

fn lists_conflict(
    a: &[Value],
    b: &[Value],
    items: TypeRef<'_>,
    strategy: PatchStrategy<'_>,
) -> Result<bool, PatchError> {
    let maps = hold_maps([a, b])?;
    if strategy.merge {
        let Some(key) = strategy.merge_key.filter(|_| maps) else { return Ok(false) };
        for item in a {
            let same = b.iter().find(|other| other.get(key) == item.get(key));
            if let Some(other) = same
                && values_conflict(item, other, items, PatchStrategy::default())?
            {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    if a.len() != b.len() {
        return Ok(true);
    }
    let (mut a, mut b): (Vec<&Value>, Vec<&Value>) = (a.iter().collect(), b.iter().collect());
    if !maps {
        a.sort_by_key(|v| go_value(v));
        b.sort_by_key(|v| go_value(v));
    }
    for (a, b) in a.into_iter().zip(b) {
        if values_conflict(a, b, items, PatchStrategy::default())? {
            return Ok(true);
        }
    }
    Ok(false)
}
