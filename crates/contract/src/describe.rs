//! A server's description of itself: what `cargo xtask schema` makes the table of built-in types from.

use crate::server::{Request, Server};
use anyhow::{Context, Result, bail};
use serde_json::Value;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// Aggregated discovery and every OpenAPI v3 document of the built-in groups, each with a name for a file.
///
/// # Errors
/// When the server does not answer one of them.
pub async fn description(server: &Server) -> Result<Vec<(String, Value)>> {
    let mut documents =
        vec![("server-version".to_owned(), read(server, "/version", "application/json").await?)];
    for path in ["/api", "/apis"] {
        documents
            .push((format!("discovery{}", path.replace('/', "-")), read(server, path, AGGREGATED).await?));
    }
    let index = read(server, "/openapi/v3", "application/json").await?;
    for (name, entry) in index["paths"].as_object().context("no index of OpenAPI documents")? {
        if matches!(name.split('/').next(), Some("api" | "apis" | "version")) {
            let path = entry["serverRelativeURL"].as_str().context("a document without an address")?;
            documents.push((name.replace('/', "-"), read(server, path, "application/json").await?));
        }
    }
    Ok(documents)
}

async fn read(server: &Server, path: &str, accept: &str) -> Result<Value> {
    let request = Request {
        method: "GET".into(),
        path: path.into(),
        headers: vec![("accept".into(), accept.into())],
        ..Request::default()
    };
    let answer = server.send(&request).await?;
    if answer.code != 200 {
        bail!("{path}: {} {}", answer.code, answer.value());
    }
    Ok(answer.value())
}
