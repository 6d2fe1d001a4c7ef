//! Template errors as Helm shows them.

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
pub(super) fn from_exec(file: &str, error: &ExecError) -> TemplateError {
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
    TemplateError(text)
}
