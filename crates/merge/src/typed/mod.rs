//! Walking values along their types: what structured-merge-diff does with a value and a schema.
//!
//! The type decides what is one value (scalars, atomic lists and maps) and what has parts with owners of their own
//! (structs, maps, keyed lists, sets). Values that contradict their type are walked as what they are.

mod compare;
mod covers;
mod field_set;
mod merge;
mod reconcile;
mod remove;
mod validate;

use crate::fields::PathElement;
use holdfast_object::schema::{ListKind, ListType, ObjectType, TypeKind, TypeRef};
use serde_json::{Map, Value};

pub(crate) use compare::{Comparison, compare};
pub(crate) use covers::covers;
pub use field_set::field_set;
pub(crate) use merge::merge;
pub(crate) use reconcile::{name_fields, reconcile};
pub use remove::{extract, remove};
pub(crate) use validate::validate;

/// How a value is taken apart.
#[derive(Clone, Copy)]
pub(crate) enum Shape<'a> {
    /// One value with one owner.
    Leaf,
    /// Keys with owners of their own.
    Map(Keys<'a>),
    /// Items with owners of their own.
    List(ListType<'a>),
}

/// The types below a map.
#[derive(Clone, Copy)]
pub(crate) enum Keys<'a> {
    Of(ObjectType<'a>),
    Untyped(TypeRef<'a>),
}

impl<'a> Keys<'a> {
    /// The type below a key; what is not declared is taken as untyped.
    pub(crate) fn child(self, key: &str) -> TypeRef<'a> {
        match self {
            Keys::Of(object) => object.child(key).unwrap_or(TypeRef::untyped()),
            Keys::Untyped(ty) => ty,
        }
    }

    /// True for a named field of a struct, as opposed to a key of a map.
    pub(crate) fn declares(self, key: &str) -> bool {
        matches!(self, Keys::Of(object) if object.field(key).is_some())
    }
}

/// How a value of the type is taken apart. The value matters where the type leaves it open; null is the empty form
/// of whatever it could be.
pub(crate) fn shape<'a>(ty: TypeRef<'a>, value: &Value) -> Shape<'a> {
    match ty.kind() {
        TypeKind::Scalar(_) => Shape::Leaf,
        TypeKind::Object(object) if object.is_atomic() => Shape::Leaf,
        TypeKind::Object(object) => Shape::Map(Keys::Of(object)),
        TypeKind::List(list) if list.kind() == ListKind::Atomic => Shape::Leaf,
        TypeKind::List(list) => Shape::List(list),
        TypeKind::Any { atomic: true } => Shape::Leaf,
        TypeKind::Any { atomic: false } => match value {
            Value::Object(_) | Value::Null => Shape::Map(Keys::Untyped(ty)),
            _ => Shape::Leaf,
        },
    }
}

impl Shape<'_> {
    fn same_as(self, other: Shape<'_>) -> bool {
        matches!(
            (self, other),
            (Shape::Leaf, Shape::Leaf) | (Shape::Map(_), Shape::Map(_)) | (Shape::List(_), Shape::List(_))
        )
    }
}

/// The map a value is; null and anything else count as none.
fn as_map(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

fn as_list(value: Option<&Value>) -> Option<&[Value]> {
    value.and_then(Value::as_array).map(Vec::as_slice)
}

/// Both sides are absent, null or without parts: they are compared as one value, or the difference between empty
/// and null would be lost.
fn both_empty<T>(a: Option<&T>, b: Option<&T>, is_empty: impl Fn(&T) -> bool) -> bool
where
    T: ?Sized,
{
    a.is_none_or(&is_empty) && b.is_none_or(&is_empty)
}

/// The element that tells an item of a set or a keyed list from its siblings.
///
/// # Errors
/// The API server's words for an item that cannot be told apart.
pub(crate) fn item_element(list: ListType<'_>, item: &Value) -> Result<PathElement, String> {
    let keys = match list.kind() {
        ListKind::Map(keys) => keys,
        ListKind::Set | ListKind::Atomic => {
            return match item {
                Value::Object(_) => {
                    Err("associative list without keys has an element that's a map type".into())
                }
                Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
                Value::Null => {
                    Err("associative list without keys has an element that's an explicit null".into())
                }
                scalar => Ok(PathElement::Value(scalar.clone())),
            };
        }
    };
    let map = match item {
        Value::Object(map) => map,
        Value::Null => return Err("associative list with keys may not have a null element".into()),
        _ => return Err("associative list with keys may not have non-map elements".into()),
    };
    let items = list.items();
    let value_of = |key: &str| {
        map.get(key).cloned().or_else(|| items.field(key).and_then(|field| field.default().cloned()))
    };
    let fields: Vec<_> = keys.iter().filter_map(|key| Some((key.as_ref(), value_of(key)?))).collect();
    if fields.is_empty() {
        let keys: Vec<String> = keys.iter().map(|k| format!("{k:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            keys.join(" ")
        ));
    }
    Ok(PathElement::key(fields))
}
