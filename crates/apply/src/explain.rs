//! What a refused write means, for people.

use holdfast_cluster::{ApiError, ApiErrorKind};
use holdfast_sync::{FailureKind, Op, OpResult};

/// The failure of an operation, with what to do about it where that is not plain from the server's words.
pub(crate) fn failure(op: &Op, error: ApiError) -> OpResult {
    let kind = match error.kind {
        ApiErrorKind::NotFound | ApiErrorKind::NoSuchKind => FailureKind::NotFound,
        ApiErrorKind::Conflict | ApiErrorKind::AlreadyExists | ApiErrorKind::Expired => FailureKind::Conflict,
        ApiErrorKind::Unavailable if error.status == 0 => FailureKind::Unreachable,
        ApiErrorKind::TooManyRequests | ApiErrorKind::Unavailable => FailureKind::Unavailable,
        ApiErrorKind::Invalid
        | ApiErrorKind::Immutable
        | ApiErrorKind::Forbidden
        | ApiErrorKind::Unauthorized
        | ApiErrorKind::Refused => FailureKind::Refused,
    };
    let message = match hint(op, &error) {
        Some(hint) => format!("{} ({hint})", error.message),
        None => error.message,
    };
    OpResult::Failed { kind, message }
}

fn hint(op: &Op, error: &ApiError) -> Option<&'static str> {
    match error.kind {
        ApiErrorKind::Immutable => {
            Some("the field cannot be changed in place: allow force, or delete the object")
        }
        ApiErrorKind::NoSuchKind => {
            Some("the cluster serves no such kind: is its CustomResourceDefinition installed?")
        }
        ApiErrorKind::NotFound
            if !op.object.key.namespace.is_empty() && error.message.contains("namespaces ") =>
        {
            Some("create the namespace, or add it to the source")
        }
        ApiErrorKind::Forbidden => Some("grant the controller's identity this right"),
        _ => None,
    }
}
