use crate::fields::{FieldSet, PathElement};
use holdfast_object::schema::{ListKind, TypeKind, TypeRef};

/// The set as the type would have it now: where a map or list has become atomic since the set was written, its
/// owner owns it as a whole.
pub(crate) fn reconcile(set: &FieldSet, ty: TypeRef<'_>) -> FieldSet {
    let mut out = FieldSet::default();
    for (element, member, below) in set.elements() {
        let child = if below.is_empty() { None } else { below_element(ty, element) };
        match child {
            Some(child) if is_atomic(child) => out.put(element.clone(), true, FieldSet::EMPTY),
            Some(child) => out.put(element.clone(), member, reconcile(below, child)),
            None => out.put(element.clone(), member, below.clone()),
        }
    }
    out
}

/// The set with every named struct field that has members below it: an owner of `spec.replicas` owns `spec` as long
/// as it must not vanish.
pub(crate) fn name_fields(set: &FieldSet, ty: TypeRef<'_>) -> FieldSet {
    let mut out = FieldSet::default();
    for (element, member, below) in set.elements() {
        let named = match element {
            PathElement::Field(name) => ty.field(name).is_some(),
            _ => false,
        };
        let below = match below_element(ty, element) {
            Some(child) => name_fields(below, child),
            None => below.clone(),
        };
        out.put(element.clone(), member || (named && !below.is_empty()), below);
    }
    out
}

/// The type an element leads to; untyped values hide theirs.
fn below_element<'a>(ty: TypeRef<'a>, element: &PathElement) -> Option<TypeRef<'a>> {
    match (ty.kind(), element) {
        (TypeKind::Object(object), PathElement::Field(name)) => object.child(name),
        (TypeKind::List(list), PathElement::Key(_) | PathElement::Value(_)) => Some(list.items()),
        _ => None,
    }
}

fn is_atomic(ty: TypeRef<'_>) -> bool {
    match ty.kind() {
        TypeKind::Object(object) => object.is_atomic(),
        TypeKind::List(list) => list.kind() == ListKind::Atomic,
        TypeKind::Any { atomic } => atomic,
        TypeKind::Scalar(_) => false,
    }
}
