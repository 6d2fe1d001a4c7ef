//! Live state against an API that does what a test says.

use super::*;
use bytes::Bytes;
use holdfast_object::{Value, json};
use holdfast_sync::FoldPolicy;
use holdfast_sync::{DesiredObject, DriftPolicy, HealWhen, ObjectPolicy, OwnershipLoss, Question, WriteMode};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::client::Body;
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;
type Stream = mpsc::UnboundedSender<Result<Frame<Bytes>, Infallible>>;

/// What the API serves: lists by path with the version of the collection, and the watches that are open.
#[derive(Clone, Default)]
pub(super) struct Api(Arc<Mutex<Served>>);

#[derive(Default)]
pub(super) struct Served {
    /// A kind besides the two that are always there.
    kind: Option<GroupVersionKind>,
    lists: HashMap<String, (u64, Vec<Value>)>,
    forbidden: HashSet<String>,
    away: HashSet<String>,
    watches: HashMap<String, Stream>,
    requests: Vec<String>,
}

impl Api {
    /// An API that also serves another kind, and the path of its objects.
    pub(super) fn serving(kind: &GroupVersionKind) -> (Self, String) {
        let api = Self::default();
        api.served().kind = Some(kind.clone());
        let root = if kind.group.is_empty() { "/api".into() } else { format!("/apis/{}", kind.group) };
        (api, format!("{root}/{}/things", kind.version))
    }

    pub(super) fn cluster(&self) -> Cluster {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let answer = api.answer(&request);
            async move { Ok::<_, Infallible>(answer) }
        });
        Cluster::new(kube::Client::new(service, "default"))
    }

    fn served(&self) -> std::sync::MutexGuard<'_, Served> {
        self.0.lock().unwrap()
    }

    /// Sets what a list answers from now on.
    pub(super) fn list(&self, path: &str, version: u64, items: Vec<Value>) {
        self.served().lists.insert(path.into(), (version, items));
    }

    /// Sends an event to the watch of a path.
    pub(super) fn send(&self, path: &str, kind: &str, object: &Value) {
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        self.served().watches[path].send(Ok(Frame::data(line.into()))).unwrap();
    }

    /// Makes the watch of a path start over with a list.
    fn expire(&self, path: &str) {
        self.send(path, "ERROR", &json!({"kind": "Status", "code": 410, "reason": "Expired"}));
    }

    /// Ends the watch of a path, as a server that goes away does.
    fn cut(&self, path: &str) {
        self.served().watches.remove(path);
    }

    fn answer(&self, request: &Request<Body>) -> Answer {
        let path = request.uri().path().to_owned();
        let is_watch = request.uri().query().unwrap_or_default().contains("watch=true");
        let mut served = self.served();
        served.requests.push(path.clone());
        let json = |status: u16, value: Value| {
            let body = Full::new(Bytes::from(value.to_string())).boxed_unsync();
            Response::builder().status(status).body(body).unwrap()
        };
        if served.forbidden.contains(&path) {
            return json(403, json!({"code": 403, "reason": "Forbidden", "message": "no right to list"}));
        }
        if served.away.contains(&path) {
            return json(503, json!({"code": 503, "message": "not just now"}));
        }
        if is_watch {
            let (sender, receiver) = mpsc::unbounded_channel();
            served.watches.insert(path, sender);
            let stream =
                stream::unfold(receiver, |mut r| async move { r.recv().await.map(|item| (item, r)) });
            return Response::new(StreamBody::new(stream).boxed_unsync());
        }
        match path.as_str() {
            "/api" => json(200, discovery()),
            "/apis" => json(200, other_kind(served.kind.as_ref())),
            _ => match served.lists.get(&path) {
                Some((version, items)) => {
                    json(200, json!({"metadata": {"resourceVersion": version.to_string()}, "items": items}))
                }
                None => {
                    let all = served.lists.values().flat_map(|(_, items)| items);
                    let found = all
                        .into_iter()
                        .find(|o| path.ends_with(&format!("/{}", o["metadata"]["name"].as_str().unwrap())));
                    found.map_or_else(
                        || json(404, json!({"code": 404, "reason": "NotFound"})),
                        |o| json(200, o.clone()),
                    )
                }
            },
        }
    }
}

