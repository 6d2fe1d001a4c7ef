use super::{Make, Transformer, visit};
use crate::config::Spec;
use crate::error::{BuildError, Result};
use crate::kustomization::Replica;
use crate::node::{Node, Scalar, Style, Tag, wrong_kind};
use crate::resource::ResSet;
use crate::schema::Schemas;

/// Sets the replicas of the resources that have or had a name.
#[derive(Debug)]
pub(crate) struct ReplicaCount {
    pub(crate) replica: Replica,
    pub(crate) specs: Vec<Spec>,
}

impl Transformer for ReplicaCount {
    fn transform(&self, set: &mut ResSet, _: &Schemas) -> Result<()> {
        let mut found = false;
        for resource in set.list.iter_mut().filter(|r| !r.is_gone()) {
            let name = &self.replica.name;
            for spec in &self.specs {
                let named = (resource.id.name == *name && resource.id.gvk.is_selected(&spec.gvk))
                    || resource.previous_ids().any(|id| id.name == *name && id.gvk.is_selected(&spec.gvk));
                if !named {
                    continue;
                }
                found = true;
                visit(resource, spec, Make::Scalar, &mut |node| {
                    if node.as_scalar().is_none() {
                        return Err(wrong_kind("a scalar", node));
                    }
                    let text = self.replica.count.to_string();
                    *node = Node::Scalar(Scalar::new(text, Tag::Int, Style::Plain));
                    Ok(())
                })?;
            }
        }
        if found {
            return Ok(());
        }
        let kinds: Vec<String> = self.specs.iter().map(|s| s.gvk.to_string()).collect();
        Err(BuildError::new(format!(
            "resource with name {} does not match a config with the following GVK [{}]",
            self.replica.name,
            kinds.join(" ")
        )))
    }
}
