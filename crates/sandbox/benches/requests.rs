//! Requests per second in process, beside a floor: the same body written and read as JSON.

use bytes::Bytes;
use divan::Bencher;
use holdfast_sandbox::{Options, ResponseBody, Sandbox};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn main() {
    divan::main();
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn body(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"app": "web"}},
        "data": {"key": "value", "other": "x".repeat(200)}})
}

async fn send(sandbox: &Sandbox, method: &str, path: &str, media: &str, body: Bytes) -> usize {
    let request =
        Request::builder().method(method).uri(path).header("content-type", media).body(Full::new(body));
    let Ok(response): Result<Response<ResponseBody>, _> =
        sandbox.service().oneshot(request.expect("a request")).await;
    assert!(response.status().is_success(), "{method} {path}: {}", response.status());
    response.into_body().collect().await.expect("a body").to_bytes().len()
}

#[divan::bench]
fn floor_json_round_trip(bencher: Bencher<'_, '_>) {
    let text = body("a").to_string();
    bencher.bench(|| serde_json::from_str::<Value>(divan::black_box(&text)).map(|v| v.to_string()));
}

#[divan::bench]
fn start(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    bencher.bench(|| runtime.block_on(async { Sandbox::start(Options::default()) }));
}

#[divan::bench]
fn create(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let sandbox = runtime.block_on(async { Sandbox::start(Options::default()) });
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        let body = body(&format!("m-{number}")).to_string().into();
        runtime.block_on(send(&sandbox, "POST", MAPS, "application/json", body))
    });
}

#[divan::bench]
fn apply_changed(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let sandbox = runtime.block_on(async { Sandbox::start(Options::default()) });
    let mut number = 0;
    bencher.bench_local(|| {
        number += 1;
        let mut body = body("a");
        body["data"]["key"] = number.to_string().into();
        let path = format!("{MAPS}/a?fieldManager=bench");
        runtime.block_on(send(
            &sandbox,
            "PATCH",
            &path,
            "application/apply-patch+yaml",
            body.to_string().into(),
        ))
    });
}

#[divan::bench]
fn list_a_thousand(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let sandbox = runtime.block_on(async { Sandbox::start(Options::default()) });
    for number in 0..1000 {
        let body = body(&format!("m-{number}")).to_string().into();
        runtime.block_on(send(&sandbox, "POST", MAPS, "application/json", body));
    }
    bencher.bench_local(|| runtime.block_on(send(&sandbox, "GET", MAPS, "", Bytes::new())));
}
