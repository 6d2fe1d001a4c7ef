//! A registry in memory, and a server of files: what sources fetch from.

use axum::body::Body;
use axum::http::{Response, StatusCode, Uri};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::task::AbortHandle;

pub(crate) fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

/// A packed archive of files.
pub(crate) fn pack(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    let archive = builder.into_inner().unwrap();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &archive).unwrap();
    encoder.finish().unwrap()
}

/// A web server with what was put there; it ends when dropped.
pub(crate) struct Web {
    address: std::net::SocketAddr,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

impl Web {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let files = Arc::<Mutex<BTreeMap<String, Vec<u8>>>>::default();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let (served, noted) = (files.clone(), asked.clone());
        let app = axum::Router::new().fallback(move |uri: Uri| {
            noted.lock().unwrap().push(uri.path().to_owned());
            let found = served.lock().unwrap().get(uri.path()).cloned();
            let status = if found.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
            let answer = Response::builder().status(status).body(Body::from(found.unwrap_or_default()));
            std::future::ready(answer.unwrap())
        });
        let task = tokio::spawn(async move { axum::serve(listener, app).await }).abort_handle();
        Self { address, files, asked, task }
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn put(&self, path: &str, content: Vec<u8>) {
        self.files.lock().unwrap().insert(path.to_owned(), content);
    }

    /// How often a path was asked for.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }

    /// Pushes files to `team/app` as Flux' client does; gives the manifest's digest.
    pub(crate) fn push(&self, tag: &str, files: &[(&str, &str)]) -> String {
        self.push_layer(tag, "application/vnd.cncf.flux.content.v1.tar+gzip", pack(files), &[])
    }

    pub(crate) fn push_layer(
        &self,
        tag: &str,
        media_type: &str,
        layer: Vec<u8>,
        annotations: &[(&str, &str)],
    ) -> String {
        let layer_digest = digest(&layer);
        let manifest = holdfast_object::json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.cncf.flux.config.v1+json", "digest": digest(b"{}"), "size": 2},
            "layers": [{"mediaType": media_type, "digest": layer_digest, "size": layer.len(),
                "annotations": annotations.iter().map(|(k, v)| ((*k).to_owned(), holdfast_object::Value::from(*v)))
                    .collect::<holdfast_object::Map<_, _>>()}],
            "annotations": {"org.opencontainers.image.source": "https://git.example.com/team/app",
                "org.opencontainers.image.revision": "main@sha1:abc"},
        })
        .to_string()
        .into_bytes();
        let manifest_digest = digest(&manifest);
        self.put(&format!("/v2/team/app/blobs/{layer_digest}"), layer);
        self.put(&format!("/v2/team/app/manifests/{manifest_digest}"), manifest.clone());
        self.put(&format!("/v2/team/app/manifests/{tag}"), manifest);
        manifest_digest
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.task.abort();
    }
}
