//! Executing templates.

mod call;
mod error;
mod eval;
mod session;
mod trace;
mod walk;

use std::sync::Arc;

pub use error::{ExecError, FuncError, Limit, Location};
pub use session::{Limits, MissingKey, Options, Session};
pub use trace::Trace;

use crate::fmt::{Failure, Printer};
use crate::parse::Tree;
use crate::parse::ast::NodeId;
use crate::regexp::Regexp;
use crate::templates::TemplateSet;
use crate::value::{Map, Str, Value};

/// A value with what Go's static type says of it: an element of a `map[string]interface{}` is an `interface{}`
/// until a pipeline or variable unwraps it. Only error texts and nils show the difference.
#[derive(Clone, Default)]
struct Operand {
    value: Value,
    interface: bool,
}

impl Operand {
    fn concrete(value: Value) -> Self {
        Self { value, interface: false }
    }

    /// What Go's reflection gives for the contents of an interface: nil becomes no value at all.
    fn unwrap(self) -> Value {
        match self.value {
            Value::Nil => Value::Invalid,
            value => value,
        }
    }

    fn type_name(&self) -> String {
        if self.interface { "interface {}".into() } else { self.value.type_name() }
    }
}

type Result<T> = std::result::Result<T, Box<ExecError>>;

/// The execution in progress, as functions see it.
pub struct Context<'s> {
    session: &'s mut Session,
    templates: TemplateSet,
    out: Vec<u8>,
    /// Variables of the templates in progress; those of the current one start at `base`.
    variables: Vec<Option<Operand>>,
    base: usize,
    /// The node that an error is reported at.
    at: NodeId,
    /// Where the output of the outermost template comes from, if anybody asked.
    trace: Option<Trace>,
}

impl<'s> Context<'s> {
    fn new(session: &'s mut Session, templates: TemplateSet) -> Self {
        Self { session, templates, out: Vec::new(), variables: Vec::new(), base: 0, at: 0, trace: None }
    }

    /// Executes the template `name`, appending to the output.
    fn run(&mut self, name: &[u8], data: &Value) -> Result<()> {
        let Some(tree) = self.templates.get(name).cloned() else {
            let name = crate::fmt::quote(name);
            let message = format!("template: no template {name} associated with the set");
            return Err(Box::new(ExecError { message, location: None, limit: None }));
        };
        self.run_tree(&tree, Operand::concrete(Operand::concrete(data.clone()).unwrap()))
    }

    /// Executes `tree` with its own variables, appending to the output.
    fn run_tree(&mut self, tree: &Arc<Tree>, dot: Operand) -> Result<()> {
        let outer_base = std::mem::replace(&mut self.base, self.variables.len());
        let outer_at = self.at;
        self.variables.resize(self.base + tree.slots as usize, None);
        self.variables[self.base] = Some(dot.clone());
        self.session.depth += 1;
        let result = crate::stack::grow(|| self.walk_list(tree, &dot, tree.root));
        self.session.depth -= 1;
        self.variables.truncate(self.base);
        self.base = outer_base;
        self.at = outer_at;
        result.map(|_| ())
    }

    fn error(&self, tree: &Tree, message: impl std::fmt::Display) -> Box<ExecError> {
        let unit = &tree.unit;
        let (line, column) = unit.line_and_column(unit.node(self.at).pos);
        let location = Location { template: unit.name.clone(), line, column };
        let name = crate::fmt::quote(&tree.name);
        let context = unit.display(self.at);
        let message = format!("template: {location}: executing {name} at <{context}>: {message}");
        Box::new(ExecError { message, location: Some(location), limit: None })
    }

    fn limit_error(&self, tree: &Tree, limit: Limit) -> Box<ExecError> {
        let mut error = self.error(tree, limit);
        error.limit = Some(limit);
        error
    }
}

