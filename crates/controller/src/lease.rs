use holdfast_cluster::{ApiError, ApiErrorKind, ApiRequest, ApiResource, Cluster};
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

impl Leases {
    /// Leases to be held on a cluster, and the word whether they are.
    pub fn new(cluster: Cluster, leases: Vec<Lease>, options: LeaseOptions) -> (Self, watch::Receiver<bool>) {
        let (held, receiver) = watch::channel(false);
        (Self { cluster, leases, options, held }, receiver)
    }

    /// Claims and renews until `stop` turns true, then gives them back. `held` turns false as soon as one could not
    /// be renewed within its deadline; whoever writes must stop then.
    pub async fn run(self, mut stop: watch::Receiver<bool>, now: impl Fn() -> Timestamp + Send) {
        let mut sightings: Vec<Option<Sighting>> = vec![None; self.leases.len()];
        let mut renewed: Vec<Option<Instant>> = vec![None; self.leases.len()];
        while !*stop.borrow() {
            for (number, lease) in self.leases.iter().enumerate() {
                let asked = Instant::now();
                match self.claim(lease, &mut sightings[number], now()).await {
                    Ok(None) => renewed[number] = Some(asked),
                    Ok(Some(other)) => {
                        renewed[number] = None;
                        tracing::debug!(lease = lease.name, holder = other, "another holds the lease");
                    }
                    Err(error) => tracing::warn!(lease = lease.name, %error, "cannot renew the lease"),
                }
            }
            let oldest = renewed.iter().map(|at| at.map(|at| at.elapsed())).collect::<Option<Vec<_>>>();
            let is_held =
                oldest.is_some_and(|ages| ages.iter().all(|age| *age < self.options.renew_deadline));
            self.say(is_held);
            // The word must come before others may act, also while a renewal hangs.
            let until = if is_held {
                self.options.renew_deadline.min(self.options.retry)
            } else {
                self.options.retry
            };
            tokio::select! {
                biased;
                () = tokio::time::sleep(until) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        self.say(false);
        for lease in &self.leases {
            if let Err(error) = self.give_back(lease, now()).await {
                tracing::debug!(lease = lease.name, %error, "could not give the lease back");
            }
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

    fn options() -> LeaseOptions {
        LeaseOptions::new("me")
    }

    fn lease(holder: &str, renewed: &str) -> Value {
        json!({"spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed}})
    }

    fn at() -> Timestamp {
        "2026-01-01T00:00:00.123456Z".parse().unwrap()
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
