//! Builds as a whole: the conformance cases, and what must hold for any input.

mod conformance;
mod folder;
