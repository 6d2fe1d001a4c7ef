//! Field errors in the API server's words.

use serde_json::{Value, json};
use std::fmt;

/// Which rule a field breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    NotFound,
    Required,
    Duplicate,
    Invalid,
    TypeInvalid,
    NotSupported,
    Forbidden,
    TooLong,
    TooMany,
}

/// A field, the rule it breaks and the value it has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldError {
    pub(crate) broken: Broken,
    pub(crate) field: String,
    /// The value as the message shows it; `None` where the message leaves it out.
    shown: Option<String>,
    detail: String,
}

impl FieldError {
    fn new(broken: Broken, field: &str, shown: Option<String>, detail: impl Into<String>) -> Self {
        let field = if field.is_empty() { "<nil>" } else { field };
        Self { broken, field: field.to_owned(), shown, detail: detail.into() }
    }

    pub(crate) fn required(field: &str, detail: impl Into<String>) -> Self {
        Self::new(Broken::Required, field, None, detail)
    }

    pub(crate) fn invalid(field: &str, value: &Value, detail: impl Into<String>) -> Self {
        Self::new(Broken::Invalid, field, Some(shown(value)), detail)
    }

    pub(crate) fn invalid_text(field: &str, value: &str, detail: impl Into<String>) -> Self {
        Self::new(Broken::Invalid, field, Some(quoted(value)), detail)
    }

    /// A value whose shown form is not its JSON (Go's own notations).
    pub(crate) fn invalid_as(field: &str, shown: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Broken::Invalid, field, Some(shown.into()), detail)
    }

    /// A rule of a custom resource that does not hold; the value is not shown.
    pub(crate) fn broken_rule(field: &str, message: impl Into<String>) -> Self {
        Self::new(Broken::Invalid, field, None, message)
    }

    pub(crate) fn wrong_type(field: &str, shown: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Broken::TypeInvalid, field, Some(shown.into()), detail)
    }

    pub(crate) fn duplicate(field: &str, value: &Value) -> Self {
        Self::new(Broken::Duplicate, field, Some(shown(value)), "")
    }

    /// A repeated value whose shown form is not its JSON.
    pub(crate) fn duplicate_as(field: &str, shown: impl Into<String>) -> Self {
        Self::new(Broken::Duplicate, field, Some(shown.into()), "")
    }

    pub(crate) fn not_found(field: &str, value: &Value) -> Self {
        Self::new(Broken::NotFound, field, Some(shown(value)), "")
    }

    pub(crate) fn not_supported(field: &str, value: &Value, supported: &[&str]) -> Self {
        let list: Vec<String> = supported.iter().map(|s| quoted(s)).collect();
        let detail =
            if list.is_empty() { String::new() } else { format!("supported values: {}", list.join(", ")) };
        Self::new(Broken::NotSupported, field, Some(shown(value)), detail)
    }

    /// A value whose shown form is not its JSON.
    pub(crate) fn not_supported_as(field: &str, shown: impl Into<String>, supported: &[&str]) -> Self {
        let mut error = Self::not_supported(field, &Value::Null, supported);
        error.shown = Some(shown.into());
        error
    }

    pub(crate) fn forbidden(field: &str, detail: impl Into<String>) -> Self {
        Self::new(Broken::Forbidden, field, None, detail)
    }

    /// A value longer than `max` bytes.
    pub(crate) fn too_long(field: &str, max: usize) -> Self {
        Self::new(Broken::TooLong, field, None, format!("may not be more than {max} bytes"))
    }

    pub(crate) fn too_many(field: &str, actual: usize, max: usize) -> Self {
        Self::new(
            Broken::TooMany,
            field,
            Some(actual.to_string()),
            format!("must have at most {max} {}", if max == 1 { "item" } else { "items" }),
        )
    }

    /// The same error below another field.
    pub(crate) fn at(mut self, field: &str) -> Self {
        self.field = match self.field.as_str() {
            "" | "<nil>" => field.to_owned(),
            below => format!("{field}.{below}"),
        };
        self
    }

    fn body(&self) -> String {
        let what = match self.broken {
            Broken::NotFound => "Not found",
            Broken::Required => "Required value",
            Broken::Duplicate => "Duplicate value",
            Broken::Invalid | Broken::TypeInvalid => "Invalid value",
            Broken::NotSupported => "Unsupported value",
            Broken::Forbidden => "Forbidden",
            Broken::TooLong => "Too long",
            Broken::TooMany => "Too many",
        };
        let mut text = what.to_owned();
        if let Some(shown) = &self.shown {
            text.push_str(": ");
            text.push_str(shown);
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }

    /// The error as a cause in a Status' details.
    pub(crate) fn cause(&self) -> Value {
        let reason = match self.broken {
            Broken::NotFound => "FieldValueNotFound",
            Broken::Required => "FieldValueRequired",
            Broken::Duplicate => "FieldValueDuplicate",
            Broken::Invalid => "FieldValueInvalid",
            Broken::TypeInvalid => "FieldValueTypeInvalid",
            Broken::NotSupported => "FieldValueNotSupported",
            Broken::Forbidden => "FieldValueForbidden",
            Broken::TooLong => "FieldValueTooLong",
            Broken::TooMany => "FieldValueTooMany",
        };
        json!({"reason": reason, "message": self.body(), "field": self.field})
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

/// A text in Go's `%q`.
pub(crate) fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn shown(value: &Value) -> String {
    value.to_string()
}
