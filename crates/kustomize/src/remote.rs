//! What a build cannot have by itself: files behind URLs. The build names what it needs and is run again with the
//! answers.

use bytes::Bytes;
use holdfast_tree::FileTree;
use std::collections::HashMap;
use std::sync::Arc;

/// A Git repository at a reference, as a kustomization names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GitSource {
    /// What to clone: `https://github.com/org/repo`, `git@host:org/repo.git`, ….
    pub repo: String,
    /// Branch, tag or commit; empty for the default branch.
    pub reference: String,
    /// Whether submodules are wanted (`submodules=false` in the URL turns them off).
    pub submodules: bool,
}

/// Something a build must be given before it can go on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Need {
    /// The tree of a Git repository, from its root.
    Git(GitSource),
    /// The body of an HTTP(S) resource.
    Http {
        /// The URL as written.
        url: String,
    },
    /// A chart that `helmCharts` names and the tree does not hold.
    Chart(ChartSource),
}

/// A chart in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChartSource {
    /// The repository's URL; `oci://` for a registry.
    pub repo: String,
    /// The chart's name.
    pub name: String,
    /// The version or range; empty for the newest.
    pub version: String,
}

/// Answers to a build's [`Need`]s.
#[derive(Clone, Default)]
pub struct Provided {
    git: HashMap<GitSource, Result<Arc<dyn FileTree>, String>>,
    http: HashMap<String, Result<Bytes, String>>,
    charts: HashMap<ChartSource, Result<Arc<dyn FileTree>, String>>,
}

impl std::fmt::Debug for Provided {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provided")
            .field("git", &self.git.keys().collect::<Vec<_>>())
            .field("http", &self.http.keys().collect::<Vec<_>>())
            .field("charts", &self.charts.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl Provided {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers a Git need with the repository's tree.
    pub fn git(&mut self, source: GitSource, tree: Arc<dyn FileTree>) {
        self.git.insert(source, Ok(tree));
    }

    /// Answers an HTTP need with the body of a 2xx response.
    pub fn http(&mut self, url: impl Into<String>, body: impl Into<Bytes>) {
        self.http.insert(url.into(), Ok(body.into()));
    }

    /// Answers a chart need with the chart's folder.
    pub fn chart(&mut self, source: ChartSource, tree: Arc<dyn FileTree>) {
        self.charts.insert(source, Ok(tree));
    }

    /// Answers a need with the reason it cannot be met; the build then fails at the place that asked for it.
    ///
    /// An HTTP failure for a URL that may also name a Git repository makes the build ask for the repository.
    pub fn failed(&mut self, need: Need, why: impl Into<String>) {
        match need {
            Need::Git(source) => {
                self.git.insert(source, Err(why.into()));
            }
            Need::Http { url } => {
                self.http.insert(url, Err(why.into()));
            }
            Need::Chart(source) => {
                self.charts.insert(source, Err(why.into()));
            }
        }
    }

    pub(crate) fn git_tree(&self, source: &GitSource) -> Option<Result<&dyn FileTree, &str>> {
        Some(match self.git.get(source)? {
            Ok(tree) => Ok(tree.as_ref()),
            Err(why) => Err(why),
        })
    }

    pub(crate) fn chart_tree(&self, source: &ChartSource) -> Option<Result<&dyn FileTree, &str>> {
        Some(match self.charts.get(source)? {
            Ok(tree) => Ok(tree.as_ref()),
            Err(why) => Err(why),
        })
    }

    pub(crate) fn http_body(&self, url: &str) -> Option<Result<&Bytes, &str>> {
        Some(match self.http.get(url)? {
            Ok(body) => Ok(body),
            Err(why) => Err(why),
        })
    }
}

/// An address as it may be shown: a password before the host is left out.
pub fn without_password(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    match url[start..end].rfind('@') {
        Some(at) => {
            let user = url[start..start + at].split(':').next().unwrap_or_default();
            format!("{}{user}{}", &url[..start], &url[start + at..])
        }
        None => url.to_owned(),
    }
}

/// True for `http://` and `https://`.
pub(crate) fn is_http(path: &str) -> bool {
    let lower = path.get(..8).unwrap_or(path).to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://")
}

/// A kustomization's URL of a folder in a Git repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepoUrl {
    pub(crate) source: GitSource,
    /// The folder inside the repository.
    pub(crate) path: String,
    /// True when nothing but Git can be meant, so that no HTTP request is worth trying.
    pub(crate) only_git: bool,
}

impl RepoUrl {
    /// Reads the shapes kustomize accepts; `None` for anything else (a local path).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.starts_with('/') {
            return None;
        }
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let (host, rest) = split_host(address)?;
        let (repo, path, marked) = split_repo(&rest, host.starts_with("file://"))?;
        if repo.is_empty() || holdfast_tree::normalize(&path).is_none() {
            return None;
        }
        let (reference, submodules) = read_query(query);
        let known_host = ["github.com", "gitlab.com", "bitbucket.org"].iter().any(|h| host.contains(h));
        let only_git = marked || known_host || !reference.is_empty() || !is_http(&host);
        let source = GitSource { repo: format!("{host}{repo}"), reference, submodules };
        Some(Self { source, path: path.trim_start_matches('/').to_owned(), only_git })
    }
}

