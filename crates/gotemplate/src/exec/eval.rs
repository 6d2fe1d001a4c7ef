//! Expressions: pipelines, commands, operands, fields.

use std::sync::Arc;

use super::{Context, MissingKey, Operand, Result};
use crate::functions::Type;
use crate::parse::Tree;
use crate::parse::ast::{NodeId, NodeKind, Number, Span, UNDEFINED};
use crate::value::{Map, MapType, Value};

impl Context<'_> {
    /// The value of a pipeline. The variables that it declares have it afterwards.
    pub(super) fn eval_pipeline(&mut self, tree: &Arc<Tree>, dot: &Operand, id: NodeId) -> Result<Value> {
        self.at = id;
        let NodeKind::Pipe { decls, assign, commands } = tree.unit.node(id).kind else {
            return Err(self.error(tree, "not a pipeline"));
        };
        let mut value = None;
        for command in tree.unit.children(commands) {
            value = Some(self.eval_command(tree, dot, *command, value)?.unwrap());
        }
        let value = value.unwrap_or_default();
        for decl in tree.unit.children(decls) {
            self.set_variable(tree, *decl, Operand::concrete(value.clone()), assign)?;
        }
        Ok(value)
    }

    fn eval_command(
        &mut self,
        tree: &Arc<Tree>,
        dot: &Operand,
        id: NodeId,
        piped: Option<Value>,
    ) -> Result<Operand> {
        self.step(tree)?;
        let NodeKind::Command { args } = tree.unit.node(id).kind else {
            return Err(self.error(tree, "not a command"));
        };
        let args = tree.unit.children(args);
        let first = args[0];
        match &tree.unit.node(first).kind {
            NodeKind::Field { names } => {
                self.at = first;
                return self.eval_fields(tree, dot, dot, first, *names, &args[1..], piped);
            }
            NodeKind::Chain { node, names } => {
                return self.eval_chain(tree, dot, first, *node, *names, &args[1..], piped);
            }
            NodeKind::Function(function) => {
                self.at = first;
                return self.eval_function(tree, dot, function, id, &args[1..], piped);
            }
            NodeKind::Variable { .. } => {
                return self.eval_variable(tree, dot, first, &args[1..], piped);
            }
            NodeKind::Pipe { .. } => {
                self.refuse_args(tree, first, &args[1..], piped.is_some())?;
                return self.eval_nested(tree, dot, first).map(Operand::concrete);
            }
            _ => {}
        }
        self.at = first;
        self.refuse_args(tree, first, &args[1..], piped.is_some())?;
        self.eval_constant(tree, dot, first)
    }

    fn eval_nested(&mut self, tree: &Arc<Tree>, dot: &Operand, id: NodeId) -> Result<Value> {
        crate::stack::grow(|| self.eval_pipeline(tree, dot, id))
    }

    fn refuse_args(&mut self, tree: &Tree, first: NodeId, args: &[NodeId], piped: bool) -> Result<()> {
        if args.is_empty() && !piped {
            return Ok(());
        }
        let first = tree.unit.display(first);
        Err(self.error(tree, format_args!("can't give argument to non-function {first}")))
    }

    /// A dot or literal where nothing says which type is wanted.
    fn eval_constant(&mut self, tree: &Tree, dot: &Operand, id: NodeId) -> Result<Operand> {
        let value = match &tree.unit.node(id).kind {
            NodeKind::Dot => return Ok(dot.clone()),
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Number(number) => self.ideal_constant(tree, number)?,
            NodeKind::String { value, .. } => Value::Str(value.clone()),
            NodeKind::Nil => return Err(self.error(tree, "nil is not a command")),
            _ => {
                let text = crate::fmt::quote(tree.unit.display(id).as_bytes());
                return Err(self.error(tree, format_args!("can't evaluate command {text}")));
            }
        };
        Ok(Operand::concrete(value))
    }

    fn ideal_constant(&mut self, tree: &Tree, number: &Number) -> Result<Value> {
        if let Some((real, imaginary)) = number.complex {
            return Ok(Value::Complex(real, imaginary));
        }
        match (number.float, number.int) {
            (Some(float), _) if number.reads_as_float() => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::Int(int)),
            _ => Err(self.error(tree, format_args!("{} overflows int", number.text))),
        }
    }

    fn eval_variable(
        &mut self,
        tree: &Arc<Tree>,
        dot: &Operand,
        id: NodeId,
        args: &[NodeId],
        piped: Option<Value>,
    ) -> Result<Operand> {
        self.at = id;
        let NodeKind::Variable { slot, name, names } = tree.unit.node(id).kind else {
            return Err(self.error(tree, "not a variable"));
        };
        let variable =
            if slot == UNDEFINED { None } else { self.variables[self.base + slot as usize].clone() };
        let Some(value) = variable else {
            let name = String::from_utf8_lossy(tree.unit.text(name));
            return Err(self.error(tree, format_args!("undefined variable: {name}")));
        };
        if names.len() == 0 {
            self.refuse_args(tree, id, args, piped.is_some())?;
            return Ok(value);
        }
        self.eval_fields(tree, dot, &value, id, names, args, piped)
    }

    #[allow(clippy::too_many_arguments)]
    fn eval_chain(
        &mut self,
        tree: &Arc<Tree>,
        dot: &Operand,
        id: NodeId,
        node: NodeId,
        names: Span,
        args: &[NodeId],
        piped: Option<Value>,
    ) -> Result<Operand> {
        self.at = id;
        let receiver = match &tree.unit.node(node).kind {
            NodeKind::Pipe { .. } => self.eval_nested(tree, dot, node)?,
            NodeKind::Function(function) => {
                self.at = node;
                self.eval_function(tree, dot, function, node, &[], None)?.unwrap()
            }
            _ => {
                let chain = tree.unit.display(id);
                return Err(self.error(tree, format_args!("indirection through explicit nil in {chain}")));
            }
        };
        self.eval_fields(tree, dot, &Operand::concrete(receiver), id, names, args, piped)
    }

    /// `receiver.a.b.c`: a method at the end gets the arguments.
    #[allow(clippy::too_many_arguments)]
    fn eval_fields(
        &mut self,
        tree: &Arc<Tree>,
        dot: &Operand,
        receiver: &Operand,
        id: NodeId,
        names: Span,
        args: &[NodeId],
        piped: Option<Value>,
    ) -> Result<Operand> {
        let unit = &tree.unit;
        let Some((last, inner)) = unit.names[names.range()].split_last() else { return Ok(receiver.clone()) };
        let mut found: Option<Operand> = None;
        for name in inner {
            let receiver = found.as_ref().unwrap_or(receiver);
            found = Some(self.eval_field(tree, dot, receiver, id, unit.text(*name), &[], None)?);
        }
        let receiver = found.as_ref().unwrap_or(receiver);
        self.eval_field(tree, dot, receiver, id, unit.text(*last), args, piped)
    }

    #[allow(clippy::too_many_arguments)]
    fn eval_field(
        &mut self,
        tree: &Arc<Tree>,
        dot: &Operand,
        receiver: &Operand,
        id: NodeId,
        name: &[u8],
        args: &[NodeId],
        piped: Option<Value>,
    ) -> Result<Operand> {
        let has_args = !args.is_empty() || piped.is_some();
        match &receiver.value {
            Value::Invalid => {
                if self.session.missing_key == MissingKey::Error {
                    let name = crate::fmt::quote(name);
                    return Err(self.error(tree, format_args!("nil data; no entry for key {name}")));
                }
                return Ok(Operand::default());
            }
            Value::Nil => {
                let name = String::from_utf8_lossy(name);
                return Err(self.error(tree, format_args!("nil pointer evaluating interface {{}}.{name}")));
            }
            Value::Map(map) => {
                if let MapType::Named(named) = map.map_type()
                    && let Some(method) = named.method(name)
                {
                    let values = self.eval_args(tree, dot, &method.params, args, piped, method.name)?;
                    let result = (method.body)(map, &values);
                    return self.finish_call(tree, id, method.name, result);
                }
                if has_args {
                    let name = String::from_utf8_lossy(name);
                    return Err(self.error(tree, format_args!("{name} is not a method but has arguments")));
                }
                return self.map_field(tree, map, name);
            }
            Value::Object(object) => {
                if let Some(params) = object.method(name) {
                    let values =
                        self.eval_args(tree, dot, &params, args, piped, &String::from_utf8_lossy(name))?;
                    let result = object.call(self, name, &values);
                    return self.finish_call(tree, id, &String::from_utf8_lossy(name), result);
                }
                if let Some(value) = object.field(name) {
                    if has_args {
                        let name = String::from_utf8_lossy(name);
                        return Err(self.error(
                            tree,
                            format_args!("{name} has arguments but cannot be invoked as function"),
                        ));
                    }
                    let interface = matches!(object.kind(), crate::Kind::Map);
                    return Ok(Operand { value, interface });
                }
                if object.kind() == crate::Kind::Map {
                    let empty = Map::of(MapType::Any, Default::default());
                    return self.map_field(tree, &empty, name);
                }
            }
            _ => {}
        }
        let name = String::from_utf8_lossy(name);
        let type_name = receiver.type_name();
        Err(self.error(tree, format_args!("can't evaluate field {name} in type {type_name}")))
    }

    fn map_field(&mut self, tree: &Tree, map: &Map, name: &[u8]) -> Result<Operand> {
        let interface = map.map_type() != MapType::String;
        if let Some(value) = map.get(name) {
            return Ok(Operand { value, interface });
        }
        match self.session.missing_key {
            MissingKey::Invalid => Ok(Operand::default()),
            MissingKey::Zero if interface => Ok(Operand { value: Value::Nil, interface }),
            MissingKey::Zero => Ok(Operand::concrete(Value::from(""))),
            MissingKey::Error => {
                let name = crate::fmt::quote(name);
                Err(self.error(tree, format_args!("map has no entry for key {name}")))
            }
        }
    }

    /// An argument for a parameter of type `wanted`.
    pub(super) fn eval_arg(
        &mut self,
        tree: &Arc<Tree>,
        dot: &Operand,
        wanted: Type,
        id: NodeId,
    ) -> Result<Value> {
        self.at = id;
        let value = match &tree.unit.node(id).kind {
            NodeKind::Dot => dot.clone(),
            NodeKind::Field { names } => self.eval_fields(tree, dot, dot, id, *names, &[], None)?,
            NodeKind::Variable { .. } => self.eval_variable(tree, dot, id, &[], None)?,
            NodeKind::Pipe { .. } => Operand::concrete(self.eval_nested(tree, dot, id)?),
            NodeKind::Function(function) => self.eval_function(tree, dot, function, id, &[], None)?,
            NodeKind::Chain { node, names } => self.eval_chain(tree, dot, id, *node, *names, &[], None)?,
            NodeKind::Nil => {
                return match wanted {
                    Type::Any => Ok(Value::Nil),
                    wanted if wanted.nilable() => Ok(Value::Invalid),
                    wanted => Err(self.error(tree, format_args!("cannot assign nil to {}", wanted.name()))),
                };
            }
            _ => return self.eval_literal(tree, dot, wanted, id),
        };
        self.validate(tree, value, wanted)
    }

    /// A literal as a value of the wanted type.
    fn eval_literal(&mut self, tree: &Tree, dot: &Operand, wanted: Type, id: NodeId) -> Result<Value> {
        let expected = match (wanted, &tree.unit.node(id).kind) {
            (Type::Any | Type::Reflect, _) => return Ok(self.eval_constant(tree, dot, id)?.value),
            (Type::Bool, NodeKind::Bool(value)) => return Ok(Value::Bool(*value)),
            (Type::String, NodeKind::String { value, .. }) => return Ok(Value::Str(value.clone())),
            (Type::Int, NodeKind::Number(number)) if number.int.is_some() => {
                return Ok(Value::Int(number.int.unwrap_or_default()));
            }
            (Type::Int64, NodeKind::Number(number)) if number.int.is_some() => {
                return Ok(Value::Int64(number.int.unwrap_or_default()));
            }
            (Type::Uint32, NodeKind::Number(number)) if number.uint.is_some() => {
                return Ok(Value::Uint64(number.uint.unwrap_or_default() & u64::from(u32::MAX)));
            }
            (Type::Float, NodeKind::Number(number)) if number.float.is_some() => {
                return Ok(Value::Float(number.float.unwrap_or_default()));
            }
            (Type::Bool, _) => "bool",
            (Type::String, _) => "string",
            (Type::Int | Type::Int64, _) => "integer",
            (Type::Uint32, _) => "unsigned integer",
            (Type::Float, _) => "float",
            (Type::Map | Type::List | Type::Strings | Type::Named(_), _) => {
                let literal = tree.unit.display(id);
                let wanted = wanted.name();
                return Err(self.error(tree, format_args!("can't handle {literal} for arg of type {wanted}")));
            }
        };
        let found = tree.unit.display(id);
        Err(self.error(tree, format_args!("expected {expected}; found {found}")))
    }

    /// Checks that a value fits a parameter.
    pub(super) fn validate(&mut self, tree: &Tree, operand: Operand, wanted: Type) -> Result<Value> {
        match operand.value {
            Value::Invalid if wanted == Type::Any => Ok(Value::Nil),
            Value::Invalid if wanted.nilable() => Ok(Value::Invalid),
            Value::Invalid => {
                Err(self.error(tree, format_args!("invalid value; expected {}", wanted.name())))
            }
            Value::Nil if matches!(wanted, Type::Any | Type::Reflect) => Ok(Value::Nil),
            // A named map arrives as a plain one that shares its entries.
            Value::Map(ref map) if wanted == Type::Map && matches!(map.map_type(), MapType::Named(_)) => {
                Ok(map.converted(MapType::Any).into())
            }
            ref value if !value.is_nil() && wanted.accepts(value) => Ok(operand.value),
            ref value => {
                let got = if value.is_nil() { "interface {}".into() } else { value.type_name() };
                let wanted = wanted.name();
                Err(self.error(tree, format_args!("wrong type for value; expected {wanted}; got {got}")))
            }
        }
    }
}
