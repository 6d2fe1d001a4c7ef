use holdfast_object::Value;
use holdfast_source::{
    Artifact, Follow, GitRef, GitUrl, Limits, LocalFolder, Revision, SourceError, Sources, StandIn, Watch,
};
use holdfast_yaml::Options;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file in a folder that says which repositories are read from where: `sources: {<URL>: <path>}`.
pub const SOURCES_FILE: &str = ".holdfast.yaml";

/// Why a folder cannot be worked from.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The folder, or a stand-in, cannot be read.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// The mapping file cannot be read.
    #[error("{file}: {message}")]
    Mapping {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
}

/// A folder on this machine and what it stands in for.
#[derive(Clone)]
pub struct Workspace {
    folder: LocalFolder,
    follow: Follow,
    limits: Limits,
    urls: Vec<GitUrl>,
    others: Vec<(GitUrl, LocalFolder)>,
}

impl Workspace {
    /// Opens a folder. A folder in a Git checkout is read at its last commit unless `working_tree`; one outside of any
    /// is read as it lies there. `mappings` are further repositories and the folders they are read from.
    ///
    /// # Errors
    /// [`WorkspaceError`] when a folder is not there or the mapping file is no good.
    pub fn open(
        path: &Path,
        working_tree: bool,
        mappings: &[(String, PathBuf)],
        limits: &Limits,
    ) -> Result<Self, WorkspaceError> {
        let folder = LocalFolder::open(path)?;
        let follow = if working_tree || !folder.is_checkout() { Follow::Files } else { Follow::Commits };
        let mut workspace =
            Self { urls: remotes(&folder), folder, follow, limits: limits.clone(), others: Vec::new() };
        let own = workspace.mapping_file()?;
        for (url, path) in own.iter().chain(mappings) {
            workspace.map(url, path)?;
        }
        Ok(workspace)
    }

    /// A repository whose files lie in the same checkout is the checkout; others are folders of their own.
    fn map(&mut self, url: &str, path: &Path) -> Result<(), WorkspaceError> {
        let url = GitUrl::parse(url)?;
        let folder = LocalFolder::open(path)?;
        if self.top(&folder) == self.top(&self.folder) {
            self.urls.push(url);
        } else {
            self.others.push((url, folder));
        }
        Ok(())
    }

    /// The folder that is the root of a folder's artifact.
    fn top(&self, folder: &LocalFolder) -> PathBuf {
        let depth = folder.prefix().split('/').filter(|part| !part.is_empty()).count();
        folder.path().ancestors().nth(depth).unwrap_or(folder.path()).to_path_buf()
    }

    fn mapping_file(&self) -> Result<Vec<(String, PathBuf)>, WorkspaceError> {
        let file = self.folder.path().join(SOURCES_FILE);
        let bad = |message: String| WorkspaceError::Mapping { file: file.display().to_string(), message };
        let text = match std::fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(bad(error.to_string())),
        };
        let value = holdfast_yaml::parse(&text, &Options::v2()).map_err(|e| bad(e.to_string()))?;
        let sources = match value.get("sources") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Object(sources)) => sources,
            Some(_) => return Err(bad("'sources' must map URLs to folders".into())),
        };
        sources
            .iter()
            .map(|(url, path)| {
                let path = path.as_str().ok_or_else(|| bad(format!("the folder of '{url}' is no text")))?;
                Ok((url.clone(), self.folder.path().join(path)))
            })
            .collect()
    }

    /// The folder.
    pub fn folder(&self) -> &LocalFolder {
        &self.folder
    }

    /// Whether the files are read as they lie there, and not at the last commit.
    pub fn follows_files(&self) -> bool {
        self.follow == Follow::Files
    }

    /// The repositories that are served from here.
    pub fn served(&self) -> impl Iterator<Item = &GitUrl> {
        self.urls.iter().chain(self.others.iter().map(|(url, _)| url))
    }

    /// Serves also under this address: for a folder that no resource names.
    pub fn serve_as(&mut self, url: GitUrl) {
        self.urls.push(url);
    }

    /// The files now, with the folder's place among them in [`LocalFolder::prefix`].
    ///
    /// # Errors
    /// [`SourceError`] when the folder cannot be read.
    pub fn artifact(&self) -> Result<Artifact, SourceError> {
        self.folder.artifact(self.follow, &self.limits)
    }

    /// Has the repositories read from here.
    pub fn stand_in(&self, sources: &Sources) {
        for url in &self.urls {
            sources.stand_in(
                url,
                Arc::new(Local {
                    folder: self.folder.clone(),
                    follow: self.follow,
                    limits: self.limits.clone(),
                }),
            );
        }
        for (url, folder) in &self.others {
            let follow = if folder.is_checkout() && self.follow == Follow::Commits {
                Follow::Commits
            } else {
                Follow::Files
            };
            sources.stand_in(
                url,
                Arc::new(Local { folder: folder.clone(), follow, limits: self.limits.clone() }),
            );
        }
    }

    /// Tells of every change from now on: to `sources`, and to `changed` with the new files.
    ///
    /// # Errors
    /// [`SourceError`] when the operating system refuses to watch; ends with an error only then.
    pub async fn follow(
        &self,
        sources: &Sources,
        mut changed: impl FnMut(Artifact),
    ) -> Result<(), SourceError> {
        let mut watch: Watch = self.folder.watch(self.follow, &self.limits)?;
        loop {
            match watch.changed().await {
                Ok(artifact) => {
                    self.urls.iter().for_each(|url| sources.changed(url));
                    changed(artifact);
                }
                Err(error) => tracing::warn!(%error, "the folder cannot be read just now"),
            }
        }
    }
}

