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

pub use options::{ArgoOptions, Clock};

use application::{ApplicationReconciler, Shared};
use holdfast_controller::{Engine, Reason, Reconciler, Trigger};
use holdfast_render::RenderCache;
use holdfast_source::{GitUrl, Sources};
use std::sync::{Arc, Weak};
use tokio::sync::broadcast::error::RecvError;

/// The reconcilers of Argo CD's kinds. Call it inside a runtime: news of repositories is followed on it.
pub fn reconcilers(
    engine: &Engine,
    sources: Sources,
    cache: Arc<RenderCache>,
    options: ArgoOptions,
) -> Vec<Arc<dyn Reconciler>> {
    let news = sources.subscribe();
    let shared = Arc::new(Shared::new(engine.clone(), sources, cache, options));
    tokio::spawn(follow(news, Arc::downgrade(&shared)));
    vec![Arc::new(ApplicationReconciler { shared })]
}

/// Wakes the Applications of each repository that has news.
async fn follow(mut news: tokio::sync::broadcast::Receiver<String>, shared: Weak<Shared>) {
    loop {
        let heard = news.recv().await;
        let Some(shared) = shared.upgrade() else { return };
        let apps = match heard {
            Ok(repository) => shared.users_of(&repository),
            // Some news was missed: any repository may have changed.
            Err(RecvError::Lagged(_)) => shared.all_users().into_iter().collect(),
            Err(RecvError::Closed) => return,
        };
        for key in apps {
            shared.engine.trigger(Trigger { key, reason: Reason::SourceChanged });
        }
    }
}

/// What identifies a repository in the news of [`Sources`]; an address that cannot be read identifies itself.
fn repository_key(url: &str) -> String {
    GitUrl::parse(url).map_or_else(|_| url.to_owned(), |url| url.key())
}
