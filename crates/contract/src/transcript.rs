//! Transcripts: the commands of a real client, one after the other, on two clusters, compared output by output.
//!
//! A transcript is a YAML file: `files` are written into the folder in which the commands run, `commands` are what
//! stands after the program's name. What differs from run to run is replaced in their output ([`plain`]).

use anyhow::{Context, Result};
use regex::{Captures, Regex};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tokio::process::Command;

/// A list of commands with the files that they read.
#[derive(Debug, Clone)]
pub struct Transcript {
    files: Vec<(String, String)>,
    /// The commands, each with the reason why its output differs, where it does.
    commands: Vec<(Vec<String>, Option<String>)>,
}

/// A client and the cluster that it speaks to.
#[derive(Debug, Clone)]
pub struct Client {
    /// The program with its first arguments.
    pub program: Vec<PathBuf>,
    /// The file that leads to the cluster.
    pub kubeconfig: PathBuf,
    /// The namespace in which everything happens.
    pub namespace: String,
}

/// What a command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The command.
    pub command: String,
    /// The exit code.
    pub code: Option<i32>,
    /// Standard output and standard error, made plain.
    pub text: String,
    /// Why this may differ from another cluster's.
    pub differs: Option<String>,
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Errors
    /// When the file is not there or not of its form.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read(file).with_context(|| file.display().to_string())?;
        let options = holdfast_yaml::Options::v3();
        let value = holdfast_yaml::parse(&text, &options).map_err(|e| anyhow::anyhow!("{e}"))?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let files = value["files"].as_object().into_iter().flatten();
        let files =
            files.map(|(name, content)| Ok((name.clone(), text(content).context("a file is a text")?)));
        let commands = value["commands"].as_array().into_iter().flatten().map(|entry| {
            let line = text(entry).or_else(|| text(&entry["run"])).context("a command is a text")?;
            Ok((words(&line), text(&entry["differs"])))
        });
        Ok(Self { files: files.collect::<Result<_>>()?, commands: commands.collect::<Result<_>>()? })
    }

    /// A transcript of these commands, without files.
    pub(crate) fn of_commands(lines: &[&str]) -> Self {
        Self { files: Vec::new(), commands: lines.iter().map(|line| (words(line), None)).collect() }
    }

    /// Runs every command.
    ///
    /// # Errors
    /// When the folder or the program cannot be used; not when a command fails.
    pub async fn run(&self, client: &Client) -> Result<Vec<Said>> {
        let folder = tempfile::tempdir()?;
        for (name, content) in &self.files {
            let path = folder.path().join(name);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(path, content)?;
        }
        let mut all = Vec::new();
        for (arguments, differs) in &self.commands {
            let (program, first) = client.program.split_first().context("no program")?;
            let output = Command::new(program)
                .args(first)
                .args(arguments)
                .arg("--namespace")
                .arg(&client.namespace)
                .current_dir(folder.path())
                // No colours, no cache or configuration of whoever runs the tests.
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .env("HOME", folder.path())
                .env("KUBECONFIG", &client.kubeconfig)
                .kill_on_drop(true)
                .output()
                .await
                .with_context(|| program.display().to_string())?;
            let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.push_str(&String::from_utf8_lossy(&output.stderr));
            all.push(Said {
                command: arguments.join(" "),
                code: output.status.code(),
                text: plain(&text, &client.namespace),
                differs: differs.clone(),
            });
        }
        Ok(all)
    }
}

/// A line taken apart at spaces, outside of quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut started) = (String::new(), None, false);
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => (quote, started) = (Some(c), true),
            (Some(q), c) if q == c => quote = None,
            (None, ' ') => {
                if started || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                started = false;
            }
            (_, c) => word.push(c),
        }
    }
    if started || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Replacements that make the output of two runs the same, in their order.