/// What functions may use.
impl Context<'_> {
    /// Executes another template of the set in force and returns what it writes.
    pub fn execute(&mut self, name: &[u8], data: &Value) -> std::result::Result<Str, FuncError> {
        self.enter()?;
        let start = self.out.len();
        let result = self.run(name, data);
        let written = Str::from(&self.out[start..]);
        self.out.truncate(start);
        result?;
        Ok(written)
    }

    /// Executes a template of another set, which is in force until that template ends.
    pub fn execute_in(
        &mut self,
        templates: TemplateSet,
        name: &[u8],
        data: &Value,
    ) -> std::result::Result<Str, FuncError> {
        let outer = std::mem::replace(&mut self.templates, templates);
        let result = self.execute(name, data);
        self.templates = outer;
        result
    }

    /// The templates in force. A clone is cheap.
    pub fn templates(&self) -> &TemplateSet {
        &self.templates
    }

    /// The host's state, if it is a `T`.
    pub fn extension<T: 'static>(&mut self) -> Option<&mut T> {
        self.session.extension()
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z, the same for the whole session.
    pub fn now(&self) -> i128 {
        self.session.now
    }

    /// Fills `out` from the session's seed.
    pub fn random_bytes(&mut self, out: &mut [u8]) {
        self.session.random.fill(out);
    }

    pub(crate) fn random(&mut self) -> &mut crate::random::Random {
        &mut self.session.random
    }

    /// Counts `count` visited elements against the limit. Functions that loop call it.
    pub fn take_steps(&mut self, count: usize) -> std::result::Result<(), FuncError> {
        Ok(self.session.take_steps(count as u64)?)
    }

    /// Counts memory that is about to be used against the limit. What a function returns is counted anyway.
    pub fn take_memory(&mut self, bytes: usize) -> std::result::Result<(), FuncError> {
        Ok(self.session.take_memory(bytes)?)
    }

    /// Sets a key of a map for all its holders. Functions that write to a map must use this or
    /// [`changed`](Self::changed), or a map that holds itself is never freed.
    pub fn set(&mut self, map: &Map, key: Str, value: Value) {
        if matches!(value, Value::Map(_) | Value::List(_) | Value::Object(_)) {
            self.session.may_hold_itself(map);
        }
        map.insert(key, value);
    }

    /// Says that a map got elements that may hold the map itself.
    pub fn changed(&mut self, map: &Map) {
        self.session.may_hold_itself(map);
    }

    /// Prints into a string, within the limits.
    pub(crate) fn print(
        &mut self,
        print: impl FnOnce(&mut Printer),
    ) -> std::result::Result<Value, FuncError> {
        let mut printer = Printer::new(self.memory_left());
        print(&mut printer);
        match printer.finish() {
            Ok(text) => Ok(Value::from(text)),
            Err(Failure::TooLong) => Err(self.memory_limit().into()),
            Err(Failure::TooDeep) => Err(Limit::Nesting.into()),
        }
    }

    /// A compiled expression, kept for the session.
    pub(crate) fn regexp(&mut self, expression: &Str) -> std::result::Result<Regexp, String> {
        if let Some(regexp) = self.session.regexps.get(expression) {
            return Ok(regexp.clone());
        }
        let regexp = Regexp::compile(expression)?;
        if self.session.regexps.len() < session::MAX_REGEXPS {
            self.session.regexps.insert(expression.clone(), regexp.clone());
        }
        Ok(regexp)
    }

    /// Bytes that may still be used.
    pub fn memory_left(&self) -> usize {
        usize::try_from(self.session.limits.memory.saturating_sub(self.session.memory)).unwrap_or(usize::MAX)
    }

    pub(crate) fn memory_limit(&self) -> Limit {
        Limit::Memory(self.session.limits.memory)
    }

    fn enter(&mut self) -> std::result::Result<(), Limit> {
        if self.session.depth >= self.session.limits.depth {
            return Err(Limit::Depth(self.session.limits.depth));
        }
        Ok(())
    }
}
