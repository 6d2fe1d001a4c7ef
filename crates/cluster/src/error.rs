use serde::Deserialize;
use std::time::Duration;

/// A request to the API server that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What kind of failure, as far as the caller's next step depends on it.
    pub kind: ApiErrorKind,
    /// The HTTP status; 0 when there was no answer.
    pub status: u16,
    /// The server's words, or what the transport said.
    pub message: String,
    /// How long the server asks to wait before the next try.
    pub retry_after: Option<Duration>,
}

/// What kind of failure a request met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiErrorKind {
    /// The object, or what it needs, does not exist.
    NotFound,
    /// The server serves no such kind.
    NoSuchKind,
    /// It exists already.
    AlreadyExists,
    /// The object changed in between, or another field manager holds a field.
    Conflict,
    /// The content was refused.
    Invalid,
    /// A field cannot be changed in place.
    Immutable,
    /// The identity may not do this.
    Forbidden,
    /// The identity is not known.
    Unauthorized,
    /// The resourceVersion is too old to watch from.
    Expired,
    /// The server is too busy.
    TooManyRequests,
    /// The server could not be reached, did not answer, or failed.
    Unavailable,
    /// Anything else that was refused: a webhook's denial, say.
    Refused,
}

/// The part of a `Status` body that matters here.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    message: String,
    reason: String,
    details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    #[serde(rename = "retryAfterSeconds")]
    retry_after_seconds: u64,
}

impl ApiError {
    /// The server's answer with this HTTP status and body.
    pub(crate) fn from_answer(code: u16, body: &[u8], retry_after: Option<u64>) -> Self {
        let parsed: Option<Status> = serde_json::from_slice(body).ok();
        let status = parsed.unwrap_or_default();
        let message = if status.message.is_empty() {
            let text = String::from_utf8_lossy(&body[..body.len().min(512)]).trim().to_owned();
            if text.is_empty() { format!("the server answered with status {code}") } else { text }
        } else {
            status.message
        };
        let asked = status.details.map(|d| d.retry_after_seconds).filter(|s| *s > 0).or(retry_after);
        Self {
            kind: kind_of(code, &status.reason, &message),
            status: code,
            message,
            retry_after: asked.map(Duration::from_secs),
        }
    }

    /// The transport failed: there was no answer.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self { kind: ApiErrorKind::Unavailable, status: 0, message: message.into(), retry_after: None }
    }

    /// The server's answer is no JSON, or not of the shape it should have.
    pub fn unreadable(error: &serde_json::Error) -> Self {
        Self::unreachable(format!("the server's answer cannot be read: {error}"))
    }

    /// No answer came within the caller's own limit.
    pub fn timed_out(limit: Duration) -> Self {
        Self::unreachable(format!("no answer within {} s", limit.as_secs()))
    }

    /// We may not write any more: the lease is another's, or soon may be.
    pub(crate) fn fenced_off() -> Self {
        Self::unreachable("the lease is lost: nothing is written")
    }

    /// The server serves no such kind.
    pub fn no_such_kind(gvk: &holdfast_object::GroupVersionKind) -> Self {
        Self {
            kind: ApiErrorKind::NoSuchKind,
            status: 404,
            message: format!("no matches for kind \"{}\" in version \"{}\"", gvk.kind, gvk.api_version()),
            retry_after: None,
        }
    }

    /// Whether the same request may succeed later without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, ApiErrorKind::TooManyRequests | ApiErrorKind::Unavailable)
    }
}

fn kind_of(code: u16, reason: &str, message: &str) -> ApiErrorKind {
    // Flux recognises a field that cannot change by these words, whatever the status says.
    let is_immutable = message.contains("is immutable")
        || message.contains("immutable field")
        || message.contains("updates to statefulset spec for fields other than");
    match (code, reason) {
        (409 | 422, _) if is_immutable => ApiErrorKind::Immutable,
        (404, _) if message.starts_with("the server could not find the requested resource") => {
            ApiErrorKind::NoSuchKind
        }
        (404, _) => ApiErrorKind::NotFound,
        (409, "AlreadyExists") => ApiErrorKind::AlreadyExists,
        (409, _) => ApiErrorKind::Conflict,
        (410, _) | (_, "Expired") => ApiErrorKind::Expired,
        (422 | 400, _) => ApiErrorKind::Invalid,
        (401, _) => ApiErrorKind::Unauthorized,
        (403, _) => ApiErrorKind::Forbidden,
        (429, _) => ApiErrorKind::TooManyRequests,
        (500.., _) => {
            // A webhook that cannot be called answers 500, and that is no fault of the server's.
            if message.contains("failed calling webhook") {
                ApiErrorKind::Refused
            } else {
                ApiErrorKind::Unavailable
            }
        }
        _ => ApiErrorKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let check = |code: u16, body: &str, expected: ApiErrorKind| {
            assert_eq!(ApiError::from_answer(code, body.as_bytes(), None).kind, expected, "{code} {body}");
        };
        check(404, r#"{"message":"configmaps \"a\" not found","reason":"NotFound"}"#, ApiErrorKind::NotFound);
        check(
            404,
            r#"{"message":"the server could not find the requested resource","reason":"NotFound"}"#,
            ApiErrorKind::NoSuchKind,
        );
        check(409, r#"{"message":"x","reason":"AlreadyExists"}"#, ApiErrorKind::AlreadyExists);
        check(
            409,
            r#"{"message":"the object has been modified","reason":"Conflict"}"#,
            ApiErrorKind::Conflict,
        );
        check(
            422,
            r#"{"message":"spec.selector: Invalid value: field is immutable"}"#,
            ApiErrorKind::Immutable,
        );
        check(422, r#"{"message":"spec.replicas: must be greater"}"#, ApiErrorKind::Invalid);
        check(500, r#"{"message":"failed calling webhook \"a\""}"#, ApiErrorKind::Refused);
        check(503, "", ApiErrorKind::Unavailable);
    }

    #[test]
    fn the_wait_the_server_asks_for_is_kept() {
        let busy =
            ApiError::from_answer(429, br#"{"message":"m","details":{"retryAfterSeconds":3}}"#, Some(7));
        assert_eq!(busy.retry_after, Some(Duration::from_secs(3)));
        let plain = ApiError::from_answer(429, b"busy", Some(7));
        assert_eq!((plain.retry_after, plain.message.as_str()), (Some(Duration::from_secs(7)), "busy"));
    }
}
