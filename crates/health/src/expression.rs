use kube_cel::cel::common::ast::{EntryExpr, Expr, IdedExpr};
use kube_cel::cel::objects::{Key, Map as CelMap};
use kube_cel::cel::{Context, ExecutionError, Program, Value as CelValue};
use kube_cel::{KubeCelExt as _, cel};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The most characters of an expression.
const LONGEST: usize = 4096;
/// The most steps that an evaluation may take, estimated beforehand.
const MOST_STEPS: u64 = 1_000_000;

/// Why there is no answer of an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is no expression.
    #[error("failed to parse the CEL expression '{expression}': {why}")]
    Syntax {
        /// The expression.
        expression: String,
        /// What is wrong.
        why: String,
    },
    /// It cannot be evaluated on what it was given.
    #[error("failed to evaluate the CEL expression '{expression}': {why}")]
    Evaluation {
        /// The expression.
        expression: String,
        /// What is wrong.
        why: String,
    },
}

/// A CEL expression that says yes or no, with Kubernetes' functions.
///
/// Bounded: an expression has at most 4,096 characters, and loops within loops over long lists are refused before
/// they begin, by an estimate of their steps.
pub struct Expression {
    text: String,
    program: Program,
    loops: u32,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Expression {
    /// Reads an expression. With `variables`, others than these are refused.
    ///
    /// # Errors
    /// [`ExpressionError::Syntax`].
    pub fn parse(text: &str, variables: Option<&[&str]>) -> Result<Self, ExpressionError> {
        let wrong = |why: String| ExpressionError::Syntax { expression: text.to_owned(), why };
        if text.len() > LONGEST {
            return Err(ExpressionError::Syntax {
                expression: text.chars().take(60).chain("…".chars()).collect(),
                why: format!(
                    "{} characters exceed the limit of {LONGEST} (length of expressions)",
                    text.len()
                ),
            });
        }
        let program = Program::compile(text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
        if let Some(known) = variables {
            let references = program.references();
            let mut unknown: Vec<&str> =
                references.variables().into_iter().filter(|name| !known.contains(name)).collect();
            unknown.sort_unstable();
            if let Some(name) = unknown.first() {
                return Err(wrong(format!("undeclared reference to '{name}'")));
            }
        }
        let loops = depth_of_loops(program.expression());
        Ok(Self { text: text.to_owned(), program, loops })
    }

    /// Whether it holds for these variables.
    ///
    /// # Errors
    /// [`ExpressionError::Evaluation`] when a field it reads is not there, its answer is neither yes nor no, or it
    /// would take too many steps.
    pub fn holds<'v>(
        &self,
        variables: impl IntoIterator<Item = (&'v str, &'v Value)>,
    ) -> Result<bool, ExpressionError> {
        let wrong = |why: String| ExpressionError::Evaluation { expression: self.text.clone(), why };
        let mut context = Context::default().with_all();
        let mut widest = 1;
        for (name, value) in variables {
            widest = widest.max(width(value));
            context.add_variable_from_value(name, to_cel(value));
        }
        let steps = widest.saturating_pow(self.loops).saturating_mul(self.text.len() as u64);
        if self.loops > 1 && steps > MOST_STEPS {
            return Err(wrong(format!(
                "about {steps} steps exceed the limit of {MOST_STEPS} (steps of expressions)"
            )));
        }
        match self.program.execute(&context) {
            Ok(CelValue::Bool(holds)) => Ok(holds),
            Ok(_) => Err(wrong("the answer is neither true nor false".into())),
            Err(error) => Err(wrong(explain(&error))),
        }
    }
}

fn explain(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::UndeclaredReference(name) => format!("no such attribute(s): {name}"),
        other => other.to_string(),
    }
}

/// The longest list or mapping within a value, or the longest text: what one loop may run over.
fn width(value: &Value) -> u64 {
    match value {
        Value::Array(list) => list.iter().map(width).max().unwrap_or(1).max(list.len() as u64),
        Value::Object(map) => map.values().map(width).max().unwrap_or(1).max(map.len() as u64),
        Value::String(text) => text.len() as u64,
        _ => 1,
    }
}

