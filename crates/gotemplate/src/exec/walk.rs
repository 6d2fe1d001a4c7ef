//! Statements: text, actions, branches, loops, templates.

use std::sync::Arc;

use super::{Context, Operand, Result};
use crate::parse::Tree;
use crate::parse::ast::{Branch, NodeId, NodeKind, Span, UNDEFINED};
use crate::value::Value;

/// How a statement ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

impl Context<'_> {
    pub(super) fn walk_list(&mut self, tree: &Arc<Tree>, dot: &Operand, list: Span) -> Result<Flow> {
        for id in tree.unit.children(list) {
            let flow = self.walk(tree, dot, *id)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn walk_nested(&mut self, tree: &Arc<Tree>, dot: &Operand, list: Span) -> Result<Flow> {
        crate::stack::grow(|| self.walk_list(tree, dot, list))
    }

    fn walk(&mut self, tree: &Arc<Tree>, dot: &Operand, id: NodeId) -> Result<Flow> {
        self.at = id;
        self.step(tree)?;
        match &tree.unit.node(id).kind {
            NodeKind::Text { text } => {
                self.mark(text.range().start, true);
                self.write(tree, tree.unit.text(*text))?;
            }
            NodeKind::Action { pipe } => {
                let value = self.eval_pipeline(tree, dot, *pipe)?;
                if !declares(tree, *pipe) {
                    self.at = id;
                    self.mark(tree.unit.node(id).pos as usize, false);
                    self.print_value(tree, &value)?;
                }
            }
            NodeKind::If(branch) => {
                let value = self.eval_pipeline(tree, dot, branch.pipe)?;
                return self.walk_choice(tree, branch, value.truth(), dot, dot);
            }
            NodeKind::With(branch) => {
                let value = self.eval_pipeline(tree, dot, branch.pipe)?;
                let truth = value.truth();
                return self.walk_choice(tree, branch, truth, &Operand::concrete(value), dot);
            }
            NodeKind::Range(branch) => return self.walk_range(tree, dot, branch, id),
            NodeKind::Template { name, pipe } => {
                self.mark(tree.unit.node(id).pos as usize, false);
                self.walk_template(tree, dot, name, *pipe)?;
            }
            NodeKind::Break => return Ok(Flow::Break),
            NodeKind::Continue => return Ok(Flow::Continue),
            _ => return Err(self.error(tree, "unknown node")),
        }
        Ok(Flow::Next)
    }

    pub(super) fn step(&mut self, tree: &Tree) -> Result<()> {
        self.session.take_steps(1).map_err(|limit| self.limit_error(tree, limit))
    }

    /// Remembers where the output goes on, in the outermost template.
    fn mark(&mut self, position: usize, copied: bool) {
        if self.session.depth == 1
            && let Some(trace) = &mut self.trace
        {
            trace.mark(self.out.len(), u32::try_from(position).unwrap_or(u32::MAX), copied);
        }
    }

    fn write(&mut self, tree: &Tree, text: &[u8]) -> Result<()> {
        self.session.take_output(text.len()).map_err(|limit| self.limit_error(tree, limit))?;
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn print_value(&mut self, tree: &Tree, value: &Value) -> Result<()> {
        match value {
            Value::Str(text) => self.write(tree, text),
            Value::Invalid | Value::Nil => self.write(tree, b"<no value>"),
            Value::Bool(value) => self.write(tree, if *value { b"true" } else { b"false" }),
            value => {
                if let Value::Object(object) = value
                    && let Some(text) = object.shown()
                {
                    return self.write(tree, &text);
                }
                let args = std::slice::from_ref(value);
                match self.print(|printer| printer.print(args)) {
                    Ok(Value::Str(text)) => self.write(tree, &text),
                    Ok(_) => Ok(()),
                    Err(error) => Err(match error.limit() {
                        Some(limit) => self.limit_error(tree, limit),
                        None => self.error(tree, error),
                    }),
                }
            }
        }
    }

    fn walk_choice(
        &mut self,
        tree: &Arc<Tree>,
        branch: &Branch,
        truth: bool,
        dot: &Operand,
        else_dot: &Operand,
    ) -> Result<Flow> {
        match (truth, branch.else_list) {
            (true, _) => self.walk_nested(tree, dot, branch.list),
            (false, Some(list)) => self.walk_nested(tree, else_dot, list),
            (false, None) => Ok(Flow::Next),
        }
    }

    fn walk_range(&mut self, tree: &Arc<Tree>, dot: &Operand, branch: &Branch, id: NodeId) -> Result<Flow> {
        let value = self.eval_pipeline(tree, dot, branch.pipe)?;
        let (decls, assign) = declarations(tree, branch.pipe);
        let variables = Variables { tree, decls, assign };
        let mut ran = false;
        let int = match &value {
            Value::Int(count) | Value::Int64(count) => Some(*count),
            Value::Uint8(count) => Some(i64::from(*count)),
            Value::Uint64(count) => Some(i64::try_from(*count).unwrap_or(i64::MAX)),
            _ => None,
        };
        if let Some(count) = int {
            if decls.len() > 1 {
                let text = self.show(&value);
                return Err(
                    self.error(tree, format_args!("can't use {text} to iterate over more than one variable"))
                );
            }
            for index in 0..count {
                let element = match value {
                    Value::Int64(_) => Value::Int64(index),
                    Value::Uint8(_) => Value::Uint8(index as u8),
                    Value::Uint64(_) => Value::Uint64(index as u64),
                    _ => Value::Int(index),
                };
                ran = true;
                if !self.iterate(&variables, branch, Value::Invalid, Operand::concrete(element), id)? {
                    break;
                }
            }
        } else if let Some(list) = value.as_list() {
            let interface = list.elem() == crate::Elem::Any;
            for (index, item) in list.items().iter().enumerate() {
                ran = true;
                let element = Operand { value: item.clone(), interface };
                let index = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
                if !self.iterate(&variables, branch, index, element, id)? {
                    break;
                }
            }
        } else if let Some(map) = value.as_map() {
            let interface = map.map_type() != crate::MapType::String;
            // The body may change the map: Go, too, ranges over the entries there were at first.
            let entries: Vec<_> =
                map.entries().iter().map(|(key, item)| (key.clone(), item.clone())).collect();
            for (key, item) in entries {
                ran = true;
                let element = Operand { value: item, interface };
                if !self.iterate(&variables, branch, Value::Str(key), element, id)? {
                    break;
                }
            }
        } else if !value.is_nil() {
            let text = self.show(&value);
            return Err(self.error(tree, format_args!("range can't iterate over {text}")));
        }
        match branch.else_list {
            Some(list) if !ran => self.walk_nested(tree, dot, list),
            _ => Ok(Flow::Next),
        }
    }

    /// One round of a loop; false where it was the last.
    fn iterate(
        &mut self,
        variables: &Variables<'_>,
        branch: &Branch,
        index: Value,
        element: Operand,
        id: NodeId,
    ) -> Result<bool> {
        self.at = id;
        self.step(variables.tree)?;
        match variables.decls {
            [] => {}
            [one] => self.assign(variables, *one, element.clone())?,
            [first, second, ..] => {
                self.assign(variables, *first, Operand::concrete(index))?;
                self.assign(variables, *second, element.clone())?;
            }
        }
        Ok(self.walk_nested(variables.tree, &element, branch.list)? != Flow::Break)
    }

    fn assign(&mut self, variables: &Variables<'_>, id: NodeId, value: Operand) -> Result<()> {
        self.set_variable(variables.tree, id, value, variables.assign)
    }

    /// Gives the variable of a declaration or assignment its value.
    pub(super) fn set_variable(
        &mut self,
        tree: &Tree,
        id: NodeId,
        value: Operand,
        assign: bool,
    ) -> Result<()> {
        let NodeKind::Variable { slot, name, .. } = tree.unit.node(id).kind else { return Ok(()) };
        let variable = self.variables.get_mut(self.base + slot as usize);
        match variable {
            Some(variable) if slot != UNDEFINED && (!assign || variable.is_some()) => {
                *variable = Some(value);
                Ok(())
            }
            _ => {
                let name = String::from_utf8_lossy(tree.unit.text(name));
                Err(self.error(tree, format_args!("undefined variable: {name}")))
            }
        }
    }

    fn walk_template(
        &mut self,
        tree: &Arc<Tree>,
        dot: &Operand,
        name: &[u8],
        pipe: Option<NodeId>,
    ) -> Result<()> {
        let Some(callee) = self.templates.get(name).cloned() else {
            let name = crate::fmt::quote(name);
            return Err(self.error(tree, format_args!("template {name} not defined")));
        };
        self.enter().map_err(|limit| self.limit_error(tree, limit))?;
        let dot = match pipe {
            Some(pipe) => self.eval_pipeline(tree, dot, pipe)?,
            None => Value::Invalid,
        };
        self.run_tree(&callee, Operand::concrete(dot))
    }

    /// The value as `%v` in an error text; empty where it cannot be printed.
    fn show(&mut self, value: &Value) -> String {
        let args = std::slice::from_ref(value);
        match self.print(|printer| printer.print(args)) {
            Ok(Value::Str(text)) => text.to_string_lossy().into_owned(),
            _ => String::new(),
        }
    }
}

/// The loop variables of a range.
struct Variables<'t> {
    tree: &'t Arc<Tree>,
    decls: &'t [NodeId],
    assign: bool,
}

fn declarations(tree: &Tree, pipe: NodeId) -> (&[NodeId], bool) {
    match &tree.unit.node(pipe).kind {
        NodeKind::Pipe { decls, assign, .. } => (tree.unit.children(*decls), *assign),
        _ => (&[], false),
    }
}

fn declares(tree: &Tree, pipe: NodeId) -> bool {
    !declarations(tree, pipe).0.is_empty()
}
