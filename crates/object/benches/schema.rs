//! What the table of types costs: reading it once, and walking from a kind to a leaf.
#![allow(missing_docs)]

use divan::{Bencher, black_box};
use holdfast_object::GroupVersionKind;
use holdfast_object::schema::Schemas;

fn main() {
    divan::main();
}

#[divan::bench]
fn read_the_table() -> Schemas {
    Schemas::parse(include_str!("../src/schema/kubernetes.types")).expect("the table is read by tests")
}

#[divan::bench]
fn read_every_type(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(read_the_table).bench_refs(|schemas| schemas.check().expect("read by tests"));
}

#[divan::bench]
fn walk_to_a_container_port(bencher: Bencher<'_, '_>) {
    let gvk = GroupVersionKind::new("apps", "v1", "Deployment");
    let path = ["spec", "template", "spec", "containers", "*", "ports", "*", "containerPort"];
    bencher.bench(|| Schemas::builtin().root(black_box(&gvk)).and_then(|root| root.at(black_box(&path))));
}
