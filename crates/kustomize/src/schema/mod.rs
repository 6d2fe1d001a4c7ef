//! What the build knows about kinds: which lists merge by key, which kinds have no namespace.
//!
//! The original carries the OpenAPI document of Kubernetes 1.21. Of it, strategic merges use only the few lists below;
//! newer API servers declare more merge keys, which the original does not know and which would change its output.

mod builtin;
mod custom;
mod scope;

pub(crate) use builtin::{Shape, Type};
pub(crate) use custom::CustomSchema;
use custom::Definition;
pub(crate) use scope::Scopes;

use crate::budget::Budget;
use crate::error::Result;
use crate::node::Node;
use serde_json::Value;
use std::sync::Arc;

/// The only built-in version that `openapi.version` may name.
const BUILTIN_VERSION: &str = "v1.21.2";

/// The schemas of one build: the built-in one, or the first custom one that a kustomization names.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    custom: Option<Arc<CustomSchema>>,
    /// A version was named, so that no later kustomization may change the schema.
    fixed: bool,
    pub(crate) scopes: Scopes,
    /// What transformers may still write.
    pub(crate) budget: Budget,
}

/// A place in a schema.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Schema<'s> {
    Builtin(Type, Shape),
    Custom(&'s CustomSchema, &'s Value),
}

impl Schemas {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, ..Self::default() }
    }

    /// Takes in a kustomization's `openapi` field. The root's decides; below it the first that names one does.
    pub(crate) fn set(
        &mut self,
        version: Option<&str>,
        file: Option<CustomSchema>,
        root: bool,
    ) -> Result<()> {
        if !root && (self.fixed || self.custom.is_some()) {
            return Ok(());
        }
        if let Some(mut schema) = file {
            if version.is_some() {
                return Err("builtin version and custom schema provided, cannot use both".into());
            }
            // The original reads its own schema late: it stays out unless it was asked for a scope before.
            schema.builtin_too = self.scopes.asked_for_unknown();
            self.scopes.add(schema.scopes());
            self.custom = Some(Arc::new(schema));
            return Ok(());
        }
        match version {
            None | Some("") => Ok(()),
            Some(BUILTIN_VERSION) => {
                self.fixed = true;
                Ok(())
            }
            Some(other) => Err(format!(
                "the specified OpenAPI version '{other}' is not built in; use {BUILTIN_VERSION} or a file (openapi.path)"
            )
            .into()),
        }
    }

    /// The schema of a kind.
    pub(crate) fn of(&self, api_version: &str, kind: &str) -> Option<Schema<'_>> {
        let builtin = || Type::of_kind(api_version, kind).map(|ty| Schema::Builtin(ty, Shape::One));
        let Some(custom) = self.custom.as_deref() else { return builtin() };
        if custom.builtin_too
            && let Some(schema) = builtin()
        {
            return Some(schema);
        }
        custom.of(api_version, kind).map(|value| Schema::Custom(custom, value))
    }

    /// The schema of an object, by its `apiVersion` and `kind`.
    pub(crate) fn of_node(&self, node: &Node) -> Option<Schema<'_>> {
        let kind = node.get("kind").map(Node::raw_text).filter(|k| !k.is_empty())?;
        let api_version = node.get("apiVersion").map(Node::raw_text).filter(|k| !k.is_empty())?;
        self.of(api_version, kind)
    }
}

impl<'s> Schema<'s> {
    fn definition(schema: &'s CustomSchema, definition: Definition<'s>) -> Self {
        match definition {
            Definition::Own(value) => Self::Custom(schema, value),
            Definition::Builtin(ty) => Self::Builtin(ty, Shape::One),
        }
    }

    /// The schema of a field.
    pub(crate) fn field(self, name: &str) -> Option<Self> {
        match self {
            Self::Builtin(ty, Shape::One) => {
                let (ty, shape) = ty.field(name);
                Some(Self::Builtin(ty, shape))
            }
            Self::Builtin(..) => None,
            Self::Custom(schema, value) => schema.field(value, name).map(|d| Self::definition(schema, d)),
        }
    }

    /// The schema of a list's elements.
    pub(crate) fn element(self) -> Option<Self> {
        match self {
            Self::Builtin(_, Shape::One) => None,
            Self::Builtin(ty, _) => Some(Self::Builtin(ty, Shape::One)),
            Self::Custom(schema, value) => schema.element(value).map(|d| Self::definition(schema, d)),
        }
    }

    /// The keys by which a list merges: none for a list that is replaced, no keys for a list of scalars.
    pub(crate) fn merge_keys(self) -> Option<Vec<&'s str>> {
        match self {
            Self::Builtin(_, Shape::Merge(keys)) => Some(keys.to_vec()),
            Self::Builtin(..) => None,
            Self::Custom(_, value) => custom::merge_keys(value),
        }
    }
}
