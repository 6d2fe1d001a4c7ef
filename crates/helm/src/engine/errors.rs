//! Template errors as Helm shows them.

use crate::HelmVersion;
use holdfast_gotemplate::{ExecError, ParseError};

/// A template that cannot be parsed or that fails. The texts are Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

/// What `fail` and `required` put around their message, so that it can be told from the chain of templates around.
pub(super) const START: &str = "HELM_ERR_START";
/// See [`START`].
pub(super) const END: &str = "HELM_ERR_END";

/// Only the place and the last cause are kept.
pub(super) fn from_parse(file: &str, error: &ParseError) -> TemplateError {
    let text = error.to_string();
    let mut tokens = text.split(": ");
    let (_, place) = (tokens.next(), tokens.next());
    TemplateError(match (place, text.rsplit(": ").next()) {
        (Some(place), Some(cause)) => format!("parse error at ({place}): {cause}"),
        _ => format!("parse error in ({file}): {text}"),
    })
}

/// The chain of templates, or, for what a chart's author says with `fail` or `required`, that alone and its place.
pub(super) fn from_exec(file: &str, error: &ExecError, helm: HelmVersion) -> TemplateError {
    let text = error.to_string();
    if error.location.is_none() {
        return TemplateError(text);
    }
    let mut tokens = text.splitn(3, ": ");
    let (Some(_), Some(place), Some(rest)) = (tokens.next(), tokens.next(), tokens.next()) else {
        return TemplateError(format!("execution error in ({file}): {text}"));
    };
    if let (Some(start), Some(end)) = (rest.find(START), rest.rfind(END))
        && start + START.len() <= end
    {
        let said = &rest[start + START.len()..end];
        return TemplateError(format!("execution error at ({place}): {said}"));
    }
    TemplateError(if helm.breaks_error_chains() { chain(&text).unwrap_or(text) } else { text })
}

/// Helm 4's picture of an error: each template that led to it on lines of its own. `None` where the cause is a
/// function's own error, which Helm leaves in one line.
fn chain(text: &str) -> Option<String> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut rest = text;
    loop {
        let (step, message) = Step::read(rest)?;
        if steps.last() != Some(&step) {
            steps.push(step);
        }
        let Some(called) = message.strip_prefix("error calling ") else { break };
        rest = called.split_once(": ")?.1;
    }
    let text: String = steps.iter().map(Step::to_string).collect();
    Some(text.trim().to_owned())
}

/// One template in an error's chain.
#[derive(PartialEq)]
struct Step<'a> {
    place: &'a str,
    /// Template and expression, where the error has them.
    executing: Option<(&'a str, &'a str)>,
    message: &'a str,
}

impl<'a> Step<'a> {
    /// The first template of a text, and all of the message that follows it.
    fn read(text: &'a str) -> Option<(Self, &'a str)> {
        let rest = text.strip_prefix("template: ")?;
        if rest.starts_with("no template ") {
            return Some((Self { place: "", executing: None, message: text }, ""));
        }
        if let Some((place, after)) = rest.split_once(": executing ") {
            let (template, after) = after.strip_prefix('"')?.split_once('"')?;
            let (expression, message) = after.strip_prefix(" at <")?.split_once(">: ")?;
            let executing = Some((template, expression));
            return Some((Self { place, executing, message: own(message) }, message));
        }
        let (place, message) = rest.rsplit_once(": ")?;
        Some((Self { place, executing: None, message: own(message) }, message))
    }
}

/// A message up to the next template of the chain.
fn own(message: &str) -> &str {
    message.split_once(" template:").map_or(message, |(own, _)| own)
}

impl std::fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}\n  ", self.place)?;
        }
        if let Some((template, expression)) = self.executing {
            write!(f, "executing \"{template}\" at <{expression}>:\n    ")?;
        }
        if self.message.is_empty() { Ok(()) } else { writeln!(f, "{}", self.message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_helm_4() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(chain(text).as_deref(), expected);
        check(
            r#"template: c/templates/a.yaml:1:3: executing "c/templates/a.yaml" at <include "x" .>: error calling include: template: c/templates/_h.tpl:2:5: executing "x" at <.a.b>: nil pointer evaluating interface {}.b"#,
            Some(
                "c/templates/a.yaml:1:3\n  executing \"c/templates/a.yaml\" at <include \"x\" .>:\n    error calling include:\nc/templates/_h.tpl:2:5\n  executing \"x\" at <.a.b>:\n    nil pointer evaluating interface {}.b",
            ),
        );
        check(r#"template: a:1:3: executing "a" at <lt 1 "x">: error calling lt: incompatible types"#, None);
    }
}
