//! `cargo xtask schema --from DIR [--check]`: writes the table of built-in types from a server's own description.
//!
//! `cargo run -p holdfast-contract -- describe DIR` writes such a folder, and the contract's slow tier fails when the
//! table is out of date.
//!
//! DIR holds JSON files, at any depth: what a server answers under `/openapi/v3/…` and its discovery, either
//! aggregated (`/api` and `/apis` with `Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList`)
//! or each group's plain list. `--check` only compares.

use anyhow::{Context, Result, bail};
use holdfast_object::schema::Schemas;
use serde_json::Value;
use std::fs;
use std::path::Path;

const TABLE: &str = "crates/object/src/schema/kubernetes.types";

pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut from = None;
    let mut check = false;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--from" => from = args.next(),
            "--check" => check = true,
            other => bail!("unknown argument '{other}': usage: cargo xtask schema --from DIR [--check]"),
        }
    }
    let from = from.context("usage: cargo xtask schema --from DIR [--check]")?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let text = table(Path::new(from))?;
    let path = root.join(TABLE);
    let current = fs::read_to_string(&path).unwrap_or_default();
    if current == text {
        println!("{TABLE}: up to date");
    } else if check {
        bail!("{TABLE} differs from {from}: run `cargo xtask schema --from {from}`");
    } else {
        fs::write(&path, &text)?;
        println!("{TABLE}: {} lines, {} bytes", text.lines().count(), text.len());
    }
    Ok(())
}

/// The table that describes the server whose answers lie in `folder`.
fn table(folder: &Path) -> Result<String> {
    let mut documents = Vec::new();
    for file in crate::tidy::files_with(folder, &["json"])? {
        let text = fs::read_to_string(&file)?;
        let document: Value =
            serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
        documents.push(document);
    }
    let schemas = Schemas::from_server(&documents)?;
    if schemas.resources().next().is_none() || schemas.names().next().is_none() {
        bail!("{}: needs both OpenAPI v3 documents and discovery", folder.display());
    }
    Ok(schemas.to_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the table with the answers of a real server, where `HOLDFAST_OPENAPI` names a folder of them.
    #[test]
    fn the_table_is_what_the_server_says() {
        let Some(folder) = std::env::var_os("HOLDFAST_OPENAPI") else {
            eprintln!("SKIPPED: HOLDFAST_OPENAPI names no folder with a server's OpenAPI and discovery");
            return;
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let current = fs::read_to_string(root.join(TABLE)).unwrap();
        let fresh = table(Path::new(&folder)).unwrap();
        let differing = current.lines().zip(fresh.lines()).find(|(a, b)| a != b);
        assert!(current == fresh, "run `cargo xtask schema`; first difference: {differing:#?}");
    }
}
