//! Where the artifacts of Flux' sources are kept and served: the flags of source-controller.

use crate::error::CliError;
use holdfast_server::Server;
use holdfast_source::{Limits, Sources, StorageOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpListener;

/// Artifacts on disk and over HTTP.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Artifacts")]
pub(crate) struct StorageArguments {
    /// Where artifacts are kept; without it beside what is fetched.
    #[arg(long, value_name = "PATH", env = "STORAGE_PATH")]
    storage_path: Option<PathBuf>,

    /// Where artifacts are served.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:9090", env = "STORAGE_ADDRESS", value_parser = address)]
    storage_addr: SocketAddr,

    /// Host and port in the addresses of artifacts; without it those of Flux' own service.
    #[arg(long, value_name = "HOST", env = "STORAGE_ADV_ADDR")]
    storage_adv_addr: Option<String>,

    /// Artifacts that are no longer current go after this long.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = crate::arguments::duration)]
    artifact_retention_ttl: Duration,

    /// The most that a source may hold, by the name that errors call it by: file_bytes=100Mi, files=1000000.
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = limit)]
    limits: Vec<(String, String)>,

    /// At most this many artifacts of one source are kept.
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    artifact_retention_records: usize,
}

/// Also `:9090`, as Go's programs take it.
fn address(text: &str) -> Result<SocketAddr, String> {
    let full = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    full.parse().map_err(|_| "expected HOST:PORT or :PORT".to_owned())
}

fn limit(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=NUMBER")?;
    Limits::default().set(name, value).map_err(|e| e.to_string())?;
    Ok((name.to_owned(), value.to_owned()))
}

impl StorageArguments {
    /// The limits, with those that were given.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for (name, value) in &self.limits {
            // Each was read before.
            let _ = limits.set(name, value);
        }
        limits
    }

    /// What the platform makes of it.
    pub(crate) fn options(&self, cache: &Path, flux_namespace: &str) -> StorageOptions {
        let folder = self.storage_path.clone().unwrap_or_else(|| cache.join("artifacts"));
        let service = || format!("source-controller.{flux_namespace}.svc.cluster.local.");
        StorageOptions {
            advertised: self.storage_adv_addr.clone().unwrap_or_else(service),
            retention: self.artifact_retention_ttl,
            records: self.artifact_retention_records,
            ..StorageOptions::new(folder)
        }
    }

    /// Listens where artifacts are served.
    pub(crate) async fn serve(&self, sources: &Sources) -> Result<Server, CliError> {
        let refused =
            |e: std::io::Error| CliError::config(format!("{} cannot be listened on: {e}", self.storage_addr));
        let listener = TcpListener::bind(self.storage_addr).await.map_err(refused)?;
        Server::of_artifacts(listener, sources.storage().clone()).map_err(refused)
    }
}

/// Artifacts of one run on one machine: in a folder that goes with it, at an address that is free.
pub(crate) struct Temporary {
    folder: tempfile::TempDir,
    listener: TcpListener,
    advertised: String,
}

impl Temporary {
    /// Makes the folder and takes an address.
    pub(crate) async fn open() -> Result<Self, CliError> {
        let failed = |e: std::io::Error| CliError::config(format!("artifacts cannot be kept: {e}"));
        let folder = tempfile::Builder::new().prefix("holdfast-artifacts-").tempdir().map_err(failed)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let advertised = listener.local_addr().map_err(failed)?.to_string();
        Ok(Self { folder, listener, advertised })
    }

    /// What the platform makes of it.
    pub(crate) fn options(&self) -> StorageOptions {
        StorageOptions { advertised: self.advertised.clone(), ..StorageOptions::new(self.folder.path()) }
    }

    /// Serves the artifacts until it is dropped.
    pub(crate) fn serve(self, sources: &Sources) -> Result<Serving, CliError> {
        let failed = |e: std::io::Error| CliError::config(format!("artifacts cannot be served: {e}"));
        let server = Server::of_artifacts(self.listener, sources.storage().clone()).map_err(failed)?;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        tokio::spawn(server.run(stopped));
        Ok(Serving { _folder: self.folder, stop })
    }
}

/// Artifacts being served.
pub(crate) struct Serving {
    _folder: tempfile::TempDir,
    stop: tokio::sync::watch::Sender<bool>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_named_as_errors_name_them() {
        assert!(limit("file_bytes=100Mi").is_ok());
        assert!(limit("size=1").unwrap_err().starts_with("there is no limit 'size'"));
        assert_eq!(limit("files"), Err("write NAME=NUMBER".into()));
    }

    #[test]
    fn addresses_may_lack_a_host() {
        assert_eq!(address(":9090").unwrap().to_string(), "0.0.0.0:9090");
        assert_eq!(address("127.0.0.1:1").unwrap().to_string(), "127.0.0.1:1");
        assert!(address("9090").is_err());
    }
}
