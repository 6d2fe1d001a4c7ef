//! Tests of the crate as its users see it.
#![allow(clippy::unwrap_used)]

mod conformance;
mod documents;
mod limits;
mod properties;
mod reading;
mod writing;
