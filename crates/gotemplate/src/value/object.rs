//! Values with fields and methods that the program hosting the templates defines.

use std::any::Any;

use super::{Kind, List, Map, Str, Value};
use crate::exec::{Context, FuncError};
use crate::functions::Params;

/// How an object shows itself to printing, `range`, `len`, `index` and JSON.
pub enum View {
    /// Not at all: it prints as an empty struct.
    Opaque,
    /// As a map.
    Map(Map),
    /// As a list.
    List(List),
    /// As a value of a basic kind, such as the number of a month.
    Scalar(Value),
    /// As a struct with these exported fields, in order. JSON uses the same names.
    Struct(Vec<(&'static str, Value)>),
}

/// A Go value with fields or methods of its own, such as Helm's `.Files` or a time.
pub trait HostObject: Any {
    /// Go's name of the type, as `%T` and error texts print it.
    fn type_name(&self) -> &str;

    /// The kind that `kindOf` prints. It should agree with [`view`](Self::view).
    fn kind(&self) -> Kind {
        Kind::Struct
    }

    /// The value of an exported field (struct) or key (map).
    fn field(&self, name: &[u8]) -> Option<Value> {
        match self.view() {
            View::Map(map) => map.get(name),
            View::Struct(fields) => {
                fields.into_iter().find(|(field, _)| field.as_bytes() == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The parameters of the method `name`, or `None` where there is no such method. Methods win over fields.
    fn method(&self, name: &[u8]) -> Option<Params> {
        let _ = name;
        None
    }

    /// Calls a method that [`method`](Self::method) knows, with arguments that fit its parameters.
    fn call(&self, context: &mut Context<'_>, method: &[u8], args: &[Value]) -> Result<Value, FuncError> {
        let _ = (context, args);
        Err(format!("no method {}", String::from_utf8_lossy(method)).into())
    }

    /// What Go's `String()` returns, where the type has one. Printing prefers it.
    fn text(&self) -> Option<Str> {
        None
    }

    /// What an action prints, where the type has a `String()` of its pointer only: everywhere else, in `printf` or
    /// `quote`, such a value is a plain one.
    fn shown(&self) -> Option<Str> {
        self.text()
    }

    /// What printing, `range`, `len`, `index` and JSON see.
    fn view(&self) -> View {
        View::Opaque
    }

    /// What JSON and YAML show, where that differs from [`view`](Self::view).
    fn json(&self) -> Option<Value> {
        None
    }

    /// The fields that JSON shows of a struct, in its order, where they are not those of [`view`](Self::view).
    fn json_fields(&self) -> Option<Vec<(&'static str, Value)>> {
        None
    }

    /// The number of elements of a collection.
    fn len(&self) -> Option<usize> {
        match self.view() {
            View::Map(map) => Some(map.len()),
            View::List(list) => Some(list.len()),
            _ => None,
        }
    }

    /// Whether the object is an empty collection.
    fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Whether Go's `==` holds between both, which have the same type name.
    fn equals(&self, other: &dyn HostObject) -> bool {
        let _ = other;
        false
    }
}
