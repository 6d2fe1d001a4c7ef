//! What every part of one sandbox shares.

use crate::Options;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::random::Random;
use crate::resource::{Registry, Resource};
use crate::store::Store;
use std::sync::{Arc, PoisonError, RwLock};

/// One sandbox: its objects, what it serves, its clock and its seed.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) faults: Faults,
    pub(crate) options: Options,
    builtin: Registry,
    registry: RwLock<Arc<Registry>>,
}

impl Core {
    pub(crate) fn new(options: Options) -> Self {
        let builtin = Registry::builtin();
        Self {
            store: Store::new(options.history),
            clock: options.clock.started(),
            random: Random::new(options.seed),
            faults: options.faults.clone(),
            registry: RwLock::new(Arc::new(builtin.clone())),
            builtin,
            options,
        }
    }

    /// What is served at this moment.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves exactly these custom resources beside the built-in ones.
    pub(crate) fn serve_custom(&self, resources: impl IntoIterator<Item = Resource>) {
        let next = Arc::new(self.builtin.with_custom(resources));
        *self.registry.write().unwrap_or_else(PoisonError::into_inner) = next;
    }
}
