//! Which repositories `up` serves from this machine, noted in the kubeconfig that it writes: commands that use that
//! kubeconfig read sources from the same folders.

use crate::error::CliError;
use holdfast_cluster::Kubeconfig;
use holdfast_object::{Value, json};
use holdfast_platform::Workspace;
use holdfast_source::{GitUrl, Limits};
use std::path::{Path, PathBuf};

/// The name of the kubeconfig's extension.
const EXTENSION: &str = "holdfast.dev/served";

/// A folder that `up` works from, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Served {
    folder: PathBuf,
    working_tree: bool,
    /// Further repositories, as `--source` names them.
    sources: Vec<(String, PathBuf)>,
    /// Every address that is served from the folder itself.
    urls: Vec<String>,
}

impl Served {
    pub(crate) fn new(workspace: &Workspace, working_tree: bool, sources: &[(String, PathBuf)]) -> Self {
        Self {
            folder: workspace.folder().path().to_owned(),
            working_tree,
            sources: sources.to_vec(),
            urls: workspace.served().map(|url| url.without_credentials().to_string()).collect(),
        }
    }

    /// A kubeconfig with this noted on each of its clusters.
    pub(crate) fn noted_in(&self, kubeconfig: &str) -> Result<String, CliError> {
        let broken = |what: String| CliError::internal(format!("the sandbox's kubeconfig: {what}"));
        let options = holdfast_yaml::Options::v2();
        let mut value =
            holdfast_yaml::parse(kubeconfig.as_bytes(), &options).map_err(|e| broken(e.to_string()))?;
        let clusters = value.get_mut("clusters").and_then(Value::as_array_mut);
        for cluster in clusters.into_iter().flatten() {
            cluster["cluster"]["extensions"] = json!([{"name": EXTENSION, "extension": self.to_value()}]);
        }
        Ok(holdfast_yaml::to_string(&value))
    }

    /// What a kubeconfig notes on its current cluster, if anything.
    pub(crate) fn read_from(kubeconfig: &Kubeconfig) -> Option<Self> {
        Self::from_value(&kubeconfig.cluster_extension(EXTENSION)?)
    }

    /// The workspace again, as `up` has it. `None` when the folder is no more.
    pub(crate) fn workspace(&self, limits: &Limits) -> Option<Workspace> {
        let mut workspace = Workspace::open(&self.folder, self.working_tree, &self.sources, limits).ok()?;
        let known: Vec<String> =
            workspace.served().map(|url| url.without_credentials().to_string()).collect();
        for url in self.urls.iter().filter(|url| !known.contains(url)) {
            workspace.serve_as(GitUrl::parse(url).ok()?);
        }
        Some(workspace)
    }

    /// The same as arguments of `diff`, `build` and `why`.
    pub(crate) fn arguments(&self) -> String {
        if self.working_tree {
            return format!(" --working-tree {}", self.folder.display());
        }
        let of_folder = self.urls.iter().map(|url| (url.as_str(), self.folder.as_path()));
        let others = self.sources.iter().map(|(url, path)| (url.as_str(), path.as_path()));
        let one = |(url, path): (&str, &Path)| format!(" --source {url}={}", path.display());
        of_folder.chain(others).map(one).collect()
    }

    fn to_value(&self) -> Value {
        let sources: Vec<Value> =
            self.sources.iter().map(|(url, path)| json!({"url": url, "path": path})).collect();
        json!({"folder": self.folder, "workingTree": self.working_tree, "sources": sources, "urls": self.urls})
    }

    fn from_value(value: &Value) -> Option<Self> {
        let list = |name: &str| value.get(name).and_then(Value::as_array).into_iter().flatten();
        let source =
            |entry: &Value| Some((entry["url"].as_str()?.to_owned(), entry["path"].as_str()?.into()));
        Some(Self {
            folder: value.get("folder")?.as_str()?.into(),
            working_tree: value.get("workingTree")?.as_bool()?,
            sources: list("sources").filter_map(source).collect(),
            urls: list("urls").filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served() -> Served {
        Served {
            folder: "/tmp/fleet".into(),
            working_tree: false,
            sources: vec![("https://x.io/other".into(), "/tmp/other".into())],
            urls: vec!["https://x.io/fleet".into()],
        }
    }

    #[test]
    fn what_is_noted_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        let plain = "apiVersion: v1\nkind: Config\nclusters:\n- name: a\n  cluster: {server: http://x}\n\
                     contexts:\n- name: a\n  context: {cluster: a, user: a}\ncurrent-context: a\n\
                     users:\n- name: a\n  user: {}\n";
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Served::read_from(&Kubeconfig { file: Some(file.clone()), context: None })
        };
        assert_eq!(read(plain), None);
        assert_eq!(read(&served().noted_in(plain).unwrap()), Some(served()));
    }

    #[test]
    fn arguments_lead_to_the_same_folders() {
        let expected = " --source https://x.io/fleet=/tmp/fleet --source https://x.io/other=/tmp/other";
        assert_eq!(served().arguments(), expected);
        let files = Served { working_tree: true, ..served() };
        assert_eq!(files.arguments(), " --working-tree /tmp/fleet");
    }
}
