//! How long a chart takes: with its templates parsed by an earlier render (`warm`), and from the bytes of its files
//! (`cold`). The charts are those of the shared conformance cases, left out where those are absent, and one made here.
//!
//! Goals: kube-prometheus-stack 6 ms warm and 20 ms cold, podinfo 0.12 and 0.9 ms, a thousand releases of podinfo
//! 150 ms. Helm 3.22 itself, in one process, takes 73 ms and 2.4 ms for the templates alone.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

use divan::Bencher;
use holdfast_helm::capabilities::Capabilities;
use holdfast_helm::chart::{Chart, File, Limits};
use holdfast_helm::release::Release;
use holdfast_helm::render::{Lookups, Outcome, RenderOptions, RenderRequest, Rendered, render};
use holdfast_helm::values::Layers;
use holdfast_testkit::speed::{fastest, print_ratio};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const MADE_HERE: &str = "made-here";

/// The charts that are there.
fn charts() -> Vec<&'static str> {
    [KUBE_PROMETHEUS_STACK, PODINFO, MADE_HERE].into_iter().filter(|name| files(name).is_some()).collect()
}

const KUBE_PROMETHEUS_STACK: &str = "kube-prometheus-stack";
const PODINFO: &str = "podinfo";

/// The allocator of the product.
#[global_allocator]
static ALLOC: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
    let goal = |microseconds| Some(Duration::from_micros(microseconds));
    ratios(KUBE_PROMETHEUS_STACK, goal(6_000), goal(20_000));
    ratios(PODINFO, goal(120), goal(900));
    ratios(MADE_HERE, None, None);
    let Some(files) = files(PODINFO) else { return };
    let chart = Arc::new(load(files));
    let one = fastest(50, || rendered(&chart, "conf", Layers::default()));
    let thousand = fastest(5, || a_thousand(&chart));
    print_ratio("1,000 releases of podinfo", thousand, goal(150_000), "one with its defaults", one);
}

/// Beside a render: reading its manifests once more as YAML, which whoever applies them must do.
fn ratios(name: &str, warm: Option<Duration>, cold: Option<Duration>) {
    let Some(files) = files(name) else { return };
    let chart = Arc::new(load(files.clone()));
    let manifests = rendered(&chart, "conf", Layers::default());
    let reading = fastest(20, || manifests.objects().unwrap());
    let beside = "reading its manifests";
    let took = fastest(50, || rendered(&chart, "conf", Layers::default()));
    print_ratio(&format!("{name}, templates parsed"), took, warm, beside, reading);
    let took = fastest(20, || rendered(&Arc::new(load(files.clone())), "conf", Layers::default()));
    print_ratio(&format!("{name}, from the bytes of its files"), took, cold, beside, reading);
}

#[divan::bench(args = charts())]
fn warm(bencher: Bencher<'_, '_>, name: &str) {
    let chart = Arc::new(load(files(name).unwrap()));
    bencher.bench_local(|| rendered(&chart, "conf", Layers::default()));
}

#[divan::bench(args = charts())]
fn cold(bencher: Bencher<'_, '_>, name: &str) {
    let files = files(name).unwrap();
    bencher
        .with_inputs(|| files.clone())
        .bench_local_values(|files| rendered(&Arc::new(load(files)), "conf", Layers::default()));
}

#[divan::bench(args = charts())]
fn load_only(bencher: Bencher<'_, '_>, name: &str) {
    let files = files(name).unwrap();
    bencher.with_inputs(|| files.clone()).bench_local_values(load);
}

#[divan::bench(args = charts().into_iter().filter(|name| *name == PODINFO), sample_count = 10)]
fn a_thousand_releases(bencher: Bencher<'_, '_>, name: &str) {
    let chart = Arc::new(load(files(name).unwrap()));
    bencher.bench_local(|| a_thousand(&chart));
}

fn a_thousand(chart: &Arc<Chart>) {
    for n in 0..1000 {
        let values = format!("replicaCount={n},ui.message=hello {n}");
        let layers = Layers { set: vec![&values], ..Layers::default() };
        divan::black_box(rendered(chart, &format!("release-{n}"), layers));
    }
}

fn load(files: Vec<File>) -> Chart {
    Chart::from_files(files, Limits::helm()).unwrap()
}

fn rendered(chart: &Arc<Chart>, name: &str, values: Layers<'_>) -> Rendered {
    static CAPABILITIES: LazyLock<Capabilities> = LazyLock::new(Capabilities::offline);
    let release = Release::install(name, "conf-ns");
    let request = RenderRequest {
        chart,
        release: &release,
        values,
        capabilities: &CAPABILITIES,
        options: RenderOptions::default(),
        lookups: Lookups::Offline,
        limits: holdfast_gotemplate::Limits::default(),
        now: 0,
        seed: [0; 32],
    };
    match render(&request).unwrap() {
        Outcome::Rendered(rendered) => rendered,
        Outcome::Needs(needs) => panic!("{needs:?}"),
    }
}

/// The files of a chart, if it is there.
fn files(name: &str) -> Option<Vec<File>> {
    if name == MADE_HERE {
        return Some(made_here());
    }
    let charts = std::fs::read_dir(holdfast_testkit::conformance("helm")?.join("charts")).ok()?;
    let mut found: Vec<_> = charts.flatten().map(|entry| entry.path()).collect();
    found.sort();
    let of_name = format!("__{name}");
    let folder = found.into_iter().rev().find(|path| path.to_string_lossy().ends_with(&of_name))?;
    let mut files = Vec::new();
    collect(&folder, &folder, &mut files);
    Some(files)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            files.push(File::new(&name, std::fs::read(&path).unwrap().into()));
        }
    }
}

/// Fifty deployments with helpers, defaults and `toYaml`, as charts commonly have them.
fn made_here() -> Vec<File> {
    let file = |name: &str, text: String| File::new(name, text.into());
    let mut files = vec![
        file("Chart.yaml", "apiVersion: v2\nname: made\nversion: 0.1.0\n".to_owned()),
        file("values.yaml", "replicas: 2\nresources:\n  limits: {cpu: 100m, memory: 64Mi}\nlabels: {team: a, tier: b}\n".to_owned()),
        file("templates/_h.tpl", "{{- define \"made.labels\" -}}\napp: {{ .Release.Name }}-{{ .Chart.Name | trunc 63 }}\n{{ toYaml .Values.labels }}\n{{- end }}".to_owned()),
    ];
    for n in 0..50 {
        files.push(file(
            &format!("templates/deployment-{n}.yaml"),
            format!("{{{{- if .Values.replicas }}}}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{{{ .Release.Name }}}}-{n}\n  labels:\n    {{{{- include \"made.labels\" . | nindent 4 }}}}\nspec:\n  replicas: {{{{ .Values.replicas }}}}\n  template:\n    spec:\n      containers:\n        - name: c\n          image: {{{{ printf \"%s:%s\" \"image\" \"{n}\" | quote }}}}\n          resources:\n            {{{{- toYaml .Values.resources | nindent 12 }}}}\n{{{{- end }}}}\n"),
        ));
    }
    files
}
