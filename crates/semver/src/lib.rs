//! Versions and version ranges as Helm, Flux and Argo CD read them: the rules of the Go library Masterminds/semver
//! v3 (3.4), which all three use for chart versions, image tags and Git tags.
//!
//! They differ from Rust's and npm's: versions may be partial and start with `v`, a range without a prerelease never
//! matches a prerelease, one prerelease in an "and" group admits them for the whole group, `!=`, `=>` and `=<` exist,
//! and `~1` means `1.x`. This crate reads and compares; it does not bump, sort lists in place or fetch anything.
//!
//! ```
//! use holdfast_semver::{Constraint, Version};
//! let range = Constraint::parse(">=1.2 <2 || ~3.1").unwrap();
//! assert!(range.matches(&Version::parse("v1.9.0").unwrap()));
//! assert_eq!(range.pick(["1.0.0", "v3.1.4", "3.2.0", "latest"]), Some("v3.1.4"));
//! ```

mod constraint;
mod version;

pub use constraint::{Constraint, ConstraintError};
pub use version::{Version, VersionError};

/// The longest text that is read as a version or a range, in bytes; upstream has no limit.
pub const MAX_LENGTH: usize = 1024;
