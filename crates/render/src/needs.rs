//! What a render asks for, and the answers.

use bytes::Bytes;
use holdfast_kustomize::without_password;
use holdfast_tree::{FileTree, HashedTree, MemoryTree};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Something that a render cannot do without and that only its caller can get.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// The files of another Git repository, from its root. Answered with [`Content::Tree`].
    Git {
        /// The repository's URL.
        url: String,
        /// Branch, tag, full reference or commit; empty is the default branch.
        reference: String,
        /// Whether submodules are wanted too.
        submodules: bool,
    },
    /// A file at a URL. Answered with [`Content::Bytes`].
    Http {
        /// The URL.
        url: String,
    },
    /// A chart. Answered with its archive as [`Content::Bytes`], or its folder as [`Content::Tree`].
    Chart {
        /// The repository's URL; `oci://` for a registry.
        repository: String,
        /// The chart's name.
        name: String,
        /// The version or range; empty is the newest release.
        version: String,
    },
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git { url, reference, .. } if reference.is_empty() => {
                write!(f, "repository {}", without_password(url))
            }
            Self::Git { url, reference, .. } => {
                write!(f, "repository {} at {reference}", without_password(url))
            }
            Self::Http { url } => f.write_str(&without_password(url)),
            Self::Chart { repository, name, version } if version.is_empty() => {
                write!(f, "chart {name} of {}", without_password(repository))
            }
            Self::Chart { repository, name, version } => {
                write!(f, "chart {name} {version} of {}", without_password(repository))
            }
        }
    }
}

/// What was found for a need.
#[derive(Clone)]
pub struct Answer {
    /// The files or the file.
    pub content: Content,
    /// A digest of the content: equal digests mean equal content.
    pub digest: String,
}

/// The content of an answer.
#[derive(Clone)]
pub enum Content {
    /// A folder with everything below it.
    Tree(Arc<dyn FileTree>),
    /// One file: the body of a response, or an archive.
    Bytes(Bytes),
}

impl Answer {
    /// How many bytes the answer holds in memory; a tree's files are elsewhere.
    pub fn bytes(&self) -> u64 {
        match &self.content {
            Content::Tree(_) => 0,
            Content::Bytes(bytes) => bytes.len() as u64,
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("digest", &self.digest).finish_non_exhaustive()
    }
}

/// Answers by need; a need that cannot be met is answered with the reason.
#[derive(Debug, Clone, Default)]
pub struct Provided {
    answers: BTreeMap<Need, Result<Answer, String>>,
}

impl Provided {
    /// No answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a need.
    pub fn answer(&mut self, need: Need, answer: Answer) {
        self.answers.insert(need, Ok(answer));
    }

    /// Says why a need cannot be met. The render then fails at the place that asked for it, or goes on without where
    /// it can: a URL that is no file may be a repository.
    pub fn failed(&mut self, need: Need, why: impl Into<String>) {
        self.answers.insert(need, Err(why.into()));
    }

    /// The answer to a need, the reason why there is none, or `None` when nobody looked.
    pub fn get(&self, need: &Need) -> Option<Result<&Answer, &str>> {
        self.answers.get(need).map(|answer| answer.as_ref().map_err(String::as_str))
    }

    /// Every answer.
    pub fn iter(&self) -> impl Iterator<Item = (&Need, Result<&Answer, &str>)> {
        self.answers.iter().map(|(need, answer)| (need, answer.as_ref().map_err(String::as_str)))
    }

    /// The digest of the answer to a need, where it was met.
    pub fn digest(&self, need: &Need) -> Option<&str> {
        self.get(need)?.ok().map(|answer| answer.digest.as_str())
    }

    /// The answers as the Kustomize crate takes them.
    pub fn for_kustomize(&self) -> holdfast_kustomize::Provided {
        let mut provided = holdfast_kustomize::Provided::new();
        for (need, answer) in self.iter() {
            let asked = kustomize_need(need);
            match (asked, answer.and_then(|answer| usable(need, &answer.content))) {
                (asked, Err(why)) => provided.failed(asked, why),
                (holdfast_kustomize::Need::Git(source), Ok(Content::Tree(tree))) => {
                    provided.git(source, tree);
                }
                (holdfast_kustomize::Need::Chart(source), Ok(Content::Tree(tree))) => {
                    provided.chart(source, tree);
                }
                (holdfast_kustomize::Need::Http { url }, Ok(Content::Bytes(body))) => {
                    provided.http(url, body);
                }
                (asked, Ok(_)) => provided.failed(asked, "the answer is of another kind than the need"),
            }
        }
        provided
    }
}

/// An answer's content in the form that the Kustomize crate reads: charts are folders to it.
fn usable(need: &Need, content: &Content) -> Result<Content, &'static str> {
    match (need, content) {
        (Need::Chart { .. }, Content::Bytes(archive)) => chart_folder(archive)
            .map(|tree| Content::Tree(Arc::new(tree)))
            .map_err(|_| "the archive is no chart"),
        (_, content) => Ok(content.clone()),
    }
}

/// A chart's archive as the folder it was packed from, with hashes, so that renders of it can be remembered.
///
/// # Errors
/// Why it is no chart, or too large for one.
pub fn chart_folder(archive: &[u8]) -> Result<HashedTree, String> {
    let files = holdfast_helm::chart::unpack(archive, holdfast_helm::chart::Limits::helm());
    let mut tree = MemoryTree::new();
    for file in files.map_err(|e| e.to_string())? {
        tree.insert(&file.name, file.data);
    }
    Ok(HashedTree::new(tree))
}

impl From<holdfast_kustomize::Need> for Need {
    fn from(need: holdfast_kustomize::Need) -> Self {
        match need {
            holdfast_kustomize::Need::Git(source) => {
                Self::Git { url: source.repo, reference: source.reference, submodules: source.submodules }
            }
            holdfast_kustomize::Need::Http { url } => Self::Http { url },
            holdfast_kustomize::Need::Chart(chart) => {
                Self::Chart { repository: chart.repo, name: chart.name, version: chart.version }
            }
        }
    }
}

impl From<holdfast_helm::chart::Missing> for Need {
    fn from(missing: holdfast_helm::chart::Missing) -> Self {
        Self::Chart { repository: missing.repository, name: missing.name, version: missing.version }
    }
}

fn kustomize_need(need: &Need) -> holdfast_kustomize::Need {
    match need.clone() {
        Need::Git { url, reference, submodules } => {
            holdfast_kustomize::Need::Git(holdfast_kustomize::GitSource { repo: url, reference, submodules })
        }
        Need::Http { url } => holdfast_kustomize::Need::Http { url },
        Need::Chart { repository, name, version } => {
            holdfast_kustomize::Need::Chart(holdfast_kustomize::ChartSource {
                repo: repository,
                name,
                version,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_shows_no_password() {
        let git =
            |url: &str| Need::Git { url: url.into(), reference: "v1".into(), submodules: true }.to_string();
        assert_eq!(git("https://me:geheim@host/a"), "repository https://me@host/a at v1");
        assert_eq!(git("git@host:org/a.git"), "repository git@host:org/a.git at v1");
        let http = Need::Http { url: "https://:token@host/a@b.yaml".into() };
        assert_eq!(http.to_string(), "https://@host/a@b.yaml");
    }
}
