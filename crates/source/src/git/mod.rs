//! Git repositories, remote and local.

mod cache;
mod local;
mod objects;
mod select;
mod session;
mod signed;
mod store;
mod transport;
mod tree;
mod work;

pub use cache::{GitCache, GitStatistics};
pub(crate) use local::artifact as local_artifact;
pub(crate) use objects::Objects;
pub use select::{Reference, Resolved};
pub use signed::GitSignatures;
pub use tree::GitTree;
