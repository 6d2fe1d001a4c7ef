//! Merging Kubernetes objects, as pure functions over JSON values.
//!
//! - [`fields`]: sets of fields as `managedFields` stores them (FieldsV1).
//! - [`managers`]: `metadata.managedFields` itself: who owns which fields, since when.
//! - [`ssa`]: server-side apply, and the tracking of owners on all other writes.
//! - [`canonical`], [`quantity`]: the one form among several that mean the same.
//! - [`strategic`], [`json_merge`], [`json_patch`]: patches, two-way and three-way.
//!
//! Everything here answers from its arguments: no clock (times are arguments), no network, no cluster. It does not
//! validate objects against what a kind's own controller demands, and it does not default them: the API server (or
//! the sandbox that stands in for it) does both.

pub mod canonical;
pub mod drift;
pub mod fields;
pub mod json_merge;
pub mod json_patch;
pub mod managers;
mod normal;
pub mod quantity;
pub mod ssa;
pub mod strategic;
mod typed;
mod values;
