use super::{Make, SingleTransformer, Transformer, visit};
use crate::budget::Budget;
use crate::config::Spec;
use crate::error::Result;
use crate::hash::hash;
use crate::node::Node;
use crate::resource::{ResId, ResSet, Resource};
use crate::schema::Schemas;

/// Where an affix goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Prefix,
    Suffix,
}

/// `namePrefix` or `nameSuffix`.
#[derive(Debug)]
pub(crate) struct Affix {
    pub(crate) side: Side,
    pub(crate) text: String,
    pub(crate) specs: Vec<Spec>,
}

/// Kinds whose names never get one.
fn keeps_name(id: &ResId) -> bool {
    match id.gvk.kind.as_str() {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => id.gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}

impl SingleTransformer for Affix {
    fn transform_one(&self, resource: &mut Resource, schemas: &Schemas) -> Result<()> {
        let original = resource.original_id();
        if keeps_name(&original) {
            return Ok(());
        }
        for spec in self.specs.iter().filter(|spec| original.gvk.is_selected(&spec.gvk)) {
            if spec.path == "metadata/name" && !self.text.is_empty() {
                match self.side {
                    Side::Prefix => resource.prefixes.push(self.text.clone()),
                    Side::Suffix => resource.suffixes.push(self.text.clone()),
                }
                resource.remember();
            }
            visit(resource, spec, Make::Scalar, &mut |node| self.add_to(node, &schemas.budget))?;
        }
        resource.refresh(&schemas.scopes);
        Ok(())
    }
}

impl Affix {
    fn add_to(&self, node: &mut Node, budget: &Budget) -> std::result::Result<(), String> {
        if node.as_scalar().is_none() {
            return Err(crate::node::wrong_kind("a scalar", node));
        }
        budget.spend(self.text.len())?;
        let old = node.raw_text();
        let new = match self.side {
            Side::Prefix => format!("{}{old}", self.text),
            Side::Suffix => format!("{old}{}", self.text),
        };
        if new.is_empty() && node.is_untagged() {
            // Made for a text that is empty: written out and read again it is nothing.
            *node = Node::null();
        } else {
            node.set_untagged(new);
        }
        Ok(())
    }
}

/// Appends to the names of generated resources the hash of their content.
#[derive(Debug)]
pub(crate) struct Hashes;

impl Transformer for Hashes {
    fn transform(&self, set: &mut ResSet, schemas: &Schemas) -> Result<()> {
        for resource in set.list.iter_mut().filter(|r| r.needs_hash) {
            let hash = hash(&resource.node).map_err(|e| e.of_object(&resource.id))?;
            resource.remember();
            let name = format!("{}-{hash}", resource.id.name);
            resource.metadata_mut().set("name", Node::text(name));
            resource.refresh(&schemas.scopes);
        }
        set.ids_changed();
        Ok(())
    }
}
