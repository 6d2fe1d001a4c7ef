use crate::error::{ApiError, ApiErrorKind};
use crate::{ApiRequest, ApiResource, Cluster};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use holdfast_sync::{Bug, planted};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Objects in one page of a list.
const PAGE: &str = "500";
/// How long the server is asked to keep a watch open, in whole seconds.
const WATCH: Duration = Duration::from_secs(290);
/// How many objects are read at once where a collection may not be listed.
const READS: usize = 8;
/// A watch event larger than this ends the watch: an object is at most a few MiB.
const MAX_EVENT: usize = 64 << 20;
/// A watch that ends sooner than this was cut off.
const SHORT_WATCH: Duration = Duration::from_secs(1);
/// The first pause after a failed list or watch; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause after a failed list or watch; and so how late a change is seen at most where objects are read one
/// by one.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// An object as a watch brings it: its bytes, and the few fields that are needed without building it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    /// The object as JSON, with `apiVersion` and `kind`.
    pub(crate) json: Bytes,
}

/// What a watch brings.
#[derive(Debug)]
pub(crate) enum WatchItem {
    /// Everything there is at this resourceVersion of the collection; what is not among it is gone.
    Reset(Vec<Seen>, String),
    /// An object appeared or changed.
    Changed(Seen),
    /// An object is gone; this is its last state.
    Gone(Seen),
    /// Listing or watching failed; it is tried again.
    Failed(ApiError),
    /// It may not be listed: these objects were read one by one.
    Read(Read),
}

/// What is followed: one kind, in one namespace or in the whole cluster.
pub(crate) struct Followed {
    pub(crate) cluster: Cluster,
    pub(crate) resource: Arc<ApiResource>,
    pub(crate) namespace: String,
    /// Cuts a pause short.
    pub(crate) hurry: Arc<Notify>,
}

