//! Kustomize builds, with the bytes of the original and without its process.
//!
//! [`build`] reads a kustomization and everything below it from a [`holdfast_tree::FileTree`] and returns objects with
//! the place each came from; [`to_yaml`] prints them as `kustomize build` does. The behaviour is that of kustomize 5.8
//! with the schema it carries (Kubernetes 1.21), accidents included where people's output depends on them.
//!
//! The crate does no I/O: what lies behind URLs is returned as [`Need`]s for the caller to answer, charts are rendered
//! through a trait ([`ChartInflator`]), and a build is a function of the tree, the options and the answers. It refuses
//! to run programs, containers and Go plugins, to read files outside of the tree, and to go beyond its [`Limits`].

mod budget;
mod build;
mod config;
mod decode;
mod error;
mod generate;
mod hash;
mod helm;
mod inject;
mod kustomization;
mod loader;
mod nameref;
mod node;
mod options;
mod origin;
mod patch;
mod plugin;
mod read;
mod remote;
mod resource;
mod schema;
mod select;
mod sort;
mod target;
mod transform;
mod vars;

pub use build::{Built, Outcome, build, to_files, to_yaml};
pub use error::{BuildError, BuildErrors};
pub use helm::{ChartInflator, ChartRequest};
pub use inject::{ArgoCd, Flux, FluxImage, InjectedPatch, Injection, PatchTarget};
pub use options::{BuildOptions, Limits, LoadRestrictor, Reorder};
pub use remote::{ChartSource, GitSource, Need, Provided, without_password};
pub use select::ObjectSelector;