/// How many loops stand within each other.
fn depth_of_loops(expression: &IdedExpr) -> u32 {
    let deepest = |list: &mut dyn Iterator<Item = &IdedExpr>| list.map(depth_of_loops).max().unwrap_or(0);
    match &expression.expr {
        Expr::Comprehension(comprehension) => {
            let c = &**comprehension;
            let body = [&c.accu_init, &c.loop_cond, &c.loop_step, &c.result];
            // What a loop runs over may itself have been made by loops, and be as long as all of their steps.
            1 + deepest(&mut body.into_iter()) + depth_of_loops(&c.iter_range)
        }
        Expr::Call(call) => deepest(&mut call.target.iter().map(|t| &**t).chain(&call.args)),
        Expr::Select(select) => depth_of_loops(&select.operand),
        Expr::List(list) => deepest(&mut list.elements.iter()),
        Expr::Map(map) => map.entries.iter().map(|entry| depth_of_entry(&entry.expr)).max().unwrap_or(0),
        Expr::Struct(of) => of.entries.iter().map(|entry| depth_of_entry(&entry.expr)).max().unwrap_or(0),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => 0,
    }
}

fn depth_of_entry(entry: &EntryExpr) -> u32 {
    match entry {
        EntryExpr::MapEntry(entry) => depth_of_loops(&entry.key).max(depth_of_loops(&entry.value)),
        EntryExpr::StructField(field) => depth_of_loops(&field.value),
    }
}

/// Whole numbers are integers, as in objects that Go reads.
fn to_cel(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(on) => CelValue::Bool(*on),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => CelValue::Int(integer),
            (None, float) => CelValue::Float(float.unwrap_or_default()),
        },
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Array(list) => CelValue::List(Arc::new(list.iter().map(to_cel).collect())),
        Value::Object(map) => {
            let pairs = map.iter().map(|(key, value)| (Key::String(Arc::new(key.clone())), to_cel(value)));
            CelValue::Map(CelMap { map: Arc::new(pairs.collect::<HashMap<_, _>>()) })
        }
    }
}

const _: fn() = || {
    // Expressions are shared between runs.
    fn shared<T: Send + Sync>() {}
    shared::<cel::Program>();
};

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_expression_says_yes_or_no() {
        let object = json!({"status": {"phase": "Done", "observedGeneration": 3, "conditions": [
            {"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]}, "metadata": {"generation": 3}});
        let check = |text: &str, expected: Result<bool, &str>| {
            let parts = ["status", "metadata"].map(|name| (name, &object[name]));
            let answer = Expression::parse(text, None).and_then(|expression| expression.holds(parts));
            match (answer, expected) {
                (Ok(answer), Ok(expected)) => assert_eq!(answer, expected, "{text}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
                (answer, _) => panic!("{text}: {answer:?}"),
            }
        };
        check("status.phase == 'Done'", Ok(true));
        check("status.observedGeneration == metadata.generation && status.observedGeneration > 2", Ok(true));
        check("status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')", Ok(true));
        check("status.conditions.exists(e, e.type == 'Other' && e.status == 'True')", Ok(false));
        check("has(status.nothing) && status.nothing == 1", Ok(false));
        check("status.phase.lowerAscii() in ['done', 'ok']", Ok(true));
        check("status.nothing == 1", Err("no such key: nothing"));
        check("spec.replicas == 1", Err("spec"));
        check("status.phase", Err("neither true nor false"));
        check("status.phase ==", Err("failed to parse the CEL expression"));
        check(&"1 == 1 && ".repeat(500), Err("length of expressions"));
    }

    #[test]
    fn unknown_variables_are_refused_where_they_are_known() {
        assert!(Expression::parse("dep.status.x == self.spec.y", Some(&["self", "dep"])).is_ok());
        let error = Expression::parse("other.x == 1", Some(&["self", "dep"])).unwrap_err();
        assert!(error.to_string().ends_with("undeclared reference to 'other'"), "{error}");
    }

    #[test]
    fn loops_within_loops_over_long_lists_do_not_begin() {
        let list = json!((0..2000).collect::<Vec<_>>());
        let holds = |text: &str| Expression::parse(text, None).unwrap().holds([("list", &list)]);
        assert_eq!(holds("list.all(x, x >= 0)"), Ok(true));
        let error = holds("list.all(x, list.all(y, x + y >= 0))").unwrap_err();
        assert!(error.to_string().contains("steps of expressions"), "{error}");
        let made = holds("list.map(x, list.map(y, y)).all(z, size(z) == 2000)").unwrap_err();
        assert!(made.to_string().contains("steps of expressions"), "{made}");
    }
}