/// Lists and watches one kind until the receiver says stop, and starts over whenever the watch ends. While it may not
/// be listed, the objects that `singles` names are read one by one: often while they change, seldom while they do not.
pub(crate) async fn follow(
    followed: Followed,
    mut give: impl FnMut(WatchItem) -> bool + Send,
    singles: impl Fn() -> Singles + Send,
) {
    let mut pauses = Pauses { failed: FIRST_PAUSE, cut: Duration::ZERO };
    let mut versions = BTreeMap::new();
    loop {
        let end = follow_once(&followed, &mut give, &mut pauses).await;
        let error = match end {
            End::Stopped => return,
            End::Relist => continue,
            End::Failed(error) => error,
        };
        let mut wait = error.retry_after.unwrap_or(pauses.failed);
        let may_not = error.kind == ApiErrorKind::Forbidden;
        if !give(WatchItem::Failed(error)) {
            return;
        }
        pauses.failed = (pauses.failed * 2).min(LONGEST_PAUSE);
        let asked = if may_not { singles() } else { Singles::default() };
        if !asked.names.is_empty() {
            let read = read_singly(&followed, asked).await;
            let now: BTreeMap<String, String> =
                read.seen.iter().map(|seen| (seen.name.clone(), seen.resource_version.clone())).collect();
            if now != versions {
                (wait, pauses.failed) = (FIRST_PAUSE, FIRST_PAUSE * 2);
            }
            versions = now;
            if !give(WatchItem::Read(read)) {
                return;
            }
        }
        tokio::select! {
            biased;
            () = followed.hurry.notified() => pauses.failed = FIRST_PAUSE,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// How long to wait before the next attempt.
struct Pauses {
    /// After a list or watch that failed.
    failed: Duration,
    /// After a watch that ended as soon as it began.
    cut: Duration,
}

impl Pauses {
    /// Waits after a watch that lasted this long. The first one that is cut off is nothing; when they all are, something
    /// on the way does it, and asking again at once would be a storm.
    async fn after_watch(&mut self, lasted: Duration) {
        if lasted >= SHORT_WATCH {
            self.cut = Duration::ZERO;
            return;
        }
        tokio::time::sleep(self.cut).await;
        self.cut = (self.cut * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
    }
}

/// Objects to be read one by one.
#[derive(Debug, Default)]
pub(crate) struct Singles {
    pub(crate) names: Vec<String>,
    /// Counts our own writes: tells what was read before one of them.
    pub(crate) writes: u64,
}

/// What came of reading objects one by one.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) seen: Vec<Seen>,
    /// The names of those that are not there.
    pub(crate) absent: Vec<String>,
    /// Why one of them may not be read.
    pub(crate) refused: Option<ApiError>,
    /// [`Singles::writes`] when the reading began.
    pub(crate) writes: u64,
}

async fn read_singly(followed: &Followed, singles: Singles) -> Read {
    let mut read = Read { seen: Vec::new(), absent: Vec::new(), refused: None, writes: singles.writes };
    let get = async |name: String| {
        let request = ApiRequest::get_object(&followed.resource, &followed.namespace, &name);
        (followed.cluster.request(request).await.and_then(|answer| seen(answer.body)), name)
    };
    let mut answers = futures::stream::iter(singles.names.into_iter().map(get)).buffered(READS);
    while let Some((answer, name)) = answers.next().await {
        match answer {
            Ok(seen) => read.seen.push(seen),
            Err(error) if error.kind == ApiErrorKind::NotFound => read.absent.push(name),
            Err(error) if error.is_transient() => {}
            Err(error) => read.refused = Some(error),
        }
    }
    read
}

async fn follow_once(
    followed: &Followed,
    give: &mut (impl FnMut(WatchItem) -> bool + Send),
    pauses: &mut Pauses,
) -> End {
    let Followed { cluster, resource, namespace, .. } = followed;
    let (seen, mut version) = match list(cluster, resource, namespace).await {
        Ok(listed) => listed,
        Err(error) => return End::Failed(error),
    };
    if !give(WatchItem::Reset(seen, version.clone())) {
        return End::Stopped;
    }
    pauses.failed = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        match watch(cluster, resource, namespace, &mut version, give).await {
            // The server closes a watch after its time; it goes on from where it was.
            Ok(true) => {
                let lasted = began.elapsed();
                pauses.after_watch(lasted).await;
                if lasted < WATCH {
                    match is_behind(cluster, resource, namespace, &version).await {
                        Ok(false) => {}
                        Ok(true) => return End::Relist,
                        Err(error) => return End::Failed(error),
                    }
                }
            }
            Ok(false) => return End::Stopped,
            Err(error) if error.kind == ApiErrorKind::Expired && planted(Bug::ExpiredIgnored) => {
                // A watch from nowhere would begin with everything there is, which shows that it begins anew.
                match list(cluster, resource, namespace).await {
                    Ok((_, now)) => version = now,
                    Err(error) => return End::Failed(error),
                }
            }
            Err(error) if error.kind == ApiErrorKind::Expired => {
                pauses.after_watch(began.elapsed()).await;
                return End::Relist;
            }
            Err(error) => return End::Failed(error),
        }
    }
}

enum End {
    Stopped,
    Relist,
    Failed(ApiError),
}

/// Whether the server has yet to reach a version that it gave before: it was restored from a backup. Asked when a watch
/// was cut, as that is when it happens: a watch from such a version is taken, and brings nothing until the server is as
/// far again, and then not what happened on the way.
async fn is_behind(
    cluster: &Cluster,
    resource: &ApiResource,
    namespace: &str,
    version: &str,
) -> Result<bool, ApiError> {
    let answer = cluster.request(ApiRequest::get(resource.path(namespace)).query("limit", "1")).await?;
    let page = page(resource, &answer.body)?;
    let numbers = (page.metadata.resource_version.parse::<u64>(), version.parse::<u64>());
    Ok(matches!(numbers, (Ok(now), Ok(before)) if now < before))
}

/// Reads a whole collection, page by page, and the version to watch from.
async fn list(
    cluster: &Cluster,
    resource: &ApiResource,
    namespace: &str,
) -> Result<(Vec<Seen>, String), ApiError> {
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let mut request = ApiRequest::get(resource.path(namespace)).query("limit", PAGE);
        if !token.is_empty() {
            request = request.query("continue", token);
        }
        let answer = match cluster.request(request).await {
            Ok(answer) => answer,
            // The token outlived the server's memory: the list starts over.
            Err(error) if error.kind == ApiErrorKind::Expired && !seen.is_empty() => {
                seen.clear();
                token = String::new();
                continue;
            }
            Err(error) => return Err(error),
        };
        let page = page(resource, &answer.body)?;
        for item in page.items {
            seen.push(item_of_list(resource, item)?);
        }
        token = page.metadata.next.unwrap_or_default();
        if token.is_empty() {
            return Ok((seen, page.metadata.resource_version));
        }
    }
}

fn page<'b>(resource: &ApiResource, body: &'b [u8]) -> Result<Page<'b>, ApiError> {
    serde_json::from_slice(body)
        .map_err(|e| ApiError::unreachable(format!("unreadable list of {}: {e}", resource.plural)))
}

/// Items of a list lack `apiVersion` and `kind`, which are put in front.
fn item_of_list(resource: &ApiResource, item: &RawValue) -> Result<Seen, ApiError> {
    let text = item.get().trim_start();
    let rest = text.strip_prefix('{').unwrap_or(text).trim_start();
    let json = if rest.starts_with("\"apiVersion\"") || rest.starts_with("\"kind\"") {
        Bytes::copy_from_slice(text.as_bytes())
    } else {
        let comma = if rest.starts_with('}') { "" } else { "," };
        let (api_version, kind) = (resource.gvk.api_version(), &resource.gvk.kind);
        format!("{{\"apiVersion\":\"{api_version}\",\"kind\":\"{kind}\"{comma}{rest}").into()
    };
    seen(json)
}

