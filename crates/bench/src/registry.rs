//! Pushes the artifact that the pairs are made from.

use anyhow::{Context, Result, ensure};
use holdfast_source::{Limits, SourceIgnore, archive};
use holdfast_testcluster::registry::{Auth, Registry};
use holdfast_tree::MemoryTree;
use serde_json::json;
use sha2::{Digest as _, Sha256};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry with one artifact of these files; gives its address, as an `OCIRepository` names it.
pub(crate) async fn with_artifact(files: &[(String, String)], tag: &str) -> Result<(Registry, String)> {
    let registry = Registry::start(Auth::None, false).await?;
    let registry = registry.context("this needs the registry of the slow tier: set HOLDFAST_E2E=1")?;
    let mut tree = MemoryTree::new();
    files.iter().for_each(|(path, content)| tree.insert(path, content.clone()));
    let mut layer = Vec::new();
    archive(&tree, &SourceIgnore::load(&tree, None)?, &Limits::default(), &mut layer)?;
    let (http, config, base) = (reqwest::Client::new(), b"{}".to_vec(), format!("{}/v2/app", registry.url()));
    for blob in [&config, &layer] {
        let uploads = format!("{base}/blobs/uploads/");
        let begun = http.post(&uploads).send().await?.error_for_status()?;
        let location = begun.headers().get("location").context("where to upload")?.to_str()?;
        let mut at = reqwest::Url::parse(&uploads)?.join(location)?;
        at.query_pairs_mut().append_pair("digest", &digest(blob));
        let put = http.put(at).body(blob.clone()).send().await?;
        ensure!(put.status().is_success(), "the registry refuses a blob: {}", put.status());
    }
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.cncf.flux.config.v1+json",
            "digest": digest(&config), "size": config.len()},
        "layers": [{"mediaType": "application/vnd.cncf.flux.content.v1.tar+gzip",
            "digest": digest(&layer), "size": layer.len()}],
    });
    let put = http.put(format!("{base}/manifests/{tag}")).header("content-type", MANIFEST);
    put.body(manifest.to_string()).send().await?.error_for_status()?;
    let url = format!("oci://{}/app", registry.address());
    Ok((registry, url))
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}
