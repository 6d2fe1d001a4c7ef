use super::{Make, SingleTransformer, set_entry, visit};
use crate::config::Spec;
use crate::error::Result;
use crate::node::Twin;
use crate::resource::Resource;
use crate::schema::Schemas;
use std::collections::BTreeMap;

/// Sets labels or annotations at fields of every resource.
#[derive(Debug)]
pub(crate) struct Labels {
    pub(crate) pairs: BTreeMap<String, String>,
    pub(crate) specs: Vec<Spec>,
}

impl SingleTransformer for Labels {
    fn transform_one(&self, resource: &mut Resource, schemas: &Schemas) -> Result<()> {
        if self.pairs.is_empty() {
            return Ok(());
        }
        let bytes: usize = self.pairs.iter().map(|(key, text)| key.len() + text.len()).sum();
        let groups = u32::try_from(self.pairs.len()).unwrap_or(u32::MAX);
        let first = resource.twins;
        for spec in &self.specs {
            visit(resource, spec, Make::Map, &mut |node| {
                schemas.budget.spend(bytes)?;
                let mut pairs = (first..).zip(&self.pairs);
                pairs.try_for_each(|(at, (key, text))| set_entry(node, key, text, Twin::group(at)))
            })?;
        }
        resource.settle_twins();
        resource.twins = first.saturating_add(groups);
        resource.refresh(&schemas.scopes);
        Ok(())
    }
}
