//! The custom resources Holdfast speaks, as Rust types and as CustomResourceDefinitions.
//!
//! The definitions come from compact tables of fields (`tables/*.crd`), one file per kind: every field with its type,
//! constraints and default as the original has them, so that what a user's tools accept is accepted here. The Rust
//! types ([`flux`], [`argocd`]) hold the fields that are acted on; whatever else a spec holds is kept in `rest`, so
//! that it can be refused by name instead of being ignored.
//!
//! No logic: deciding what a field means is the front-ends'.

pub mod argocd;
mod definition;
mod duration;
pub mod flux;
mod table;

pub use definition::{Definition, definitions};
pub use duration::{DurationError, format_duration, parse_duration};
