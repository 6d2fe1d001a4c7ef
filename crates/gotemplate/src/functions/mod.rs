//! Functions that templates call: their registry, their signatures, and Go's own set.

mod builtin;
mod compare;
mod escape;
mod sprig;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::exec::{Context, FuncError};
use crate::value::{Elem, MapType, Str, Value};

/// The Go type of a parameter. Arguments that do not fit are refused before the call, with Go's message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// `interface{}`: anything; both nils arrive as [`Value::Nil`].
    Any,
    /// `reflect.Value`: anything, with the two nils told apart. What Go's own functions take.
    Reflect,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `uint32`, which only a literal can be: it arrives as [`Value::Uint64`].
    Uint32,
    /// `float64`
    Float,
    /// `string`
    String,
    /// `map[string]interface{}`; a nil arrives as [`Value::Invalid`].
    Map,
    /// `[]interface{}`; a nil arrives as [`Value::Invalid`].
    List,
    /// `[]string`; a nil arrives as [`Value::Invalid`].
    Strings,
    /// A type of the host, by the name Go prints.
    Named(&'static str),
}

impl Type {
    /// Go's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Uint32 => "uint32",
            Self::Float => "float64",
            Self::String => "string",
            Self::Map => "map[string]interface {}",
            Self::List => "[]interface {}",
            Self::Strings => "[]string",
            Self::Named(name) => name,
        }
    }

    /// Whether a nil may be given for it.
    pub(crate) fn nilable(self) -> bool {
        matches!(self, Self::Any | Self::Reflect | Self::Map | Self::List | Self::Strings)
    }

    /// Whether a value that is no nil fits.
    pub(crate) fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any | Self::Reflect, _) => true,
            (Self::Bool, Value::Bool(_)) | (Self::Int, Value::Int(_)) | (Self::Int64, Value::Int64(_)) => {
                true
            }
            (Self::Float, Value::Float(_)) | (Self::String, Value::Str(_)) => true,
            (Self::Map, Value::Map(map)) => map.map_type() != MapType::String,
            (Self::List, Value::List(list)) => list.elem() == Elem::Any,
            (Self::Strings, Value::List(list)) => list.elem() == Elem::String,
            (Self::Named(name), Value::Object(object)) => object.type_name() == name,
            _ => false,
        }
    }
}

/// The parameters of a function: fixed ones, then any number of `rest`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Params {
    /// Must all be given.
    pub fixed: &'static [Type],
    /// The type of the variadic ones, if any.
    pub rest: Option<Type>,
}

impl Params {
    /// Exactly these.
    pub const fn fixed(fixed: &'static [Type]) -> Self {
        Self { fixed, rest: None }
    }

    /// These, then any number of `rest`.
    pub const fn variadic(fixed: &'static [Type], rest: Type) -> Self {
        Self { fixed, rest: Some(rest) }
    }

    /// The type of the argument at `index`, from 0.
    pub(crate) fn at(&self, index: usize) -> Type {
        self.fixed.get(index).copied().or(self.rest).unwrap_or(Type::Any)
    }
}

/// What Go's executor treats specially about a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Plain,
    And,
    Or,
    Call,
}

type Body = Box<dyn Fn(&mut Context<'_>, &[Value]) -> Result<Value, FuncError> + Send + Sync>;

/// A function that templates can call.
pub struct Function {
    name: String,
    params: Params,
    role: Role,
    body: Body,
}

impl Function {
    /// The name templates call it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its parameters.
    pub fn params(&self) -> Params {
        self.params
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Calls it with arguments that fit its parameters.
    pub(crate) fn call(&self, context: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
        (self.body)(context, args)
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", self.name)
    }
}

/// The functions in force: a template is bound to them when it is parsed.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    by_name: HashMap<Str, Arc<Function>, RandomState>,
}

impl Functions {
    /// None at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Those of Go's `text/template`: comparisons, `and`, `or`, `not`, `index`, `slice`, `len`, `call`, the `print`
    /// family and the escapers.
    pub fn text_template() -> Self {
        let mut functions = Self::none();
        builtin::register(&mut functions);
        compare::register(&mut functions);
        escape::register(&mut functions);
        functions
    }

    /// The function of that name.
    pub fn get(&self, name: &[u8]) -> Option<&Arc<Function>> {
        self.by_name.get(name)
    }

    /// Adds a function, or replaces the one of the same name in templates parsed from now on.
    ///
    /// `body` gets arguments that fit `params`.
    pub fn insert<F>(&mut self, name: &str, params: Params, body: F)
    where
        F: Fn(&mut Context<'_>, &[Value]) -> Result<Value, FuncError> + Send + Sync + 'static,
    {
        self.insert_role(name, params, Role::Plain, Box::new(body));
    }

    /// Removes a function: templates parsed from now on cannot call it.
    pub fn remove(&mut self, name: &str) {
        self.by_name.remove(name.as_bytes());
    }

    /// The names of all functions, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.by_name.values().map(|function| function.name()).collect();
        names.sort_unstable();
        names
    }

    fn insert_role(&mut self, name: &str, params: Params, role: Role, body: Body) {
        let function = Function { name: name.into(), params, role, body };
        self.by_name.insert(name.into(), Arc::new(function));
    }
}
