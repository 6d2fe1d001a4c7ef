//! A busy cluster: thousands of objects that are nobody's business here, of which some change all the time.
//!
//! The long form is as large as the largest cluster that is aimed at, and has its own command:
//! `HOLDFAST_E2E=1 cargo test -p holdfast-e2e --test main strangers -- --ignored --nocapture`.

use crate::bed::{ARGOCD, Bed, connect, value};
use futures::{StreamExt, stream};
use holdfast_cluster::{ApiRequest, Cluster, PatchKind};
use holdfast_object::{GroupVersionKind, ObjectRef, json};
use holdfast_platform::{Platform, PlatformOptions};
use holdfast_testcluster::cluster::{self, ADMIN};
use holdfast_testcluster::git::Change;
use holdfast_types::flux::kustomization;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How busy the cluster is.
struct Scale {
    /// Kustomizations of [`OBJECTS`] objects each, beside one Application.
    apps: usize,
    strangers: usize,
    time: Duration,
}

/// The objects of each Kustomization.
const OBJECTS: [&str; 4] = ["a", "b", "c", "d"];
const CHANGES_PER_SECOND: u32 = 200;
/// Requests of strangers under way at once.
const AT_ONCE: usize = 32;
/// Bytes by which what is held may differ: of the objects that are edited.
const HELD_ALIKE: usize = 20_000;

fn config_map() -> GroupVersionKind {
    GroupVersionKind::new("", "v1", "ConfigMap")
}

fn text(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: ours}}\n")
}

fn name(app: usize, object: &str) -> String {
    format!("of-{app}-{object}")
}

/// Commits what all apps hold, and has them made.
async fn settle(bed: &mut Bed<cluster::Cluster>, hand: &Cluster, scale: &Scale) {
    let folder = |app: usize| OBJECTS.map(|o| Change::write(format!("{app}/{o}.yaml"), text(&name(app, o))));
    let mut files: Vec<Change> = (0..scale.apps).flat_map(folder).collect();
    files.push(Change::write("app/of-app.yaml", text("of-app")));
    let commit = bed.commit(&files);
    bed.source().await;
    let resource = hand.resource(&kustomization()).await.unwrap();
    let namespace = bed.namespace.clone();
    let create = |app: usize| {
        let value = json!({
            "apiVersion": kustomization().api_version(), "kind": "Kustomization",
            "metadata": {"name": format!("app-{app}"), "namespace": namespace},
            "spec": {"interval": "1h", "prune": true, "path": format!("./{app}"), "targetNamespace": namespace,
                "sourceRef": {"kind": "GitRepository", "name": "app"}}});
        let request = ApiRequest::create(&resource, &namespace, value.to_string());
        async move { hand.request(request).await.unwrap() }
    };
    stream::iter((0..scale.apps).map(create)).buffer_unordered(AT_ONCE).for_each(async |_| ()).await;
    let policy = json!({"automated": {"selfHeal": true}});
    bed.application(json!({"namespace": ARGOCD}), json!({"syncPolicy": policy})).await;
    for app in 0..scale.apps {
        let app = bed.object(&kustomization(), &format!("app-{app}"));
        bed.until_present(&app, |app| {
            crate::bed::ready(app).is_some_and(|(_, _, message)| message.ends_with(&commit))
        })
        .await;
    }
    bed.until_application(|status| status["sync"]["status"] == "Synced").await;
}

fn stranger(number: usize) -> String {
    format!("stranger-{number}")
}

async fn let_strangers_in(hand: &Cluster, namespace: &str, count: usize) {
    let resource = hand.resource(&config_map()).await.unwrap();
    let create = |number: usize| {
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": stranger(number)},
            "data": {"text": "x".repeat(500)}});
        let request = ApiRequest::create(&resource, namespace, body.to_string());
        async move { hand.request(request).await.unwrap() }
    };
    stream::iter((0..count).map(create)).buffer_unordered(AT_ONCE).for_each(async |_| ()).await;
}

