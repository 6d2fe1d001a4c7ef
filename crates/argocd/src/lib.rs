//! Argo CD's front-end: `Application`s, inside the rules of their `AppProject`s, on the engine.
//!
//! An Application becomes a render and a sync policy; what the engine finds and does becomes the status, the events and
//! the `operationState` that Argo CD's clients read. `docs/argocd.md` lists what is supported, and what is refused with
//! a condition that names it: nothing is silently ignored.
//!
//! [`reconcilers`] is the way in. Inside, `application::decide` is a pure function from what is known to the next
//! action, and everything else carries actions out.
//!
//! This crate renders and writes nothing itself, and knows neither Flux nor any other front-end.

mod application;
mod credentials;
mod options;
mod preview;

pub use application::Hook;
pub use options::ArgoOptions;
pub use preview::{Preview, preview, unsupported};

use application::{ApplicationReconciler, Shared};
use holdfast_controller::{Engine, Reconciler};
use holdfast_render::RenderCache;
use holdfast_source::Sources;
use std::sync::Arc;

/// The reconcilers of Argo CD's kinds. Whoever runs them triggers the Applications of a repository that has news with
/// [`holdfast_controller::Reason::SourceChanged`]; without that they look with their interval.
pub fn reconcilers(
    engine: &Engine,
    sources: Sources,
    cache: Arc<RenderCache>,
    options: ArgoOptions,
) -> Vec<Arc<dyn Reconciler>> {
    let shared = Shared::new(engine.clone(), sources, cache, options);
    vec![Arc::new(ApplicationReconciler { shared: Arc::new(shared) })]
}
