//! Following apps and sources by watches.

use crate::arguments::ScopeArguments;
use crate::error::CliError;
use holdfast_cluster::{ApiResource, Cluster, LiveEvent, LiveState};
use holdfast_object::{GroupVersionKind, Object};
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

/// What the cluster holds of some kinds, as it changes.
pub(crate) struct Watched {
    live: LiveState,
    events: UnboundedReceiver<LiveEvent>,
    kinds: Vec<GroupVersionKind>,
}

impl Watched {
    /// Watches kinds, and returns once all of them were listed.
    pub(crate) async fn start(cluster: &Cluster, kinds: &[Arc<ApiResource>]) -> Result<Self, CliError> {
        let (live, events) = LiveState::new(cluster.clone(), Vec::new());
        let kinds: Vec<GroupVersionKind> = kinds.iter().map(|kind| kind.gvk.clone()).collect();
        for kind in &kinds {
            live.ensure(kind).await?;
        }
        let mut watched = Self { live, events, kinds };
        while !watched.kinds.iter().all(|kind| watched.live.is_synced(kind)) {
            watched.one_event().await?;
        }
        Ok(watched)
    }

    /// Returns after something changed; what changed at the same time is taken together.
    pub(crate) async fn changed(&mut self) -> Result<(), CliError> {
        self.one_event().await?;
        while self.events.try_recv().is_ok() {}
        Ok(())
    }

    async fn one_event(&mut self) -> Result<(), CliError> {
        match self.events.recv().await {
            // A first list that fails ends the command; later failures are tried again by the watch itself.
            Some(LiveEvent::Failed(kind, error)) if !self.live.is_synced(&kind) => {
                Err(CliError::from(error).while_doing(format!("watching {}", kind.kind)))
            }
            Some(_) => Ok(()),
            None => Err(CliError::internal("the watch ended")),
        }
    }

    /// Everything there is now, in scope.
    pub(crate) fn objects(&self, scope: &ScopeArguments) -> Result<Vec<Object>, CliError> {
        let selector = scope.selector.as_deref().map(Labels::parse).transpose()?;
        let is_in_scope = |object: &Object| {
            object.gvk().group == "source.toolkit.fluxcd.io"
                || (scope.namespace.as_deref().is_none_or(|namespace| namespace == object.namespace())
                    && selector.as_ref().is_none_or(|selector| selector.match_object(object)))
        };
        let all = self.kinds.iter().flat_map(|kind| self.live.all(kind));
        Ok(all.filter(|object| is_in_scope(object)).map(|object| (*object).clone()).collect())
    }
}

/// Equality-based selectors: what `-l` takes while watching, where the server does not select for us.
struct Labels(Vec<(String, String, bool)>);

impl Labels {
    fn parse(text: &str) -> Result<Self, CliError> {
        let one = |part: &str| {
            let (key, value, equal) = match (part.split_once("!="), part.split_once('=')) {
                (Some((key, value)), _) => (key, value, false),
                (None, Some((key, value))) => (key, value.trim_start_matches('='), true),
                (None, None) => {
                    return Err(CliError::user(format!(
                        "selector '{part}': only KEY=VALUE and KEY!=VALUE can be watched"
                    )));
                }
            };
            Ok((key.trim().to_owned(), value.trim().to_owned(), equal))
        };
        text.split(',').map(one).collect::<Result<_, _>>().map(Self)
    }

    fn match_object(&self, object: &Object) -> bool {
        self.0.iter().all(|(key, value, equal)| (object.label(key) == Some(value)) == *equal)
    }
}
