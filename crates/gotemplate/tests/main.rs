//! The crate's behaviour through its public interface.

mod conformance;
mod generative;
mod limits;
mod objects;
mod sets;
mod support;
mod tables;
