//! Holdfast as a process of its own, which can be stopped and killed.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// How long a process may take to start or end.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running `holdfast`. Killed when dropped; if that is because the test failed, its output is shown.
pub(crate) struct Holdfast {
    child: Child,
    output: Arc<Mutex<String>>,
    /// Grows with every line of output.
    lines: watch::Receiver<usize>,
    cache: Arc<TempDir>,
}

impl Holdfast {
    /// `holdfast run` with a kubeconfig; serving by the time this returns.
    pub(crate) async fn controllers(kubeconfig: &Path) -> Self {
        Self::controllers_with(kubeconfig, &[]).await
    }

    /// The same with further arguments.
    pub(crate) async fn controllers_with(kubeconfig: &Path, more: &[&str]) -> Self {
        Self::serving(kubeconfig, more, Arc::new(tempfile::tempdir().unwrap())).await
    }

    /// The next process on the same machine: this one is killed, and what it had fetched is still there.
    pub(crate) async fn restarted(self, kubeconfig: &Path) -> Self {
        let cache = self.cache.clone();
        self.kill().await;
        Self::serving(kubeconfig, &[], cache).await
    }

    /// From now on, no file that it writes may have content, as on a disk without room; or it may again.
    pub(crate) async fn set_room(&self, has_room: bool) {
        let id = self.child.id().unwrap().to_string();
        let limit = if has_room { "unlimited" } else { "0:unlimited" };
        let arguments = ["--pid", &id, &format!("--fsize={limit}")];
        assert!(Command::new("prlimit").args(arguments).status().await.unwrap().success());
    }

    async fn serving(kubeconfig: &Path, more: &[&str], cache: Arc<TempDir>) -> Self {
        let mut arguments: Vec<&OsStr> =
            ["run", "--listen", "127.0.0.1:0", "--storage-addr", "127.0.0.1:0", "--kubeconfig"]
                .map(OsStr::new)
                .into();
        arguments.push(kubeconfig.as_os_str());
        arguments.extend(more.iter().map(OsStr::new));
        let mut holdfast = Self::start_with(Path::new("."), &arguments, cache);
        holdfast.until_says("metrics, health and webhooks on ").await;
        holdfast
    }

    /// Posts to a path of what it serves; the status of the answer.
    pub(crate) async fn post(&mut self, path: &str, headers: &[(&str, &str)], body: String) -> u16 {
        let address = self.until_says("metrics, health and webhooks on ").await;
        let mut request = reqwest::Client::new().post(format!("{address}{path}")).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap().status().as_u16()
    }

    pub(crate) fn start(arguments: &[&OsStr]) -> Self {
        Self::start_in(Path::new("."), arguments)
    }

    /// The same, called in a folder.
    pub(crate) fn start_in(folder: &Path, arguments: &[&OsStr]) -> Self {
        Self::start_with(folder, arguments, Arc::new(tempfile::tempdir().unwrap()))
    }

    fn start_with(folder: &Path, arguments: &[&OsStr], cache: Arc<TempDir>) -> Self {
        // A write beyond a limit is an error, as on a full disk, and no signal.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_holdfast-e2e")])
            .args(arguments)
            .current_dir(folder)
            .env("XDG_CACHE_HOME", cache.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = Arc::<Mutex<String>>::default();
        let (count, lines) = watch::channel(0);
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        tokio::spawn(collect(stdout, output.clone(), count.clone()));
        tokio::spawn(collect(stderr, output.clone(), count));
        Self { child, output, lines, cache }
    }

    /// What it printed so far, both streams together.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Waits until it has printed a text, and returns the rest of that line.
    pub(crate) async fn until_says(&mut self, text: &str) -> String {
        let output = self.output.clone();
        let rest = || {
            let output = output.lock().unwrap();
            let (_, after) = output.split_once(text)?;
            Some(after.lines().next().unwrap_or_default().to_owned())
        };
        let wait = async {
            loop {
                if let Some(rest) = rest() {
                    return Some(rest);
                }
                self.lines.changed().await.ok()?;
            }
        };
        let said = tokio::time::timeout(PATIENCE, wait).await.ok().flatten();
        said.unwrap_or_else(|| panic!("never said {text:?}: {}", self.output()))
    }

    /// A number that its `/metrics` has.
    pub(crate) async fn metric(&mut self, name: &str) -> f64 {
        let address = self.until_says("metrics, health and webhooks on ").await;
        let text = reqwest::get(format!("{address}/metrics")).await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// Waits until a number of its `/metrics` is as expected.
    pub(crate) async fn until_metric(&mut self, name: &str, is_so: impl Fn(f64) -> bool) {
        let wait = async {
            while !is_so(self.metric(name).await) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    }

    /// Asks it to end, as a pod is asked.
    pub(crate) async fn stop(self) -> ExitStatus {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        self.ended().await
    }

    /// Kills it, as a node that is lost does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    async fn ended(mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("does not end")).unwrap()
    }

    /// Waits until it ends by itself, with status 0, and returns what it printed.
    pub(crate) async fn ended_well(self) -> String {
        let output = self.output.clone();
        let status = self.ended().await;
        let output = output.lock().unwrap().clone();
        assert!(status.success(), "{status}: {output}");
        output
    }
}

impl Drop for Holdfast {
    #[allow(clippy::print_stdout, reason = "the test harness shows it when the test fails")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("holdfast said:\n{}", self.output());
        }
    }
}

async fn collect(stream: impl AsyncRead + Unpin, output: Arc<Mutex<String>>, count: watch::Sender<usize>) {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut output = output.lock().unwrap();
        output.push_str(&line);
        output.push('\n');
        count.send_modify(|count| *count += 1);
    }
}
