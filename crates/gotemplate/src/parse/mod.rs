//! Template text to trees.

pub(crate) mod ast;
pub(crate) mod lex;
pub(crate) mod literal;
mod parser;

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

pub use ast::Tree;

use crate::functions::Functions;
use crate::value::Str;

/// How to read a template.
#[derive(Clone, Copy, Debug)]
pub struct ParseOptions<'a> {
    /// The functions that the text may call; another name is an error.
    pub functions: &'a Functions,
    /// What opens an action: `{{` where empty.
    pub left_delimiter: &'a str,
    /// What closes an action: `}}` where empty.
    pub right_delimiter: &'a str,
}

impl<'a> ParseOptions<'a> {
    /// The usual delimiters.
    pub fn new(functions: &'a Functions) -> Self {
        Self { functions, left_delimiter: "{{", right_delimiter: "}}" }
    }
}

/// A text that cannot be parsed: Go's message, which begins with `template: NAME:LINE:`.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct ParseError {
    /// The whole message.
    pub message: String,
    /// The name given to the text.
    pub template: Str,
    /// The line, from 1.
    pub line: usize,
}

/// Parses `text` into the template `name` and those it defines, each named once.
///
/// The result is immutable and may be shared between threads, cached by content, and added to any number of
/// [`TemplateSet`](crate::TemplateSet)s.
pub fn parse(name: impl Into<Str>, text: &[u8], options: &ParseOptions<'_>) -> Result<Parsed, ParseError> {
    parser::parse(name.into(), text, options).map_err(|error| *error)
}

/// What one text defines: a template of its own name, unless the text is defines only, and its defines.
#[derive(Clone)]
pub struct Parsed {
    pub(crate) trees: Vec<Arc<Tree>>,
}

impl Parsed {
    /// The templates, the text's own one last.
    pub fn trees(&self) -> &[Arc<Tree>] {
        &self.trees
    }
}

impl fmt::Debug for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.trees.iter().map(|tree| &tree.name)).finish()
    }
}
