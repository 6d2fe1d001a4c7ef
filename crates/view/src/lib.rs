//! What runs in a cluster, whatever API asked for it.
//!
//! [`apps`] and [`sources`] read custom resources of Flux and Argo CD, as anyone gets them from the cluster, into one
//! neutral model: an [`App`] has a source, a revision, a sync state, a health and what it waits for. It is what stands
//! behind `get`, `tree`, `why`, the live view of `up` and the UI. [`tree`](mod@tree) puts objects below their owners,
//! [`line`](mod@line) writes an app as one line, [`json`] as a value.
//!
//! Everything is a pure function of objects that were read elsewhere: no request, no clock (the time is an argument).
//! The crate believes what the status says, does not compare or render anything, and knows no controller.

mod app;
mod argocd;
mod condition;
mod flux;
mod history;
pub mod json;
pub mod line;
mod objects;
mod source;
pub mod tree;

pub use app::{Api, App, AppObject, Operation, SyncState, Waiting, prefix};
pub use condition::Condition;
pub use history::HistoryEntry;
pub use source::{AppSource, Source};

use holdfast_object::Object;

/// The apps among these objects, sorted by namespace and name, Flux's before Argo CD's. Sources and dependencies that
/// are among the objects, too, say what an app waits for; other objects are passed over.
pub fn apps(objects: &[Object]) -> Vec<App> {
    let mut apps: Vec<App> = objects
        .iter()
        .filter_map(|object| match (object.gvk().group.as_str(), object.kind()) {
            ("kustomize.toolkit.fluxcd.io", "Kustomization") | ("helm.toolkit.fluxcd.io", "HelmRelease") => {
                Some(flux::app(object, objects))
            }
            ("argoproj.io", "Application") => Some(argocd::app(object)),
            _ => None,
        })
        .collect();
    apps.sort_by(|a, b| order(a).cmp(&order(b)));
    apps
}

fn order(app: &App) -> (&str, Api, &str, &str) {
    let key = &app.reference.key;
    (&key.namespace, app.api, &key.name, &key.kind)
}

/// The sources among these objects, sorted by namespace, kind and name: those of Flux, which are resources of their
/// own, and for Argo CD each repository that an Application names.
pub fn sources(objects: &[Object]) -> Vec<Source> {
    source::sources(objects)
}
