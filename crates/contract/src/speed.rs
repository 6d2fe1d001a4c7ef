//! Requests per second of two servers, side by side, as a client on a socket sees them.

use crate::run::create_namespace;
use crate::server::{Request, Server};
use anyhow::{Result, bail};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How many requests are on their way at once.
const AT_ONCE: usize = 32;
/// How many objects are created, applied and listed.
const OBJECTS: usize = 1000;
/// How often they are listed.
const LISTS: usize = 20;
/// How many watches follow …
const WATCHES: usize = 50;
/// … so many changes.
const CHANGES: usize = 200;

/// One figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// What was done.
    pub what: &'static str,
    /// How many in a second.
    pub per_second: f64,
}

/// Measures everything in a namespace.
///
/// # Errors
/// When a request fails.
pub async fn measure(server: &Server, namespace: &str) -> Result<Vec<Figure>> {
    create_namespace(server, namespace).await?;
    let maps = format!("/api/v1/namespaces/{namespace}/configmaps");
    let figure =
        |what, count: usize, time: Duration| Figure { what, per_second: count as f64 / time.as_secs_f64() };
    let mut figures = Vec::new();
    let time = all(server, OBJECTS, |n| request("POST", &maps, "application/json", &body(n, 0))).await?;
    figures.push(figure("create", OBJECTS, time));
    for (what, round) in [("apply (takes over)", 1), ("apply (changes)", 2), ("apply (no change)", 2)] {
        let apply = |n| {
            let path = format!("{maps}/m-{n}?fieldManager=speed&force=true");
            request("PATCH", &path, "application/apply-patch+yaml", &body(n, round))
        };
        figures.push(figure(what, OBJECTS, all(server, OBJECTS, apply).await?));
    }
    let get = |n| request("GET", &format!("{maps}/m-{n}"), "", &Value::Null);
    figures.push(figure("get", OBJECTS, all(server, OBJECTS, get).await?));
    let list = |_| request("GET", &maps, "", &Value::Null);
    figures.push(figure("list of 1,000 (objects)", OBJECTS * LISTS, all(server, LISTS, list).await?));
    figures.push(figure("watch, 50 readers (events)", WATCHES * CHANGES, fan_out(server, &maps).await?));
    Ok(figures)
}

fn body(number: usize, round: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("m-{number}"), "labels": {"app": "web"}},
        "data": {"round": round.to_string(), "text": "x".repeat(200)}})
}

fn request(method: &str, path: &str, media: &str, body: &Value) -> Request {
    Request {
        method: method.into(),
        path: path.into(),
        media: media.into(),
        headers: Vec::new(),
        body: if body.is_null() { String::new() } else { body.to_string() }.into(),
    }
}

async fn all(server: &Server, count: usize, make: impl Fn(usize) -> Request) -> Result<Duration> {
    let start = Instant::now();
    let requests: Vec<Request> = (0..count).map(make).collect();
    let send = |request: Request| async move {
        let answer = server.send(&request).await?;
        if answer.code >= 300 {
            bail!("{} {}: {}", request.method, request.path, answer.value());
        }
        Ok(())
    };
    stream::iter(requests).map(send).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(start.elapsed())
}

/// The time from the first of the changes until every watch has seen the last one.
async fn fan_out(server: &Server, maps: &str) -> Result<Duration> {
    let list = server.send(&request("GET", &format!("{maps}?limit=1"), "", &Value::Null)).await?.value();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
    let path = format!("{maps}?watch=1&resourceVersion={version}");
    let watches = (0..WATCHES).map(|_| server.events(&path, CHANGES));
    let changes = async {
        let apply = |n| {
            let path = format!("{maps}/m-{n}?fieldManager=speed&force=true");
            request("PATCH", &path, "application/apply-patch+yaml", &body(n, 3))
        };
        all(server, CHANGES, apply).await
    };
    let start = Instant::now();
    futures::try_join!(changes, futures::future::try_join_all(watches))?;
    Ok(start.elapsed())
}
