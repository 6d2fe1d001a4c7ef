//! What many apps at rest cost, how fast a restart finds them in force, and how fast drift is healed: on a sandbox in
//! the same process, so that the API server's own time is in every figure.
//!
//! `cargo bench -p holdfast-flux --bench calm -- [APPS] [IDLE_SECONDS]`
#![allow(missing_docs, dead_code, clippy::unwrap_used, reason = "a benchmark over the bed of the tests")]
#![allow(clippy::print_stdout, reason = "its table is for people")]

#[path = "../tests/main/bed.rs"]
mod bed;
#[path = "../tests/main/readiness.rs"]
mod readiness;

use bed::{Bed, is_ready};
use futures::{StreamExt, stream};
use holdfast_cluster::{ApiRequest, Cluster, Interest, LiveEvent, LiveState, PatchKind};
use holdfast_flux::FluxOptions;
use holdfast_object::{GroupVersionKind, ObjectKey, Value, json};
use holdfast_types::flux::kustomization;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Objects of others next to the apps, and how often one of them changes.
const FOREIGN_OBJECTS: usize = 20_000;
const FOREIGN_CHANGES_PER_SECOND: u64 = 200;
/// How many objects drift at once.
const DRIFTING: usize = 500;
/// How many objects drift one after the other.
const ONE_BY_ONE: usize = 200;
/// Requests under way at once, of the bare client as of the engine.
const CONCURRENCY: usize = 32;

fn main() {
    let argument = |at: usize, default: usize| {
        let numbers: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
        numbers.get(at).copied().unwrap_or(default)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(argument(0, 1000), argument(1, 30)));
}

async fn measure(apps: usize, idle: usize) {
    let mut bed = Bed::with_workers(FluxOptions::default(), 64).await;
    let files: Vec<(String, String)> = (0..apps).flat_map(files).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    bed.repository.commit(&files);
    bed.source().await;
    let watch = Stopwatch::start();
    for app in 0..apps {
        bed.kustomization(&format!("app-{app}"), json!({"path": format!("./{app}"), "interval": "1h"})).await;
    }
    until_ready(&bed, apps).await;
    row("first apply", &format!("{apps} apps, {} objects", apps * 4), watch.took());

    restart(&mut bed, apps).await;
    at_rest(&bed, idle, "at rest").await;
    foreign_objects(&bed.hand.cluster).await;
    busy(&bed, idle).await;
    drift(&bed, apps).await;
    one_by_one(&bed, apps).await;
    let seals = bed.engine.live().seal_counts();
    bed.stop();
    tokio::time::sleep(Duration::from_secs(2)).await;
    at_rest(&bed, idle, "the sandbox alone at rest").await;
    println!("seals: {} equal, {} unequal, {} taken", seals.equal, seals.unequal, seals.taken);
}

fn files(app: usize) -> Vec<(String, String)> {
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web-{app}}}\nspec:\n  replicas: 1\n  selector: \
         {{matchLabels: {{app: web-{app}}}}}\n  template:\n    metadata: {{labels: {{app: web-{app}}}}}\n    spec:\n      \
         containers:\n      - name: web\n        image: registry.example.com/web:1\n        ports: [{{containerPort: 80}}]\n"
    );
    let service = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: web-{app}}}\nspec:\n  selector: {{app: web-{app}}}\n  ports: \
         [{{port: 80}}]\n"
    );
    let map = |name: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}-{app}}}\ndata: {{key: ours}}\n")
    };
    [("deployment", deployment), ("service", service), ("map", map("map")), ("other", map("other"))]
        .map(|(name, text)| (format!("{app}/{name}.yaml"), text))
        .to_vec()
}

