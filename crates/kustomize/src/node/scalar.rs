use super::Tag;
use holdfast_yaml::Dialect;
use holdfast_yaml::syntax::{Dates, Resolved};

/// What a plain scalar is in the dialect.
pub(crate) fn resolve(text: &str, dialect: Dialect) -> Tag {
    match holdfast_yaml::syntax::resolve(text, dialect, Dates::Allowed) {
        Resolved::Null => Tag::Null,
        Resolved::Bool(_) => Tag::Bool,
        Resolved::Integer(_) => Tag::Int,
        Resolved::Float(_) => Tag::Float,
        Resolved::Timestamp(_) if dialect == Dialect::V3 => Tag::Time,
        Resolved::Timestamp(_) | Resolved::Merge | Resolved::Text => Tag::Str,
    }
}
