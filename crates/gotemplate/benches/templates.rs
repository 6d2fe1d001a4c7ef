//! Parsing and executing templates. `cargo bench -p holdfast-gotemplate` prints MB/s of template text and steps; the
//! floor of parsing is one search through the same text for the delimiters.

use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use holdfast_gotemplate::{
    Functions, MissingKey, Numbers, Options, Params, ParseOptions, Session, TemplateSet, Type, Value, parse,
};
use serde_json::json;

/// The functions that charts call: sprig's, and Helm's under their names.
static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    let mut functions = Functions::sprig();
    functions.insert("include", Params::fixed(&[Type::String, Type::Any]), |context, args| {
        let Value::Str(name) = &args[0] else { return Err("no name".into()) };
        Ok(context.execute(name, &args[1])?.into())
    });
    let any = Params::variadic(&[], Type::Any);
    for name in
        ["tpl", "toYaml", "fromYaml", "fromYamlArray", "fromJsonArray", "toToml", "required", "lookup"]
    {
        functions.insert(name, any, |_, args| Ok(args[0].clone()));
    }
    functions
});

/// All templates of the shared chart kube-prometheus-stack, or, without it, as much text of the same kind.
static TEXTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let chart = holdfast_testkit::conformance("helm/charts/prometheus-community__kube-prometheus-stack");
    let mut texts = Vec::new();
    if let Some(chart) = chart {
        collect(&chart, &mut texts);
    }
    if texts.is_empty() {
        texts = vec![RULE.repeat(40).into_bytes(); 200];
    }
    texts
});

const RULE: &str = "{{- if and .Values.create (not .Values.disabled.some) }}\n- alert: Broken\n  annotations:\n    text: \
    'for {{`{{`}} $labels.pod {{`}}`}} of {{ include \"name\" . | quote }}'\n{{- range $k, $v := .Values.labels }}\n    \
    {{ $k }}: {{ $v | default \"none\" | toString | trunc 63 | trimSuffix \"-\" }}\n{{- end }}\n{{- end }}\n";

fn collect(folder: &std::path::Path, texts: &mut Vec<Vec<u8>>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, texts);
        } else if path.components().any(|part| part.as_os_str() == "templates")
            && let Ok(text) = std::fs::read(&path)
        {
            texts.push(text);
        }
    }
}

fn bytes(texts: &[Vec<u8>]) -> BytesCount {
    BytesCount::new(texts.iter().map(Vec::len).sum::<usize>())
}

#[divan::bench]
fn floor_find_delimiters(bencher: Bencher<'_, '_>) {
    let finder = memchr::memmem::Finder::new("{{");
    bencher
        .counter(bytes(&TEXTS))
        .bench(|| TEXTS.iter().map(|text| finder.find_iter(divan::black_box(text)).count()).sum::<usize>());
}

#[divan::bench]
fn parse_charts(bencher: Bencher<'_, '_>) {
    let options = ParseOptions::new(&FUNCTIONS);
    bencher
        .counter(bytes(&TEXTS))
        .bench(|| TEXTS.iter().filter(|text| parse("t", divan::black_box(text), &options).is_ok()).count());
}

fn set(text: &str) -> TemplateSet {
    let mut templates = TemplateSet::new();
    if let Ok(parsed) = parse("t", text.as_bytes(), &ParseOptions::new(&FUNCTIONS)) {
        templates.add(&parsed);
    }
    templates
}

fn execute(bencher: Bencher<'_, '_>, text: &str) {
    let templates = set(text);
    let data = json!({ "Values": { "create": true, "disabled": {}, "name": "web", "list": [1, 2, 3],
        "labels": { "app": "web", "team": "a", "tier": "front", "zone": "b" } } });
    let data = Value::from_json(&data, Numbers::Float64);
    let run = || {
        let mut session = Session::new(Options {
            missing_key: MissingKey::Zero,
            limits: Default::default(),
            now: 0,
            seed: [0; 32],
        });
        let output = session.execute(&templates, b"t", divan::black_box(&data));
        assert!(output.is_ok(), "{output:?}");
        session.steps()
    };
    let steps = run();
    bencher.counter(ItemsCount::new(steps)).bench_local(run);
}

#[divan::bench]
fn range_10000(bencher: Bencher<'_, '_>) {
    execute(
        bencher,
        "{{ range $i, $_ := until 10000 }}{{ if eq $i 5 }}five{{ else }}{{ $i }}{{ end }}\n{{ end }}",
    );
}

#[divan::bench]
fn pipelines_1000(bencher: Bencher<'_, '_>) {
    execute(
        bencher,
        "{{ range 1000 }}{{ $.Values.name | default \"x\" | trunc 63 | trimSuffix \"-\" | quote }}{{ end }}",
    );
}

#[divan::bench]
fn includes_1000(bencher: Bencher<'_, '_>) {
    execute(
        bencher,
        "{{ define \"labels\" }}{{ range $k, $v := .Values.labels }}{{ $k }}: {{ $v }}\n{{ end }}{{ end }}\
         {{ range 1000 }}{{ include \"labels\" $ | nindent 4 }}{{ end }}",
    );
}

#[divan::bench]
fn dictionaries_1000(bencher: Bencher<'_, '_>) {
    execute(
        bencher,
        "{{ range 1000 }}{{ $d := dict \"a\" 1 \"b\" (dict \"c\" 2) }}{{ $_ := set $d \"e\" $.Values }}\
         {{ $d = merge (dict \"x\" 1) $d }}{{ if hasKey $d \"b\" }}{{ toJson $d.b }}{{ end }}{{ end }}",
    );
}

fn main() {
    divan::main();
}