fn discovery() -> Value {
    let resource = |plural: &str, kind: &str| {
        json!({"resource": plural, "scope": "Namespaced", "verbs": ["get", "list", "watch"],
            "responseKind": {"group": "", "version": "v1", "kind": kind}})
    };
    json!({"items": [{"metadata": {"name": ""}, "versions": [{"version": "v1",
        "resources": [resource("configmaps", "ConfigMap"), resource("secrets", "Secret")]}]}]})
}

fn other_kind(kind: Option<&GroupVersionKind>) -> Value {
    let group = |kind: &GroupVersionKind| {
        json!({"metadata": {"name": kind.group}, "versions": [{"version": kind.version, "resources": [{
            "resource": "things", "scope": "Namespaced", "verbs": ["get", "list", "watch"],
            "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind}}]}]})
    };
    json!({"items": kind.into_iter().map(group).collect::<Vec<_>>()})
}

const MAPS: &str = "/api/v1/configmaps";
const SECRETS: &str = "/api/v1/secrets";

fn gvk(kind: &str) -> GroupVersionKind {
    GroupVersionKind::new("", "v1", kind)
}

fn reference(kind: &str, name: &str) -> ObjectRef {
    ObjectRef::new(&gvk(kind), "n", name)
}

fn object(kind: &str, name: &str, version: u64) -> Value {
    json!({"apiVersion": "v1", "kind": kind,
        "metadata": {"name": name, "namespace": "n", "uid": name, "resourceVersion": version.to_string()}})
}

fn all(live: &LiveState, object: &ObjectRef) -> &'static str {
    match live.get(object) {
        Live::Unknown => "unknown",
        Live::NoSuchKind => "no such kind",
        Live::Absent => "absent",
        Live::Present(_) => "present",
    }
}

/// Lets every task run until nothing moves.
pub(super) async fn rest() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test(start_paused = true)]
async fn after_the_cluster_went_back_nothing_is_believed_before_it_is_listed_anew() {
    let api = Api::default();
    api.list(MAPS, 100, vec![object("ConfigMap", "a", 90)]);
    api.list(SECRETS, 100, vec![object("Secret", "s", 95)]);
    let (live, mut events) = LiveState::new(api.cluster(), Vec::new());
    let (a, s) = (reference("ConfigMap", "a"), reference("Secret", "s"));
    live.ensure(&gvk("ConfigMap")).await.unwrap();
    live.ensure(&gvk("Secret")).await.unwrap();
    rest().await;
    assert_eq!((all(&live, &a), all(&live, &s), live.epoch()), ("present", "present", 0));

    // Restored to version 50, when neither existed. The maps find out first; the secrets cannot be listed yet.
    api.list(MAPS, 50, vec![]);
    api.served().away.insert(SECRETS.into());
    while events.try_recv().is_ok() {}
    api.expire(MAPS);
    rest().await;
    assert_eq!((all(&live, &a), all(&live, &s), live.epoch()), ("absent", "unknown", 1));
    assert!(
        tokio::time::timeout(Duration::from_millis(1), live.settled()).await.is_err(),
        "it is not settled"
    );

    api.served().away.clear();
    api.list(SECRETS, 51, vec![]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        (all(&live, &s), live.epoch()),
        ("absent", 1),
        "it is not news that the secrets went back, too"
    );
    live.settled().await;
    let mut told = 0;
    while let Ok(event) = events.try_recv() {
        told += usize::from(matches!(event, LiveEvent::WentBack));
    }
    assert_eq!(told, 1);
}

/// A server that was restored takes a watch from a version that it has yet to reach, and says nothing until then.
#[tokio::test(start_paused = true)]
async fn a_watch_that_was_cut_goes_on_only_where_the_cluster_is_as_far_as_it_was() {
    let api = Api::default();
    api.list(MAPS, 100, vec![object("ConfigMap", "a", 90)]);
    let (live, _events) = LiveState::new(api.cluster(), Vec::new());
    live.ensure(&gvk("ConfigMap")).await.unwrap();
    rest().await;
    let a = reference("ConfigMap", "a");

    // As far: one look, and the watch goes on.
    let before = api.served().requests.len();
    api.cut(MAPS);
    rest().await;
    assert_eq!(api.served().requests[before..], [MAPS, MAPS]);
    api.send(MAPS, "MODIFIED", &object("ConfigMap", "a", 101));
    rest().await;
    assert_eq!((live.object(&a).unwrap().resource_version(), live.epoch()), ("101", 0));

    // Restored.
    api.list(MAPS, 61, vec![object("ConfigMap", "a", 60)]);
    api.cut(MAPS);
    tokio::time::sleep(Duration::from_secs(1)).await;
    live.settled().await;
    assert_eq!((live.object(&a).unwrap().resource_version(), live.epoch()), ("60", 1));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_older_than_what_was_seen_means_the_same() {
    let api = Api::default();
    api.list(MAPS, 100, vec![object("ConfigMap", "a", 90)]);
    let (live, _events) = LiveState::new(api.cluster(), Vec::new());
    live.ensure(&gvk("ConfigMap")).await.unwrap();
    rest().await;
    api.list(MAPS, 61, vec![object("ConfigMap", "a", 60)]);
    api.send(MAPS, "MODIFIED", &object("ConfigMap", "a", 60));
    rest().await;
    live.settled().await;
    assert_eq!(live.epoch(), 1);
    assert_eq!(live.object(&reference("ConfigMap", "a")).unwrap().resource_version(), "60");
}

#[tokio::test(start_paused = true)]
async fn who_may_not_list_the_cluster_is_watched_in_its_namespaces() {
    let api = Api::default();
    api.served().forbidden.insert(MAPS.into());
    let there = "/api/v1/namespaces/n/configmaps";
    api.list(there, 10, vec![object("ConfigMap", "a", 5)]);
    let (live, _events) = LiveState::new(api.cluster(), Vec::new());
    let (a, elsewhere) = (reference("ConfigMap", "a"), ObjectRef::new(&gvk("ConfigMap"), "m", "b"));
    live.ensure_objects([&a]).await.unwrap();
    rest().await;
    assert_eq!((all(&live, &a), all(&live, &elsewhere)), ("present", "unknown"));
    api.send(there, "DELETED", &object("ConfigMap", "a", 11));
    rest().await;
    assert_eq!(all(&live, &a), "absent");

    let (all_of_m, b_of_m) = ("/api/v1/namespaces/m/configmaps", "/api/v1/namespaces/m/configmaps/b");
    api.served().forbidden.extend([all_of_m.to_owned(), b_of_m.to_owned()]);
    live.ensure_objects([&elsewhere]).await.unwrap();
    rest().await;
    live.ensure_objects([&elsewhere]).await.unwrap();
    rest().await;
    assert_eq!((all(&live, &a), all(&live, &elsewhere)), ("absent", "unknown"));
    assert_eq!(live.failure(&gvk("ConfigMap")).unwrap().kind, ApiErrorKind::Forbidden);
    assert_eq!(api.served().requests.iter().filter(|path| *path == MAPS).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_even_list_a_namespace_reads_objects_one_by_one() {
    let api = Api::default();
    let there = "/api/v1/namespaces/n/configmaps";
    api.served().forbidden.extend([MAPS.to_owned(), there.to_owned()]);
    let hold = |items: Vec<Value>| api.list("what can be read by its name", 1, items);
    hold(vec![object("ConfigMap", "a", 5)]);
    let (live, mut events) = LiveState::new(api.cluster(), Vec::new());
    let (a, b) = (reference("ConfigMap", "a"), reference("ConfigMap", "b"));
    live.ensure_objects([&a, &b]).await.unwrap();
    rest().await;
    assert!(matches!(events.try_recv(), Ok(LiveEvent::Failed(..))), "who is interested is told to ask again");
    live.ensure_objects([&a, &b]).await.unwrap();
    rest().await;
    assert_eq!((all(&live, &a), all(&live, &b)), ("present", "absent"));
    assert_eq!(live.unwatched(&gvk("ConfigMap"), "n").unwrap().kind, ApiErrorKind::Forbidden);
    assert_eq!(live.failure(&gvk("ConfigMap")), None);

    // What others change or delete is seen within the interval, and told once.
    let mut told = async || {
        tokio::time::sleep(LiveState::READ_INTERVAL + Duration::from_secs(1)).await;
        std::iter::from_fn(|| events.try_recv().ok())
            .filter(|e| matches!(e, LiveEvent::Object { .. }))
            .count()
    };
    told().await;
    assert_eq!(told().await, 0, "nothing changed");
    hold(vec![object("ConfigMap", "a", 6)]);
    assert_eq!(told().await, 1);
    assert_eq!(live.object(&a).unwrap().resource_version(), "6");
    let before = api.served().requests.len();
    told().await;
    told().await;
    assert!(api.served().requests.len() - before <= 9, "a list in vain and two objects, each half a minute");

    // Our own write is read soon, and nothing older is believed before.
    live.wrote(&b, "9", None);
    assert_eq!(all(&live, &b), "unknown");
    hold(vec![object("ConfigMap", "a", 6), object("ConfigMap", "b", 9)]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(all(&live, &b), "present");
    hold(vec![object("ConfigMap", "a", 6)]);
    live.deleted(&b);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(all(&live, &b), "absent");

    // With the right to list, it is watched.
    api.list(there, 20, vec![object("ConfigMap", "a", 6)]);
    api.served().forbidden.clear();
    told().await;
    assert_eq!(live.unwatched(&gvk("ConfigMap"), "n"), None);
    api.send(there, "DELETED", &object("ConfigMap", "a", 21));
    rest().await;
    assert_eq!(all(&live, &a), "absent");
}

#[tokio::test(start_paused = true)]
async fn watches_that_are_cut_off_at_once_make_no_storm() {
    let asked_in_a_minute = async |cut: &dyn Fn(&Api)| {
        let api = Api::default();
        api.list(MAPS, 10, vec![object("ConfigMap", "a", 5)]);
        let (live, _events) = LiveState::new(api.cluster(), Vec::new());
        live.ensure(&gvk("ConfigMap")).await.unwrap();
        rest().await;
        let (before, began) = (api.served().requests.len(), tokio::time::Instant::now());
        while began.elapsed() < Duration::from_secs(60) {
            cut(&api);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let asked = api.served().requests.len() - before;
        // Once they last, it is as before.
        tokio::time::sleep(LiveState::READ_INTERVAL).await;
        api.send(MAPS, "MODIFIED", &object("ConfigMap", "a", 11));
        rest().await;
        assert_eq!(live.object(&reference("ConfigMap", "a")).unwrap().resource_version(), "11");
        asked
    };
    let broken = asked_in_a_minute(&|api| drop(api.served().watches.remove(MAPS))).await;
    let expired = asked_in_a_minute(&|api| {
        if api.served().watches.contains_key(MAPS) {
            api.expire(MAPS);
            api.served().watches.remove(MAPS);
        }
    })
    .await;
    assert!((2..20).contains(&broken), "{broken} requests");
    assert!((2..40).contains(&expired), "{expired} requests");
}

#[tokio::test(start_paused = true)]
async fn of_what_nobody_asks_for_only_the_name_is_held() {
    let api = Api::default();
    api.list(MAPS, 10, (0..100).map(|i| object("ConfigMap", &format!("m{i}"), 5)).collect());
    let wanted: Arc<Mutex<HashSet<String>>> = Arc::default();
    let asks = wanted.clone();
    let interest = Arc::new(move |key: &ObjectKey| asks.lock().unwrap().contains(&key.name));
    let (live, _events) = LiveState::sparing(api.cluster(), Vec::new(), interest);
    wanted.lock().unwrap().insert("m1".into());
    live.ensure_objects([&reference("ConfigMap", "m1")]).await.unwrap();
    rest().await;
    assert_eq!((all(&live, &reference("ConfigMap", "m1")), live.size().0), ("present", 100));
    let (one, later) = (live.size().1, reference("ConfigMap", "m2"));
    assert!(one < 200, "{one} bytes for one object");

    assert_eq!(all(&live, &later), "unknown", "that it is there is known, what it is like is not");
    assert_eq!(all(&live, &reference("ConfigMap", "none")), "absent");
    wanted.lock().unwrap().insert("m2".into());
    live.ensure_objects([&later]).await.unwrap();
    assert_eq!(all(&live, &later), "present");
}

fn question(live: &Value) -> Question {
    let mut desired = live.clone();
    desired["metadata"] = json!({"name": "a", "namespace": "n"});
    let desired = DesiredObject::new(Object::new(desired).unwrap(), None, ObjectPolicy::default());
    let mode = WriteMode::ServerSide { manager: "us".into(), force: true, fold: FoldPolicy::default() };
    let drift = DriftPolicy {
        ignore: Vec::new(),
        ownership_loss: OwnershipLoss::Ignore,
        value: HealWhen::AtOnce,
        fold: HealWhen::AtInterval,
        backoff: holdfast_sync::Backoff { first: Duration::ZERO, factor: 1.0, max: Duration::ZERO },
    };
    Question::of(&desired, &mode, &drift)
}

/// As applied by us: data.key is ours.
fn ours(version: u64, value: &str) -> Value {
    let mut object = object("ConfigMap", "a", version);
    object["data"] = json!({"key": value});
    object["metadata"]["managedFields"] = json!([{"manager": "us", "operation": "Apply", "apiVersion": "v1",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:data": {"f:key": {}}}}]);
    object
}

#[tokio::test(start_paused = true)]
async fn what_we_wrote_is_sealed_by_the_event_that_brings_it() {
    let a = reference("ConfigMap", "a");
    let question = question(&ours(0, "one"));
    let setup = async || {
        let api = Api::default();
        api.list(MAPS, 10, vec![ours(5, "zero")]);
        let (live, events) = LiveState::new(api.cluster(), Vec::new());
        live.ensure(&gvk("ConfigMap")).await.unwrap();
        rest().await;
        (api, live, events)
    };
    // The answer before the event, and the event before the answer.
    let (api, live, _events) = setup().await;
    assert!(!live.in_force(&a, &question));
    live.wrote(&a, "20", Some(question.clone()));
    assert!(live.in_force(&a, &question), "we have just written it");
    assert!(!live.in_force(&a, &self::question(&ours(0, "zero"))), "and nothing else");
    api.send(MAPS, "MODIFIED", &ours(20, "one"));
    rest().await;
    assert!(live.in_force(&a, &question));

    let (api, live, _events) = setup().await;
    api.send(MAPS, "MODIFIED", &ours(20, "one"));
    rest().await;
    assert!(!live.in_force(&a, &question));
    live.wrote(&a, "20", Some(question.clone()));
    assert!(live.in_force(&a, &question));

    // What others add keeps it sealed; what they take from us, or another question, does not.
    let mut foreign = ours(21, "one");
    foreign["data"]["other"] = "theirs".into();
    api.send(MAPS, "MODIFIED", &foreign);
    rest().await;
    assert!(live.in_force(&a, &question));
    assert_eq!(live.seal_counts(), SealCounts { equal: 1, unequal: 0, taken: 1 });
    assert!(!live.in_force(&a, &self::question(&ours(0, "two"))));
    api.send(MAPS, "MODIFIED", &ours(22, "theirs"));
    rest().await;
    assert!(!live.in_force(&a, &question));

    // Somebody wrote after us: the event of our write never stands alone.
    let (api, live, _events) = setup().await;
    live.wrote(&a, "20", Some(question.clone()));
    api.send(MAPS, "MODIFIED", &ours(21, "theirs"));
    rest().await;
    assert!(!live.in_force(&a, &question));
}

#[tokio::test(start_paused = true)]
async fn seals_are_dropped_when_an_object_may_have_changed_unseen() {
    let a = reference("ConfigMap", "a");
    let question = question(&ours(0, "one"));
    let check = async |change: &dyn Fn(&Api), expected: bool| {
        let api = Api::default();
        api.list(MAPS, 10, vec![ours(5, "one")]);
        let (live, _events) = LiveState::new(api.cluster(), Vec::new());
        live.ensure(&gvk("ConfigMap")).await.unwrap();
        rest().await;
        live.found_in_force(&a, &question, &live.object(&a).unwrap());
        assert!(live.in_force(&a, &question));
        change(&api);
        rest().await;
        assert_eq!(live.in_force(&a, &question), expected);
    };
    check(&|api| api.send(MAPS, "MODIFIED", &ours(11, "one")), true).await;
    let relisted = |api: &Api, version: u64, object: Value| {
        api.list(MAPS, version, vec![object]);
        api.expire(MAPS);
    };
    check(&|api| relisted(api, 12, ours(5, "one")), true).await;
    check(&|api| relisted(api, 12, ours(11, "one")), false).await;
    check(&|api| relisted(api, 4, ours(3, "one")), false).await;
    let mut recreated = ours(11, "one");
    recreated["metadata"]["uid"] = "another".into();
    check(&|api| api.send(MAPS, "MODIFIED", &recreated), false).await;
}

/// A seal covers what is ours: of what is as wanted and somebody else's, it would not tell a change.
#[tokio::test(start_paused = true)]
async fn what_is_as_wanted_and_not_ours_is_so_at_its_version_only() {
    let a = reference("ConfigMap", "a");
    let question = question(&ours(0, "one"));
    let api = Api::default();
    api.list(MAPS, 10, vec![ours(5, "one")]);
    let (live, _events) = LiveState::new(api.cluster(), Vec::new());
    live.ensure(&gvk("ConfigMap")).await.unwrap();
    rest().await;
    live.found_as_wanted(&a, &question, &live.object(&a).unwrap());
    assert!(live.in_force(&a, &question));
    api.send(MAPS, "MODIFIED", &ours(11, "one"));
    rest().await;
    assert!(!live.in_force(&a, &question));
}

#[tokio::test(start_paused = true)]
async fn after_a_change_of_admission_objects_are_verified_a_few_at_a_time() {
    let api = Api::default();
    let named = |i: usize| {
        let mut object = ours(5, "one");
        object["metadata"]["name"] = format!("m{i}").into();
        object
    };
    api.list(MAPS, 10, (0..25).map(named).collect());
    let (live, _events) = LiveState::new(api.cluster(), Vec::new());
    live.ensure(&gvk("ConfigMap")).await.unwrap();
    rest().await;
    let question = question(&ours(0, "one"));
    let objects: Vec<ObjectRef> = (0..25).map(|i| reference("ConfigMap", &format!("m{i}"))).collect();
    let find = |object: &ObjectRef| live.found_in_force(object, &question, &live.object(object).unwrap());
    objects.iter().for_each(find);
    let due =
        || objects.iter().filter(|object| live.is_to_be_verified(object, &question)).collect::<Vec<_>>();
    assert_eq!(due().len(), 0);
    live.admission_changed();
    let mut rounds = Vec::new();
    loop {
        let round = due();
        if round.is_empty() {
            break;
        }
        round.iter().for_each(|object| find(object));
        rounds.push(round.len());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(rounds, [10, 10, 5]);
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_our_own_write_is_not_believed() {
    let api = Api::default();
    api.list(MAPS, 10, vec![ours(5, "zero")]);
    let (live, _events) = LiveState::new(api.cluster(), Vec::new());
    let a = reference("ConfigMap", "a");
    live.ensure(&gvk("ConfigMap")).await.unwrap();
    rest().await;
    live.wrote(&a, "20", None);
    assert_eq!(all(&live, &a), "unknown");
    api.send(MAPS, "MODIFIED", &ours(15, "theirs"));
    rest().await;
    assert_eq!(all(&live, &a), "unknown", "that was before ours");
    api.send(MAPS, "MODIFIED", &ours(20, "ours"));
    rest().await;
    assert_eq!(all(&live, &a), "present");

    live.wrote(&a, "30", None);
    api.send(MAPS, "DELETED", &ours(31, "ours"));
    rest().await;
    assert_eq!(all(&live, &a), "absent", "somebody deleted it after our write");
    live.wrote(&reference("ConfigMap", "b"), "40", None);
    api.list(MAPS, 50, vec![]);
    api.expire(MAPS);
    rest().await;
    assert_eq!(all(&live, &reference("ConfigMap", "b")), "absent", "a list that is newer does not have it");
}
