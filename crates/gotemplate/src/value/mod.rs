//! The values of a template: what Go's `interface{}` holds while one executes.

mod collection;
mod entries;
mod frozen;
mod json;
mod object;
mod text;

use std::fmt;
use std::rc::Rc;

pub(crate) use collection::WeakMap;
pub use collection::{Elem, List, Map, MapMethod, MapType, NamedMap};
pub use entries::Entries;
pub use frozen::{Frozen, FrozenMap};
pub use json::Numbers;
pub use object::{HostObject, View};
pub use text::Str;

/// A value as Go's `reflect` package sees it.
///
/// Maps are references, as in Go: a clone shares its entries with the original, so that `set` is seen by all
/// holders. Numbers keep their Go type, since `eq`, `kindOf` and `%T` tell `int`, `int64` and `float64` apart.
#[derive(Clone, Default)]
pub enum Value {
    /// Go's zero `reflect.Value`: no value at all. Prints as `<no value>`; its fields are again invalid.
    #[default]
    Invalid,
    /// A nil `interface{}`: an absent map key or a null. Its fields are an error.
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`: literals, lengths, indices.
    Int(i64),
    /// `int64`: what the arithmetic functions return.
    Int64(i64),
    /// `uint8`: an element of a string.
    Uint8(u8),
    /// `uint64`
    Uint64(u64),
    /// `float64`: every number that was read from YAML or JSON.
    Float(f64),
    /// `complex128`, which only a literal such as `2i` can be: the real and the imaginary part.
    Complex(f64, f64),
    /// `string`
    Str(Str),
    /// A slice.
    List(List),
    /// A map with string keys.
    Map(Map),
    /// Anything with fields or methods of its own.
    Object(Rc<dyn HostObject>),
}

/// Go's `reflect.Kind`, as far as values here have one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Kind {
    Invalid,
    Bool,
    Int,
    Int64,
    Uint8,
    Uint64,
    Float64,
    Complex128,
    String,
    Slice,
    Map,
    Struct,
    Ptr,
    Func,
}

impl Kind {
    /// Go's name of the kind, as `kindOf` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint8 => "uint8",
            Self::Uint64 => "uint64",
            Self::Float64 => "float64",
            Self::Complex128 => "complex128",
            Self::String => "string",
            Self::Slice => "slice",
            Self::Map => "map",
            Self::Struct => "struct",
            Self::Ptr => "ptr",
            Self::Func => "func",
        }
    }
}

impl Value {
    /// A string value.
    pub fn str(text: impl Into<Str>) -> Self {
        Self::Str(text.into())
    }

    /// Go's kind of the value; [`Kind::Invalid`] for both nils.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid | Self::Nil => Kind::Invalid,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Int64(_) => Kind::Int64,
            Self::Uint8(_) => Kind::Uint8,
            Self::Uint64(_) => Kind::Uint64,
            Self::Float(_) => Kind::Float64,
            Self::Complex(..) => Kind::Complex128,
            Self::Str(_) => Kind::String,
            Self::List(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Object(object) => object.kind(),
        }
    }

    /// Go's name of the value's type, as `%T` prints it; `<nil>` for both nils.
    pub fn type_name(&self) -> String {
        match self {
            Self::Invalid | Self::Nil => "<nil>".into(),
            Self::Bool(_) | Self::Int(_) | Self::Int64(_) | Self::Uint8(_) | Self::Uint64(_) => {
                self.kind().name().into()
            }
            Self::Float(_) | Self::Complex(..) | Self::Str(_) => self.kind().name().into(),
            Self::List(list) => list.type_name(),
            Self::Map(map) => map.type_name().into(),
            Self::Object(object) => object.type_name().into(),
        }
    }

    /// Whether this is one of the two nils.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Invalid | Self::Nil)
    }

    /// Go template truth: not the zero of its type and not empty. Structs are always true.
    pub fn truth(&self) -> bool {
        match self {
            Self::Invalid | Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Int64(value) => *value != 0,
            Self::Uint8(value) => *value != 0,
            Self::Uint64(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Complex(real, imaginary) => *real != 0.0 || *imaginary != 0.0,
            Self::Str(value) => !value.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => match object.view() {
                View::Scalar(value) => value.truth(),
                View::Map(map) => !map.is_empty(),
                View::List(list) => !list.is_empty(),
                View::Struct(_) | View::Opaque => true,
            },
        }
    }

    /// The number of elements of a string (bytes), list, map or collection object.
    pub fn len(&self) -> Option<usize> {
        match self {
            Self::Str(value) => Some(value.len()),
            Self::List(list) => Some(list.len()),
            Self::Map(map) => Some(map.len()),
            Self::Object(object) => object.len(),
            _ => None,
        }
    }

    /// Whether [`len`](Self::len) is zero.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// The list, where the value is one or an object that shows itself as one.
    pub fn as_list(&self) -> Option<List> {
        match self {
            Self::List(list) => Some(list.clone()),
            Self::Object(object) => match object.view() {
                View::List(list) => Some(list),
                _ => None,
            },
            _ => None,
        }
    }

    /// The map, where the value is one or an object that shows itself as one.
    pub fn as_map(&self) -> Option<Map> {
        match self {
            Self::Map(map) => Some(map.clone()),
            Self::Object(object) => match object.view() {
                View::Map(map) => Some(map),
                _ => None,
            },
            _ => None,
        }
    }

    /// The object, where the value holds one of type `T`.
    pub fn downcast<T: HostObject>(&self) -> Option<&T> {
        match self {
            Self::Object(object) => (object.as_ref() as &dyn std::any::Any).downcast_ref(),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Str> for Value {
    fn from(value: Str) -> Self {
        Self::Str(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Str(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Str(value.into())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Str(value.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Str(value.into())
    }
}

impl From<List> for Value {
    fn from(value: List) -> Self {
        Self::List(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Self::Map(value)
    }
}

impl fmt::Debug for Value {
    /// Only the type: a value may hold secrets, and a map may hold itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.type_name())
    }
}
