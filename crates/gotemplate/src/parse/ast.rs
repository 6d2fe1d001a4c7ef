//! Parsed templates: an arena of nodes per parsed text, shared by all templates that the text defines.

use std::sync::Arc;

use crate::functions::Function;
use crate::value::Str;

pub(crate) type NodeId = u32;

/// A run of entries of one of the unit's tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    pub(crate) fn len(self) -> usize {
        self.range().len()
    }
}

/// A variable that was used where no value can have been given to it: an error only when executed.
pub(crate) const UNDEFINED: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Node {
    /// Byte offset in the unit's text that errors report.
    pub(crate) pos: u32,
    pub(crate) kind: NodeKind,
}

#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: NodeId,
    pub(crate) list: Span,
    pub(crate) else_list: Option<Span>,
}

/// Spans of nodes index `Unit::children`; spans of text index the text; spans of names index `Unit::names`.
#[derive(Debug)]
pub(crate) enum NodeKind {
    Text { text: Span },
    Action { pipe: NodeId },
    If(Branch),
    With(Branch),
    Range(Branch),
    Template { name: Str, pipe: Option<NodeId> },
    Break,
    Continue,
    Pipe { decls: Span, assign: bool, commands: Span },
    Command { args: Span },
    Function(Arc<Function>),
    Dot,
    Nil,
    Bool(bool),
    Number(Box<Number>),
    String { quoted: Span, value: Str },
    Field { names: Span },
    Variable { slot: u32, name: Span, names: Span },
    Chain { node: NodeId, names: Span },
}

/// A numeric literal, with each Go type that it can take.
#[derive(Debug, Default)]
pub(crate) struct Number {
    pub(crate) text: String,
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    /// Real and imaginary part, where the literal has one.
    pub(crate) complex: Option<(f64, f64)>,
}

impl Number {
    /// Whether the literal is a float where nothing says which type is wanted.
    pub(crate) fn reads_as_float(&self) -> bool {
        let text = self.text.as_bytes();
        let hex_int = matches!(text, [b'0', b'x' | b'X', _, ..]) && !self.text.contains(['p', 'P']);
        let rune = text.first() == Some(&b'\'');
        self.float.is_some() && !hex_int && !rune && self.text.contains(['.', 'e', 'E', 'p', 'P'])
    }
}

/// One parsed text.
#[derive(Debug)]
pub(crate) struct Unit {
    /// Name of the text, for error locations.
    pub(crate) name: Str,
    pub(crate) text: Box<[u8]>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) children: Vec<NodeId>,
    /// Field names, as spans of the text.
    pub(crate) names: Vec<Span>,
}

impl Unit {
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    pub(crate) fn children(&self, span: Span) -> &[NodeId] {
        &self.children[span.range()]
    }

    pub(crate) fn text(&self, span: Span) -> &[u8] {
        &self.text[span.range()]
    }

    /// Line from 1 and byte offset in it from 0, as Go reports positions of nodes.
    pub(crate) fn line_and_column(&self, pos: u32) -> (usize, usize) {
        let before = &self.text[..pos as usize];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        (1 + memchr::memchr_iter(b'\n', before).count(), before.len() - line_start)
    }

    /// Source-like text of a node, as error messages show it.
    pub(crate) fn display(&self, id: NodeId) -> String {
        let mut out = String::new();
        self.write(id, &mut out);
        out
    }

    fn write(&self, id: NodeId, out: &mut String) {
        if out.len() > MAX_CONTEXT {
            return;
        }
        crate::stack::grow(|| self.write_node(id, out));
    }

    fn write_node(&self, id: NodeId, out: &mut String) {
        match &self.node(id).kind {
            NodeKind::Text { text } => self.push(*text, out),
            NodeKind::Action { pipe } => {
                out.push_str("{{");
                self.write(*pipe, out);
                out.push_str("}}");
            }
            NodeKind::If(branch) => self.write_branch("if", branch, out),
            NodeKind::With(branch) => self.write_branch("with", branch, out),
            NodeKind::Range(branch) => self.write_branch("range", branch, out),
            NodeKind::Template { name, pipe } => {
                out.push_str("{{template ");
                out.push_str(&crate::fmt::quote(name));
                if let Some(pipe) = pipe {
                    out.push(' ');
                    self.write(*pipe, out);
                }
                out.push_str("}}");
            }
            NodeKind::Break => out.push_str("{{break}}"),
            NodeKind::Continue => out.push_str("{{continue}}"),
            NodeKind::Pipe { decls, assign, commands } => {
                self.write_separated(*decls, ", ", out);
                if decls.len() > 0 {
                    out.push_str(if *assign { " = " } else { " := " });
                }
                self.write_separated(*commands, " | ", out);
            }
            NodeKind::Command { args } => self.write_separated(*args, " ", out),
            NodeKind::Function(function) => out.push_str(function.name()),
            NodeKind::Dot => out.push('.'),
            NodeKind::Nil => out.push_str("nil"),
            NodeKind::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            NodeKind::Number(number) => out.push_str(&number.text),
            NodeKind::String { quoted, .. } => self.push(*quoted, out),
            NodeKind::Field { names } => self.write_names(*names, out),
            NodeKind::Variable { name, names, .. } => {
                self.push(*name, out);
                self.write_names(*names, out);
            }
            NodeKind::Chain { node, names } => {
                self.write_operand(*node, out);
                self.write_names(*names, out);
            }
        }
    }

    fn push(&self, text: Span, out: &mut String) {
        out.push_str(&String::from_utf8_lossy(self.text(text)));
    }

    fn write_names(&self, names: Span, out: &mut String) {
        for name in &self.names[names.range()] {
            out.push('.');
            self.push(*name, out);
        }
    }

    fn write_operand(&self, id: NodeId, out: &mut String) {
        let parenthesised = matches!(self.node(id).kind, NodeKind::Pipe { .. });
        if parenthesised {
            out.push('(');
        }
        self.write(id, out);
        if parenthesised {
            out.push(')');
        }
    }

    fn write_separated(&self, span: Span, separator: &str, out: &mut String) {
        for (index, id) in self.children(span).iter().enumerate() {
            if index > 0 {
                out.push_str(separator);
            }
            self.write_operand(*id, out);
        }
    }

    fn write_branch(&self, keyword: &str, branch: &Branch, out: &mut String) {
        out.push_str("{{");
        out.push_str(keyword);
        out.push(' ');
        self.write(branch.pipe, out);
        out.push_str("}}");
        for id in self.children(branch.list) {
            self.write(*id, out);
        }
        if let Some(list) = branch.else_list {
            out.push_str("{{else}}");
            for id in self.children(list) {
                self.write(*id, out);
            }
        }
        out.push_str("{{end}}");
    }
}

/// Longest piece of source, in bytes, that an error shows. Go has no such limit.
const MAX_CONTEXT: usize = 64 * 1024;

/// One template: its name and body. Immutable, `Send` and `Sync`: parse once, execute anywhere.
#[derive(Debug)]
pub struct Tree {
    pub(crate) name: Str,
    pub(crate) unit: Arc<Unit>,
    pub(crate) root: Span,
    /// Number of variables that can be in force at once.
    pub(crate) slots: u32,
    pub(crate) empty: bool,
}

impl Tree {
    /// The name `template` and `include` find it by.
    pub fn name(&self) -> &Str {
        &self.name
    }

    /// Whether the body is only white space and comments: such a template does not replace another.
    pub fn is_empty(&self) -> bool {
        self.empty
    }
}
