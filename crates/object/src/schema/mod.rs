//! What Kubernetes knows of its types: fields, defaults, how lists and maps merge, and which resources serve a kind.
//!
//! [`Schemas::builtin`] is a table of the built-in kinds, generated from a real API server's OpenAPI and discovery
//! by `cargo xtask schema`; [`Schemas::from_crd`] reads a custom resource's schema at run time;
//! [`TypeRef::untyped`] stands for kinds nobody described. One shape serves them all: walk it with [`TypeRef`].
//!
//! Object types follow structured-merge-diff rather than Go: a struct and a map are one thing, with named fields
//! and, perhaps, a type for all other keys.

mod node;
mod openapi;
mod resource;
mod table;
mod types;
mod validate;

use crate::GroupVersionKind;
use node::Node;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

pub use openapi::SchemaError;
pub use resource::{Resource, Subresource};
pub use table::TableError;
pub use types::{Field, ListKind, ListType, ObjectType, PatchStrategy, Scalar, TypeKind, TypeRef};
pub use validate::Violation;

/// A set of types and the resources that serve them.
#[derive(Debug, Default)]
pub struct Schemas {
    version: String,
    types: Vec<Slot>,
    by_name: HashMap<Box<str>, u32>,
    roots: HashMap<GroupVersionKind, u32>,
    resources: Vec<Resource>,
    by_kind: HashMap<GroupVersionKind, usize>,
}

/// A named type. Types of the built-in table are read when first asked for: a run touches a few of the hundreds.
#[derive(Debug)]
struct Slot {
    name: Box<str>,
    line: &'static str,
    node: OnceLock<Node>,
}

static BUILTIN: LazyLock<Schemas> = LazyLock::new(|| {
    Schemas::parse(include_str!("kubernetes.types"))
        .expect("the generated table is read by a test of this module")
});

static UNTYPED: LazyLock<Schemas> = LazyLock::new(Schemas::default);

impl Schemas {
    /// The kinds of a stock Kubernetes server; [`Schemas::version`] says of which version.
    pub fn builtin() -> &'static Schemas {
        &BUILTIN
    }

    /// The Kubernetes version the types were read from, such as `v1.36.3`; empty for custom resources.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Every resource, in the order of group, version and name.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resources.iter()
    }

    /// The resource that serves a kind.
    pub fn resource(&self, gvk: &GroupVersionKind) -> Option<&Resource> {
        self.by_kind.get(gvk).and_then(|i| self.resources.get(*i))
    }

    /// The type of a kind's objects, or `None` when the kind is not known here.
    pub fn root(&self, gvk: &GroupVersionKind) -> Option<TypeRef<'_>> {
        self.roots.get(gvk).map(|id| self.at(*id))
    }

    /// A type by its short name, such as `core.v1.Container`.
    pub fn named(&self, name: &str) -> Option<TypeRef<'_>> {
        self.by_name.get(name).map(|id| self.at(*id))
    }

    /// The names of all types, in table order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(|slot| slot.name.as_ref())
    }

    /// Reads the OpenAPI v3 documents and discovery documents of a server, in any order: aggregated discovery
    /// (`APIGroupDiscoveryList`) or plain lists (`APIResourceList`). Other documents are ignored.
    ///
    /// # Errors
    /// [`SchemaError`] names the type and what in it is not understood.
    pub fn from_server<'v>(documents: impl IntoIterator<Item = &'v Value>) -> Result<Schemas, SchemaError> {
        openapi::from_server(documents)
    }

    /// The types and resources of a `CustomResourceDefinition` (`apiextensions.k8s.io/v1`), one root per served
    /// version. `metadata` is the built-in `ObjectMeta`.
    ///
    /// # Errors
    /// [`SchemaError`] when the definition lacks a name it must have or its schema is not structural.
    pub fn from_crd(crd: &Value) -> Result<Schemas, SchemaError> {
        openapi::from_crd(crd)
    }

    /// One kind from an `openAPIV3Schema` alone; its root is found under `gvk`. A schema of `null` is the untyped
    /// kind that `x-kubernetes-preserve-unknown-fields` at the top describes.
    ///
    /// # Errors
    /// As [`Schemas::from_crd`].
    pub fn from_crd_schema(gvk: GroupVersionKind, schema: &Value) -> Result<Schemas, SchemaError> {
        openapi::from_crd_schema(gvk, schema)
    }

    /// Reads the compact text that [`Schemas::to_text`] writes. Types are read when first used: an error in one
    /// shows in [`Schemas::check`].
    ///
    /// # Errors
    /// [`TableError`] names the line.
    pub fn parse(text: &'static str) -> Result<Schemas, TableError> {
        table::parse(text)
    }

    /// Reads every type now.
    ///
    /// # Errors
    /// [`TableError`] names the first type that cannot be read.
    pub fn check(&self) -> Result<(), TableError> {
        for slot in &self.types {
            if slot.node.get().is_none() {
                table::parse_type(slot.line, &self.by_name)?;
            }
        }
        Ok(())
    }

    /// The table as text: one line for each resource and each type, in a fixed order, without descriptions.
    pub fn to_text(&self) -> String {
        table::write(self)
    }

    fn at(&self, id: u32) -> TypeRef<'_> {
        TypeRef::new(self, self.node(id))
    }

    fn node(&self, id: u32) -> &Node {
        static ANY: Node = Node::Any { atomic: false };
        let Some(slot) = self.types.get(id as usize) else { return &ANY };
        slot.node.get_or_init(|| {
            table::parse_type(slot.line, &self.by_name).unwrap_or(Node::Any { atomic: false })
        })
    }

    fn name_of(&self, id: u32) -> &str {
        self.types.get(id as usize).map_or("", |slot| slot.name.as_ref())
    }

    fn index_resources(&mut self) {
        self.resources.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        self.by_kind = self.resources.iter().enumerate().map(|(i, r)| (r.gvk.clone(), i)).collect();
    }
}

#[cfg(test)]
mod tests;