async fn until_ready(bed: &Bed, apps: usize) {
    loop {
        let live = bed.engine.live().all(&kustomization());
        if live.iter().filter(|object| is_ready(Some(object.as_ref()))).count() == apps {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the simulated workloads have come to rest, and with them the events about the first apply: what they cost
/// is nobody's restart.
async fn until_quiet(cluster: &Cluster) {
    let is_ready = |deployment: &Value| deployment["status"]["readyReplicas"] == 1;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answer = cluster.request(ApiRequest::get("/apis/apps/v1/deployments")).await.unwrap();
        let list: Value = serde_json::from_slice(&answer.body).unwrap();
        if list["items"].as_array().unwrap().iter().all(is_ready) {
            break;
        }
    }
    let mut cpu = cpu_time();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = cpu_time();
        if now - cpu <= QUIET {
            return;
        }
        cpu = now;
    }
}

/// The processor time of one second in which nothing happens.
const QUIET: Duration = Duration::from_millis(20);

/// A new process on the same cluster, until every object is known to be in force.
async fn restart(bed: &mut Bed, apps: usize) {
    until_quiet(&bed.hand.cluster).await;
    bed.stop();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = resident();
    let watch = Stopwatch::start();
    bed.begin_again();
    while bed.engine.live().seal_counts().taken < apps as u64 * 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = watch.took();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let floor = lists(&bed.hand.cluster).await;
    let of = requests(&bed.cluster);
    row("restart: all in force", &format!("four bare lists: {}", milliseconds(floor)), took);
    println!("  requests: {of:?}");
    let (objects, bytes) = bed.engine.live().size();
    println!(
        "  memory: {} KiB for each app (resident, with the old process' not given back); {objects} objects, {} KiB of \
         them for each app",
        resident().saturating_sub(before) / 1024 / apps as u64,
        bytes / 1024 / apps
    );
}

async fn lists(cluster: &Cluster) -> Duration {
    let began = Instant::now();
    for path in ["/api/v1/configmaps", "/api/v1/services", "/apis/apps/v1/deployments"] {
        cluster.request(ApiRequest::get(path)).await.unwrap();
    }
    began.elapsed()
}

async fn at_rest(bed: &Bed, seconds: usize, what: &str) {
    let (requests_before, cpu) = (requests(&bed.cluster), cpu_time());
    tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
    let spent = cpu_time() - cpu;
    println!(
        "{what}, {seconds} s: {:.2} % of a core (the sandbox's own work included), requests {:?} -> {:?}",
        100.0 * spent.as_secs_f64() / seconds as f64,
        requests_before,
        requests(&bed.cluster)
    );
}

async fn foreign_objects(cluster: &Cluster) {
    let resource = cluster.resource(&config_map()).await.unwrap();
    let create = |number: usize| {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("foreign-{number}"), "namespace": "default"},
            "data": {"text": "x".repeat(500)}});
        let request = ApiRequest::create(&resource, "default", body.to_string());
        async move { cluster.request(request).await.unwrap() }
    };
    let mut creates = stream::iter((0..FOREIGN_OBJECTS).map(create)).buffer_unordered(CONCURRENCY);
    while creates.next().await.is_some() {}
}

/// The same at rest, while objects of others change.
async fn busy(bed: &Bed, seconds: usize) {
    let before = bed.engine.live().size();
    let other = bed.hand.cluster.clone();
    let churn = tokio::spawn(async move {
        let mut beat = tokio::time::interval(Duration::from_millis(1000 / FOREIGN_CHANGES_PER_SECOND));
        for number in 0.. {
            beat.tick().await;
            let name = format!("foreign-{}", number % FOREIGN_OBJECTS);
            write(&other, &name, json!({"data": {"number": number.to_string()}})).await;
        }
    });
    at_rest(bed, seconds, "next to others' changes").await;
    churn.abort();
    println!("  held before and after: {before:?}, {:?}", bed.engine.live().size());
    // What the changes cost without the engine: the share to take off.
    let idle = cpu_time();
    for number in 0..FOREIGN_CHANGES_PER_SECOND {
        write(&bed.hand.cluster, &format!("foreign-{number}"), json!({"data": {"n": number.to_string()}}))
            .await;
    }
    println!(
        "  one second of such changes: {} of CPU with the engine watching",
        milliseconds(cpu_time() - idle)
    );
}

/// Many objects drift at once; a bare client that knows what to apply is the peer.
async fn drift(bed: &Bed, apps: usize) {
    let drifting = DRIFTING.min(apps);
    let names: Vec<String> = (0..drifting).map(|app| format!("map-{app}")).collect();
    let spoil = async || {
        let writes =
            names.iter().map(|name| write(&bed.hand.cluster, name, json!({"data": {"key": "theirs"}})));
        let mut writes = stream::iter(writes).buffer_unordered(CONCURRENCY);
        while writes.next().await.is_some() {}
    };
    let mut witness = Witness::of_maps(&bed.hand.cluster).await;
    let before = requests(&bed.cluster);
    let watch = Stopwatch::start();
    spoil().await;
    witness.until_ours(&names).await;
    let healed = watch.took();
    // Statuses and events come after the objects: they are not to count as the bare client's.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (whole, after) = (watch.took(), requests(&bed.cluster));

    let resource = bed.hand.cluster.resource(&config_map()).await.unwrap();
    let watch = Stopwatch::start();
    spoil().await;
    let applies = names.iter().map(|name| {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "ours"}});
        let request = ApiRequest::patch(&resource, "default", name, PatchKind::Apply, body.to_string())
            .query("fieldManager", "bare")
            .query("force", "true");
        bed.hand.cluster.request(request)
    });
    let mut applies = stream::iter(applies).buffer_unordered(CONCURRENCY);
    while applies.next().await.is_some() {}
    let bare = watch.took();
    let ratio = |own: Duration, bare: Duration| own.as_secs_f64() / bare.as_secs_f64();
    let peer = format!(
        "spoiled and applied by a bare client: {}; {:.2} times that, {:.2} times its CPU",
        bare.text(),
        ratio(healed.wall, bare.wall),
        ratio(healed.cpu, bare.cpu)
    );
    row(&format!("{drifting} objects spoiled and healed"), &peer, healed);
    println!(
        "  requests before and after: {before:?}, {after:?}; with what came after the last heal: {} of CPU",
        milliseconds(whole.cpu)
    );
}

