//! Git repositories, remote and local.

mod cache;
mod local;
mod objects;
mod select;
mod session;
mod store;
mod transport;
mod tree;

pub use cache::{GitCache, GitStatistics};
pub use select::{Reference, Resolved};
pub use tree::GitTree;
