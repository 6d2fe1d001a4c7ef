use crate::fields::{FieldPath, FieldSet, PathElement};
use crate::managers::{Managers, Operation};
use crate::typed::{self, Shape, item_element, shape};
use crate::values;
use holdfast_object::schema::{TypeKind, TypeRef};
use serde_json::{Map, Value};
use std::fmt;

/// One difference between what is live and what an apply would make of it.
#[derive(Clone, PartialEq)]
pub struct Difference {
    /// Where: `.spec.replicas`, `.spec.containers[name="a"].image`.
    pub path: FieldPath,
    /// What kind of difference.
    pub kind: DifferenceKind,
    /// The wanted value; none for what would be removed.
    pub desired: Option<Value>,
    /// The live value; none for what is missing.
    pub live: Option<Value>,
    /// Who set the live value last, beside ourselves. None when nobody is recorded: it was removed, or admission
    /// changed it.
    pub taken_by: Option<Taker>,
}

impl fmt::Debug for Difference {
    /// Without the values, which may be a Secret's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.kind, self.path)?;
        match &self.taken_by {
            Some(taker) => write!(f, " by {taker}"),
            None => Ok(()),
        }
    }
}

/// In which way live and wanted differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DifferenceKind {
    /// Another value.
    Changed,
    /// Wanted, not live.
    Missing,
    /// Live, and an apply would remove it.
    Extra,
    /// The same items in another order.
    Order,
}

/// A manager that set a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taker {
    /// Its name.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// The subresource it wrote through; empty for the object itself.
    pub subresource: String,
    /// When, RFC 3339.
    pub time: Option<String>,
}

impl fmt::Display for Taker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.manager, self.operation.as_str())
    }
}

/// The differences from `live` to `new`, in the order of their paths, order of lists last.
pub(super) fn differences(
    live: &Value,
    new: &Value,
    ty: TypeRef<'_>,
    managers: &Managers,
    me: &str,
) -> Vec<Difference> {
    let compared = typed::compare(live, new, ty);
    let mut found = Vec::new();
    let sets = [
        (DifferenceKind::Changed, &compared.modified),
        (DifferenceKind::Missing, &compared.added),
        (DifferenceKind::Extra, &compared.removed),
    ];
    let mut push = |kind: DifferenceKind, path: FieldPath| {
        found.push(Difference {
            kind,
            desired: path.find(new).cloned(),
            live: path.find(live).cloned(),
            taken_by: taker(&path, managers, me),
            path,
        });
    };
    for (kind, set) in sets {
        topmost(set).into_iter().for_each(|path| push(kind, path));
    }
    let mut orders = Vec::new();
    order(live, new, ty, &mut Vec::new(), &mut orders);
    orders.into_iter().for_each(|path| push(DifferenceKind::Order, path));
    found
}

/// The members that are not inside another member.
fn topmost(set: &FieldSet) -> Vec<FieldPath> {
    fn walk(set: &FieldSet, prefix: &mut Vec<PathElement>, found: &mut Vec<FieldPath>) {
        for (element, member, below) in set.elements() {
            prefix.push(element.clone());
            if member {
                found.push(FieldPath(prefix.clone()));
            } else {
                walk(below, prefix, found);
            }
            prefix.pop();
        }
    }
    let mut found = Vec::new();
    walk(set, &mut Vec::new(), &mut found);
    found
}

/// The other manager that owns a field, or something in it; the latest one.
fn taker(path: &FieldPath, managers: &Managers, me: &str) -> Option<Taker> {
    let owns = |set: &FieldSet| {
        let mut at = set;
        for (depth, element) in path.0.iter().enumerate() {
            if depth + 1 == path.0.len() {
                return at.has(element) || at.below(element).is_some();
            }
            // An owner of the whole owns the part.
            match at.below(element) {
                Some(below) => at = below,
                None => return at.has(element),
            }
        }
        false
    };
    let others = managers.0.iter().filter(|m| !(m.name == me && m.operation == Operation::Apply));
    let latest = others.filter(|m| owns(&m.fields)).max_by_key(|m| m.time.clone())?;
    Some(Taker {
        manager: latest.name.clone(),
        operation: latest.operation,
        subresource: latest.subresource.clone(),
        time: latest.time.clone(),
    })
}

