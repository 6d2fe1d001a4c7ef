//! What deciding costs for an app of 10,000 objects. The floor is reading the objects: their JSON has to be parsed
//! before anything can be decided.
#![allow(missing_docs)]

use divan::Bencher;
use divan::counter::ItemsCount;
use holdfast_health::RuleSet;
use holdfast_object::{Object, ObjectRef, Value, json};
use holdfast_sync::{
    Backoff, Desired, DesiredObject, DriftPolicy, HealWhen, HealthGate, MapView, ObjectPolicy, Occasion,
    Order, Ownership, OwnershipLoss, Progress, Propagation, PruneBrake, PruneOrder, PrunePolicy, Step,
    SyncPolicy, WriteMode, next, plan,
};
use jiff::Timestamp;
use std::time::{Duration, Instant};

fn main() {
    ratios();
    divan::main();
}

const OBJECTS: usize = 10_000;
const INSTANCE: &str = "shop";

fn wanted(index: usize) -> Value {
    let env: Vec<Value> =
        (0..8).map(|i| json!({"name": format!("VAR_{i}"), "value": format!("value {i}")})).collect();
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": format!("app-{index}"), "namespace": "apps", "labels": {"owner": INSTANCE}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "a"}}, "template": {
            "metadata": {"labels": {"app": "a"}},
            "spec": {"containers": [{"name": "main", "image": format!("registry.example.com/app:{index}"),
                "env": env, "ports": [{"name": "http", "containerPort": 8080}],
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}}}]}}}
    })
}

fn live(wanted: &Value) -> Value {
    let mut object = wanted.clone();
    let annotation = json!({"kubectl.kubernetes.io/last-applied-configuration": wanted.to_string()});
    object["metadata"]["annotations"] = annotation;
    object["metadata"]["uid"] = "5934d99d-58e2-4d08-9353-e7202ac1debe".into();
    object["metadata"]["resourceVersion"] = "4711".into();
    object["spec"]["revisionHistoryLimit"] = 10.into();
    object["status"] = json!({"replicas": 2, "readyReplicas": 2, "observedGeneration": 1});
    object
}

fn policy() -> SyncPolicy {
    SyncPolicy {
        owner: Ownership::Labels(vec![("owner".into(), INSTANCE.into())]),
        write: WriteMode::ThreeWay { manager: "argocd-controller".into() },
        drift: DriftPolicy {
            ignore: Vec::new(),
            ownership_loss: OwnershipLoss::Ignore,
            value: HealWhen::AtOnce,
            fold: HealWhen::AtInterval,
            backoff: Backoff { first: Duration::ZERO, factor: 1.0, max: Duration::ZERO },
        },
        order: Order::FluxStages { custom: Vec::new(), ready_timeout: Duration::from_secs(60) },
        prune: PrunePolicy {
            enabled: true,
            allow_empty: false,
            order: PruneOrder::AfterWrites,
            propagation: Propagation::Background,
            brake: PruneBrake::default(),
            keep: Vec::new(),
            wait: None,
        },
        gate: HealthGate::None,
        health: RuleSet::Kstatus.into(),
    }
}

/// An app, what is live of it, and the live objects' texts.
struct App {
    desired: Desired,
    in_force: MapView,
    empty: MapView,
    texts: Vec<String>,
}

fn app() -> App {
    let wanted: Vec<Value> = (0..OBJECTS).map(wanted).collect();
    let live: Vec<Value> = wanted.iter().map(live).collect();
    let object = |value: &Value| Object::new(value.clone()).expect("an object");
    let desired: Vec<DesiredObject> =
        wanted.iter().map(|w| DesiredObject::new(object(w), None, ObjectPolicy::default())).collect();
    let previous: Vec<ObjectRef> = desired.iter().map(|d| d.reference.clone()).collect();
    App {
        desired: Desired::new("r", desired, previous),
        in_force: live.iter().map(object).collect(),
        empty: MapView::default(),
        texts: live.iter().map(Value::to_string).collect(),
    }
}

fn ask(app: &App, live: &MapView) -> usize {
    let progress = Progress::new(Timestamp::UNIX_EPOCH, Occasion::Scheduled);
    match next(&app.desired, live, &progress, &policy(), Timestamp::UNIX_EPOCH) {
        Step::Do(ops) => ops.len(),
        Step::Wait(_) | Step::Done(_) => 0,
    }
}

fn parse(app: &App) -> usize {
    app.texts.iter().filter(|text| serde_json::from_str::<Value>(text).is_ok()).count()
}

/// The ratios to the floor, from the best of a few runs each, taken in turns so that load meets all alike.
#[allow(clippy::print_stdout, reason = "a benchmark prints")]
fn ratios() {
    const RUNS: usize = 3;
    let app = app();
    let time = |work: &dyn Fn() -> usize| {
        let began = Instant::now();
        divan::black_box(work());
        began.elapsed()
    };
    let mut best = [Duration::MAX; 3];
    for _ in 0..RUNS {
        let works: [&dyn Fn() -> usize; 3] =
            [&|| parse(&app), &|| ask(&app, &app.in_force), &|| ask(&app, &app.empty)];
        for (best, work) in best.iter_mut().zip(works) {
            *best = (*best).min(time(work));
        }
    }
    let [floor, in_force, missing] = best;
    let ratio = |time: Duration| time.as_secs_f64() / floor.as_secs_f64();
    println!(
        "next, {OBJECTS} objects in force: {in_force:?}, {:.2} x parsing their JSON ({floor:?})",
        ratio(in_force)
    );
    println!("next, {OBJECTS} objects missing:  {missing:?}, {:.2} x parsing their JSON", ratio(missing));
}

#[divan::bench(sample_count = 3)]
fn floor_parse_10000_objects(bencher: Bencher<'_, '_>) {
    let app = app();
    bencher.counter(ItemsCount::new(OBJECTS)).bench_local(|| parse(&app));
}

#[divan::bench(sample_count = 3)]
fn next_of_10000_objects_in_force(bencher: Bencher<'_, '_>) {
    let app = app();
    bencher.counter(ItemsCount::new(OBJECTS)).bench_local(|| ask(&app, &app.in_force));
}

#[divan::bench(sample_count = 3)]
fn next_of_10000_objects_that_are_missing(bencher: Bencher<'_, '_>) {
    let app = app();
    bencher.counter(ItemsCount::new(OBJECTS)).bench_local(|| ask(&app, &app.empty));
}

#[divan::bench(sample_count = 3)]
fn plan_of_10000_objects_in_force(bencher: Bencher<'_, '_>) {
    let (app, policy) = (app(), policy());
    bencher
        .counter(ItemsCount::new(OBJECTS))
        .bench_local(|| plan(&app.desired, &app.in_force, &policy, Timestamp::UNIX_EPOCH).changes.len());
}
