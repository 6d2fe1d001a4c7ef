//! Helm charts, natively: loading, values, dependencies, rendering, hooks and order, as Helm 3.22 does them.
//!
//! A [`chart::Chart`] is read once, from a folder of a file tree or an archive, and shared. [`render::render`] lays
//! the user's [`values::Layers`] over the chart's, decides which subcharts take part, runs the templates and sorts what
//! they wrote. What a render cannot know by itself (a missing dependency, an object of the cluster that `lookup` asks
//! for) it answers as a [`render::Need`], and is asked again with the answer. [`template::template`] is
//! `helm template` without a process around it.
//!
//! ```
//! use holdfast_helm::capabilities::Capabilities;
//! use holdfast_helm::chart::{Chart, File, Limits};
//! use holdfast_helm::release::Release;
//! use holdfast_helm::render::{Lookups, Outcome, RenderOptions, RenderRequest, render};
//! use holdfast_helm::values::Layers;
//! use std::sync::Arc;
//!
//! let chart = Arc::new(Chart::from_files(
//!     vec![
//!         File::new("Chart.yaml", "apiVersion: v2\nname: hello\nversion: 0.1.0".into()),
//!         File::new("templates/a.yaml", "kind: Hello\nto: {{ .Values.name }} from {{ .Release.Name }}".into()),
//!     ],
//!     Limits::helm(),
//! )?);
//! let (release, capabilities) = (Release::install("me", "default"), Capabilities::offline());
//! let outcome = render(&RenderRequest {
//!     chart: &chart,
//!     release: &release,
//!     values: Layers { set: vec!["name=world"], ..Layers::default() },
//!     capabilities: &capabilities,
//!     options: RenderOptions::default(),
//!     lookups: Lookups::Offline,
//!     limits: Default::default(),
//!     now: 0,
//!     seed: [0; 32],
//! })?;
//! let Outcome::Rendered(rendered) = outcome else { unreachable!("nothing is looked up") };
//! assert_eq!(rendered.manifests[0].content, "kind: Hello\nto: world from me");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | concept |
//! |---|---|
//! | [`chart`] | what a folder or archive holds; `Chart.yaml`, `Chart.lock`, `.helmignore` |
//! | [`values`] | documents and assignments into one mapping, laid over the defaults of charts |
//! | `tree` | the charts of one render: aliases, conditions, tags, imported values |
//! | `schema` | `values.schema.json` |
//! | `engine` | the templates: order, objects such as `.Files`, Helm's functions |
//! | [`manifest`] | rendered text into documents, their heads, hooks, the order of kinds |
//! | [`render`] | all of it in a row |
//! | [`template`] | the command's arguments, output and files |
//! | [`HelmVersion`] | Helm 3 or 4, and what differs between them |
//!
//! What this crate refuses to do: fetch charts, ask a cluster, read a file that is not in the tree it was given, run
//! other programs (post-renderers, plugins), store releases, and run hooks. Every render is bounded: see
//! [`chart::Limits`] and the template engine's limits.

pub mod capabilities;
pub mod chart;
mod decode;
mod engine;
mod glob;
pub mod manifest;
pub mod release;
pub mod render;
mod schema;
pub mod template;
mod tree;
pub mod values;
mod version;

pub use decode::DecodeError;
pub use engine::TemplateError;
pub use schema::SchemaError;
pub use version::{HelmVersion, UnknownVersion};