/// Lists whose common items come in another order.
fn order(
    live: &Value,
    new: &Value,
    ty: TypeRef<'_>,
    path: &mut Vec<PathElement>,
    found: &mut Vec<FieldPath>,
) {
    match (shape(ty, live), live, new) {
        (Shape::Map(keys), Value::Object(live), Value::Object(new)) => {
            for (key, live) in live {
                if let Some(new) = new.get(key).filter(|new| !values::equal(live, new)) {
                    path.push(PathElement::field(key));
                    order(live, new, keys.child(key), path, found);
                    path.pop();
                }
            }
        }
        (Shape::List(list), Value::Array(live), Value::Array(new)) => {
            let elements = |items: &[Value]| -> Vec<PathElement> {
                items.iter().filter_map(|item| item_element(list, item).ok()).collect()
            };
            let (in_live, in_new) = (elements(live), elements(new));
            let of_live = in_live.iter().filter(|e| in_new.contains(e));
            let of_new = in_new.iter().filter(|e| in_live.contains(e));
            if !of_live.eq(of_new) {
                found.push(FieldPath(path.clone()));
            }
            for (element, live) in in_live.iter().zip(live) {
                if let Some(index) = in_new.iter().position(|e| e == element)
                    && let Some(new) = new.get(index)
                {
                    path.push(element.clone());
                    order(live, new, list.items(), path, found);
                    path.pop();
                }
            }
        }
        _ => {}
    }
}

/// Whether two states of an object are the same in what an apply is about: labels, annotations, and everything but
/// metadata and status. So Flux compares a dry run's answer with what is live (`fluxcd/pkg/ssa`, `hasDrifted`).
pub fn same_content(one: &Value, other: &Value) -> bool {
    values::equal(&compared_part(one), &compared_part(other))
}

/// The part of an object that counts: labels, annotations, and everything but metadata and status.
pub(super) fn compared_part(object: &Value) -> Value {
    let mut part = object.clone();
    let metadata: Map<String, Value> = ["labels", "annotations"]
        .into_iter()
        .filter_map(|field| {
            let value = object["metadata"].get(field)?.as_object()?;
            (!value.is_empty()).then(|| (field.to_owned(), Value::Object(value.clone())))
        })
        .collect();
    if let Some(map) = part.as_object_mut() {
        map.shift_remove("status");
        map.insert("metadata".into(), Value::Object(metadata));
    }
    part
}

/// True for values that Go leaves out when it may: false, 0, "", null, and what holds nothing.
pub(super) fn is_empty_value(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(is_empty_value),
    }
}

/// True when `whole` is `part` with more fields in its maps: what defaulting does inside a value with one owner.
pub(super) fn is_part_of(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part.iter().all(|(key, value)| {
            whole.get(key).map_or(is_empty_value(value), |other| is_part_of(value, other))
        }),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(a, b)| is_part_of(a, b))
        }
        (part, whole) => values::equal(part, whole),
    }
}

/// True where the API server may put a default back: a field of a struct of its own, as opposed to a map's key or an
/// item.
pub(super) fn may_default(path: &FieldPath, ty: TypeRef<'_>) -> bool {
    let Some((last, parents)) = path.0.split_last() else { return false };
    let parent = parents.iter().try_fold(ty, |at, element| match element {
        PathElement::Field(name) => at.child(name),
        _ => at.items(),
    });
    match (last, parent.map(TypeRef::kind)) {
        (PathElement::Field(name), Some(TypeKind::Object(object))) => object.field(name).is_some(),
        _ => false,
    }
}
