//! Calls of functions and methods.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Context, FuncError, Operand, Result};
use crate::functions::{Function, Params, Role, Type};
use crate::parse::Tree;
use crate::parse::ast::NodeId;
use crate::value::Value;

/// The arguments of a call; few calls have more than these, which need no memory of their own.
pub(super) type Args = SmallVec<[Value; 4]>;

impl Context<'_> {
    /// Calls a function. `node` is what an error of the function itself is reported at.
    pub(super) fn eval_function(
        &mut self,
        tree: &Arc<Tree>,
        dot: &Operand,
        function: &Arc<Function>,
        node: NodeId,
        args: &[NodeId],
        piped: Option<Value>,
    ) -> Result<Operand> {
        let params = function.params();
        match function.role() {
            Role::And | Role::Or => {
                self.check_count(tree, &params, args.len(), piped.is_some(), function.name())?;
                self.eval_logic(tree, dot, function.role() == Role::Or, args, piped)
            }
            Role::Plain => {
                let values = self.eval_args(tree, dot, &params, args, piped, function.name())?;
                let result = function.call(self, &values);
                self.finish_call(tree, node, function.name(), result)
            }
            Role::Call => {
                let callee = args.first().map(|callee| tree.unit.display(*callee)).unwrap_or_default();
                let mut values = self.eval_args(tree, dot, &params, args, piped, function.name())?;
                values.insert(0, Value::from(callee));
                let result = function.call(self, &values);
                self.finish_call(tree, node, function.name(), result)
            }
        }
    }

    /// `and` and `or` return the argument that decides and evaluate none after it.
    fn eval_logic(
        &mut self,
        tree: &Arc<Tree>,
        dot: &Operand,
        decisive: bool,
        args: &[NodeId],
        piped: Option<Value>,
    ) -> Result<Operand> {
        let mut value = Value::Invalid;
        for arg in args {
            value = self.eval_arg(tree, dot, Type::Reflect, *arg)?;
            if value.truth() == decisive {
                return Ok(Operand { value, interface: true });
            }
        }
        Ok(Operand { value: piped.unwrap_or(value), interface: true })
    }

    fn check_count(
        &mut self,
        tree: &Tree,
        params: &Params,
        args: usize,
        piped: bool,
        name: &str,
    ) -> Result<()> {
        let (given, fixed) = (args + usize::from(piped), params.fixed.len());
        let message = match params.rest {
            Some(_) if given < fixed => {
                format!("wrong number of args for {name}: want at least {fixed} got {args}")
            }
            None if given != fixed => format!("wrong number of args for {name}: want {fixed} got {given}"),
            _ => return Ok(()),
        };
        Err(self.error(tree, message))
    }

    /// The arguments of a call, the piped one last.
    pub(super) fn eval_args(
        &mut self,
        tree: &Arc<Tree>,
        dot: &Operand,
        params: &Params,
        args: &[NodeId],
        piped: Option<Value>,
        name: &str,
    ) -> Result<Args> {
        self.check_count(tree, params, args.len(), piped.is_some(), name)?;
        let mut values = Args::with_capacity(args.len() + 1);
        for (index, arg) in args.iter().enumerate() {
            values.push(self.eval_arg(tree, dot, params.at(index), *arg)?);
        }
        if let Some(piped) = piped {
            let wanted = params.at(values.len());
            values.push(self.validate(tree, Operand::concrete(piped), wanted)?);
        }
        Ok(values)
    }

    /// Counts what a function returned against the limits, and puts its error into place.
    pub(super) fn finish_call(
        &mut self,
        tree: &Tree,
        node: NodeId,
        name: &str,
        result: std::result::Result<Value, FuncError>,
    ) -> Result<Operand> {
        let result = result.and_then(|value| {
            let bytes = match &value {
                Value::Str(text) => text.len(),
                Value::List(list) => list.len() * std::mem::size_of::<Value>(),
                _ => 0,
            };
            self.take_memory(bytes)?;
            Ok(value)
        });
        match result {
            Ok(value) => Ok(Operand::concrete(value)),
            Err(error) => {
                self.at = node;
                let limit = error.limit();
                let mut error = self.error(tree, format_args!("error calling {name}: {error}"));
                error.limit = limit;
                Err(error)
            }
        }
    }
}