/// A folder in place of a repository: whatever branch is asked for, it is what lies there.
struct Local {
    folder: LocalFolder,
    follow: Follow,
    limits: Limits,
}

impl StandIn for Local {
    fn artifact(&self, wanted: &GitRef) -> Result<Artifact, SourceError> {
        let mut artifact = self.folder.artifact(self.follow, &self.limits)?;
        let name = match wanted {
            GitRef::Head => "",
            GitRef::Branch(name) | GitRef::Tag(name) | GitRef::Name(name) => name,
            GitRef::Any { text, .. } | GitRef::Revision(text) => text,
            GitRef::Commit(commit) | GitRef::BranchCommit { commit, .. }
                if *commit == artifact.revision.commit() =>
            {
                return Ok(artifact);
            }
            GitRef::Commit(_) | GitRef::BranchCommit { .. } | GitRef::Semver(_) => {
                return Err(SourceError::RefNotFound {
                    url: self.folder.path().display().to_string(),
                    reference: format!(
                        "{wanted} (this folder stands in for the repository, at its last commit only)"
                    ),
                });
            }
        };
        if self.follow == Follow::Commits {
            artifact.revision = Revision::git(name, artifact.revision.commit());
        }
        Ok(artifact)
    }
}

/// The addresses of a checkout's remotes.
fn remotes(folder: &LocalFolder) -> Vec<GitUrl> {
    if !folder.is_checkout() {
        return Vec::new();
    }
    let Ok(repository) = gix::discover(folder.path()) else { return Vec::new() };
    let names = repository.remote_names();
    let urls = names.iter().filter_map(|name| {
        let remote = repository.find_remote(&**name).ok()?;
        let url = remote.url(gix::remote::Direction::Fetch)?.to_bstring().to_string();
        GitUrl::parse(&url).ok()
    });
    urls.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_says_what_it_stands_in_for() {
        let root = std::env::temp_dir().join(format!("holdfast-workspace-{}", std::process::id()));
        std::fs::create_dir_all(root.join("fleet")).unwrap();
        std::fs::create_dir_all(root.join("other")).unwrap();
        std::fs::write(root.join("fleet/a.yaml"), "a: 1\n").unwrap();
        std::fs::write(
            root.join("fleet").join(SOURCES_FILE),
            "sources:\n  https://x.io/fleet: .\n  https://x.io/o: ../other\n",
        )
        .unwrap();
        let workspace = Workspace::open(&root.join("fleet"), false, &[], &Limits::default()).unwrap();
        assert!(workspace.follows_files());
        let served: Vec<_> = workspace.served().map(GitUrl::key).collect();
        assert_eq!(served.len(), 2, "{served:?}");
        assert!(workspace.artifact().unwrap().tree.read("a.yaml").is_ok());
        std::fs::write(root.join("fleet").join(SOURCES_FILE), "sources: [1]\n").unwrap();
        let error = Workspace::open(&root.join("fleet"), false, &[], &Limits::default()).err().unwrap();
        assert!(error.to_string().contains("'sources' must map URLs to folders"), "{error}");
        std::fs::remove_dir_all(&root).unwrap();
    }
}