pub(crate) fn seen(json: Bytes) -> Result<Seen, ApiError> {
    let partial: Partial = serde_json::from_slice(&json)
        .map_err(|e| ApiError::unreachable(format!("unreadable object from the server: {e}")))?;
    let meta = partial.metadata;
    Ok(Seen {
        namespace: meta.namespace,
        name: meta.name,
        uid: meta.uid,
        resource_version: meta.resource_version,
        labels: meta.labels.unwrap_or_default(),
        annotations: meta.annotations.unwrap_or_default(),
        json,
    })
}

/// Follows one watch request to its end. `Ok(true)`: it ended and may go on from `version`; `Ok(false)`: the
/// receiver said stop.
async fn watch(
    cluster: &Cluster,
    resource: &ApiResource,
    namespace: &str,
    version: &mut String,
    give: &mut (impl FnMut(WatchItem) -> bool + Send),
) -> Result<bool, ApiError> {
    let request = ApiRequest::get(resource.path(namespace))
        .query("watch", "true")
        .query("allowWatchBookmarks", "true")
        .query("timeoutSeconds", WATCH.as_secs().to_string())
        .query("resourceVersion", version.clone());
    let mut body = cluster.stream(request).await?.into_data_stream();
    let mut buffer = BytesMut::new();
    while let Some(chunk) = body.next().await {
        // A stream that breaks off is resumed like one that ended.
        let Ok(chunk) = chunk else { return Ok(true) };
        buffer.extend_from_slice(&chunk);
        while let Some(end) = buffer.iter().position(|b| *b == b'\n') {
            let line = buffer.split_to(end + 1);
            if !take_event(&line, version, give)? {
                return Ok(false);
            }
        }
        if buffer.len() > MAX_EVENT {
            return Err(ApiError::unreachable(format!("a watch event of more than {MAX_EVENT} bytes")));
        }
    }
    Ok(true)
}

fn take_event(
    line: &[u8],
    version: &mut String,
    give: &mut (impl FnMut(WatchItem) -> bool + Send),
) -> Result<bool, ApiError> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(true);
    }
    let event: Event<'_> = serde_json::from_slice(line)
        .map_err(|e| ApiError::unreachable(format!("unreadable watch event: {e}")))?;
    if event.kind == "ERROR" {
        let status: Code = serde_json::from_str(event.object.get()).unwrap_or(Code { code: 500 });
        return Err(ApiError::from_answer(status.code, event.object.get().as_bytes(), None));
    }
    let seen = seen(Bytes::copy_from_slice(event.object.get().as_bytes()))?;
    if !seen.resource_version.is_empty() {
        version.clone_from(&seen.resource_version);
    }
    Ok(match event.kind.as_ref() {
        "ADDED" | "MODIFIED" => give(WatchItem::Changed(seen)),
        "DELETED" => give(WatchItem::Gone(seen)),
        _ => true,
    })
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(borrow, default = "Vec::new")]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct PageMeta {
    #[serde(rename = "resourceVersion", default)]
    resource_version: String,
    #[serde(rename = "continue")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Code {
    code: u16,
}

#[derive(Deserialize)]
struct Partial {
    #[serde(default)]
    metadata: PartialMeta,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PartialMeta {
    name: String,
    namespace: String,
    uid: String,
    resource_version: String,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_object::GroupVersionKind;

    fn resource() -> ApiResource {
        ApiResource {
            gvk: GroupVersionKind::new("apps", "v1", "Deployment"),
            plural: "deployments".into(),
            singular: "deployment".into(),
            short_names: vec![],
            namespaced: true,
            watchable: true,
            has_status: true,
        }
    }

    #[test]
    fn items_of_a_list_get_their_kind() {
        let raw: Box<RawValue> =
            serde_json::from_str(r#"{"metadata":{"name":"a","namespace":"n","resourceVersion":"5"}}"#)
                .unwrap();
        let seen = item_of_list(&resource(), &raw).unwrap();
        assert_eq!(
            (seen.namespace.as_str(), seen.name.as_str(), seen.resource_version.as_str()),
            ("n", "a", "5")
        );
        assert!(seen.json.starts_with(br#"{"apiVersion":"apps/v1","kind":"Deployment","metadata""#));
    }

    #[test]
    fn an_error_event_ends_the_watch_and_says_why() {
        let line = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#;
        let error = take_event(line, &mut String::new(), &mut |_| true).unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ApiErrorKind::Expired, "too old"));
    }

    #[test]
    fn a_bookmark_moves_the_version_only() {
        let line = br#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#;
        let mut version = "1".to_owned();
        let mut given = 0;
        assert!(
            take_event(line, &mut version, &mut |_| {
                given += 1;
                true
            })
            .unwrap()
        );
        assert_eq!((version.as_str(), given), ("9", 0));
    }
}
