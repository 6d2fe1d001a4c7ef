use super::Target;
use super::list::too_old;
use crate::api::Writer;
use crate::core::Core;
use crate::field::FieldError;
use crate::selector::{FieldSelector, LabelSelector};
use crate::status::{ApiError, ApiResult, Named};
use crate::store::{Change, ChangeKind, Cursor, Poll, Receiver, Snapshot, Stored};
use bytes::Bytes;
use futures::Stream;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often a watch without events says how far it has seen.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// How long a watch lasts when the client does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);

/// What to watch.
#[derive(Debug, Default)]
pub(crate) struct WatchOptions {
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
    pub(crate) resource_version: Option<String>,
    pub(crate) version_match: Option<String>,
    pub(crate) bookmarks: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) send_initial_events: Option<bool>,
}

struct Watch {
    core: Arc<Core>,
    cursor: Cursor,
    options: WatchOptions,
    namespace: String,
    writer: Writer,
    ready: VecDeque<Bytes>,
    cut: Receiver,
    ends: Instant,
    bookmark: Instant,
    over: bool,
}

/// Follows a collection: a stream of lines, each an event.
pub(crate) fn watch(
    core: &Arc<Core>,
    target: &Target,
    options: WatchOptions,
    writer: Writer,
) -> ApiResult<impl Stream<Item = Bytes> + Send + use<>> {
    let start = begin(core, target, &options)?;
    let mut ready = VecDeque::new();
    for object in start.initial.iter().flat_map(|s| &s.objects) {
        if options.takes(object, &target.namespace) {
            ready.push_back(writer.event("ADDED", object));
        }
    }
    if start.announce_end {
        ready.push_back(writer.bookmark(start.revision, true));
    }
    if let Some(lost) = start.lost {
        ready.push_back(writer.error(&lost));
    }
    let now = Instant::now();
    let watch = Watch {
        core: core.clone(),
        cursor: core.store.follow(&target.resource.bucket, start.revision),
        namespace: target.namespace.clone(),
        writer,
        ready,
        cut: core.faults.cuts(),
        ends: now + options.timeout.unwrap_or(DEFAULT_TIMEOUT),
        bookmark: now + BOOKMARK_EVERY,
        options,
        over: false,
    };
    Ok(futures::stream::unfold(watch, |mut watch| async move {
        let chunk = watch.next().await?;
        Some((chunk, watch))
    }))
}

struct Start {
    revision: u64,
    initial: Option<Snapshot>,
    announce_end: bool,
    lost: Option<ApiError>,
}

fn begin(core: &Core, target: &Target, options: &WatchOptions) -> ApiResult<Start> {
    let text = options.resource_version.as_deref().unwrap_or_default();
    check_initial_events(options)?;
    let wants_initial = options.send_initial_events.unwrap_or(matches!(text, "" | "0"));
    let snapshot = core.store.snapshot(&target.resource.bucket, &target.namespace);
    let asked = if text.is_empty() { 0 } else { parse_version(text)? };
    if asked > snapshot.revision {
        return Err(ApiError::future_version(asked, snapshot.revision));
    }
    if wants_initial || asked == 0 {
        return Ok(Start {
            revision: snapshot.revision,
            initial: wants_initial.then_some(snapshot),
            announce_end: options.send_initial_events == Some(true) && options.bookmarks,
            lost: None,
        });
    }
    let forgotten = core.store.snapshot_at(&target.resource.bucket, &target.namespace, asked).err();
    Ok(Start {
        revision: asked,
        initial: None,
        announce_end: false,
        lost: forgotten.map(|oldest| too_old(asked, oldest)),
    })
}

fn check_initial_events(options: &WatchOptions) -> ApiResult<()> {
    let why = match (options.send_initial_events, options.version_match.as_deref()) {
        (Some(_), Some("NotOlderThan")) | (None, None) => return Ok(()),
        (Some(_), _) => "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        (None, Some(_)) => "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    };
    let mut errors = vec![FieldError::forbidden("resourceVersionMatch", why)];
    if let Some(other) = options.version_match.as_deref().filter(|m| *m != "NotOlderThan") {
        errors.push(FieldError::not_supported("resourceVersionMatch", &other.into(), &["NotOlderThan"]));
    }
    Err(ApiError::invalid(Named { group: "meta.k8s.io", what: "ListOptions" }, "", &errors))
}

/// Reads a watch's resourceVersion.
fn parse_version(text: &str) -> ApiResult<u64> {
    text.parse().map_err(|_| {
        ApiError::unnamed(format!(
            "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
        ))
    })
}

impl WatchOptions {
    fn takes(&self, object: &Stored, namespace: &str) -> bool {
        (namespace.is_empty() || &*object.name().namespace == namespace)
            && self.labels.matches(|key| object.label(key))
            && self.fields.matches(object)
    }

    /// How a change looks through the selectors: an object may come into view or leave it.
    fn seen(&self, change: &Change, namespace: &str) -> Option<(&'static str, Arc<Stored>)> {
        let now = change.kind != ChangeKind::Deleted && self.takes(&change.object, namespace);
        let before = change.previous.as_ref().is_some_and(|p| self.takes(p, namespace));
        let kind = match (before, now) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return None,
        };
        let object = match (&change.previous, change.kind) {
            // It is still there: what is shown is how it was last seen, at the version of the change.
            (Some(previous), ChangeKind::Modified) if kind == "DELETED" => {
                Arc::new(previous.moved_to(change.revision))
            }
            _ => change.object.clone(),
        };
        Some((kind, object))
    }
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.take_ready() {
                return Some(chunk);
            }
            if self.over || self.cut.has_changed() {
                return None;
            }
            match self.core.store.poll(&mut self.cursor) {
                Poll::Lost(oldest) => {
                    self.over = true;
                    return Some(self.writer.error(&too_old(self.cursor.seen(), oldest)));
                }
                Poll::Changes(changes) => {
                    for change in &changes {
                        if let Some((kind, object)) = self.options.seen(change, &self.namespace) {
                            self.ready.push_back(self.writer.event_at(kind, &object, change.revision));
                        }
                    }
                    if !changes.is_empty() {
                        continue;
                    }
                }
            }
            self.wait().await;
        }
    }

    /// All that is ready, in one chunk.
    fn take_ready(&mut self) -> Option<Bytes> {
        let first = self.ready.pop_front()?;
        if self.ready.is_empty() {
            return Some(first);
        }
        let mut all = Vec::from(first);
        for line in self.ready.drain(..) {
            all.extend_from_slice(&line);
        }
        Some(all.into())
    }

    async fn wait(&mut self) {
        let wake = if self.options.bookmarks { self.ends.min(self.bookmark) } else { self.ends };
        tokio::select! {
            biased;
            () = self.cut.changed() => self.over = true,
            () = self.cursor.changed() => {}
            () = tokio::time::sleep_until(wake) => {
                if Instant::now() >= self.ends {
                    self.over = true;
                } else {
                    self.bookmark = Instant::now() + BOOKMARK_EVERY;
                    self.ready.push_back(self.writer.bookmark(self.cursor.seen(), false));
                }
            }
        }
    }
}
