use holdfast_object::Object;
use holdfast_render::kustomization::{ObjectSelector, PatchTarget};
use std::sync::Arc;

/// Labels that a resource must have to be run here: how a shard is told from another
/// (`sharding.fluxcd.io/key in (shard1)`).
#[derive(Debug, Clone)]
pub struct WatchSelector(Arc<ObjectSelector>);

impl WatchSelector {
    /// Reads a label selector.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let target = PatchTarget { label_selector: text.to_owned(), ..PatchTarget::default() };
        ObjectSelector::new(&target).map(|selector| Self(Arc::new(selector)))
    }

    pub(crate) fn selects(&self, object: &Object) -> bool {
        self.0.selects(object)
    }
}
