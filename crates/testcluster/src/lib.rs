//! The real parts that tests need, each started with one call: a Kubernetes control plane ([`cluster`]), git servers
//! over HTTPS and SSH ([`git`]), an OCI registry ([`registry`]). Development only: nothing that ships depends on it.
//!
//! It hands out addresses, kubeconfigs, keys and certificates, and speaks none of the protocols itself: what is under
//! test brings its own client. It simulates nothing in Rust either; the sandbox is another crate.
//!
//! # The slow tier
//!
//! The control plane and the registry are one Go program, `hack/testcluster`. Tests that need it are the slow tier: they
//! run where `HOLDFAST_E2E` is set, and elsewhere print a line that begins with `SKIPPED:` and pass.
//!
//! | `HOLDFAST_E2E` | what happens |
//! |---|---|
//! | unset, empty, `0` | skipped |
//! | `1` | runs; skipped where neither the program nor Go to build it is on the machine |
//! | `required` | runs; fails where anything is missing, so that CI cannot skip by accident |
//!
//! The program is built once into `$XDG_CACHE_HOME/holdfast/testcluster/<hash of its sources>` (minutes, the first
//! time); `cargo run -p holdfast-testcluster` builds it ahead and prints its path. Git servers need only git and sshd,
//! so their tests run always and skip where those are missing.
//!
//! # Example
//!
//! ```no_run
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! let Some(cluster) = holdfast_testcluster::cluster::shared().await? else { return Ok(()) };
//! let namespace = cluster.namespace("guestbook").await?;
//! cluster.kubectl(&["-n", &namespace, "create", "configmap", "colours"]).await?;
//! # Ok(())
//! # }
//! ```

pub mod certificate;
mod child;
pub mod cluster;
mod gate;
pub mod git;
pub mod program;
pub mod registry;

pub use child::ChildError;
