//! The parts that the readers are made of, for a crate that works on what JSON cannot say.
//!
//! Kustomize edits documents before their scalars have a type: it compares and copies them by their text. Its crate
//! reads [`events`] of the [`chunks`] of a file, keeps each scalar's text and [`Style`], and asks [`resolve`],
//! [`json_float`] and [`through_v3`] only at the end.

use crate::Dialect;
pub use crate::decode::decode;
pub use crate::event::{Event, Events, Layout, Mark, Properties, Span, Style};
pub use crate::fold::through_v3;
pub use crate::number::{Integer, json_float};
pub use crate::resolve::{Dates, Resolved, resolve};
pub use crate::split::{Chunk, chunks};

/// The events of a text that [`decode`] has let through, as the dialect's library scans it.
#[must_use]
pub fn events(text: &str, dialect: Dialect) -> Events<'_> {
    Events::new(text, dialect.lookahead())
}
