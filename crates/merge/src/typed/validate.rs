use super::item_element;
use crate::fields::PathElement;
use crate::values::go_value;
use holdfast_object::schema::{ListKind, ListType, Scalar, TypeKind, TypeRef};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// Where a value contradicts its type, in the API server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeErrors(Vec<(String, String)>);

impl fmt::Display for TypeErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, (path, what): &(String, String)| {
            if path.is_empty() { f.write_str(what) } else { write!(f, "{path}: {what}") }
        };
        if let [only] = self.0.as_slice() {
            return line(f, only);
        }
        f.write_str("errors:")?;
        self.0.iter().try_for_each(|error| {
            f.write_str("\n  ")?;
            line(f, error)
        })
    }
}

/// Checks that a value has its type's form. A live object may hold the same key twice, an applied one may not.
pub(crate) fn validate(value: &Value, ty: TypeRef<'_>, duplicates_allowed: bool) -> Result<(), TypeErrors> {
    let mut walk = Walk { path: Vec::new(), errors: Vec::new(), duplicates_allowed };
    walk.value(value, ty);
    walk.errors.sort();
    if walk.errors.is_empty() { Ok(()) } else { Err(TypeErrors(walk.errors)) }
}

struct Walk {
    path: Vec<PathElement>,
    errors: Vec<(String, String)>,
    duplicates_allowed: bool,
}

impl Walk {
    fn error(&mut self, what: impl Into<String>) {
        let path = self.path.iter().map(ToString::to_string).collect();
        self.errors.push((path, what.into()));
    }

    fn enter(&mut self, element: PathElement, value: &Value, ty: TypeRef<'_>) {
        self.path.push(element);
        self.value(value, ty);
        self.path.pop();
    }

    fn value(&mut self, value: &Value, ty: TypeRef<'_>) {
        if value.is_null() {
            return;
        }
        match ty.kind() {
            TypeKind::Any { .. } => {}
            TypeKind::Scalar(scalar) => {
                if let Some(what) = scalar_error(scalar, value) {
                    self.error(what);
                }
            }
            TypeKind::List(list) => match value {
                Value::Array(items) => self.list(items, list),
                other => self.error(format!("expected list, got &{{{}}}", go_value(other))),
            },
            TypeKind::Object(object) => {
                let Value::Object(map) = value else {
                    return self.error(format!("expected map, got &{{{}}}", go_value(value)));
                };
                for (key, value) in map {
                    let element = PathElement::field(key);
                    match object.child(key) {
                        Some(ty) => self.enter(element, value, ty),
                        None => {
                            self.path.push(element);
                            self.error("field not declared in schema");
                            self.path.pop();
                        }
                    }
                }
            }
        }
    }

    fn list(&mut self, items: &[Value], list: ListType<'_>) {
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            if list.kind() == ListKind::Atomic {
                self.enter(PathElement::Index(index), item, list.items());
                continue;
            }
            let element = match item_element(list, item) {
                Ok(element) => element,
                Err(what) => return self.error(format!("element {index}: {what}")),
            };
            if !self.duplicates_allowed && seen.contains(&element) {
                self.error(format!("duplicate entries for key {element}"));
            }
            seen.insert(element.clone());
            self.enter(element, item, list.items());
        }
    }
}

fn scalar_error(scalar: Scalar, value: &Value) -> Option<String> {
    let go = |value: &Value| match value {
        Value::String(text) => format!("&value.valueUnstructured{{Value:{text:?}}}"),
        other => format!("&value.valueUnstructured{{Value:{}}}", go_value(other)),
    };
    match scalar {
        Scalar::Int32 | Scalar::Int64 | Scalar::Integer | Scalar::Double | Scalar::Number => {
            let kind = match value {
                Value::Number(_) => return None,
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                Value::Array(_) => "[]interface {}",
                _ => "map[string]interface {}",
            };
            Some(format!("expected numeric (int or float), got {kind}"))
        }
        Scalar::String | Scalar::Bytes => {
            (!value.is_string()).then(|| format!("expected string, got {}", go(value)))
        }
        Scalar::Bool => {
            (!value.is_boolean()).then(|| format!("expected boolean, got &{{{}}}", go_value(value)))
        }
        Scalar::DateTime | Scalar::IntOrString | Scalar::Quantity => (value.is_object() || value.is_array())
            .then(|| format!("expected any scalar, got &{{{}}}", go_value(value))),
    }
}
