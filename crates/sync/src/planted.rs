//! Bugs on purpose, with which the simulation proves that it would catch them.

/// A bug that can be switched on where the feature `planted` is compiled in, which no build of the product does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bug {
    /// What a run is about to make is noted in the inventory only after it was made.
    InventoryTooLate,
    /// What is to be pruned leaves the inventory before it is deleted.
    InventoryTooEarly,
    /// Whether an object that is pruned is ours is not looked at.
    PruneWithoutOwner,
    /// A delete does not say what it was decided on.
    DeleteWithoutPrecondition,
    /// What a full list no longer holds is believed to be there still.
    StaleCache,
    /// A reason that comes while its resource is being reconciled is forgotten.
    LostWakeUp,
    /// Changes of managed objects wake nobody.
    BlindToDrift,
    /// A run under way for an old revision counts for the new one.
    StatusOfOldRun,
    /// A revision is said to be applied before it is.
    StatusAhead,
    /// `spec.suspend` is not looked at.
    SuspendIgnored,
    /// Whether an Application syncs by itself is not looked at.
    ManualSyncs,
    /// A source keeps the artifact that it published first.
    OldArtifact,
    /// Dependencies are not waited for.
    DependencyIgnored,
    /// What cannot be rendered counts as empty.
    BrokenIsEmpty,
    /// A finalizer goes before the objects do.
    FinalizerTooEarly,
    /// What failed is tried again at once.
    NoBackOff,
    /// One resource is reconciled twice at the same time.
    TwoAtOnce,
    /// What another writer sets again and again is put right at once each time.
    Undamped,
    /// A write of ours counts as in force once it is answered, whatever the watch has brought by then.
    SealOfAnswer,
    /// A watch that has lost its place goes on from now instead of listing anew.
    ExpiredIgnored,
}

impl Bug {
    /// Every bug.
    pub const ALL: &[Self] = &[
        Self::InventoryTooLate,
        Self::InventoryTooEarly,
        Self::PruneWithoutOwner,
        Self::DeleteWithoutPrecondition,
        Self::StaleCache,
        Self::LostWakeUp,
        Self::BlindToDrift,
        Self::StatusOfOldRun,
        Self::StatusAhead,
        Self::SuspendIgnored,
        Self::ManualSyncs,
        Self::OldArtifact,
        Self::DependencyIgnored,
        Self::BrokenIsEmpty,
        Self::FinalizerTooEarly,
        Self::NoBackOff,
        Self::TwoAtOnce,
        Self::Undamped,
        Self::SealOfAnswer,
        Self::ExpiredIgnored,
    ];
}

/// Whether a bug is switched on for this thread. The product asks, and is told no when it is compiled.
#[cfg(not(feature = "planted"))]
pub const fn planted(_: Bug) -> bool {
    false
}

#[cfg(feature = "planted")]
mod switch {
    use super::Bug;
    use std::cell::Cell;

    std::thread_local! {
        static ON: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Whether a bug is switched on for this thread.
    pub fn planted(bug: Bug) -> bool {
        ON.get() == Some(bug)
    }

    /// Switches one bug on for this thread, or none.
    pub fn plant(bug: Option<Bug>) {
        ON.set(bug);
    }
}

#[cfg(feature = "planted")]
pub use switch::{plant, planted};