fn read_query(query: &str) -> (String, bool) {
    let mut reference = String::new();
    let mut version = String::new();
    let mut submodules = true;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
        match key {
            "ref" if reference.is_empty() => reference = value,
            "version" if version.is_empty() => version = value,
            "submodules" => {
                submodules = !matches!(value.as_str(), "0" | "f" | "F" | "false" | "False" | "FALSE")
            }
            _ => {}
        }
    }
    (if reference.is_empty() { version } else { reference }, submodules)
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    text.get(..prefix.len()).filter(|p| p.eq_ignore_ascii_case(prefix)).map(|_| &text[prefix.len()..])
}

fn split_host(text: &str) -> Option<(String, String)> {
    let text = strip_prefix_ignoring_case(text, "git::").unwrap_or(text);
    let scheme = ["ssh://", "https://", "http://", "file://"]
        .into_iter()
        .find(|s| strip_prefix_ignoring_case(text, s).is_some())
        .unwrap_or("");
    let rest = &text[scheme.len()..];
    let user = user_of(rest);
    let rest = &rest[user.len()..];
    let lower = rest.to_ascii_lowercase();
    let github = lower.starts_with("github.com/") || lower.starts_with("github.com:");
    let scp = scheme.is_empty() && (!user.is_empty() || github);
    if scheme.is_empty() && !scp {
        return None;
    }
    if scheme == "file://" {
        return Some((scheme.into(), format!("{user}{rest}")));
    }
    let slash = rest.find('/');
    let colon = rest.find(':').filter(|at| *at > 0);
    let at = match (slash, colon) {
        (Some(slash), Some(colon)) if scp => Some(slash.min(colon)),
        (None, Some(colon)) if scp => Some(colon),
        (slash, _) => slash,
    };
    let (host, path) = at.map_or((rest, ""), |at| (&rest[..=at], &rest[at + 1..]));
    if host.is_empty() {
        return None;
    }
    if github {
        let by_ssh = scheme == "ssh://" || !user.is_empty();
        let host = if by_ssh { format!("{user}github.com:") } else { "https://github.com/".to_owned() };
        return Some((host, path.to_owned()));
    }
    Some((format!("{scheme}{user}{host}"), path.to_owned()))
}

/// `user@` at the start, or `""`.
fn user_of(text: &str) -> &str {
    let Some(at) = text.find('@') else { return "" };
    let name = &text[..at];
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') { &text[..=at] } else { "" }
}

/// Repository path, folder inside it, and whether a marker (`_git/`, `//`, `.git`) said where one ends.
fn split_repo(text: &str, whole: bool) -> Option<(String, String, bool)> {
    if let Some(at) = text.find("_git/") {
        let after = &text[at + 5..];
        let (name, path) = after.split_once('/').unwrap_or((after, ""));
        return Some((format!("{}{name}", &text[..at + 5]), path.into(), true));
    }
    if let Some(at) = text.find("//") {
        return Some((text[..at].into(), text[at + 2..].into(), true));
    }
    if let Some(at) = text.find(".git") {
        return Some((text[..at + 4].into(), text[at + 4..].into(), true));
    }
    if whole {
        return Some((text.into(), String::new(), true));
    }
    let mut parts = text.splitn(3, '/');
    let (org, name) = (parts.next()?, parts.next()?);
    Some((format!("{org}/{name}"), parts.next().unwrap_or("").into(), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_urls_are_read_as_kustomize_reads_them() {
        let check = |text: &str, expected: Option<(&str, &str, &str)>| {
            let found = RepoUrl::parse(text);
            let found = found
                .as_ref()
                .map(|u| (u.source.repo.as_str(), u.path.as_str(), u.source.reference.as_str()));
            assert_eq!(found, expected, "{text}");
        };
        check(
            "https://github.com/org/repo//deploy?ref=v1.2&timeout=10s",
            Some(("https://github.com/org/repo", "deploy", "v1.2")),
        );
        check("github.com/org/repo/a/b?version=x", Some(("https://github.com/org/repo", "a/b", "x")));
        check(
            "git@github.com:org/repo.git/a",
            Some(("git@github.com:org/repo.git", "/a".trim_start_matches('/'), "")),
        );
        check("ssh://git@host.com/org/repo/a", Some(("ssh://git@host.com/org/repo", "a", "")));
        check("https://host/x/_git/repo/a/b", Some(("https://host/x/_git/repo", "a/b", "")));
        check("file:///srv/repo", Some(("file:///srv/repo", "", "")));
        check("../base", None);
        check("base/dir", None);
        check("/abs", None);
        check("https://github.com/org/repo//../../x", None);
    }
}