/// Changes strangers, as evenly as the machine allows; how many changes were made.
async fn bustle(hand: &Cluster, namespace: &str, scale: &Scale) -> usize {
    let resource = hand.resource(&config_map()).await.unwrap();
    let ends = Instant::now() + scale.time;
    let mut ticks = interval(Duration::from_secs(1) / CHANGES_PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let ticks = stream::unfold((ticks, 0), |(mut ticks, number)| async move {
        let at = ticks.tick().await;
        (at < ends).then_some((number, (ticks, number + 1)))
    });
    let change = |number: usize| {
        let patch = json!({"data": {"round": number.to_string()}}).to_string();
        let name = stranger(number % scale.strangers);
        let request = ApiRequest::patch(&resource, namespace, &name, PatchKind::Merge, patch);
        async move { hand.request(request).await.unwrap() }
    };
    ticks.map(change).buffer_unordered(AT_ONCE).count().await
}

fn writes(cluster: &Cluster) -> u64 {
    let counts = cluster.counts().by_verb();
    let is_write = |verb: &str| ["create", "update", "patch", "delete"].contains(&verb);
    counts.iter().filter(|(verb, _)| is_write(verb)).map(|(_, count)| count).sum()
}

/// Edits an object, and tells how long it took until it was put right.
async fn healed(bed: &mut Bed<cluster::Cluster>, hand: &Cluster, object: &ObjectRef) -> Duration {
    let resource = hand.resource(&config_map()).await.unwrap();
    let (namespace, name) = (&object.key.namespace, &object.key.name);
    let patch = json!({"data": {"key": "edited"}}).to_string();
    let request = ApiRequest::patch(&resource, namespace, name, PatchKind::Merge, patch);
    // The bed watches before the edit, or it could see the state from before.
    bed.until_present(object, |a| value(a) == Some("ours")).await;
    let before = bed.get(object).await.unwrap();
    let began = Instant::now();
    hand.request(request).await.unwrap();
    bed.until_present(object, |a| {
        value(a) == Some("ours") && crate::bed::is_later(a.resource_version(), before.resource_version())
    })
    .await;
    began.elapsed()
}

#[allow(clippy::print_stdout, reason = "the figures are what the long form is for")]
async fn play(scale: Scale) {
    let Some(mut bed) = Bed::own("strangers").await else { return };
    let (cluster, hand) = (connect(bed.plane(), ADMIN).await, connect(bed.plane(), ADMIN).await);
    let cache = tempfile::tempdir().unwrap();
    let options = PlatformOptions::new(cache.path());
    let platform = Platform::start(cluster.clone(), Platform::sources(&options), &options);
    settle(&mut bed, &hand, &scale).await;
    let elsewhere = bed.plane().namespace("elsewhere").await.unwrap();
    let quiet = bed.get(&bed.config_map(&name(0, "a"))).await.unwrap();
    let held = platform.engine().live().size();

    let_strangers_in(&hand, &elsewhere, scale.strangers).await;
    let before = writes(&cluster);
    let changes = bustle(&hand, &elsewhere, &scale).await;
    let written = writes(&cluster) - before;
    let now_held = platform.engine().live().size();
    println!(
        "{changes} changes of {} strangers in {:?} next to {} apps: {written} writes of ours, {} KiB held",
        scale.strangers,
        scale.time,
        scale.apps,
        now_held.1 / 1024,
    );
    // Argo CD's API demands a status for each of its refreshes, every two to three minutes.
    assert!(written <= 1 + scale.time.as_secs() / 100, "{written} writes because strangers changed");
    assert!(now_held.1.abs_diff(held.1) < HELD_ALIKE, "{held:?} was held before, and is {now_held:?}");
    let still = bed.get(&quiet.reference()).await.unwrap();
    assert_eq!(still.resource_version(), quiet.resource_version());

    // Ours are not lost in the crowd.
    let ours = [bed.config_map(&name(0, "a")), bed.config_map("of-app")];
    let crowd = Scale { time: Duration::from_secs(5), ..scale };
    let (crowded, times) = tokio::join!(bustle(&hand, &elsewhere, &crowd), async {
        let mut times = Vec::new();
        for object in &ours {
            times.push(healed(&mut bed, &hand, object).await);
        }
        times
    });
    println!("healed next to {crowded} changes in {:?}: {times:?}", crowd.time);
}

#[tokio::test]
async fn strangers_that_change_all_the_time_are_none_of_our_business() {
    play(Scale { apps: 3, strangers: 1_000, time: Duration::from_secs(10) }).await;
}

#[tokio::test]
#[ignore = "takes a quarter of an hour: it has its own command"]
async fn strangers_in_thousands_are_none_of_our_business() {
    play(Scale { apps: 1_000, strangers: 20_000, time: Duration::from_secs(600) }).await;
}
