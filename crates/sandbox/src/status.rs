//! Failures as the API server words them: `metav1.Status` bodies with reason, message, details and code.

use crate::field::FieldError;
use serde_json::{Map, Value, json};
use std::fmt;

/// A request's failure.
#[derive(Clone, PartialEq)]
pub struct ApiError(Box<Body>);

#[derive(Clone, PartialEq)]
struct Body {
    code: u16,
    reason: &'static str,
    message: String,
    details: Option<Map<String, Value>>,
    /// Answered as this text instead of a Status (paths that no handler serves).
    plain: bool,
}

/// The result of handling a request.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// The group and plural (or kind) that a message names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) group: &'a str,
    /// Plural resource, or the kind where the original names the kind.
    pub(crate) what: &'a str,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() { f.write_str(self.what) } else { write!(f, "{}.{}", self.what, self.group) }
    }
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Body { code, reason, message: message.into(), details: None, plain: false }))
    }

    fn about(mut self, name: &str, named: Named<'_>) -> Self {
        let mut details = Map::new();
        for (key, value) in [("name", name), ("group", named.group), ("kind", named.what)] {
            if !value.is_empty() {
                details.insert(key.into(), value.into());
            }
        }
        self.0.details = Some(details);
        self
    }

    fn with_causes(mut self, causes: Vec<Value>) -> Self {
        if !causes.is_empty() {
            self.0.details.get_or_insert_default().insert("causes".into(), Value::Array(causes));
        }
        self
    }

    fn with_retry_after(mut self, seconds: u64) -> Self {
        self.0.details.get_or_insert_default().insert("retryAfterSeconds".into(), seconds.into());
        self
    }

    /// 404 for an object that is not there.
    pub(crate) fn not_found(named: Named<'_>, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{named} {name:?} not found")).about(name, named)
    }

    /// 404 for a path that nothing serves, as plain text.
    pub(crate) fn no_such_path() -> Self {
        let mut error = Self::new(404, "NotFound", "404 page not found\n");
        error.0.plain = true;
        error
    }

    /// 404 for a resource that a known group does not have.
    pub(crate) fn no_such_resource() -> Self {
        let mut error = Self::new(404, "NotFound", "the server could not find the requested resource");
        error.0.details = Some(Map::new());
        error
    }

    /// 409 for a name that is taken.
    pub(crate) fn already_exists(named: Named<'_>, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{named} {name:?} already exists")).about(name, named)
    }

    /// 409 for a name that an object still has that is going away.
    pub(crate) fn still_exists(named: Named<'_>, name: &str) -> Self {
        let message = format!("object is being deleted: {named} {name:?} already exists");
        Self::new(409, "AlreadyExists", message).about(name, named)
    }

    /// 409 for a write that raced with another or whose precondition failed.
    pub(crate) fn conflict(named: Named<'_>, name: &str, why: &str) -> Self {
        Self::new(409, "Conflict", format!("Operation cannot be fulfilled on {named} {name:?}: {why}"))
            .about(name, named)
    }

    /// 409 for an optimistic lock that another writer broke.
    pub(crate) fn modified(named: Named<'_>, name: &str) -> Self {
        Self::conflict(
            named,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 409 of a server-side apply, with the conflicts as causes.
    pub(crate) fn apply_conflict(message: String, causes: Value) -> Self {
        let causes = causes.as_array().cloned().unwrap_or_default();
        Self::new(409, "Conflict", message).with_causes(causes)
    }

    /// 500 without a reason: what the original's merge refuses.
    pub(crate) fn unnamed(message: String) -> Self {
        Self::new(500, "", message)
    }

    /// 422 for a patch whose result is not of its kind.
    pub(crate) fn bad_patch(result: &str, why: &str) -> Self {
        let error = FieldError::invalid_text("patch", result, why);
        Self::invalid(Named { group: "", what: "" }, "", &[error])
    }

    /// 422 for an object whose fields break rules. `named.what` is the kind.
    pub(crate) fn invalid(named: Named<'_>, name: &str, errors: &[FieldError]) -> Self {
        let mut texts: Vec<String> = Vec::with_capacity(errors.len());
        for text in errors.iter().map(FieldError::to_string) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let message = match texts.as_slice() {
            [] => format!("{named} {name:?} is invalid"),
            [one] => format!("{named} {name:?} is invalid: {one}"),
            many => format!("{named} {name:?} is invalid: [{}]", many.join(", ")),
        };
        let causes = errors.iter().map(FieldError::cause).collect();
        Self::new(422, "Invalid", message).about(name, named).with_causes(causes)
    }

    /// 422 with the original's generic words: a JSON patch that does not apply. (The original keeps the cause to itself.)
    pub(crate) fn rejected() -> Self {
        let mut error =
            Self::new(422, "Invalid", "the server rejected our request due to an error in our request");
        error.0.details = Some(Map::new());
        error
    }

    /// 400.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 403.
    pub(crate) fn forbidden(named: Named<'_>, name: &str, why: impl fmt::Display) -> Self {
        let message = if name.is_empty() {
            format!("{named} is forbidden: {why}")
        } else {
            format!("{named} {name:?} is forbidden: {why}")
        };
        Self::new(403, "Forbidden", message).about(name, named)
    }

    /// 403 for a path that is no resource.
    pub(crate) fn forbidden_path(why: &str) -> Self {
        let mut error = Self::new(403, "Forbidden", format!("forbidden: {why}"));
        error.0.details = Some(Map::new());
        error
    }

    /// 403 with a cause, as for a namespace that is being deleted.
    pub(crate) fn forbidden_because(named: Named<'_>, name: &str, why: &str, cause: Value) -> Self {
        Self::forbidden(named, name, why).with_causes(vec![cause])
    }

    /// 401.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 405 for a method that the path does not take.
    pub(crate) fn wrong_method() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
            .about("", Named { group: "", what: "" })
    }

    /// 406.
    pub(crate) fn not_acceptable(offered: &str) -> Self {
        let message = format!("406: Not Acceptable\n\nAvailable representations: {offered}");
        let mut error = Self::new(406, "NotAcceptable", message);
        error.0.details = Some(Map::new());
        error
    }

    /// 410: the version asked for is no longer known.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 413.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {limit}"))
    }

    /// 415 for the body of a write.
    pub(crate) fn unsupported_media_type(accepted: &str) -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types include: {accepted}"
            ),
        )
    }

    /// 415 for a patch.
    pub(crate) fn unsupported_patch() -> Self {
        let mut error = Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
        error.0.details = Some(Map::new());
        error
    }

    /// 429 with a time to wait.
    pub fn too_many_requests(retry_after_seconds: u64) -> Self {
        Self::new(
            429,
            "TooManyRequests",
            "The server has received too many requests and has asked us to try again later",
        )
        .with_retry_after(retry_after_seconds)
    }

    /// 500.
    pub fn internal(message: impl fmt::Display) -> Self {
        let text = message.to_string();
        let causes = vec![json!({"message": text})];
        Self::new(500, "InternalError", format!("Internal error occurred: {text}")).with_causes(causes)
    }

    /// 504: the version asked for does not exist yet.
    pub(crate) fn future_version(asked: u64, current: u64) -> Self {
        Self::new(504, "Timeout", format!("Timeout: Too large resource version: {asked}, current: {current}"))
            .with_causes(vec![
                json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}),
            ])
            .with_retry_after(1)
    }

    /// The HTTP code.
    pub fn code(&self) -> u16 {
        self.0.code
    }

    /// The machine-readable reason.
    pub fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn is_plain_text(&self) -> bool {
        self.0.plain
    }

    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.0.details.as_ref()?.get("retryAfterSeconds")?.as_u64()
    }

    /// The `metav1.Status` body.
    pub fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.0.message,
        });
        if !self.0.reason.is_empty() {
            status["reason"] = self.0.reason.into();
        }
        if let (Value::Object(map), Some(details)) = (&mut status, &self.0.details) {
            map.insert("details".into(), Value::Object(details.clone()));
        }
        status["code"] = self.0.code.into();
        status
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.0.code, self.0.reason, self.0.message)
    }
}

impl std::error::Error for ApiError {}
