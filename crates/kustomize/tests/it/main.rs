//! Builds as a whole: the conformance cases, and what must hold for any input.
#![allow(clippy::unwrap_used)]

mod conformance;
mod folder;
mod generative;
mod inject;
mod library;
mod properties;