const PLAIN: &[(&str, &str)] = &[
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d{4} UTC|Z)?", "<time>"),
    (
        r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun),? (\d\d )?[A-Z][a-z]{2} (\d\d )?(\d{4} )?\d\d:\d\d:\d\d( \d{4}| [+-]\d{4})?",
        "<time>",
    ),
    (r"\b(\d+d)?(\d+h)?(\d+m)?\d+(\.\d+)?s\b|\b\d+m\b|\b\d+h\b|\b\d+d\b", "<age>"),
    (r"(resourceVersion: )\S+", "$1<version>"),
    (r#"("resourceVersion":\s*)"\d+""#, "$1<version>"),
    (r"pod-template-hash(=|: )[a-z0-9]+", "pod-template-hash$1<hash>"),
    (r"controller-revision-hash(=|: )[a-z0-9-]+", "controller-revision-hash$1<hash>"),
    (r"\b([a-z]+)-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "$1-<pod>"),
    (r"\b([a-z]+)-[bcdfghjklmnpqrstvwxz2456789]{8,10}\b", "$1-<hash>"),
    (r"\b([a-z]+)-[bcdfghjklmnpqrstvwxz2456789]{5}\b", "$1-<id>"),
    (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", "<ip>"),
    (r":3[0-2]\d{3}\b", ":<port>"),
    (r"(?m)^(\s*(-\s)?nodePort: |NodePort:\s.*?)\d{5}", "$1<port>"),
    (r"\b(node-\d+|sandbox-node)\b", "<node>"),
    (r"<node>/(<ip>)?", "<node>"),
    (r"(LIVE|MERGED)-\d+", "$1-<id>"),
    (r"(Resource Version:\s+)\d+", "$1<version>"),
    // How often a rollout is looked at depends on its speed.
    (r"(?m)^Waiting for .*\n", ""),
    (r"https?://<ip>(:(\d+|<port>))?", "<server>"),
    (r"(?m)[ \t]+$", ""),
    (r"[ \t]{2,}", "  "),
];

static REPLACEMENTS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "patterns of this file")]
    PLAIN.iter().map(|(pattern, with)| (Regex::new(pattern).unwrap(), *with)).collect()
});

/// The events at the end of `describe`: simulators write none.
static EVENTS: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(clippy::unwrap_used, reason = "a pattern of this file")]
    Regex::new(r"(?m)^Events:[^\n]*\n((  [^\n]*|  *-+[^\n]*)\n)*").unwrap()
});

/// Output without what differs from run to run.
pub fn plain(text: &str, namespace: &str) -> String {
    let mut text = EVENTS.replace_all(text, "").into_owned().replace(namespace, "<namespace>");
    for (pattern, with) in REPLACEMENTS.iter() {
        text = pattern
            .replace_all(&text, |found: &Captures<'_>| {
                let mut out = String::new();
                found.expand(with, &mut out);
                out
            })
            .into_owned();
    }
    text
}

/// Where two runs of a transcript differ: the command and both outputs.
pub fn compare(expected: &[Said], found: &[Said]) -> Vec<String> {
    let mut findings = Vec::new();
    for (expected, found) in expected.iter().zip(found) {
        let same = expected.code == found.code && expected.text == found.text;
        match (&expected.differs, same) {
            (Some(_), true) => {
                findings.push(format!("{}: is marked `differs` and does not differ", expected.command))
            }
            (None, false) => findings.push(format!(
                "{}\n--- expected, exit {:?}\n{}\n--- found, exit {:?}\n{}",
                expected.command, expected.code, expected.text, found.code, found.text
            )),
            _ => {}
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart_as_a_shell_does() {
        assert_eq!(
            words("get pods -o jsonpath='{.items[0].x y}' \"\""),
            ["get", "pods", "-o", "jsonpath={.items[0].x y}", ""]
        );
    }

    #[test]
    fn output_is_made_plain() {
        let text = "NAME                   READY   AGE\nweb-6d4b9c8f7d-x2xkz   1/1     3s\nweb   80:30123/TCP  10.0.1.2  2m3s\n";
        assert_eq!(
            plain(text, "ns"),
            "NAME  READY  AGE\nweb-<pod>  1/1  <age>\nweb  80:<port>/TCP  <ip>  <age>\n"
        );
        assert_eq!(plain("a\nEvents:\n  Type  Reason\n  Normal  x\n", "ns"), "a\n");
    }
}
