//! The program that is measured: `holdfast run` as a process of its own.

use crate::process::{Usage, usage};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// How long it may take to begin to act, and how often it is asked whether it does.
const START: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);
/// Without a request for so long it is at rest.
const REST: Duration = Duration::from_millis(500);
/// The end of its output that an error shows.
const LINES_SHOWN: usize = 20;

/// The secret of its webhooks.
pub(crate) const WEBHOOK_SECRET: &str = "bench";

/// A running `holdfast`; killed when dropped.
pub(crate) struct Holdfast {
    child: Child,
    id: u32,
    /// Where metrics and webhooks are served.
    address: String,
    http: reqwest::Client,
    _cache: TempDir,
}

/// The numbers of `/metrics`, by name and labels as they stand there.
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Holdfast {
    /// Starts it; it holds its leases and acts by the time this returns.
    pub(crate) async fn start(program: &Path, kubeconfig: &Path) -> Result<Self> {
        let cache = tempfile::tempdir()?;
        let mut child = Command::new(program)
            .args(["run", "--listen", "127.0.0.1:0", "--storage-addr", "127.0.0.1:0", "--webhook-secret"])
            .args([WEBHOOK_SECRET, "--kubeconfig"])
            .arg(kubeconfig)
            .env("XDG_CACHE_HOME", cache.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {} (`cargo build --release` makes it)", program.display()))?;
        let (sender, mut lines) = mpsc::unbounded_channel();
        tokio::spawn(read(child.stdout.take().context("its output")?, sender.clone()));
        tokio::spawn(read(child.stderr.take().context("its errors")?, sender));
        let mut said = Vec::new();
        let address = loop {
            let Some(line) = tokio::time::timeout(START, lines.recv()).await.ok().flatten() else {
                bail!("{} did not start: {}", program.display(), said.join("\n"));
            };
            if let Some((_, address)) = line.split_once("metrics, health and webhooks on ") {
                break address.trim().to_owned();
            }
            said.push(line);
            said.drain(..said.len().saturating_sub(LINES_SHOWN));
        };
        // What it says further is read, so that it never waits for a reader.
        tokio::spawn(async move { while lines.recv().await.is_some() {} });
        let id = child.id().context("it ended at once")?;
        let http = reqwest::Client::builder().timeout(START).build()?;
        let holdfast = Self { child, id, address, http, _cache: cache };
        let acts = async {
            while holdfast.metrics().await.is_ok_and(|metrics| metrics.get("holdfast_acting") == 0.0) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(START, acts).await.context("it does not get its leases")?;
        Ok(holdfast)
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        usage(self.id)
    }

    pub(crate) async fn metrics(&self) -> Result<Metrics> {
        let answer = self.http.get(format!("{}/metrics", self.address)).send().await?;
        Ok(Metrics::read(&answer.error_for_status()?.text().await?))
    }

    /// Tells it of a push to a repository, as GitLab does.
    pub(crate) async fn pushed(&self, url: &str) -> Result<()> {
        let project = serde_json::json!({ "git_http_url": url });
        let body = serde_json::json!({"object_kind": "push", "ref": "refs/heads/main", "before": "a", "after": "b",
            "project": project, "commits": []});
        let request = self.http.post(format!("{}/webhook", self.address)).body(body.to_string());
        let request = request.header("x-gitlab-event", "Push Hook").header("x-gitlab-token", WEBHOOK_SECRET);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Waits until it sends no requests any more: events may come after what they are about.
    pub(crate) async fn at_rest(&self) -> Result<()> {
        let mut before = self.metrics().await?.requests();
        loop {
            tokio::time::sleep(REST).await;
            let now = self.metrics().await?.requests();
            // Leases are renewed all the time.
            if now.iter().zip(&before).all(|((_, now), (_, before))| now - before <= RENEWALS) {
                return Ok(());
            }
            before = now;
        }
    }

    /// Ends it.
    pub(crate) async fn end(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// Requests for leases within [`REST`], of any verb.
const RENEWALS: u64 = 3;

impl Metrics {
    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(pairs.collect())
    }

    /// A number; 0 where there is none of that name.
    pub(crate) fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Requests to the API server so far, by verb.
    pub(crate) fn requests(&self) -> Vec<(String, u64)> {
        let verb = |key: &str| {
            let verb = key.strip_prefix("holdfast_api_requests_total{verb=\"")?.strip_suffix("\"}")?;
            Some(verb.to_owned())
        };
        self.0.iter().filter_map(|(key, value)| Some((verb(key)?, *value as u64))).collect()
    }
}

async fn read(stream: impl AsyncRead + Unpin, lines: mpsc::UnboundedSender<String>) {
    let mut stream = BufReader::new(stream).lines();
    while let Ok(Some(line)) = stream.next_line().await {
        // Nobody listens once it is ended.
        let _ = lines.send(line);
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn reads_metrics() {
        let text = "# TYPE a counter\nholdfast_api_requests_total{verb=\"get\"} 2\n\
                    holdfast_api_requests_total{verb=\"patch\"} 3\nholdfast_acting 1\n# EOF\n";
        let metrics = Metrics::read(text);
        assert_eq!(metrics.requests(), [("get".to_owned(), 2), ("patch".to_owned(), 3)]);
        assert_eq!(metrics.get("holdfast_acting"), 1.0);
        assert_eq!(metrics.get("holdfast_api"), 0.0);
    }
}
