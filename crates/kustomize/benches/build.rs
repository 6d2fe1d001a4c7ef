//! Whole builds: a base of the size of podinfo's, and overlays of many objects, which must grow in line with them.

use bytes::Bytes;
use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use holdfast_kustomize::{BuildOptions, Outcome, Provided, build, to_yaml};
use holdfast_testkit::speed::{fastest, print_ratio};
use holdfast_tree::{FileTree, MemoryTree};
use holdfast_yaml::Options;
use mimalloc::MiMalloc;
use std::fmt::Write as _;
use std::time::Duration;

/// The allocator of the product, its calls counted.
#[global_allocator]
static ALLOC: AllocProfiler<MiMalloc> = AllocProfiler::new(MiMalloc);

#[allow(clippy::print_stdout)]
fn main() {
    divan::main();
    let goal = Duration::from_micros;
    ratio("a base of podinfo's size", &small_base(), 200, goal(150));
    ratio("1,200 objects", &overlay(300), 20, goal(60_000));
    ratio("4,800 objects", &overlay(1_200), 20, goal(270_000));
    let (some, many) = in_turns(30, &overlay(300), &overlay(1_200));
    println!("4,800 objects take {:.2} times as long as 1,200", many.as_secs_f64() / some.as_secs_f64());
}

/// Beside a build: reading its files as YAML and writing them again.
fn ratio(what: &str, tree: &MemoryTree, rounds: u32, goal: Duration) {
    let files: Vec<Bytes> = tree.paths().filter_map(|path| tree.read(path).ok()).collect();
    let floor = fastest(rounds, || {
        let documents = files.iter().flat_map(|file| holdfast_yaml::documents(file, &Options::v3()));
        documents.flatten().map(|document| holdfast_yaml::to_string(&document.value).len()).sum::<usize>()
    });
    let took = fastest(rounds, || run(tree));
    print_ratio(what, took, Some(goal), "reading and writing its files", floor);
}

/// The fastest builds of two trees, built in turns: what else the machine does then hits both alike.
fn in_turns(rounds: u32, one: &MemoryTree, other: &MemoryTree) -> (Duration, Duration) {
    (0..rounds).fold((Duration::MAX, Duration::MAX), |best, _| {
        (best.0.min(fastest(1, || run(one))), best.1.min(fastest(1, || run(other))))
    })
}

/// A Deployment, a Service and an autoscaler of the size of podinfo's.
fn small_base() -> MemoryTree {
    let mut tree = MemoryTree::new();
    tree.insert("kustomization.yaml", "resources:\n- deployment.yaml\n- service.yaml\n- hpa.yaml\n");
    tree.insert("deployment.yaml", deployment("podinfo", "ghcr.io/stefanprodan/podinfo:6.5.0"));
    tree.insert("service.yaml", service("podinfo"));
    tree.insert(
        "hpa.yaml",
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: podinfo\nspec:\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: podinfo\n  minReplicas: 2\n  maxReplicas: 4\n  metrics:\n  - type: Resource\n    resource:\n      name: cpu\n      target:\n        type: Utilization\n        averageUtilization: 99\n",
    );
    tree
}

fn deployment(name: &str, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  minReadySeconds: 3\n  revisionHistoryLimit: 5\n  progressDeadlineSeconds: 60\n  strategy:\n    rollingUpdate:\n      maxUnavailable: 0\n    type: RollingUpdate\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n    metadata:\n      annotations:\n        prometheus.io/scrape: \"true\"\n        prometheus.io/port: \"9797\"\n      labels:\n        app: {name}\n    spec:\n      containers:\n      - name: app\n        image: {image}\n        imagePullPolicy: IfNotPresent\n        ports:\n        - name: http\n          containerPort: 9898\n          protocol: TCP\n        - name: http-metrics\n          containerPort: 9797\n          protocol: TCP\n        command:\n        - ./podinfo\n        - --port=9898\n        - --level=info\n        env:\n        - name: PODINFO_UI_COLOR\n          value: \"#34577c\"\n        envFrom:\n        - configMapRef:\n            name: {name}-config\n        livenessProbe:\n          exec:\n            command: [podcli, check, http, localhost:9898/healthz]\n          initialDelaySeconds: 5\n          timeoutSeconds: 5\n        resources:\n          limits:\n            cpu: 2000m\n            memory: 512Mi\n          requests:\n            cpu: 100m\n            memory: 64Mi\n"
    )
}

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  type: ClusterIP\n  selector:\n    app: {name}\n  ports:\n  - name: http\n    port: 9898\n    protocol: TCP\n    targetPort: http\n"
    )
}

/// `size` Deployments, as many Services and Ingresses and ConfigMaps that the Deployments read, with prefix, labels
/// and images.
fn overlay(size: usize) -> MemoryTree {
    let mut kustomization = String::from(
        "namePrefix: prod-\nlabels:\n- pairs:\n    team: shop\n  includeSelectors: true\nimages:\n- name: ghcr.io/stefanprodan/podinfo\n  newTag: 6.9.9\nresources:\n",
    );
    let mut tree = MemoryTree::new();
    for at in 0..size {
        let name = format!("app-{at}");
        let ingress = format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\nspec:\n  rules:\n  - host: {name}.example.com\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend:\n          service:\n            name: {name}\n            port:\n              number: 9898\n"
        );
        let file = format!("{name}.yaml");
        let image = "ghcr.io/stefanprodan/podinfo:6.5.0";
        let text = format!("{}---\n{}---\n{ingress}", deployment(&name, image), service(&name));
        tree.insert(&file, text);
        let _ = writeln!(kustomization, "- {file}");
    }
    kustomization.push_str("configMapGenerator:\n");
    for at in 0..size {
        let _ =
            writeln!(kustomization, "- name: app-{at}-config\n  literals:\n  - LEVEL=info\n  - INDEX={at}");
    }
    tree.insert("kustomization.yaml", kustomization);
    tree
}

fn run(tree: &MemoryTree) -> usize {
    match build(tree, "", &BuildOptions::default(), &Provided::new()) {
        Ok(Outcome::Built(built)) => to_yaml(&built.objects).len(),
        other => panic!("the benchmark's own tree must build: {other:?}"),
    }
}

/// The goal is 0.15 ms.
#[divan::bench]
fn podinfo_sized_base(bencher: Bencher<'_, '_>) {
    let tree = small_base();
    bencher.bench(|| run(&tree));
}

/// Three objects and one generated ConfigMap each. The goal is 60 ms for 300 (1,200 objects), and 4.5 times that for
/// 1,200 (4,800 objects).
#[divan::bench(args = [300, 1_200], sample_count = 20)]
fn overlay_of_apps(bencher: Bencher<'_, '_>, size: usize) {
    let tree = overlay(size);
    bencher.counter(ItemsCount::new(size * 4)).bench(|| run(&tree));
}