/// A watch of the objects that drift, by somebody else: reading them again and again would be most of the work.
struct Witness {
    live: LiveState,
    events: tokio::sync::mpsc::UnboundedReceiver<LiveEvent>,
}

impl Witness {
    async fn of_maps(cluster: &Cluster) -> Self {
        let interest: Interest = Arc::new(|key: &ObjectKey| key.name.starts_with("map-"));
        let (live, events) = LiveState::sparing(cluster.clone(), Vec::new(), interest);
        live.ensure_names(&config_map()).await.unwrap();
        let mut witness = Self { live, events };
        while !matches!(witness.events.recv().await, Some(LiveEvent::Synced(_))) {}
        witness
    }

    /// Comes back when each of these changed and is ours again.
    async fn until_ours(&mut self, names: &[String]) {
        let mut theirs: HashSet<&str> = names.iter().map(String::as_str).collect();
        while !theirs.is_empty() {
            let Some(LiveEvent::Object { object, .. }) = self.events.recv().await else { continue };
            let found = self.live.object(&object);
            if found.is_some_and(|found| found.get(&["data", "key"]) == Some(&json!("ours"))) {
                theirs.remove(object.key.name.as_str());
            }
        }
    }
}

/// One object at a time, from the foreign write's answer to the healed object.
async fn one_by_one(bed: &Bed, apps: usize) {
    let mut times = Vec::new();
    for app in 0..ONE_BY_ONE.min(apps) {
        let name = format!("other-{app}");
        write(&bed.hand.cluster, &name, json!({"data": {"key": "theirs"}})).await;
        let began = Instant::now();
        while !all_ours(&bed.hand.cluster, std::slice::from_ref(&name)).await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(began.elapsed());
    }
    times.sort();
    let at = |share: f64| milliseconds(times[((times.len() - 1) as f64 * share) as usize]);
    println!("one object healed: median {}, p99 {}", at(0.5), at(0.99));
}

async fn all_ours(cluster: &Cluster, names: &[String]) -> bool {
    let resource = cluster.resource(&config_map()).await.unwrap();
    let reads = names.iter().map(|name| cluster.request(ApiRequest::get_object(&resource, "default", name)));
    let answers: Vec<_> = stream::iter(reads).buffer_unordered(CONCURRENCY).collect().await;
    answers.into_iter().all(|answer| {
        let object: Value = serde_json::from_slice(&answer.unwrap().body).unwrap();
        object["data"]["key"] == "ours"
    })
}

async fn write(cluster: &Cluster, name: &str, patch: Value) {
    let resource = cluster.resource(&config_map()).await.unwrap();
    let request = ApiRequest::patch(&resource, "default", name, PatchKind::Merge, patch.to_string())
        .query("fieldManager", "someone");
    cluster.request(request).await.unwrap();
}

fn config_map() -> GroupVersionKind {
    GroupVersionKind::new("", "v1", "ConfigMap")
}

fn requests(cluster: &Cluster) -> Vec<(&'static str, u64)> {
    cluster.counts().by_verb().into_iter().filter(|(_, count)| *count > 0).collect()
}

fn row(what: &str, beside: &str, took: Took) {
    println!("{what}: {} ({beside})", took.text());
}

/// What something took: on a machine that does other work its processor time says more than its time.
struct Took {
    wall: Duration,
    /// Of this process, the sandbox included.
    cpu: Duration,
}

impl Took {
    fn text(&self) -> String {
        format!("{}, {} of CPU", milliseconds(self.wall), milliseconds(self.cpu))
    }
}

struct Stopwatch {
    began: Instant,
    cpu: Duration,
}

impl Stopwatch {
    fn start() -> Self {
        Self { began: Instant::now(), cpu: cpu_time() }
    }

    fn took(&self) -> Took {
        Took { wall: self.began.elapsed(), cpu: cpu_time() - self.cpu }
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Resident memory of this process, in bytes, as Linux says.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}

/// CPU time of this process so far, as Linux says: user and system, in hundredths of a second.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after.split(' ').skip(12).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
