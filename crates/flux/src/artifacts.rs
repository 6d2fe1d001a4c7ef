use holdfast_object::ObjectKey;
use holdfast_source::Artifact;
use holdfast_sync::{Bug, planted};
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
    /// The digest of the packed archive, as the source's status names it.
    pub digest: String,
}

/// The newest artifact of each source. It is made again from the sources' caches after a restart.
#[derive(Default)]
pub struct Artifacts {
    published: RwLock<HashMap<ObjectKey, Published>>,
    troubles: RwLock<HashMap<ObjectKey, String>>,
}

impl Artifacts {
    /// Puts a source's artifact in the place of the one before.
    pub fn publish(&self, source: &ObjectKey, published: Published) {
        if planted(Bug::OldArtifact) && self.get(source).is_some() {
            return;
        }
        self.published
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(source.clone(), published);
        self.troubles.write().unwrap_or_else(std::sync::PoisonError::into_inner).remove(source);
    }

    /// A source's artifact.
    pub fn get(&self, source: &ObjectKey) -> Option<Published> {
        self.published.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(source).cloned()
    }

    /// Notes why an artifact that a source's status names cannot be had; whoever uses the source can say so.
    pub fn trouble(&self, source: &ObjectKey, message: &str) {
        let mut all = self.troubles.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.insert(source.clone(), message.to_owned());
    }

    /// Why a source's artifact cannot be had, where that is known.
    pub fn trouble_of(&self, source: &ObjectKey) -> Option<String> {
        self.troubles.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(source).cloned()
    }

    /// Forgets a source that is gone.
    pub fn withdraw(&self, source: &ObjectKey) {
        self.published.write().unwrap_or_else(std::sync::PoisonError::into_inner).remove(source);
        self.troubles.write().unwrap_or_else(std::sync::PoisonError::into_inner).remove(source);
    }
}
