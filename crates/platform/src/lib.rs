//! Everything wired for one cluster.
//!
//! [`Platform`] starts the engine with every front-end. [`discover`] finds the custom resources of a folder, [`Seed`]
//! applies them, and [`Workspace`] serves the folder in place of the repository it is a checkout of: that is all of
//! `holdfast up` but the terminal, which is the command line's.
//!
//! Prints nothing, reads no arguments, and meets the cluster, be it the sandbox or a real one, only as a client.

mod definitions;
mod discover;
mod follow;
mod platform;
mod seed;
mod survey;
mod workspace;

pub use definitions::{Installed, install_definitions};
pub use discover::{Found, discover};
pub use platform::{Platform, PlatformOptions};
pub use seed::{Seed, SeedError};
pub use survey::{Survey, is_app, unsupported};
pub use workspace::{SOURCES_FILE, Workspace, WorkspaceError};
