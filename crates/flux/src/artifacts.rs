use holdfast_object::ObjectKey;
use holdfast_source::Artifact;
use holdfast_tree::FileTree;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// An artifact as a source published it: with the files that its ignore rules leave.
#[derive(Clone)]
pub struct Published {
    /// The artifact.
    pub artifact: Artifact,
    /// Its files, without those that are ignored.
    pub tree: Arc<dyn FileTree>,
}

/// The newest artifact of each source. It is made again from the sources' caches after a restart.
#[derive(Default)]
pub struct Artifacts {
    published: RwLock<HashMap<ObjectKey, Published>>,
}

impl Artifacts {
    /// Puts a source's artifact in the place of the one before.
    pub fn publish(&self, source: &ObjectKey, published: Published) {
        let mut all = self.published.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.insert(source.clone(), published);
    }

    /// A source's artifact.
    pub fn get(&self, source: &ObjectKey) -> Option<Published> {
        self.published.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(source).cloned()
    }

    /// Forgets a source that is gone.
    pub fn withdraw(&self, source: &ObjectKey) {
        self.published.write().unwrap_or_else(std::sync::PoisonError::into_inner).remove(source);
    }
}
