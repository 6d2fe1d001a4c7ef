use futures::future::join_all;
use holdfast_cluster::{ApiError, ApiErrorKind, ApiRequest, ApiResource, Cluster, Fence, FenceKeeper};
use holdfast_object::{GroupVersionKind, Value, json};
use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How leases are held.
#[derive(Debug, Clone)]
pub struct LeaseOptions {
    /// Who we are: unique to this process.
    pub holder: String,
    /// For how long others leave a lease alone that is not renewed.
    pub duration: Duration,
    /// How long we go on without having renewed, less than `duration` so that two never both act.
    pub renew_deadline: Duration,
    /// How often we renew, and how often we look whether a lease of another is over.
    pub retry: Duration,
}

impl LeaseOptions {
    /// The times of Kubernetes' own leader election: 15 s, 10 s, 2 s.
    pub fn new(holder: impl Into<String>) -> Self {
        Self {
            holder: holder.into(),
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// A lease's name and namespace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lease {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// Several leases that are held together or not at all.
pub struct Leases {
    cluster: Cluster,
    leases: Vec<Lease>,
    options: LeaseOptions,
    held: watch::Sender<bool>,
    keeper: FenceKeeper,
    fence: Fence,
}

/// What a look at a lease says to do; pure, so that it can be tested in tables.
#[derive(Debug, Clone, PartialEq)]
enum Claim {
    /// It is ours: renew it.
    Renew(Value),
    /// It is nobody's, or its holder has not renewed it for its duration: take it.
    Take(Value),
    /// Another holds it.
    Wait(String),
}

/// What was seen of another's lease, and since when it has not moved: clocks of two machines are not compared.
#[derive(Debug, Clone, PartialEq)]
struct Sighting {
    record: Value,
    since: Instant,
}

/// How we stand with one lease.
struct Seat {
    lease: Lease,
    sighting: Option<Sighting>,
    /// When we last asked for what was then granted.
    renewed: Option<Instant>,
}

impl Seat {
    fn new(lease: Lease) -> Self {
        Self { lease, sighting: None, renewed: None }
    }
}

impl Leases {
    /// Leases to be held on a cluster, and the word whether they are.
    pub fn new(cluster: Cluster, leases: Vec<Lease>, options: LeaseOptions) -> (Self, watch::Receiver<bool>) {
        let (held, receiver) = watch::channel(false);
        let (keeper, fence) = FenceKeeper::new();
        (Self { cluster, leases, options, held, keeper, fence }, receiver)
    }

    /// What lets writes pass while all leases are held, and stops them in time by itself when they cannot be renewed:
    /// for [`Cluster::fenced`].
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Claims and renews until `stop` turns true or its sender is gone, then gives them back. `held` turns false as soon as one could not
    /// be renewed within its deadline; whoever writes must stop then.
    pub async fn run(self, mut stop: watch::Receiver<bool>, now: impl Fn() -> Timestamp + Send) {
        let mut seats: Vec<Seat> = self.leases.iter().cloned().map(Seat::new).collect();
        while !*stop.borrow() {
            // All at once: one that hangs must not keep another from being renewed.
            let at = now();
            join_all(seats.iter_mut().map(|seat| self.take_seat(seat, at))).await;
            let renewed = seats.iter().map(|seat| seat.renewed).collect::<Option<Vec<_>>>();
            let until = renewed
                .and_then(|renewed| renewed.into_iter().min())
                .map(|oldest| oldest + self.options.renew_deadline)
                .filter(|until| Instant::now() < *until);
            self.keeper.extend(until);
            self.say(until.is_some());
            tokio::select! {
                biased;
                () = tokio::time::sleep(self.options.retry) => {}
                // Also when whoever could say so is gone.
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        self.keeper.extend(None);
        self.say(false);
        for lease in &self.leases {
            if let Err(error) = self.give_back(lease, now()).await {
                tracing::debug!(lease = lease.name, %error, "could not give the lease back");
            }
        }
    }

    async fn take_seat(&self, seat: &mut Seat, now: Timestamp) {
        let asked = Instant::now();
        match self.claim(&seat.lease, &mut seat.sighting, now).await {
            Ok(None) => seat.renewed = Some(asked),
            Ok(Some(other)) => {
                seat.renewed = None;
                tracing::debug!(lease = seat.lease.name, holder = other, "another holds the lease");
            }
            Err(error) => tracing::warn!(lease = seat.lease.name, %error, "cannot renew the lease"),
        }
    }

    fn say(&self, is_held: bool) {
        let changed = self.held.send_if_modified(|held| std::mem::replace(held, is_held) != is_held);
        if changed {
            tracing::info!(held = is_held, "leases");
        }
    }

    async fn resource(&self) -> Result<std::sync::Arc<ApiResource>, ApiError> {
        self.cluster.resource(&GroupVersionKind::new("coordination.k8s.io", "v1", "Lease")).await
    }

    async fn read(&self, resource: &ApiResource, lease: &Lease) -> Result<Option<Value>, ApiError> {
        let request = ApiRequest::get_object(resource, &lease.namespace, &lease.name);
        match self.cluster.request(request).await {
            Ok(answer) => {
                Ok(Some(serde_json::from_slice(&answer.body).map_err(|e| ApiError::unreadable(&e))?))
            }
            Err(error) if error.kind == ApiErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Claims or renews one lease: `None` when it is ours, else its holder.
    async fn claim(
        &self,
        lease: &Lease,
        sighting: &mut Option<Sighting>,
        now: Timestamp,
    ) -> Result<Option<String>, ApiError> {
        let resource = self.resource().await?;
        let limit = self.options.renew_deadline;
        let exchange = async {
            let live = self.read(&resource, lease).await?;
            let Some(live) = live else {
                let body = fresh(lease, &self.options, now).to_string();
                self.cluster.request(ApiRequest::create(&resource, &lease.namespace, body)).await?;
                return Ok(None);
            };
            match decide(&live, sighting, &self.options, Instant::now(), now) {
                Claim::Renew(next) | Claim::Take(next) => {
                    let (namespace, name) = (&lease.namespace, &lease.name);
                    let request = ApiRequest::replace(&resource, namespace, name, next.to_string());
                    match self.cluster.request(request).await {
                        Ok(_) => Ok(None),
                        // Another was faster; the next look tells who.
                        Err(error) if error.kind == ApiErrorKind::Conflict => Ok(Some("another".into())),
                        Err(error) => Err(error),
                    }
                }
                Claim::Wait(holder) => Ok(Some(holder)),
            }
        };
        tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| Err(ApiError::timed_out(limit)))
    }

    async fn give_back(&self, lease: &Lease, now: Timestamp) -> Result<(), ApiError> {
        let resource = self.resource().await?;
        let Some(mut live) = self.read(&resource, lease).await? else { return Ok(()) };
        if live["spec"]["holderIdentity"] != self.options.holder.as_str() {
            return Ok(());
        }
        live["spec"]["holderIdentity"] = "".into();
        live["spec"]["leaseDurationSeconds"] = 1.into();
        live["spec"]["renewTime"] = micros(now).into();
        let request = ApiRequest::replace(&resource, &lease.namespace, &lease.name, live.to_string());
        self.cluster.request(request).await.map(|_| ())
    }
}

fn decide(
    live: &Value,
    sighting: &mut Option<Sighting>,
    options: &LeaseOptions,
    seen_at: Instant,
    now: Timestamp,
) -> Claim {
    let spec = &live["spec"];
    let holder = spec["holderIdentity"].as_str().unwrap_or_default();
    let mut next = live.clone();
    next["spec"]["holderIdentity"] = options.holder.as_str().into();
    next["spec"]["leaseDurationSeconds"] = options.duration.as_secs().into();
    next["spec"]["renewTime"] = micros(now).into();
    if holder == options.holder {
        return Claim::Renew(next);
    }
    next["spec"]["acquireTime"] = micros(now).into();
    next["spec"]["leaseTransitions"] = (spec["leaseTransitions"].as_i64().unwrap_or_default() + 1).into();
    if holder.is_empty() {
        return Claim::Take(next);
    }
    if sighting.as_ref().is_none_or(|seen| seen.record != *spec) {
        *sighting = Some(Sighting { record: spec.clone(), since: seen_at });
    }
    let promised = spec["leaseDurationSeconds"].as_u64().map_or(options.duration, Duration::from_secs);
    let since = sighting.as_ref().map_or(seen_at, |seen| seen.since);
    if seen_at.duration_since(since) >= promised { Claim::Take(next) } else { Claim::Wait(holder.to_owned()) }
}

fn fresh(lease: &Lease, options: &LeaseOptions, now: Timestamp) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": lease.name, "namespace": lease.namespace},
        "spec": {
            "holderIdentity": options.holder,
            "leaseDurationSeconds": options.duration.as_secs(),
            "acquireTime": micros(now),
            "renewTime": micros(now),
            "leaseTransitions": 0,
        },
    })
}

/// `metav1.MicroTime`.
fn micros(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdfast_cluster::PatchKind;
    use http_body_util::BodyExt;
    use kube::client::Body;
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
    use std::sync::{Arc, Mutex};

    fn options() -> LeaseOptions {
        LeaseOptions::new("me")
    }

    fn lease(holder: &str, renewed: &str) -> Value {
        json!({"spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed}})
    }

    fn at() -> Timestamp {
        "2026-01-01T00:00:00.123456Z".parse().unwrap()
    }

    /// A server that knows who holds the lease, and checks each other write against that.
    #[derive(Default)]
    struct Server {
        lease: Option<Value>,
        version: u64,
        writes: Vec<(String, Duration)>,
        violations: Vec<String>,
    }

    /// One process' way to the server: which requests get through.
    #[derive(Clone, Default)]
    struct Link {
        leases_hang: Arc<AtomicBool>,
        all_hangs: Arc<AtomicBool>,
        is_refused: Arc<AtomicBool>,
        is_slow: Arc<AtomicBool>,
        answers_are_lost: Arc<AtomicBool>,
        /// How far the process' clock is wrong, in seconds.
        clock: Arc<AtomicI64>,
    }

    fn process(name: &'static str, server: &Arc<Mutex<Server>>, link: &Link) -> Cluster {
        let (server, link, began) = (server.clone(), link.clone(), Instant::now());
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (server, link) = (server.clone(), link.clone());
            async move {
                let is_lease = request.uri().path().contains("/leases");
                if (is_lease && link.leases_hang.load(Relaxed)) || link.all_hangs.load(Relaxed) {
                    std::future::pending::<()>().await;
                }
                if link.is_refused.load(Relaxed) {
                    return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
                }
                if link.is_slow.load(Relaxed) {
                    seconds(7).await;
                }
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let answer = server.lock().unwrap().answer(name, &parts, &body, began.elapsed());
                if link.answers_are_lost.load(Relaxed) && parts.method != http::Method::GET {
                    std::future::pending::<()>().await;
                }
                Ok(answer)
            }
        });
        Cluster::new(kube::Client::new(service, "default"))
    }

    impl Server {
        fn answer(
            &mut self,
            from: &str,
            request: &http::request::Parts,
            body: &[u8],
            at: Duration,
        ) -> http::Response<Body> {
            let answer = |status: u16, value: Value| {
                let body = Body::from(value.to_string().into_bytes());
                http::Response::builder().status(status).body(body).unwrap()
            };
            match (request.method.as_str(), request.uri.path()) {
                ("GET", "/api") => answer(200, json!({"items": []})),
                ("GET", "/apis") => answer(200, discovery()),
                ("GET", path) if path.contains("/leases/") => match &self.lease {
                    Some(lease) => answer(200, lease.clone()),
                    None => answer(404, json!({"reason": "NotFound"})),
                },
                ("POST" | "PUT", path) if path.contains("/leases") => {
                    let mut lease: Value = serde_json::from_slice(body).unwrap();
                    let known = self.lease.as_ref().map(|l| l["metadata"]["resourceVersion"].clone());
                    if known.is_some_and(|known| lease["metadata"]["resourceVersion"] != known) {
                        return answer(409, json!({"reason": "Conflict", "message": "modified"}));
                    }
                    self.version += 1;
                    lease["metadata"]["resourceVersion"] = self.version.to_string().into();
                    self.lease = Some(lease.clone());
                    answer(200, lease)
                }
                _ => {
                    let holder = self.lease.as_ref().map(|l| l["spec"]["holderIdentity"].clone());
                    if holder != Some(from.into()) {
                        self.violations.push(format!("{from} wrote at {at:?} while {holder:?} holds"));
                    }
                    self.writes.push((from.to_owned(), at));
                    answer(200, json!({}))
                }
            }
        }
    }

    fn config_maps() -> ApiResource {
        ApiResource {
            gvk: GroupVersionKind::new("", "v1", "ConfigMap"),
            plural: "configmaps".into(),
            singular: "configmap".into(),
            short_names: Vec::new(),
            namespaced: true,
            watchable: true,
            has_status: false,
        }
    }

    fn discovery() -> Value {
        json!({"items": [{"metadata": {"name": "coordination.k8s.io"}, "versions": [{"version": "v1",
            "resources": [{"resource": "leases", "scope": "Namespaced", "verbs": ["list", "watch"],
                "responseKind": {"group": "coordination.k8s.io", "version": "v1", "kind": "Lease"}}]}]}]})
    }

    /// Runs a process: it holds the lease when it can, and writes ten times a second whether or not it was told that it
    /// may, as one would that was never told that it lost the lease.
    fn start(name: &'static str, server: &Arc<Mutex<Server>>, link: &Link) -> watch::Sender<bool> {
        let cluster = process(name, server, link);
        let lease = Lease { namespace: "n".into(), name: "l".into() };
        let (leases, _held) = Leases::new(cluster.clone(), vec![lease], LeaseOptions::new(name));
        let fenced = cluster.fenced(&leases.fence());
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                let request = ApiRequest::patch(&config_maps(), "n", "a", PatchKind::Merge, "{}");
                let _ = fenced.request(request).await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        let (began, clock) = (Instant::now(), link.clock.clone());
        let now = move || at() + began.elapsed() + jiff::SignedDuration::from_secs(clock.load(Relaxed));
        tokio::spawn(leases.run(stopped, now));
        stop
    }

    async fn seconds(seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    fn gap(server: &Server, from: &str, to: &str) -> Duration {
        let last = server.writes.iter().rfind(|(name, _)| name == from).unwrap().1;
        let first = server.writes.iter().find(|(name, at)| name == to && *at > last).unwrap().1;
        first - last
    }

    #[tokio::test(start_paused = true)]
    async fn two_processes_never_both_write_however_the_network_fails() {
        let check = async |fail: &dyn Fn(&Link, bool)| {
            let server = Arc::new(Mutex::new(Server::default()));
            let (one, two) = (Link::default(), Link::default());
            let _first = start("one", &server, &one);
            seconds(1).await;
            let _second = start("two", &server, &two);
            seconds(20).await;
            assert!(server.lock().unwrap().writes.iter().all(|(name, _)| name == "one"));
            fail(&one, true);
            seconds(60).await;
            {
                let server = server.lock().unwrap();
                assert_eq!(server.writes.last().unwrap().0, "two", "the other one has taken over");
                assert!(gap(&server, "one", "two") < Duration::from_secs(20));
            }
            // When the first one is back it waits like any other.
            fail(&one, false);
            seconds(60).await;
            let server = server.lock().unwrap();
            assert_eq!(server.violations, [] as [String; 0]);
            assert_eq!(server.writes.last().unwrap().0, "two");
        };
        // Its lease cannot be renewed, while everything else gets through.
        check(&|link, on| link.leases_hang.store(on, Relaxed)).await;
        check(&|link, on| link.all_hangs.store(on, Relaxed)).await;
        check(&|link, on| link.is_refused.store(on, Relaxed)).await;
        check(&|link, on| link.is_slow.store(on, Relaxed)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn clocks_that_differ_or_jump_change_nothing() {
        let server = Arc::new(Mutex::new(Server::default()));
        let (one, two) = (Link::default(), Link::default());
        two.clock.store(86_400, Relaxed);
        let _first = start("one", &server, &one);
        seconds(1).await;
        let _second = start("two", &server, &two);
        for jump in [-3_600, 7_200, -86_400, 0] {
            one.clock.store(jump, Relaxed);
            two.clock.store(-jump, Relaxed);
            seconds(40).await;
        }
        let server = server.lock().unwrap();
        assert_eq!(server.violations, [] as [String; 0]);
        assert!(server.writes.iter().all(|(name, _)| name == "one"), "who holds the lease keeps it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_whose_answer_is_lost_renews_nothing() {
        let server = Arc::new(Mutex::new(Server::default()));
        let (one, two) = (Link::default(), Link::default());
        let _first = start("one", &server, &one);
        seconds(5).await;
        one.answers_are_lost.store(true, Relaxed);
        one.leases_hang.store(false, Relaxed);
        let _second = start("two", &server, &two);
        seconds(120).await;
        assert_eq!(server.lock().unwrap().violations, [] as [String; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clean_stop_hands_over_in_seconds() {
        let server = Arc::new(Mutex::new(Server::default()));
        let first = start("one", &server, &Link::default());
        seconds(1).await;
        let _second = start("two", &server, &Link::default());
        seconds(20).await;
        first.send(true).unwrap();
        seconds(10).await;
        let server = server.lock().unwrap();
        assert_eq!(server.violations, [] as [String; 0]);
        let gap = gap(&server, "one", "two");
        assert!(gap < Duration::from_secs(5), "{gap:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn our_own_lease_is_renewed() {
        let claim = decide(&lease("me", "x"), &mut None, &options(), Instant::now(), at());
        let Claim::Renew(next) = claim else { panic!("{claim:?}") };
        assert_eq!(next["spec"]["renewTime"], "2026-01-01T00:00:00.123456Z");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_given_back_is_taken_at_once() {
        let claim = decide(&lease("", "x"), &mut None, &options(), Instant::now(), at());
        assert!(matches!(claim, Claim::Take(_)), "{claim:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn anothers_lease_is_taken_once_it_stood_still_for_its_duration() {
        let mut sighting = None;
        let look = |record: &str, sighting: &mut Option<Sighting>| {
            decide(&lease("other", record), sighting, &options(), Instant::now(), at())
        };
        assert_eq!(look("1", &mut sighting), Claim::Wait("other".into()));
        tokio::time::advance(Duration::from_secs(14)).await;
        assert_eq!(look("1", &mut sighting), Claim::Wait("other".into()));
        assert_eq!(look("2", &mut sighting), Claim::Wait("other".into()), "it was renewed");
        tokio::time::advance(Duration::from_secs(15)).await;
        assert!(matches!(look("2", &mut sighting), Claim::Take(_)));
    }
}
