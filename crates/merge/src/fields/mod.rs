//! Sets of fields, as `metadata.managedFields` stores them (FieldsV1).

mod element;
mod set;

pub use crate::typed::{extract, field_set, remove};
pub use element::{BadElement, FieldPath, PathElement};
pub use set::FieldSet;

#[cfg(test)]
mod tests;
