//! Strategic merge patches: patches that know how a kind's lists and maps merge.
//!
//! The rules are those of apimachinery's `strategicpatch`, its directives (`$patch`, `$retainKeys`,
//! `$setElementOrder/…`, `$deleteFromPrimitiveList/…`) and its messages included.

mod apply;
mod conflict;
mod diff;
mod lists;

use crate::values::go_value;
use holdfast_object::schema::{PatchStrategy, TypeKind, TypeRef};
use serde_json::{Map, Value};

use apply::{Apply, Mode};
use diff::Diff;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ORDER: &str = "$setElementOrder/";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList/";

/// Why a patch cannot be made or applied, in the API server's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// A document is no mapping.
    #[error("invalid JSON document")]
    NoObject,
    /// An item of a keyed list lacks its key.
    #[error("map: {map} does not contain declared merge key: {key}")]
    NoMergeKey {
        /// The item.
        map: String,
        /// The key it lacks.
        key: String,
    },
    /// A directive's value, or an item, has the wrong form.
    #[error("expected a {expected}, but received a {received}")]
    WrongForm {
        /// What it should be.
        expected: &'static str,
        /// What it is.
        received: &'static str,
    },
    /// Lists in lists have no merge.
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// Scalars and maps in one list.
    #[error("list element types are not identical: {0}")]
    MixedList(String),
    /// `$patch` is none of `replace`, `merge`, `delete`.
    #[error("unknown patch type: {kind} in map: {map}")]
    UnknownDirective {
        /// Its value.
        kind: String,
        /// The map that holds it.
        map: String,
    },
    /// `$patch: merge` in a list.
    #[error("merging lists cannot yet be specified in the patch")]
    MergeDirective,
    /// `$retainKeys` is no list, or lacks a key that the patch sets.
    #[error("invalid patch format of retainKeys")]
    RetainKeys,
    /// `$setElementOrder` is no list or lacks its field's name.
    #[error("invalid patch format of setElementOrder list")]
    SetElementOrder,
    /// `$setElementOrder` contradicts the order of the patch's own list.
    #[error("The order in patch list:\n{patch}\n doesn't match $setElementOrder list:\n{order}\n")]
    OrderMismatch {
        /// The patch's list.
        patch: String,
        /// The directive's list.
        order: String,
    },
    /// A list of maps without a key to merge by.
    #[error("cannot merge lists without merge key for {0}")]
    NoKeyDeclared(String),
    /// The kind has no such field, so there is no telling how it merges.
    #[error("unable to find api field in struct {owner} for the json field {field:?}")]
    UnknownField {
        /// Name of the type.
        owner: String,
        /// Name of the field.
        field: String,
    },
    /// Without `overwrite`: both sides changed a field differently.
    #[error("patch:\n{patch}\nconflicts with changes made from original to current:\n{changes}\n")]
    Conflict {
        /// What the patch would set.
        patch: String,
        /// What was changed meanwhile.
        changes: String,
    },
}

/// Applies a patch to an object of type `ty`.
///
/// # Errors
/// [`PatchError`] for malformed directives and items without their key.
pub fn apply(original: &Value, patch: &Value, ty: TypeRef<'_>) -> Result<Value, PatchError> {
    let merged = Apply { mode: Mode::Apply }.map(object(original)?.clone(), object(patch)?.clone(), ty)?;
    Ok(Value::Object(merged))
}

/// The patch that turns `original` into `modified`.
///
/// # Errors
/// [`PatchError`] for lists whose items cannot be told apart.
pub fn two_way(original: &Value, modified: &Value, ty: TypeRef<'_>) -> Result<Value, PatchError> {
    let diff = Diff { changes: true, deletions: true, set_order: true, retain_keys: false };
    Ok(Value::Object(diff.maps(object(original)?, object(modified)?, ty)?))
}

/// The patch that brings `current` to what `modified` says, and removes what `original` (applied last) said and
/// `modified` no longer says. Fields of `current` that neither names stay.
///
/// # Errors
/// [`PatchError`]; without `overwrite` also where `current` and `modified` changed a field differently.
pub fn three_way(
    original: &Value,
    modified: &Value,
    current: &Value,
    ty: TypeRef<'_>,
    overwrite: bool,
) -> Result<Value, PatchError> {
    let (original, modified, current) = (object(original)?, object(modified)?, object(current)?);
    let both = Diff { changes: true, deletions: true, set_order: true, retain_keys: false };
    let delta = Diff { deletions: false, ..both }.maps(current, modified, ty)?;
    let deletions = Diff { changes: false, ..both }.maps(original, modified, ty)?;
    let patch = Apply { mode: Mode::Combine }.map(deletions, delta, ty)?;
    if !overwrite {
        let changes = Diff { set_order: false, ..both }.maps(original, current, ty)?;
        if conflict::maps_conflict(&patch, &changes, ty)? {
            return Err(PatchError::Conflict {
                patch: Value::Object(patch).to_string(),
                changes: Value::Object(changes).to_string(),
            });
        }
    }
    Ok(Value::Object(patch))
}

fn object(value: &Value) -> Result<&Map<String, Value>, PatchError> {
    static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    match value {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(&NOTHING),
        _ => Err(PatchError::NoObject),
    }
}

/// How a key of a map merges: its type and its patch strategy.
///
/// # Errors
/// [`PatchError::UnknownField`] where a struct has no such field.
fn lookup<'a>(ty: TypeRef<'a>, key: &str) -> Result<(TypeRef<'a>, PatchStrategy<'a>), PatchError> {
    if let Some(field) = ty.field(key) {
        return Ok((field.ty(), field.patch_strategy()));
    }
    let unknown = || PatchError::UnknownField {
        owner: ty.name().and_then(|name| name.rsplit('.').next()).unwrap_or("value").to_owned(),
        field: key.to_owned(),
    };
    match ty.kind() {
        TypeKind::Object(object) => {
            let child = object.other_keys().ok_or_else(unknown)?;
            Ok((child, PatchStrategy::default()))
        }
        _ => Ok((TypeRef::untyped(), PatchStrategy::default())),
    }
}

/// The type of a list's items; of what is no list, the value itself.
fn items_of(ty: TypeRef<'_>) -> TypeRef<'_> {
    ty.items().unwrap_or(ty)
}

fn form(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn as_item(value: &Value) -> Result<&Map<String, Value>, PatchError> {
    value
        .as_object()
        .ok_or_else(|| PatchError::WrongForm { expected: "map[string]interface {}", received: form(value) })
}

fn as_list(value: &Value) -> Result<&[Value], PatchError> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| PatchError::WrongForm { expected: "[]interface {}", received: form(value) })
}

/// The value of an item's merge key.
fn key_of<'v>(item: &'v Value, key: &str) -> Result<&'v Value, PatchError> {
    as_item(item)?.get(key).ok_or_else(|| PatchError::NoMergeKey { map: go_value(item), key: key.to_owned() })
}

#[cfg(test)]
mod tests;
