//! What it costs to judge and to merge. The floor for judging is reading the objects: their JSON has to be parsed
//! before anything can be compared.
#![allow(missing_docs)]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use holdfast_merge::drift::{ArgocdRequest, FluxRequest, FoldPolicy, argocd, flux, seal};
use holdfast_merge::fields::FieldSet;
use holdfast_merge::ssa::{self, ApplyRequest, KindRules};
use holdfast_merge::strategic;
use holdfast_object::GroupVersionKind;
use holdfast_object::schema::{Schemas, TypeRef};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

const OBJECTS: usize = 10_000;
const MANAGER: &str = "kustomize-controller";
const NOW: &str = "2026-11-21T10:00:00Z";
static NOTHING: FieldSet = FieldSet::EMPTY;

fn deployment_type() -> TypeRef<'static> {
    Schemas::builtin().root(&GroupVersionKind::new("apps", "v1", "Deployment")).expect("a built-in kind")
}

fn wanted(index: usize) -> Value {
    let env: Vec<Value> =
        (0..8).map(|i| json!({"name": format!("VAR_{i}"), "value": format!("value {i}")})).collect();
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": format!("app-{index}"), "namespace": "apps", "labels": {"app": "a", "tier": "web"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "a"}},
            "template": {
                "metadata": {"labels": {"app": "a"}},
                "spec": {
                    "containers": [{
                        "name": "main", "image": format!("registry.example.com/app:{index}"),
                        "env": env, "args": ["--listen", ":8080"],
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
                        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]
                    }],
                    "volumes": [{"name": "tmp", "emptyDir": {}}]
                }
            }
        }
    })
}

fn rules() -> KindRules<'static> {
    KindRules { schema: deployment_type(), reset: &NOTHING, convert: &ssa::no_other_version }
}

/// The object as a server holds it: applied, with defaults and status.
fn live(wanted: &Value) -> Value {
    let request = ApplyRequest {
        live: None,
        config: wanted,
        manager: MANAGER,
        force: true,
        subresource: "",
        kind: rules(),
        now: NOW,
    };
    let mut object = ssa::apply(&request).expect("a valid object").object;
    object["metadata"]["uid"] = "5934d99d-58e2-4d08-9353-e7202ac1debe".into();
    object["spec"]["revisionHistoryLimit"] = 10.into();
    object["spec"]["template"]["spec"]["restartPolicy"] = "Always".into();
    object["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "IfNotPresent".into();
    object["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"] = "TCP".into();
    object["status"] = json!({"replicas": 2, "readyReplicas": 2, "observedGeneration": 1});
    object
}

fn pairs() -> Vec<(Value, Value)> {
    (0..OBJECTS)
        .map(|index| {
            let wanted = wanted(index);
            let live = live(&wanted);
            (wanted, live)
        })
        .collect()
}

#[divan::bench(sample_count = 3)]
fn floor_parse_10000_objects(bencher: Bencher<'_, '_>) {
    let texts: Vec<String> = pairs().iter().map(|(_, live)| live.to_string()).collect();
    bencher
        .counter(ItemsCount::new(OBJECTS))
        .bench_local(|| texts.iter().filter(|text| serde_json::from_str::<Value>(text).is_ok()).count());
}

#[divan::bench(sample_count = 3)]
fn seal_10000_objects(bencher: Bencher<'_, '_>) {
    let (pairs, fold) = (pairs(), FoldPolicy::kustomize_controller(MANAGER, &[]));
    bencher
        .counter(ItemsCount::new(OBJECTS))
        .bench_local(|| pairs.iter().filter_map(|(_, live)| seal(live, MANAGER, &fold)).count());
}

#[divan::bench(sample_count = 3)]
fn judge_10000_objects_by_fluxs_rule(bencher: Bencher<'_, '_>) {
    let (pairs, fold) = (pairs(), FoldPolicy::kustomize_controller(MANAGER, &[]));
    bencher.counter(ItemsCount::new(OBJECTS)).bench_local(|| {
        pairs
            .iter()
            .map(|(desired, live)| {
                let request = FluxRequest {
                    desired,
                    live,
                    manager: MANAGER,
                    schema: None,
                    fold: &fold,
                    applied_before: true,
                    defaults: None,
                };
                flux(&request).differences.len()
            })
            .sum::<usize>()
    });
}

#[divan::bench(sample_count = 3)]
fn judge_10000_objects_by_argo_cds_rule(bencher: Bencher<'_, '_>) {
    let mut pairs = pairs();
    for (wanted, live) in &mut pairs {
        let last = wanted.to_string();
        live["metadata"]["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": last});
    }
    let ignore = ["/status".to_owned()];
    bencher.counter(ItemsCount::new(OBJECTS)).bench_local(|| {
        pairs
            .iter()
            .map(|(desired, live)| {
                let request = ArgocdRequest {
                    desired,
                    live,
                    ignore: &ignore,
                    manager: "argocd-controller",
                    defaults: None,
                };
                argocd(&request).differences.len()
            })
            .sum::<usize>()
    });
}

#[divan::bench]
fn apply_an_object_again(bencher: Bencher<'_, '_>) {
    let wanted = wanted(1);
    let live = live(&wanted);
    let request = ApplyRequest {
        live: Some(&live),
        config: &wanted,
        manager: MANAGER,
        force: true,
        subresource: "",
        kind: rules(),
        now: NOW,
    };
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| ssa::apply(black_box(&request)));
}

#[divan::bench]
fn apply_a_change(bencher: Bencher<'_, '_>) {
    let before = wanted(1);
    let live = live(&before);
    let mut wanted = before;
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "other".into();
    wanted["spec"]["template"]["spec"]["containers"][0]["env"][3] = json!({"name": "NEW", "value": "x"});
    let request = ApplyRequest {
        live: Some(&live),
        config: &wanted,
        manager: MANAGER,
        force: true,
        subresource: "",
        kind: rules(),
        now: NOW,
    };
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| ssa::apply(black_box(&request)));
}

#[divan::bench]
fn patch_three_ways(bencher: Bencher<'_, '_>) {
    let original = wanted(1);
    let current = live(&original);
    let mut modified = original.clone();
    modified["spec"]["template"]["spec"]["containers"][0]["image"] = "other".into();
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        let patch =
            strategic::three_way(&original, &modified, &current, deployment_type(), true).expect("a patch");
        strategic::apply(&current, &patch, deployment_type())
    });
}
