//! Kubernetes objects as plain values.
//!
//! This crate names things: what an object is ([`Object`]), how one is referred to ([`ObjectRef`],
//! [`ObjectKey`]), and an ordered set of them with the place each came from ([`ObjectSet`]).
//! Values are `serde_json::Value`s that keep the order of keys.
//!
//! What Kubernetes knows of its types — fields, defaults, how lists merge — is in [`schema`].
//!
//! Where many are held, [`Packer`] keeps them small.
//!
//! It does no I/O, knows no cluster and holds no typed Kubernetes structs.

mod object;
mod packed;
mod reference;
pub mod schema;
mod set;

pub use object::{NotAnObject, Object};
pub use packed::{Packed, Packer};
pub use reference::{GroupKind, GroupVersionKind, ObjectKey, ObjectRef};
pub use serde_json::{Map, Number, Value, json};
pub use set::{ObjectSet, Origin, SetEntry};
