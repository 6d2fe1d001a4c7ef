//! Reading and writing a bundle of custom resource definitions, with serde_json on the same values as the floor.
//! `cargo bench -p holdfast-yaml` prints MB/s, and the ratios to the floor at the end.

use divan::Bencher;
use divan::counter::BytesCount;
use holdfast_testkit::speed::fastest;
use holdfast_yaml::{Options, Value, documents, to_string};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// About 4 MB like the CRDs that operators ship: deep schemas, long descriptions, lists of required fields.
static BUNDLE: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    for kind in 0..40 {
        let _ = write!(
            text,
            "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  annotations:\n    \
             controller-gen.kubebuilder.io/version: v0.14.{kind}\n  name: kinds{kind}.example.org\nspec:\n  group: \
             example.org\n  names:\n    kind: Kind{kind}\n    plural: kinds{kind}\n  scope: Namespaced\n  versions:\n  \
             - name: v1\n    schema:\n      openAPIV3Schema:\n        description: Kind{kind} is the Schema for the \
             kinds API\n        properties:\n"
        );
        for field in 0..140 {
            let _ = write!(
                text,
                "          field{field}:\n            description: |-\n              Field{field} says how many of them \
                 there are at most.\n              More info: https://example.org/docs/concepts#field-{field}\n            \
                 properties:\n              matchLabels:\n                additionalProperties:\n                  \
                 type: string\n                description: 'matchLabels is a map of {{key,value}} pairs. A single\n                  \
                 pair is equivalent to an element'\n                type: object\n              replicas:\n                \
                 format: int32\n                minimum: {field}\n                type: integer\n            \
                 required:\n            - matchLabels\n            - replicas\n            type: object\n            \
                 x-kubernetes-map-type: atomic\n"
            );
        }
        text.push_str("        type: object\n    served: true\n    storage: true\n");
    }
    text
});

static VALUES: LazyLock<Vec<Value>> = LazyLock::new(|| read(&BUNDLE));
static JSON: LazyLock<Vec<String>> = LazyLock::new(|| VALUES.iter().map(Value::to_string).collect());

fn read(text: &str) -> Vec<Value> {
    documents(text.as_bytes(), &Options::v2())
        .into_iter()
        .filter_map(|document| Some(document.ok()?.value))
        .collect()
}

fn write_all(values: &[Value]) -> Vec<String> {
    values.iter().map(to_string).collect()
}

fn read_json(texts: &[String]) -> Vec<Value> {
    texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_str(&*BUNDLE)).bench(|| read(&BUNDLE));
}

#[divan::bench]
fn emit(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_str(&*BUNDLE)).bench(|| write_all(&VALUES));
}

#[divan::bench]
fn floor_json_parse(bencher: Bencher<'_, '_>) {
    let bytes = JSON.iter().map(String::len).sum::<usize>();
    bencher.counter(BytesCount::new(bytes)).bench(|| read_json(&JSON));
}

#[divan::bench]
fn floor_json_write(bencher: Bencher<'_, '_>) {
    let bytes = JSON.iter().map(String::len).sum::<usize>();
    bencher.counter(BytesCount::new(bytes)).bench(|| VALUES.iter().map(Value::to_string).collect::<Vec<_>>());
}

#[allow(clippy::print_stdout)]
fn main() {
    divan::main();
    let parse = fastest(10, || read(&BUNDLE)).as_secs_f64();
    let json_parse = fastest(10, || read_json(&JSON)).as_secs_f64();
    let emit = fastest(10, || write_all(&VALUES)).as_secs_f64();
    let json_write = fastest(10, || VALUES.iter().map(Value::to_string).collect::<Vec<_>>()).as_secs_f64();
    println!("{:.2} MB of YAML, the same values for all", BUNDLE.len() as f64 / 1e6);
    println!("parse: {:.2} times serde_json's time", parse / json_parse);
    println!("emit: {:.2} times serde_json's time", emit / json_write);
}
